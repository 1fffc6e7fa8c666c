"""What a traced number is made of: every term of its sum, and the largest of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array64
from nst_numpy.common.checks import check_count
from nst_numpy.common.shown import Shown
from nst_numpy.common.text import rounded
from nst_numpy.look.sums import Position
from nst_numpy.receptive_field import Box


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
    position : tuple of int or None
        In the map of the input, outside of it in the padding; None where the part is a whole
        channel. Of a picture also as `row` and `col`.
    """

    contribution: float
    share: float
    channel: int | None = None
    position: Position | None = None

    @property
    def row(self) -> int | None:
        """Row in the map of the input, of a picture."""
        return self.position[0] if self.position else None

    @property
    def col(self) -> int | None:
        """Column in the map of the input, of a picture."""
        return self.position[1] if self.position else None


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


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Shown):
    """An activation and the sum that it is: `bias + contributions.sum()`.

    A pool is such a sum too, without a bias: its kernel is 0 for every channel but its own,
    where an average pool has 1/4 at all four positions, and a max pool 1 at the winner.

    Attributes
    ----------
    layer : str
    channel : int
    position : tuple of int
        The unit: one number an axis, none above a global pool. Of a picture also as `row` and
        `col`.
    kind : str
        Of the layer: "conv", "relu", "pool", "dense", "global" or "flatten".
    activation : float
        The number that the network itself computes for the unit.
    bias : float
    contributions : ndarray of float64, (*kernel, C_in)
        weight × input, at each position of the window and for each channel of the input.
    window : ndarray of float64, (*kernel, C_in)
        The inputs; 0 where the window is in the padding.
    kernel : ndarray of float64, (*kernel, C_in)
        The weights.
    inside : ndarray of bool, (*kernel)
        False where the window is in the padding.
    input_layer : str
        The layer that the window looks at; "pixels" is the picture: blue, green and red
        minus their ImageNet means; "input" any other input.
    start, step : tuple of int
        Where the window begins in the map of the input, and its dilation; a negative position
        is padding. Of a picture the start also as `top` and `left`.
    box : Box, or tuple of slice
        Receptive field: what the unit sees of the input, half-open and clipped; of a picture
        `top`, `left`, `bottom`, `right`.
    """

    layer: str
    channel: int
    position: Position
    kind: str
    activation: float
    bias: float
    contributions: Array64
    window: Array64
    kernel: Array64
    inside: NDArray[np.bool_]
    input_layer: str
    start: Position
    step: Position
    box: Any

    @property
    def row(self) -> int:
        """Row of the unit, of a picture."""
        return self.position[0]

    @property
    def col(self) -> int:
        """Column of the unit, of a picture."""
        return self.position[1]

    @property
    def top(self) -> int:
        """Row where the window begins, of a picture."""
        return self.start[0]

    @property
    def left(self) -> int:
        """Column where the window begins, of a picture."""
        return self.start[1]

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

        >>> from nst_numpy import VGG
        >>> from nst_numpy.look import trace
        >>> rng = np.random.default_rng(0)
        >>> trace(VGG.random((4,), rng), np.zeros((1, 8, 8, 3)), "relu1_1", 3, 5, 7).name
        'relu1_1:3@5,7'
        """
        place = ",".join(map(str, self.position))
        return f"{self.layer}:{self.channel}" + (f"@{place}" if place else "")

    def _in_words(self) -> str:
        made = f"bias and {self.contributions.size:,} products" if self.kind != "pool" else "a pool"
        return f"{self.name} = {rounded(self.activation)}, {made} of {self.input_layer}"

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
        >>> from nst_numpy import VGG
        >>> from nst_numpy.look import trace
        >>> rng = np.random.default_rng(0)
        >>> unit = trace(VGG.random((4,), rng), np.ones((1, 8, 8, 3)), "conv1_1", 0, 0, 0)
        >>> [part.channel for part in unit.largest_inputs(2).channels]
        [2, 0]
        >>> round(sum(part.share for part in unit.largest_inputs(9).positions), 6)
        1.0
        """
        check_count("largest_inputs", "n", n)
        c = self.contributions
        *axes, _ = range(c.ndim)
        terms = [
            Part(value, share, channel=k, position=self._place(index))
            for (*index, k), value, share in _largest(c, n)
        ]
        positions = [
            Part(value, share, position=self._place(index))
            for index, value, share in _largest(c.sum(axis=-1), n)
        ]
        channels = [
            Part(value, share, channel=k)
            for (k,), value, share in _largest(c.sum(axis=tuple(axes)), n)
        ]
        return LargestInputs(channels, positions, terms)

    def _place(self, index: Sequence[int]) -> Position:
        """Position of a tap of the window in the map of the input."""
        axes = zip(self.start, self.step, index, strict=True)
        return tuple(start + step * i for start, step, i in axes)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain lists and numbers, for JSON."""
        scalars = ("layer", "channel", "kind", "activation", "sum", "bias")
        record: dict[str, Any] = {name: getattr(self, name) for name in scalars}
        if isinstance(self.box, Box):
            record |= {"row": self.row, "col": self.col, "box": self.box._asdict()}
            record["input"] = {"layer": self.input_layer, "top": self.top, "left": self.left}
        else:
            record |= {"position": list(self.position)}
            record["box"] = [[cut.start, cut.stop] for cut in self.box]
            record["input"] = {"layer": self.input_layer, "start": list(self.start)}
        for name in ("contributions", "window", "kernel", "inside"):
            record[name] = getattr(self, name).tolist()
        return record


def _largest(parts: Array64, n: int) -> Iterator[tuple[tuple[int, ...], float, float]]:
    """Yield index, value and share of the n entries with the largest |value|."""
    weight = np.abs(parts)
    whole = weight.sum()
    order = np.argsort(-weight, axis=None, kind="stable")[:n]
    for flat in order:
        index = np.unravel_index(flat, parts.shape)
        share = weight[index] / whole if whole > 0 else 0.0
        yield tuple(int(i) for i in index), float(parts[index]), float(share)
