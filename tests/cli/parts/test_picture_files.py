import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from nst_numpy.cli.parts.picture_files import PictureFile, command_line
from nst_numpy.pictures import load_image
from nst_numpy.pictures.metadata import describe_file
from nst_numpy.pictures.samples import sample_path
from nst_numpy.style_transfer import Run
from tests.cli.conftest import QUICK, nst, one_line
from tests.pictures.test_colours import grey_profile, profile
from tests.pictures.test_metadata import exif_of, photograph
from tests.pictures.test_sixteen_bits import pixels_of_png, pixels_of_tiff

PAINT = ["starry_night", *QUICK, "--iterations", "1", "--quiet"]


def paint(photo, output, *words):
    return nst("transfer", photo, *PAINT, "-o", output, *words)


def cut_out(path):
    """Write a photograph whose right half is clear, and the line between them half so."""
    image = load_image(sample_path("chelsea"), 60)
    alpha = np.full(image.shape[:2], 255, np.uint8)
    alpha[:, 30:] = 0
    Image.fromarray(np.dstack([image, alpha])).save(path)


def test_a_run_writes_16_real_bits(loaded):
    for name, read in (("o.png", pixels_of_png), ("o.tif", pixels_of_tiff)):
        assert paint("chelsea", name, "--depth", "16") == 0
        deep = read(Path(name).read_bytes())
        assert len(np.unique(deep % 257)) > 200  # between the levels of 8 bits
        assert paint("chelsea", "o8.png") == 0
        nearest = (deep.astype(int) + 128) // 257
        assert np.array_equal(nearest, load_image("o8.png"))


def test_what_is_transparent_stays_so(loaded):
    cut_out("cut.png")
    assert paint("cut.png", "o.png", "--keep-transparency") == 0
    assert paint("cut.png", "o.tif", "--keep-transparency", "--depth", "16") == 0
    with Image.open("o.png") as picture:
        assert picture.mode == "RGBA"
        alpha = np.asarray(picture)[..., 3]
    assert (alpha[:, :14] > 250).all()
    assert (alpha[:, 18:] < 5).all()
    assert np.array_equal(pixels_of_tiff(Path("o.tif").read_bytes())[..., 3] // 257, alpha)
    assert paint("cut.png", "white.png") == 0
    with Image.open("white.png") as picture:
        assert picture.mode == "RGB"


def test_a_photograph_without_holes_has_none_in_the_picture(loaded):
    for name in ("o.png", "o.jpg"):
        assert paint("chelsea", name, "--keep-transparency") == 0
    with Image.open("o.png") as picture:
        assert picture.mode == "RGB"


def test_the_profile_of_the_photograph_is_kept(loaded):
    image = load_image(sample_path("chelsea"), 40)
    Image.fromarray(image).save("wide.png", icc_profile=profile())
    assert paint("wide.png", "o.png", "--profile", "keep") == 0
    assert paint("wide.png", "s.png") == 0
    assert describe_file("o.png")["profile"] == "wide"
    assert describe_file("s.png")["profile"] == "sRGB built-in"
    assert np.abs(load_image("o.png").astype(int) - load_image("s.png")).max() <= 3
    with Image.open("o.png") as kept, Image.open("s.png") as srgb:
        assert np.abs(np.asarray(kept).astype(int) - np.asarray(srgb)).max() > 5


def test_exif_is_kept_only_if_it_is_asked_for(loaded):
    photograph("photo.jpg")
    assert paint("photo.jpg", "o.jpg", "--keep-exif") == 0
    assert paint("photo.jpg", "n.jpg") == 0
    found, exposure, place = exif_of("o.jpg")
    assert found[0x010F] == "A camera"
    assert exposure
    assert place
    assert 0x0112 not in found
    assert load_image("o.jpg").shape == (32, 16, 3)  # upright
    found, exposure, place = exif_of("n.jpg")
    assert 0x010F not in found
    assert not exposure
    assert not place


def test_what_goes_along_is_read_before_the_run(loaded, monkeypatch):
    photograph("photo.jpg")

    def lose(run):
        for name in ("photo.jpg", "cut.png"):
            Path(name).unlink(missing_ok=True)

    monkeypatch.setattr(Run, "estimate", lose)  # the pictures have been read then
    assert paint("photo.jpg", "o.jpg", "--keep-exif") == 0
    cut_out("cut.png")
    assert paint("cut.png", "o.png", "--keep-transparency") == 0
    assert not Path("photo.jpg").exists()
    assert exif_of("o.jpg")[0][0x010F] == "A camera"
    with Image.open("o.png") as picture:
        assert picture.mode == "RGBA"


def test_the_file_holds_the_command_or_not(loaded, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert paint("chelsea", tmp_path / "o.jpg", "--quality", "40") == 0
    place = f"~{os.sep}o.jpg"
    assert describe_file("o.jpg")["comment"] == command_line(
        ["transfer", "chelsea", *PAINT, "-o", place, "--quality", "40"]
    )
    assert paint("chelsea", "n.jpg", "--no-metadata") == 0
    assert describe_file("n.jpg")["comment"] is None
    assert b"nst" not in Path("n.jpg").read_bytes()


def test_a_dream_and_a_reconstruction_hold_theirs(loaded):
    quick = ["--size", "32", "--iterations", "1", "--quiet"]
    assert nst("dream", "relu1_1", "3", *quick, "-o", "d.webp", "--quality", "30") == 0
    assert describe_file("d.webp")["comment"].startswith("nst dream relu1_1 3 --size 32")
    words = ["reconstruct", "chelsea", "--content", "relu1_1", *quick]
    assert nst(*words, "-o", "r.png", "--no-metadata") == 0
    assert describe_file("r.png")["comment"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "o.jpg", "--depth", "16"], "JPEG has 8 bits a colour: for 16 use .png or .tif"),
        (["-o", "o.png", "--quality", "90"], "PNG keeps every pixel and has no quality"),
        (["-o", "o.jpg", "--quality", "900"], "quality must be a whole number from 1 to 100"),
        (["-o", "o.jpg", "--keep-transparency"], "JPEG cannot be transparent: use .png"),
        (["-o", "o.png", "--profile", "keep"], "cut.png has no colour profile: leave out"),
    ],
)
def test_what_cannot_be_is_found_before_the_work(no_work, capsys, words, message):
    cut_out("cut.png")
    assert nst("transfer", "cut.png", "starry_night", *words) == 2
    assert message in one_line(capsys)


def test_a_profile_of_grey_is_not_kept(no_work, capsys):
    Image.new("L", (40, 40), 99).save("g.png", icc_profile=grey_profile())
    assert nst("transfer", "g.png", "starry_night", "-o", "o.png", "--profile", "keep") == 2
    assert "g.png has a colour profile, but none of RGB: leave out" in one_line(capsys)


def test_a_picture_that_is_kept_elsewhere_is_written_as_png(tmp_path):
    args = SimpleNamespace(output="o.jpg", quality=30, no_metadata=True)
    file = PictureFile(args)
    file.save(tmp_path / "o-kept.png", np.zeros((2, 2, 3), np.uint8))
    assert load_image(tmp_path / "o-kept.png").shape == (2, 2, 3)


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("{home}/a.png", "'~/a.png'"),
        ("--output={home}/a.png", "'--output=~/a.png'"),
        ("{home}", "'~'"),
        ("{home}2/a.png", "{home}2/a.png"),
        ("/mnt{home}/a.png", "/mnt{home}/a.png"),
        ("it's", "'it'\"'\"'s'"),
    ],
)
def test_a_command_does_not_tell_whose_home_it_was(monkeypatch, word, written):
    monkeypatch.setattr(Path, "home", lambda: Path("/home/anna"))
    home = "/home/anna"
    assert command_line([word.format(home=home)]) == f"nst {written.format(home=home)}"


def test_a_home_that_is_unknown_is_no_trouble(monkeypatch):
    def no_home():
        raise RuntimeError

    monkeypatch.setattr(Path, "home", no_home)
    assert command_line(["transfer", "a.png"]) == "nst transfer a.png"
