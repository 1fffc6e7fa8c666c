import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from nst_numpy.pictures.colours import srgb_profile
from nst_numpy.pictures.depth import load_image16, to_8_bits
from nst_numpy.pictures.images import as_exact, load_image, save_image
from nst_numpy.pictures.low_bytes import turn

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2)]  # fmt: skip


def noise(*shape):
    return np.random.default_rng(0).integers(0, 65536, shape, dtype=np.uint16)


def png(values, *more, passes=((0, 0, 1, 1),)):
    """Write a PNG of 16 bits, rows without filters; `more` chunks stand before the pixels."""
    height, width, channels = values.shape
    head = struct.pack(
        ">IIBBBBB", width, height, 16, {1: 0, 3: 2, 4: 6}[channels], 0, 0, passes[0][2] > 1
    )
    parts = [values[y::dy, x::dx] for x, y, dx, dy in passes]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for part in parts for row in part)
    chunks = [(b"IHDR", head), *more, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def big_endian_tiff(values, orientation):
    """Write a TIFF as from the other kind of machine, not packed."""
    height, width, _ = values.shape
    data = values.astype(">u2").tobytes()
    end = 8 + 2 + 12 * 10 + 4
    tags = [(256, 3, 1, width << 16), (257, 3, 1, height << 16), (258, 3, 3, end),
            (259, 3, 1, 1 << 16), (262, 3, 1, 2 << 16), (273, 4, 1, end + 6),
            (274, 3, 1, orientation << 16), (277, 3, 1, 3 << 16), (278, 3, 1, height << 16),
            (279, 4, 1, len(data))]  # fmt: skip
    head = b"MM\0*" + struct.pack(">IH", 8, len(tags))
    return (
        head
        + b"".join(struct.pack(">HHII", *tag) for tag in tags)
        + struct.pack(">I3H", 0, 16, 16, 16)
        + data
    )


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 7, 3), (300, 601, 3)])
def test_all_16_bits_come_back(tmp_path, suffix, shape):
    values, file = noise(*shape), tmp_path / f"a{suffix}"
    save_image(file, values)
    found = as_exact(file)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_what_is_transparent_is_shown_on_white(tmp_path, suffix):
    file = tmp_path / f"a{suffix}"
    save_image(file, np.array([[[1000, 2000, 3001, 65535], [1, 2, 3, 0], [0, 0, 0, 13107]]], "u2"))
    # a fifth of black, four of white
    assert as_exact(file).tolist() == [[[1000, 2000, 3001], [65535] * 3, [52428] * 3]]


def test_one_colour_that_stands_for_clear_is_compared_in_16_bits(tmp_path):
    values = np.array([[[256, 512, 768], [257, 512, 768]]], np.uint16)
    (tmp_path / "a.png").write_bytes(png(values, (b"tRNS", struct.pack(">3H", 256, 512, 768))))
    assert as_exact(tmp_path / "a.png").tolist() == [[[65535] * 3, [257, 512, 768]]]


def test_grey_and_one_grey_that_stands_for_clear(tmp_path):
    values = np.array([[[300], [301], [65534]]], np.uint16)
    (tmp_path / "a.png").write_bytes(png(values, (b"tRNS", struct.pack(">H", 301))))
    assert as_exact(tmp_path / "a.png")[..., 1].tolist() == [[300, 65535, 65534]]


def test_files_of_others(tmp_path):
    values = noise(9, 11, 3)
    (tmp_path / "a.png").write_bytes(png(values, passes=ADAM7))
    np.testing.assert_array_equal(as_exact(tmp_path / "a.png"), values)
    (tmp_path / "a.tif").write_bytes(big_endian_tiff(values, orientation=6))
    np.testing.assert_array_equal(as_exact(tmp_path / "a.tif"), np.rot90(values, -1))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_as_pillow_turns(orientation):
    values = np.arange(6, dtype=np.uint8).reshape(2, 3)
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(values).save(buffer, "PNG", exif=exif)
    with Image.open(buffer) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture))
    assert turn(values[..., None].astype(np.uint16), orientation)[..., 0].tolist() == (
        expected.tolist()
    )


def test_a_picture_with_its_orientation(tmp_path):
    exif, values = Image.Exif(), noise(2, 3, 3)
    exif[0x0112] = 8
    (tmp_path / "a.png").write_bytes(
        png(values, (b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")))
    )
    np.testing.assert_array_equal(as_exact(tmp_path / "a.png"), np.rot90(values))


def test_smaller_as_in_8_bits_but_finer(tmp_path):
    steps = np.repeat(np.linspace(20000, 21000, 64).astype(np.uint16)[None, :, None], 3, axis=2)
    values = np.repeat(steps, 16, axis=0)
    save_image(tmp_path / "a.png", values)
    found = as_exact(tmp_path / "a.png", 32)
    assert found.shape == (8, 32, 3)
    assert len(np.unique(found)) == 32 > len(np.unique(load_image(tmp_path / "a.png", 32)))
    assert np.abs(to_8_bits(found).astype(int) - load_image(tmp_path / "a.png", 32)).max() <= 1


def test_of_8_bits_nothing_changes(tmp_path):
    image = noise(5, 7, 3).astype(np.uint8)
    save_image(tmp_path / "a.png", image)
    assert as_exact(tmp_path / "a.png").dtype == np.uint8
    np.testing.assert_array_equal(as_exact(tmp_path / "a.png"), image)
    np.testing.assert_array_equal(load_image16(tmp_path / "a.png"), image.astype(int) * 257)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_profile_that_changes_colours_is_applied_in_8_bits(tmp_path, channels):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    for profile, deep in ((lab, False), (srgb_profile(), True), (b"nothing", True)):
        named = b"p\0\0" + zlib.compress(profile)
        (tmp_path / "a.png").write_bytes(png(noise(4, 4, channels), (b"iCCP", named)))
        assert (as_exact(tmp_path / "a.png").dtype == np.uint16) == deep
