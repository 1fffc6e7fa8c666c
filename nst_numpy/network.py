"""Small networks that learn: a list of layers for signals, pictures and volumes.

`Sequential` gives every row of the list a name, makes the parameters, and runs the layers:
forward from the input to the scores, backward from a loss to the parameters (`gradients`) or
to the input (`backward`).

The chain rule is the loop that both ways back have. Each layer is told ∂J/∂out and turns it
into ∂J/∂x, which is ∂J/∂out of the layer below:

    ∂J/∂x = ∂J/∂out · ∂out/∂x
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from nst_numpy.errors import (
    NonFiniteError,
    NstError,
    SettingError,
    ShapeError,
)
from nst_numpy.files import PathLike
from nst_numpy.kernels.threads import Finish, single_threaded_blas
from nst_numpy.rows import (
    ROWS,
    Array,
    AvgPool,
    Conv,
    Dense,
    Flatten,
    GlobalAvgPool,
    LayerParams,
    MaxPool,
    ReLU,
    Row,
    Shape,
    check_count,
    kernel_shapes,
    name_rows,
)
from nst_numpy.taped import Taped

__all__ = [
    "AvgPool",
    "Conv",
    "Dense",
    "Flatten",
    "GlobalAvgPool",
    "MaxPool",
    "ReLU",
    "Row",
    "Sequential",
]

MOST_PARAMETERS = 10**8  # that `load` believes: a file may declare more than memory holds
_REMEDY = "give a file that Sequential.save wrote"


class Sequential(Taped):
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
    params : mapping of str to (w, b), optional
        Parameters to take as they are, instead of new ones.

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
    ) -> None:
        self.layers = name_rows(rows)
        self.input_shape = _check_input_shape(input_shape)
        self.dtype = _check_dtype(dtype)
        kernels = kernel_shapes(self.layers, self.input_shape)
        if params is None:
            rng = np.random.default_rng(0) if rng is None else rng
            self.params = {name: _first(shape, rng, self.dtype) for name, shape in kernels.items()}
        else:
            _check_params(params, kernels, self.dtype)
            self.params = dict(params)
        self._tape: dict[str, Any] = {}  # what the backward pass needs, in the network's order
        self._shapes: dict[str, Shape] = {}

    def save(self, path: PathLike) -> None:
        """Write layers and parameters to an HDF5 file, completely or not at all.

        Raises
        ------
        OutputError
            If the file cannot be written.
        NonFiniteError
            If a parameter is NaN or infinite: `load` would refuse it.
        """
        from nst_numpy.weights import hdf5

        for name, pair in self.params.items():
            if not all(np.isfinite(array).all() for array in pair):
                raise NonFiniteError(
                    f"Sequential.save: the parameters of {name} are not finite: nothing is "
                    "written; train again with a smaller learning rate"
                )
        described = {
            "rows": [[type(row).__name__, asdict(row)] for row in self.layers.values()],
            "input_shape": self.input_shape,
            "dtype": str(self.dtype),
        }
        hdf5.write(path, self.params, network=json.dumps(described, default=int))

    @classmethod
    def load(cls, path: PathLike) -> "Sequential":
        """Read a network that `save` wrote; nothing in the file is believed before it is checked.

        Raises
        ------
        WeightsError
            The file is missing, damaged, points outside itself, or does not hold what its
            own list of layers needs.
        """
        from nst_numpy.weights import hdf5

        who = "Sequential.load"
        with hdf5.opened(hdf5.locate(path, who, _REMEDY), who, _REMEDY) as file:
            hdf5.refuse_outside_data(file)
            try:
                rows, input_shape, dtype = _parse(hdf5.read_text(file, "network"))
                table = kernel_shapes(name_rows(rows), _check_input_shape(input_shape))
            except (NstError, LookupError, TypeError, ValueError, RecursionError) as error:
                raise hdf5.RefusedError("does not describe a network of this package") from error
            if sum(math.prod(shape) for shape in table.values()) > MOST_PARAMETERS:
                raise hdf5.RefusedError(f"declares more than {MOST_PARAMETERS:,} parameters")
            contents = hdf5.find_named_layers(file, table)
            hdf5.check_declared(contents)
            params = {name: hdf5.read(each, dtype) for name, each in contents.layers.items()}
            return cls(rows, input_shape, dtype=dtype, params=params)

    @property
    def layer_names(self) -> list[str]:
        """All names that `forward` knows, from the input upwards."""
        return list(self.layers)

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
                    f"{self.params[name][0].shape[-2]}: the network was made for x "
                    f"{_batch_of(self.input_shape)}"
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
        with single_threaded_blas():
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
        start = self._check_backward(grads, relu)
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
                rule = {"rule": relu} if isinstance(row, ReLU) else {}
                grad = row.input_gradient(grad, cache, **rule)
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
        batch_size = check_count("Sequential.predict", "batch_size", batch_size)
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
        grads: dict[str, LayerParams] = {}
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

    def _run(self, x: Array) -> Iterator[tuple[str, Array, Any]]:
        """Yield name, activation and cache of one layer after the other."""
        a = x
        for name, row in self.layers.items():
            a, cache = row.forward(a, self.params.get(name, ()))
            yield name, a, cache

    def _check_input(self, method: str, x: Array, deepest: str) -> None:
        who = f"Sequential.{method}"
        fits = x.ndim == len(self.input_shape) + 1 and x.shape[-1] == self.input_shape[-1]
        if not fits or 0 in x.shape:
            raise ShapeError(
                f"{who}: x must be {_batch_of(self.input_shape)} with N of at least 1, "
                f"not {x.shape}"
            )
        if x.dtype != self.dtype:
            raise ShapeError(
                f"{who}: x is {x.dtype}, the network {self.dtype}: use x.astype(np.{self.dtype})"
            )
        self.feature_shapes(x.shape, [deepest])


def _first(shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> LayerParams:
    """Draw filters that keep the size of activations (He et al. 2015); biases are 0."""
    w = rng.standard_normal(shape) * np.sqrt(2 / math.prod(shape[:-1]))
    return w.astype(dtype), np.zeros(shape[-1], dtype)


def _check_params(
    params: Mapping[str, LayerParams], kernels: Mapping[str, Shape], dtype: np.dtype[Any]
) -> None:
    """Check the names, shapes and dtype of parameters that come from elsewhere."""
    if list(params) != list(kernels):
        raise ShapeError(
            f"Sequential: params must be named {', '.join(kernels)}, not {', '.join(params)}"
        )
    for name, shape in kernels.items():
        w, b = params[name]
        if w.shape != shape or b.shape != shape[-1:] or not w.dtype == b.dtype == dtype:
            raise ShapeError(
                f"Sequential, {name}: w must be {shape} and b {shape[-1:]}, both {dtype}, not "
                f"{w.shape} {w.dtype} and {b.shape} {b.dtype}"
            )


def _batch_of(input_shape: Shape) -> str:
    """(L, C) -> '(N, L, C)', in numbers."""
    return f"(N, {', '.join(map(str, input_shape))})"


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


def _check_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise SettingError(f"Sequential: dtype is {np.dtype(dtype)}: use float32 or float64")
    return np.dtype(dtype)


def _parse(text: str) -> tuple[list[Row], Shape, np.dtype[Any]]:
    """Turn what `save` wrote about a network into rows, input shape and dtype."""
    described = json.loads(text)
    rows = [ROWS[name](**_tuples(settings)) for name, settings in described["rows"]]
    return rows, tuple(described["input_shape"]), _check_dtype(described["dtype"])


def _tuples(value: Any) -> Any:
    """Turn lists, which JSON has, back into tuples, also inside dicts."""
    if isinstance(value, dict):
        return {key: _tuples(each) for key, each in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
