"""What pages share: pictures inside the file, and a policy that allows its own blocks alone."""

import base64
import hashlib
import io
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from nst_numpy.common.arrays import AnyImage, Image
from nst_numpy.pictures.images import resize_image, to_8_bits


def render(template: str, **values: Any) -> str:
    """Fill in one of the templates; what stands in a text is escaped."""
    environment = Environment(
        loader=PackageLoader("nst_numpy.report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["allowed"] = allowed
    return environment.get_template(template).render(**values)


def shrink(picture: AnyImage, longest: int) -> Image:
    """Make a picture smaller, if its longest side is more than that."""
    image = to_8_bits(picture)
    return resize_image(image, longest) if max(image.shape[:2]) > longest else image


def jpeg(image: Image, quality: int) -> bytes:
    """Encode a picture as a JPEG file."""
    return _encoded(image, format="JPEG", quality=quality)


def png(image: Image) -> bytes:
    """Encode a picture as a PNG file."""
    return _encoded(image, format="PNG")


def _encoded(image: Image, **settings: Any) -> bytes:
    from PIL import Image as Pillow

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


def allowed(block: str) -> Markup:
    """Name a block of style or script in a Content-Security-Policy, by its hash.

    >>> allowed("")
    Markup("'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='")
    """
    digest = hashlib.sha256(block.encode("utf-8")).digest()
    return Markup(f"'sha256-{base64.b64encode(digest).decode('ascii')}'")


def stem(name: str) -> str:
    """Call a picture by its file's name, without folder and suffix."""
    return Path(name).stem or name
