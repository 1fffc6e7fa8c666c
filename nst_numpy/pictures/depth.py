"""Pictures of 16 bits a colour: 65,536 levels where others have 256.

A run's picture is made of floats. In 8 bits a smooth sky has steps, which show when the picture is
edited; in 16 it has none. This form is for files only: what is computed with is `image` and `x`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Image, Image16
from nst_numpy.pictures.images import MEAN_BGR, check_x

LEVELS = 257  # 16-bit levels to one of 8 bits: 65535 = 255 · 257


def deprocess16(x: NDArray[Any]) -> Image16:
    """Turn what VGG reads into a picture of 16 bits, as `images.deprocess` into one of 8.

    Parameters
    ----------
    x
        float (1, H, W, 3), BGR minus `MEAN_BGR`.

    Returns
    -------
    uint16 array, (H, W, 3)
        RGB, 0 to 65535, rounded and clipped.

    Raises
    ------
    ShapeError
        `x` has another shape, or is not float.
    NonFiniteError
        `x` has a NaN or an infinite value.

    Examples
    --------
    >>> grey = np.array([[[[100.25, 100.25, 100.25]]]]) - MEAN_BGR
    >>> deprocess16(grey).tolist(), round(100.25 * 257)
    ([[[25764, 25764, 25764]]], 25764)
    """
    check_x("deprocess16", x)
    return to_16_bits(x[0, ..., ::-1] + MEAN_BGR[::-1])  # (1, H, W, 3) -> (H, W, 3), BGR -> RGB


def to_16_bits(values: NDArray[Any]) -> Image16:
    """Bring levels from 0 to 255, whole or not, to 0 to 65535; rounded and clipped."""
    return np.clip(np.rint(values.astype(np.float64) * LEVELS), 0, 65535).astype(np.uint16)


def to_8_bits(image: Image16) -> Image:
    """Bring 0 to 65535 to 0 to 255, to the nearest level.

    >>> to_8_bits(np.array([[[128, 129, 65535]]], np.uint16)).tolist()
    [[[0, 1, 255]]]
    """
    nearest: Image = ((image.astype(np.uint32) + LEVELS // 2) // LEVELS).astype(np.uint8)
    return nearest
