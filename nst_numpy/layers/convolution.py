"""Convolution in 1, 2 and 3 dimensions, from one definition.

Convolution here means cross-correlation, as in every deep-learning text: the kernel is
not flipped. With o an output position, k a position in the kernel and c, f the input
and output channels,

    out[n, o, f] = b[f] + Σ_k Σ_c x[n, o·stride + k·dilation − pad, c] · w[k, c, f]

Its three gradients follow from the same sum. Each weight collects all inputs that it
met, the bias all of grad_out, and each input position all weights that it met:

    grad_w[k, c, f] = Σ_n Σ_o x[n, o·stride + k·dilation − pad, c] · grad_out[n, o, f]
    grad_b[f]       = Σ_n Σ_o grad_out[n, o, f]
    grad_x          = grad_out, spread out by the stride, convolved with the flipped kernel

so the input gradient is a convolution too. There are three ways to compute one:

- `reference`: the sum as plain loops, the definition.
- `im2col`: the sum as a matrix product. Any shape, any dtype.
- `winograd`: 3×3 kernels, stride 1, pad 1, float32, with a quarter of the multiplications.

"auto" takes winograd where it can be used and is faster, as measured in docs/performance:
from nst_numpy.arrays import Array
from `WINOGRAD_CHANNELS` channels on, on either side, and `WINOGRAD_POSITIONS` positions.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from nst_numpy.arrays import Array
from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.kernels import im2col, winograd
from nst_numpy.kernels.threads import Finish
from nst_numpy.kernels.windows import (
    AXIS_NAMES,
    Padding,
    PerAxis,
    Window,
    make_window,
    shape_name,
)
from nst_numpy.layers import reference
from nst_numpy.layers.checks import check_dtypes, check_grad_out

METHODS = ("auto", "winograd", "im2col", "reference")
WINOGRAD_CHANNELS = 32
WINOGRAD_POSITIONS = 64


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
    method : {"auto", "winograd", "im2col", "reference"}
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
    chosen = choose_method(method, x.dtype, w.shape, window)
    return convolve(x, w, b, window, chosen), ConvCache(x, w, window, chosen)


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
    check_grad_out("conv_backward", grad_out, (x.shape[0], *window.out_sizes, w.shape[-1]))
    if method == "reference":
        return reference.conv_backward(grad_out, x, w, window)
    grad_x = conv_input_gradient(grad_out, w, window, method)
    return grad_x, *conv_param_gradients(grad_out, cache)


def conv_param_gradients(grad_out: Array, cache: ConvCache) -> tuple[Array, Array]:
    """Return only ∂J/∂w and ∂J/∂b of a convolution: all that the lowest layer needs to learn.

    Parameters are those of `conv_backward`.
    """
    x, w, window, _ = cache
    check_grad_out("conv_backward", grad_out, (x.shape[0], *window.out_sizes, w.shape[-1]))
    return im2col.param_gradients(grad_out, x, w, window)


def convolve(
    x: Array,
    w: Array,
    b: Array,
    window: Window,
    method: str,
    *,
    u: Array | None = None,
    finish: Finish | None = None,
) -> Array:
    """Convolve by the method named, with everything checked already.

    Parameters
    ----------
    x, w, b : ndarrays, as in `conv_forward`
    window : Window
    method : {"winograd", "im2col", "reference"}
    u : ndarray, (36, C_in, C_out), optional
        `winograd.transform_kernel(w)`, from a network that keeps it.
    finish : callable, optional
        Called with each part of the output, and its place, while it is in cache.
    """
    if method == "winograd":
        u = winograd.transform_kernel(w) if u is None else u
        return winograd.winograd_forward(x, u, b, finish)
    if method == "im2col":
        return im2col.correlate(x, w, b, window, finish)
    return reference.conv_forward(x, w, b, window)


def conv_input_gradient(
    grad_out: Array,
    w: Array,
    window: Window,
    method: str,
    *,
    finish: Finish | None = None,
) -> Array:
    """Return only ∂J/∂x of a convolution: all that a fixed network needs.

    An input position receives, from every window that saw it, grad_out times the weight
    that it met. That is again a convolution: of grad_out, spread out by the stride, with
    the kernel flipped and its channels swapped. Parameters are those of `convolve`.
    """
    if method == "winograd":
        u_flipped = winograd.flip_kernel(winograd.transform_kernel(w))
        return winograd.winograd_input_gradient(grad_out, u_flipped, finish)
    spread = _spread_by_stride(grad_out, window)
    flipped, back = _way_back(w, window)
    if product_first_is_smaller(w):
        return im2col.correlate_product_first(spread, flipped, back, finish)
    return im2col.correlate(spread, flipped, None, back, finish)


def input_gradient_in_parts(
    shape: tuple[int, ...], w: Array, window: Window
) -> tuple[Finish, Callable[[], Array]]:
    """Prepare to compute ∂J/∂x from a grad_out that is itself computed in parts.

    For filters of which `product_first_is_smaller` is true, at stride 1.

    Parameters
    ----------
    shape : tuple of int
        (N, *out_sizes, C_out), of grad_out.
    w, window : as in `convolve`

    Returns
    -------
    add : callable
        Takes a part grad_out[item, rows, …], given its place (item, rows, …).
    complete : callable
        Returns grad_x once every part has come.
    """
    return im2col.product_first_in_parts(shape, *_way_back(w, window))


def product_first_is_smaller(w: Array) -> bool:
    """Say whether grad_out times each tap of each filter is no larger than grad_out."""
    *kernel, c_in, c_out = w.shape
    return math.prod(kernel) * c_in <= c_out


def _way_back(w: Array, window: Window) -> tuple[Array, Window]:
    """Return the flipped kernel, channels swapped, and where it goes over the spread grad_out."""
    # (*kernel, C_in, C_out) -> (*flipped kernel, C_out, C_in)
    flipped = np.flip(w, axis=tuple(range(w.ndim - 2))).swapaxes(-1, -2)
    sizes = tuple((o - 1) * s + 1 for o, s in zip(window.out_sizes, window.stride, strict=True))
    pads = []
    for size, span, spread, (before, _) in zip(
        window.sizes, window.span, sizes, window.pad, strict=True
    ):
        first = span - 1 - before
        pads.append((first, size + span - 1 - spread - first))
    return flipped, Window(sizes, window.kernel, (1,) * len(sizes), window.dilation, tuple(pads))


def choose_method(method: str, dtype: DTypeLike, w_shape: tuple[int, ...], window: Window) -> str:
    """Turn "auto" into the method that is faster for this shape, and check any other."""
    if method not in METHODS:
        raise SettingError(
            f"conv_forward: method must be one of {', '.join(METHODS)}, not {method!r}"
        )
    fits = (
        np.dtype(dtype) == np.float32
        and window.kernel == (3, 3)
        and window.stride == window.dilation == (1, 1)
        and window.pad == ((1, 1), (1, 1))
    )
    if method == "winograd" and not fits:
        raise SettingError(
            "conv_forward: method 'winograd' is for float32, 3×3 kernels, stride 1 and pad 1 only: "
            "use 'im2col' or 'auto'"
        )
    if method != "auto":
        return method
    large = min(w_shape[-2:]) >= WINOGRAD_CHANNELS and math.prod(window.sizes) >= WINOGRAD_POSITIONS
    return "winograd" if fits and large else "im2col"


def _spread_by_stride(grad_out: Array, window: Window) -> Array:
    """Put stride − 1 zeros between neighbours: (N, *out, F) -> (N, *((out−1)·stride+1), F)."""
    if all(s == 1 for s in window.stride):
        return grad_out
    sizes = [(out - 1) * s + 1 for out, s in zip(window.out_sizes, window.stride, strict=True)]
    spread = np.zeros((grad_out.shape[0], *sizes, grad_out.shape[-1]), dtype=grad_out.dtype)
    spread[(slice(None), *(slice(None, None, s) for s in window.stride))] = grad_out
    return spread


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
    check_dtypes(who, x, w, b)
    return make_window(who, x.shape[1:-1], w.shape[:-2], stride, pad, dilation)
