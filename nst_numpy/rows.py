"""What a layer of a network is: one row each, without numbers.

A row such as `Conv(16, 5)` says what a layer does and what it makes of a shape, and has its
pair of functions, those of `nst_numpy.layers`. Its parameters are kept by the network.

A layer of your own is a row too: a subclass of `Row` with a `kind` and a pair of functions.

>>> import numpy as np
>>> class Square(Row):
...     kind = "square"
...     up = staticmethod(lambda x: (x * x, x))
...     down = staticmethod(lambda grad_out, x: 2 * x * grad_out)
>>> out, cache = Square().forward(np.array([[3.0]]))
>>> out, Square().input_gradient(np.array([[1.0]]), cache)
(array([[9.]]), array([[6.]]))
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from nst_numpy.common.arrays import Array, Shape
from nst_numpy.common.checks import check_count
from nst_numpy.common.moved import keep_former_names
from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.kernels.windows import (
    AXIS_NAMES,
    Padding,
    PerAxis,
    Window,
    make_window,
    per_axis,
    shape_name,
)
from nst_numpy.layers import (
    avg_pool_backward,
    avg_pool_forward,
    conv_forward,
    dense_forward,
    global_avg_pool_backward,
    global_avg_pool_forward,
    max_pool_backward,
    max_pool_forward,
    relu_backward,
    relu_forward,
)
from nst_numpy.layers.activation import ReluRule
from nst_numpy.layers.convolution import conv_input_gradient, conv_param_gradients
from nst_numpy.layers.dense import dense_input_gradient, dense_param_gradients
from nst_numpy.layers.pooling import pool_window

LayerParams = tuple[Array, Array]  # w and b, or their gradients
ROWS: dict[str, "type[Row]"] = {}  # by name: what a saved network may consist of


@dataclass(frozen=True)
class Row:
    """A layer without parameters and settings; the others say more.

    Shapes are (N, *sizes, C), as everywhere; `who` names the layer in messages. `up` and
    `down` are the layer's functions, forward and backward:

        up(x, [w, b,] **options) -> out, cache
        down(grad_out, cache) -> grad_x
    """

    kind: ClassVar[str]
    up: ClassVar[Callable[..., tuple[Array, Any]]]
    down: ClassVar[Callable[..., Array]]

    def __init_subclass__(cls) -> None:
        computes = hasattr(cls, "up") or cls.forward is not Row.forward
        named = isinstance(getattr(cls, "kind", None), str)
        # a class of your own may be defined again, but does not stand for one of the package
        known = ROWS.get(cls.__name__)
        if computes and named and (known is None or known.__module__ != __name__):
            ROWS[cls.__name__] = cls

    def kernel_shape(self, who: str, shape: Shape) -> Shape | None:
        """Shape of the layer's w, given its input's shape; None if it has none."""
        return None

    def window(self, who: str, shape: Shape) -> Window | None:
        """Say where the layer's window goes on an input of `shape`; None if it has none."""
        return None

    def out_shape(self, who: str, shape: Shape) -> Shape:
        """Shape of the output for an input of `shape`; an input that cannot be is an error."""
        return shape

    def cache_bytes(self, shape: Shape, itemsize: int) -> int:
        """Bytes that the cache holds for an input of `shape`: by default the input itself."""
        return math.prod(shape) * itemsize

    def options(self) -> dict[str, Any]:
        """Return the settings that `up` takes."""
        return asdict(self)

    def forward(self, x: Array, params: Sequence[Array] = ()) -> tuple[Array, Any]:
        """Return out and cache."""
        return type(self).up(x, *params, **self.options())

    def input_gradient(self, grad_out: Array, cache: Any, relu: ReluRule = "gradient") -> Array:
        """Return ∂J/∂x. `relu` is the rule of `relu_backward`; other layers have no use for it."""
        return type(self).down(grad_out, cache)

    def param_gradients(self, grad_out: Array, cache: Any) -> LayerParams:
        """Return ∂J/∂w and ∂J/∂b, for layers that have parameters."""
        raise NotImplementedError(f"{type(self).__name__} has no param_gradients")


@dataclass(frozen=True)
class Conv(Row):
    """A convolution with `filters` filters; `kernel` is an int or one int an axis."""

    filters: int
    kernel: PerAxis
    stride: PerAxis = 1
    pad: Padding = 0
    dilation: PerAxis = 1

    kind: ClassVar[str] = "conv"
    up = staticmethod(conv_forward)

    def kernel_shape(self, who: str, shape: Shape) -> Shape:
        """(*kernel, C_in, C_out)."""
        kernel = per_axis(who, "kernel", self.kernel, _dimensions(who, shape), least=1)
        return *kernel, shape[-1], check_count(who, "filters", self.filters)

    def window(self, who: str, shape: Shape) -> Window:
        """Say where the filters go."""
        kernel = self.kernel_shape(who, shape)[:-2]
        return make_window(who, shape[1:-1], kernel, **self.options())

    def out_shape(self, who: str, shape: Shape) -> Shape:
        """(N, *out_sizes, filters)."""
        return shape[0], *self.window(who, shape).out_sizes, self.filters

    def options(self) -> dict[str, Any]:
        """Return what says where the window goes."""
        return {"stride": self.stride, "pad": self.pad, "dilation": self.dilation}

    def input_gradient(self, grad_out: Array, cache: Any, relu: ReluRule = "gradient") -> Array:
        """Return ∂J/∂x."""
        return conv_input_gradient(grad_out, cache.w, cache.window, cache.method)

    def param_gradients(self, grad_out: Array, cache: Any) -> LayerParams:
        """Return ∂J/∂w and ∂J/∂b."""
        return conv_param_gradients(grad_out, cache)


@dataclass(frozen=True)
class Dense(Row):
    """Weighted sums of all inputs: (N, C) -> (N, units)."""

    units: int

    kind: ClassVar[str] = "dense"
    up, down = staticmethod(dense_forward), staticmethod(dense_input_gradient)

    def kernel_shape(self, who: str, shape: Shape) -> Shape:
        """(C_in, C_out)."""
        if len(shape) != 2:
            raise ShapeError(
                f"{who}: its input is {shape_name(len(shape) - 2)}, of shape {shape}, but must be "
                "(N, C): put GlobalAvgPool() or Flatten() before it"
            )
        return shape[1], check_count(who, "units", self.units)

    def out_shape(self, who: str, shape: Shape) -> Shape:
        """(N, units)."""
        return shape[0], self.kernel_shape(who, shape)[1]

    def options(self) -> dict[str, Any]:
        """Return nothing: the number of units stands in the shape of w."""
        return {}

    def param_gradients(self, grad_out: Array, cache: Any) -> LayerParams:
        """Return ∂J/∂w and ∂J/∂b."""
        return dense_param_gradients(grad_out, cache)


@dataclass(frozen=True)
class ReLU(Row):
    """max(x, 0)."""

    kind: ClassVar[str] = "relu"
    up, down = staticmethod(relu_forward), staticmethod(relu_backward)

    def cache_bytes(self, shape: Shape, itemsize: int) -> int:
        """Return those of the mask: one byte a number."""
        return math.prod(shape)

    def input_gradient(self, grad_out: Array, cache: Any, relu: ReluRule = "gradient") -> Array:
        """Return ∂J/∂x, or what the rule makes of it."""
        return relu_backward(grad_out, cache, rule=relu)


@dataclass(frozen=True)
class Pool(Row):
    """What both pools have; stride None is the window's size."""

    size: PerAxis = 2
    stride: PerAxis | None = None
    pad: Padding = 0

    kind: ClassVar[str] = "pool"

    def window(self, who: str, shape: Shape) -> Window:
        """Say where the pool goes."""
        _dimensions(who, shape)
        return pool_window(who, shape, **self.options())

    def out_shape(self, who: str, shape: Shape) -> Shape:
        """(N, *out_sizes, C)."""
        return shape[0], *self.window(who, shape).out_sizes, shape[-1]


@dataclass(frozen=True)
class MaxPool(Pool):
    """The largest value in each window."""

    up, down = staticmethod(max_pool_forward), staticmethod(max_pool_backward)

    def cache_bytes(self, shape: Shape, itemsize: int) -> int:
        """Return those of the winners' numbers: one byte an output."""
        return math.prod(self.out_shape("cache_bytes", shape))


@dataclass(frozen=True)
class AvgPool(Pool):
    """The mean of each window."""

    up, down = staticmethod(avg_pool_forward), staticmethod(avg_pool_backward)

    def cache_bytes(self, shape: Shape, itemsize: int) -> int:
        """Return those of how many inputs each position has, the same for all channels."""
        return math.prod(self.out_shape("cache_bytes", shape)[1:-1]) * itemsize


@dataclass(frozen=True)
class GlobalAvgPool(Row):
    """The mean over all positions: (N, *sizes, C) -> (N, C), for inputs of any size."""

    kind: ClassVar[str] = "global"
    up, down = staticmethod(global_avg_pool_forward), staticmethod(global_avg_pool_backward)

    def cache_bytes(self, shape: Shape, itemsize: int) -> int:
        """Return 0: the cache is a shape."""
        return 0

    def out_shape(self, who: str, shape: Shape) -> Shape:
        """(N, C)."""
        _dimensions(who, shape)
        return shape[0], shape[-1]


@dataclass(frozen=True)
class Flatten(Row):
    """All positions and channels in one row: (N, *sizes, C) -> (N, sizes·C)."""

    kind: ClassVar[str] = "flatten"
    # (N, *sizes, C) -> (N, prod(sizes)*C), and back; the cache is the shape before
    up = staticmethod(lambda x: (x.reshape(len(x), -1), x.shape))
    down = staticmethod(lambda grad_out, shape: grad_out.reshape(shape))

    def cache_bytes(self, shape: Shape, itemsize: int) -> int:
        """Return 0: the cache is a shape."""
        return 0

    def out_shape(self, who: str, shape: Shape) -> Shape:
        """(N, prod(sizes)*C)."""
        return shape[0], math.prod(shape[1:])


@dataclass(frozen=True)
class Computed(Row):
    """A row that is computed by somebody else's pair of functions.

    Parameters
    ----------
    row : Row
        What the layer is.
    with_forward : callable
        (x, [w, b,] **options) -> out, cache. Options that have their default are left out.
    with_backward : callable
        (grad_out, cache) -> grad_x, or a tuple that begins with it, as of `conv_backward`.
    """

    row: Row
    with_forward: Callable[..., tuple[Array, Any]]
    with_backward: Callable[..., Any]

    @property
    def kind(self) -> str:  # type: ignore[override]
        """What kind of layer it is."""
        return self.row.kind

    def kernel_shape(self, who: str, shape: Shape) -> Shape | None:
        """Return the row's own."""
        return self.row.kernel_shape(who, shape)

    def window(self, who: str, shape: Shape) -> Window | None:
        """Return the row's own."""
        return self.row.window(who, shape)

    def out_shape(self, who: str, shape: Shape) -> Shape:
        """Return the row's own."""
        return self.row.out_shape(who, shape)

    def options(self) -> dict[str, Any]:
        """Return the row's own, without those that have their default."""
        defaults = {field.name: field.default for field in fields(self.row)}
        options = self.row.options().items()
        return {name: value for name, value in options if value != defaults[name]}

    def forward(self, x: Array, params: Sequence[Array] = ()) -> tuple[Array, Any]:
        """Return out and cache."""
        return self.with_forward(x, *params, **self.options())

    def input_gradient(self, grad_out: Array, cache: Any, relu: ReluRule = "gradient") -> Array:
        """Return ∂J/∂x; the functions know no other rule for a ReLU."""
        if relu != "gradient":
            raise SettingError(f"a {self.kind} of your own has no rule {relu!r}: use 'gradient'")
        grads = self.with_backward(grad_out, cache)
        grad_x: Array = grads[0] if isinstance(grads, tuple) else grads
        return grad_x

    def param_gradients(self, grad_out: Array, cache: Any) -> LayerParams:
        """Return ∂J/∂w and ∂J/∂b."""
        _, grad_w, grad_b = self.with_backward(grad_out, cache)
        return grad_w, grad_b


def name_rows(rows: Sequence[Row]) -> dict[str, Row]:
    """Count each kind from 1; a ReLU takes the number of the layer below it, if it is free.

    >>> list(name_rows([Conv(4, 3), Conv(4, 3), ReLU(), MaxPool(), Flatten(), Dense(2), ReLU()]))
    ['conv1', 'conv2', 'relu2', 'pool1', 'flatten1', 'dense1', 'relu1']
    """
    if not rows:
        raise SettingError("Sequential: give at least one layer")
    named: dict[str, Row] = {}
    counts: dict[str, int] = {}
    number = 0  # of the layer below
    for row in rows:
        if not isinstance(row, Row):
            raise SettingError(
                f"Sequential: {row!r} is no layer: write it as Conv(16, 5), ReLU() and so on"
            )
        if isinstance(row, ReLU):
            number = max(number, 1)
            while f"relu{number}" in named:
                number += 1
        else:
            number = counts[row.kind] = counts.get(row.kind, 0) + 1
        named[f"{row.kind}{number}"] = row
    return named


def carry_shape(
    who: str, layers: Mapping[str, Row], shape: Shape, last: str | None = None
) -> Iterator[tuple[str, Row, Shape, Shape]]:
    """Carry an input's shape up: yield name, row, input shape and output shape of each layer.

    Up to the layer `last`; without one to the top.
    """
    for name, row in layers.items():
        out = row.out_shape(f"{who}, {name}", shape)
        yield name, row, shape, out
        if name == last:
            return
        shape = out


def kernel_shapes(who: str, layers: Mapping[str, Row], input_shape: Shape) -> dict[str, Shape]:
    """Carry one sample's shape up; return the shape of each w on the way."""
    kernels = {}
    for name, row, shape, _ in carry_shape(who, layers, (1, *input_shape)):
        kernel = row.kernel_shape(f"{who}, {name}", shape)
        if kernel is not None:
            kernels[name] = kernel
    return kernels


def _dimensions(who: str, shape: Shape) -> int:
    """Spatial axes of an activation; an error where there are none."""
    if len(shape) - 2 not in AXIS_NAMES:
        raise ShapeError(
            f"{who}: its input must be (N, L, C), (N, H, W, C) or (N, D, H, W, C), "
            f"not of shape {shape}: put it before GlobalAvgPool() and Flatten()"
        )
    return len(shape) - 2


keep_former_names(__name__, {"Pair": "LayerParams"})
