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
from nst_numpy.layers.windows import Window, crop_or_pad

Array = NDArray[np.floating]
Piece = tuple[slice, slice]

COLS_BYTES = 1 << 20  # of `cols` at a time: what a core's own cache holds
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

    for_each(work, _pieces(x, window))
    return out


def kernel_gradient(grad_out: Array, x: Array, w: Array, window: Window) -> Array:
    """Return grad_w = colsᵀ @ grad_out, summed over the pieces."""
    pieces = _pieces(x, window)
    groups = [pieces[cut] for cut in chunks(len(pieces), math.ceil(len(pieces) / SUMS))]
    sums = np.zeros((len(groups), math.prod(w.shape[:-1]), w.shape[-1]), dtype=w.dtype)

    def work(group: int) -> None:
        for piece in groups[group]:
            # (K, n*rows*…) @ (n*rows*…, C_out) -> (K, C_out)
            sums[group] += _cols(x, window, piece).T @ grad_out[piece].reshape(-1, w.shape[-1])

    for_each(work, range(len(groups)))
    return sums.sum(axis=0).reshape(w.shape)


def _pieces(x: Array, window: Window) -> list[Piece]:
    """Cut the output into (items, rows of the first axis) whose `cols` stay in cache."""
    items, rows = x.shape[0], window.out_sizes[0]
    row_bytes = math.prod(window.out_sizes[1:] + window.kernel) * x.shape[-1] * x.itemsize
    rows_at_once = max(1, COLS_BYTES // max(row_bytes, 1))
    if rows_at_once >= rows:
        return [(n, slice(0, rows)) for n in chunks(items, rows_at_once // max(rows, 1))]
    bands = chunks(rows, rows_at_once)
    return [(slice(n, n + 1), band) for n in range(items) for band in bands]


def _cols(x: Array, window: Window, piece: Piece) -> Array:
    """Lay out what each window of the piece sees as one row: (positions, prod(kernel)*C_in)."""
    items, rows = piece
    starts = [-before for before, _ in window.pad]
    stops = [size + after for size, (_, after) in zip(window.sizes, window.pad, strict=True)]
    first = window.pad[0][0]
    starts[0] = rows.start * window.stride[0] - first
    stops[0] = (rows.stop - 1) * window.stride[0] + window.span[0] - first
    band = crop_or_pad(x[items], starts, stops)
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
    cols = scratch("cols", view.shape, x.dtype)
    np.copyto(cols, view)
    # (n, rows, …, *kernel, C_in) -> (n*rows*…, prod(kernel)*C_in)
    return cols.reshape(-1, math.prod(window.kernel) * band.shape[-1])
