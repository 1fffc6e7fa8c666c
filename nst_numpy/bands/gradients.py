"""The losses of activations in bands: sums over bands, and gradients that are made with one.

Each does what the function of its name in `nst_numpy.losses` does. Sums over positions are cut into
the same pieces, and added up in the same order.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nst_numpy.bands.arrays import InBands
from nst_numpy.common.arrays import Array, Array64, Shape
from nst_numpy.errors import ShapeError
from nst_numpy.fused.gradients import GradientInParts, adds, adds_pull, adds_transport
from nst_numpy.kernels.parts import EachPart, one_after_the_other
from nst_numpy.kernels.threads import chunks
from nst_numpy.losses import PIECE_VALUES, MeanAndCovariance, sum_of_squares
from nst_numpy.losses.columns import resize_axis, resizing_matrix
from nst_numpy.losses.gaussian import (
    moment_sums,
    moments_of_sums,
    near_the_mean,
    pull_of_moments,
    sampled,
)
from nst_numpy.losses.gram import gram_sums, pull_of_gram
from nst_numpy.losses.positions import as_counts, counted_positions

Counts = Array | None


class GradientInBands(GradientInParts):
    """∂J/∂a of a layer, of which a band is asked for.

    Parameters
    ----------
    shape, dtype : of the activation
    in_band : callable
        rows -> a function that adds the gradient of these rows to a part of them; the part's place
        counts from the band's first row.
    """

    def __init__(
        self, shape: Shape, dtype: np.dtype[Any], in_band: Callable[[slice], EachPart]
    ) -> None:
        super().__init__(shape, dtype, self._add_to_whole)
        self.in_band = in_band

    def _add_to_whole(self, whole: Array, place: tuple[Any, ...]) -> None:
        for rows in chunks(self.shape[1], 64):
            self.in_band(rows)(whole[:, rows], place)

    def __add__(self, other: Any) -> "GradientInBands":
        """Return the sum, also in bands."""

        def in_band(rows: slice) -> EachPart:
            is_one = isinstance(other, GradientInBands)
            more = other.in_band(rows) if is_one else adds(np.asarray(other)[:, rows])
            return one_after_the_other(self.in_band(rows), more)

        return GradientInBands(self.shape, self.dtype, in_band)

    __radd__ = __add__


def content_loss_in_bands(
    a: InBands, target: InBands, coefficient: float
) -> tuple[float, GradientInBands]:
    """Return α times equations (2) and (3)."""
    if a.shape != target.shape:
        raise ShapeError(f"content_loss: a {a.shape} and target {target.shape} must have one shape")

    def in_band(rows: slice) -> EachPart:
        difference = a.read(rows) - target.read(rows)  # equation (3)
        difference *= coefficient
        return adds(difference)

    value = sum(sum_of_squares(part - target.read(rows)) for rows, part in a.bands())
    gradient = GradientInBands(a.shape, a.dtype, in_band)
    return coefficient * 0.5 * value, gradient  # equation (2)


def gram_in_bands(a: InBands, mask: Counts = None) -> Array:
    """Return the Gram matrix, equation (4) or (60)."""
    counts = _counts("gram_matrix", a, mask)
    gram = np.zeros((a.shape[-1],) * 2, a.dtype)
    for first, f, pieces in _pieces(a):
        for part in gram_sums(f, _some(counts, first, len(f)), pieces):
            gram += part
    return gram


def style_loss_in_bands(
    a: InBands, target_gram: Array, coefficient: float, mask: Counts = None
) -> tuple[float, GradientInBands]:
    """Return β times equations (5) and (6)."""
    value, pull = pull_of_gram(gram_in_bands(a, mask), target_gram, positions(a, mask))
    pull *= coefficient

    def in_band(rows: slice) -> EachPart:
        return adds_pull(a.read(rows), pull, None if mask is None else mask[rows])

    return coefficient * value, GradientInBands(a.shape, a.dtype, in_band)


def moments_in_bands(a: InBands, mask: Counts = None) -> MeanAndCovariance:
    """Return mean and covariance, equation (26) or (63)."""
    counts, step = _counts("mean_and_covariance", a, mask), sampled(math.prod(a.shape[:-1]))
    near = near_the_mean(np.concatenate([f[-first % step :: step] for first, f, _ in _pieces(a)]))
    sums, products = np.zeros(a.shape[-1]), np.zeros((a.shape[-1],) * 2)
    for first, f, pieces in _pieces(a):
        for one, two in zip(
            *moment_sums(f, _some(counts, first, len(f)), pieces, near), strict=True
        ):
            sums += one
            products += two
    return moments_of_sums(near, sums, products, positions(a, mask))


def wasserstein_loss_in_bands(
    a: InBands, target: MeanAndCovariance, coefficient: float, mask: Counts = None
) -> tuple[float, GradientInBands]:
    """Return β times equations (27) and (29)."""
    moments = moments_in_bands(a, mask)
    value, transport = pull_of_moments(moments, target, positions(a, mask), a.dtype)

    def in_band(rows: slice) -> EachPart:
        counts = None if mask is None else mask[rows]
        return adds_transport(a.read(rows), transport, coefficient, counts)

    return coefficient * value, GradientInBands(a.shape, a.dtype, in_band)


def squared_length_in_bands(a: InBands, mask: Counts = None) -> float:
    """Return the mean squared length of the vectors, each as much as it counts."""
    if mask is None:
        total = sum(sum_of_squares(part) for _, part in a.bands())
    else:
        total = 0.0
        for rows, part in a.bands():
            lengths = np.einsum("n...c,n...c->...", part, part, dtype=np.float64)
            total += float(np.sum(lengths * mask[rows]))
    return total / positions(a, mask)


def columns_in_bands(features: Mapping[str, InBands], size: Sequence[int]) -> Array:
    """Bring layers to one grid, equation (33): of the layers a band is there at a time."""
    dtype = np.result_type(*(a.dtype for a in features.values()))
    [items] = {a.shape[0] for a in features.values()}
    columns = np.zeros((items, *size, sum(a.shape[-1] for a in features.values())), dtype)
    begin = 0
    for a in features.values():
        channels = slice(begin, begin + a.shape[-1])
        begin = channels.stop
        for rows, part in a.bands():
            for axis, n in enumerate(size[1:], start=2):
                part = resize_axis(axis, resizing_matrix(part.shape[axis], n), part)
            matrix, grid_rows = _rows_of_matrix(resizing_matrix(a.shape[1], size[0]), rows)
            columns[:, grid_rows, ..., channels] += resize_axis(1, matrix, part)
    return columns


def columns_backward_in_bands(
    grad_out: Array, features: Mapping[str, InBands]
) -> dict[str, GradientInBands]:
    """Carry a gradient at the grid back to the layers, a band of which is made at a time."""
    size, begin, grads = grad_out.shape[1:-1], 0, {}
    for name, a in features.items():
        channels = slice(begin, begin + a.shape[-1])
        begin = channels.stop

        def in_band(rows: slice, a: InBands = a, channels: slice = channels) -> EachPart:
            matrix, grid_rows = _rows_of_matrix(resizing_matrix(a.shape[1], size[0]), rows)
            grad = resize_axis(1, matrix.T, grad_out[:, grid_rows, ..., channels])
            for axis, n in enumerate(size[1:], start=2):
                grad = resize_axis(axis, resizing_matrix(a.shape[axis], n).T, grad)
            return adds(grad)

        grads[name] = GradientInBands(a.shape, a.dtype, in_band)
    return grads


def positions(a: InBands, mask: Counts = None) -> float:
    """Count the positions; with a mask, each as much as it counts."""
    m = math.prod(a.shape[:-1])
    return m if mask is None else counted_positions(mask, m)


def _pieces(a: InBands) -> Iterator[tuple[int, Array, list[slice]]]:
    """Yield positions as rows (M', C), some at a time: the first one's number, they, their pieces.

    They are cut as those of the whole are, whatever the bands: so the sums are the same.
    """
    width, channels = math.prod(a.shape[2:-1]), a.shape[-1]
    cuts = chunks(a.shape[1] * width, PIECE_VALUES // channels)
    for group in chunks(len(cuts), max(1, a.height * width // cuts[0].stop)):
        first, stop = cuts[group.start].start, cuts[group.stop - 1].stop
        rows = slice(first // width, -(-stop // width))
        skipped = first - rows.start * width
        # (1, rows, …, C) -> (M', C)
        f = a.read(rows).reshape(-1, channels)[skipped : skipped + stop - first]
        yield first, f, [slice(cut.start - first, cut.stop - first) for cut in cuts[group]]


def _counts(who: str, a: InBands, mask: Counts) -> Counts:
    whole: Any = a  # of which the shape and the dtype are asked
    return as_counts(who, whole, mask)


def _some(counts: Counts, first: int, count: int) -> Counts:
    return None if counts is None else counts[first : first + count]


def _rows_of_matrix(matrix: Array64, rows: slice) -> tuple[Array64, slice]:
    """Take what some rows of a layer give to the grid: the part of the matrix that is not 0."""
    some = matrix[:, rows]
    given = np.flatnonzero(some.any(axis=1))
    grid_rows = slice(int(given[0]), int(given[-1]) + 1) if len(given) else slice(0, 0)
    return some[grid_rows], grid_rows
