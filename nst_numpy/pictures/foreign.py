"""Why a picture file cannot be read: what it is, by its first bytes, and what to do about it."""

from pathlib import Path

import PIL
from PIL import TiffImagePlugin

AS_PNG = "save it as PNG or JPEG"
NOT_HERE = f"which this Pillow, {PIL.__version__}, cannot read: pip install -U pillow, or {AS_PNG}"
# What is called so by the bytes at 4 to 12: files of one family, ISO 14496-12.
_BRANDS = {
    **dict.fromkeys((b"ftypavif", b"ftypavis"), f"is AVIF, {NOT_HERE}"),
    **dict.fromkeys(
        (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1"),
        f"is HEIC, as phones write it, which cannot be read: {AS_PNG}",
    ),
}
_STARTS = {
    b"%!PS": f"is PostScript, a program that draws: {AS_PNG}",
    b"%PDF": f"is a PDF, pages and no picture: {AS_PNG}",
    b"<svg": f"is SVG, lines and no pixels: {AS_PNG}",
    b"\xff\x0a": f"is JPEG XL, which cannot be read: {AS_PNG}",
    b"\0\0\0\x0cJXL ": f"is JPEG XL, which cannot be read: {AS_PNG}",
}
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BITS, _PHOTOMETRIC, _CHANNELS, _KIND = 258, 262, 277, 339  # TIFF tags
_KINDS = {2: "signed", 3: "float"}
_LAB = 8


def unreadable(file: Path) -> str:
    """Say what a file is that Pillow does not know, and what to do: the rest of a sentence."""
    with open(file, "rb") as stream:
        head = stream.read(16)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return f"is WebP, {NOT_HERE}"
    for start, text in _STARTS.items():
        if head.startswith(start):
            return text
    if head[:4] in _TIFF_STARTS:
        return f"is a TIFF {_tiff_kind(file)}: save it with 8 bits, or as PNG"
    return _BRANDS.get(head[4:12], f"is not a picture that can be read: {AS_PNG}")


def _tiff_kind(file: Path) -> str:
    """Say how a TIFF has its pixels, as far as it tells."""
    try:
        with open(file, "rb") as stream:
            tags = TiffImagePlugin.ImageFileDirectory_v2(stream.read(8))
            stream.seek(tags.next)
            tags.load(stream)
        bits, channels = tags[_BITS][0], tags.get(_CHANNELS, 1)
        kind = _KINDS.get(tags.get(_KIND, (1,))[0], "")
        lab = " in Lab" if tags.get(_PHOTOMETRIC) == _LAB else ""
        pixels = " ".join(filter(None, (str(channels), "channels of", str(bits), "bits", kind)))
        return f"with {pixels}{lab}, which Pillow cannot read"
    except Exception:  # the directory of a damaged file fails in many ways
        return "that is damaged, or of a kind that Pillow cannot read"
