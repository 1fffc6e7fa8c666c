"""Max, average and global average pooling in 1, 2 and 3 dimensions.

Sizes that the window does not divide round down, as in Keras and PyTorch: what is left over is
dropped. How a pool is computed stands in `nst_numpy.kernels.pools`.
"""

import math

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.common.moved import keep_former_names
from nst_numpy.errors import ShapeError
from nst_numpy.kernels.pools import AvgPoolCache, MaxPoolCache, pool, send_back
from nst_numpy.kernels.windows import AXIS_NAMES, Padding, PerAxis, Window, make_window, per_axis
from nst_numpy.layers.checks import check_grad_out

__all__ = [
    "AvgPoolCache",
    "MaxPoolCache",
    "avg_pool_backward",
    "avg_pool_forward",
    "global_avg_pool_backward",
    "global_avg_pool_forward",
    "max_pool_backward",
    "max_pool_forward",
    "pool_window",
]


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
    return pool(x, window, MaxPoolCache)  # equation (22)


def max_pool_backward(grad_out: Array, cache: MaxPoolCache) -> Array:
    """Send each output's gradient to the input that was the largest in its window.

    Of tied inputs the first receives it all. Where windows overlap, gradients add up.

    Parameters
    ----------
    grad_out : ndarray, (N, *out_sizes, C)
    cache : MaxPoolCache, from `max_pool_forward`

    Returns
    -------
    grad_x : ndarray, shaped like x
    """
    check_grad_out("max_pool_backward", grad_out, cache.winner.shape)
    return send_back(grad_out, cache)


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
    return pool(x, window, AvgPoolCache)  # equation (23)


def avg_pool_backward(grad_out: Array, cache: AvgPoolCache) -> Array:
    """Spread each output's gradient evenly over the inputs of its window.

    Parameters
    ----------
    grad_out : ndarray, (N, *out_sizes, C)
    cache : AvgPoolCache, from `avg_pool_forward`

    Returns
    -------
    grad_x : ndarray, shaped like x
    """
    check_grad_out("avg_pool_backward", grad_out, (None, *cache.window.out_sizes, None))
    return send_back(grad_out, cache)


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


keep_former_names(__name__, "nst_numpy.kernels.pools", "BAND_BYTES")
