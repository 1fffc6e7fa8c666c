"""A ReLU in place, and its mask in bits."""

from functools import cache, lru_cache

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nst_numpy.common.arrays import Array
from nst_numpy.kernels.memory import scratch_array


def rectify(a: Array) -> None:
    """Replace a by max(a, 0), in place.

    With an array of zeros NumPy is three times as fast as with the number 0.
    """
    np.maximum(a, _zeros(a.shape[-2:], a.dtype), out=a)


def pack_mask(a: Array) -> NDArray[np.uint8]:
    """Return where a > 0, one bit a number: (…, C) -> (…, ⌈C/8⌉)."""
    positive = np.greater(a, 0, out=scratch_array("positive", a.shape, np.bool_))
    *positions, channels = a.shape
    if channels % 8 == 0:  # no byte is shared: all in one go is three times as fast
        return np.packbits(positive).reshape(*positions, -1)
    return np.packbits(positive, axis=-1)


def apply_mask(a: Array, mask: NDArray[np.uint8]) -> None:
    """Set to 0, in place, all numbers of `a` whose bit in a mask from `pack_mask` is 0."""
    # (…, ⌈C/8⌉) -> (…, ⌈C/8⌉, 8) -> (…, C)
    bits = scratch_array("bits", (*mask.shape, 8), a.dtype)
    np.take(_bits(a.dtype), mask, axis=0, out=bits, mode="clip")
    a *= bits.reshape(*mask.shape[:-1], -1)[..., : a.shape[-1]]


@lru_cache(maxsize=64)
def _zeros(shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    zeros = np.zeros(shape, dtype=dtype)
    zeros.flags.writeable = False
    return zeros


@cache
def _bits(dtype: DTypeLike) -> Array:
    """Return, in row n, the bits of the byte n as numbers 0 and 1."""
    return np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=-1).astype(dtype)
