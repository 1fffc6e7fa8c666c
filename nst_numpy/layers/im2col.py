"""Convolution as a matrix product: each window laid out as a row.

Row o of the matrix `cols` holds all that the window at output position o sees, kernel
positions times channels; then out = cols @ w + b. The whole matrix would be prod(kernel)
times as large as the input, so it is made and used a few output rows at a time.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from nst_numpy.layers.parallel import Finish, chunks, for_each, scratch
from nst_numpy.layers.windows import Window, crop_or_pad, offset_slices

Array = NDArray[np.floating]
Piece = tuple[slice, slice]

COLS_BYTES = 1 << 20  # of `cols` at a time: what a core's own cache holds
SHORT_RUN = 16  # values: a shorter run costs more to start than to copy
SUMS = 8  # partial sums of grad_w; fixed, so that threads do not change the rounding


def correlate(
    x: Array, w: Array, b: Array | None, window: Window, finish: Finish | None = None
) -> Array:
    """Return out = cols @ w + b; `finish` is called with each part of it."""
    filters = w.shape[-1]
    out = np.empty((x.shape[0], *window.out_sizes, filters), dtype=x.dtype)
    # (*kernel, C_in, C_out) -> (prod(kernel)*C_in, C_out)
    w_matrix = np.ascontiguousarray(w.reshape(-1, filters))

    def work(piece: Piece) -> None:
        # (n*rows*…, C_out), a view: pieces are contiguous in out
        band = out[piece].reshape(-1, filters)
        np.matmul(_cols(x, window, piece), w_matrix, out=band)
        if b is not None:
            band += b
        if finish is not None:
            finish(out[piece], piece)

    for_each(work, _pieces(x, window, max(len(w_matrix), filters)))
    return out


def kernel_gradient(grad_out: Array, x: Array, w: Array, window: Window) -> Array:
    """Return grad_w = colsᵀ @ grad_out, summed over the pieces."""
    pieces = _pieces(x, window, math.prod(w.shape[:-1]))
    groups = [pieces[cut] for cut in chunks(len(pieces), math.ceil(len(pieces) / SUMS))]
    sums = np.zeros((len(groups), math.prod(w.shape[:-1]), w.shape[-1]), dtype=w.dtype)

    def work(group: int) -> None:
        for piece in groups[group]:
            # (K, n*rows*…) @ (n*rows*…, C_out) -> (K, C_out)
            sums[group] += _cols(x, window, piece).T @ grad_out[piece].reshape(-1, w.shape[-1])

    for_each(work, range(len(groups)))
    return sums.sum(axis=0).reshape(w.shape)


def correlate_product_first(
    x: Array, w: Array, window: Window, finish: Finish | None = None
) -> Array:
    """Return the same as `correlate`, for filters so few that the product is the smaller array.

    First every input position is multiplied with all taps of all filters; then each output
    adds up, from its neighbours, the products that were meant for it. Such is the gradient
    of the first layer: 64 channels go in, 3 come out.
    """
    channels, filters = w.shape[-2:]
    out = np.empty((x.shape[0], *window.out_sizes, filters), dtype=x.dtype)
    # (*kernel, C_in, C_out) -> (prod(kernel)*C_out, C_in)
    taps = np.ascontiguousarray(w.swapaxes(-1, -2).reshape(-1, channels))

    def work(piece: Piece) -> None:
        band = _band(x, window, piece)
        # (prod(kernel)*C_out, C_in) @ (C_in, n*sizes) -> (prod(kernel)*C_out, n*sizes)
        z = scratch("products", (len(taps), band[..., 0].size), x.dtype)
        np.matmul(taps, band.reshape(-1, channels).T, out=z)
        z = z.reshape(*window.kernel, filters, *band.shape[:-1])
        part = out[piece]
        # filters first: then every loop below runs along a row
        total = scratch("total", (filters, *part.shape[:-1]), x.dtype)
        total[...] = 0
        for offset in np.ndindex(*window.kernel):
            rows = slice(0, part.shape[1])
            total += z[offset][(slice(None), *offset_slices(window, offset, rows))]
        part[...] = np.moveaxis(total, 0, -1)
        if finish is not None:
            finish(part, piece)

    for_each(work, _pieces(x, window, len(taps)))
    return out


def _pieces(x: Array, window: Window, values: int) -> list[Piece]:
    """Cut the output into (items, rows of the first axis) that stay in cache.

    `values` is the largest number of values that an output position needs at a time.
    """
    items, rows = x.shape[0], window.out_sizes[0]
    row_bytes = math.prod(window.out_sizes[1:]) * values * x.itemsize
    rows_at_once = max(1, COLS_BYTES // max(row_bytes, 1))
    if rows_at_once >= rows:
        return [(n, slice(0, rows)) for n in chunks(items, rows_at_once // max(rows, 1))]
    bands = chunks(rows, rows_at_once)
    return [(slice(n, n + 1), band) for n in range(items) for band in bands]


def _band(x: Array, window: Window, piece: Piece) -> Array:
    """Take what the windows of a piece see, padding included: (n, *sizes, C_in)."""
    items, rows = piece
    starts = [-before for before, _ in window.pad]
    stops = [size + after for size, (_, after) in zip(window.sizes, window.pad, strict=True)]
    first = window.pad[0][0]
    starts[0] = rows.start * window.stride[0] - first
    stops[0] = (rows.stop - 1) * window.stride[0] + window.span[0] - first
    return crop_or_pad(x[items], starts, stops)


def _cols(x: Array, window: Window, piece: Piece) -> Array:
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
        columns = scratch("cols", view.shape, x.dtype)
        np.copyto(columns, view)
        # (*kernel, C_in, n, rows, …) -> (n*rows*…, prod(kernel)*C_in)
        return columns.reshape(math.prod(window.kernel) * band.shape[-1], -1).T
    cols = scratch("cols", view.shape, x.dtype)
    np.copyto(cols, view)
    # (n, rows, …, *kernel, C_in) -> (n*rows*…, prod(kernel)*C_in)
    return cols.reshape(-1, math.prod(window.kernel) * band.shape[-1])
