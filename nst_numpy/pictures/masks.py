"""Masks: how much each pixel of a picture counts, from 0, black, to 1, white.

A mask is drawn in black, grey and white, in any program and of any size, or made as an array.
Grey is in between: a soft edge is a row of greys.
"""

import os
from typing import Any, TypeAlias

import numpy as np

from nst_numpy.common.arrays import Array64, Image
from nst_numpy.errors import ImageError, SettingError, ShapeError
from nst_numpy.files import PathLike
from nst_numpy.pictures.images import as_image

Mask: TypeAlias = PathLike | np.ndarray[Any, Any]

WHOLE = "whole"  # in place of a mask: none
INVERSE = "not:"  # before a file: what is black in it
# Of 255: between red, green and blue of a pixel. A JPEG of a grey picture is not quite grey.
MOST_COLOUR = 48


def read_mask(mask: Mask) -> Array64:
    """Read what counts as a mask.

    Parameters
    ----------
    mask : path, text, or ndarray
        A picture without colours, black 0 and white 1. "not:" before its name exchanges the two,
        so that one file has a region and what is around it. Or an array (H, W): of bool; of whole
        numbers, 0 and 1, or 0 to 255; or of floats from 0 to 1. Or uint8 (H, W, 3), as a picture.

    Returns
    -------
    ndarray of float64, (H, W)
        From 0 to 1.

    Raises
    ------
    ImageError
        The file cannot be read, or has colours.
    ShapeError
        The array is none of these.
    SettingError
        Nothing counts: all of it is 0.

    Examples
    --------
    >>> read_mask(np.array([[0, 51, 255]], dtype=np.uint8))
    array([[0. , 0.2, 1. ]])
    >>> read_mask(np.array([[False, True]]))
    array([[0., 1.]])
    """
    values = _read_array(mask) if isinstance(mask, np.ndarray) else _read_file(mask)
    if not values.any():
        raise SettingError(
            f"the mask {mask_name(mask)} is black everywhere, so nothing counts: paint white what "
            "shall"
        )
    return values


def resize_mask(mask: Array64, size: tuple[int, int]) -> Array64:
    """Resize a mask, (H, W), to (height, width): linearly, and by means where it shrinks.

    >>> resize_mask(np.array([[0.0, 1.0]]), (1, 4))
    array([[0.  , 0.25, 0.75, 1.  ]])
    """
    from PIL import Image as Pillow

    if mask.shape == size:
        return mask
    plane = Pillow.fromarray(mask.astype(np.float32))
    resized = plane.resize(size[::-1], Pillow.Resampling.BILINEAR)
    return np.clip(np.asarray(resized, dtype=np.float64), 0, 1)


def mask_name(mask: Mask | None) -> str:
    """Say which mask is meant: its file, or that it is an array.

    >>> mask_name("sky.png"), mask_name(np.ones((2, 2))), mask_name(None)
    ('sky.png', 'array', 'whole')
    """
    if mask is None:
        return WHOLE
    return "array" if isinstance(mask, np.ndarray) else os.fspath(mask)


def mask_file(mask: str) -> str:
    """Return the file that a mask is read from, without the word before it.

    >>> mask_file("not:sky.png")
    'sky.png'
    """
    return mask.removeprefix(INVERSE)


def _read_file(mask: PathLike) -> Array64:
    if not isinstance(mask, (str, os.PathLike)):
        raise ShapeError(
            f"a mask must be the path of a picture or an array, not a {type(mask).__name__}"
        )
    name = os.fspath(mask)
    values = _grey(as_image(mask_file(name)), f"the mask {mask_file(name)}")
    return 1 - values if name.startswith(INVERSE) else values


def _grey(image: Image, what: str) -> Array64:
    """Return (H, W), 0 to 1, of a picture that has no colours."""
    colour = int(np.max(image.max(axis=2) - image.min(axis=2)))
    if colour > MOST_COLOUR:
        raise ImageError(f"{what} has colours: draw it in black, grey and white")
    values: Array64 = image.sum(axis=2) / (3 * 255.0)  # (H, W, 3) -> (H, W)
    return values


def _read_array(mask: np.ndarray[Any, Any]) -> Array64:
    if mask.ndim == 3 and mask.dtype == np.uint8:
        return _grey(as_image(mask), "the mask, an array,")
    if mask.ndim != 2 or mask.size == 0 or mask.dtype.kind not in "buif":
        raise ShapeError(
            f"a mask must be an array (H, W) of bool, 0 to 255 or floats from 0 to 1, not "
            f"{mask.dtype} {mask.shape}"
        )
    values = mask.astype(np.float64)
    if mask.dtype.kind in "ui" and values.max() > 1:
        values /= 255
    if not (values.min() >= 0 and values.max() <= 1):  # NaN is neither
        raise ShapeError(
            "a mask must have values from 0 to 1, or whole numbers from 0 to 255: "
            f"it has {mask.min()} to {mask.max()}"
        )
    return values
