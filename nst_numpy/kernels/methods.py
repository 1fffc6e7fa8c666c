"""Which way to compute a convolution, and the way itself.

"auto" takes winograd where it can be used and is faster, as measured in docs/performance: for each
kernel from `WINOGRAD_CHANNELS` channels on, on either side, and `WINOGRAD_POSITIONS` positions.
"""

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import DTypeLike

from nst_numpy.common.arrays import Array
from nst_numpy.common.checks import check_choice
from nst_numpy.errors import SettingError
from nst_numpy.kernels import im2col, winograd
from nst_numpy.kernels.parts import EachPart
from nst_numpy.kernels.windows import Window

ConvMethod = Literal["auto", "winograd", "im2col", "reference"]
METHODS: tuple[ConvMethod, ...] = get_args(ConvMethod)
WINOGRAD_CHANNELS = {(5,): 64, (7,): 64, (3, 3): 32, (3, 3, 3): 8, (5, 5, 5): 8}
WINOGRAD_POSITIONS = {1: 2048, 2: 64, 3: 4096}  # by the number of axes
# for the filters' gradient: more, since each piece adds to the values at all points
GRADIENT_CHANNELS = {(7,): 64, (3, 3): 64, (3, 3, 3): 16, (5, 5, 5): 16}
GRADIENT_POSITIONS = {1: 4096, 2: 4096, 3: 16384}  # of all items


def choose_method(
    method: ConvMethod, dtype: DTypeLike, w_shape: tuple[int, ...], window: Window
) -> ConvMethod:
    """Turn "auto" into the method that is faster for this shape, and check any other."""
    check_choice("conv_forward: method", method, METHODS)
    fits = (
        np.dtype(dtype) == np.float32
        and window.kernel in winograd.TILES
        and {*window.stride, *window.dilation} == {1}
    )
    if method == "winograd" and not fits:
        raise SettingError(
            "conv_forward: method 'winograd' is for float32, stride 1, dilation 1, and kernels of "
            f"{', '.join('×'.join(map(str, kernel)) for kernel in winograd.TILES)} only: "
            "use 'im2col' or 'auto'"
        )
    if method != "auto":
        return method
    channels = WINOGRAD_CHANNELS.get(window.kernel, math.inf)
    positions = WINOGRAD_POSITIONS[len(window.sizes)]
    large = min(w_shape[-2:]) >= channels and math.prod(window.sizes) >= positions
    return "winograd" if fits and large else "im2col"


def convolve(
    x: Array,
    w: Array,
    b: Array,
    window: Window,
    method: ConvMethod,
    *,
    u: Array | None = None,
    each_part: EachPart | None = None,
) -> Array:
    """Convolve by the method named, with everything checked already.

    Parameters
    ----------
    x, w, b : ndarrays, as in `conv_forward`
    window : Window
    method : {"winograd", "im2col"}
    u : ndarray, optional
        The first of `winograd.prepare_kernels(w)`, from who keeps it.
    each_part : callable, optional
        Called with each part of the output as soon as it is computed; see `kernels.parts`.
    """
    if method == "winograd":
        u = winograd.transform_kernel(w) if u is None else u
        return winograd.winograd_forward(x, u, b, each_part, window)
    return im2col.correlate(x, w, b, window, each_part)


def input_gradient(
    grad_out: Array,
    w: Array,
    window: Window,
    method: ConvMethod,
    *,
    u_flipped: Array | None = None,
    each_part: EachPart | None = None,
    back: Window | None = None,
) -> Array:
    """Return ∂J/∂x of a convolution.

    An input position receives, from every window that saw it, grad_out times the weight
    that it met. That is again a convolution: of grad_out, spread out by the stride, with
    the kernel flipped and its channels swapped. Parameters are those of `convolve`;
    `u_flipped` is the second of `winograd.prepare_kernels(w)`. `back` is given if grad_out is
    some rows of the whole, at stride 1: see `way_back`.
    """
    flipped, whole = _flipped(w), way_back(window)
    back = whole if back is None else back
    if method == "winograd":
        u_flipped = winograd.transform_flipped(w) if u_flipped is None else u_flipped
        return winograd.winograd_input_gradient(grad_out, u_flipped, each_part, back)
    spread = _spread_by_stride(grad_out, window)
    if product_first_is_smaller(w):
        return im2col.correlate_product_first(spread, flipped, back, each_part)
    return im2col.correlate(spread, flipped, None, back, each_part)


def param_gradients(
    grad_out: Array, x: Array, w: Array, window: Window, method: ConvMethod
) -> tuple[Array, Array]:
    """Return ∂J/∂w and ∂J/∂b of a convolution. Parameters are those of `convolve`."""
    channels = GRADIENT_CHANNELS.get(window.kernel, math.inf)
    positions = GRADIENT_POSITIONS[len(window.sizes)]
    large = len(x) * math.prod(window.out_sizes) >= positions
    pays = method == "winograd" and large and min(w.shape[-2:]) >= channels
    if pays and winograd.transformed_bytes(w) <= winograd.COPIED_BYTES:
        grad_w = winograd.winograd_kernel_gradient(x, grad_out, window)
        return grad_w, im2col.bias_gradient(grad_out)
    return im2col.param_gradients(grad_out, x, w, window)


def input_gradient_of_parts(
    shape: tuple[int, ...], w: Array, window: Window
) -> im2col.ProductsFirst:
    """Prepare to compute ∂J/∂x from a grad_out of `shape` that is itself computed in parts.

    For filters of which `product_first_is_smaller` is true, at stride 1.
    """
    return im2col.ProductsFirst(shape, _flipped(w), way_back(window))


def product_first_is_smaller(w: Array) -> bool:
    """Say whether grad_out times each tap of each filter is no larger than grad_out."""
    *kernel, c_in, c_out = w.shape
    return bool(math.prod(kernel) * c_in <= c_out)


def _flipped(w: Array) -> Array:
    """Flip the kernel and swap its channels: (*kernel, C_in, C_out) -> (*kernel, C_out, C_in)."""
    return np.flip(w, axis=tuple(range(w.ndim - 2))).swapaxes(-1, -2)


def way_back(window: Window) -> Window:
    """Say where the flipped kernel goes over the spread grad_out."""
    sizes = tuple((o - 1) * s + 1 for o, s in zip(window.out_sizes, window.stride, strict=True))
    pads = []
    for size, span, spread, (before, _) in zip(
        window.sizes, window.span, sizes, window.pad, strict=True
    ):
        first = span - 1 - before
        pads.append((first, size + span - 1 - spread - first))
    return Window(sizes, window.kernel, (1,) * len(sizes), window.dilation, tuple(pads))


def _spread_by_stride(grad_out: Array, window: Window) -> Array:
    """Put stride − 1 zeros between neighbours: (N, *out, F) -> (N, *((out−1)·stride+1), F)."""
    if all(s == 1 for s in window.stride):
        return grad_out
    sizes = [(out - 1) * s + 1 for out, s in zip(window.out_sizes, window.stride, strict=True)]
    spread = np.zeros((grad_out.shape[0], *sizes, grad_out.shape[-1]), dtype=grad_out.dtype)
    spread[(slice(None), *(slice(None, None, s) for s in window.stride))] = grad_out
    return spread
