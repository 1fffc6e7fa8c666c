"""Pictures of 16 bits a colour: 65,536 levels where others have 256.

A run's picture is made of floats. In 8 bits a smooth sky has steps, which show when the picture is
edited; in 16 it has none. This form is for files: what is computed with is `x`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Image16
from nst_numpy.files import PathLike
from nst_numpy.pictures.images import LEVELS as LEVELS
from nst_numpy.pictures.images import MEAN_BGR, as_exact, check_x
from nst_numpy.pictures.images import to_8_bits as to_8_bits


def load_image16(path: PathLike, size: int | None = None) -> Image16:
    """Read a picture file with 16 bits a colour, whatever it has.

    Parameters
    ----------
    path, size
        As in `images.load_image`.

    Returns
    -------
    uint16 array, (H, W, 3)
        RGB, 0 to 65535: those of the file, see `images.as_exact`; of one of 8 bits 257 times its
        levels. `transfer` takes it as a picture.

    Raises
    ------
    ImageError, SettingError, TooLargeError
        As in `images.load_image`.
    """
    image = as_exact(path, size)
    return image if image.dtype == np.uint16 else to_16_bits(image)  # type: ignore[return-value]


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
