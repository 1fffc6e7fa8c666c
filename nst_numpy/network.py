"""A network: rows in order. A picture goes up, a gradient comes down.

The two loops of `Plain` are all that there is to it, and the definition of every network of
this package: VGG for pictures, small networks that learn for signals and volumes. The same
network, fast, is in `nst_numpy.fused`; the tests hold it to these two loops.
"""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from nst_numpy.common.arrays import Array, Shape
from nst_numpy.common.checks import check_count, is_whole
from nst_numpy.common.moved import former_names
from nst_numpy.errors import SettingError, ShapeError, UnknownNameError
from nst_numpy.files import PathLike
from nst_numpy.fused.engine import Fused
from nst_numpy.fused.gradients import GradientInParts
from nst_numpy.fused.plan import Plan
from nst_numpy.kernels.threads import single_threaded_blas
from nst_numpy.kernels.windows import AXIS_NAMES
from nst_numpy.layers.activation import RELU_RULES
from nst_numpy.rows import (
    AvgPool,
    Computed,
    Conv,
    Dense,
    Flatten,
    GlobalAvgPool,
    LayerParams,
    MaxPool,
    ReLU,
    Row,
    carry_shape,
    kernel_shapes,
    name_rows,
)

__all__ = [
    "AvgPool",
    "Conv",
    "Dense",
    "Flatten",
    "GlobalAvgPool",
    "MaxPool",
    "Network",
    "Plain",
    "ReLU",
    "Row",
    "Sequential",
]

ENGINES = ("fused", "plain")
Own = TypeVar("Own", bound="Network")


class Plain:
    """The network as the chain rule says it: one loop up, one loop down.

    On the way up each layer turns its input a^[l-1] into its output a^[l], and keeps in its
    cache what it will need again. On the way down each layer is told how J changes with its
    output, and says how J changes with its input, which is the output of the layer below:

        ∂J/∂a^[l-1] = ∂J/∂a^[l] · ∂a^[l]/∂a^[l-1]

    A layer that the loss looks at itself adds ∂J/∂a^[l] of that loss when the way down gets
    there. So one pass carries every loss.
    """

    def __init__(self, layers: Mapping[str, Row], params: Mapping[str, LayerParams]) -> None:
        self.layers, self.params = layers, params

    def forward(self, x: Array, names: Sequence[str]) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the named activations, and the cache of each layer that was reached."""
        features, caches, a = {}, {}, x
        for name, row in self.layers.items():
            a, caches[name] = row.forward(a, self.params.get(name, ()))
            if name in names:
                features[name] = a
            if name == names[-1]:
                break
        return features, caches

    def backward(
        self, grads: Mapping[str, Any], caches: Mapping[str, Any], relu: str = "gradient"
    ) -> Array:
        """Return ∂J/∂x, given ∂J/∂a^[l] of some of the layers that were reached."""
        grad: Array | None = None
        for name in reversed(list(caches)):
            if name in grads:
                grad = grads[name] if grad is None else grad + grads[name]
            if grad is not None:
                grad = self.layers[name].input_gradient(grad, caches[name], relu)
        assert grad is not None
        return grad

    def kept_bytes(self, shape: Shape, names: Sequence[str], itemsize: int) -> int:
        """Bytes of the caches after a forward pass."""
        total = 0
        for name, row, x_shape, _ in carry_shape("kept_bytes", self.layers, shape):
            total += row.cache_bytes(x_shape, itemsize)
            if name == names[-1]:
                break
        return total


class Engine(Protocol):
    """What runs a network: `Plain`, or `fused.engine.Fused`."""

    def forward(self, x: Array, names: Sequence[str]) -> tuple[dict[str, Array], Any]:
        """Return the named activations, and what the way back needs."""

    def backward(self, grads: Mapping[str, Any], caches: Any, relu: str = "gradient") -> Array:
        """Return ∂J/∂x."""

    def kept_bytes(self, shape: Shape, names: Sequence[str], itemsize: int) -> int:
        """Bytes that a forward pass keeps for the way back."""


class Tape(NamedTuple):
    """What the last forward pass left: the shape of each layer that was reached, the caches."""

    shapes: dict[str, Shape]
    caches: Any


class Network:
    """Layers with names, in order.

    Parameters
    ----------
    layers : mapping of str to Row
        From the input upwards.
    params : mapping of str to (w, b)
        Of the layers that have parameters, in the same order.
    input_shape : tuple of int
        Shape of one sample, without N: (L, C), (H, W, C), (D, H, W, C), or (C,) where all
        layers are dense. Inputs of another size are fine where no `Flatten` fixes it.
    engine : {"fused", "plain"}
        "plain" is the definition, two loops; "fused" the same, fast.

    Attributes
    ----------
    layers, params, input_shape : as given
    dtype : float32 or float64
        Of the parameters: it decides the precision of everything.

    Raises
    ------
    ShapeError, SettingError
        Rows that do not fit on each other, parameters that do not fit the rows.
    """

    cast_remedy = "use x.astype(np.{dtype})"

    def __init__(
        self,
        layers: Mapping[str, Row],
        params: Mapping[str, LayerParams],
        input_shape: Sequence[int],
        *,
        dtype: DTypeLike,
        engine: str = "fused",
    ) -> None:
        self.layers = dict(layers)
        self.input_shape = _check_input_shape(self._who, input_shape)
        self.dtype = _check_dtype(self._who, dtype)
        kernels = kernel_shapes(self._who, self.layers, self.input_shape)
        _check_params(self._who, params, kernels, self.dtype)
        self.params = dict(params)
        self._known_shapes: dict[Shape, dict[str, Shape]] = {}
        self._tape = Tape({}, None)
        self._use(engine)

    def _use(self, engine: str) -> None:
        if engine not in ENGINES:
            raise SettingError(f"{self._who}: engine must be 'fused' or 'plain', not {engine!r}")
        self.engine = engine
        self._engine: Engine = (
            Fused(self.layers, self.params, self.dtype)
            if engine == "fused"
            else Plain(self.layers, self.params)
        )

    @property
    def _who(self) -> str:
        return type(self).__name__

    # ---- up and down

    def forward(self, x: Array, names: Iterable[str]) -> dict[str, Array]:
        """Compute the activations of the named layers, and no layer above the deepest.

        Parameters
        ----------
        x : ndarray, (N, *sizes, C), of the network's dtype
            For VGG pictures (N, H, W, 3), BGR minus the ImageNet means: see `preprocess`.
        names : iterable of str

        Returns
        -------
        dict of str to ndarray, (N, *sizes, C)
            In the order of the network. Arrays are the network's own: read, don't write.

        Raises
        ------
        UnknownNameError, ShapeError, SettingError
            For a layer that is not there, an x that does not fit, or no name at all.
        """
        wanted = self.check_names(names)
        shapes = self._check_input("forward", x, wanted)
        self._tape = Tape({}, None)  # its memory is free for this pass
        with single_threaded_blas():
            features, caches = self._engine.forward(x, wanted)
        self._tape = Tape(shapes, caches)
        return features

    def backward(
        self, grads: Mapping[str, Array | GradientInParts], *, relu: str = "gradient"
    ) -> Array:
        """Carry gradients at any set of layers back to the input, in one pass.

        Parameters
        ----------
        grads : mapping of str to ndarray
            ∂J/∂a^[l] for layers that the last `forward` reached, each shaped like its
            activation.
        relu : {"gradient", "guided", "deconvolution"}
            What a ReLU does on the way back. "gradient" is the derivative: pass what was
            positive on the way up. "deconvolution" (Zeiler and Fergus 2014) passes what is
            positive on the way down, "guided" (Springenberg et al. 2015) what is both: no
            gradients, but pictures of what drove a unit.

        Returns
        -------
        grad_x : ndarray, shaped like the last x
            ∂J/∂x. No parameter gradients are computed.

        Raises
        ------
        SettingError
            If `forward` did not reach a named layer, or the rule is unknown.
        ShapeError
            If a gradient is not shaped like its activation.
        """
        checked = [self._check_grads(grads, relu)]
        # nobody keeps a gradient that has arrived: its memory is free before the largest layers
        del grads
        with single_threaded_blas():
            return self._engine.backward(checked.pop(), self._tape.caches, relu)

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
        self._check_input("predict", x, self.layer_names)
        batch_size = check_count(f"{self._who}.predict", "batch_size", batch_size)
        parts = []
        with single_threaded_blas():
            for start in range(0, len(x), batch_size):
                for _, a, _ in self._run(x[start : start + batch_size]):
                    scores = a
                parts.append(scores)
        return np.concatenate(parts)

    def gradients(
        self, x: Array, loss: Callable[[Array], tuple[float, Array]]
    ) -> tuple[float, dict[str, LayerParams]]:
        """Return J and ∂J/∂w, ∂J/∂b of every layer that has parameters.

        The same two loops as those of `Plain`; on the way down each layer that learns is also
        asked how J changes with its parameters.

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
        self._check_input("gradients", x, self.layer_names)
        grads: dict[str, LayerParams] = {}
        with single_threaded_blas():
            caches = {}
            for name, a, cache in self._run(x):
                caches[name], scores = cache, a
            value, grad = loss(scores)
            for name in reversed(self.layer_names):
                row, cache = self.layers[name], caches.pop(name)
                if name in self.params:
                    grads[name] = row.param_gradients(grad, cache)
                if len(grads) == len(self.params):
                    break  # nothing below learns
                grad = row.input_gradient(grad, cache)
        return value, {name: grads[name] for name in self.params}

    def _run(self, x: Array) -> Iterator[tuple[str, Array, Any]]:
        """Yield name, activation and cache of one layer after the other."""
        a = x
        for name, row in self.layers.items():
            a, cache = row.forward(a, self.params.get(name, ()))
            yield name, a, cache

    # ---- names and shapes

    @property
    def layer_names(self) -> list[str]:
        """All names that `forward` knows, from the input upwards."""
        return list(self.layers)

    def below(self, layer: str) -> str | None:
        """Name the layer that a layer reads; None is the input."""
        self.check_names([layer])
        names = self.layer_names
        at = names.index(layer)
        return names[at - 1] if at > 0 else None

    def check_names(self, names: Iterable[str]) -> list[str]:
        """Sort layer names from the input upwards; an unknown one is an error."""
        if isinstance(names, str):
            raise SettingError(
                f"{self._who}: names must be a list of layer names, not the text {names!r}: "
                f"write [{names!r}]"
            )
        names = set(names)
        for name in names:
            if name not in self.layers:
                raise UnknownNameError.of("layer", name, self.layer_names)
        return [name for name in self.layers if name in names]

    def feature_shapes(self, shape: Shape, names: Iterable[str] | None = None) -> dict[str, Shape]:
        """Return the shape of each layer's activation for an input of `shape`, computing none.

        Parameters
        ----------
        shape : tuple of int, (N, *sizes, C)
        names : iterable of str, optional
            None: all layers.

        Raises
        ------
        ShapeError
            If the input does not fit, or is too small for the deepest of the layers.
        """
        wanted = self.layer_names if names is None else self.check_names(names)
        shapes = self._shapes_up_to(tuple(shape), wanted[-1]) if wanted else {}
        return {name: shapes[name] for name in wanted}

    def smallest_size(self, layer: str) -> int:
        """Smallest input, along every axis, that leaves a layer at least one position."""
        for size in range(1, 1 + max(self.input_shape)):
            try:
                self._shapes_up_to(
                    (1, *(size for _ in self.input_shape[:-1]), self.input_shape[-1]), layer
                )
            except ShapeError:
                continue
            return size
        return max(self.input_shape)

    def kept_bytes(self, shape: Shape, names: Iterable[str]) -> int:
        """Bytes that a forward pass to the named layers keeps for the way back, features aside."""
        return self._engine.kept_bytes(shape, self.check_names(names), self.dtype.itemsize)

    def plan(self, shape: Shape, names: Iterable[str]) -> Plan:
        """Return what the fused engine does together, for an input of `shape`."""
        engine = Fused(self.layers, self.params, self.dtype)
        return engine.plan(shape, self.check_names(names))

    def _shapes_up_to(self, shape: Shape, deepest: str) -> dict[str, Shape]:
        """Carry a shape up to a layer; remember the last few."""
        known = self._known_shapes.get(shape, {})
        if deepest not in known:
            known = {}
            for name, row, x_shape, out in carry_shape(self._who, self.layers, shape):
                self._check_channels(name, row, x_shape)
                known[name] = out
                if name == deepest:
                    break
            while len(self._known_shapes) > 8:
                self._known_shapes.pop(next(iter(self._known_shapes)))
            self._known_shapes[shape] = known
        return known

    def _check_channels(self, name: str, row: Row, shape: Shape) -> None:
        kernel = row.kernel_shape(f"{self._who}, {name}", shape)
        if kernel is not None and kernel != self.params[name][0].shape:
            raise ShapeError(
                f"{self._who}, {name}: its input has {shape[-1]} channels, its parameters expect "
                f"{self.params[name][0].shape[-2]}: the network was made for x "
                f"(N, {', '.join(map(str, self.input_shape))})"
            )

    # ---- checks at the door

    def _check_input(self, method: str, x: Array, names: Sequence[str]) -> dict[str, Shape]:
        """Refuse an x that does not fit; return the shapes of the layers that it reaches."""
        who = f"{self._who}.{method}"
        axes = (*AXIS_NAMES.get(len(self.input_shape) - 1, ()), str(self.input_shape[-1]))
        fits = x.ndim == len(self.input_shape) + 1 and x.shape[-1] == self.input_shape[-1]
        if not fits or 0 in x.shape:
            raise ShapeError(
                f"{who}: x must be (N, {', '.join(axes)}) with no empty axis, not {x.shape}"
            )
        if x.dtype != self.dtype:
            remedy = self.cast_remedy.format(dtype=self.dtype)
            raise ShapeError(f"{who}: x is {x.dtype}, the network {self.dtype}: {remedy}")
        if not names:
            raise SettingError(f"{who}: name at least one layer")
        try:
            shapes = self._shapes_up_to(x.shape, names[-1])
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

    def _check_grads(
        self, grads: Mapping[str, Array | GradientInParts], relu: str
    ) -> dict[str, Array | GradientInParts]:
        """Refuse what does not belong to the last forward pass."""
        who = f"{self._who}.backward"
        if not grads:
            raise SettingError(f"{who}: give the gradient of at least one layer")
        if relu not in RELU_RULES:
            raise SettingError(f"{who}: relu must be one of {', '.join(RELU_RULES)}, not {relu!r}")
        checked = {}
        for name in self.check_names(grads):
            if name not in self._tape.shapes:
                raise SettingError(
                    f"{who}: the last forward did not reach {name}: "
                    "call forward with that layer first"
                )
            grad, shape = grads[name], self._tape.shapes[name]
            given = getattr(grad, "shape", type(grad).__name__)
            if given != shape:
                raise ShapeError(
                    f"{who}: the gradient at {name} must be an array shaped like its activation, "
                    f"{shape}, not {given}"
                )
            if not isinstance(grad, GradientInParts):
                grad = np.asarray(grad, dtype=self.dtype)
            checked[name] = grad
        return checked

    # ---- somebody else's functions

    def with_layers(
        self: Own,
        *,
        conv: tuple[Callable[..., Any], Callable[..., Any]] | None = None,
        relu: tuple[Callable[..., Any], Callable[..., Any]] | None = None,
        max_pool: tuple[Callable[..., Any], Callable[..., Any]] | None = None,
        avg_pool: tuple[Callable[..., Any], Callable[..., Any]] | None = None,
    ) -> Own:
        """Return the same network, with functions of your own in place of the package's.

        It runs on the plain engine. Parameters are shared, not copied.

        Parameters
        ----------
        conv, relu, max_pool, avg_pool : (forward, backward), optional
            Called as the package calls its own: `conv_forward(x, w, b, stride=…, pad=…)`,
            `relu_forward(x)`, `max_pool_forward(x)`, each of which returns out and cache; and
            backward(grad_out, cache), which returns grad_x, or a tuple that begins with it.
            Options that have their default are not passed.
        """
        own = {Conv: conv, ReLU: relu, MaxPool: max_pool, AvgPool: avg_pool}
        network = copy.copy(self)
        network.layers = {
            name: row if (pair := own.get(type(row))) is None else Computed(row, *pair)
            for name, row in self.layers.items()
        }
        network._tape = Tape({}, None)
        network._use("plain")
        return network


class Sequential(Network):
    """A small network that learns: a list of rows, named by numbers.

    Parameters
    ----------
    rows : sequence of Row
        From the input upwards.
    input_shape : tuple of int
        As in `Network`.
    rng : numpy Generator, optional
        Where the first filters come from (He et al. 2015: normal, variance 2 / inputs);
        biases start at 0. Default: seed 0.
    dtype : float32 or float64
    params : mapping of str to (w, b), optional
        Parameters to take as they are, instead of new ones.
    engine : {"fused", "plain"}
        As in `Network`.

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
        params: Mapping[str, LayerParams] | None = None,
        engine: str = "fused",
    ) -> None:
        layers, sample = name_rows(rows), _check_input_shape(self._who, input_shape)
        if params is None:
            rng = np.random.default_rng(0) if rng is None else rng
            kernels = kernel_shapes(self._who, layers, sample)
            params = {name: _first(shape, rng, dtype) for name, shape in kernels.items()}
        super().__init__(layers, params, sample, dtype=dtype, engine=engine)

    def save(self, path: PathLike) -> None:
        """Write layers and parameters to an HDF5 file, completely or not at all.

        Raises
        ------
        OutputError
            If the file cannot be written.
        NonFiniteError
            If a parameter is NaN or infinite: `load` would refuse it.
        """
        from nst_numpy.weights import saved

        saved.write(path, list(self.layers.values()), self.input_shape, self.params, self.dtype)

    @classmethod
    def load(cls, path: PathLike) -> "Sequential":
        """Read a network that `save` wrote; nothing in the file is believed before it is checked.

        A row of your own is known once its class has been defined.

        Raises
        ------
        WeightsError
            The file is missing, damaged, points outside itself, or does not hold what its
            own list of layers needs.
        """
        from nst_numpy.weights import saved

        rows, input_shape, params, dtype = saved.read(path)
        return cls(rows, input_shape, dtype=dtype, params=params)


def _first(shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> LayerParams:
    """Draw filters that keep the size of activations (He et al. 2015); biases are 0."""
    w = rng.standard_normal(shape) * np.sqrt(2 / math.prod(shape[:-1]))
    return w.astype(dtype), np.zeros(shape[-1], dtype)


def _check_params(
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


def _check_input_shape(who: str, input_shape: Sequence[int]) -> Shape:
    shape = tuple(input_shape)
    if not 1 <= len(shape) <= 4 or not all(is_whole(n) for n in shape):
        raise SettingError(
            f"{who}: input_shape must be (L, C), (H, W, C), (D, H, W, C) or (C,), whole "
            f"numbers of at least 1 and without N, not {input_shape!r}"
        )
    return tuple(int(n) for n in shape)


def _check_dtype(who: str, dtype: DTypeLike) -> np.dtype[Any]:
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise SettingError(f"{who}: dtype is {np.dtype(dtype)}: use float32 or float64")
    return np.dtype(dtype)


__getattr__ = former_names(__name__, "nst_numpy.weights.saved", "MOST_PARAMETERS")
