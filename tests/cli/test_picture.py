import numpy as np
from PIL import Image

from nst_numpy.pictures.images import save_image
from tests.cli.conftest import nst, one_line
from tests.pictures.made import halves
from tests.pictures.test_metadata import photograph


def test_a_file_is_described_in_a_line_and_its_command_in_the_next(capsys):
    photograph("photo.jpg")
    save_image("o.png", np.zeros((4, 6, 4), np.uint16), comment="nst transfer a b -o o.png")
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save("a.gif", save_all=True, append_images=frames[1:])
    assert nst("picture", "photo.jpg", "o.png", "a.gif") == 0
    assert capsys.readouterr().out.splitlines() == [
        "photo.jpg: JPEG, 8×16, 8 bits, no profile, with EXIF",
        "  a cat",
        "o.png: PNG, 6×4, 16 bits, transparent, sRGB built-in",
        "  nst transfer a b -o o.png",
        "a.gif: GIF, 4×4, 8 bits, animated, the first frame is read, no profile",
    ]


def test_a_sample_is_a_picture_too(capsys):
    assert nst("picture", "chelsea") == 0
    assert capsys.readouterr().out == "chelsea: JPEG, 451×300, 8 bits, no profile\n"


def test_the_command_alone(capsys):
    save_image("o.jpg", halves(), comment="nst transfer a b -o o.jpg")
    save_image("n.jpg", halves())
    assert nst("picture", "o.jpg", "--command") == 0
    assert capsys.readouterr() == ("nst transfer a b -o o.jpg\n", "")
    photograph("photo.jpg")  # it says that it is a cat, but not how it was painted
    assert nst("picture", "n.jpg", "o.jpg", "photo.jpg", "--command") == 1
    out, err = capsys.readouterr()
    assert out == "nst transfer a b -o o.jpg\n"
    assert err.splitlines() == [
        f"nst: {name} does not say which command painted it" for name in ("n.jpg", "photo.jpg")
    ]


def test_a_text_from_a_file_moves_no_cursor(capsys):
    save_image("o.png", halves(), comment="nst \x1b[2J\r\n\u202ea")
    assert nst("picture", "o.png", "--command") == 0
    assert capsys.readouterr().out == "nst \\x1b[2J \\u202ea\n"


def test_what_is_no_picture_is_refused(capsys):
    assert nst("picture", "chelsea", "missing.png") == 2
    assert "there is no file missing.png" in one_line(capsys)
