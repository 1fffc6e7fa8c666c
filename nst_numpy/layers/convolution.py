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
- `winograd`: common kernels, stride 1, float32, with a fraction of the multiplications: a quarter
  for 3×3 and 3×3×3.

"auto" takes the faster one: see `nst_numpy.kernels.methods`.
"""

from typing import NamedTuple

from nst_numpy.common.arrays import Array
from nst_numpy.common.moved import keep_former_names
from nst_numpy.errors import ShapeError
from nst_numpy.kernels.methods import (
    ConvMethod,
    choose_method,
    convolve,
    input_gradient,
    param_gradients,
)
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


class ConvCache(NamedTuple):
    """What `conv_backward` needs of the forward pass."""

    x: Array
    w: Array
    window: Window
    method: ConvMethod


def conv_forward(
    x: Array,
    w: Array,
    b: Array,
    *,
    stride: PerAxis = 1,
    pad: Padding = 0,
    dilation: PerAxis = 1,
    method: ConvMethod = "auto",
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
    if chosen == "reference":
        out = reference.conv_forward(x, w, b, window)
    else:
        out = convolve(x, w, b, window, chosen)  # equation (1)
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
    check_grad_out("conv_backward", grad_out, (x.shape[0], *window.out_sizes, w.shape[-1]))
    if method == "reference":
        return reference.conv_backward(grad_out, x, w, window)
    grad_x = conv_input_gradient(grad_out, w, window, method)  # equation (20)
    return grad_x, *conv_param_gradients(grad_out, cache)  # equation (19)


def conv_param_gradients(grad_out: Array, cache: ConvCache) -> tuple[Array, Array]:
    """Return only ∂J/∂w and ∂J/∂b of a convolution: all that the lowest layer needs to learn.

    Parameters are those of `conv_backward`.
    """
    x, w, window, method = cache
    check_grad_out("conv_backward", grad_out, (x.shape[0], *window.out_sizes, w.shape[-1]))
    return param_gradients(grad_out, x, w, window, method)


def conv_input_gradient(grad_out: Array, w: Array, window: Window, method: ConvMethod) -> Array:
    """Return only ∂J/∂x of a convolution: all that a fixed network needs.

    Parameters are those of `ConvCache`; everything is checked already.
    """
    return input_gradient(grad_out, w, window, method)


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


keep_former_names(
    __name__,
    "nst_numpy.kernels.methods",
    "METHODS",
    "WINOGRAD_CHANNELS",
    "WINOGRAD_POSITIONS",
    "product_first_is_smaller",
)
