"""Blocks of one size, cut out of an array of any number of axes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array, Integers
from nst_numpy.errors import ShapeError


def grid(
    low: Sequence[int], high: Sequence[int], size: Sequence[int], stride: Sequence[int]
) -> Integers:
    """Corners of all blocks that lie between two corners of a region, a stride apart.

    Returns
    -------
    ndarray of int, (N, axes)

    Examples
    --------
    >>> grid((0, 10), (4, 16), (4, 4), stride=(2, 2))
    array([[ 0, 10],
           [ 0, 12]])
    """
    axes = [
        np.arange(a, b - s + 1, step) for a, b, s, step in zip(low, high, size, stride, strict=True)
    ]
    return np.stack([each.ravel() for each in np.meshgrid(*axes, indexing="ij")], axis=1)


def cut(array: NDArray[Any], corners: Integers, size: Sequence[int]) -> Array:
    """Cut blocks of one size out of an array.

    Returns
    -------
    ndarray, float32 (N, *size)

    Raises
    ------
    ShapeError
        The array has not as many axes as a block, or is smaller than one.
    """
    if array.ndim != len(size) or any(n < s for n, s in zip(array.shape, size, strict=True)):
        raise ShapeError(
            f"cut: an array of shape {array.shape} has no block of {tuple(size)}: give one of "
            f"{len(size)} axes, each at least so long"
        )
    windows = np.lib.stride_tricks.sliding_window_view(array, tuple(size))
    blocks: Array = windows[tuple(corners.T)].astype(np.float32)
    return blocks
