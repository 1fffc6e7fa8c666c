"""A network near one place: what changes a number there, and what the number changes.

With the picture held still, a network is linear near it: each ReLU passes or does not, each max
pool has its winner. So every derivative in it is a sum of products, and can be written out. A
number of one layer touches few numbers of the others: those in its cone. Here these alone are
computed, in float64, by the layers' own functions.

Both ways are here. `Cone.sensitivity` goes up from a number of the input: ∂a^[l]/∂x for each layer.
`Cone.gradient` comes down to a place: ∂J/∂a^[l]. They meet: at each layer l that J looks at,

    ∂J/∂x = Σ_l Σ_u ∂J/∂a_u^[l] · ∂a_u^[l]/∂x

where the first factor is that of the losses at l alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nst_numpy.common.arrays import Array, Array64, Shape
from nst_numpy.errors import SettingError
from nst_numpy.kernels.windows import Window, crop_or_pad, make_window, offset_slices
from nst_numpy.layers import conv_forward, max_pool_forward
from nst_numpy.layers.convolution import conv_input_gradient
from nst_numpy.look.sums import Position
from nst_numpy.network import Network
from nst_numpy.rows import Conv, MaxPool, Pool, ReLU, Row

Seed = Callable[[str, "Cut"], Array64 | None]


@dataclass(frozen=True)
class Cut:
    """A part of a map, half-open: from `start` up to `stop`, one number an axis.

    >>> Cut((2, 3), (4, 4)).sizes, Cut.at((5, 6))
    ((2, 1), Cut(start=(5, 6), stop=(6, 7)))
    """

    start: Position
    stop: Position

    @classmethod
    def at(cls, position: Position) -> "Cut":
        """Return the part that is one position."""
        return cls(tuple(position), tuple(i + 1 for i in position))

    @property
    def sizes(self) -> Shape:
        """How many positions along each axis; none where it is empty."""
        return tuple(max(0, hi - lo) for lo, hi in zip(self.start, self.stop, strict=True))

    @property
    def empty(self) -> bool:
        """Whether there is no position in it."""
        return 0 in self.sizes

    def of(self, a: Array) -> Array:
        """Cut it out of a map (1, *sizes, C): what lies outside of the map is 0."""
        return crop_or_pad(a, self.start, self.stop)


@dataclass(frozen=True, eq=False)
class Patch:
    """The numbers of a part of a map, (1, *sizes, C); elsewhere they are 0."""

    cut: Cut
    values: Any  # float64

    def on(self, cut: Cut) -> Array64:
        """Return the numbers of another part: (1, *cut.sizes, C)."""
        starts = [a - b for a, b in zip(cut.start, self.cut.start, strict=True)]
        stops = [a - b for a, b in zip(cut.stop, self.cut.start, strict=True)]
        found: Array64 = crop_or_pad(self.values, starts, stops).astype(np.float64, copy=False)
        return found


class Cone:
    """A network, linear near one input.

    Parameters
    ----------
    network : Network
        Of convolutions, ReLUs and pools without padding; others are refused when they are met.
    x : ndarray, (1, *sizes, C)
    features : mapping of str to ndarray
        The activation of each ReLU, and of what is below each max pool.
    last : str
        The deepest layer that J looks at, or that is asked about.

    Examples
    --------
    Both ways give one number. J is the sum of conv2_1's channel 3:

    >>> from nst_numpy import VGG
    >>> rng = np.random.default_rng(0)
    >>> vgg, x = VGG.random((4, 5), rng), rng.standard_normal((1, 8, 8, 3))
    >>> cone = Cone(vgg, x, vgg.forward(x, ["relu1_1", "relu2_1"]), "conv2_1")
    >>> up = cone.sensitivity((4, 4), 1)["conv2_1"]
    >>> def seed(layer, cut):
    ...     one = np.zeros((1, *cut.sizes, 5))
    ...     one[..., 3] = 1
    ...     return one if layer == "conv2_1" else None
    >>> down = cone.gradient(seed, None, Cut.at((4, 4)))
    >>> bool(np.isclose(up.values[..., 3].sum(), down.values[0, 0, 0, 1], rtol=1e-12))
    True
    """

    def __init__(
        self, network: Network, x: Array, features: Mapping[str, Array], last: str
    ) -> None:
        self.network, self.x, self.features = network, x, features
        self.names = network.layer_names[: network.layer_names.index(last) + 1]
        self.shapes = network.feature_shapes(x.shape, self.names)

    def below(self, name: str) -> Shape:
        """Return the shape of what a layer reads."""
        lower = self.network.below(name)
        return self.x.shape if lower is None else self.shapes[lower]

    def seeing(self, name: str, cut: Cut) -> Cut:
        """Find the outputs of a layer that see some of its inputs."""
        window = self._window(name)
        if window is None:
            return cut
        ends = [
            (
                max(0, -(-(lo + before - span + 1) // stride)),
                min(n, (hi - 1 + before) // stride + 1),
            )
            for lo, hi, (before, _), span, stride, n in zip(
                cut.start, cut.stop, window.pad, window.span, window.stride, window.out_sizes,
                strict=True,
            )
        ]  # fmt: skip
        return Cut(tuple(lo for lo, _ in ends), tuple(hi for _, hi in ends))

    def seen(self, name: str, cut: Cut) -> Cut:
        """Find the inputs of a layer that some of its outputs see; off the map is padding."""
        window = self._window(name)
        if window is None:
            return cut
        axes = list(zip(cut.start, cut.stop, window.pad, window.stride, window.span, strict=True))
        return Cut(
            tuple(lo * stride - pad[0] for lo, _, pad, stride, _ in axes),
            tuple((hi - 1) * stride - pad[0] + span for _, hi, pad, stride, span in axes),
        )

    def push(self, name: str, change: Patch) -> Patch:
        """Carry a change of a layer's input up: how much its output changes, equation (1)."""
        row, cut = self.network.layers[name], self.seeing(name, change.cut)
        if cut.empty:
            return Patch(cut, np.zeros((1, *cut.sizes, self.shapes[name][-1])))
        if isinstance(row, ReLU):
            return Patch(cut, change.on(cut) * self._passes(name, cut))
        inputs = self.seen(name, cut)
        given = change.on(inputs)
        if isinstance(row, Conv):
            w = self._w(name)
            out, _ = conv_forward(
                given, w, np.zeros(w.shape[-1]), stride=row.stride, dilation=row.dilation,
                method="im2col",
            )  # fmt: skip
            return Patch(cut, out)
        if not isinstance(row, MaxPool):
            return Patch(cut, type(row).up(given, size=row.size, stride=row.stride)[0])  # type: ignore[attr-defined]
        _, cache = max_pool_forward(self._known(name, inputs), size=row.size, stride=row.stride)
        won: Array64 = np.zeros((1, *cut.sizes, given.shape[-1]))
        for number, offset in enumerate(np.ndindex(*cache.window.kernel)):
            won += given[offset_slices(cache.window, offset)] * (cache.winner == number)
        return Patch(cut, won)

    def pull(self, name: str, grad_out: Patch, cut: Cut) -> Array64:
        """Carry a gradient for a layer's output down to some of its inputs, equation (20)."""
        row = self.network.layers[name]
        if isinstance(row, ReLU):
            return np.asarray(grad_out.on(cut) * self._passes(name, cut))
        inputs = self.seen(name, grad_out.cut)
        if isinstance(row, Conv):
            w = self._w(name)
            window = make_window(name, inputs.sizes, w.shape[:-2], row.stride, 0, row.dilation)
            grad_x = conv_input_gradient(grad_out.values, w, window, "im2col")
        else:
            self._window(name)
            known = self._known(name, inputs)
            _, cache = type(row).up(known, size=row.size, stride=row.stride)  # type: ignore[attr-defined]
            grad_x = type(row).down(grad_out.values, cache)
        return Patch(inputs, grad_x).on(cut)

    def sensitivity(self, position: Position, channel: int) -> dict[str, Patch]:
        """Return ∂a/∂x for one number of x, at each layer.

        Parameters
        ----------
        position : tuple of int
        channel : int
            Of x.

        Returns
        -------
        dict of str to Patch
            0 outside of the patches: there no unit sees that number.
        """
        one = np.zeros((1, *(1 for _ in position), self.x.shape[-1]))
        one[..., channel] = 1.0
        change, found = Patch(Cut.at(position), one), {}
        for name in self.names:
            change = found[name] = self.push(name, change)
        return found

    def gradient(self, seed: Seed, layer: str | None, cut: Cut, last: str | None = None) -> Patch:
        """Return ∂J/∂a of some positions of a layer; without one of the input.

        Parameters
        ----------
        seed : callable
            (layer, cut) -> what the losses at that layer alone add to ∂J/∂a there, (1, *sizes, C);
            None where there are none.
        layer : str or None
        cut : Cut
        last : str, optional
            The deepest layer that has a seed, if it is not the cone's.
        """
        names = self.names
        end = len(names) if last is None else names.index(last) + 1
        above = names[0 if layer is None else names.index(layer) + 1 : end]
        cuts = [cut]
        for name in above:
            cuts.append(self.seeing(name, cuts[-1]))
            if cuts[-1].empty:
                break
        places = list(zip([layer, *above], cuts, strict=False))
        grad: Patch | None = None
        for number, (at, place) in reversed(list(enumerate(places))):
            shape = self.x.shape if at is None else self.shapes[at]
            values = np.zeros((1, *place.sizes, shape[-1]))
            if grad is not None and not grad.cut.empty:
                values = self.pull(above[number], grad, place)
            own = None if at is None or place.empty else seed(at, place)
            grad = Patch(place, values if own is None else values + own)
        assert grad is not None
        return grad

    def _window(self, name: str) -> Window | None:
        row = self.network.layers[name]
        if isinstance(row, ReLU):
            return None
        if not isinstance(row, (Conv, Pool)):
            raise SettingError(f"Cone: {name} is of the kind {row.kind!r}: only conv, relu, pool")
        window = row.window(name, self.below(name))
        if isinstance(row, Pool) and any(map(any, window.pad)):
            raise SettingError(f"Cone: {name} is a pool with padding: use one without")
        return window

    def _w(self, name: str) -> Array64:
        w: Array64 = self.network.params[name][0].astype(np.float64)
        return w

    def _passes(self, name: str, cut: Cut) -> Any:
        return cut.of(self.features[name]) > 0

    def _known(self, name: str, cut: Cut) -> Array64:
        """Return what a pool reads; an average pool does not ask what it is."""
        lower = self.network.below(name)
        if not _asks(self.network.layers[name]):
            return np.zeros((1, *cut.sizes, self.below(name)[-1]))
        read: Array64 = cut.of(self.x if lower is None else self.features[lower]).astype(np.float64)
        return read


def _asks(row: Row) -> bool:
    return isinstance(row, MaxPool)
