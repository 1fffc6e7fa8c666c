"""A picture inside a page: made smaller, encoded, written as an address."""

import base64
import io
from typing import Any

from PIL import Image as Pillow

from nst_numpy.common.arrays import AnyImage, Image
from nst_numpy.pictures.images import resize_image, to_8_bits


def shrink(picture: AnyImage, longest: int) -> Image:
    """Make a picture smaller, if its longest side is more than that."""
    image = to_8_bits(picture)
    return resize_image(image, longest) if max(image.shape[:2]) > longest else image


def jpeg(image: Image, quality: int = 88) -> bytes:
    """Encode a picture as a JPEG file."""
    return _encoded(image, format="JPEG", quality=quality)


def png(image: Image) -> bytes:
    """Encode a picture as a PNG file."""
    return _encoded(image, format="PNG")


def _encoded(image: Image, **settings: Any) -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(image).save(buffer, optimize=True, **settings)
    return buffer.getvalue()


def data_uri(kind: str, data: bytes) -> str:
    """Write a picture's bytes as an address that contains them.

    >>> data_uri("png", b"abc")
    'data:image/png;base64,YWJj'
    """
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def embed(image: AnyImage, longest: int, quality: int = 88) -> dict[str, Any]:
    """Turn a picture into what an <img> needs."""
    small = shrink(image, longest)
    height, width = small.shape[:2]
    return {"uri": data_uri("jpeg", jpeg(small, quality)), "width": width, "height": height}
