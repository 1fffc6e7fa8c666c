"""VGG: a table of layers, forward to features, backward to pixels.

Simonyan and Zisserman (2015). Every convolution is 3×3, stride 1, pad 1; every pool is
2×2. `convX_Y` names the activation before the ReLU, `reluX_Y` after it, `poolX` after
the pool.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from nst_numpy.arrays import Array
from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.kernels.threads import Finish, Parts, in_turn
from nst_numpy.kernels.windows import Window, make_window
from nst_numpy.kernels.winograd import (
    kernel_bytes,
    prepare_kernels,
    winograd_in_parts,
    winograd_input_gradient,
)
from nst_numpy.layers import (
    avg_pool_backward,
    avg_pool_forward,
    max_pool_backward,
    max_pool_forward,
    relu_forward,
)
from nst_numpy.layers.activation import apply_mask, pack_mask, rectify
from nst_numpy.layers.convolution import (
    choose_method,
    conv_input_gradient,
    convolve,
    input_gradient_in_parts,
    product_first_is_smaller,
)
from nst_numpy.layers.pooling import (
    avg_pool_backward_in_parts,
    avg_pool_in_parts,
    max_pool_backward_in_parts,
    max_pool_in_parts,
)
from nst_numpy.taped import Taped
from nst_numpy.weights import BLOCKS, load_weights

Params = Mapping[str, tuple[Array, Array]]


class Pool(NamedTuple):
    """The functions of a kind of pooling."""

    forward: Callable[..., Any]
    in_parts: Callable[..., Any]
    backward: Callable[..., Any]
    backward_in_parts: Callable[..., Any]


POOLS = {
    "avg": Pool(avg_pool_forward, avg_pool_in_parts, avg_pool_backward, avg_pool_backward_in_parts),
    "max": Pool(max_pool_forward, max_pool_in_parts, max_pool_backward, max_pool_backward_in_parts),
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


class VGG(Taped):
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
        self._tape: dict[str, Any] = {}  # what the backward pass needs, in the network's order
        self._x_shape: tuple[int, ...] = ()
        self._kept: dict[str, tuple[Array, Array]] = {}

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
        self._tape, self._x_shape = {}, x.shape
        a = x
        for at, layer in enumerate(self.table):
            if layer.kind == "conv":
                a = self._conv_forward(at, a, wanted)
            elif layer.name in self._tape:
                pass  # done together with the convolution below
            elif layer.kind == "pool":
                a, self._tape[layer.name] = POOLS[self.pool].forward(a)
            else:
                self._tape[layer.name] = pack_mask(a)
                a, _ = relu_forward(a)
            if layer.name in wanted:
                features[layer.name] = a
            if layer.name == wanted[-1]:
                break
        return features

    def backward(self, grads: Mapping[str, Array | Finish], *, relu: str = "gradient") -> Array:
        """Carry gradients at any set of layers back to the pixels, in one pass.

        Parameters
        ----------
        grads : mapping of str to ndarray or callable
            ∂J/∂a^[l] for layers of the last `forward`, each shaped like its activation;
            or add(part, place), which adds that part of it to `part`.
        relu : {"gradient", "guided", "deconvolution"}
            What a ReLU does on the way back. "gradient" is the derivative: pass what was
            positive on the way up. "deconvolution" (Zeiler and Fergus 2014) passes what is
            positive on the way down, "guided" (Springenberg et al. 2015) what is both: no
            gradients, but pictures of what drove a unit.

        Returns
        -------
        grad_x : ndarray, shaped like the last x
            ∂J/∂x. No weight gradients are computed.

        Raises
        ------
        SettingError
            If `forward` did not reach a named layer.
        """
        start = self._check_backward(grads, relu)
        # each is dropped when it has arrived: its memory is free before the largest layers
        pending = dict(grads)
        del grads
        grad = np.zeros(self.feature_shapes(self._x_shape)[start], dtype=self.dtype)
        self._on_arrival(start, pending, relu)(grad, (slice(None),))
        reached = list(self._tape)
        for at in reversed(range(reached.index(start) + 1)):
            name = reached[at]
            finish = self._on_arrival(reached[at - 1], pending, relu) if at > 0 else None
            if finish is not None and self._collects(reached[: at + 1]):
                return self._last_two_backward(grad, finish)
            if name.startswith("conv"):
                grad = self._conv_backward(name, grad, finish)
            elif name.startswith("pool"):
                pool, (_, method) = POOLS[self.pool], self._tape[reached[at - 2]]
                if method == "winograd":  # reads it in parts
                    grad = pool.backward_in_parts(grad, self._tape[name], finish)
                else:
                    grad = pool.backward(grad, self._tape[name], finish=finish)
        return grad

    def _conv_backward(self, name: str, grad: Array | Parts, finish: Finish | None) -> Array:
        window, method = self._tape[name]
        if method == "winograd" or isinstance(grad, Parts):  # only winograd reads parts
            return winograd_input_gradient(grad, self._transformed(name)[1], finish)
        return conv_input_gradient(grad, self.params[name][0], window, method, finish=finish)

    def _collects(self, reached: Sequence[str]) -> bool:
        """Say whether the layers left are two convolutions that `_last_two_backward` can do."""
        if len(reached) != 3 or not reached[-1].startswith("conv"):
            return False
        (_, lower), (_, upper) = self._tape[reached[0]], self._tape[reached[-1]]
        w = self.params[reached[0]][0]
        return lower == "im2col" and upper == "winograd" and product_first_is_smaller(w)

    def _last_two_backward(self, grad: Array | Parts, finish: Finish) -> Array:
        """Carry the gradient through both convolutions of the first block to the pixels.

        The gradient between them would be the largest array of all. It is made in parts, and
        what each gives to the pixels is collected.
        """
        lower, _, upper = list(self._tape)[:3]
        w = self.params[lower][0]
        shape = (*self._x_shape[:-1], w.shape[-1])
        collect, complete = input_gradient_in_parts(shape, w, self._tape[lower][0])
        u_flipped = self._transformed(upper)[1]
        winograd_in_parts(grad, u_flipped, None, in_turn(finish, collect))
        return complete()

    def _on_arrival(self, name: str, pending: dict[str, Array | Finish], relu: str) -> Finish:
        """Make what happens to each part of ∂J/∂a^[l] as soon as it is computed.

        The layer's own gradient from the loss is added. At a ReLU its backward pass
        follows at once, and brings the gradient to the convolution below it.
        """
        own = _adder(pending.pop(name, None))
        mask = self._tape[name] if name.startswith("relu") else None
        below = _adder(pending.pop(name.replace("relu", "conv"), None))

        def finish(part: Array, place: tuple[Any, ...]) -> None:
            if own is not None:
                own(part, place)
            if mask is not None and relu != "gradient":
                rectify(part)
            if mask is not None and relu != "deconvolution":
                apply_mask(part, mask[place])
            if below is not None:
                below(part, place)

        return finish

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

    def _conv_forward(self, at: int, a: Array, wanted: Sequence[str]) -> Array:
        """Convolve, with the ReLU and the pool above, part by part, while it is in cache.

        What is wanted as a feature is left whole, and the layer above it to its own turn.
        """
        conv, relu, above = self.table[at : at + 3]
        w, b = self.params[conv.name]
        window, method = self._tape[conv.name] = self._plan(conv.name, a.shape[1:-1])
        u = self._transformed(conv.name)[0] if method == "winograd" else None
        if conv.name in wanted:
            return convolve(a, w, b, window, method, u=u)
        # of the activation the way back needs one bit a number: was it above 0?
        mask = np.empty((*a.shape[:-1], -(-w.shape[-1] // 8)), dtype=np.uint8)
        self._tape[relu.name] = mask

        def rectified(part: Array, place: tuple[Any, ...]) -> None:
            mask[place] = pack_mask(part)
            rectify(part)

        if u is None or above.kind != "pool" or relu.name in wanted:
            return convolve(a, w, b, window, method, u=u, finish=rectified)
        shape = (*a.shape[:-1], w.shape[-1])
        out, self._tape[above.name], pooled = POOLS[self.pool].in_parts(shape, a.dtype)
        winograd_in_parts(a, u, b, in_turn(rectified, pooled))
        return out

    def _plan(self, name: str, sizes: tuple[int, ...]) -> tuple[Window, str]:
        """Decide how a convolution of a map of these sizes is computed."""
        shape = self.params[name][0].shape
        window = make_window("VGG.forward", sizes, shape[:-2], 1, 1)
        return window, choose_method("auto", self.dtype, shape, window)

    def transformed_bytes(self, names: Iterable[str], image_shape: tuple[int, ...]) -> int:
        """Bytes of the transformed kernels that a pass over the named layers keeps."""
        shapes, total = self.feature_shapes(image_shape), 0
        for name in names:
            if name in self.params and self._plan(name, shapes[name][1:3])[1] == "winograd":
                total += kernel_bytes(self.params[name][0])
        return total

    def _transformed(self, name: str) -> tuple[Array, Array]:
        """Return the kernel as Winograd's method wants it, forward and backward; then keep it."""
        if name not in self._kept:
            self._kept[name] = prepare_kernels(self.params[name][0])
        return self._kept[name]

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


def _adder(grad: Array | Finish | None) -> Finish | None:
    """Turn a gradient array into the function that adds a part of it."""
    if grad is None or callable(grad):
        return grad

    def add(part: Array, place: tuple[Any, ...]) -> None:
        part += grad[place]

    return add


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
