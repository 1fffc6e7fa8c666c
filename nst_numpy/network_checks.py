"""What a network checks at the door: names, shapes and dtypes of what it is given.

So that the network itself is left with mathematics.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nst_numpy.common.arrays import Array, Shape
from nst_numpy.common.checks import check_choice, is_whole
from nst_numpy.common.remembered import remember
from nst_numpy.errors import SettingError, ShapeError, UnknownNameError
from nst_numpy.fused.gradients import GradientInParts
from nst_numpy.kernels.windows import AXIS_NAMES
from nst_numpy.layers.activation import RELU_RULES, ReluRule
from nst_numpy.rows import LayerParams, Row, carry_shape

MOST_SHAPES = 8  # of inputs that are remembered, with those of all layers


class NetworkChecks:
    """Knows the layers of a network, and what each makes of a shape.

    Parameters
    ----------
    who : str
        How messages call the network.
    layers, params, input_shape, dtype : the network's own
    """

    def __init__(
        self,
        who: str,
        layers: Mapping[str, Row],
        params: Mapping[str, LayerParams],
        input_shape: Shape,
        dtype: np.dtype[Any],
    ) -> None:
        self.who, self.layers, self.params = who, layers, params
        self.input_shape, self.dtype = input_shape, dtype
        self._known: dict[Shape, dict[str, Shape]] = {}

    def check_names(self, names: Iterable[str]) -> list[str]:
        """Sort layer names from the input upwards; an unknown one is an error."""
        if isinstance(names, str):
            raise SettingError(
                f"{self.who}: names must be a list of layer names, not the text {names!r}: "
                f"write [{names!r}]"
            )
        names = set(names)
        for name in names:
            if name not in self.layers:
                raise UnknownNameError.of("layer", name, list(self.layers))
        return [name for name in self.layers if name in names]

    def shapes_up_to(self, shape: Shape, deepest: str) -> dict[str, Shape]:
        """Carry an input's shape up, at least to a layer; what cannot be is an error."""
        known = self._known.get(shape, {})
        if deepest not in known:
            known = {}
            for name, row, x_shape, out in carry_shape(self.who, self.layers, shape, deepest):
                self._check_channels(name, row, x_shape)
                known[name] = out
            remember(self._known, shape, known, MOST_SHAPES)
        return known

    def smallest_size(self, layer: str) -> int:
        """Smallest input, along every axis, that leaves a layer at least one position."""
        *sizes, channels = self.input_shape
        largest = max(sizes, default=1)
        for size in range(1, largest):
            try:
                self.shapes_up_to((1, *(size for _ in sizes), channels), layer)
            except ShapeError:
                continue
            return size
        return largest

    def _check_channels(self, name: str, row: Row, shape: Shape) -> None:
        kernel = row.kernel_shape(f"{self.who}, {name}", shape)
        if kernel is not None and kernel != self.params[name][0].shape:
            raise ShapeError(
                f"{self.who}, {name}: its input has {shape[-1]} channels, its parameters expect "
                f"{self.params[name][0].shape[-2]}: the network was made for x "
                f"(N, {', '.join(map(str, self.input_shape))})"
            )

    def check_input(
        self, method: str, x: Array, names: Sequence[str], cast_remedy: str
    ) -> dict[str, Shape]:
        """Refuse an x that does not fit; return the shapes of the layers that it reaches."""
        who = f"{self.who}.{method}"
        axes = (*AXIS_NAMES.get(len(self.input_shape) - 1, ()), str(self.input_shape[-1]))
        fits = x.ndim == len(self.input_shape) + 1 and x.shape[-1] == self.input_shape[-1]
        if not fits or 0 in x.shape:
            raise ShapeError(
                f"{who}: x must be (N, {', '.join(axes)}) with no empty axis, not {x.shape}"
            )
        if x.dtype != self.dtype:
            remedy = cast_remedy.format(dtype=self.dtype)
            raise ShapeError(f"{who}: x is {x.dtype}, the network {self.dtype}: {remedy}")
        if not names:
            raise SettingError(f"{who}: name at least one layer")
        try:
            shapes = self.shapes_up_to(x.shape, names[-1])
        except ShapeError as error:
            least = self.smallest_size(names[-1])
            if min(x.shape[1:-1], default=least) >= least:
                raise
            raise ShapeError(
                f"{who}: x of {'×'.join(map(str, x.shape[1:-1]))} is too small for {names[-1]}: "
                f"use at least {least} {'pixels a side' if x.ndim == 4 else 'an axis'}"
            ) from error
        reached = list(shapes)[: list(shapes).index(names[-1]) + 1]
        return {name: shapes[name] for name in reached}

    def check_grads(
        self,
        grads: Mapping[str, Array | GradientInParts],
        relu: ReluRule,
        reached: Mapping[str, Shape],
    ) -> dict[str, Array | GradientInParts]:
        """Refuse what does not belong to the last forward pass, given what it reached."""
        who = f"{self.who}.backward"
        if not grads:
            raise SettingError(f"{who}: give the gradient of at least one layer")
        check_choice(f"{who}: relu", relu, RELU_RULES)
        checked = {}
        for name in self.check_names(grads):
            if name not in reached:
                raise SettingError(
                    f"{who}: the last forward did not reach {name}: "
                    "call forward with that layer first"
                )
            grad = grads[name]
            given = getattr(grad, "shape", type(grad).__name__)
            if given != reached[name]:
                raise ShapeError(
                    f"{who}: the gradient at {name} must be an array shaped like its activation, "
                    f"{reached[name]}, not {given}"
                )
            if not isinstance(grad, GradientInParts):
                grad = np.asarray(grad, dtype=self.dtype)
            checked[name] = grad
        return checked


def check_params(
    who: str, params: Mapping[str, LayerParams], kernels: Mapping[str, Shape], dtype: np.dtype[Any]
) -> None:
    """Check the names, shapes and dtype of parameters that come from elsewhere."""
    if list(params) != list(kernels):
        raise ShapeError(
            f"{who}: params must be named {', '.join(kernels)}, not {', '.join(params)}"
        )
    for name, shape in kernels.items():
        w, b = params[name]
        if w.shape != shape or b.shape != shape[-1:] or not w.dtype == b.dtype == dtype:
            raise ShapeError(
                f"{who}, {name}: w must be {shape} and b {shape[-1:]}, both {dtype}, not "
                f"{w.shape} {w.dtype} and {b.shape} {b.dtype}"
            )


def check_input_shape(who: str, input_shape: Sequence[int]) -> Shape:
    """Refuse what is not the shape of one sample; return it as a tuple."""
    shape = tuple(input_shape)
    if not 1 <= len(shape) <= 4 or not all(is_whole(n) for n in shape):
        raise SettingError(
            f"{who}: input_shape must be (L, C), (H, W, C), (D, H, W, C) or (C,), whole "
            f"numbers of at least 1 and without N, not {input_shape!r}"
        )
    return tuple(int(n) for n in shape)
