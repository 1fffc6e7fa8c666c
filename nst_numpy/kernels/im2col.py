"""Convolution as a matrix product: each window laid out as a row.

Row o of the matrix `cols` holds all that the window at output position o sees, kernel
positions times channels; then out = cols @ w + b. The whole matrix would be prod(kernel)
times as large as the input, so it is made and used a few output rows at a time.

Most of that copying can be saved where the window moves by 1 along the last axis. Take 1-D, a
kernel of 3, and positions a b c d e f g … in memory, each with all its channels. The windows
that start at a, d, … lie there already as the rows of a matrix, and so do those that start at
b, e, … and at c, f, …:

    a b c      b c d      c d e
    d e f      e f g      f g h

Three products give all outputs, and nothing is copied. In 2-D and 3-D each position first
gathers the channels of its neighbours along the other axes, and is then treated as in 1-D.
"""

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from nst_numpy.common.arrays import Array
from nst_numpy.kernels.memory import empty_array, scratch_array
from nst_numpy.kernels.parts import WHOLE, EachPart
from nst_numpy.kernels.products import SMALL_PRODUCT, multiply
from nst_numpy.kernels.threads import chunks, for_each, single_threaded_blas
from nst_numpy.kernels.windows import Window, crop_or_pad

ItemsAndRows = tuple[slice, slice]  # rows of the first axis

COLS_BYTES = 1 << 20  # of `cols` at a time: what a core's own cache holds
SLIDING_BYTES = 5 << 19  # where windows slide: less is read again, so few large pieces are better
SHORT_RUN = 16  # values: a shorter run costs more to start than to copy
FEWEST_CHANNELS = 8  # for a product with each tap alone
FEWEST_ROWS = 32  # of a small product: fewer are slow
BIAS_POSITIONS = 1 << 12  # that are summed at a time
SUMS = 8  # partial sums of grad_w; fixed, so that threads do not change the rounding


def correlate(
    x: Array, w: Array, b: Array | None, window: Window, each_part: EachPart | None = None
) -> Array:
    """Return out = cols @ w + b; `each_part` is called with each part of it."""
    out = empty_array((x.shape[0], *window.out_sizes, w.shape[-1]), x.dtype)
    bias = np.zeros(w.shape[-1], dtype=x.dtype) if b is None else b
    values = window.kernel[-1] * x.shape[-1]  # that lie side by side in a window
    slides = window.stride[-1] == window.dilation[-1] == 1
    if slides and values >= SHORT_RUN and w.size * FEWEST_ROWS <= SMALL_PRODUCT:
        _correlate_sliding(x, w, bias, window, out, each_part)
    else:
        _correlate_cols(x, w, bias, window, out, each_part)
    return out


def _correlate_cols(
    x: Array, w: Array, b: Array, window: Window, out: Array, each_part: EachPart | None
) -> None:
    """Fill out by way of `cols`: any stride and dilation."""
    filters = w.shape[-1]
    # (*kernel, C_in, C_out) -> (prod(kernel)*C_in, C_out)
    w_matrix = np.ascontiguousarray(w.reshape(-1, filters))
    b_line = np.tile(b, window.out_sizes[-1])

    def work(piece: ItemsAndRows) -> None:
        part = out[piece]
        # (n*rows*…, C_out), a view: pieces are contiguous in out
        multiply(_cols(x, window, piece), w_matrix, part.reshape(-1, filters))
        # a whole line at a time: a loop over C_out alone would be short
        lines = part.reshape(*part.shape[:-2], -1)
        lines += b_line[: lines.shape[-1]]
        if each_part is not None:
            each_part(part, piece)

    for_each(work, _pieces(x, window, max(len(w_matrix), filters)))


def _correlate_sliding(
    x: Array, w: Array, b: Array, window: Window, out: Array, each_part: EachPart | None
) -> None:
    """Fill out without copying along the last axis: stride and dilation are 1 there."""
    taps, channels, filters = w.shape[-3:]
    gathered = math.prod(window.kernel[:-1]) * channels
    # (*outer, taps, C_in, C_out) -> (taps*prod(outer)*C_in, C_out)
    w_matrix = np.moveaxis(w, -3, 0).reshape(-1, filters)
    b_line = np.tile(b, window.out_sizes[-1])

    def work(piece: ItemsAndRows) -> None:
        part = out[piece]
        windows, total = _windows(x, window, piece, SMALL_PRODUCT // w.size)
        blocks, _, rows, _ = windows.shape
        z = scratch_array("products", (blocks, rows, taps, filters), x.dtype)
        # (blocks, taps, rows, taps*gathered) @ (taps*gathered, C_out)
        np.matmul(windows, w_matrix, out=z.swapaxes(1, 2))
        # (blocks, rows, taps, C_out) -> (n, rows, …, length*C_out)
        lines = z.reshape(-1)[: total * filters].reshape(*part.shape[:-2], -1)
        # the last windows of a line reach into the next line, and are nobody's
        part = part.reshape(*part.shape[:-2], -1)
        width = part.shape[-1]
        # a whole line at a time: a loop over C_out alone would be short
        np.add(lines[..., :width], b_line[:width], out=part)
        if each_part is not None:
            each_part(out[piece], piece)

    for_each(work, _pieces(x, window, gathered + filters, SLIDING_BYTES))


def _windows(x: Array, window: Window, piece: ItemsAndRows, most: int) -> tuple[Array, int]:
    """Lay out the windows of a piece as (blocks, taps, rows, taps*prod(outer)*C_in).

    Each position gathers its neighbours along all axes but the last; the rest is a view, in
    which window number (block, row, tap) starts at that position of one long line. A block
    has at most `most` rows. Also returns the number of positions.
    """
    band = np.ascontiguousarray(_band(x, window, piece))
    *outer, taps = window.kernel
    n_outer = len(outer)
    out_sizes = (piece[1].stop - piece[1].start, *window.out_sizes[1:])[:n_outer]
    # a position's channels as one item of so many bytes: copied at once
    items = band.view(np.dtype((np.void, band.strides[-2])))[..., 0]
    steps = items.strides[1 : 1 + n_outer]
    seen = as_strided(
        items,
        shape=(len(items), *out_sizes, items.shape[-1], *outer),
        strides=(
            items.strides[0],
            *(step * s for step, s in zip(steps, window.stride[:-1], strict=True)),
            items.strides[-1],
            *(step * d for step, d in zip(steps, window.dilation[:-1], strict=True)),
        ),
        writeable=False,
    )
    total = math.prod(seen.shape[: n_outer + 2])
    blocks = math.ceil(total / (most * taps))
    rows = math.ceil(total / (blocks * taps))
    gathered = math.prod(outer) * band.shape[-1]
    y = scratch_array("cols", (blocks * rows * taps + taps - 1, gathered), x.dtype)
    y[:total].view(items.dtype).reshape(seen.shape)[...] = seen
    y[total:] = 0
    size = y.strides[0]
    windows = as_strided(
        y,
        shape=(blocks, taps, rows, taps * gathered),
        strides=(rows * taps * size, size, taps * size, y.itemsize),
        writeable=False,
    )
    return windows, total


def param_gradients(grad_out: Array, x: Array, w: Array, window: Window) -> tuple[Array, Array]:
    """Return grad_w = colsᵀ @ grad_out and grad_b = Σ grad_out, summed over the pieces."""
    channels, filters = w.shape[-2:]
    small = channels * filters * FEWEST_ROWS <= SMALL_PRODUCT
    if set(window.stride) == {1} and channels >= FEWEST_CHANNELS and small:
        add, pieces = _add_tap_by_tap, _pieces(x, window, channels + filters, SLIDING_BYTES)
    else:
        add, pieces = _add_cols, _pieces(x, window, math.prod(w.shape[:-1]))
    groups = [pieces[cut] for cut in chunks(len(pieces), math.ceil(len(pieces) / SUMS))]
    sums = np.zeros((len(groups), *w.shape), dtype=w.dtype)
    bias_sums = np.zeros((len(groups), filters), dtype=w.dtype)

    def work(group: int) -> None:
        for piece in groups[group]:
            part = grad_out[piece].reshape(-1, filters)
            add(x, grad_out, window, piece, sums[group])
            # (n*rows*…) @ (n*rows*…, C_out) -> (C_out,)
            bias_sums[group] += np.ones(len(part), part.dtype) @ part

    for_each(work, range(len(groups)))
    return sums.sum(axis=0), bias_sums.sum(axis=0)


def bias_gradient(grad_out: Array) -> Array:
    """Return grad_b = Σ grad_out alone, some positions at a time."""
    # (N, *out, C_out) -> (N*prod(out), C_out)
    flat = grad_out.reshape(-1, grad_out.shape[-1])
    ones = np.ones(BIAS_POSITIONS, flat.dtype)
    with single_threaded_blas():
        cuts = chunks(len(flat), BIAS_POSITIONS)
        # (positions,) @ (positions, C_out) -> (C_out,)
        parts = [ones[: cut.stop - cut.start] @ flat[cut] for cut in cuts]
    total: Array = np.sum(parts, axis=0)
    return total


def _add_cols(
    x: Array, grad_out: Array, window: Window, piece: ItemsAndRows, grad_w: Array
) -> None:
    """Add a piece's colsᵀ @ grad_out to grad_w."""
    part = grad_out[piece].reshape(-1, grad_w.shape[-1])
    # (K, n*rows*…) @ (n*rows*…, C_out) -> (K, C_out)
    grad_w += (_cols(x, window, piece).T @ part).reshape(grad_w.shape)


def _add_tap_by_tap(
    x: Array, grad_out: Array, window: Window, piece: ItemsAndRows, grad_w: Array
) -> None:
    """Add the same without cols: for each tap, what it saw lies in memory as it is needed.

    The last two axes are taken as one long line, on which a tap is a shift. At the end of
    each of its rows stand positions that no window has: there the gradient is 0.
    """
    band = np.ascontiguousarray(_band(x, window, piece))
    part, count = _as_lines(grad_out[piece], band.shape[-2])
    step = band.strides
    # (n, (rows,) *kernel, positions, C_in)
    seen = as_strided(
        band,
        shape=(*part.shape[:-2], *window.kernel, count, band.shape[-1]),
        strides=(
            *step[: part.ndim - 2],
            *(s * d for s, d in zip(step[1:-1], window.dilation, strict=True)),
            *step[-2:],
        ),
        writeable=False,
    )
    spread = part.reshape(*part.shape[:-2], *(1 for _ in window.kernel), *part.shape[-2:])
    for cut in chunks(count, SMALL_PRODUCT // math.prod(grad_w.shape[-2:])):
        # (n, (rows,) *kernel, C_in, cut) @ (…, cut, C_out) -> (n, (rows,) *kernel, C_in, C_out)
        products = np.matmul(seen[..., cut, :].swapaxes(-1, -2), spread[..., cut, :])
        grad_w += products.sum(axis=tuple(range(part.ndim - 2)))


def _as_lines(part: Array, length: int) -> tuple[Array, int]:
    """Join the last two axes, their rows filled up to `length` with zeros.

    (n, rows, W, F) -> (n, rows*length, F), and how many positions that is without the zeros
    at its end. 1-D has no rows to join.
    """
    if part.ndim == 3:
        return part, part.shape[1]
    *before, rows, width, filters = part.shape
    padded = scratch_array("padded", (*before, rows, length, filters), part.dtype)
    padded[..., :width, :] = part
    padded[..., width:, :] = 0
    return padded.reshape(*before, -1, filters), rows * length - (length - width)


def correlate_product_first(
    x: Array, w: Array, window: Window, each_part: EachPart | None = None
) -> Array:
    """Return the same as `correlate`, at stride 1, for filters so few that products are smaller.

    Such is the gradient of the first layer: 64 channels go in, 3 come out.
    """
    products = ProductsFirst(x.shape, w, window)
    rows = COLS_BYTES * x.shape[1] // max(x[:1].nbytes, 1)
    places = [(item, cut) for item in range(len(x)) for cut in chunks(x.shape[1], rows)]
    for_each(lambda place: products.add(x[place], place), places)
    out = products.complete()
    if each_part is not None:
        each_part(out, WHOLE)
    return out


class ProductsFirst:
    """A convolution at stride 1 whose input comes in parts, in any order.

    First every input position is multiplied with all taps of all filters; then each product
    is added to the output that it was meant for. Only what the parts give is kept.

    Parameters
    ----------
    x_shape : tuple of int
        (N, *sizes, C_in) of the whole input.
    w, window : as in `correlate`
    """

    def __init__(self, x_shape: tuple[int, ...], w: Array, window: Window) -> None:
        self.window, self.filters = window, w.shape[-1]
        self._items, self._sizes = x_shape[0], x_shape[1:-1]
        # (*kernel, C_in, C_out) -> (prod(kernel)*C_out, C_in)
        self._taps = np.ascontiguousarray(w.swapaxes(-1, -2).reshape(-1, w.shape[-2]))
        self._totals: dict[tuple[int, ...], Array] = {}  # what each part gives, by its place

    def add(self, part: Array, place: tuple[Any, ...]) -> None:
        """Take a part x[item, rows, …], given its place (item, rows, …)."""
        sizes, taps, window = part.shape[:-1], self._taps, self.window
        # (prod(kernel)*C_out, C_in) @ (C_in, prod(sizes)) -> (prod(kernel)*C_out, prod(sizes))
        z = scratch_array("by tap", (len(taps), math.prod(sizes)), part.dtype)
        multiply(taps, part.reshape(-1, part.shape[-1]).T, z)
        z = z.reshape(*window.kernel, self.filters, *sizes)
        # filters first: then every loop below runs along a row
        total = scratch_array("total", (self.filters, *_reached(sizes, window)), part.dtype)
        total[...] = 0
        for offset in np.ndindex(*window.kernel):
            axes = zip(sizes, window.span, offset, window.dilation, strict=True)
            # output o sees input o + k*dilation - pad
            firsts = ((n, span - 1 - k * d) for n, span, k, d in axes)
            total[(slice(None), *(slice(first, first + n) for n, first in firsts))] += z[offset]
        item, *cuts = place
        starts = [cut.start for cut in cuts] + [0] * (len(sizes) - len(cuts))
        # (C_out, *sizes) -> (*sizes, C_out)
        self._totals[(item, *starts)] = np.moveaxis(total, 0, -1).copy()

    def complete(self) -> Array:
        """Return the output, once every part has come."""
        window = self.window
        shape = (self._items, *_reached(self._sizes, window), self.filters)
        canvas = np.zeros(shape, dtype=self._taps.dtype)
        # totals overlap; in this order, so that threads do not change the rounding
        for (item, *starts), total in sorted(self._totals.items(), key=lambda entry: entry[0]):
            cuts = (slice(s, s + n) for s, n in zip(starts, total.shape[:-1], strict=True))
            canvas[item][tuple(cuts)] += total
        # the canvas begins where only a window's last tap sees an input
        firsts = [
            span - 1 - before for span, (before, _) in zip(window.span, window.pad, strict=True)
        ]
        stops = [first + n for first, n in zip(firsts, window.out_sizes, strict=True)]
        return np.ascontiguousarray(crop_or_pad(canvas, firsts, stops))


def _reached(sizes: tuple[int, ...], window: Window) -> list[int]:
    """How many positions along each axis have a window, at stride 1, that sees an input."""
    return [n + span - 1 for n, span in zip(sizes, window.span, strict=True)]


def _pieces(x: Array, window: Window, values: int, most: int | None = None) -> list[ItemsAndRows]:
    """Cut the output into (items, rows of the first axis) of at most so many bytes.

    `values` is the largest number of values that an output position needs at a time. None
    stands for what stays in cache.
    """
    items, rows = x.shape[0], window.out_sizes[0]
    row_bytes = math.prod(window.out_sizes[1:]) * values * x.itemsize
    rows_at_once = max(1, (COLS_BYTES if most is None else most) // max(row_bytes, 1))
    if rows_at_once >= rows:
        return [(n, slice(0, rows)) for n in chunks(items, rows_at_once // max(rows, 1))]
    bands = chunks(rows, rows_at_once)
    return [(slice(n, n + 1), band) for n in range(items) for band in bands]


def _band(x: Array, window: Window, piece: ItemsAndRows) -> Array:
    """Take what the windows of a piece see, padding included: (n, *sizes, C_in)."""
    items, rows = piece
    starts = [-before for before, _ in window.pad]
    stops = [size + after for size, (_, after) in zip(window.sizes, window.pad, strict=True)]
    first = window.pad[0][0]
    starts[0] = rows.start * window.stride[0] - first
    stops[0] = (rows.stop - 1) * window.stride[0] + window.span[0] - first
    return crop_or_pad(x[items], starts, stops)


def _cols(x: Array, window: Window, piece: ItemsAndRows) -> Array:
    """Lay out what each window of the piece sees as one row: (positions, prod(kernel)*C_in)."""
    band = _band(x, window, piece)
    rows = piece[1]
    out_sizes = (rows.stop - rows.start, *window.out_sizes[1:])
    steps = band.strides[1:-1]
    view = as_strided(
        band,
        shape=(band.shape[0], *out_sizes, *window.kernel, band.shape[-1]),
        strides=(
            band.strides[0],
            *(step * s for step, s in zip(steps, window.stride, strict=True)),
            *(step * d for step, d in zip(steps, window.dilation, strict=True)),
            band.strides[-1],
        ),
        writeable=False,
    )
    if window.kernel[-1] * band.shape[-1] < SHORT_RUN:
        # runs along the window would be short: copy along the row, into columns of `cols`
        axes = (*range(len(out_sizes) + 1, view.ndim), *range(len(out_sizes) + 1))
        view = view.transpose(axes)
        columns = scratch_array("cols", view.shape, x.dtype)
        np.copyto(columns, view)
        # (*kernel, C_in, n, rows, …) -> (n*rows*…, prod(kernel)*C_in)
        return columns.reshape(math.prod(window.kernel) * band.shape[-1], -1).T
    cols = scratch_array("cols", view.shape, x.dtype)
    np.copyto(cols, view)
    # (n, rows, …, *kernel, C_in) -> (n*rows*…, prod(kernel)*C_in)
    return cols.reshape(-1, math.prod(window.kernel) * band.shape[-1])
