"""From whatever a camera, scanner or paint program writes to 8-bit RGB.

Pillow opens the file. What is left to do here: to turn the picture upright, to show what is
transparent on white, to scale 16 bits to 8 or to keep them (`low_bytes`), to bring colours to sRGB
(`colours`), to find the size that it gets, and to refuse in plain words what cannot be read. Errors
bear the name of the function in `images` that was called.
"""

import operator
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from nst_numpy.common.checks import is_whole
from nst_numpy.errors import ImageError, NstError, SettingError, ShapeError, TooLargeError
from nst_numpy.files import PathLike, expand
from nst_numpy.pictures.colours import changes_colours, to_srgb
from nst_numpy.pictures.foreign import unreadable
from nst_numpy.pictures.low_bytes import read_colours, resize_colours, turn
from nst_numpy.pictures.samples import find_picture, hint, refuse_unknown_picture
from nst_numpy.pictures.transparency import extended

# What Pillow may try, whatever a file is called. Left out are programs (PostScript, which Pillow
# hands to another program), formats that need one, and what is no picture of pixels.
READABLE = (
    *("AVIF", "BMP", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "MPO", "PCX", "PNG"),
    *("PPM", "PSD", "QOI", "SGI", "TGA", "TIFF", "WEBP"),
)
MOST_SCANS = 200  # of a JPEG: cameras and programs write ten or so, and each is a pass over all
# Pillow reads 16-bit grey as I;16 or, by format and version, as I, which elsewhere is 32 bits.
_GREY16_FORMATS = ("PNG", "PPM")
_ORIENTATION = 0x0112  # the EXIF tag in which a camera notes how it was held
_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0  # TIFF tags, and one's value where white is 0
# A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size. With three times the pixels that are
# asked for, the result after the resize cannot be told from that of the whole picture.
_DRAFT_MARGIN = 3
_STRIP = 2**20  # pixels that are changed at a time
# Of a picture that is asked for. Of one that is read Pillow says how many; who changes that number
# is heeded here too.
MOST_PIXELS, _OF_PILLOW = 16384**2, Image.MAX_IMAGE_PIXELS
MOST_SIDE = 10**6  # pixels: each row costs Pillow memory of its own, however short it is


def decode_file(
    path: PathLike, size: int | None, *, transparent: bool = False
) -> NDArray[np.uint8]:
    """Read a picture file, as `images.load_image` or `transparency.load_transparent` promises."""
    checked = None if size is None else _check_size("load_image", size)
    with opened(path) as (picture, file):
        return _read(picture, file, checked, "RGBA" if transparent else "RGB")


@contextmanager
def opened(path: PathLike) -> Iterator[tuple[Image.Image, Path]]:
    """Open a picture file that is not trusted, and refuse in one sentence what goes wrong."""
    file = _check_picture_file(path)
    try:
        with _pillow_warnings(), Image.open(file, formats=_readable()) as picture:
            yield picture, file
    except NstError:
        raise
    except MemoryError as error:
        raise TooLargeError(
            f"load_image: {file} needs more memory than there is: make it smaller first"
        ) from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        limit = f"{Image.MAX_IMAGE_PIXELS:,}"
        raise ImageError(
            f"load_image: {file} has more than {limit} pixels: make it smaller first"
        ) from error
    except UnidentifiedImageError as error:
        with _pillow_warnings():
            text = unreadable(file)
        raise ImageError(f"load_image: {file} {text}") from error
    # On damaged bytes Pillow's readers raise OSError, SyntaxError, struct.error, zlib.error, …
    except Exception as error:
        raise ImageError(
            f"load_image: {file} is damaged or cut off ({error}): fetch or save it again"
        ) from error


def decode_exactly(path: PathLike, size: int | None) -> NDArray[Any]:
    """Read a picture file; one of 16 bits a colour as uint16, as `images.as_exact` promises."""
    checked = None if size is None else _check_size("load_image", size)
    with opened(path) as (picture, file):
        _check_sides(picture, file)
        values = _read_16_bits(picture, file)
        if values is not None:
            turned = turn(values, orientation(picture))
            shape = turned.shape[:2]
            return resize_colours(
                turned, shape if checked is None else new_shape("load_image", shape, checked)
            )
    return decode_file(path, size)


def decode_array(value: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn grey, RGB or RGBA bytes into a new RGB array, as `images.as_image` promises."""
    _check_picture_array(value)
    if value.ndim == 2:
        return np.stack([value] * 3, axis=-1)  # (H, W) -> (H, W, 3)
    if value.shape[2] == 4:
        return np.array(
            _in_strips(Image.fromarray(value), partial(_shown, profile=None, to="RGB"), "RGB")
        )
    return value.copy()


def new_shape(name: str, shape: tuple[int, int], size: int | tuple[int, int]) -> tuple[int, int]:
    """Say which (height, width) a picture of `shape` gets by `size`, for the function `name`.

    `size` is the longest side, which keeps the aspect ratio, or (height, width).
    """
    if not isinstance(size, tuple):
        height, width = _fit(*shape, _check_size(name, size))
    elif len(size) == 2:
        height, width = _check_size(name, size[0]), _check_size(name, size[1])
    else:
        raise SettingError(f"{name}: size is {size!r}: give the longest side, or (height, width)")
    most = MOST_PIXELS if Image.MAX_IMAGE_PIXELS == _OF_PILLOW else Image.MAX_IMAGE_PIXELS
    if most is not None and width * height > most:
        raise SettingError(
            f"{name}: {width} x {height} pixels are more than {most:,}: give a smaller size"
        )
    return height, width


def _fit(height: int, width: int, size: int) -> tuple[int, int]:
    longest = max(height, width)
    # Whole numbers only, halves go up: float would be off by one where a half is not exact.
    scaled = [(2 * side * size + longest) // (2 * longest) for side in (height, width)]
    return max(1, scaled[0]), max(1, scaled[1])


def _check_size(name: str, size: int) -> int:
    if not is_whole(size):
        raise SettingError(f"{name}: size is {size!r}: give a whole number of pixels, 1 or more")
    return operator.index(size)


def _check_picture_file(path: PathLike) -> Path:
    try:
        file = find_picture(path)
        if file is None:
            _refuse_missing(path)
        if not file.is_file():
            raise ImageError(f"load_image: {file} is not an ordinary file: give a picture")
        if file.stat().st_size == 0:
            raise ImageError(f"load_image: {file} is empty: fetch or save it again")
        with open(file, "rb"):
            return file
    except OSError as error:
        raise ImageError(f"load_image: {path} cannot be opened: {error}") from error


def _refuse_missing(path: PathLike) -> NoReturn:
    file, text = expand(path), os.fspath(path)
    if file.is_dir():
        raise ImageError(f"load_image: {file} is a folder: name a picture in it")
    refuse_unknown_picture(text)
    raise ImageError(f"load_image: there is no file {file}: {hint(text)}")


def _check_picture_array(value: NDArray[np.uint8]) -> None:
    if not isinstance(value, np.ndarray):
        raise ShapeError(
            f"as_image: a picture is a path or a uint8 array, not a {type(value).__name__}; "
            "np.asarray turns other pictures into arrays"
        )
    if value.dtype != np.uint8:
        raise ShapeError(
            f"as_image: the picture is {value.dtype}, expected uint8, 0 to 255; for floats from "
            "0 to 1 pass np.uint8(np.rint(255 * image))"
        )
    if value.size == 0 or not (value.ndim == 2 or (value.ndim == 3 and value.shape[2] in (3, 4))):
        raise ShapeError(
            f"as_image: the picture has shape {value.shape}, expected (H, W, 3), (H, W) for grey "
            "or (H, W, 4) for RGBA"
        )


def _readable() -> list[str]:
    """List what this Pillow knows of what it may try."""
    Image.init()
    return [kind for kind in READABLE if kind in Image.OPEN]


_one_at_a_time = threading.Lock()


@contextmanager
def _pillow_warnings() -> Iterator[None]:
    # Python's list of filters is the process's: two threads that change it and put it back would
    # leave it changed
    with _one_at_a_time, warnings.catch_warnings():
        # A broken EXIF block, for example, is no reason to bother someone who wants the pixels.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _check_sides(picture: Image.Image, file: Path) -> None:
    if max(picture.size) > MOST_SIDE:
        raise ImageError(
            f"load_image: {file} says that it is {picture.width} x {picture.height} pixels, more "
            f"than {MOST_SIDE:,} on a side: cut it to pieces first"
        )


def _read_16_bits(picture: Image.Image, file: Path) -> NDArray[np.uint16] | None:
    """Read the colours, or the grey, of a picture of 16 bits, (H, W, 3); None of any other."""
    if not _is_grey16(picture):
        return read_colours(picture, file)
    profile = picture.info.get("icc_profile")
    if profile and changes_colours(profile):
        return None
    values, solid = _grey16(picture)(picture)
    if solid is not None:
        values = np.where(solid, values, 65535)
    return np.repeat(values[..., None].astype(np.uint16), 3, axis=-1)  # (H, W) -> (H, W, 3)


def _read(picture: Image.Image, file: Path, size: int | None, mode: str) -> NDArray[np.uint8]:
    _check_sides(picture, file)
    if picture.format in ("JPEG", "MPO"):
        _check_scans(file)
    if picture.format == "TIFF":
        picture.load()  # Pillow turns it upright here; before, some versions give the old size.
    box = None
    shape = picture.size
    if size is not None:
        # Reckoned before draft() changes the size, and passed on with a box, because a drafted
        # side is rounded up to a whole pixel.
        height, width = new_shape("load_image", (picture.height, picture.width), size)
        shape = width, height
        drafted = picture.draft(None, (_DRAFT_MARGIN * width, _DRAFT_MARGIN * height))
        box = drafted[1] if drafted else None
    turned = orientation(picture)
    rgb = _converted(picture, file, mode)
    if mode == "RGBA":
        rgb = extended(rgb, shape)
    elif rgb.size != shape:
        rgb = rgb.resize(shape, Image.Resampling.LANCZOS, box=box)
    rgb.info.clear()  # else exif_transpose would look there too
    rgb.getexif()[_ORIENTATION] = turned
    return np.array(ImageOps.exif_transpose(rgb))


def _check_scans(file: Path) -> None:
    """Refuse a JPEG that would be decoded again and again: its size does not tell the time."""
    scans = file.read_bytes().count(b"\xff\xda")
    if scans > MOST_SCANS:
        raise ImageError(
            f"load_image: {file} is a JPEG of {scans} scans, which takes very long to decode: "
            "save it again, as PNG or as a plain JPEG"
        )


def orientation(picture: Image.Image) -> int:
    """Return how a picture has to be turned, 1 to 8, as EXIF says; 1 is upright."""
    if picture.format == "TIFF":
        return 1  # Pillow has turned it while decoding.
    try:
        found: int = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # Broken EXIF raises many kinds, and the pixels are good without it.
        return 1
    return found


def _converted(picture: Image.Image, file: Path, to: str) -> Image.Image:
    """Bring a picture of any mode to sRGB: as RGB on white, or as RGBA."""
    mode, profile = picture.mode, picture.info.get("icc_profile")
    show = partial(_shown, profile=profile, to=to)
    if _is_grey16(picture):
        scale = _grey16_scaler(picture)
        return _in_strips(picture, lambda strip: show(scale(strip)), to)
    if mode in ("I", "F"):
        signed = _tiff_tag(picture, _BITS) == (16,)
        raise ImageError(
            f"load_image: {file} has {'signed' if signed else '32-bit'} pixels, of which none is "
            f"known to be white: save it with 8 or 16 bits{' and no sign' if signed else ''}"
        )
    if mode == "RGB" and "transparency" in picture.info and is_png16(file):
        # Pillow keeps the upper byte of each colour, and the key as it stands in the file
        picture.info["transparency"] = tuple(v >> 8 for v in picture.info["transparency"])
    if is_transparent(picture):
        return _in_strips(picture, show, to)
    return show(picture)


def _shown(picture: Image.Image, profile: bytes | None, to: str) -> Image.Image:
    """Bring some rows, of 8 bits, to sRGB: as RGB on white, or as RGBA."""
    if is_transparent(picture):
        picture = picture.convert("RGBA")  # also a palette's, and a colour that stands for it
    elif picture.mode == "P":
        picture = picture.convert("RGB")
    if profile:
        picture = to_srgb(picture, profile)
    if to == "RGB" and is_transparent(picture):
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture if picture.mode == to else picture.convert(to)


def is_transparent(picture: Image.Image) -> bool:
    """Whether a picture can have transparent parts, by its mode or by what stands beside it."""
    return picture.mode in ("PA", "LA", "RGBA", "RGBa") or "transparency" in picture.info


def _is_grey16(picture: Image.Image) -> bool:
    """Whether a picture is grey, with 16 bits."""
    mode = picture.mode
    return mode.startswith("I;16") or (mode == "I" and picture.format in _GREY16_FORMATS)


def _grey16(
    picture: Image.Image,
) -> Callable[[Image.Image], tuple[NDArray[np.uint32], NDArray[np.bool_] | None]]:
    """Make the function that reads rows of 16-bit grey: 0 to 65535, and which are not clear."""
    inverted = _tiff_tag(picture, _PHOTOMETRIC) == _WHITE_IS_ZERO
    clear = picture.info.get("transparency")

    def values_of(strip: Image.Image) -> tuple[NDArray[np.uint32], NDArray[np.bool_] | None]:
        values = np.asarray(strip).astype(np.uint32)
        if inverted:
            values = 65535 - values
        return values, values != clear if isinstance(clear, int) else None

    return values_of


def _grey16_scaler(picture: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """Make the function that brings rows of 16-bit grey to 8 bits, grey or grey with alpha."""
    read = _grey16(picture)

    def scale(strip: Image.Image) -> Image.Image:
        values, solid = read(strip)
        # 0..65535 -> 0..255 to the nearest, since 65535 = 255 * 257
        grey = Image.fromarray(((values + 128) // 257).astype(np.uint8))
        if solid is not None:
            grey.putalpha(Image.fromarray(np.where(solid, 255, 0).astype(np.uint8)))
        return grey

    return scale


def _in_strips(
    picture: Image.Image, change: Callable[[Image.Image], Image.Image], mode: str
) -> Image.Image:
    """Change a picture, some rows at a time: no second large copy in a wider mode."""
    changed = Image.new(mode, picture.size)
    rows = max(1, _STRIP // picture.width)
    for top in range(0, picture.height, rows):
        box = (0, top, picture.width, min(top + rows, picture.height))
        changed.paste(change(picture.crop(box)), box)
    return changed


def _tiff_tag(picture: Image.Image, tag: int) -> Any:
    """Return what a TIFF says of itself; None for other files, and where it says nothing."""
    return getattr(picture, "tag_v2", {}).get(tag) if picture.format == "TIFF" else None


def is_png16(file: Path) -> bool:
    """Whether a file is a PNG of 16 bits a colour: the byte after signature, IHDR and sizes."""
    with open(file, "rb") as stream:
        head = stream.read(25)
    return head[:4] == b"\x89PNG" and head[24:] == b"\x10"
