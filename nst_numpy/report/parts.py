"""What pages share: templates, and a policy that allows its own blocks alone."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from nst_numpy.common.moved import keep_former_names

_FORMER = "data_uri", "embed", "jpeg", "png", "shrink"
keep_former_names(__name__, "nst_numpy.pictures.embedding", *_FORMER)


def render(template: str, room: str = "nst_numpy.report", **values: Any) -> str:
    """Fill in one of a room's templates; what stands in a text is escaped."""
    environment = Environment(
        loader=PackageLoader(room), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["allowed"] = allowed
    return environment.get_template(template).render(**values)


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
