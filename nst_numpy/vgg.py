"""VGG: a table of layers, forward to features, backward to pixels.

Simonyan and Zisserman (2015). Every convolution is 3×3, stride 1, pad 1; every pool is
2×2. `convX_Y` names the activation before the ReLU, `reluX_Y` after it, `poolX` after
the pool.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nst_numpy.errors import SettingError, ShapeError, UnknownNameError
from nst_numpy.layers import (
    avg_pool_backward,
    avg_pool_forward,
    conv_forward,
    conv_input_gradient,
    max_pool_backward,
    max_pool_forward,
    relu_backward,
    relu_forward,
)
from nst_numpy.weights import BLOCKS, load_weights

Array = NDArray[np.floating]
Params = Mapping[str, tuple[Array, Array]]

POOLS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "avg": (avg_pool_forward, avg_pool_backward),
    "max": (max_pool_forward, max_pool_backward),
}


@dataclass(frozen=True)
class Layer:
    """One row of the table: a name, and what kind of layer it is."""

    name: str
    kind: str  # "conv", "relu" or "pool"


def layer_table(convolutions: Sequence[int]) -> tuple[Layer, ...]:
    """List the layers of a VGG, given the number of convolutions in each block.

    >>> [layer.name for layer in layer_table((1, 2))]
    ['conv1_1', 'relu1_1', 'pool1', 'conv2_1', 'relu2_1', 'conv2_2', 'relu2_2', 'pool2']
    """
    table = []
    for block, count in enumerate(convolutions, start=1):
        for i in range(1, count + 1):
            table.append(Layer(f"conv{block}_{i}", "conv"))
            table.append(Layer(f"relu{block}_{i}", "relu"))
        table.append(Layer(f"pool{block}", "pool"))
    return tuple(table)


TABLES = {name: layer_table([count for count, _ in blocks]) for name, blocks in BLOCKS.items()}


class VGG:
    """A fixed VGG: activations of a picture, and gradients back to its pixels.

    Parameters
    ----------
    params : mapping of str to (kernel, bias)
        `conv1_1`, `conv1_2`, …: kernels (3, 3, C_in, C_out), biases (C_out,), all of one
        floating dtype, which decides the precision of everything.
    pool : {"avg", "max"}
        The paper's choice for pictures is "avg"; the network was trained with "max".

    Attributes
    ----------
    table : tuple of Layer
        The layers in order.
    """

    def __init__(self, params: Params, pool: str = "avg") -> None:
        if pool not in POOLS:
            raise SettingError(f"VGG: pool must be 'avg' or 'max', not {pool!r}")
        self.params = dict(params)
        self.pool = pool
        self.table = _table_of(params)
        self.dtype = next(iter(self.params.values()))[0].dtype
        self._tape: list[tuple[Layer, Any]] = []

    @classmethod
    def load(
        cls, path: str | Path | None = None, pool: str = "avg", dtype: DTypeLike = np.float32
    ) -> "VGG":
        """Read a VGG-16 or VGG-19 from an HDF5 file; None is the bundled VGG-16.

        Raises
        ------
        WeightsError
            If the file is missing, corrupt or of another network.
        """
        return cls(load_weights(path, dtype=dtype), pool)

    @property
    def layer_names(self) -> list[str]:
        """All names that `forward` knows, from the image upwards."""
        return [layer.name for layer in self.table]

    def forward(self, x: Array, names: Iterable[str]) -> dict[str, Array]:
        """Compute the activations of the named layers, and no layer above the deepest.

        Parameters
        ----------
        x : ndarray, (N, H, W, 3)
            BGR minus the ImageNet means, as `preprocess` makes it, of the network's dtype.
        names : iterable of str

        Returns
        -------
        dict of str to ndarray, (N, H', W', C)
            In the order of the network. Arrays are the network's own: read, don't write.

        Raises
        ------
        UnknownNameError, ShapeError
            For a layer that is not there, and for an x that does not fit.
        """
        wanted = self.check_names(names)
        self._check_input(x, wanted[-1] if wanted else None)
        features: dict[str, Array] = {}
        self._tape = []
        a = x
        for layer in self.table:
            if len(features) == len(wanted):
                break
            a, cache = self._layer_forward(layer, a)
            self._tape.append((layer, cache))
            if layer.name in wanted:
                features[layer.name] = a
        return features

    def backward(self, grads: Mapping[str, Array]) -> Array:
        """Carry gradients at any set of layers back to the pixels, in one pass.

        Parameters
        ----------
        grads : mapping of str to ndarray
            ∂J/∂a^[l] for layers of the last `forward`, each shaped like its activation.

        Returns
        -------
        grad_x : ndarray, shaped like the last x
            ∂J/∂x. No weight gradients are computed.

        Raises
        ------
        SettingError
            If `forward` did not reach a named layer.
        """
        reached = [layer.name for layer, _ in self._tape]
        for name in grads:
            if name not in self.layer_names:
                raise UnknownNameError.of("layer", name, self.layer_names)
            if name not in reached:
                raise SettingError(
                    f"VGG.backward: the last forward did not reach {name}: "
                    "call forward with that layer first"
                )
        if not grads:
            raise SettingError("VGG.backward: give the gradient of at least one layer")
        grad: Array | None = None
        for layer, cache in reversed(self._tape):
            if layer.name in grads:
                grad = grads[layer.name] if grad is None else grad + grads[layer.name]
            if grad is not None:
                grad = self._layer_backward(layer, grad, cache)
        assert grad is not None
        return grad

    def check_names(self, names: Iterable[str]) -> list[str]:
        """Sort layer names from the image upwards; an unknown one is an error."""
        names = set(names)
        for name in names:
            if name not in self.layer_names:
                raise UnknownNameError.of("layer", name, self.layer_names)
        return [name for name in self.layer_names if name in names]

    def feature_shapes(
        self, image_shape: tuple[int, ...], names: Iterable[str] | None = None
    ) -> dict[str, tuple[int, ...]]:
        """Return the shape of each layer's activation for an input (N, H, W, 3), computing none.

        >>> rng = np.random.default_rng(0)
        >>> VGG.random((4, 8), rng).feature_shapes((1, 9, 7, 3), ["relu1_1", "conv2_1"])
        {'relu1_1': (1, 9, 7, 4), 'conv2_1': (1, 4, 3, 8)}
        """
        n, h, w, c = image_shape
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in self.table:
            if layer.kind == "conv":
                c = self.params[layer.name][0].shape[-1]
            elif layer.kind == "pool":
                h, w = h // 2, w // 2
            shapes[layer.name] = (n, h, w, c)
        return shapes if names is None else {name: shapes[name] for name in self.check_names(names)}

    @classmethod
    def random(
        cls,
        channels: Sequence[int],
        rng: np.random.Generator,
        *,
        convolutions: Sequence[int] | None = None,
        pool: str = "avg",
        dtype: DTypeLike = np.float64,
    ) -> "VGG":
        """Make a small VGG with random filters: one number of channels a block.

        For tests and lessons. Filters are scaled so that activations keep their size
        (He et al. 2015).
        """
        counts = [1] * len(channels) if convolutions is None else convolutions
        params, c_in = {}, 3
        for block, (count, c_out) in enumerate(zip(counts, channels, strict=True), start=1):
            for i in range(1, count + 1):
                w = rng.standard_normal((3, 3, c_in, c_out)) * np.sqrt(2 / (9 * c_in))
                b = 0.1 * rng.standard_normal(c_out)
                params[f"conv{block}_{i}"] = (w.astype(dtype), b.astype(dtype))
                c_in = c_out
        return cls(params, pool)

    def _layer_forward(self, layer: Layer, a: Array) -> tuple[Array, Any]:
        if layer.kind == "conv":
            w, b = self.params[layer.name]
            out, cache = conv_forward(a, w, b, pad=1)
            return out, cache.window
        if layer.kind == "relu":
            return relu_forward(a)
        return POOLS[self.pool][0](a)

    def _layer_backward(self, layer: Layer, grad: Array, cache: Any) -> Array:
        if layer.kind == "conv":
            return conv_input_gradient(grad, self.params[layer.name][0], cache)
        if layer.kind == "relu":
            return relu_backward(grad, cache)
        return POOLS[self.pool][1](grad, cache)

    def _check_input(self, x: Array, deepest: str | None) -> None:
        channels = self.params["conv1_1"][0].shape[2]
        if x.ndim != 4 or x.shape[-1] != channels:
            raise ShapeError(f"VGG.forward: x must be (N, H, W, {channels}), not {x.shape}")
        if x.dtype != self.dtype:
            raise ShapeError(
                f"VGG.forward: x is {x.dtype}, the network {self.dtype}: "
                f"use preprocess(image, dtype=np.{self.dtype})"
            )
        if deepest is None:
            raise SettingError("VGG.forward: name at least one layer")
        below = self.layer_names[: self.layer_names.index(deepest) + 1]
        least = 2 ** sum(name.startswith("pool") for name in below)
        if min(x.shape[1:3]) < least:
            raise ShapeError(
                f"VGG.forward: x of {x.shape[1]}×{x.shape[2]} is too small for {deepest}: "
                f"use at least {least} pixels a side"
            )


def _table_of(params: Params) -> tuple[Layer, ...]:
    """Read the number of convolutions in each block off the parameters' names."""
    counts: dict[str, int] = {}
    for name in params:
        block = name.split("_")[0].removeprefix("conv")
        counts[block] = counts.get(block, 0) + 1
    table = layer_table(list(counts.values()))
    expected = [layer.name for layer in table if layer.kind == "conv"]
    if list(params) != expected:
        raise ShapeError(
            f"VGG: params must be named {', '.join(expected)}, not {', '.join(params)}"
        )
    return table
