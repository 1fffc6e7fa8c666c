"""In which way a unit of each kind of layer is a sum of what its window sees.

Of a convolution and a dense layer the weights are those of the filter. A pool is such a sum too:
an average pool weighs all positions alike, a max pool the winner alone. A ReLU passes on the sum
of the layer below it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array64, Shape
from nst_numpy.errors import SettingError
from nst_numpy.network import Network
from nst_numpy.rows import MaxPool, Row

SUMS = ("conv", "dense", "pool", "global", "flatten")  # kinds of layers whose units are sums

Position = tuple[int, ...]


def summing_layer(network: Network, layer: str) -> str:
    """Name the layer whose sum a unit is: of a ReLU the one below it."""
    while network.layers[layer].kind == "relu":
        below = network.below(layer)
        if below is None:
            break
        layer = below
    if network.layers[layer].kind not in SUMS:
        raise SettingError(
            f"trace: {layer} is a layer of the kind {network.layers[layer].kind!r}, whose units "
            f"are no sums: trace one of the kinds {', '.join(SUMS)} or a ReLU above it"
        )
    return layer


def looks_at(network: Network, layer: str) -> str | None:
    """Name the layer that a unit's window looks at; None is the input."""
    return network.below(summing_layer(network, layer))


def unit_window(
    row: Row, name: str, shape: Shape, position: Position
) -> tuple[Position, Position, Position]:
    """Return start, step and size of a unit's window in the map below, one number an axis."""
    window = row.window(name, shape)
    if window is not None:
        axes = zip(position, window.stride, window.pad, strict=True)
        start = tuple(i * stride - before for i, stride, (before, _) in axes)
        return start, window.dilation, window.kernel
    if row.kind == "flatten":
        return position, (1,) * len(position), (1,) * len(position)
    return (0,) * (len(shape) - 2), (1,) * (len(shape) - 2), shape[1:-1]


def unit_weights(
    network: Network,
    name: str,
    channel: int,
    channel_below: int,
    window: Array64,
    inside: NDArray[np.bool_],
) -> tuple[Array64, float]:
    """Return the kernel (*kernel, C_in) and the bias of one channel."""
    if name in network.params:
        w, b = network.params[name]
        return w[..., channel].astype(np.float64), float(b[channel])
    kernel: Array64 = np.zeros(window.shape)
    row = network.layers[name]
    if isinstance(getattr(row, "row", row), MaxPool):
        # argmax takes the first of equal values, as the layer does; padding never wins
        own = np.where(inside, window[..., channel_below], -np.inf)
        winner = tuple(int(i) for i in np.unravel_index(own.argmax(), own.shape))
        kernel[(*winner, channel_below)] = 1.0
    else:
        kernel[..., channel_below] = inside / inside.sum()
    return kernel, 0.0


def inside_map(
    start: Position, step: Position, kernel: Position, sizes: Sequence[int]
) -> NDArray[np.bool_]:
    """Say of each position of a window whether it is on the map: (*kernel)."""
    inside = np.ones(kernel, dtype=bool)
    for axis, (first, s, k, size) in enumerate(zip(start, step, kernel, sizes, strict=True)):
        places = first + s * np.arange(k)
        on_axis = (places >= 0) & (places < size)
        # (k,) -> (1, …, k, …, 1)
        inside &= on_axis.reshape(*(k if i == axis else 1 for i in range(len(kernel))))
    return inside
