import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from nst_numpy.errors import (
    NonFiniteError,
    OutputError,
    SettingError,
    ShapeError,
)
from nst_numpy.pictures.images import (
    FORMATS,
    MEAN_BGR,
    PIXEL_HIGH,
    PIXEL_LOW,
    as_image,
    check_image_output,
    deprocess,
    load_image,
    preprocess,
    resize_image,
    resize_x,
    save_image,
)
from nst_numpy.pictures.samples import sample_path
from tests.pictures.made import halves, picture_of

images = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=6).map(lambda s: (*s, 3)))


# save_image and check_image_output.


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".bmp", ".PNG"])
def test_lossless_formats_keep_every_byte(tmp_path, suffix):
    image = picture_of(np.random.default_rng(1), 5, 7)
    save_image(tmp_path / f"ä{suffix}", image)
    assert np.array_equal(load_image(tmp_path / f"ä{suffix}"), image)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_lossy_formats_come_close(tmp_path, suffix):
    image = load_image(sample_path("chelsea"), 64)
    save_image(tmp_path / f"a{suffix}", image)
    assert np.abs(load_image(tmp_path / f"a{suffix}").astype(int) - image).mean() < 4


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_suffix_chooses_the_format(tmp_path, suffix):
    Image.init()
    if FORMATS[suffix][0] not in Image.SAVE:
        pytest.skip("this Pillow does not write it")
    save_image(tmp_path / f"a{suffix}", halves())
    with Image.open(tmp_path / f"a{suffix}") as picture:
        assert picture.format == FORMATS[suffix][0]
    assert len(list(tmp_path.iterdir())) == 1


def test_jpeg_keeps_colour_at_full_resolution(tmp_path):
    save_image(tmp_path / "a.jpg", halves())
    with Image.open(tmp_path / "a.jpg") as picture:
        assert {(h, v) for _, h, v, _ in picture.layer} == {(1, 1)}  # 4:4:4


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.gif", "the suffix .gif names no format that can be written"),
        ("a", "a suffix is missing"),
        (".png", "a suffix is missing"),  # a hidden file without suffix
    ],
)
def test_other_suffixes_are_refused_with_those_that_work(tmp_path, name, found):
    message = (
        f"{tmp_path / name}: {found}: use .png, .jpg, .jpeg, .webp, .avif, .tif, .tiff or .bmp"
    )
    for call in (check_image_output, lambda path: save_image(path, halves())):
        with pytest.raises(OutputError, match=f"^{re.escape(message)}$"):
            call(tmp_path / name)


def test_check_image_output_also_looks_at_the_folder(tmp_path):
    assert check_image_output(tmp_path / "a.png") == tmp_path / "a.png"
    with pytest.raises(OutputError, match="does not exist: make it first"):
        check_image_output(tmp_path / "missing" / "a.png")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (halves() / 255, r"save_image: image is float64 \(8, 16, 3\), expected uint8 \(H, W, 3\)"),
        (halves().tolist(), r"save_image: image is a list, expected uint8 \(H, W, 3\)"),
        (halves()[..., 0], r"save_image: image has shape \(8, 16\), expected \(H, W, 3\), RGB"),
        (halves()[None], r"save_image: image has shape \(1, 8, 16, 3\), expected"),
        (halves()[:0], r"save_image: image has shape \(0, 16, 3\), expected"),
    ],
)
def test_other_arrays_are_not_saved(tmp_path, image, message):
    with pytest.raises(ShapeError, match=message):
        save_image(tmp_path / "a.png", image)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".webp", ".jpg"])
def test_a_picture_too_wide_for_its_format_leaves_the_old_file(tmp_path, suffix):
    save_image(tmp_path / f"a{suffix}", halves())
    old = (tmp_path / f"a{suffix}").read_bytes()
    with pytest.raises(OutputError, match=r"save it as \.png|cannot be written"):
        save_image(tmp_path / f"a{suffix}", np.zeros((1, 70000, 3), dtype=np.uint8))
    assert (tmp_path / f"a{suffix}").read_bytes() == old
    assert len(list(tmp_path.iterdir())) == 1


# resize_image.


@pytest.mark.parametrize(
    ("size", "shape"), [(8, (4, 8)), (32, (16, 32)), ((5, 3), (5, 3)), ((8, 16), (8, 16))]
)
def test_resize_takes_the_longest_side_or_both(size, shape):
    image = resize_image(halves(), size)
    assert (image.shape, image.dtype) == ((*shape, 3), np.uint8)


def test_resize_gives_what_load_gives(tmp_path):
    image = picture_of(np.random.default_rng(2), 30, 41)
    save_image(tmp_path / "a.png", image)
    assert np.array_equal(resize_image(image, 17), load_image(tmp_path / "a.png", 17))


def test_resize_to_the_same_size_copies():
    image = halves()
    same = resize_image(image, (8, 16))
    assert np.array_equal(same, image)
    assert not np.shares_memory(same, image)


@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 60))
def test_resize_keeps_the_aspect_ratio_to_half_a_pixel(height, width, size):
    new_height, new_width, _ = resize_image(halves(height, width), size).shape
    scale = size / max(height, width)
    assert max(new_height, new_width) == size
    for old, new in [(height, new_height), (width, new_width)]:
        assert new == 1 or abs(new - old * scale) <= 0.5 + 1e-9


@pytest.mark.parametrize("size", [0, (4, 0), (4,), (4, 4, 3), [4, 4], 1.5, (4.0, 4)])
def test_resize_refuses_other_sizes(size):
    with pytest.raises(SettingError, match=r"^resize_image: size is .*: give "):
        resize_image(halves(), size)


def test_resize_refuses_too_many_pixels():
    with pytest.raises(SettingError, match=r"^resize_image: 1000000 x 500000 pixels are more than"):
        resize_image(halves(), 10**6)


def test_resize_refuses_floats():
    with pytest.raises(ShapeError, match=r"^resize_image: image is float64"):
        resize_image(halves() / 255, 4)


# as_image.


@pytest.mark.parametrize("size", [(7, 9), (24, 40)])
def test_resize_x_does_what_resize_image_does_without_rounding(size):
    image = halves(12, 20)
    expected = preprocess(resize_image(image, size))
    # of bytes, Pillow rounds and clips twice on the way, once for each axis
    clipped = np.clip(resize_x(preprocess(image), size), PIXEL_LOW, PIXEL_HIGH)
    np.testing.assert_allclose(clipped, expected, atol=1.5)


def test_resize_x_keeps_size_dtype_and_values():
    x = np.random.default_rng(0).normal(0, 1e4, (1, 6, 5, 3))
    same = resize_x(x, (6, 5))
    assert same is not x
    np.testing.assert_array_equal(same, x)
    assert resize_x(x, (3, 3)).dtype == np.float64
    assert np.abs(resize_x(x, (12, 10))).max() > 1e4


def test_as_image_reads_a_path(tmp_path):
    save_image(tmp_path / "a.png", halves())
    for path in (tmp_path / "a.png", str(tmp_path / "a.png")):
        assert np.array_equal(as_image(path), halves())
        assert as_image(path, 4).shape == (2, 4, 3)


def test_as_image_copies_an_array():
    image = halves()
    assert np.array_equal(as_image(image), image)
    assert not np.shares_memory(as_image(image), image)
    assert not np.shares_memory(as_image(image, 16), image)
    assert as_image(image, 4).shape == (2, 4, 3)


def test_as_image_takes_a_view():
    assert np.array_equal(as_image(halves()[::-1, ::-2], 8), halves()[::-1, ::-2])


# preprocess and deprocess.


def every_byte():
    """(256, 256, 3): all values in each channel, each beside many others."""
    down, across = np.mgrid[:256, :256]
    return np.stack([down, across, (7 * down + across) % 256], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_round_trip_is_exact_for_every_byte(dtype):
    image = every_byte()
    assert all(len(np.unique(image[..., channel])) == 256 for channel in range(3))
    assert np.array_equal(deprocess(preprocess(image, dtype)), image)


@given(images)
def test_the_round_trip_is_exact_for_every_shape(image):
    x = preprocess(image)
    assert x.shape == (1, *image.shape)
    assert np.array_equal(deprocess(x), image)


def test_preprocess_by_hand():
    x = preprocess(np.array([[[1, 2, 3]]], dtype=np.uint8), np.float64)
    np.testing.assert_allclose(x, [[[[3 - 103.939, 2 - 116.779, 1 - 123.68]]]], rtol=1e-15)


def test_red_is_the_last_channel_of_x():
    red = np.zeros((2, 2, 3), dtype=np.uint8)
    red[..., 0] = 255
    np.testing.assert_allclose(
        preprocess(red)[0, 0, 0], [-103.939, -116.779, 255 - 123.68], rtol=1e-6
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_preprocess_gives_the_dtype_asked_for_in_c_order(dtype):
    x = preprocess(halves(), dtype)
    assert x.dtype == dtype
    assert x.flags.c_contiguous
    assert deprocess(x).flags.c_contiguous
    assert preprocess(halves()).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bounds_are_black_and_white(dtype):
    for value, bound in [(0, PIXEL_LOW), (255, PIXEL_HIGH)]:
        x = preprocess(np.full((1, 1, 3), value, dtype=np.uint8), dtype)
        assert np.array_equal(x[0, 0, 0], bound.astype(dtype))


@pytest.mark.parametrize("constant", [MEAN_BGR, PIXEL_LOW, PIXEL_HIGH])
def test_the_constants_cannot_be_changed(constant):
    with pytest.raises(ValueError, match="read-only"):
        constant[0] = 0


def test_deprocess_rounds_and_clips():
    bgr = np.array([[[[-50, 0.4, 300], [1.6, 254.6, 255.4]]]])
    assert deprocess(bgr - MEAN_BGR).tolist() == [[[255, 0, 0], [255, 255, 2]]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_deprocess_refuses_what_is_not_finite(value):
    x = preprocess(halves())
    x[0, 3, 2, 1] = value
    with pytest.raises(NonFiniteError, match=r"^deprocess: x has a NaN or an infinite value"):
        deprocess(x)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((4, 4, 3)), r"x has shape \(4, 4, 3\), expected \(1, H, W, 3\)"),
        (np.zeros((2, 4, 4, 3)), r"x has shape \(2, 4, 4, 3\), expected"),
        (np.zeros((1, 3, 4, 4)), r"x has shape \(1, 3, 4, 4\), expected"),
        (np.zeros((1, 4, 4, 3), int), r"x is int64 \(1, 4, 4, 3\), expected float"),
        ([1.0], r"x is a list, expected float \(1, H, W, 3\)"),
    ],
)
def test_deprocess_refuses_other_arrays(x, message):
    with pytest.raises(ShapeError, match=f"^deprocess: {message}"):
        deprocess(x)


def test_preprocess_refuses_other_input():
    with pytest.raises(ShapeError, match=r"^preprocess: image has shape .* as_image makes RGB of"):
        preprocess(halves()[..., 0])
    with pytest.raises(SettingError, match=r"^preprocess: dtype is int32: use float32 or float64"):
        preprocess(halves(), np.int32)


def test_pillow_is_loaded_only_when_a_picture_is(tmp_path):
    source = Path(load_image.__code__.co_filename).read_text(encoding="utf-8")
    assert not re.search(r"^(from|import) PIL", source, flags=re.MULTILINE)
