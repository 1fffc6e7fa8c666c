"""A network: rows in order. A picture goes up, a gradient comes down.

The two loops of `Plain` are all that there is to it, and the definition of every network of
this package: VGG for pictures, small networks that learn for signals and volumes. The same
network, fast, is in `nst_numpy.fused`; the tests hold it to these two loops.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeVar, get_args

import numpy as np
from numpy.typing import DTypeLike

from nst_numpy.bands import Banded, Bands
from nst_numpy.common.arrays import Array, Shape
from nst_numpy.common.checks import check_count, check_dtype
from nst_numpy.common.shown import Shown
from nst_numpy.common.text import counted
from nst_numpy.errors import SettingError
from nst_numpy.fused.engine import Fused
from nst_numpy.fused.gradients import GradientInParts
from nst_numpy.fused.plan import Plan
from nst_numpy.kernels.threads import OfThisThread, single_threaded_blas
from nst_numpy.layers.activation import ReluRule
from nst_numpy.network_checks import (
    NetworkChecks,
    check_input_shape,
    check_params,
)
from nst_numpy.rows import (
    AvgPool,
    Computed,
    Conv,
    LayerParams,
    MaxPool,
    ReLU,
    Row,
    carry_shape,
    kernel_shapes,
)

EngineName = Literal["fused", "plain"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
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
        self, grads: Mapping[str, Any], caches: Mapping[str, Any], relu: ReluRule = "gradient"
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
        carried = carry_shape("kept_bytes", self.layers, shape, names[-1])
        return sum(row.cache_bytes(x_shape, itemsize) for _, row, x_shape, _ in carried)


class Engine(Protocol):
    """What runs a network: `Plain`, `fused.engine.Fused`, or `bands.engine.Banded`."""

    def forward(self, x: Array, names: Sequence[str]) -> tuple[dict[str, Array], Any]:
        """Return the named activations, and what the way back needs."""

    def backward(self, grads: Mapping[str, Any], caches: Any, relu: ReluRule = "gradient") -> Array:
        """Return ∂J/∂x."""

    def kept_bytes(self, shape: Shape, names: Sequence[str], itemsize: int) -> int:
        """Bytes that a forward pass keeps for the way back."""


class Tape(NamedTuple):
    """What the last forward pass left: the shape of each layer that was reached, the caches."""

    shapes: dict[str, Shape]
    caches: Any


class _OfThisThread(OfThisThread):
    """The tape of each thread that uses a network, and how many it has recorded."""

    tape = Tape({}, None)
    passes = 0


class Network(Shown):
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
        engine: EngineName = "fused",
    ) -> None:
        self.layers = dict(layers)
        self.input_shape = check_input_shape(self._who, input_shape)
        self.dtype = check_dtype(self._who, dtype)
        kernels = kernel_shapes(self._who, self.layers, self.input_shape)
        check_params(self._who, params, kernels, self.dtype)
        self.params = dict(params)
        self._checks = NetworkChecks(
            self._who, self.layers, self.params, self.input_shape, self.dtype
        )
        self._own = _OfThisThread()
        self._use(engine)

    def _use(self, engine: EngineName) -> None:
        if engine not in ENGINES:
            names = " or ".join(map(repr, ENGINES))
            raise SettingError(f"{self._who}: engine must be {names}, not {engine!r}")
        self.engine = engine
        self._engine: Engine = (
            Fused(self.layers, self.params, self.dtype)
            if engine == "fused"
            else Plain(self.layers, self.params)
        )

    def _in_words(self) -> str:
        numbers = sum(array.size for pair in self.params.values() for array in pair)
        of = f"{counted(len(self.layers), 'layer')}, {numbers:,} parameters, {self.dtype}"
        return f"{of}, engine {self.engine!r}"

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
        shapes = self._checks.check_input("forward", x, wanted, self.cast_remedy)
        self._own.tape = Tape({}, None)  # its memory is free for this pass
        self._own.passes += 1
        with single_threaded_blas():
            features, caches = self._engine.forward(x, wanted)
        self._own.tape = Tape(shapes, caches)
        return features

    def backward(
        self, grads: Mapping[str, Array | GradientInParts], *, relu: ReluRule = "gradient"
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
        tape = self._own.tape
        checked = [self._checks.check_grads(grads, relu, tape.shapes)]
        # nobody keeps a gradient that has arrived: its memory is free before the largest layers
        del grads
        with single_threaded_blas():
            return self._engine.backward(checked.pop(), tape.caches, relu)

    @property
    def passes(self) -> int:
        """Forward passes that this thread has asked for: `backward` belongs to the last."""
        return self._own.passes

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
        self._checks.check_input("predict", x, self.layer_names, self.cast_remedy)
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
        self._checks.check_input("gradients", x, self.layer_names, self.cast_remedy)
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
        return self._checks.check_names(names)

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
        shapes = self._checks.shapes_up_to(tuple(shape), wanted[-1]) if wanted else {}
        return {name: shapes[name] for name in wanted}

    def smallest_size(self, layer: str) -> int:
        """Smallest input, along every axis, that leaves a layer at least one position."""
        return self._checks.smallest_size(layer)

    def kept_bytes(self, shape: Shape, names: Iterable[str]) -> int:
        """Bytes that a forward pass to the named layers keeps for the way back, features aside."""
        return self._engine.kept_bytes(shape, self.check_names(names), self.dtype.itemsize)

    def plan(self, shape: Shape, names: Iterable[str]) -> Plan:
        """Return what the fused engine does together, for an input of `shape`."""
        engine = Fused(self.layers, self.params, self.dtype)
        return engine.plan(shape, self.check_names(names))

    def in_bands(self: Own, bands: Bands) -> Own:
        """Return the same network, run in bands of rows: activations are then `InBands`.

        Parameters are shared, not copied. The fused engine's blocks are what it runs.

        Raises
        ------
        SettingError
            The engine is "plain". Layers that cannot be computed in bands are refused when an
            input comes.
        """
        if self.engine != "fused":
            raise SettingError(
                f"{self._who}: only the fused engine works in bands, and this network runs on "
                f"{self.engine!r}: leave band_rows out, and use a size that fits into memory"
            )
        network = copy.copy(self)
        network._own = _OfThisThread()
        network._engine = Banded(self.layers, self.params, self.dtype, bands)
        return network

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
        network._own = _OfThisThread()
        network._use("plain")
        return network
