import struct
import warnings

import pytest
from PIL import Image

from nst_numpy.errors import ImageError
from nst_numpy.pictures import load_image
from nst_numpy.pictures.foreign import unreadable
from tests.pictures.made import tiff_of

FAMILY = b"\0\0\0\x1cftyp%s\0\0\0\0mif1"


@pytest.mark.parametrize(
    ("start", "text"),
    [
        (FAMILY % b"heic", "is HEIC, as phones write it, which cannot be read: save it as PNG"),
        (FAMILY % b"avif", "is AVIF, which this Pillow, .*, cannot read: pip install -U pillow"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "is JPEG XL, which cannot be read: save it as PNG or JPEG"),
        (b"\xff\x0a\xfa\x1f", "is JPEG XL"),
        (b"%PDF-1.7", "is a PDF, pages and no picture"),
        (b"<svg xmlns=", "is SVG, lines and no pixels"),
        (b"II*\0\xff\xff\xff\x7f", "is a TIFF that is damaged, or of a kind that Pillow cannot"),
        (b"hello", "is not a picture that can be read: save it as PNG or JPEG"),
    ],
)
def test_what_a_file_is_stands_in_its_first_bytes(tmp_path, start, text):
    (tmp_path / "a.jpg").write_bytes(start)
    with pytest.raises(ImageError, match=rf"^load_image: .*a\.jpg {text}"):
        load_image(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"bits": 16, "channels": 2}, "2 channels of 16 bits,"),
        ({"bits": 32, "channels": 3, "sample": 3}, "3 channels of 32 bits float,"),
        ({"bits": 16, "channels": 3, "sample": 2}, "3 channels of 16 bits signed,"),
        ({"bits": 16, "channels": 3, "photometric": 8}, "3 channels of 16 bits in Lab,"),
    ],
)
def test_a_tiff_that_pillow_cannot_read_says_how_its_pixels_are(tmp_path, options, text):
    (tmp_path / "a.tif").write_bytes(tiff_of(**options))
    with pytest.raises(ImageError, match=f"is a TIFF with {text} which Pillow cannot read: save"):
        load_image(tmp_path / "a.tif")


def test_pillows_own_warnings_are_not_passed_on(tmp_path):
    # a directory of one tag, the width, whose numbers lie behind the file's end
    data = b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 256, 4, 9, 9999, 0)
    (tmp_path / "a.tif").write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImageError, match="is a TIFF that is damaged, or of a kind"):
            load_image(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("kind", "start"), [("AVIF", FAMILY % b"avif"), ("WEBP", b"RIFF\x20\0\0\0WEBPVP8 ")]
)
def test_a_pillow_without_a_format_says_so(tmp_path, monkeypatch, kind, start):
    Image.init()
    monkeypatch.delitem(Image.OPEN, kind, raising=False)
    (tmp_path / "a.jpg").write_bytes(start + bytes(40))
    with pytest.raises(ImageError, match=f"(?i)is {kind}, .*which this Pillow, .*, cannot read"):
        load_image(tmp_path / "a.jpg")
    assert unreadable(tmp_path / "a.jpg").endswith("or save it as PNG or JPEG")
