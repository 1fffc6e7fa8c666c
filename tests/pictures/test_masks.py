import numpy as np
import pytest
from PIL import Image

from nst_numpy.errors import ImageError, SettingError, ShapeError
from nst_numpy.pictures.masks import mask_file, mask_name, read_mask, resize_mask


@pytest.fixture
def half(tmp_path):
    """A mask whose right half is white, with one grey pixel, as PNG."""
    values = np.zeros((4, 6), np.uint8)
    values[:, 3:], values[0, 0] = 255, 51
    Image.fromarray(values).save(tmp_path / "half.png")
    return tmp_path / "half.png", values / 255


def test_black_is_0_and_white_is_1_and_grey_between(half):
    path, values = half
    for given in (path, str(path)):
        np.testing.assert_allclose(read_mask(given), values, rtol=1e-12)
    assert read_mask(path).max() == 1


def test_not_exchanges_black_and_white(half):
    path, values = half
    np.testing.assert_allclose(read_mask(f"not:{path}"), 1 - values, atol=1e-12)
    assert mask_file(f"not:{path}") == str(path)
    assert mask_file("C:\\masks\\sky.png") == "C:\\masks\\sky.png"  # a drive is no word


@pytest.mark.parametrize(
    "array",
    [
        np.array([[False, True]]),
        np.array([[0, 1]]),
        np.array([[0, 1]], dtype=np.uint8),
        np.array([[0, 255]], dtype=np.uint8),
        np.array([[0.0, 1.0]], dtype=np.float32),
        np.array([[[0, 0, 0], [255, 255, 255]]], dtype=np.uint8),
    ],
)
def test_arrays_of_every_kind(array):
    found = read_mask(array)
    assert found.dtype == np.float64
    assert found.tolist() == [[0, 1]]


def test_a_grey_jpeg_is_no_coloured_picture(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    Image.fromarray(values).convert("RGB").save(tmp_path / "grey.jpg", quality=60)
    assert read_mask(tmp_path / "grey.jpg").shape == (16, 16)


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (np.zeros((2, 2)), SettingError,
         "the mask array is black everywhere, so nothing counts: paint white what shall"),
        (np.ones((2, 2, 2)), ShapeError, "not float64 (2, 2, 2)"),
        (np.ones(3), ShapeError, "not float64 (3,)"),
        (np.ones((0, 3)), ShapeError, "not float64 (0, 3)"),
        (np.array([["a"]]), ShapeError, "a mask must be an array (H, W) of bool"),
        (np.array([[1.5]]), ShapeError, "values from 0 to 1, or whole numbers from 0 to 255"),
        (np.array([[-1, 1]]), ShapeError, "it has -1 to 1"),
        (np.array([[300]]), ShapeError, "it has 300 to 300"),
        (np.array([[np.nan]]), ShapeError, "it has nan to nan"),
        (np.array([[np.inf]]), ShapeError, "it has inf to inf"),
        (np.full((2, 2, 3), (255, 0, 0), np.uint8), ImageError,
         "has colours: draw it in black, grey and white"),
        (3, ShapeError, "the path of a picture or an array, not a int"),
        ("no_such_mask.png", ImageError, "no_such_mask.png"),
        ("starry_night", ImageError, "the mask starry_night has colours"),
    ],
)  # fmt: skip
def test_what_is_no_mask(mask, error, message):
    with pytest.raises(error) as caught:
        read_mask(mask)
    assert message in str(caught.value)


def test_a_black_file_is_named(tmp_path):
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(tmp_path / "black.png")
    with pytest.raises(SettingError, match=r"the mask .*black\.png is black everywhere"):
        read_mask(tmp_path / "black.png")
    with pytest.raises(SettingError, match=r"black everywhere"):
        read_mask("not:" + _white(tmp_path))


def _white(folder):
    Image.fromarray(np.full((3, 3), 255, np.uint8)).save(folder / "white.png")
    return str(folder / "white.png")


def test_resizing_keeps_to_0_and_1_and_takes_means():
    mask = np.zeros((8, 8))
    mask[:, 4:] = 1
    for size in ((4, 4), (20, 12), (3, 5)):
        found = resize_mask(mask, size)
        assert found.shape == size
        assert 0 <= found.min() < 0.01
        assert 0.99 < found.max() <= 1
        assert found.mean() == pytest.approx(0.5)
    assert resize_mask(mask, (8, 8)) is mask


def test_what_a_mask_is_called():
    assert mask_name(None) == "whole"
    assert mask_name("not:a.png") == "not:a.png"
