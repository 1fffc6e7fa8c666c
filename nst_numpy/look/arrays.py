"""The windows of arrays that excite a unit most: heartbeats, volumes, movies.

`units` looks through pictures on disk; this looks through the items of one array, along
any number of axes. Ranking and receptive fields are the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.common.progress import bar
from nst_numpy.common.shown import Shown
from nst_numpy.errors import NonFiniteError, ShapeError
from nst_numpy.look.ranking import (
    K,
    Ranking,
    check_channels,
    check_whole,
    find_channel,
    rank,
    ranked,
)
from nst_numpy.network import Network
from nst_numpy.receptive_field import Slides, network_slides, seen_box

BATCH = 32  # items at a time


class SeenWindow(NamedTuple):
    """A window of an item: how strongly it excites the unit, and where it is.

    `position` is that on the layer's map; `box` what the unit sees, one slice an axis:
    `x[item][box]` cuts it out.
    """

    value: float
    item: int
    position: tuple[int, ...]
    box: tuple[slice, ...]


@dataclass(frozen=True, eq=False, repr=False)
class TopWindows(Shown):
    """The result of `top_windows`.

    Attributes
    ----------
    rankings : dict of str to Ranking
        For each layer.
    slides : dict of str to tuple of Slides
        How the windows slide in the layers up to each one, one an axis.
    sizes : tuple of int
        Of an item, one an axis.
    """

    rankings: dict[str, Ranking]
    slides: dict[str, tuple[Slides, ...]]
    sizes: tuple[int, ...]

    def _in_words(self) -> str:
        return f"the best windows for {ranked(self.rankings)}"

    def best(self, layer: str, channel: int) -> list[SeenWindow]:
        """List the windows that excite a channel most, largest first.

        Of equal values the first counts: in the order of the items, then of the positions.

        Raises
        ------
        SettingError
            If the scan did not ask for that layer or channel.
        """
        ranking, at = find_channel(self.rankings, layer, channel)
        columns = (ranking.value[at], ranking.item[at], ranking.position[at])
        return [
            SeenWindow(value, item, tuple(position), self._box(layer, position))
            for value, item, position in zip(*(c.tolist() for c in columns), strict=True)
        ]

    def _box(self, layer: str, position: list[int]) -> tuple[slice, ...]:
        return seen_box(self.slides[layer], position, self.sizes)


def top_windows(
    network: Network,
    x: Array,
    layers: Mapping[str, Iterable[int] | None],
    k: int = K,
    *,
    one_per_item: bool = True,
    progress: bool = False,
) -> TopWindows:
    """Find the windows of an array's items that excite each channel most.

    Parameters
    ----------
    network : Network
        VGG, Sequential or another.
    x : ndarray, (N, L, C), (N, H, W, C) or (N, D, H, W, C)
        N items, of the network's dtype.
    layers : mapping of str to channels
        The channels to rank, for each layer; None is all of them.
    k : int
        How many windows to keep for each channel.
    one_per_item : bool
        Whether an item gives its best window only.
    progress : bool
        Show a bar with the time left.

    Returns
    -------
    TopWindows
        A layer above a global pool has one position, and sees the whole item.

    Raises
    ------
    UnknownNameError, SettingError, ShapeError
        For a layer, channel, k or x that cannot be.
    NonFiniteError
        If an activation is not finite.

    Notes
    -----
    Lecture, "What are deep convnets learning?"; Zeiler and Fergus (2014), figure 2.

    Examples
    --------
    A filter that looks for a step up; the unit at 2 sees the samples 2 and 3.

    >>> from nst_numpy.training.sequential import Conv, Sequential
    >>> step = (np.array([-1.0, 1.0]).reshape(2, 1, 1), np.zeros(1))
    >>> net = Sequential([Conv(1, 2)], input_shape=(6, 1), dtype=float, params={"conv1": step})
    >>> x = np.array([[0.0, 0, 0, 5, 5, 0], [0.0, 1, 1, 1, 1, 1]])[..., None]
    >>> top_windows(net, x, {"conv1": None}).best("conv1", 0)[0]
    SeenWindow(value=5.0, item=0, position=(2,), box=(slice(2, 4, None),))
    """
    if x.ndim < 2 or 0 in x.shape:
        raise ShapeError(
            "top_windows: x must be (N, L, C), (N, H, W, C) or (N, D, H, W, C), with no empty "
            f"axis, not {x.shape}"
        )
    check_whole("top_windows", k=k)
    channels = check_channels("top_windows", network, layers, x.shape)
    sizes = x.shape[1:-1]
    slides = {name: network_slides(network, name, sizes) for name in channels}
    rankings = {n: Ranking.empty(own, len(sizes), x.dtype) for n, own in channels.items()}
    with bar("item", total=len(x), shown=progress) as items:
        for start in range(0, len(x), BATCH):
            features = network.forward(x[start : start + BATCH], channels)
            for name, a in features.items():
                _check_finite(name, a, start)
                # above a global pool: (N, C) -> (N, 1, …, 1, C)
                maps = a if a.ndim == x.ndim else np.expand_dims(a, tuple(range(1, x.ndim - 1)))
                for number, own in enumerate(maps, start):
                    found = rank(own, channels[name], 1 if one_per_item else k)
                    rankings[name] = rankings[name].merge(found, np.array([number]), k)
            items.update(min(BATCH, len(x) - start))
    return TopWindows(rankings, slides, sizes)


def _check_finite(name: str, a: Array, start: int) -> None:
    finite = np.isfinite(a).reshape(len(a), -1).all(axis=1)
    if not finite.all():
        raise NonFiniteError(
            f"top_windows: {name} of item {start + int(np.argmin(finite))} has a value that is "
            "not finite: are there NaN or infinite values in x?"
        )
