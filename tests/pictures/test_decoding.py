import io
import os
import re
import struct
import subprocess
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from nst_numpy.errors import ImageError, SettingError, ShapeError, TooLargeError
from nst_numpy.pictures import decoding
from nst_numpy.pictures.decoding import decode_array, new_shape
from nst_numpy.pictures.images import load_image, save_image
from nst_numpy.pictures.samples import sample_path
from tests import posix
from tests.pictures.made import halves, picture_of

RED = (200, 30, 40)
RAMP = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)  # 16 bits: 0, 257, …, 65535
BYTES = np.arange(256, dtype=np.uint8).reshape(16, 16)  # the same in 8 bits


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


@pytest.mark.parametrize("mode", ["RGBA", "I;16"])
def test_a_picture_changed_in_strips_is_the_one_changed_at_once(tmp_path, monkeypatch, mode):
    noise = np.random.default_rng(0).integers(0, 256, (7, 5, 4), dtype=np.uint8)
    pixels = noise if mode == "RGBA" else noise.view(np.uint16)[..., 0]
    Image.fromarray(pixels).save(tmp_path / "a.png")
    whole = load_image(tmp_path / "a.png")
    monkeypatch.setattr(decoding, "_STRIP", 10)  # two rows
    assert np.array_equal(load_image(tmp_path / "a.png"), whole)


@pytest.mark.parametrize("shape", [(1, 10**6 + 1), (10**6 + 1, 1)])
def test_a_picture_with_more_rows_or_columns_than_any_has_is_refused(tmp_path, shape):
    Image.new("1", shape).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match="more than 1,000,000 on a side: cut it to pieces"):
        load_image(tmp_path / "a.png", size=8)


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


# What decode_array takes.


def test_grey_bytes_become_three_equal_channels():
    image = decode_array(BYTES)
    assert np.array_equal(image, grey(BYTES))
    assert image.flags.writeable


def test_alpha_of_an_array_is_mixed_with_white():
    rgba = np.array([[[10, 20, 30, 255], [0, 0, 0, 51], [9, 9, 9, 0]]], dtype=np.uint8)
    # 51 of 255 is a fifth: black is mixed with white 1 : 4, to 255 * 4 / 5
    assert decode_array(rgba).tolist() == [[[10, 20, 30], [204] * 3, [255] * 3]]


def test_an_array_of_colours_is_copied():
    image = halves()
    copy = decode_array(image)
    assert np.array_equal(copy, image)
    assert not np.shares_memory(copy, image)


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
def test_other_arrays_are_refused(value, message):
    with pytest.raises(ShapeError, match=r"^as_image: .*" + message):
        decode_array(value)


# new_shape.


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((30, 40), 20, (15, 20)),
        ((40, 30), 20, (20, 15)),
        ((30, 40), 40, (30, 40)),
        ((5, 10), 3, (2, 3)),  # 5 * 3 / 10 is 1.5: halves go up
        ((3, 10), 5, (2, 5)),  # 1.5 again
        ((1, 100), 10, (1, 10)),  # 0.1, but 1 at least
        ((7, 3), (2, 9), (2, 9)),  # both sides: the aspect ratio is not asked for
        ((7, 3), (np.int64(2), np.uint8(9)), (2, 9)),
    ],
)
def test_new_shape_by_hand(shape, size, expected):
    found = new_shape("f", shape, size)
    assert found == expected
    assert all(type(side) is int for side in found)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 9000))
def test_new_shape_is_the_nearest_whole_number_of_pixels(height, width, size):
    scale = Fraction(size, max(height, width))
    expected = [max(1, int(side * scale + Fraction(1, 2))) for side in (height, width)]
    assert list(new_shape("f", (height, width), size)) == expected


@pytest.mark.parametrize(
    ("size", "wrong"),
    [(each, each) for each in (0, -1, 2.5, True, "9", None)]
    + [((0, 4), 0), ((4, True), True), ((4, 4.0), 4.0)],
)
def test_what_is_no_number_of_pixels_is_refused(size, wrong):
    with pytest.raises(SettingError) as caught:
        new_shape("resize_image", (4, 4), size)
    assert str(caught.value) == (
        f"resize_image: size is {wrong!r}: give a whole number of pixels, 1 or more"
    )


@pytest.mark.parametrize("size", [(), (4,), (4, 4, 3)])
def test_a_size_has_one_number_or_two(size):
    with pytest.raises(SettingError) as caught:
        new_shape("f", (4, 4), size)
    assert str(caught.value) == (f"f: size is {size!r}: give the longest side, or (height, width)")


def test_pillows_limit_holds_for_the_new_size(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5000)
    assert new_shape("f", (1, 2), 100) == (50, 100)
    with pytest.raises(SettingError) as caught:
        new_shape("f", (1, 2), 102)
    assert str(caught.value) == "f: 102 x 51 pixels are more than 5,000: give a smaller size"
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # how Pillow spells no limit
    assert new_shape("f", (1, 2), 10**6) == (500_000, 10**6)


def test_postscript_by_any_name_is_refused_and_not_run(tmp_path, monkeypatch):
    program = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 48\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "photo.png").write_bytes(program)

    def run(*args, **options):
        raise AssertionError("another program was started")

    monkeypatch.setattr(subprocess, "Popen", run)
    with pytest.raises(ImageError, match="is PostScript, a program that draws: save it as PNG"):
        load_image(tmp_path / "photo.png")


def test_a_jpeg_of_very_many_scans_is_refused(tmp_path):
    stream = io.BytesIO()
    Image.new("L", (64, 64), 128).save(stream, "JPEG", progressive=True)
    data = stream.getvalue()
    last, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    few = data[:end] + data[last:end] * 5 + data[end:]
    many = data[:end] + data[last:end] * 300 + data[end:]
    (tmp_path / "few.jpg").write_bytes(few)
    (tmp_path / "many.jpg").write_bytes(many)
    assert load_image(tmp_path / "few.jpg").shape == (64, 64, 3)
    with pytest.raises(ImageError, match=r"a JPEG of 3\d\d scans, which takes very long"):
        load_image(tmp_path / "many.jpg")


def tiff16(photometric, kind="H", sample_format=1):
    """Write a TIFF of 2×2 pixels of 16 bits: 0, 1000, 30000, and the largest or −5."""
    data = struct.pack(f"<4{kind}", 0, 1000, 30000, 65535 if kind == "H" else -5)
    tags = {256: 2, 257: 2, 258: 16, 259: 1, 262: photometric, 273: 0, 277: 1, 278: 2, 279: 8,
            339: sample_format}  # fmt: skip
    tags[273] = 8 + 2 + 12 * len(tags) + 4
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + body + struct.pack("<I", 0) + data


def test_16_bits_whose_white_is_0(tmp_path):
    for photometric, want in ((1, [0, 4, 117, 255]), (0, [255, 251, 138, 0])):
        (tmp_path / "t.tif").write_bytes(tiff16(photometric))
        assert load_image(tmp_path / "t.tif")[..., 0].ravel().tolist() == want
    (tmp_path / "t.tif").write_bytes(tiff16(1, "h", sample_format=2))
    with pytest.raises(ImageError, match=r"has signed pixels, .* save it with 8 or 16 bits and no"):
        load_image(tmp_path / "t.tif")


def png_of(*chunks):
    """Put chunks, each (kind, data), together to a PNG."""
    body = b""
    for kind, data in (*chunks, (b"IEND", b"")):
        check = struct.pack(">I", zlib.crc32(kind + data))
        body += struct.pack(">I", len(data)) + kind + data + check
    return b"\x89PNG\r\n\x1a\n" + body


def png_with_key(bits, colour, key, other):
    """Write a PNG of two pixels, the first of the colour that is transparent."""
    channels, number = (3 if colour == 2 else 1), ">H" if bits == 16 else ">B"
    row = b"\0" + struct.pack(number, key) * channels + struct.pack(number, other) * channels
    head = struct.pack(">IIBBBBB", 2, 1, bits, colour, 0, 0, 0)
    transparent = struct.pack(">H", key) * channels
    return png_of((b"IHDR", head), (b"tRNS", transparent), (b"IDAT", zlib.compress(row)))


@pytest.mark.parametrize("colour", [0, 2], ids=["grey", "RGB"])
@pytest.mark.parametrize(
    ("bits", "key", "other"), [(8, 40, 50), (16, 10000, 12850), (16, 40, 12850)]
)
def test_a_colour_that_is_transparent_is_shown_on_white(tmp_path, colour, bits, key, other):
    (tmp_path / "t.png").write_bytes(png_with_key(bits, colour, key, other))
    assert load_image(tmp_path / "t.png")[0].tolist() == [[255] * 3, [50] * 3]


def test_reading_in_threads_leaves_the_warnings_as_they_were(tmp_path):
    save_image(tmp_path / "p.png", np.zeros((40, 40, 3), dtype=np.uint8))
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: load_image(tmp_path / "p.png"), range(60)))
    assert list(warnings.filters) == before


# What stands beside the pixels, and too much of it.

HEAD = b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
PIXELS = b"IDAT", zlib.compress((b"\0" + b"\x10" * 6) * 2)
BOMB = zlib.compress(bytes(10**8))
JPEG_PIXELS = io.BytesIO()
Image.new("RGB", (2, 2), (16, 16, 16)).save(JPEG_PIXELS, "JPEG", quality=100)
JPEG_START, JPEG_REST = JPEG_PIXELS.getvalue()[:2], JPEG_PIXELS.getvalue()[2:]
LONG_PART = b"\xff\xff" + bytes(65533)
PROFILE_PART = b"\xff\xe2\xff\xffICC_PROFILE\0%c\xff" + bytes(65519)
PROFILE = b"".join(PROFILE_PART % number for number in range(1, 256))
BESIDE = {
    "a text of 20 MB": png_of(HEAD, (b"tEXt", b"a\0" + b"a" * 20_000_000), PIXELS),
    "10,000 texts": png_of(HEAD, *[(b"tEXt", b"a%d\0b" % n) for n in range(10_000)], PIXELS),
    "2 billion frames": png_of(HEAD, (b"acTL", struct.pack(">II", 2**31 - 1, 0)), PIXELS),
    "pixels beyond the last": png_of(HEAD, (b"IDAT", BOMB)),
    "a zip behind": png_of(HEAD, PIXELS) + b"PK\x05\x06" + bytes(18),
    "a page behind": png_of(HEAD, PIXELS) + b"<script>alert(1)</script>",
    "20 MB of comments": JPEG_START + (b"\xff\xfe" + LONG_PART) * 300 + JPEG_REST,
    "a profile in 255 parts": JPEG_START + PROFILE + JPEG_REST,
    "a page of a TIFF that follows itself": tiff16(1)[:-12] + struct.pack("<I", 8) + tiff16(1)[-8:],
}  # fmt: skip


@pytest.mark.parametrize("kind", BESIDE)
def test_what_stands_beside_the_pixels_does_no_harm(tmp_path, kind):
    (tmp_path / "a.png").write_bytes(BESIDE[kind])
    assert load_image(tmp_path / "a.png").shape == (2, 2, 3)


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_text_that_unpacks_to_more_than_any_picture_has_is_refused(tmp_path, kind):
    packed = b"a\0" + (b"\1\0\0\0" if kind == b"iTXt" else b"\0") + BOMB
    (tmp_path / "a.png").write_bytes(png_of(HEAD, (kind, packed), PIXELS))
    with pytest.raises(ImageError, match=r"(?i)damaged or cut off .*too large"):
        load_image(tmp_path / "a.png")
