"""Files of 16 bits a colour.

Pillow writes none in colour, so the two kinds are put together here: PNG as in the W3C's
specification, TIFF as in Adobe's of 1992. What stands beside the pixels (profile, EXIF, texts) is
still Pillow's.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

_STRIP_BYTES = 2**20  # that are packed at a time
_UP = 2  # PNG's filter: each byte less the one above
_DEFLATE, _DIFFERENCES, _RGB, _ALPHA = 8, 2, 2, 2  # in the order of the tags below


def png_of_16_bits(image: NDArray[np.uint16], **beside: Any) -> Iterator[bytes]:
    """Yield the parts of a PNG, (H, W, 3) or (H, W, 4); `beside` is Pillow's."""
    height, width, channels = image.shape
    small = _by_pillow("PNG", channels, **beside)
    yield small[:8]  # the signature
    for kind, data in _chunks(small):
        if kind == b"IHDR":
            yield _chunk(kind, struct.pack(">IIB", width, height, 16) + data[9:])
        elif kind != b"IDAT":
            if kind == b"IEND":
                yield from (_chunk(b"IDAT", part) for part in _packed_rows(image))
            yield _chunk(kind, data)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks of a PNG that Pillow has written: kind and data."""
    at = 8
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        at += size + 12


def _chunk(kind: bytes, data: bytes) -> bytes:
    checked = kind + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


def _packed_rows(image: NDArray[np.uint16]) -> Iterator[bytes]:
    """Pack the rows, each with PNG's filter before it, some at a time."""
    packer = zlib.compressobj(6)
    above = np.zeros((1, image[0].size * 2), np.uint8)
    for strip in _strips(image):
        # (h, W, C) 16 bits, the high byte first -> (h, 2·W·C) bytes
        rows = np.ascontiguousarray(strip, ">u2").view(np.uint8).reshape(len(strip), -1)
        filtered = np.full((len(strip), rows.shape[1] + 1), _UP, np.uint8)
        filtered[:, 1:] = rows - np.concatenate([above, rows[:-1]])  # modulo 256
        above = rows[-1:]
        yield packer.compress(filtered.tobytes())
    yield packer.flush()


def _strips(image: NDArray[np.uint16]) -> Iterator[NDArray[np.uint16]]:
    rows = max(1, _STRIP_BYTES // image[0].nbytes)
    for top in range(0, len(image), rows):
        yield image[top : top + rows]


def tiff_of_16_bits(image: NDArray[np.uint16], tags: dict[int, Any]) -> Iterator[bytes]:
    """Yield the parts of a TIFF, (H, W, 3) or (H, W, 4); `tags` say more than what pixels are."""
    height, width, channels = image.shape
    packer = zlib.compressobj(6)
    parts = [packer.compress(_differences(strip)) for strip in _strips(image)] + [packer.flush()]
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    # one strip, at 0 from the end of the directory: Pillow adds where that is
    own = {256: width, 257: height, 258: (16,) * channels, 259: _DEFLATE, 262: _RGB, 273: 0,
           277: channels, 278: height, 279: sum(map(len, parts)), 284: 1,
           317: _DIFFERENCES} | ({338: _ALPHA} if channels == 4 else {})  # fmt: skip
    for tag, value in (tags | own).items():
        directory[tag] = value
    yield b"II*\0" + struct.pack("<I", 8)
    yield directory.tobytes(8)
    yield from parts


def _differences(strip: NDArray[np.uint16]) -> bytes:
    """Write rows as TIFF's predictor has them: each pixel less the one to the left."""
    differences = strip.copy()
    differences[:, 1:] -= strip[:, :-1]  # modulo 65536
    return differences.astype("<u2").tobytes()


def _by_pillow(kind: str, channels: int, **beside: Any) -> bytes:
    """Let Pillow write one pixel, with what stands beside it."""
    stream = io.BytesIO()
    Image.new("RGB" if channels == 3 else "RGBA", (1, 1)).save(stream, kind, **beside)
    return stream.getvalue()
