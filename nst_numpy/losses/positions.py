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


def as_counts(who: str, a: Array, mask: Array | None) -> Array | None:
    """Say how much each position counts: (*sizes,) -> (M, 1), in a's dtype; None: all alike.

    Raises
    ------
    ShapeError
        The mask has not the sizes of a, or its numbers are none from 0 to 1, or all 0.
    """
    if mask is None:
        return None
    positions = a.shape[:-1]
    if mask.shape not in (positions, positions[1:]):
        raise ShapeError(
            f"{who}: mask has the shape {mask.shape}, but a {a.shape} has the positions "
            f"{positions}: give one number for each of them"
        )
    counts: Array = np.broadcast_to(mask, positions).reshape(-1, 1).astype(a.dtype)
    if not (counts.min() >= 0 and counts.max() <= 1 and counts.any()):  # NaN is none of these
        raise ShapeError(f"{who}: mask must have numbers from 0 to 1, and one that is not 0")
    return counts


def counted_positions(mask: Array, positions: int) -> float:
    """Add up a mask: of `positions` positions, as many count. It may be that of each of N items.

    >>> counted_positions(np.array([1.0, 0.5]), 4)
    3.0
    """
    return float(mask.sum(dtype=np.float64)) * positions / mask.size


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
