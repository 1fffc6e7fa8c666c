"""What stands in a picture file beside its pixels: the command that made it, EXIF, a profile.

EXIF is what a camera notes: when, with what, and often where. None of it goes into a result unless
it is asked for, and then only the tags named here.
"""

import sys
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from nst_numpy.files import PathLike
from nst_numpy.pictures.colours import profile_name
from nst_numpy.pictures.decoding import is_png16, is_transparent, opened, orientation

MOST_LETTERS = 10_000  # of a command: all EXIF of a JPEG has to fit into 64 kB
_DESCRIPTION, _SOFTWARE = 0x010E, 0x0131
_EXIF, _GPS = 0x8769, 0x8825  # directories of their own
# Make, model, date, artist, copyright; what a camera notes of the exposure; the place.
_KEPT = (0x010F, 0x0110, 0x0132, 0x013B, 0x8298, _EXIF, _GPS)
# What would no longer be true, or cannot be moved: the maker's own block, which has addresses in
# it, the size in pixels, another directory.
_DROPPED = (0x927C, 0xA002, 0xA003, 0xA005)
_TIFF_BITS, _TIFF_PROFILE = 258, 34675


def read_exif(path: PathLike) -> Image.Exif:
    """Read the EXIF of a photograph that may go into a result: orientation and size do not.

    Raises
    ------
    ImageError
        The picture cannot be read. EXIF that is broken is no EXIF.
    """
    kept = Image.Exif()
    with opened(path) as (picture, _):
        try:
            found = picture.getexif()
            for tag in _KEPT:
                value = found.get_ifd(tag) if tag in (_EXIF, _GPS) else found.get(tag)
                if isinstance(value, dict):
                    value = {key: each for key, each in value.items() if key not in _DROPPED}
                if value:
                    kept[tag] = value
            kept.tobytes()
        except Exception:  # broken EXIF raises many kinds, and the pixels are good without it
            return Image.Exif()
    return kept


def read_profile(path: PathLike) -> bytes:
    """Read the colour profile of a picture file; empty if it has none.

    Raises
    ------
    ImageError
        The picture cannot be read.
    """
    with opened(path) as (picture, _):
        found = picture.info.get("icc_profile")
        return found if isinstance(found, bytes) else b""


def beside(
    kind: str, comment: str | None, exif: Image.Exif | None, profile: bytes
) -> dict[str, Any]:
    """Say to Pillow what goes into a file of a format beside the pixels.

    Parameters
    ----------
    kind
        Pillow's name of the format.
    comment
        A text, as the command that made the picture.
    exif
        What `read_exif` has returned.
    profile
        ICC profile of the colours; empty for none.
    """
    if kind == "BMP":
        return {}  # it has no place for any of these
    options: dict[str, Any] = {"icc_profile": profile} if profile else {}
    if kind == "PNG" and comment:
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Software", _software())
        texts.add_itxt("Comment", _plain(comment))
        options["pnginfo"] = texts
    tags = exif_tags(None if kind == "PNG" else comment, exif)
    if kind == "TIFF":
        options["tiffinfo"] = tags  # as EXIF, Pillow would make the comment ASCII
    elif tags:
        whole = Image.Exif()
        whole.update(tags)
        options["exif"] = whole.tobytes()
    return options


def exif_tags(comment: str | None, exif: Image.Exif | None) -> dict[int, Any]:
    """Put together what goes into a file as EXIF, or as the tags of a TIFF."""
    tags: dict[int, Any] = dict(exif or {})
    if comment:
        tags |= {_SOFTWARE: _software(), _DESCRIPTION: _plain(comment).encode("utf-8")}
    return tags


def tiff_tags(comment: str | None, exif: Image.Exif | None, profile: bytes) -> dict[int, Any]:
    """Say what `beside` says, as the tags of a TIFF."""
    return exif_tags(comment, exif) | ({_TIFF_PROFILE: profile} if profile else {})


def _software() -> str:
    """Name the package, with its version; it is above this room, so it is not imported here."""
    package, _, _ = __name__.partition(".")
    return f"{package} {sys.modules[package].__version__}"


def _plain(comment: str) -> str:
    """Keep what any file can hold; a name that is not UTF-8 gets escapes, as in JSON."""
    text = comment.replace("\0", "").encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 2]} …"


def read_comment(picture: Image.Image) -> str | None:
    """Return the command or other comment that a picture file holds, None if there is none."""
    found = picture.info.get("Comment")
    if found is None:
        found = picture.getexif().get(_DESCRIPTION)
    return None if found is None else _utf8(found)


def _software_of(picture: Image.Image) -> str | None:
    found = picture.info.get("Software", picture.getexif().get(_SOFTWARE))
    return None if found is None else _utf8(found)


def _utf8(text: str | bytes) -> str:
    """Read a text of EXIF, in which Pillow takes each byte for a letter."""
    try:
        raw = text if isinstance(text, bytes) else str(text).encode("latin-1")
        return raw.decode("utf-8")
    except UnicodeError:
        return str(text)


def describe_file(path: PathLike) -> dict[str, Any]:
    """Say what a picture file is, and what stands in it beside the pixels.

    Parameters
    ----------
    path
        As in `images.load_image`.

    Returns
    -------
    dict
        format, as PNG; width and height in pixels, held upright; mode, as RGBA; depth in bits;
        transparent, whether parts can be; animated, of which the first frame is read; profile, the
        name of its colours, None if it has none; exif, whether it has what a camera notes; comment,
        a text such as the command that painted it, or None; by, the program that wrote it, or
        None. Texts are as they stand in the file.

    Raises
    ------
    ImageError
        The file is no picture that can be read.

    Examples
    --------
    >>> from nst_numpy.pictures import sample_path
    >>> found = describe_file(sample_path("chelsea"))
    >>> found["format"], found["depth"], found["transparent"], found["comment"]
    ('JPEG', 8, False, None)
    """
    with opened(path) as (picture, file):
        profile = picture.info.get("icc_profile")
        if picture.format == "TIFF":
            picture.load()  # as in decoding: some versions of Pillow turn it only here
        lies = orientation(picture) in (5, 6, 7, 8)
        width, height = picture.size[::-1] if lies else picture.size
        return {
            "format": picture.format,
            "width": width,
            "height": height,
            "mode": picture.mode,
            "depth": _depth(picture, file),
            "transparent": is_transparent(picture),
            "animated": bool(getattr(picture, "is_animated", False)),
            "profile": profile_name(profile) if profile else None,
            "exif": any(tag in picture.getexif() for tag in _KEPT),
            "comment": read_comment(picture),
            "by": _software_of(picture),
        }


def _depth(picture: Image.Image, file: Path) -> int:
    """Count the bits of a colour."""
    if picture.format == "TIFF":
        return int(picture.tag_v2.get(_TIFF_BITS, (1,))[0])  # type: ignore[attr-defined]
    if is_png16(file) or picture.mode.startswith("I"):
        return 16
    return 1 if picture.mode == "1" else 8
