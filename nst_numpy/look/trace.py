"""One number, written out as the sum that it is.

The activation of a unit is bias + Σ weight × input over a small window of the layer
below; above 0, a ReLU passes it on unchanged. `trace` writes down every term of that sum,
and `trace_deep` goes on with the largest input, and so on down to the pixels.
"""

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.arrays import Array
from nst_numpy.errors import SettingError, ShapeError, UnknownNameError
from nst_numpy.kernels.windows import crop_or_pad
from nst_numpy.look.receptive_field import GEOMETRY, Box, receptive_box
from nst_numpy.vgg import VGG, Layer

PIXELS = "pixels"  # what `input_layer` says of the layer that sees the picture itself
COLOURS = ("blue", "green", "red")


@dataclass(frozen=True)
class Part:
    """A part of a traced sum.

    Attributes
    ----------
    contribution : float
        The sum of weight × input over the part.
    share : float
        |contribution|, as a share of Σ |contribution| over all parts of the same kind: the
        shares of all channels add up to 1, and so do those of all positions and those of all
        terms. The share says how much a part weighs; the contribution's sign says in which
        direction.
    channel : int or None
        Channel of the input; None where the part is a whole position.
    row, col : int or None
        Position in the map of the input, outside of it in the padding; None where the part
        is a whole channel.
    """

    contribution: float
    share: float
    channel: int | None = None
    row: int | None = None
    col: int | None = None


@dataclass(frozen=True)
class LargestInputs:
    """The largest parts of a traced sum, by |contribution|, in three divisions of it.

    Attributes
    ----------
    channels, positions, terms : list of Part
        Each input channel over the whole window; each position of the window over all
        channels; each single weight × input.
    """

    channels: list[Part]
    positions: list[Part]
    terms: list[Part]


@dataclass(frozen=True, eq=False)
class Trace:
    """An activation and the sum that it is: `bias + contributions.sum()`.

    A pool is such a sum too, without a bias: its kernel is 0 for every channel but its own,
    where an average pool has 1/4 at all four positions, and a max pool 1 at the winner.

    Attributes
    ----------
    layer : str
    channel, row, col : int
        The unit.
    kind : {"conv", "relu", "pool"}
        Of the layer.
    activation : float
        The number that the network itself computes for the unit.
    bias : float
    contributions : ndarray of float64, (kh, kw, C_in)
        weight × input, at each position of the window and for each channel of the input.
    window : ndarray of float64, (kh, kw, C_in)
        The inputs; 0 where the window is in the padding.
    kernel : ndarray of float64, (kh, kw, C_in)
        The weights.
    inside : ndarray of bool, (kh, kw)
        False where the window is in the padding.
    input_layer : str
        The layer that the window looks at; "pixels" is the picture: blue, green and red
        minus their ImageNet means.
    top, left : int
        Where the window begins in the map of the input; −1 is padding.
    box : Box
        Receptive field: the pixels that the unit sees, `top`, `left`, `bottom`, `right`,
        half-open and clipped to the picture.
    """

    layer: str
    channel: int
    row: int
    col: int
    kind: str
    activation: float
    bias: float
    contributions: NDArray[np.float64]
    window: NDArray[np.float64]
    kernel: NDArray[np.float64]
    inside: NDArray[np.bool_]
    input_layer: str
    top: int
    left: int
    box: Box

    @property
    def sum(self) -> float:
        """Bias + contributions.sum(), in float64.

        Of a convX_Y or poolX layer this is the activation, to rounding. Of a reluX_Y layer
        it is the value of the convolution below, and the activation is max(sum, 0).
        """
        return self.bias + float(self.contributions.sum())

    @property
    def name(self) -> str:
        """The unit as the command line writes it.

        >>> rng = np.random.default_rng(0)
        >>> trace(VGG.random((4,), rng), np.zeros((1, 8, 8, 3)), "relu1_1", 3, 5, 7).name
        'relu1_1:3@5,7'
        """
        return f"{self.layer}:{self.channel}@{self.row},{self.col}"

    def largest_inputs(self, n: int) -> LargestInputs:
        """Return the n largest parts: by input channel, by position, and term by term.

        Largest by |contribution|; of equal ones the first. See `Part` for what a share is.

        Parameters
        ----------
        n : int
            At least 1. Fewer are returned where there are fewer.

        Raises
        ------
        SettingError
            If n is not a whole number of at least 1.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> unit = trace(VGG.random((4,), rng), np.ones((1, 8, 8, 3)), "conv1_1", 0, 0, 0)
        >>> [part.channel for part in unit.largest_inputs(2).channels]
        [2, 0]
        >>> round(sum(part.share for part in unit.largest_inputs(9).positions), 6)
        1.0
        """
        if not isinstance(n, (int, np.integer)) or n < 1:
            raise SettingError(f"largest_inputs: n must be a whole number of at least 1, not {n!r}")
        c = self.contributions
        terms = [
            Part(value, share, channel=k, row=self.top + i, col=self.left + j)
            for (i, j, k), value, share in _largest(c, n)
        ]
        positions = [
            Part(value, share, row=self.top + i, col=self.left + j)
            for (i, j), value, share in _largest(c.sum(axis=2), n)
        ]
        channels = [
            Part(value, share, channel=k) for (k,), value, share in _largest(c.sum(axis=(0, 1)), n)
        ]
        return LargestInputs(channels, positions, terms)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain lists and numbers, for JSON."""
        scalars = ("layer", "channel", "row", "col", "kind", "activation", "sum", "bias")
        record: dict[str, Any] = {name: getattr(self, name) for name in scalars}
        box = self.box
        record["box"] = {
            "top": box.top, "left": box.left, "bottom": box.bottom, "right": box.right,
        }  # fmt: skip
        record["input"] = {"layer": self.input_layer, "top": self.top, "left": self.left}
        for name in ("contributions", "window", "kernel", "inside"):
            record[name] = getattr(self, name).tolist()
        return record


def trace(vgg: VGG, x: Array, layer: str, channel: int, row: int, col: int) -> Trace:
    """Write one activation out as the sum that it is.

    Parameters
    ----------
    vgg : VGG
    x : ndarray, (1, H, W, 3)
        The picture, as `preprocess` makes it.
    layer : str
    channel, row, col : int
        The unit; `row` and `col` count from 0 in the layer's own map.

    Returns
    -------
    Trace

    Raises
    ------
    UnknownNameError
        The network has no such layer.
    SettingError
        The layer has no such channel, or its map no such position.
    ShapeError
        x is not one picture, or not of the network's dtype.

    Notes
    -----
    Equation (1) in docs/mathematics, for one output. The window's numbers are the network's;
    products and sums are in float64.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> vgg, x = VGG.random((4, 5), rng), rng.standard_normal((1, 8, 8, 3))
    >>> unit = trace(vgg, x, "conv2_1", channel=3, row=0, col=2)
    >>> unit.contributions.shape, unit.input_layer
    ((3, 3, 4), 'pool1')
    >>> bool(np.isclose(unit.bias + unit.contributions.sum(), unit.activation))
    True
    """
    unit = _check_unit(vgg, x, layer, channel, row, col)
    below = _input_layer(vgg.table, layer)
    maps = {PIXELS: x, **vgg.forward(x, {layer, below} - {PIXELS})}
    return _write_out(vgg, maps, layer, *unit)


def trace_deep(vgg: VGG, x: Array, layer: str, channel: int, row: int, col: int) -> list[Trace]:
    """Trace an activation, then the largest input of its sum, and so on down to the pixels.

    The largest is the one with the largest |weight × input|; of equal ones the first.
    Positions in the padding don't count. Parameters and errors are those of `trace`.

    Returns
    -------
    list of Trace
        From the unit down: at each step the input that weighs most. The last looks at pixels.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> vgg, x = VGG.random((4, 5), rng), rng.standard_normal((1, 8, 8, 3))
    >>> [unit.name for unit in trace_deep(vgg, x, "relu2_1", channel=3, row=0, col=2)]
    ['relu2_1:3@0,2', 'pool1:3@1,2', 'relu1_1:3@3,4']
    """
    unit = _check_unit(vgg, x, layer, channel, row, col)
    names = [layer]
    while names[-1] != PIXELS:
        names.append(_input_layer(vgg.table, names[-1]))
    maps = {PIXELS: x, **vgg.forward(x, names[:-1])}
    path: list[Trace] = []
    for name in names[:-1]:
        path.append(_write_out(vgg, maps, name, *unit))
        unit = _largest_below(path[-1])
    return path


def _write_out(
    vgg: VGG, maps: Mapping[str, Array], layer: str, channel: int, row: int, col: int
) -> Trace:
    """Gather what one unit is made of from the maps that the network computed."""
    below = _input_layer(vgg.table, layer)
    kind = _kind(vgg.table, layer)
    size, stride, pad, _ = GEOMETRY["conv" if kind == "relu" else kind]
    top, left = row * stride - pad, col * stride - pad
    # (1, H, W, C_in) -> (kh, kw, C_in)
    window = crop_or_pad(maps[below], (top, left), (top + size, left + size))[0]
    window = window.astype(np.float64)
    kernel, bias = _weights(vgg, layer, kind, channel, window)
    return Trace(
        layer=layer, channel=channel, row=row, col=col, kind=kind,
        activation=float(maps[layer][0, row, col, channel]), bias=bias,
        contributions=kernel * window, window=window, kernel=kernel,
        inside=_inside(top, size, maps[below].shape[1])[:, None]
        & _inside(left, size, maps[below].shape[2]),
        input_layer=below, top=top, left=left,
        box=receptive_box(layer, row, col, maps[PIXELS].shape[1:3], vgg.table),
    )  # fmt: skip


def _weights(
    vgg: VGG, layer: str, kind: str, channel: int, window: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Return the kernel (kh, kw, C_in) and the bias of one channel."""
    if kind != "pool":
        w, b = vgg.params[layer.replace("relu", "conv")]
        return w[..., channel].astype(np.float64), float(b[channel])
    kernel = np.zeros(window.shape)
    own = window[..., channel]
    if vgg.pool == "avg":
        kernel[..., channel] = 1 / own.size
    else:
        # argmax takes the first of equal values, as the layer does
        i, j = np.unravel_index(own.argmax(), own.shape)
        kernel[i, j, channel] = 1.0
    return kernel, 0.0


def _inside(start: int, size: int, end: int) -> NDArray[np.bool_]:
    places = np.arange(start, start + size)
    return (places >= 0) & (places < end)


def _largest_below(unit: Trace) -> tuple[int, int, int]:
    """Find the input (channel, row, col) that weighs most and is not padding."""
    # a pool looks at its own channel only, also where everything there is 0
    looked_at = unit.kernel.any(axis=(0, 1)) | (unit.kind != "pool")
    counts = unit.inside[..., None] & looked_at
    weight = np.where(counts, np.abs(unit.contributions), -1.0)
    i, j, k = np.unravel_index(weight.argmax(), weight.shape)
    return int(k), unit.top + int(i), unit.left + int(j)


def _largest(parts: NDArray[np.float64], n: int) -> Iterator[tuple[tuple[int, ...], float, float]]:
    """Yield index, value and share of the n entries with the largest |value|."""
    weight = np.abs(parts)
    whole = weight.sum()
    order = np.argsort(-weight, axis=None, kind="stable")[:n]
    for flat in order:
        index = np.unravel_index(flat, parts.shape)
        share = weight[index] / whole if whole > 0 else 0.0
        yield tuple(int(i) for i in index), float(parts[index]), float(share)


def _input_layer(table: Sequence[Layer], layer: str) -> str:
    """Name the layer that a unit's window looks at: of a ReLU that of its convolution."""
    names = [row.name for row in table]
    at = names.index(layer.replace("relu", "conv"))
    return names[at - 1] if at > 0 else PIXELS


def _kind(table: Sequence[Layer], layer: str) -> str:
    return next(row.kind for row in table if row.name == layer)


def _check_unit(
    vgg: VGG, x: Array, layer: str, channel: int, row: int, col: int
) -> tuple[int, int, int]:
    """Refuse a unit that is not there; return channel, row and col as plain ints."""
    if layer not in vgg.layer_names:
        raise UnknownNameError.of("layer", layer, vgg.layer_names)
    if x.ndim != 4 or x.shape[0] != 1:
        raise ShapeError(f"trace: x must be one picture (1, H, W, 3), not {x.shape}")
    _, height, width, channels = vgg.feature_shapes(x.shape)[layer]
    try:
        unit = tuple(operator.index(v) for v in (channel, row, col))
    except TypeError:
        raise SettingError(
            f"trace: channel, row and col must be whole numbers, not {channel!r}, {row!r}, {col!r}"
        ) from None
    if not 0 <= unit[0] < channels:
        raise SettingError(
            f"trace: {layer} has the channels 0 to {channels - 1}: there is no channel {channel}"
        )
    if not (0 <= unit[1] < height and 0 <= unit[2] < width):
        raise SettingError(
            f"trace: the map of {layer} has {height} rows and {width} columns for a picture of "
            f"{x.shape[1]}×{x.shape[2]} pixels: there is no position {row},{col} (counted from 0)"
        )
    return unit[0], unit[1], unit[2]
