"""Max, average and global average pooling in 1, 2 and 3 dimensions.

Nothing here loops over output positions: it loops over the few positions inside the
window, each of which is one strided slice of the input. Sizes that the window does not
divide round down, as in Keras and PyTorch: what is left over is dropped.
"""

import math
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nst_numpy.errors import ShapeError
from nst_numpy.layers.parallel import Finish, chunks, for_each
from nst_numpy.layers.windows import (
    AXIS_NAMES,
    Padding,
    PerAxis,
    Window,
    make_window,
    offset_slices,
    pad_for,
    per_axis,
)

BAND_BYTES = 1 << 18  # of output at a time: what a core's own cache holds

Array = NDArray[np.floating]


class MaxPoolCache(NamedTuple):
    """For each output, which position in its window (counted in C order) was the largest."""

    winner: NDArray[np.integer]
    window: Window


class AvgPoolCache(NamedTuple):
    """How many inputs, padding left out, each output averages: (1, *out_sizes, 1)."""

    inputs: Array
    window: Window


def max_pool_forward(
    x: Array, *, size: PerAxis = 2, stride: PerAxis | None = None, pad: Padding = 0
) -> tuple[Array, MaxPoolCache]:
    """Take the largest value in each window, channel by channel.

    Parameters
    ----------
    x : ndarray, (N, L, C), (N, H, W, C) or (N, D, H, W, C)
    size : int or one int an axis
        The window's size.
    stride : int or one int an axis
        None: the size, so that windows do not overlap.
    pad : as in `conv_forward`
        Padding never wins.

    Returns
    -------
    out : ndarray, (N, *out_sizes, C)
    cache : MaxPoolCache

    Raises
    ------
    ShapeError, SettingError
        As in `conv_forward`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([1.0, 3.0, 2.0, 5.0, 4.0]).reshape(1, 5, 1)  # the last is left over
    >>> max_pool_forward(x)[0].ravel()
    array([3., 5.])
    """
    _check_activation("max_pool_forward", x)
    window = pool_window("max_pool_forward", x.shape, size, stride, pad)
    padded = pad_for(x, window, fill=-np.inf)
    out = np.empty((x.shape[0], *window.out_sizes, x.shape[-1]), dtype=x.dtype)
    winner = np.zeros(out.shape, dtype=np.min_scalar_type(np.prod(window.kernel) - 1))

    def work(rows: slice) -> None:
        best = out[:, rows]
        best[...] = -np.inf
        for number, offset in enumerate(np.ndindex(*window.kernel)):
            candidate = padded[offset_slices(window, offset, rows)]
            if number > 0:
                # strictly larger: of equal values the first one wins
                winner[:, rows][candidate > best] = number
            np.maximum(best, candidate, out=best)

    for_each(work, _bands(out))
    return out, MaxPoolCache(winner, window)


def max_pool_backward(
    grad_out: Array, cache: MaxPoolCache, *, finish: Finish | None = None
) -> Array:
    """Send each output's gradient to the input that was the largest in its window.

    Of tied inputs the first receives it all. Where windows overlap, gradients add up.

    Parameters
    ----------
    grad_out : ndarray, (N, *out_sizes, C)
    cache : MaxPoolCache, from `max_pool_forward`
    finish : callable, optional
        As in `convolve`: called with each part of grad_x and its place.

    Returns
    -------
    grad_x : ndarray, shaped like x
    """
    winner, window = cache
    _check_grad_out("max_pool_backward", grad_out, winner.shape)

    def shares(rows: slice) -> Iterator[Array]:
        for number in range(math.prod(window.kernel)):
            yield grad_out[:, rows] * (winner[:, rows] == number)

    return _send_back(shares, grad_out, window, finish)


def avg_pool_forward(
    x: Array, *, size: PerAxis = 2, stride: PerAxis | None = None, pad: Padding = 0
) -> tuple[Array, AvgPoolCache]:
    """Take the mean of each window, channel by channel. Padding is not counted.

    Parameters, returns and errors are those of `max_pool_forward`. Gatys, Ecker and
    Bethge (2015, section 2) found that average pooling gives slightly better pictures.

    Examples
    --------
    >>> import numpy as np
    >>> avg_pool_forward(np.array([1.0, 3.0, 2.0, 5.0]).reshape(1, 4, 1))[0].ravel()
    array([2. , 3.5])
    """
    _check_activation("avg_pool_forward", x)
    window = pool_window("avg_pool_forward", x.shape, size, stride, pad)
    ones = pad_for(np.ones((1, *window.sizes, 1), dtype=x.dtype), window)
    inputs = np.empty((1, *window.out_sizes, 1), dtype=x.dtype)
    _add_up(ones, window, slice(0, window.out_sizes[0]), inputs)
    padded = pad_for(x, window)
    out = np.empty((x.shape[0], *window.out_sizes, x.shape[-1]), dtype=x.dtype)

    def work(rows: slice) -> None:
        _add_up(padded, window, rows, out[:, rows])
        out[:, rows] /= inputs[:, rows]

    for_each(work, _bands(out))
    return out, AvgPoolCache(inputs, window)


def avg_pool_backward(
    grad_out: Array, cache: AvgPoolCache, *, finish: Finish | None = None
) -> Array:
    """Spread each output's gradient evenly over the inputs of its window.

    Parameters
    ----------
    grad_out : ndarray, (N, *out_sizes, C)
    cache : AvgPoolCache, from `avg_pool_forward`
    finish : callable, optional
        As in `convolve`: called with each part of grad_x and its place.

    Returns
    -------
    grad_x : ndarray, shaped like x
    """
    inputs, window = cache
    _check_grad_out("avg_pool_backward", grad_out, (None, *window.out_sizes, None))

    def shares(rows: slice) -> Iterator[Array]:
        share = grad_out[:, rows] / inputs[:, rows]
        return repeat(share, math.prod(window.kernel))

    return _send_back(shares, grad_out, window, finish)


def global_avg_pool_forward(x: Array) -> tuple[Array, tuple[int, ...]]:
    """Take the mean over all positions, channel by channel: an input of any size to C numbers.

    Parameters
    ----------
    x : ndarray, (N, L, C), (N, H, W, C) or (N, D, H, W, C)

    Returns
    -------
    out : ndarray, (N, C)
    cache : tuple of int
        The shape of x.

    Raises
    ------
    ShapeError
        As in `max_pool_forward`.

    Examples
    --------
    >>> import numpy as np
    >>> global_avg_pool_forward(np.array([1.0, 3.0, 2.0, 6.0]).reshape(1, 4, 1))[0]
    array([[3.]])
    """
    _check_activation("global_avg_pool_forward", x)
    # (N, *sizes, C) -> (N, C)
    return x.mean(axis=tuple(range(1, x.ndim - 1))), x.shape


def global_avg_pool_backward(grad_out: Array, cache: tuple[int, ...]) -> Array:
    """Spread each mean's gradient evenly over all positions.

    Parameters
    ----------
    grad_out : ndarray, (N, C)
    cache : tuple of int, from `global_avg_pool_forward`

    Returns
    -------
    grad_x : ndarray, shaped like x
    """
    items, *sizes, channels = cache
    _check_grad_out("global_avg_pool_backward", grad_out, (items, channels))
    share = grad_out / math.prod(sizes)
    # (N, C) -> (N, 1, …, 1, C), then over all positions
    share = share.reshape(items, *(1 for _ in sizes), channels)
    return np.broadcast_to(share, cache).astype(grad_out.dtype)


def _bands(out: Array) -> list[slice]:
    """Cut the first spatial axis so that a band stays in cache."""
    return chunks(out.shape[1], max(1, BAND_BYTES * out.shape[1] // out.nbytes))


def _add_up(padded: Array, window: Window, rows: slice, out: Array) -> None:
    """Sum what the windows of some rows see."""
    out[...] = 0
    for offset in np.ndindex(*window.kernel):
        out += padded[offset_slices(window, offset, rows)]


def _send_back(
    shares: Callable[[slice], Iterator[Array]],
    grad_out: Array,
    window: Window,
    finish: Finish | None,
) -> Array:
    """Give each input its shares: `shares` yields, for some rows, one array a window position."""
    before = [pair[0] for pair in window.pad]
    sizes = [n + sum(pair) for n, pair in zip(window.sizes, window.pad, strict=True)]
    grad_padded = np.empty((grad_out.shape[0], *sizes, grad_out.shape[-1]), dtype=grad_out.dtype)
    cuts = (slice(b, b + n) for b, n in zip(before, window.sizes, strict=True))
    grad_x = grad_padded[(slice(None), *cuts)]
    # bands of windows that share no input may be filled at the same time
    apart = window.stride[0] >= window.kernel[0] and grad_x.shape == grad_padded.shape
    # windows side by side, nothing between them: every input is seen once
    exact = apart and window.kernel == window.stride
    left_over = any(n % k for n, k in zip(window.sizes, window.kernel, strict=True))
    bands = _bands(grad_out) if apart else [slice(0, window.out_sizes[0])]

    def work(rows: slice) -> None:
        last = rows.stop == window.out_sizes[0]  # also takes the inputs that no window saw
        stop = sizes[0] if last else rows.stop * window.stride[0]
        band = slice(rows.start * window.stride[0], stop)
        if left_over or not exact:
            grad_padded[:, band] = 0
        for offset, share in zip(np.ndindex(*window.kernel), shares(rows), strict=True):
            seen = grad_padded[offset_slices(window, offset, rows)]
            if exact:
                seen[...] = share
            else:
                seen += share
        if finish is not None:
            place = (slice(None), band if apart else slice(None))
            finish(grad_x[place], place)

    for_each(work, bands)
    return grad_x


def pool_window(
    who: str, shape: tuple[int, ...], size: PerAxis, stride: PerAxis | None, pad: Padding
) -> Window:
    """Check a pool's settings against the shape (N, *sizes, C) and make its `Window`."""
    kernel = per_axis(who, "size", size, len(shape) - 2, least=1)
    window = make_window(who, shape[1:-1], kernel, kernel if stride is None else stride, pad)
    if any(max(pair) >= k for pair, k in zip(window.pad, kernel, strict=True)):
        raise ShapeError(
            f"{who}: pad {pad!r} must be smaller than the window {kernel}, "
            "or a window would see padding alone"
        )
    return window


def _check_activation(who: str, x: Array) -> None:
    if x.ndim - 2 not in AXIS_NAMES or 0 in x.shape:
        raise ShapeError(
            f"{who}: x must be (N, L, C), (N, H, W, C) or (N, D, H, W, C) with no empty axis, "
            f"not of shape {x.shape}"
        )
    if not np.issubdtype(x.dtype, np.floating):
        raise ShapeError(f"{who}: x must be of a floating dtype, not {x.dtype}: use .astype")


def _check_grad_out(who: str, grad_out: Array, shape: tuple[int | None, ...]) -> None:
    if len(shape) != grad_out.ndim or any(
        want is not None and want != got for want, got in zip(shape, grad_out.shape, strict=True)
    ):
        raise ShapeError(
            f"{who}: grad_out must have the output's shape {shape}, not {grad_out.shape}"
        )
