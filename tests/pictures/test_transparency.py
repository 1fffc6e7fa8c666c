import numpy as np
import pytest
from PIL import Image

from nst_numpy.errors import ShapeError
from nst_numpy.pictures import load_image
from nst_numpy.pictures.transparency import extend_colours, load_transparent, with_alpha
from tests.pictures.made import halves
from tests.pictures.test_colours import by_hand, profile
from tests.pictures.test_decoding import png_with_key

RED, CLEAR = (200, 30, 40, 255), (0, 0, 0, 0)


def disc(size=32):
    """A red disc on clear black."""
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
    inside = np.hypot(rows, columns) < size / 3
    return np.where(inside[..., None], RED, CLEAR).astype(np.uint8)


@pytest.mark.parametrize("size", [None, 8, 50])
def test_no_pixel_has_the_colour_of_what_is_clear(tmp_path, size):
    Image.fromarray(disc()).save(tmp_path / "a.png")
    rgba = load_transparent(tmp_path / "a.png", size)
    assert np.abs(rgba[..., :3].astype(int) - RED[:3]).max() <= 2
    assert rgba[0, 0, 3] == 0
    middle = rgba.shape[0] // 2
    assert rgba[middle, middle, 3] > 240
    assert load_image(tmp_path / "a.png", size)[0, 0].tolist() == [255] * 3  # and it is on white


def test_the_nearest_colour_is_taken():
    left, right = (10, 20, 30, 255), (40, 50, 60, 200)
    row = np.array([[left, CLEAR, CLEAR, CLEAR, CLEAR, right]], np.uint8)
    extended = extend_colours(row)
    assert extended[0, :, 0].tolist() == [10, 10, 10, 40, 40, 40]
    assert np.array_equal(extended[..., 3], row[..., 3])


def test_a_picture_that_is_faint_everywhere_keeps_its_colours():
    faint = np.array([[(9, 9, 9, 20), (50, 60, 70, 40), CLEAR]], np.uint8)
    assert extend_colours(faint)[0, 1:, 0].tolist() == [50, 50]


def test_a_picture_that_is_clear_everywhere_is_white():
    assert extend_colours(np.zeros((2, 2, 4), np.uint8))[..., :3].min() == 255


def test_a_picture_without_transparency_is_solid(tmp_path):
    Image.fromarray(halves()).save(tmp_path / "a.png")
    rgba = load_transparent(tmp_path / "a.png")
    assert np.array_equal(rgba[..., :3], halves())
    assert rgba[..., 3].min() == 255


@pytest.mark.parametrize("colour", [0, 2], ids=["grey", "RGB"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_colour_that_stands_for_transparent_is_clear(tmp_path, colour, bits):
    other = 50 if bits == 8 else 12850
    (tmp_path / "a.png").write_bytes(png_with_key(bits, colour, 40, other))
    assert load_transparent(tmp_path / "a.png")[0].tolist() == [[50, 50, 50, 0], [50, 50, 50, 255]]


@pytest.mark.parametrize("mode", ["P", "PA", "LA", "RGBA"])
def test_every_mode_with_transparency_is_read(tmp_path, mode):
    if mode == "P":
        picture = Image.new("P", (2, 1), 0)
        picture.putpalette([*RED[:3], 9, 9, 9])
        picture.putpixel((1, 0), 1)
        picture.info["transparency"] = 1
    else:
        pixels = np.array([[RED, (*RED[:3], 0)]], np.uint8)
        picture = Image.fromarray(pixels).convert("RGBA" if mode == "PA" else mode)
    picture.save(tmp_path / "a.png")
    assert load_transparent(tmp_path / "a.png")[0, :, 3].tolist() == [255, 0]


def test_colours_and_orientation_are_those_of_load_image(tmp_path):
    pixels = np.dstack([halves(), np.full((8, 16), 255, np.uint8)])
    pixels[:, 8:, 3] = 0
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=profile(), exif=exif)
    rgba = load_transparent(tmp_path / "a.png")
    assert rgba.shape == (16, 8, 4)
    assert np.abs(rgba[..., :3] - by_hand((255, 0, 0))).max() <= 2
    assert (rgba[:8, :, 3] == 255).all()
    assert (rgba[8:, :, 3] == 0).all()


def test_alpha_goes_to_pictures_of_8_and_16_bits():
    image, alpha = halves(), np.full((8, 16), 51, np.uint8)
    assert with_alpha(image, alpha)[0, 0].tolist() == [255, 0, 0, 51]
    deep = with_alpha(image.astype(np.uint16) * 257, alpha)
    assert deep.dtype == np.uint16
    assert deep[0, 0].tolist() == [65535, 0, 0, 51 * 257]
    with pytest.raises(ShapeError, match=r"with_alpha: the picture has shape .*, alpha \(8, 8\)"):
        with_alpha(image, alpha[:, :8])
