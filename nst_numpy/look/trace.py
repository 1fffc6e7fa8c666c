"""One number, written out as the sum that it is.

The activation of a unit is bias + Σ weight × input over a small window of the layer
below; above 0, a ReLU passes it on unchanged. `trace` writes down every term of that sum,
and `trace_deep` goes on with the largest input, and so on down to the pixels.
"""

import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nst_numpy.common.arrays import Array, Shape
from nst_numpy.common.moved import keep_former_names
from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.kernels.windows import crop_or_pad
from nst_numpy.look.sums import (
    Position,
    inside_map,
    looks_at,
    summing_layer,
    unit_weights,
    unit_window,
)
from nst_numpy.look.terms import Trace
from nst_numpy.network import Network
from nst_numpy.receptive_field import Box, network_slides, seen_box

PIXELS = "pixels"  # what `input_layer` says of the layer that sees the picture itself
COLOURS = ("blue", "green", "red")


def trace(
    network: Network,
    x: Array,
    layer: str,
    channel: int,
    *position: int,
    row: int | None = None,
    col: int | None = None,
) -> Trace:
    """Write one activation out as the sum that it is.

    Parameters
    ----------
    network : Network
        VGG, Sequential or another.
    x : ndarray, (1, *sizes, C)
        One item; of a picture as `preprocess` makes it.
    layer : str
    channel : int
    *position : int
        The unit: one number an axis, from 0 in the layer's own map; none for a layer without
        positions. Of a picture also `row=` and `col=`.

    Returns
    -------
    Trace

    Raises
    ------
    UnknownNameError
        The network has no such layer.
    SettingError
        The layer has no such channel, or its map no such position; or it is of a kind that is
        no such sum.
    ShapeError
        x is not one item, or not of the network's dtype.

    Notes
    -----
    Equation (1) in docs/mathematics, for one output. The window's numbers are the network's;
    products and sums are in float64.

    Examples
    --------
    >>> from nst_numpy.vgg import VGG
    >>> rng = np.random.default_rng(0)
    >>> vgg, x = VGG.random((4, 5), rng), rng.standard_normal((1, 8, 8, 3))
    >>> unit = trace(vgg, x, "conv2_1", 3, 0, 2)
    >>> unit.contributions.shape, unit.input_layer
    ((3, 3, 4), 'pool1')
    >>> bool(np.isclose(unit.bias + unit.contributions.sum(), unit.activation))
    True
    """
    unit = _check_unit(network, x, layer, channel, (*position, *_given(row, col)))
    below = looks_at(network, layer)
    names = {layer} if below is None else {layer, below}
    return _write_out(network, x, network.forward(x, names), layer, *unit)


def trace_deep(
    network: Network,
    x: Array,
    layer: str,
    channel: int,
    *position: int,
    row: int | None = None,
    col: int | None = None,
) -> list[Trace]:
    """Trace an activation, then the largest input of its sum, and so on down to the input.

    The largest is the one with the largest |weight × input|; of equal ones the first.
    Positions in the padding don't count. Parameters and errors are those of `trace`.

    Returns
    -------
    list of Trace
        From the unit down: at each step the input that weighs most. The last looks at pixels,
        or whatever the network's input is.

    Examples
    --------
    >>> from nst_numpy.vgg import VGG
    >>> rng = np.random.default_rng(0)
    >>> vgg, x = VGG.random((4, 5), rng), rng.standard_normal((1, 8, 8, 3))
    >>> [unit.name for unit in trace_deep(vgg, x, "relu2_1", 3, 0, 2)]
    ['relu2_1:3@0,2', 'pool1:3@1,2', 'relu1_1:3@3,4']
    """
    unit = _check_unit(network, x, layer, channel, (*position, *_given(row, col)))
    names, below = [layer], looks_at(network, layer)
    while below is not None:
        names.append(below)
        below = looks_at(network, below)
    maps = network.forward(x, names)
    path: list[Trace] = []
    for name in names:
        path.append(_write_out(network, x, maps, name, *unit))
        unit = _largest_below(path[-1], summing_layer(network, name) in network.params)
    return path


def _write_out(
    network: Network,
    x: Array,
    maps: Mapping[str, Array],
    layer: str,
    channel: int,
    position: Position,
) -> Trace:
    """Gather what one unit is made of from the maps that the network computed."""
    name = summing_layer(network, layer)
    below = network.below(name)
    a = x if below is None else maps[below]
    row = network.layers[name]
    at, channel_below = position, channel
    if row.kind == "flatten":  # the unit is one number of the map below
        *place, channel_below = (int(i) for i in np.unravel_index(channel, a.shape[1:]))
        at = tuple(place)
    sizes = a.shape[1:-1]
    start, step, kernel = unit_window(row, name, a.shape, at)
    inside = inside_map(start, step, kernel, sizes)
    # (1, *sizes, C_in) -> (*span, C_in) -> (*kernel, C_in)
    span = [first + s * (k - 1) + 1 for first, s, k in zip(start, step, kernel, strict=True)]
    window = crop_or_pad(a, start, span)[0] if sizes else a[0]
    window = window[tuple(slice(None, None, s) for s in step)].astype(np.float64)
    weights, bias = unit_weights(network, name, channel, channel_below, window, inside)
    whole = tuple(slice(0, size) for size in x.shape[1:-1])
    return Trace(
        layer=layer, channel=channel, position=position, kind=network.layers[layer].kind,
        activation=float(maps[layer][(0, *position, channel)]), bias=bias,
        contributions=weights * window, window=window, kernel=weights, inside=inside,
        input_layer=_input_name(x) if below is None else below, start=start, step=step,
        box=_box(network, layer, position, x.shape) if position else whole,
    )  # fmt: skip


def _largest_below(unit: Trace, has_weights: bool) -> tuple[int, Position]:
    """Find the input (channel, position) that weighs most and is not padding."""
    # a pool looks at its own channel only, also where everything there is 0
    axes = tuple(range(unit.kernel.ndim - 1))
    counts = unit.inside[..., None] & (unit.kernel.any(axis=axes) | has_weights)
    weight = np.where(counts, np.abs(unit.contributions), -1.0)
    *index, k = np.unravel_index(weight.argmax(), weight.shape)
    return int(k), unit._place([int(i) for i in index])


def _input_name(x: Array) -> str:
    return PIXELS if x.ndim == 4 and x.shape[-1] == len(COLOURS) else "input"


def _box(network: Network, layer: str, position: Position, shape: Shape) -> Any:
    """Return what a unit sees: of a picture a Box, of anything else a slice an axis."""
    sizes = shape[1:-1]
    cuts = seen_box(network_slides(network, layer, sizes), position, sizes)
    if len(cuts) != 2:
        return cuts
    return Box(cuts[0].start, cuts[1].start, cuts[0].stop, cuts[1].stop)


def _given(row: int | None, col: int | None) -> tuple[int, ...]:
    return tuple(i for i in (row, col) if i is not None)


def _check_unit(
    network: Network, x: Array, layer: str, channel: int, position: Sequence[int]
) -> tuple[int, Position]:
    """Refuse a unit that is not there; return channel and position as plain ints."""
    network.check_names([layer])
    if x.ndim != len(network.input_shape) + 1 or x.shape[0] != 1:
        raise ShapeError(f"trace: x must be one item (1, *sizes, C), not {x.shape}")
    _, *sizes, channels = network.feature_shapes(x.shape, [layer])[layer]
    try:
        at = tuple(operator.index(i) for i in position)
        channel = operator.index(channel)
    except TypeError:
        raise SettingError(
            f"trace: channel and position must be whole numbers, not {channel!r} at {position!r}"
        ) from None
    if not 0 <= channel < channels:
        raise SettingError(
            f"trace: {layer} has the channels 0 to {channels - 1}: there is no channel {channel}"
        )
    on_map = len(at) == len(sizes) and all(0 <= i < size for i, size in zip(at, sizes, strict=True))
    if not on_map:
        raise SettingError(
            f"trace: the map of {layer} has {_extent(sizes)} for an input of "
            f"{'×'.join(map(str, x.shape[1:-1]))}: there is no position "
            f"{','.join(map(str, at)) or 'without a number'} (counted from 0)"
        )
    return channel, at


def _extent(sizes: Sequence[int]) -> str:
    if len(sizes) == 2:
        return f"{sizes[0]} rows and {sizes[1]} columns"
    return f"the sizes {'×'.join(map(str, sizes))}" if sizes else "no positions"


keep_former_names(__name__, "nst_numpy.look.terms", "LargestInputs", "Part")
