"""What all losses share: positions as rows, in pieces that stay in cache."""

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.errors import ShapeError
from nst_numpy.kernels.threads import chunks, for_each

PIECE_VALUES = 1 << 18  # positions times channels at a time: what a core's own cache holds


def as_rows(who: str, a: Array) -> Array:
    """(N, *sizes, C) -> (M, C)."""
    if a.ndim < 2:
        raise ShapeError(f"{who}: a must be (N, *sizes, C) or (*sizes, C), not of shape {a.shape}")
    return a.reshape(-1, a.shape[-1])


def row_pieces(f: Array) -> list[slice]:
    """Cut (M, C) into rows that stay in cache."""
    return chunks(len(f), PIECE_VALUES // f.shape[1])


def sum_of_squares(d: Array) -> float:
    """Σ d², added up in float64: millions of float32 terms would lose digits."""
    flat = d.reshape(-1)
    pieces = chunks(flat.size, PIECE_VALUES)
    sums = np.empty(len(pieces))

    def work(i: int) -> None:
        sums[i] = np.square(flat[pieces[i]], dtype=np.float64).sum()

    for_each(work, range(len(pieces)))
    return float(sums.sum())
