"""Small networks that learn: a list of layers for signals, pictures and volumes.

A network is a list of rows such as `Conv(16, 5)` or `MaxPool(2)`. A row says what a layer
is; it holds no numbers. `Sequential` gives every row a name, makes the parameters, and runs
the rows: forward from the input to the scores, backward from a loss to the parameters
(`gradients`) or to the input (`backward`).

The chain rule is the loop in `backward`. Each layer knows ∂J/∂out and turns it into ∂J/∂x,
which is ∂J/∂out of the layer below:

    ∂J/∂x = ∂J/∂out · ∂out/∂x
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nst_numpy.errors import SettingError, ShapeError, UnknownNameError
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
from nst_numpy.layers.activation import RELU_RULES
from nst_numpy.layers.convolution import conv_input_gradient, conv_param_gradients
from nst_numpy.layers.dense import dense_input_gradient, dense_param_gradients
from nst_numpy.layers.parallel import Finish, single_threaded_blas
from nst_numpy.layers.pooling import pool_window
from nst_numpy.layers.windows import AXIS_NAMES, Padding, PerAxis, make_window, per_axis, shape_name

Array = NDArray[np.floating]
Shape = tuple[int, ...]
Pair = tuple[Array, Array]


# ---- rows: what a layer is. Shapes are (N, *sizes, C), as everywhere.


@dataclass(frozen=True)
class Row:
    """A layer without parameters; those with parameters say more."""

    kind: ClassVar[str]

    def kernel_shape(self, who: str, shape: Shape) -> Shape | None:
        """Shape of the layer's w, given its input's shape; None if it has none."""
        return None

    def out_shape(self, who: str, shape: Shape) -> Shape:
        """Shape of the output for an input of `shape`; an input that cannot be is an error."""
        return shape

    def forward(self, x: Array, params: Pair | None) -> tuple[Array, Any]:
        """Return out and cache."""
        raise NotImplementedError

    def input_gradient(self, grad_out: Array, cache: Any) -> Array:
        """Return ∂J/∂x."""
        raise NotImplementedError

    def param_gradients(self, grad_out: Array, cache: Any) -> Pair:
        """Return ∂J/∂w and ∂J/∂b."""
        raise NotImplementedError


@dataclass(frozen=True)
class Conv(Row):
    """A convolution with `filters` filters; `kernel` is an int or one int an axis."""

    filters: int
    kernel: PerAxis
    stride: PerAxis = 1
    pad: Padding = 0
    dilation: PerAxis = 1
    kind: ClassVar[str] = "conv"

    def kernel_shape(self, who: str, shape: Shape) -> Shape:
        """(*kernel, C_in, C_out)."""
        kernel = per_axis(who, "kernel", self.kernel, _dimensions(who, shape), least=1)
        return *kernel, shape[-1], _count(who, "filters", self.filters)

    def out_shape(self, who: str, shape: Shape) -> Shape:
        """(N, *out_sizes, filters)."""
        kernel = self.kernel_shape(who, shape)[:-2]
        window = make_window(who, shape[1:-1], kernel, self.stride, self.pad, self.dilation)
        return shape[0], *window.out_sizes, self.filters

    def forward(self, x: Array, params: Pair | None) -> tuple[Array, Any]:
        """See `layers.conv_forward`."""
        assert params is not None
        return conv_forward(x, *params, stride=self.stride, pad=self.pad, dilation=self.dilation)

    def input_gradient(self, grad_out: Array, cache: Any) -> Array:
        """See `layers.conv_backward`."""
        return conv_input_gradient(grad_out, cache.w, cache.window, cache.method)

    def param_gradients(self, grad_out: Array, cache: Any) -> Pair:
        """See `layers.conv_backward`."""
        return conv_param_gradients(grad_out, cache)


@dataclass(frozen=True)
class Dense(Row):
    """Weighted sums of all inputs: (N, C) -> (N, units)."""

    units: int
    kind: ClassVar[str] = "dense"

    def kernel_shape(self, who: str, shape: Shape) -> Shape:
        """(C_in, C_out)."""
        if len(shape) != 2:
            raise ShapeError(
                f"{who}: its input is {shape_name(len(shape) - 2)}, of shape {shape}, but must be "
                "(N, C): put GlobalAvgPool() or Flatten() before it"
            )
        return shape[1], _count(who, "units", self.units)

    def out_shape(self, who: str, shape: Shape) -> Shape:
        """(N, units)."""
        return shape[0], self.kernel_shape(who, shape)[1]

    def forward(self, x: Array, params: Pair | None) -> tuple[Array, Any]:
        """See `layers.dense_forward`."""
        assert params is not None
        return dense_forward(x, *params)

    def input_gradient(self, grad_out: Array, cache: Any) -> Array:
        """See `layers.dense_backward`."""
        return dense_input_gradient(grad_out, cache)

    def param_gradients(self, grad_out: Array, cache: Any) -> Pair:
        """See `layers.dense_backward`."""
        return dense_param_gradients(grad_out, cache)


@dataclass(frozen=True)
class ReLU(Row):
    """max(x, 0)."""

    kind: ClassVar[str] = "relu"

    def forward(self, x: Array, params: Pair | None) -> tuple[Array, Any]:
        """See `layers.relu_forward`."""
        return relu_forward(x)

    def input_gradient(self, grad_out: Array, cache: Any) -> Array:
        """See `layers.relu_backward`."""
        return relu_backward(grad_out, cache)


@dataclass(frozen=True)
class MaxPool(Row):
    """The largest value in each window; stride None is the window's size."""

    size: PerAxis = 2
    stride: PerAxis | None = None
    pad: Padding = 0
    kind: ClassVar[str] = "pool"

    def out_shape(self, who: str, shape: Shape) -> Shape:
        """(N, *out_sizes, C)."""
        _dimensions(who, shape)
        window = pool_window(who, shape, self.size, self.stride, self.pad)
        return shape[0], *window.out_sizes, shape[-1]

    def forward(self, x: Array, params: Pair | None) -> tuple[Array, Any]:
        """See `layers.max_pool_forward`."""
        return max_pool_forward(x, size=self.size, stride=self.stride, pad=self.pad)

    def input_gradient(self, grad_out: Array, cache: Any) -> Array:
        """See `layers.max_pool_backward`."""
        return max_pool_backward(grad_out, cache)


@dataclass(frozen=True)
class AvgPool(MaxPool):
    """The mean of each window; settings are those of `MaxPool`."""

    def forward(self, x: Array, params: Pair | None) -> tuple[Array, Any]:
        """See `layers.avg_pool_forward`."""
        return avg_pool_forward(x, size=self.size, stride=self.stride, pad=self.pad)

    def input_gradient(self, grad_out: Array, cache: Any) -> Array:
        """See `layers.avg_pool_backward`."""
        return avg_pool_backward(grad_out, cache)


@dataclass(frozen=True)
class GlobalAvgPool(Row):
    """The mean over all positions: (N, *sizes, C) -> (N, C), for inputs of any size."""

    kind: ClassVar[str] = "global"

    def out_shape(self, who: str, shape: Shape) -> Shape:
        """(N, C)."""
        _dimensions(who, shape)
        return shape[0], shape[-1]

    def forward(self, x: Array, params: Pair | None) -> tuple[Array, Any]:
        """See `layers.global_avg_pool_forward`."""
        return global_avg_pool_forward(x)

    def input_gradient(self, grad_out: Array, cache: Any) -> Array:
        """See `layers.global_avg_pool_backward`."""
        return global_avg_pool_backward(grad_out, cache)


@dataclass(frozen=True)
class Flatten(Row):
    """All positions and channels in one row: (N, *sizes, C) -> (N, sizes·C)."""

    kind: ClassVar[str] = "flatten"

    def out_shape(self, who: str, shape: Shape) -> Shape:
        """(N, prod(sizes)*C)."""
        return shape[0], math.prod(shape[1:])

    def forward(self, x: Array, params: Pair | None) -> tuple[Array, Any]:
        """Reshape; the cache is the shape before."""
        # (N, *sizes, C) -> (N, prod(sizes)*C)
        return x.reshape(len(x), -1), x.shape

    def input_gradient(self, grad_out: Array, cache: Any) -> Array:
        """Reshape back."""
        return grad_out.reshape(cache)


# ---- the network


class Sequential:
    """A network whose layers follow one another.

    Parameters
    ----------
    rows : sequence of Row
        From the input upwards.
    input_shape : tuple of int
        Shape of one sample, without N: (L, C), (H, W, C), (D, H, W, C), or (C,) where all
        layers are dense. Inputs of another size are fine where no `Flatten` fixes it.
    rng : numpy Generator, optional
        Where the first filters come from (He et al. 2015: normal, variance 2 / inputs);
        biases start at 0. Default: seed 0.
    dtype : float32 or float64

    Attributes
    ----------
    layers : dict of str to Row
        The rows by name. Each kind is counted from 1: conv1, conv2, pool1, global1, dense1. A
        ReLU takes the number of the layer below it, relu2 after conv2; if there is one of
        that name, the next free number.
    params : dict of str to (w, b)
        Kernels (*kernel, C_in, C_out) or (C_in, C_out), biases (C_out,). `fit` changes
        these arrays in place.

    Raises
    ------
    ShapeError, SettingError
        Rows that do not fit on each other, or settings that cannot work.

    Examples
    --------
    >>> net = Sequential([Conv(4, 5), ReLU(), GlobalAvgPool(), Dense(2)], input_shape=(20, 1))
    >>> net.layer_names
    ['conv1', 'relu1', 'global1', 'dense1']
    >>> net.feature_shapes((8, 20, 1))["conv1"]
    (8, 16, 4)
    """

    def __init__(
        self,
        rows: Sequence[Row],
        input_shape: Sequence[int],
        rng: np.random.Generator | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.layers = name_rows(rows)
        self.input_shape = _check_input_shape(input_shape)
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise SettingError(f"Sequential: dtype is {self.dtype}: use float32 or float64")
        rng = np.random.default_rng(0) if rng is None else rng
        self.params: dict[str, Pair] = {}
        shape = (1, *self.input_shape)
        for name, row in self.layers.items():
            who = f"Sequential, {name}"
            kernel = row.kernel_shape(who, shape)
            if kernel is not None:
                w = rng.standard_normal(kernel) * np.sqrt(2 / math.prod(kernel[:-1]))
                self.params[name] = (w.astype(self.dtype), np.zeros(kernel[-1], self.dtype))
            shape = row.out_shape(who, shape)
        self._tape: dict[str, Any] = {}  # what the backward pass needs, in the network's order
        self._shapes: dict[str, Shape] = {}

    @property
    def layer_names(self) -> list[str]:
        """All names that `forward` knows, from the input upwards."""
        return list(self.layers)

    def check_names(self, names: Iterable[str]) -> list[str]:
        """Sort layer names from the input upwards; an unknown one is an error."""
        names = set(names)
        for name in names:
            if name not in self.layers:
                raise UnknownNameError.of("layer", name, self.layers)
        return [name for name in self.layers if name in names]

    def feature_shapes(self, shape: Shape, names: Iterable[str] | None = None) -> dict[str, Shape]:
        """Return the shape of each layer's activation for an input of `shape`, computing none.

        Parameters
        ----------
        shape : tuple of int, (N, *sizes, C)
        names : iterable of str, optional
            None: all layers.
        """
        wanted = self.layer_names if names is None else self.check_names(names)
        shapes: dict[str, Shape] = {}
        for name, row in self.layers.items():
            if not set(wanted) - set(shapes):
                break
            who = f"Sequential, {name}"
            kernel = row.kernel_shape(who, shape)
            if kernel is not None and kernel != self.params[name][0].shape:
                raise ShapeError(
                    f"{who}: its input has {shape[-1]} channels, its parameters expect "
                    f"{kernel_inputs(self.params[name][0])}: the network was made for inputs "
                    f"(N, {', '.join(map(str, self.input_shape))})"
                )
            shape = shapes[name] = row.out_shape(who, shape)
        return {name: shapes[name] for name in wanted}

    def forward(self, x: Array, names: Iterable[str]) -> dict[str, Array]:
        """Compute the activations of the named layers, and no layer above the deepest.

        Parameters
        ----------
        x : ndarray, (N, *sizes, C), of the network's dtype
        names : iterable of str

        Returns
        -------
        dict of str to ndarray
            In the order of the network. Arrays are the network's own: read, don't write.

        Raises
        ------
        UnknownNameError, ShapeError, SettingError
            For a layer that is not there, an x that does not fit, or no name at all.
        """
        wanted = self.check_names(names)
        if not wanted:
            raise SettingError("Sequential.forward: name at least one layer")
        self._check_input("forward", x, wanted[-1])
        self._tape, self._shapes = {}, {}
        features: dict[str, Array] = {}
        for name, a, cache in self._run(x):
            self._tape[name], self._shapes[name] = cache, a.shape
            if name in wanted:
                features[name] = a
            if name == wanted[-1]:
                break
        return features

    def backward(self, grads: Mapping[str, Array | Finish], *, relu: str = "gradient") -> Array:
        """Carry gradients at any set of layers back to the input, in one pass.

        Parameters
        ----------
        grads : mapping of str to ndarray or callable
            ∂J/∂a^[l] for layers of the last `forward`, each shaped like its activation;
            or add(part, place), which adds that part of it to `part`.
        relu : {"gradient", "guided", "deconvolution"}
            What a ReLU does on the way back: see `layers.relu_backward`.

        Returns
        -------
        grad_x : ndarray, shaped like the last x
            ∂J/∂x. No parameter gradients are computed.

        Raises
        ------
        SettingError
            If `forward` did not reach a named layer, or the rule is unknown.
        """
        start = self._check_grads(grads)
        if relu not in RELU_RULES:
            raise SettingError(
                f"Sequential.backward: relu must be one of {', '.join(RELU_RULES)}, not {relu!r}"
            )
        reached = self.layer_names[: self.layer_names.index(start) + 1]
        grad = np.zeros(self._shapes[start], dtype=self.dtype)
        with single_threaded_blas():
            for name in reversed(reached):
                own = grads.get(name)
                if callable(own):
                    own(grad, (slice(None),))
                elif own is not None:
                    grad = grad + own
                row, cache = self.layers[name], self._tape[name]
                if isinstance(row, ReLU):
                    grad = relu_backward(grad, cache, rule=relu)
                else:
                    grad = row.input_gradient(grad, cache)
        return grad

    def predict(self, x: Array, batch_size: int = 256) -> Array:
        """Compute the output of the last layer, a batch at a time, keeping nothing else.

        Parameters
        ----------
        x : ndarray, (N, *sizes, C), of the network's dtype
        batch_size : int

        Returns
        -------
        scores : ndarray, (N, K)
        """
        last = self.layer_names[-1]
        self._check_input("predict", x, last)
        batch_size = _count("Sequential.predict", "batch_size", batch_size)
        parts = []
        for start in range(0, len(x), batch_size):
            for _, a, _ in self._run(x[start : start + batch_size]):
                scores = a
            parts.append(scores)
        return np.concatenate(parts)

    def gradients(
        self, x: Array, loss: Callable[[Array], tuple[float, Array]]
    ) -> tuple[float, dict[str, Pair]]:
        """Return J and ∂J/∂w, ∂J/∂b of every layer that has parameters.

        Parameters
        ----------
        x : ndarray, (N, *sizes, C), of the network's dtype
        loss : callable
            scores -> (J, ∂J/∂scores), where scores are the output of the last layer.

        Returns
        -------
        value : float
        grads : dict of str to (grad_w, grad_b)
            Shaped like `params`.
        """
        self._check_input("gradients", x, self.layer_names[-1])
        grads: dict[str, Pair] = {}
        with single_threaded_blas():
            tape = {}
            for name, a, cache in self._run(x):
                tape[name], scores = cache, a
            value, grad = loss(scores)
            for name in reversed(self.layer_names):
                row, cache = self.layers[name], tape.pop(name)
                if name in self.params:
                    grads[name] = row.param_gradients(grad, cache)
                if len(grads) == len(self.params):
                    break  # nothing below learns
                grad = row.input_gradient(grad, cache)
        return value, {name: grads[name] for name in self.params}

    def _run(self, x: Array) -> "Iterable[tuple[str, Array, Any]]":
        """Yield name, activation and cache of one layer after the other."""
        a = x
        with single_threaded_blas():
            for name, row in self.layers.items():
                a, cache = row.forward(a, self.params.get(name))
                yield name, a, cache

    def _check_input(self, method: str, x: Array, deepest: str) -> None:
        who = f"Sequential.{method}"
        fits = x.ndim == len(self.input_shape) + 1 and x.shape[-1] == self.input_shape[-1]
        if not fits or 0 in x.shape:
            shape = ", ".join(map(str, self.input_shape))
            raise ShapeError(f"{who}: x must be (N, {shape}) with N of at least 1, not {x.shape}")
        if x.dtype != self.dtype:
            raise ShapeError(
                f"{who}: x is {x.dtype}, the network {self.dtype}: use x.astype(np.{self.dtype})"
            )
        self.feature_shapes(x.shape, [deepest])

    def _check_grads(self, grads: Mapping[str, Array | Finish]) -> str:
        """Refuse gradients that do not belong to the last forward; return the deepest layer."""
        if not grads:
            raise SettingError("Sequential.backward: give the gradient of at least one layer")
        for name in self.check_names(grads):
            if name not in self._tape:
                raise SettingError(
                    f"Sequential.backward: the last forward did not reach {name}: "
                    "call forward with that layer first"
                )
        return self.check_names(grads)[-1]


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


def kernel_inputs(w: Array) -> int:
    """Channels that a kernel (*kernel, C_in, C_out) expects."""
    return int(w.shape[-2])


def _dimensions(who: str, shape: Shape) -> int:
    """Spatial axes of an activation; an error where there are none."""
    if len(shape) - 2 not in AXIS_NAMES:
        raise ShapeError(
            f"{who}: its input must be (N, L, C), (N, H, W, C) or (N, D, H, W, C), "
            f"not of shape {shape}: put it before GlobalAvgPool() and Flatten()"
        )
    return len(shape) - 2


def _count(who: str, name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise SettingError(f"{who}: {name} must be a whole number of at least 1, not {value!r}")
    return int(value)


def _check_input_shape(input_shape: Sequence[int]) -> Shape:
    shape = tuple(input_shape)
    if not 1 <= len(shape) <= 4 or not all(
        isinstance(n, (int, np.integer)) and n > 0 for n in shape
    ):
        raise SettingError(
            "Sequential: input_shape must be (L, C), (H, W, C), (D, H, W, C) or (C,), whole "
            f"numbers of at least 1 and without N, not {input_shape!r}"
        )
    return tuple(int(n) for n in shape)
