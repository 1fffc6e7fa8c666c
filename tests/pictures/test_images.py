import io
import os
import re
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, ImageCms

from nst_numpy.errors import (
    ImageError,
    NonFiniteError,
    NstError,
    OutputError,
    SettingError,
    ShapeError,
    TooLargeError,
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
    save_image,
)
from nst_numpy.pictures.samples import sample_path
from tests import posix

RED = (200, 30, 40)
RAMP = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)  # 16 bits: 0, 257, …, 65535
BYTES = np.arange(256, dtype=np.uint8).reshape(16, 16)  # the same in 8 bits
images = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=6).map(lambda s: (*s, 3)))


def picture_of(rng, height, width):
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def halves(height=8, width=16):
    """Left half red, right half blue: shows which way is up, and the order of colours."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[:, : width // 2, 0] = 255
    image[:, width // 2 :, 2] = 255
    return image


def grey(values):
    return np.stack([values] * 3, axis=-1)


def close(image, colour, tolerance=2):
    return np.abs(image.astype(int) - colour).max() <= tolerance


def png(image):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


# What load_image reads.


def test_the_order_is_red_green_blue(tmp_path):
    Image.new("RGB", (3, 2), "red").save(tmp_path / "red.png")
    assert load_image(tmp_path / "red.png").tolist() == [[[255, 0, 0]] * 3] * 2


def test_the_result_is_an_array_of_bytes_that_can_be_written(tmp_path):
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png")
    image = load_image(str(tmp_path / "a.png"))
    assert (image.shape, image.dtype) == ((2, 3, 3), np.uint8)
    assert image.flags.writeable
    assert image.flags.c_contiguous


@pytest.mark.parametrize("name", ["Gemälde.png", "星月夜.png", "a b.png", "no_suffix"])
def test_any_name_works(tmp_path, name):
    (tmp_path / name).write_bytes(png(halves()))
    assert np.array_equal(load_image(tmp_path / name), halves())


def test_the_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "a.png").write_bytes(png(halves()))
    assert np.array_equal(load_image("~/a.png"), halves())


def test_grey_becomes_three_equal_channels(tmp_path):
    Image.fromarray(BYTES).save(tmp_path / "a.png")
    assert np.array_equal(load_image(tmp_path / "a.png"), grey(BYTES))


def test_one_bit_becomes_black_and_white(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "a.png")
    assert load_image(tmp_path / "a.png").tolist() == [[[255] * 3, [0] * 3]]


def test_a_palette_is_looked_up(tmp_path):
    Image.new("RGB", (2, 2), RED).quantize(4).save(tmp_path / "a.png")
    assert close(load_image(tmp_path / "a.png"), RED, 0)


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_the_transparent_colour_of_a_palette_is_white(tmp_path, suffix):
    picture = Image.new("P", (2, 1), 0)
    picture.putpalette([*RED, 9, 9, 9])
    picture.putpixel((1, 0), 1)
    picture.save(tmp_path / f"a{suffix}", transparency=1)
    assert load_image(tmp_path / f"a{suffix}").tolist() == [[list(RED), [255] * 3]]


def test_partly_transparent_palette_entries_are_mixed_with_white(tmp_path):
    picture = Image.new("P", (2, 1), 0)
    picture.putpalette([0, 0, 0, 0, 0, 0])
    picture.putpixel((1, 0), 1)
    picture.save(tmp_path / "a.png", transparency=bytes([255, 51]))
    assert load_image(tmp_path / "a.png").tolist() == [[[0] * 3, [204] * 3]]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_mixed_with_white(tmp_path, mode):
    pixels = np.zeros((1, 3, len(mode)), dtype=np.uint8)
    pixels[0, :, -1] = 0, 51, 255  # clear, one fifth, solid
    Image.fromarray(pixels, None).save(tmp_path / "a.png")
    assert load_image(tmp_path / "a.png").tolist() == [[[255] * 3, [204] * 3, [0] * 3]]


@pytest.mark.parametrize(("mode", "colour"), [("L", 7), ("RGB", (7, 8, 9))])
def test_a_colour_declared_transparent_is_white(tmp_path, mode, colour):
    Image.new(mode, (1, 1), colour).save(tmp_path / "a.png", transparency=colour)
    assert load_image(tmp_path / "a.png").tolist() == [[[255] * 3]]


def test_clear_pixels_do_not_colour_their_neighbours_in_a_resize(tmp_path):
    pixels = np.zeros((8, 8, 4), dtype=np.uint8)
    pixels[:, 4:] = 255  # left: clear black; right: solid white
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (load_image(tmp_path / "a.png", 4) == 255).all()


def test_16_bit_png_is_scaled_and_not_clipped(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "a.png")
    assert np.array_equal(load_image(tmp_path / "a.png"), grey(BYTES))


def test_16_bits_are_rounded_to_the_nearest(tmp_path):
    values = np.array([[128, 129, 385, 386, 65406, 65407]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert load_image(tmp_path / "a.png")[0, :, 0].tolist() == [0, 1, 1, 2, 254, 255]


@pytest.mark.parametrize(("mode", "order"), [("I;16", "<u2"), ("I;16B", ">u2")])
def test_16_bit_tiff_in_both_byte_orders(tmp_path, mode, order):
    Image.frombytes(mode, (16, 16), RAMP.astype(order).tobytes()).save(tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as picture:
        assert picture.mode == mode
    assert np.array_equal(load_image(tmp_path / "a.tif"), grey(BYTES))


def test_16_bit_grey_in_mode_i(tmp_path):
    # PGM is read in mode I by every version of Pillow, PNG by some.
    (tmp_path / "a.pgm").write_bytes(b"P5 16 16 65535\n" + RAMP.astype(">u2").tobytes())
    with Image.open(tmp_path / "a.pgm") as picture:
        assert picture.mode == "I"
    assert np.array_equal(load_image(tmp_path / "a.pgm"), grey(BYTES))


def test_cmyk_jpeg_is_not_inverted(tmp_path):
    Image.new("RGB", (16, 16), RED).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert b"Adobe" in (tmp_path / "a.jpg").read_bytes()
    assert close(load_image(tmp_path / "a.jpg"), RED)


def test_ycbcr_tiff(tmp_path):
    Image.new("RGB", (4, 4), RED).convert("YCbCr").save(tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as picture:
        if picture.mode != "YCbCr":
            pytest.skip("older versions of Pillow cannot read what they have written here")
    assert close(load_image(tmp_path / "a.tif"), RED)


def test_lab_tiff(tmp_path):
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    to_lab = ImageCms.buildTransform(srgb, lab, "RGB", "LAB")
    ImageCms.applyTransform(Image.new("RGB", (4, 4), RED), to_lab).save(tmp_path / "a.tif")
    assert close(load_image(tmp_path / "a.tif"), RED)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".jpg"])
def test_exif_orientation_is_applied(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6  # held upright: the left of the sensor is the top of the picture
    quality = {"quality": 95} if suffix == ".jpg" else {"lossless": True}
    picture = Image.fromarray(halves(16, 32))
    picture.save(tmp_path / f"a{suffix}", exif=exif, **(quality if suffix != ".tif" else {}))
    for size, shape in [(None, (32, 16, 3)), (16, (16, 8, 3))]:
        image = load_image(tmp_path / f"a{suffix}", size)
        assert image.shape == shape
        assert close(image[: shape[0] // 4], (255, 0, 0), 4)
        assert close(image[-shape[0] // 4 :], (0, 0, 255), 4)


def test_a_broken_exif_block_does_not_hide_the_pixels(tmp_path):
    Image.new("RGB", (4, 4), RED).save(tmp_path / "a.jpg", exif=b"Exif\0\0nonsense")
    assert close(load_image(tmp_path / "a.jpg"), RED)


def test_pillows_own_warnings_are_not_passed_on(tmp_path):
    cut = b"Exif\0\0MM\0*\0\0\0\x08\0\x02\x01\x12"  # ends in the middle of an entry
    Image.new("RGB", (4, 4), RED).save(tmp_path / "a.jpg", exif=cut)
    with warnings.catch_warnings(record=True) as passed_on:
        warnings.simplefilter("always")
        with Image.open(tmp_path / "a.jpg") as picture:
            picture.getexif()
        assert len(passed_on) == 1  # Pillow does warn
        load_image(tmp_path / "a.jpg")
    assert len(passed_on) == 1


def test_an_animation_gives_its_first_frame(tmp_path):
    first, second = (Image.new("RGB", (4, 4), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    assert close(load_image(tmp_path / "a.gif"), (255, 0, 0), 0)


# The size that load_image gives.


@pytest.mark.parametrize(
    ("width", "height", "size", "shape"),
    [
        (40, 30, 20, (15, 20)),
        (30, 40, 20, (20, 15)),
        (40, 30, 80, (60, 80)),
        (40, 30, 40, (30, 40)),
        (100, 1, 10, (1, 10)),
        (40, 30, 1, (1, 1)),
        (10, 5, 3, (2, 3)),  # 1.5: halves go up
    ],
)
def test_size_is_the_longest_side(tmp_path, width, height, size, shape):
    Image.new("RGB", (width, height), RED).save(tmp_path / "a.png")
    assert load_image(tmp_path / "a.png", size).shape == (*shape, 3)


def test_a_numpy_integer_is_a_size(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    assert load_image(tmp_path / "a.png", np.int64(2)).shape == (2, 2, 3)


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "256", np.nan])
def test_other_sizes_are_refused_before_the_file_is_read(size):
    message = f"^load_image: size is {re.escape(repr(size))}: give a whole number of pixels"
    with pytest.raises(SettingError, match=message):
        load_image("missing.png", size)


def test_a_size_beyond_pillows_limit_is_refused(tmp_path, monkeypatch):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(SettingError, match="100 x 100 pixels are more than 1,000: give a smaller"):
        load_image(tmp_path / "a.png", 100)


def test_shrinking_averages_and_does_not_alias(tmp_path):
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "a.png")
    assert close(load_image(tmp_path / "a.png", 8), 127, 8)


@pytest.mark.parametrize("size", [40, 67, 128])
def test_a_jpeg_that_is_decoded_small_looks_the_same(tmp_path, monkeypatch, size):
    picture = Image.open(sample_path("neuschwanstein")).crop((0, 0, 1001, 667))
    picture.save(tmp_path / "a.jpg", quality=95)
    fast = load_image(tmp_path / "a.jpg", size)
    monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.draft", lambda *_: None)
    whole = load_image(tmp_path / "a.jpg", size)
    difference = np.abs(fast.astype(int) - whole)
    assert difference.any()  # the short way was taken
    assert difference.mean() < 1


# What load_image refuses.


def bad_files(folder):
    """Make the files that cannot be read; the text of each error stands beside them."""
    noise = picture_of(np.random.default_rng(0), 64, 64)
    Image.fromarray(noise).save(folder / "whole.jpg")
    for name, data in {
        "cut.png": png(noise)[:-2000],
        "cut.jpg": (folder / "whole.jpg").read_bytes()[:-2000],
        "text.png": b"This is not a picture.",
        "empty.png": b"",
    }.items():
        (folder / name).write_bytes(data)
    (folder / "folder").mkdir()
    if os.name == "posix":
        os.mkfifo(folder / "pipe")
    Image.new("F", (2, 2), 0.5).save(folder / "float.tif")
    Image.new("I", (2, 2), 70000).save(folder / "int32.tif")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.png", "load_image: there is no file {}: check the spelling$"),
        ("folder", "load_image: {} is a folder: name a picture in it$"),
        ("empty.png", "load_image: {} is empty: fetch or save it again$"),
        ("text.png", "load_image: {} is not a picture that can be read: save it as PNG or JPEG$"),
        ("cut.png", r"load_image: {} is damaged or cut off \(.+\): fetch or save it again$"),
        ("cut.jpg", r"load_image: {} is damaged or cut off \(.+\): fetch or save it again$"),
        pytest.param(
            "pipe", "load_image: {} is not an ordinary file: give a picture$", marks=posix
        ),
        ("float.tif", "load_image: {} has 32-bit pixels, .* save it with 8 or 16 bits$"),
        ("int32.tif", "load_image: {} has 32-bit pixels, .* save it with 8 or 16 bits$"),
    ],
)
@pytest.mark.parametrize("size", [None, 8])
def test_bad_files_are_refused_in_one_sentence(tmp_path, name, message, size):
    bad_files(tmp_path)
    with pytest.raises(ImageError, match=r"^" + message.format(re.escape(str(tmp_path / name)))):
        load_image(tmp_path / name, size)


@pytest.mark.parametrize("limit", [99, 49])  # more than the limit: a warning; than twice: an error
def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch, limit):
    Image.new("RGB", (10, 10)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda _: pytest.fail("decoded"))
    with pytest.raises(ImageError, match=rf"a.png has more than {limit} pixels: make it smaller"):
        load_image(tmp_path / "a.png")


def test_the_bomb_is_found_also_when_the_user_ignores_warnings(tmp_path, monkeypatch):
    Image.new("RGB", (10, 10)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 99)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ImageError, match="more than 99 pixels"):
            load_image(tmp_path / "a.png")


@posix
@pytest.mark.parametrize("name", ["a" * 5000, "~nobody-here/a.png"])
def test_what_cannot_be_a_path_is_an_image_error(name):
    with pytest.raises(ImageError, match="cannot be opened: "):
        load_image(name)


def test_a_file_without_permission_is_an_image_error(tmp_path, monkeypatch):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")

    def refuse(*_args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)  # root is let in otherwise
    with pytest.raises(ImageError, match=r"a\.png cannot be opened: .*Permission denied"):
        load_image(tmp_path / "a.png")


def test_out_of_memory_is_not_called_damage(tmp_path, monkeypatch):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")

    def no_memory(_):
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", no_memory)
    with pytest.raises(TooLargeError, match=r"a\.png needs more memory than there is: make it"):
        load_image(tmp_path / "a.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"])
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_damage_gives_a_picture_or_an_image_error_and_nothing_else(tmp_path, kind, data):
    stream = io.BytesIO()
    Image.fromarray(halves()).save(stream, kind)
    content = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "a").write_bytes(content[: data.draw(st.integers(1, len(content)))])
    with suppress(ImageError):  # any other error fails the test
        assert max(load_image(tmp_path / "a", 8).shape[:2]) == 8


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
    message = f"{tmp_path / name}: {found}: use .png, .jpg, .jpeg, .webp, .tif, .tiff or .bmp"
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


@settings(max_examples=30, deadline=None)
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


def test_as_image_takes_grey_and_alpha():
    assert np.array_equal(as_image(BYTES), grey(BYTES))
    rgba = np.array([[[10, 20, 30, 255], [0, 0, 0, 51], [9, 9, 9, 0]]], dtype=np.uint8)
    assert as_image(rgba).tolist() == [[[10, 20, 30], [204] * 3, [255] * 3]]


def test_as_image_takes_a_view():
    assert np.array_equal(as_image(halves()[::-1, ::-2], 8), halves()[::-1, ::-2])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (halves() / 255, r"the picture is float64, expected uint8, .* np.uint8\(np.rint\(255 \* "),
        (halves().astype(int), "the picture is int64, expected uint8"),
        (halves()[..., :2], r"the picture has shape \(8, 16, 2\), expected \(H, W, 3\), \(H, W\)"),
        (halves()[:, :0], r"the picture has shape \(8, 0, 3\)"),
        (halves()[0, 0], r"the picture has shape \(3,\)"),
        ([[1]], "a picture is a path or a uint8 array, not a list"),
        (Image.new("RGB", (1, 1)), "not a Image; np.asarray turns other pictures into arrays"),
        (None, "a picture is a path or a uint8 array, not a NoneType"),
    ],
)
def test_as_image_refuses_the_rest(value, message):
    with pytest.raises(ShapeError, match=r"^as_image: .*" + message):
        as_image(value)


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
        preprocess(BYTES)
    with pytest.raises(SettingError, match=r"^preprocess: dtype is int32: use float32 or float64"):
        preprocess(halves(), np.int32)


def test_all_errors_are_of_the_family():
    for error in (ImageError, NonFiniteError, OutputError, SettingError, ShapeError):
        assert issubclass(error, NstError)


def test_pillow_is_loaded_only_when_a_picture_is(tmp_path):
    source = Path(load_image.__code__.co_filename).read_text(encoding="utf-8")
    assert not re.search(r"^(from|import) PIL", source, flags=re.MULTILINE)
