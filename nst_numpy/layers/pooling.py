"""Max, average and global average pooling in 1, 2 and 3 dimensions.

Nothing here loops over output positions: it loops over the few positions inside the
window, each of which is one strided slice of the input. Sizes that the window does not
divide round down, as in Keras and PyTorch: what is left over is dropped.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nst_numpy.arrays import Array
from nst_numpy.errors import ShapeError
from nst_numpy.kernels.memory import empty
from nst_numpy.kernels.threads import Finish, Parts, chunks, for_each, scratch
from nst_numpy.kernels.windows import (
    AXIS_NAMES,
    Padding,
    PerAxis,
    Window,
    make_window,
    offset_slices,
    pad_for,
    per_axis,
)
from nst_numpy.layers.checks import check_grad_out

# shares(place): of the outputs there, what each position in the window receives, in C order
Shares = Callable[[tuple[slice, ...]], Iterator[NDArray[np.floating]]]

BAND_BYTES = 1 << 18  # of output at a time: what a core's own cache holds


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
    out = empty((x.shape[0], *window.out_sizes, x.shape[-1]), x.dtype)
    winner = np.empty(out.shape, dtype=np.min_scalar_type(math.prod(window.kernel) - 1))

    def work(rows: slice) -> None:
        _largest(padded, window, rows, out[:, rows], winner[:, rows])

    for_each(work, _bands(out))
    return out, MaxPoolCache(winner, window)


def max_pool_in_parts(
    x_shape: tuple[int, ...], dtype: DTypeLike, size: PerAxis = 2
) -> tuple[Array, MaxPoolCache, Finish]:
    """Prepare to max-pool an array that is computed in parts, each while it is in cache.

    Parameters
    ----------
    x_shape : tuple of int
        (N, *sizes, C), the shape of the whole array.
    dtype : its dtype
    size : as in `max_pool_forward`; windows do not overlap

    Returns
    -------
    out, cache : as `max_pool_forward` returns them, complete once every part has come
    finish : callable
        Pools a part x[n, rows, …], given its place (n, rows, …). Parts begin between windows.
    """
    window = pool_window("max_pool_in_parts", x_shape, size, None, 0)
    out = empty((x_shape[0], *window.out_sizes, x_shape[-1]), dtype)
    winner = np.empty(out.shape, dtype=np.min_scalar_type(math.prod(window.kernel) - 1))

    def finish(part: Array, place: tuple[Any, ...]) -> None:
        seen, target = _windows_of(part, place, window)
        if out[target].size > 0:
            rows = slice(0, seen.out_sizes[0])
            _largest(part[None], seen, rows, out[target][None], winner[target][None])

    return out, MaxPoolCache(winner, window), finish


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
    check_grad_out("max_pool_backward", grad_out, cache.winner.shape)
    return _send_back(_max_pool_shares(grad_out, cache), grad_out, cache.window, finish)


def max_pool_backward_in_parts(grad_out: Array, cache: MaxPoolCache, finish: Finish) -> Parts:
    """Do what `max_pool_backward` does a part at a time, for the layer below to read.

    For windows side by side without padding. Parts may overlap: `finish` is called with
    each, and must do the same every time.
    """
    return _send_back_in_parts(_max_pool_shares(grad_out, cache), grad_out, cache.window, finish)


def _max_pool_shares(grad_out: Array, cache: MaxPoolCache) -> Shares:
    winner, window = cache

    def shares(place: tuple[slice, ...]) -> Iterator[Array]:
        for number in range(math.prod(window.kernel)):
            yield grad_out[place] * (winner[place] == number)

    return shares


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
    out = empty((x.shape[0], *window.out_sizes, x.shape[-1]), x.dtype)

    def work(rows: slice) -> None:
        _add_up(padded, window, rows, out[:, rows])
        out[:, rows] /= inputs[:, rows]

    for_each(work, _bands(out))
    return out, AvgPoolCache(inputs, window)


def avg_pool_in_parts(
    x_shape: tuple[int, ...], dtype: DTypeLike, size: PerAxis = 2
) -> tuple[Array, AvgPoolCache, Finish]:
    """Prepare to average-pool an array in parts: `max_pool_in_parts`, with the mean."""
    window = pool_window("avg_pool_in_parts", x_shape, size, None, 0)
    out = empty((x_shape[0], *window.out_sizes, x_shape[-1]), dtype)
    count = out.dtype.type(math.prod(window.kernel))

    def finish(part: Array, place: tuple[Any, ...]) -> None:
        seen, target = _windows_of(part, place, window)
        if out[target].size > 0:
            _add_up(part[None], seen, slice(0, seen.out_sizes[0]), out[target][None])
            out[target] /= count

    inputs = np.full((1, *window.out_sizes, 1), count)
    return out, AvgPoolCache(inputs, window), finish


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
    check_grad_out("avg_pool_backward", grad_out, (None, *cache.window.out_sizes, None))
    return _send_back(_avg_pool_shares(grad_out, cache), grad_out, cache.window, finish)


def avg_pool_backward_in_parts(grad_out: Array, cache: AvgPoolCache, finish: Finish) -> Parts:
    """Do what `avg_pool_backward` does a part at a time: `max_pool_backward_in_parts`."""
    return _send_back_in_parts(_avg_pool_shares(grad_out, cache), grad_out, cache.window, finish)


def _avg_pool_shares(grad_out: Array, cache: AvgPoolCache) -> Shares:
    inputs, window = cache

    def shares(place: tuple[slice, ...]) -> Iterator[Array]:
        share = grad_out[place] / inputs[(slice(None), *place[1:])]
        return repeat(share, math.prod(window.kernel))

    return shares


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
    check_grad_out("global_avg_pool_backward", grad_out, (items, channels))
    share = grad_out / math.prod(sizes)
    # (N, C) -> (N, 1, …, 1, C), then over all positions
    share = share.reshape(items, *(1 for _ in sizes), channels)
    return np.broadcast_to(share, cache).astype(grad_out.dtype)


def _bands(out: Array) -> list[slice]:
    """Cut the first spatial axis so that a band stays in cache."""
    return chunks(out.shape[1], max(1, BAND_BYTES * out.shape[1] // out.nbytes))


def _windows_of(
    part: Array, place: tuple[Any, ...], window: Window
) -> tuple[Window, tuple[Any, ...]]:
    """Return the windows inside a part, and the place of their outputs."""
    item, *cuts = place
    # slices of the input -> slices of the output; what no window sees is at the end
    target = (slice(c.start // k, c.stop // k) for c, k in zip(cuts, window.kernel, strict=True))
    return dataclasses.replace(window, sizes=part.shape[:-1]), (item, *target)


def _largest(
    padded: Array, window: Window, rows: slice, out: Array, winner: NDArray[np.integer]
) -> None:
    """Find the largest value that each window of some rows sees, and its number in the window."""
    for number, offset in enumerate(np.ndindex(*window.kernel)):
        candidate = padded[offset_slices(window, offset, rows)]
        if number == 0:
            out[...] = candidate
            winner[...] = 0
        else:
            # strictly larger: of equal values the first one wins
            winner[candidate > out] = number
            np.maximum(out, candidate, out=out)


def _add_up(padded: Array, window: Window, rows: slice, out: Array) -> None:
    """Sum what the windows of some rows see."""
    first, *others = (offset_slices(window, k, rows) for k in np.ndindex(*window.kernel))
    out[...] = padded[first]
    for seen in others:
        out += padded[seen]


def _send_back(shares: Shares, grad_out: Array, window: Window, finish: Finish | None) -> Array:
    """Give each input its shares."""
    before = [pair[0] for pair in window.pad]
    sizes = [n + sum(pair) for n, pair in zip(window.sizes, window.pad, strict=True)]
    grad_padded = empty((grad_out.shape[0], *sizes, grad_out.shape[-1]), grad_out.dtype)
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
        for offset, share in zip(
            np.ndindex(*window.kernel), shares((slice(None), rows)), strict=True
        ):
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


def _send_back_in_parts(shares: Shares, grad_out: Array, window: Window, finish: Finish) -> Parts:
    """Give each input its share when it is read. Windows lie side by side, without padding."""
    shape = (grad_out.shape[0], *window.sizes, grad_out.shape[-1])

    def read(item: int, *cuts: slice) -> Array:
        sizes = tuple(cut.stop - cut.start for cut in cuts)
        part = scratch("spread", (1, *sizes, shape[-1]), grad_out.dtype)
        axes = list(zip(cuts, window.kernel, window.out_sizes, strict=True))
        if any(cut.stop > k * out for cut, k, out in axes):
            part[...] = 0  # no window saw the last inputs
        # the windows that these inputs lie in
        seen = [slice(cut.start // k, min(-(-cut.stop // k), out)) for cut, k, out in axes]
        place = (slice(item, item + 1), *seen)
        for offset, share in zip(np.ndindex(*window.kernel), shares(place), strict=True):
            target, source = [slice(None)], [slice(None)]
            for (cut, k, _), outputs, tap in zip(axes, seen, offset, strict=True):
                # the outputs o whose input o*k + tap is in the cut
                first = -((tap - cut.start) // k)
                last = min(-((tap - cut.stop) // k), outputs.stop)
                target.append(slice(first * k + tap - cut.start, max(last * k - cut.start, 0), k))
                source.append(slice(first - outputs.start, max(last - outputs.start, 0)))
            part[tuple(target)] = share[tuple(source)]
        finish(part[0], (item, *cuts))
        return part[0]

    return Parts(shape, grad_out.dtype, read)


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
