"""Convolution in 1, 2 and 3 dimensions, from one definition.

Convolution here means cross-correlation, as in every deep-learning text: the kernel is
not flipped. With o an output position, k a position in the kernel and c, f the input
and output channels,

    out[n, o, f] = b[f] + Σ_k Σ_c x[n, o·stride + k·dilation − pad, c] · w[k, c, f]

im2col turns this sum into a matrix product: row o of the matrix `cols` holds all that
the window at o sees, kernel positions times channels, and out = cols @ w + b. The three
gradients follow from the same sum:

    grad_w = colsᵀ @ grad_out                     (each weight: all inputs it met)
    grad_b = Σ_o grad_out
    grad_x = grad_out, spread out by the stride, convolved with the flipped kernel

so the input gradient is a convolution too, and one function computes both.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.layers import reference
from nst_numpy.layers.parallel import chunks, for_each, scratch
from nst_numpy.layers.windows import (
    AXIS_NAMES,
    Padding,
    PerAxis,
    Window,
    crop_or_pad,
    make_window,
    shape_name,
)

Array = NDArray[np.floating]

METHODS = ("auto", "im2col", "reference")
COLS_BYTES = 1 << 20  # of `cols` at a time: what a core's own cache holds
SUMS = 8  # partial sums of grad_w; fixed, so that threads do not change the rounding


class ConvCache(NamedTuple):
    """What `conv_backward` needs of the forward pass."""

    x: Array
    w: Array
    window: Window
    method: str


def conv_forward(
    x: Array,
    w: Array,
    b: Array,
    *,
    stride: PerAxis = 1,
    pad: Padding = 0,
    dilation: PerAxis = 1,
    method: str = "auto",
) -> tuple[Array, ConvCache]:
    """Convolve x with the filters w and add the bias b.

    Parameters
    ----------
    x : ndarray, (N, L, C_in), (N, H, W, C_in) or (N, D, H, W, C_in)
        The input, channels last.
    w : ndarray, (*kernel, C_in, C_out)
        The filters. Their rank says how many dimensions the window slides over.
    b : ndarray, (C_out,)
        One bias a filter.
    stride, dilation : int or one int an axis
        Steps of the window; gaps between its taps.
    pad : int, one int an axis, one pair (before, after) an axis, "valid" or "same"
        Zeros around x.
    method : {"auto", "im2col", "reference"}
        How to compute it. "reference" is plain loops, for small arrays only.

    Returns
    -------
    out : ndarray, (N, *out_sizes, C_out)
        out_size = (size + before + after − dilation·(kernel − 1) − 1) // stride + 1.
    cache : ConvCache
        What `conv_backward` needs.

    Raises
    ------
    ShapeError
        Ranks, channels or dtypes do not fit, or the kernel is larger than the padded input.
    SettingError
        A stride, pad, dilation or method that cannot work.

    Notes
    -----
    Equation (1) in docs/mathematics.

    Examples
    --------
    The lecture's 1-D example: 14 numbers, 16 filters of 5 taps.

    >>> import numpy as np
    >>> out, _ = conv_forward(np.ones((1, 14, 1)), np.ones((5, 1, 16)), np.zeros(16))
    >>> out.shape
    (1, 10, 16)
    """
    window = _check_conv(x, w, b, stride, pad, dilation)
    chosen = _choose_method(method)
    if chosen == "reference":
        out = reference.conv_forward(x, w, b, window)
    else:
        out = _correlate(x, w, b, window)
    return out, ConvCache(x, w, window, chosen)


def conv_backward(grad_out: Array, cache: ConvCache) -> tuple[Array, Array, Array]:
    """Return the gradients of a convolution's input, filters and bias.

    Parameters
    ----------
    grad_out : ndarray, (N, *out_sizes, C_out)
        ∂J/∂out. (CS231n calls it `dout`.)
    cache : ConvCache
        From `conv_forward`.

    Returns
    -------
    grad_x, grad_w, grad_b : ndarrays shaped like x, w and b

    Raises
    ------
    ShapeError
        If grad_out is not shaped like the output.
    """
    x, w, window, method = cache
    _check_grad_out("conv_backward", grad_out, (x.shape[0], *window.out_sizes, w.shape[-1]))
    if method == "reference":
        return reference.conv_backward(grad_out, x, w, window)
    grad_b = grad_out.sum(axis=tuple(range(grad_out.ndim - 1)))
    return conv_input_gradient(grad_out, w, window), _kernel_gradient(grad_out, cache), grad_b


def conv_input_gradient(grad_out: Array, w: Array, window: Window) -> Array:
    """Return only ∂J/∂x of a convolution: all that a fixed network needs.

    An input position receives, from every window that saw it, grad_out times the weight
    that it met. That is again a convolution: of grad_out, spread out by the stride, with
    the kernel flipped and its channels swapped.
    """
    spatial = tuple(range(w.ndim - 2))
    # (*kernel, C_in, C_out) -> (*flipped kernel, C_out, C_in)
    flipped = np.flip(w, axis=spatial).swapaxes(-1, -2)
    spread = _spread_by_stride(grad_out, window)
    pads = []
    for size, span, spread_size, (before, _) in zip(
        window.sizes, window.span, spread.shape[1:-1], window.pad, strict=True
    ):
        first = span - 1 - before
        pads.append((first, size + span - 1 - spread_size - first))
    ones = (1,) * len(spatial)
    back = Window(spread.shape[1:-1], window.kernel, ones, window.dilation, tuple(pads))
    return _correlate(spread, flipped, None, back)


def _correlate(x: Array, w: Array, b: Array | None, window: Window) -> Array:
    """Compute out = cols @ w + b, a few output rows at a time."""
    filters = w.shape[-1]
    out = np.empty((x.shape[0], *window.out_sizes, filters), dtype=x.dtype)
    # (*kernel, C_in, C_out) -> (prod(kernel)*C_in, C_out)
    w_matrix = np.ascontiguousarray(w.reshape(-1, filters))

    def work(piece: tuple[slice, slice]) -> None:
        # (n*rows*…, C_out), a view: pieces are contiguous in out
        band = out[piece].reshape(-1, filters)
        np.matmul(_cols(x, window, piece), w_matrix, out=band)
        if b is not None:
            band += b

    for_each(work, _pieces(x, window))
    return out


def _kernel_gradient(grad_out: Array, cache: ConvCache) -> Array:
    """Compute grad_w = colsᵀ @ grad_out, summed over the pieces."""
    x, w, window, _ = cache
    pieces = _pieces(x, window)
    groups = [pieces[cut] for cut in chunks(len(pieces), math.ceil(len(pieces) / SUMS))]
    sums = np.zeros((len(groups), math.prod(w.shape[:-1]), w.shape[-1]), dtype=w.dtype)

    def work(group: int) -> None:
        for piece in groups[group]:
            # (K, n*rows*…) @ (n*rows*…, C_out) -> (K, C_out)
            sums[group] += _cols(x, window, piece).T @ grad_out[piece].reshape(-1, w.shape[-1])

    for_each(work, range(len(groups)))
    return sums.sum(axis=0).reshape(w.shape)


def _pieces(x: Array, window: Window) -> list[tuple[slice, slice]]:
    """Cut the output into (items, rows of the first axis) whose `cols` stay in cache."""
    items, rows = x.shape[0], window.out_sizes[0]
    row_bytes = math.prod(window.out_sizes[1:] + window.kernel) * x.shape[-1] * x.itemsize
    rows_at_once = max(1, COLS_BYTES // max(row_bytes, 1))
    if rows_at_once >= rows:
        return [(n, slice(0, rows)) for n in chunks(items, rows_at_once // max(rows, 1))]
    bands = chunks(rows, rows_at_once)
    return [(slice(n, n + 1), band) for n in range(items) for band in bands]


def _cols(x: Array, window: Window, piece: tuple[slice, slice]) -> Array:
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


def _spread_by_stride(grad_out: Array, window: Window) -> Array:
    """Put stride − 1 zeros between neighbours: (N, *out, F) -> (N, *((out−1)·stride+1), F)."""
    if all(s == 1 for s in window.stride):
        return grad_out
    sizes = [(out - 1) * s + 1 for out, s in zip(window.out_sizes, window.stride, strict=True)]
    spread = np.zeros((grad_out.shape[0], *sizes, grad_out.shape[-1]), dtype=grad_out.dtype)
    spread[(slice(None), *(slice(None, None, s) for s in window.stride))] = grad_out
    return spread


def _choose_method(method: str) -> str:
    if method not in METHODS:
        raise SettingError(
            f"conv_forward: method must be one of {', '.join(METHODS)}, not {method!r}"
        )
    return "im2col" if method == "auto" else method


def _check_conv(
    x: Array, w: Array, b: Array, stride: PerAxis, pad: Padding, dilation: PerAxis
) -> Window:
    """Check what `conv_forward` is given; every message shows shapes with axis names."""
    who = "conv_forward"
    dimensions = w.ndim - 2
    if dimensions not in AXIS_NAMES:
        raise ShapeError(
            f"{who}: w must be (*kernel, C_in, C_out) with 1, 2 or 3 kernel axes, "
            f"not of shape {w.shape}"
        )
    taps = ", ".join("k" + axis.lower() for axis in AXIS_NAMES[dimensions])
    shapes = f"x {x.shape} is {shape_name(dimensions)}, w {w.shape} is ({taps}, C_in, C_out)"
    if x.ndim != dimensions + 2:
        raise ShapeError(f"{who}: x has rank {x.ndim}, w expects rank {dimensions + 2}: {shapes}")
    if x.shape[-1] != w.shape[-2]:
        raise ShapeError(f"{who}: x has {x.shape[-1]} channels, w expects {w.shape[-2]}: {shapes}")
    if b.shape != w.shape[-1:]:
        raise ShapeError(f"{who}: b must have one entry a filter, {w.shape[-1:]}, not {b.shape}")
    if 0 in x.shape or 0 in w.shape:
        raise ShapeError(f"{who}: an axis is empty: {shapes}")
    if not np.issubdtype(x.dtype, np.floating) or not x.dtype == w.dtype == b.dtype:
        raise ShapeError(
            f"{who}: x is {x.dtype}, w {w.dtype} and b {b.dtype}: give all three the same "
            "floating dtype, with .astype"
        )
    return make_window(who, x.shape[1:-1], w.shape[:-2], stride, pad, dilation)


def _check_grad_out(who: str, grad_out: Array, shape: tuple[int, ...]) -> None:
    if grad_out.shape != shape:
        raise ShapeError(
            f"{who}: grad_out must have the output's shape {shape}, not {grad_out.shape}"
        )
