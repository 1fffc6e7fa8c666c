r"""Winograd's method across whole lines: for signals and volumes, and for the filters' gradient.

Along each axis (W1) is a product of a small matrix with rows of numbers that lie side by side in
memory. Along the last axis such a row is the channels of one position, and with 16 of them a
product is over before it has begun. Along the others it can be a whole line, with all channels of
all its positions. So a volume is taken for a picture of lines (`kernels.sheets`):

- along D and H it is transformed, F(m, r) each, a line in the place of a pixel;
- along W the r taps stay as they are. At each point of D and H lines are convolved directly, and
  their windows lie in memory already as the rows of a matrix (`kernels.im2col` tells how):
  (positions, r*C_in) @ (r*C_in, C_out).

Of 4×4×4 outputs of 3×3×3 taps, 1728 multiplications directly, that leaves 432. Transforming along W
too would leave 216, and takes longer.

A piece is copied in, and one row of its tiles after the other goes to the points, is multiplied
there and comes back, all in a core's own cache. The arrays, and the products between them, are laid
out once by each thread for all pieces of a shape. So Python has little to do between two products:
while it works for one thread, the others may have to wait.
"""

import math
import threading
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided

from nst_numpy.common.arrays import Array
from nst_numpy.kernels.memory import empty_array, scratch_array
from nst_numpy.kernels.minimal_filtering import Filtering
from nst_numpy.kernels.parts import EachPart
from nst_numpy.kernels.products import SMALL_PRODUCT, small_products
from nst_numpy.kernels.sheets import Piece, Shape, Sheets, Signals, Volumes
from nst_numpy.kernels.threads import chunks, for_each
from nst_numpy.kernels.windows import Window

Product = tuple[Array, Array, Array]  # a, b, and out
Arrays = TypeVar("Arrays")

SUMS = 8  # partial sums of grad_w; fixed, so that threads do not change the rounding


class _Forward(NamedTuple):
    """A thread's arrays for pieces of a shape, and the products between them."""

    sheet: Array
    products: list[Product]
    result: Array


class _Gradient(NamedTuple):
    """The same for the filters' gradient: for each row of tiles, and what is to be added up."""

    inputs: Array
    outputs: Array
    before: list[Product]
    row: list[list[Product]]
    last: list[Product]


def lines_forward(
    x: Array,
    u: Array,
    b: Array | None,
    window: Window,
    axes: Sequence[Filtering],
    each_part: EachPart | None = None,
) -> Array:
    """Convolve x with transformed filters and add the bias, if there is one.

    Parameters
    ----------
    x : ndarray, float32 (N, *sizes, C_in)
    u : ndarray, float32 (points, taps*C_in, C_out)
        From `winograd.transform_kernel`; the taps are those along a line.
    b : ndarray, float32 (C_out,)
    window : Window
        Of stride 1.
    axes : sequence of Filtering
        Of all axes but, in volumes, the last.
    each_part : callable, optional
        As in `winograd.winograd_forward`.

    Returns
    -------
    out : ndarray, float32 (N, *out_sizes, C_out)
    """
    x, sheets = np.ascontiguousarray(x), _sheets(x, window, axes)
    channels, filters = x.shape[-1], u.shape[-1]
    out = empty_array((len(x), *window.out_sizes, filters), x.dtype)

    def lay_out(shape: Shape) -> _Forward:
        sheet, values, before, there = _to_points(
            "values", [(f.B_T, f.tile) for f in axes], shape, channels, sheets.taps
        )
        products, between = _convolve_lines(values, u, sheets.taps)
        result, back = _from_points(products, axes, shape, shape.line - sheets.taps + 1)
        for up, down in zip(there, back, strict=True):
            before += [up, *between, *down]
        return _Forward(sheet, before, result)

    laid_out = _OfThisThread(lay_out)

    def work(piece: Piece) -> None:
        here = laid_out(sheets.shape(piece))
        sheets.copy_inputs(x, piece, here.sheet)
        _multiply(here.products)  # equation (W1)
        sheets.copy_back(here.result, piece, b, out)
        if each_part is not None:
            place = sheets.place(piece)
            each_part(out[place], place)

    for_each(work, sheets.pieces(_position_bytes(x, filters, axes)))
    return out


def gradient_at_points(
    x: Array, grad_out: Array, window: Window, axes: Sequence[Filtering]
) -> Array:
    """Return the sum of (W4), at each point: (points, taps, C_in, C_out), in float64.

    Parameters are those of `winograd.winograd_kernel_gradient` and `lines_forward`.
    """
    x, grad_out = map(np.ascontiguousarray, (x, grad_out))
    sheets = _sheets(x, window, axes)
    channels, filters = x.shape[-1], grad_out.shape[-1]
    pieces = sheets.pieces(_position_bytes(x, filters, axes))
    groups = [pieces[cut] for cut in chunks(len(pieces), math.ceil(len(pieces) / SUMS))]
    points = math.prod(f.points for f in axes)
    sums = np.zeros((len(groups), points, sheets.taps, channels, filters), x.dtype)

    def lay_out(shape: Shape) -> _Gradient:
        inputs, values, before, seen = _to_points(
            "values", [(f.B_T, f.tile) for f in axes], shape, channels, sheets.taps
        )
        outputs, given, also_before, also_seen = _to_points(
            "given", [(np.ascontiguousarray(f.A_T.T), f.tile) for f in axes], shape, filters
        )
        part: Array = scratch_array("part", sums.shape[1:], x.dtype)
        # (points, taps, C_in, positions) @ (points, 1, positions, C_out)
        shifted = _shifted(values, given.shape[1], sheets.taps).swapaxes(2, 3)
        cuts = chunks(given.shape[1], SMALL_PRODUCT // (channels * filters))
        last = [(shifted[..., cut], given[:, None, cut], part) for cut in cuts]
        rows = [list(both) for both in zip(seen, also_seen, strict=True)]
        return _Gradient(inputs, outputs, before + also_before, rows, last)

    laid_out = _OfThisThread(lay_out)

    def work(group: int) -> None:
        total = sums[group]  # a view
        for piece in groups[group]:
            here = laid_out(sheets.shape(piece))
            sheets.copy_inputs(x, piece, here.inputs)
            sheets.copy_outputs(grad_out, piece, here.outputs)
            _multiply(here.before)
            for row in here.row:
                _multiply(row)
                for product in here.last:
                    _multiply([product])
                    total += product[-1]

    for_each(work, range(len(groups)))
    total: Array = sums.sum(axis=0, dtype=np.float64)
    return total


def _sheets(x: Array, window: Window, axes: Sequence[Filtering]) -> Sheets:
    kind = Signals if len(window.kernel) == 1 else Volumes
    return kind(len(x), window, axes)


def _position_bytes(x: Array, filters: int, axes: Sequence[Filtering]) -> int:
    """Bytes of values and products that a position of a tile has."""
    points = math.prod(f.points for f in axes)
    return points * (int(x.shape[-1]) + filters) * x.itemsize


def _multiply(products: list[Product]) -> None:
    for a, other, to in products:
        np.matmul(a, other, out=to)


class _OfThisThread(threading.local, Generic[Arrays]):
    """What each thread lays out for itself, once for each shape."""

    def __init__(self, lay_out: Callable[[Shape], Arrays]) -> None:
        self._lay_out = lay_out
        self._there: dict[Shape, Arrays] = {}

    def __call__(self, shape: Shape) -> Arrays:
        if shape not in self._there:
            self._there[shape] = self._lay_out(shape)
        return self._there[shape]


def _to_points(
    name: str, steps: Sequence[tuple[Array, int]], shape: Shape, channels: int, taps: int = 1
) -> tuple[Array, Array, list[Product], list[Product]]:
    """Lay out a sheet, the values of a row of tiles at the points, and products between them.

    Parameters
    ----------
    steps : sequence of (matrix, stride)
        For each axis: every `stride` positions a product with a matrix (n', n).

    Returns
    -------
    sheet : (items, *lengths, line*C)
    values : (points, positions, C)
        The positions of all items, tiles of a row, and lines. Behind the last are `taps` zeros.
    before : list of Product
        What is to be done once.
    there : list of Product
        For each row of tiles.
    """
    (matrix, stride), (rows, *columns) = steps[0], shape.tiles
    lengths = [(n - 1) * s + m.shape[1] for (m, s), n in zip(steps, shape.tiles, strict=True)]
    sheet = scratch_array(f"{name} sheet", (shape.items, *lengths, shape.line * channels), "f4")
    before = []
    a = sheet[None]
    if columns:
        # (items, H, W, rest) -> (n', items, H, tiles, rest)
        sizes = (len(steps[1][0]), *sheet.shape[:2], *columns, sheet.shape[-1])
        a = scratch_array(f"{name} across", sizes, "f4")
        windows = _windows(sheet, columns[0], *steps[1])
        before.append((steps[1][0], windows, np.moveaxis(a, 0, -2)))
        a = a.reshape(*a.shape[:3], -1)
    size = len(a) * len(matrix) * a[0, :, 0].size
    room = scratch_array(f"{name} at points", (size + taps * channels,), "f4")
    room[size:] = 0
    values = room[:size]
    # (n', items, H, rest) -> (n', n', items, rest) for each row of tiles
    to = np.moveaxis(values.reshape(len(a), len(matrix), len(sheet), -1), 1, -2)
    windows = _windows(a, rows, matrix, stride)
    there = [(matrix, windows[:, :, row], to) for row in range(rows)]
    return sheet, values.reshape(len(a) * len(matrix), -1, channels), before, there


def _windows(a: Array, tiles: int, matrix: Array, stride: int) -> Array:
    """See what each tile sees: (…, length, rest) -> (…, tiles, n, rest); tiles may overlap."""
    *outer, inner, value = a.strides
    shape = (*a.shape[:-2], tiles, matrix.shape[1], a.shape[-1])
    return as_strided(a, shape, (*outer, stride * inner, inner, value))


def _shifted(values: Array, positions: int, taps: int, step: int = 1) -> Array:
    """See the values from each tap on: (points, all, C) -> (points, taps, positions, step*C).

    Where `step` is above 1 a row is that many positions wide, and the next row begins behind it.
    """
    point, position, value = values.strides
    return as_strided(
        values,
        (len(values), taps, positions, step * values.shape[-1]),
        (point, position, step * position, value),
    )


def _convolve_lines(values: Array, u: Array, taps: int) -> tuple[Array, list[Product]]:
    """Lay out the products with the kernel, (points, positions, C_in) -> (…, C_out).

    The last taps − 1 windows of a line reach into the next line, and are nobody's.
    """
    points, positions, _ = values.shape
    products = scratch_array("products", (points, positions, u.shape[-1]), np.float32)
    # windows that begin at a tap, and at every `taps` positions from there, do not overlap:
    # (points, taps, rows, taps*C_in) @ (points, 1, taps*C_in, C_out)
    windows = _shifted(values, positions // taps, taps, taps)
    point, position, value = products.strides
    to = as_strided(
        products,
        (points, taps, positions // taps, u.shape[-1]),
        (point, position, taps * position, value),
    )
    return products, small_products(windows, u[:, None], to)


def _from_points(
    products: Array, axes: Sequence[Filtering], shape: Shape, line: int
) -> tuple[Array, list[list[Product]]]:
    """Lay out the products back, for each row of tiles.

    (points, positions, C) -> (items, *lengths, line*C), where `line` positions are somebody's.
    """
    (down, *others), (rows, *columns) = axes, shape.tiles
    (tiles,), rest = columns or (1,), line * products.shape[-1]
    # (n, n, items, tiles, rest), or in signals (1, n, items, 1, rest)
    lines = products.reshape(-1, down.points, shape.items, tiles, shape.line * products.shape[-1])
    lines = np.moveaxis(lines[..., :rest], 1, -2)
    if not others:
        result = scratch_array("back", (shape.items, rows, down.tile, rest), "f4")
        # (1, items, 1, n, rest) -> (items, m, rest)
        back = [[(down.A_T, lines, result[None, :, row, None])] for row in range(rows)]
        return result.reshape(shape.items, -1, rest), back
    (across,) = others
    a = scratch_array("back down", (len(lines), shape.items, down.tile, tiles, rest), "f4")
    first = (down.A_T, lines, np.moveaxis(a, 2, -2))
    # (n, items, m, tiles, rest) -> (items, m, tiles, m, rest)
    a = np.moveaxis(a, 0, -2)
    result = scratch_array("back", (shape.items, rows, *a.shape[1:3], across.tile, rest), "f4")
    back = [[first, (across.A_T, a, result[:, row])] for row in range(rows)]
    return result.reshape(shape.items, rows * down.tile, tiles * across.tile, rest), back
