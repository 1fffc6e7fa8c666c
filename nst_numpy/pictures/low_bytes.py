"""Colours of 16 bits, read whole.

Pillow opens such files, and keeps the upper byte of each colour. Asked for the bytes the other way
round it keeps the lower one. So a file is decoded twice, and what packs, filters or interlaces it
stays Pillow's affair.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nst_numpy.common.arrays import Array64
from nst_numpy.pictures.colours import changes_colours

_NATIVE = "16L" if sys.byteorder == "little" else "16B"
_OTHER = {"16B": "16L", "16L": "16B", "16N": "16B" if _NATIVE == "16L" else "16L"}
_COLOURS = ("RGB", "RGBA")
WHITE = 65535


def read_colours(picture: Image.Image, file: Path) -> NDArray[np.uint16] | None:
    """Read a picture of 16 bits a colour, with transparent parts on white.

    Parameters
    ----------
    picture : PIL.Image.Image
        Opened, and not loaded yet.
    file : Path
        Where it was opened.

    Returns
    -------
    uint16 array, (H, W, 3), or None
        None of a picture of another kind, and of one whose profile changes colours: LittleCMS
        does that to 8 bits here.
    """
    turned = _turned(picture)
    profile = picture.info.get("icc_profile")
    if turned is None or (profile and changes_colours(profile)):
        return None
    kind, key = picture.format, picture.info.get("transparency")
    with Image.open(file, formats=[str(kind)]) as again:
        again.tile = turned
        high, low = (_bytes(each).astype(np.uint16) for each in (picture, again))
    values = high * np.uint16(256) + low  # (H, W, 3 or 4)
    if values.shape[2] == 3 and key is None:
        return values
    if values.shape[2] == 4:
        alpha = values[..., 3:] / WHITE
    else:
        alpha = (values != np.asarray(key)).any(axis=-1, keepdims=True).astype(np.float64)
    return on_white(values[..., :3], alpha)


def on_white(values: NDArray[np.uint16], alpha: Array64) -> NDArray[np.uint16]:
    """Show colours (H, W, 3) on white, as far as alpha (H, W, 1) lets through."""
    return np.rint(values * alpha + WHITE * (1 - alpha)).astype(np.uint16)


def resize_colours(values: NDArray[np.uint16], size: tuple[int, int]) -> NDArray[np.uint16]:
    """Resize 16-bit colours (H, W, 3) to (height, width), by Lanczos, as bytes are."""
    if values.shape[:2] == size:
        return values
    planes = [Image.fromarray(plane.astype(np.float32)) for plane in np.moveaxis(values, -1, 0)]
    resized = [np.asarray(p.resize(size[::-1], Image.Resampling.LANCZOS)) for p in planes]
    stacked = np.stack(resized, axis=-1)  # three of (H', W') -> (H', W', 3)
    found: NDArray[np.uint16] = np.rint(stacked.clip(0, WHITE)).astype(np.uint16)
    return found


def turn(values: NDArray[np.uint16], orientation: int) -> NDArray[np.uint16]:
    """Turn a picture upright by EXIF's number, 1 to 8.

    >>> turn(np.array([[[1], [2]]], np.uint16), 6)[..., 0].tolist()
    [[1], [2]]
    """
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return np.ascontiguousarray(values)


def _bytes(picture: Image.Image) -> NDArray[np.uint8]:
    picture.load()
    return np.asarray(picture)


def _turned(picture: Image.Image) -> list[Any] | None:
    """List what Pillow is to decode, with the bytes the other way round; None of other kinds."""
    if picture.format not in ("PNG", "TIFF") or picture.mode not in _COLOURS:
        return None
    tiles = []
    for tile in getattr(picture, "tile", []):
        args = tile[3]  # after decoder, box and offset
        name, *more = (args,) if isinstance(args, str) else args
        mode, _, order = str(name).partition(";")
        if mode not in _COLOURS or order not in _OTHER:
            return None
        other = f"{mode};{_OTHER[order]}"
        tiles.append(_with_args(tile, other if isinstance(args, str) else (other, *more)))
    return tiles or None


def _with_args(tile: Any, args: Any) -> Any:
    return tile._replace(args=args) if hasattr(tile, "_replace") else (*tile[:3], args)
