import numpy as np
import pytest
from PIL import Image

import nst_numpy as nst
from nst_numpy.errors import ImageError
from nst_numpy.pictures.images import FORMATS, save_image
from nst_numpy.pictures.metadata import MOST_LETTERS, describe_file, read_exif, read_profile
from tests.pictures.made import halves
from tests.pictures.test_colours import profile

Image.init()
HOLDING = [s for s, (kind, _) in FORMATS.items() if kind in Image.SAVE and kind != "BMP"]
COMMAND = "nst transfer 'Gemälde 1.jpg' 星月夜.png -o a.png"
EXPOSURE = {0x9003: "2026:01:02 03:04:05", 0x829A: (1, 250)}
PLACE = {1: "N", 2: (48.0, 8.0, 15.0)}


def photograph(path):
    """Write what a phone writes: how it was held, when, with what, where, and blocks of its own."""
    exif = Image.Exif()
    exif.update({0x0112: 6, 0x010F: "A camera", 0x010E: "a cat", 0x0131: "its program"})
    exif[0x8769] = EXPOSURE | {0x927C: b"the maker's own", 0xA002: 9999, 0xA003: 9999}
    exif[0x8825] = PLACE
    Image.fromarray(halves()).save(path, exif=exif.tobytes())
    return path


def exif_of(path):
    with Image.open(path) as picture:
        exif = picture.getexif()
        return exif, dict(exif.get_ifd(0x8769)), dict(exif.get_ifd(0x8825))


def both_depths(suffix):
    yield halves()
    if suffix in (".png", ".tif", ".tiff"):
        yield halves().astype(np.uint16) * 257


@pytest.mark.parametrize("suffix", HOLDING)
def test_a_file_says_which_command_painted_it(tmp_path, suffix):
    for image in both_depths(suffix):
        save_image(tmp_path / f"a{suffix}", image, comment=COMMAND)
        assert describe_file(tmp_path / f"a{suffix}")["comment"] == COMMAND
        assert describe_file(tmp_path / f"a{suffix}")["by"] == f"nst_numpy {nst.__version__}"


@pytest.mark.parametrize("suffix", FORMATS)
def test_nothing_is_said_that_was_not_asked_for(tmp_path, suffix):
    if FORMATS[suffix][0] not in Image.SAVE:
        pytest.skip("this Pillow does not write it")
    for image in both_depths(suffix):
        save_image(tmp_path / f"a{suffix}", image)
        about = describe_file(tmp_path / f"a{suffix}")
        assert (about["comment"], about["exif"]) == (None, False)
        assert b"nst" not in (tmp_path / f"a{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", HOLDING)
@pytest.mark.parametrize("comment", [None, COMMAND])
def test_exif_goes_along_without_what_is_no_longer_true(tmp_path, suffix, comment):
    exif = read_exif(photograph(tmp_path / "photo.jpg"))
    for image in both_depths(suffix):
        save_image(tmp_path / f"a{suffix}", image, exif=exif, comment=comment)
        found, exposure, place = exif_of(tmp_path / f"a{suffix}")
        assert found[0x010F] == "A camera"
        assert found.get(0x0112, 1) == 1
        assert exposure[0x9003] == EXPOSURE[0x9003]
        assert not {0x927C, 0xA002, 0xA003} & set(exposure)
        assert place == PLACE
        assert describe_file(tmp_path / f"a{suffix}")["comment"] == comment
        assert b"the maker's own" not in (tmp_path / f"a{suffix}").read_bytes()


def test_exif_that_is_broken_is_none(tmp_path):
    cut = b"Exif\0\0MM\0*\0\0\0\x08\0\x02\x01\x12"
    for data in (cut, b"Exif\0\0nonsense"):
        Image.new("RGB", (4, 4)).save(tmp_path / "a.jpg", exif=data)
        assert len(read_exif(tmp_path / "a.jpg")) == 0
        assert describe_file(tmp_path / "a.jpg")["width"] == 4


def test_a_long_command_is_cut_and_a_broken_name_is_escaped(tmp_path):
    for suffix in (".png", ".jpg"):
        save_image(tmp_path / f"a{suffix}", halves(), comment="nst \udce9\0 " + "x" * 10**6)
        text = describe_file(tmp_path / f"a{suffix}")["comment"]
        assert text.startswith("nst \\udce9 xxx")
        assert text.endswith("x …")
        assert len(text) == MOST_LETTERS


def test_what_a_file_is(tmp_path):
    save_image(tmp_path / "a.png", np.zeros((3, 5, 4), np.uint16))
    assert describe_file(tmp_path / "a.png") == {
        "format": "PNG", "width": 5, "height": 3, "mode": "RGBA", "depth": 16,
        "transparent": True, "animated": False, "profile": "sRGB built-in", "exif": False,
        "comment": None, "by": None,
    }  # fmt: skip
    save_image(tmp_path / "a.tif", np.zeros((3, 5, 3), np.uint16), profile="none")
    about = describe_file(tmp_path / "a.tif")
    assert (about["depth"], about["profile"], about["transparent"]) == (16, None, False)
    Image.new("1", (2, 2)).save(tmp_path / "b.tif")
    assert describe_file(tmp_path / "b.tif")["depth"] == 1
    Image.fromarray(np.zeros((2, 2), np.uint16)).save(tmp_path / "g.png")
    assert describe_file(tmp_path / "g.png")["depth"] == 16


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_sizes_are_those_of_the_picture_held_upright(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(halves()).save(tmp_path / f"a{suffix}", exif=exif)
    about = describe_file(tmp_path / f"a{suffix}")
    assert (about["width"], about["height"]) == (8, 16)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_is_called_one(tmp_path, kind):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a", kind, save_all=True, append_images=frames[1:])
    assert describe_file(tmp_path / "a")["animated"]
    assert nst.load_image(tmp_path / "a")[0, 0, 0] > 240
    frames[0].save(tmp_path / "a", kind)
    assert not describe_file(tmp_path / "a")["animated"]


def test_a_profile_is_read_and_named(tmp_path):
    Image.fromarray(halves()).save(tmp_path / "a.png", icc_profile=profile())
    assert read_profile(tmp_path / "a.png") == profile()
    assert describe_file(tmp_path / "a.png")["profile"] == "wide"
    Image.fromarray(halves()).save(tmp_path / "b.png")
    assert read_profile(tmp_path / "b.png") == b""


@pytest.mark.parametrize("read", [describe_file, read_exif, read_profile])
def test_what_is_no_picture_is_refused(tmp_path, read):
    (tmp_path / "a.png").write_text("no picture", "utf-8")
    with pytest.raises(ImageError, match="is not a picture that can be read: save it as PNG"):
        read(tmp_path / "a.png")
