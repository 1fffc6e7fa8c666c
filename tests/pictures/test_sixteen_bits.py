import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from nst_numpy.pictures import sixteen_bits
from nst_numpy.pictures.images import load_image
from nst_numpy.pictures.sixteen_bits import png_of_16_bits, tiff_of_16_bits

SHAPES = [(1, 1, 3), (5, 7, 3), (4, 3, 4), (9, 1, 4)]


def noise(shape):
    return np.random.default_rng(0).integers(0, 65536, shape, dtype=np.uint16)


def chunks_of(png):
    """Read the chunks of a PNG, checks included."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, found = 8, {}
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", png, at + 8 + size) == (zlib.crc32(kind + data),)
        found[kind] = found.get(kind, b"") + data
        at += size + 12
    return found


def pixels_of_png(png):
    """Read a PNG of 16 bits whose rows are filtered by none, or by the row above."""
    found = chunks_of(png)
    width, height, bits, colour, *rest = struct.unpack(">IIBBBBB", found[b"IHDR"])
    assert (bits, rest) == (16, [0, 0, 0])
    channels = {2: 3, 6: 4}[colour]
    rows = np.frombuffer(zlib.decompress(found[b"IDAT"]), np.uint8).reshape(height, -1)
    assert set(rows[:, 0]) <= {0, 2}
    above, lines = np.zeros(width * channels * 2, np.uint8), []
    for row in rows:
        above = row[1:] + above if row[0] == 2 else row[1:]
        lines.append(above)
    return np.concatenate(lines).view(">u2").reshape(height, width, channels)


def pixels_of_tiff(tiff):
    """Read a little-endian TIFF of one strip, packed by deflate, differences along each row."""
    assert tiff[:4] == b"II*\0"
    (at,) = struct.unpack_from("<I", tiff, 4)
    (count,) = struct.unpack_from("<H", tiff, at)
    tags = {}
    for entry in range(count):
        tag, kind, number, value = struct.unpack_from("<HHII", tiff, at + 2 + 12 * entry)
        tags[tag] = value & 0xFFFF if kind == 3 and number == 1 else value
    assert (tags[259], tags[262], tags[317], tags[278]) == (8, 2, 2, tags[257])
    assert (338 in tags) == (tags[277] == 4)
    packed = tiff[tags[273] : tags[273] + tags[279]]
    assert tags[273] + tags[279] == len(tiff)
    values = np.frombuffer(zlib.decompress(packed), "<u2")
    differences = values.reshape(tags[257], tags[256], tags[277])
    return np.cumsum(differences, axis=1, dtype=np.uint16)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("strip", [1, 40, 2**20])
def test_every_level_is_in_the_file(monkeypatch, shape, strip):
    monkeypatch.setattr(sixteen_bits, "_STRIP_BYTES", strip)
    image = noise(shape)
    assert np.array_equal(pixels_of_png(b"".join(png_of_16_bits(image))), image)
    assert np.array_equal(pixels_of_tiff(b"".join(tiff_of_16_bits(image, {}))), image)


@pytest.mark.parametrize("shape", SHAPES)
def test_pillow_reads_the_upper_bytes(tmp_path, shape):
    image = noise(shape)
    (tmp_path / "a.png").write_bytes(b"".join(png_of_16_bits(image)))
    (tmp_path / "a.tif").write_bytes(b"".join(tiff_of_16_bits(image, {270: b"text"})))
    for name in ("a.png", "a.tif"):
        with Image.open(tmp_path / name) as picture:
            assert np.array_equal(np.asarray(picture), image >> 8)
        assert load_image(tmp_path / name).shape == (*shape[:2], 3)


def test_a_view_is_written_as_it_is_seen():
    image = noise((6, 8, 3))[::-1, ::2]
    assert np.array_equal(pixels_of_png(b"".join(png_of_16_bits(image))), image)
    assert np.array_equal(pixels_of_tiff(b"".join(tiff_of_16_bits(image, {}))), image)
