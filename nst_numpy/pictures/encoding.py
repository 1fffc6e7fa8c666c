"""A picture to a file: which formats can hold what, and what goes along.

The counterpart of `decoding`. Errors bear the name of `images.save_image`, or that of the file
where they are found before the work.
"""

from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image

from nst_numpy.common.checks import is_whole
from nst_numpy.errors import OutputError, SettingError, ShapeError
from nst_numpy.files import PathLike
from nst_numpy.pictures.colours import can_paint_in, from_srgb, srgb_profile
from nst_numpy.pictures.metadata import beside, tiff_tags
from nst_numpy.pictures.sixteen_bits import png_of_16_bits, tiff_of_16_bits

LOSSY = ("JPEG", "WEBP", "AVIF")
Depth: TypeAlias = Literal[8, 16]
DEPTHS = get_args(Depth)
DEEP = ("PNG", "TIFF")
OPAQUE = ("JPEG", "BMP")
ProfileName: TypeAlias = Literal["srgb", "none"]
PROFILES = get_args(ProfileName)


def check_to_save(image: object) -> None:
    """Refuse what is no picture of 8 or 16 bits, RGB or RGBA."""
    if not isinstance(image, np.ndarray) or image.dtype not in (np.uint8, np.uint16):
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else (
            f"a {type(image).__name__}"
        )  # fmt: skip
        raise ShapeError(
            f"save_image: image is {found}, expected uint8 (H, W, 3), or uint16 for 16 bits"
        )
    if image.ndim != 3 or image.shape[2] not in (3, 4) or image.size == 0:
        raise ShapeError(
            f"save_image: image has shape {image.shape}, expected (H, W, 3), RGB, or (H, W, 4), "
            "RGBA; as_image makes RGB of grey"
        )


def check_format(
    path: PathLike,
    kind: str,
    depth: Depth,
    transparent: bool,
    quality: int | None,
    profile: ProfileName | bytes,
) -> None:
    """Refuse what a format cannot hold, or this Pillow cannot write."""
    Image.init()
    if kind not in Image.SAVE:
        raise OutputError(
            f"{path}: this Pillow, {PIL.__version__}, cannot write {kind}: "
            "pip install -U pillow, or use .png"
        )
    if depth not in DEPTHS:
        raise SettingError(f"depth must be 8 or 16, not {depth!r}")
    if depth == 16 and kind not in DEEP:
        raise OutputError(f"{path}: {kind} has 8 bits a colour: for 16 use .png or .tif")
    if transparent and kind in OPAQUE:
        raise OutputError(
            f"{path}: {kind} cannot be transparent: use .png, .webp, .avif or .tif, or paint it "
            "on white"
        )
    if quality is not None:
        _check_quality(path, kind, quality)
    _check_profile(path, kind, profile, depth)


def _check_quality(path: PathLike, kind: str, quality: int) -> None:
    if not is_whole(quality) or quality > 100:
        raise SettingError(f"quality must be a whole number from 1 to 100, not {quality!r}")
    if kind not in LOSSY:
        raise SettingError(
            f"{path}: {kind} keeps every pixel and has no quality: leave it out, or use .jpg, "
            ".webp or .avif"
        )


def _check_profile(path: PathLike, kind: str, profile: ProfileName | bytes, depth: int) -> None:
    if isinstance(profile, bytes):
        if kind == "BMP":
            raise SettingError(f"{path}: BMP has no place for a profile: use .png, or srgb")
        if depth == 16:
            raise SettingError(
                f"{path}: 16 bits go with the profile srgb or none: use depth 8, or no profile"
            )
        if not can_paint_in(profile):
            raise SettingError("profile is no ICC profile of RGB: use srgb")
    elif profile not in PROFILES:
        raise SettingError(f"profile must be srgb, none or the bytes of one, not {profile!r}")


def encode_file(
    file: Path,
    kind: str,
    image: NDArray[Any],
    settings: dict[str, Any],
    profile: ProfileName | bytes,
    comment: str | None,
    exif: Image.Exif | None,
) -> None:
    """Write a checked picture in one of Pillow's formats, as `images.save_image` promises."""
    named = {"srgb": srgb_profile(), "none": b""}
    embedded = profile if isinstance(profile, bytes) else named[profile]
    try:
        if image.dtype == np.uint16:
            _encode16(file, kind, image, embedded, comment, exif)
            return
        picture = Image.fromarray(image)
        if isinstance(profile, bytes):
            picture = from_srgb(picture, profile)
        options = settings | beside(kind, comment, exif, embedded)
        picture.save(file, format=kind, **options)
    except ValueError as error:
        raise OutputError(
            f"save_image: {kind} cannot hold a picture of shape {image.shape} ({error}): "
            "save it as .png"
        ) from error


def _encode16(
    file: Path,
    kind: str,
    image: NDArray[np.uint16],
    profile: bytes,
    comment: str | None,
    exif: Image.Exif | None,
) -> None:
    if kind == "TIFF":
        parts = tiff_of_16_bits(image, tiff_tags(comment, exif, profile))
    else:
        parts = png_of_16_bits(image, **beside(kind, comment, exif, profile))
    with open(file, "wb") as stream:
        stream.writelines(parts)
