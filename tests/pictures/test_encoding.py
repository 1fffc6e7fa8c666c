import itertools

import numpy as np
import pytest
from PIL import Image, ImageCms

from nst_numpy.errors import NstError, OutputError, SettingError
from nst_numpy.pictures import load_image
from nst_numpy.pictures.colours import srgb_profile
from nst_numpy.pictures.images import FORMATS, check_image_output, save_image
from nst_numpy.pictures.samples import sample_path
from tests.pictures.made import halves, picture_of
from tests.pictures.test_colours import by_hand, profile

Image.init()
WRITABLE = [suffix for suffix, (kind, _) in FORMATS.items() if kind in Image.SAVE]
TRANSPARENT = [suffix for suffix in WRITABLE if suffix in (".png", ".webp", ".avif", ".tif")]
avif = pytest.mark.skipif("AVIF" not in Image.SAVE, reason="this Pillow writes no AVIF")


def kinds():
    """Each kind of picture that `save_image` takes, small."""
    image = picture_of(np.random.default_rng(0), 6, 9)
    alpha = np.arange(54, dtype=np.uint8).reshape(6, 9, 1) * 4
    for deep, clear in itertools.product((False, True), repeat=2):
        made = np.dstack([image, alpha]) if clear else image
        yield made.astype(np.uint16) * 257 if deep else made


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_is_written_or_the_remedy_is_named(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    for image in kinds():
        try:
            save_image(path, image, comment="made by a test")
        except NstError as error:
            refused = str(error)
        else:
            refused = ""
        assert path.exists() == (not refused)
        assert "use .png" in refused or load_image(path).shape == (6, 9, 3)
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("suffix", TRANSPARENT)
def test_transparency_is_written(tmp_path, suffix):
    image = np.dstack([halves(), np.full((8, 16), 255, np.uint8)])
    image[:, 8:, 3] = 0
    save_image(tmp_path / f"a{suffix}", image)
    with Image.open(tmp_path / f"a{suffix}") as picture:
        alpha = np.asarray(picture.convert("RGBA"))[..., 3]
    assert (alpha[:, :7] > 250).all()
    assert (alpha[:, 9:] < 5).all()


@pytest.mark.parametrize("suffix", [s for s in WRITABLE if s != ".bmp"])
def test_the_file_says_that_its_colours_are_srgb(tmp_path, suffix):
    save_image(tmp_path / f"a{suffix}", halves())
    save_image(tmp_path / f"b{suffix}", halves(), profile="none")
    with Image.open(tmp_path / f"a{suffix}") as picture:
        assert picture.info["icc_profile"] == srgb_profile()
    with Image.open(tmp_path / f"b{suffix}") as picture:
        assert "icc_profile" not in picture.info


@pytest.mark.parametrize("deep", [False, True])
def test_two_files_of_one_picture_are_the_same(tmp_path, deep):
    image = halves().astype(np.uint16) * 257 if deep else halves()
    for name in ("a.png", "b.png"):
        save_image(tmp_path / name, image, comment="nst")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_colours_go_to_a_profile_and_come_back(tmp_path):
    wide = np.array([[(120, 60, 70), (90, 140, 80), (90, 90, 90)]], np.uint8)
    srgb = np.rint([[by_hand(colour) for colour in wide[0]]]).astype(np.uint8)
    save_image(tmp_path / "a.png", srgb, profile=profile())
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.info["icc_profile"] == profile()
        assert np.abs(np.asarray(picture).astype(int) - wide).max() <= 2
    assert np.abs(srgb.astype(int) - wide).max() > 8  # the numbers are others
    assert np.abs(load_image(tmp_path / "a.png").astype(int) - srgb).max() <= 2


def test_transparency_stays_beside_a_profile(tmp_path):
    image = np.dstack([halves(), np.full((8, 16), 77, np.uint8)])
    save_image(tmp_path / "a.png", image, profile=profile())
    with Image.open(tmp_path / "a.png") as picture:
        assert set(np.unique(np.asarray(picture)[..., 3])) == {77}


@pytest.mark.parametrize("suffix", [s for s in (".jpg", ".webp", ".avif") if s in WRITABLE])
def test_less_quality_is_a_smaller_file(tmp_path, suffix):
    image = load_image(sample_path("chelsea"), 96)
    sizes = []
    for quality in (10, 60, None, 100):
        save_image(tmp_path / f"a{suffix}", image, quality=quality)
        sizes.append((tmp_path / f"a{suffix}").stat().st_size)
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 4


def lab():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("a.jpg", {"depth": 16}, OutputError, "JPEG has 8 bits a colour: for 16 use .png or .tif"),
        ("a.jpg", {"transparent": True}, OutputError, "JPEG cannot be transparent: use .png"),
        ("a.bmp", {"transparent": True}, OutputError, "BMP cannot be transparent: use .png"),
        ("a.png", {"depth": 12}, SettingError, "depth must be 8 or 16, not 12"),
        ("a.png", {"quality": 90}, SettingError, "PNG keeps every pixel and has no quality"),
        ("a.jpg", {"quality": 0}, SettingError, "from 1 to 100, not 0"),
        ("a.jpg", {"quality": 101}, SettingError, "from 1 to 100, not 101"),
        ("a.jpg", {"quality": True}, SettingError, "from 1 to 100, not True"),
        ("a.png", {"profile": "p3"}, SettingError, "profile must be srgb, none or the bytes"),
        ("a.png", {"profile": b"none"}, SettingError, "profile is no ICC profile of RGB: use srgb"),
        ("a.png", {"profile": lab()}, SettingError, "profile is no ICC profile of RGB: use srgb"),
        ("a.bmp", {"profile": profile()}, SettingError, "BMP has no place for a profile"),
        ("a.png", {"profile": profile(), "depth": 16}, SettingError, "16 bits go with"),
    ],
)
def test_what_cannot_be_written_is_found_before_the_run(tmp_path, name, options, error, message):
    with pytest.raises(error, match=message):
        check_image_output(tmp_path / name, **options)


@pytest.mark.parametrize(("suffix", "kind"), [(".avif", "AVIF"), (".webp", "WEBP")])
def test_a_pillow_without_a_format_says_so(tmp_path, monkeypatch, suffix, kind):
    monkeypatch.delitem(Image.SAVE, kind, raising=False)
    message = rf"a\{suffix}: this Pillow, .*, cannot write {kind}: pip install -U pillow, or use"
    for call in (check_image_output, lambda path: save_image(path, halves())):
        with pytest.raises(OutputError, match=message):
            call(tmp_path / f"a{suffix}")


@avif
def test_avif_is_close_to_the_picture(tmp_path):
    image = load_image(sample_path("chelsea"), 64)
    save_image(tmp_path / "a.avif", image)
    assert np.abs(load_image(tmp_path / "a.avif").astype(int) - image).mean() < 4
