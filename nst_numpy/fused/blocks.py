"""Blocks: some rows done together, while what they work on is in a core's cache.

A block goes up with an activation and comes down with a gradient, like a row. It differs in
one thing: a gradient reaches it in parts. As soon as the block above has computed a part of
∂J/∂out, `arrival` says what this block does with the part: add what the losses say of its own
rows, and let the ReLU's mask pass what it may. So bias, ReLU, pool and the losses' gradients
cost no pass of their own over memory.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array, Shape
from nst_numpy.fused.gradients import GradientInParts, adds
from nst_numpy.kernels.masks import apply_mask, pack_mask, rectify
from nst_numpy.kernels.methods import (
    choose_method,
    convolve,
    input_gradient,
    input_gradient_of_parts,
    product_first_is_smaller,
)
from nst_numpy.kernels.parts import WHOLE, EachPart, MadeInParts, one_after_the_other
from nst_numpy.kernels.pools import (
    AvgPoolCache,
    MaxPoolCache,
    pool,
    pool_in_parts,
    send_back,
    send_back_in_parts,
)
from nst_numpy.kernels.windows import Window
from nst_numpy.kernels.winograd import (
    TILE,
    kernel_bytes,
    picture_window,
    prepare_kernels,
    transform_flipped,
    transform_kernel,
    winograd_in_parts,
)
from nst_numpy.layers.activation import ReluRule
from nst_numpy.rows import AvgPool, LayerParams, MaxPool, Row

Keep = Callable[[str, Array], None]  # keep(name, activation): a feature, if it is wanted
POOL_CACHES: dict[type[Row], type[Any]] = {AvgPool: AvgPoolCache, MaxPool: MaxPoolCache}


class Stage(NamedTuple):
    """A row in its place: what comes in, what goes out."""

    name: str
    row: Row
    x_shape: Shape
    out_shape: Shape
    cache_bytes: int


class WayDown:
    """The gradients of the losses, by layer, and what a ReLU does on this way down."""

    def __init__(self, grads: Mapping[str, Array | GradientInParts], relu: ReluRule) -> None:
        self._grads, self.relu = dict(grads), relu

    def own(self, name: str) -> EachPart | None:
        """Return what adds the losses' gradient of a layer.

        Once: its memory is free when it has arrived, before the largest layers.
        """
        grad = self._grads.pop(name, None)
        if grad is None:
            return None
        return grad.add_to if isinstance(grad, GradientInParts) else adds(grad)


class KeptKernels:
    """Parameters by layer, and their kernels as Winograd's method wants them.

    Transformed kernels are kept for parameters that cannot be written to; others may change
    from one pass to the next.
    """

    def __init__(self, params: Mapping[str, LayerParams]) -> None:
        self.params = params
        self._kept: dict[str, tuple[Array, tuple[Array, Array]]] = {}

    def forward(self, name: str) -> Array:
        """Return the transformed kernel."""
        return self._pair(name)[0] if self.is_fixed(name) else transform_kernel(self._w(name))

    def backward(self, name: str) -> Array:
        """Return the transformed kernel of the input gradient."""
        if self.is_fixed(name):
            return self._pair(name)[1]
        return transform_flipped(self._w(name))

    def is_fixed(self, name: str) -> bool:
        """Say whether a layer's kernel cannot change."""
        return not self._w(name).flags.writeable

    def _w(self, name: str) -> Array:
        return self.params[name][0]

    def _pair(self, name: str) -> tuple[Array, Array]:
        w = self._w(name)
        if name not in self._kept or self._kept[name][0] is not w:
            self._kept[name] = (w, prepare_kernels(w))
        return self._kept[name][1]


class OneRow:
    """A row alone, done plainly by its own pair of functions.

    Attributes
    ----------
    names : tuple of str
        The rows that the block does, from the input upwards.
    method : str
        How, for who reads the plan.
    kept : str
        What it keeps for the way back, and `kept_bytes` how much of it; `kernel_bytes` are
        those of transformed kernels, which stay from step to step.
    """

    method, kept, kernel_bytes = "plainly", "its cache", 0

    def __init__(self, stage: Stage, params: Mapping[str, LayerParams]) -> None:
        self.name, self.row, *_ = stage
        self.names: tuple[str, ...] = (self.name,)
        self.out_shape = stage.out_shape
        self.params = params
        self.kept_bytes = stage.cache_bytes

    def up(self, x: Array, keep: Keep) -> tuple[Array, Any]:
        """Return the output, and what the way down needs."""
        return self.row.forward(x, self.params.get(self.name, ()))

    def arrival(self, kept: Any, way: WayDown) -> EachPart | None:
        """Return what is done with each part of ∂J/∂out as soon as it is there."""
        return way.own(self.name)

    def down(self, grad: Array, kept: Any, way: WayDown, arrive: EachPart | None) -> Array:
        """Return ∂J/∂x, each part of which has gone through `arrive`, of the block below."""
        grad_x = self.row.input_gradient(grad, kept, way.relu)
        if arrive is not None:
            grad_x = grad_x if grad_x.flags.writeable else grad_x.copy()
            arrive(grad_x, WHOLE)
        return grad_x


class PoolAlone(OneRow):
    """A pool: on the way down its parts go on while they are in cache."""

    method = "in bands"

    def down(self, grad: Array, kept: Any, way: WayDown, arrive: EachPart | None) -> Array:
        """Return ∂J/∂x."""
        return send_back(grad, kept, arrive)


class ConvAlone:
    """A convolution: its parts go on while they are in cache, upwards and downwards."""

    kept, kept_bytes = "nothing", 0
    back: Window | None = None  # of the way down, if that is not for all rows

    def __init__(self, stage: Stage, kernels: KeptKernels) -> None:
        self.name, row, self.x_shape, self.out_shape, _ = stage
        self.names: tuple[str, ...] = (self.name,)
        window = row.window(self.name, self.x_shape)
        assert window is not None
        self.window, self.kernels = window, kernels
        w = kernels.params[self.name][0]
        self.method = choose_method("auto", w.dtype, w.shape, window)
        fixed = self.method == "winograd" and kernels.is_fixed(self.name)
        self.kernel_bytes = kernel_bytes(w) if fixed else 0

    def up(self, x: Array, keep: Keep) -> tuple[Array, Any]:
        """Return the output, and what the way down needs."""
        return self._convolve(x, None), None

    def _convolve(self, x: Array, each_part: EachPart | None) -> Array:
        w, b = self.kernels.params[self.name]
        u = self.kernels.forward(self.name) if self.method == "winograd" else None
        return convolve(x, w, b, self.window, self.method, u=u, each_part=each_part)

    def arrival(self, kept: Any, way: WayDown) -> EachPart | None:
        """Return what is done with each part of ∂J/∂out as soon as it is there."""
        return way.own(self.name)

    def down(self, grad: Array, kept: Any, way: WayDown, arrive: EachPart | None) -> Array:
        """Return ∂J/∂x, each part of which has gone through `arrive`, of the block below."""
        grad = self.grad_of_conv(grad, kept, way)
        w = self.kernels.params[self.name][0]
        u_flipped = self.kernels.backward(self.name) if self.method == "winograd" else None
        return input_gradient(
            grad, w, self.window, self.method, u_flipped=u_flipped, each_part=arrive, back=self.back
        )

    def grad_of_conv(self, grad: Any, kept: Any, way: WayDown) -> Any:
        """Turn the gradient at the block's output into that at the convolution's."""
        return grad


class ConvReLU(ConvAlone):
    """A convolution and its ReLU. Of the activation the way down needs one bit a number."""

    kept = "mask, 1 bit a number"

    def __init__(self, conv: Stage, relu: Stage, kernels: KeptKernels) -> None:
        super().__init__(conv, kernels)
        self.relu = relu.name
        self.names = (conv.name, relu.name)
        *positions, channels = conv.out_shape
        self.mask_shape = (*positions, -(-channels // 8))
        self.kept_bytes = math.prod(self.mask_shape)

    def up(self, x: Array, keep: Keep) -> tuple[Array, Any]:
        """Return the output, and the mask."""
        mask = np.empty(self.mask_shape, dtype=np.uint8)
        return self._convolve(x, _rectifies(mask)), mask

    def arrival(self, kept: Any, way: WayDown) -> EachPart | None:
        """Return what adds the losses' parts, and lets the ReLU pass what it may."""
        own, mask, rule = way.own(self.relu), kept, way.relu
        below = way.own(self.name)

        def arrive(part: Array, place: tuple[Any, ...]) -> None:
            if own is not None:
                own(part, place)
            if rule != "gradient":
                rectify(part)
            if rule != "deconvolution":
                apply_mask(part, mask[place])
            if below is not None:
                below(part, place)

        return arrive


class ConvReLUPool(ConvReLU):
    """A convolution, its ReLU and the pool above: each part is pooled before it leaves the cache.

    On the way down a part of the pool's input gradient is made when the convolution reads it.
    Where the ReLU's activation is wanted it is left whole.
    """

    kept = "mask, and the pool's cache"
    cut: slice | None = None  # of the rows of ∂J/∂out of the convolution, if not all are wanted

    def __init__(
        self, conv: Stage, relu: Stage, above: Stage, kernels: KeptKernels, leaves_relu_whole: bool
    ) -> None:
        super().__init__(conv, relu, kernels)
        self.pool = above.name
        self.names = (conv.name, relu.name, above.name)
        self.conv_shape, self.out_shape = conv.out_shape, above.out_shape
        self.leaves_relu_whole = leaves_relu_whole
        window = above.row.window(above.name, above.x_shape)
        assert window is not None
        self.pool_window, self.pool_kind = window, POOL_CACHES[type(above.row)]
        self.kept_bytes += above.cache_bytes

    def up(self, x: Array, keep: Keep) -> tuple[Array, Any]:
        """Return the output, and the mask and the pool's cache."""
        if self.leaves_relu_whole:
            a, mask = super().up(x, keep)
            keep(self.relu, a)
            out, cache = pool(a, self.pool_window, self.pool_kind)
            return out, (mask, cache)
        mask = np.empty(self.mask_shape, dtype=np.uint8)
        out, cache, pooled = pool_in_parts(
            self.conv_shape, x.dtype, self.pool_window, self.pool_kind
        )
        _, b = self.kernels.params[self.name]
        each_part = one_after_the_other(_rectifies(mask), pooled)
        winograd_in_parts(x, self.kernels.forward(self.name), b, each_part, self.window)
        return out, (mask, cache)

    def arrival(self, kept: Any, way: WayDown) -> EachPart | None:
        """Return what adds the losses' parts."""
        return way.own(self.pool)

    def grad_of_conv(self, grad: Array, kept: Any, way: WayDown) -> MadeInParts:
        """Make the gradient at the convolution's output, a part whenever one is read."""
        mask, cache = kept
        arrive = super().arrival(mask, way)
        assert arrive is not None
        made = send_back_in_parts(grad, cache, arrive)
        return made if self.cut is None else made.rows(self.cut)


class FirstTwo:
    """The first two blocks: the gradient between them, the largest array of all, is not kept.

    It is made in parts, and what each gives to the pixels is collected.
    """

    def __init__(self, lower: ConvReLU, upper: ConvAlone) -> None:
        self.lower, self.upper = lower, upper
        self.names = (*lower.names, *upper.names)
        self.out_shape = upper.out_shape
        self.method = f"{lower.method}, {upper.method}"
        self.kept = f"{lower.kept}; {upper.kept}"
        self.kept_bytes = lower.kept_bytes + upper.kept_bytes
        self.kernel_bytes = lower.kernel_bytes + upper.kernel_bytes

    def up(self, x: Array, keep: Keep) -> tuple[Array, Any]:
        """Return the output, and what both keep."""
        a, low = self.lower.up(x, keep)
        keep(self.lower.relu, a)
        out, high = self.upper.up(a, keep)
        return out, (low, high)

    def arrival(self, kept: Any, way: WayDown) -> EachPart | None:
        """Return what is done with each part of ∂J/∂out as soon as it is there."""
        return self.upper.arrival(kept[1], way)

    def down(self, grad: Array, kept: Any, way: WayDown, arrive: EachPart | None) -> Array:
        """Return ∂J/∂x."""
        low, high = kept
        lower, upper = self.lower, self.upper
        w = lower.kernels.params[lower.name][0]
        pixels = input_gradient_of_parts(lower.out_shape, w, lower.window)
        above = upper.grad_of_conv(grad, high, way)
        between = lower.arrival(low, way)
        assert between is not None
        u_flipped = upper.kernels.backward(upper.name)
        each_part = one_after_the_other(between, pixels.add)
        winograd_in_parts(above, u_flipped, None, each_part, upper.back)
        grad_x = pixels.complete()
        if arrive is not None:
            arrive(grad_x, WHOLE)
        return grad_x


Block = OneRow | ConvAlone | FirstTwo


def is_picture_winograd(conv: ConvAlone) -> bool:
    """Say whether a convolution is one that `winograd_in_parts` computes."""
    return conv.method == "winograd" and conv.window == picture_window(conv.x_shape)


def can_be_pooled_in_parts(conv: ConvAlone, above: Stage) -> bool:
    """Say whether every window of a pool lies within one tile of the convolution."""
    if not is_picture_winograd(conv) or type(above.row) not in POOL_CACHES:
        return False
    window = above.row.window(above.name, above.x_shape)
    assert window is not None
    side_by_side = window.kernel == window.stride and not any(map(any, window.pad))
    return side_by_side and all(TILE % k == 0 for k in window.kernel)


def can_be_first_two(lower: Block, upper: Block) -> bool:
    """Say whether the gradient between two blocks need not be kept."""
    if not isinstance(lower, ConvReLU) or not isinstance(upper, ConvAlone):
        return False
    if isinstance(lower, ConvReLUPool):
        return False
    w = lower.kernels.params[lower.name][0]
    return (
        lower.method == "im2col"
        and is_picture_winograd(upper)
        and set(lower.window.stride) == {1}
        and product_first_is_smaller(w)
    )


def _rectifies(mask: NDArray[np.uint8]) -> EachPart:
    """Make what notes where a part is above 0, and does the ReLU."""

    def each_part(part: Array, place: tuple[Any, ...]) -> None:
        mask[place] = pack_mask(part)
        rectify(part)

    return each_part
