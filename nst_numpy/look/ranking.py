"""The largest activations of each channel: finding, keeping and merging them.

Nothing here knows what an item is: a picture, a heartbeat, a movie. An item gives one
activation (*sizes, C) for each layer. What is kept of it is a ranking, and rankings merge.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from nst_numpy.common.arrays import Array, Integers
from nst_numpy.common.checks import check_count, is_whole
from nst_numpy.common.text import counted
from nst_numpy.errors import SettingError
from nst_numpy.network import Network

K = 9  # the lecture's nine patches


@dataclass(frozen=True, eq=False)
class Ranking:
    """The largest activations of some channels, largest first.

    Attributes
    ----------
    channels : tuple of int
    value : ndarray, (len(channels), n)
    item : ndarray of int, (len(channels), n)
        Number of the item, in the order of the scan.
    position : ndarray of int, (len(channels), n, axes)
        Position on the layer's map.
    """

    channels: tuple[int, ...]
    value: Array
    item: Integers
    position: Integers

    @classmethod
    def empty(cls, channels: tuple[int, ...], axes: int, dtype: DTypeLike) -> "Ranking":
        """Rank no item yet."""
        shape = (len(channels), 0)
        none = np.empty(shape, dtype=np.intp)
        return cls(channels, np.empty(shape, dtype), none, np.empty((*shape, axes), np.intp))

    def merge(self, other: "Ranking", number: Integers, k: int) -> "Ranking":
        """Rank both together and keep k; of equal values those of `self` come first.

        `number` gives each item of `other` its number in the union, or −1 if it is ranked in
        `self` already.
        """
        item = np.concatenate([self.item, number[other.item]], axis=1)
        value = np.concatenate([self.value, other.value], axis=1)
        position = np.concatenate([self.position, other.position], axis=1)
        value[item < 0] = -np.inf
        order = np.argsort(-value, axis=1, kind="stable")[:, :k]
        # every channel loses as many: with n items each has the n best of n
        keep = int((item >= 0).sum(axis=1).min(initial=k))
        order = order[:, :keep]
        return Ranking(
            self.channels,
            np.take_along_axis(value, order, axis=1),
            np.take_along_axis(item, order, axis=1),
            np.take_along_axis(position, order[..., None], axis=1),
        )


def rank(a: Array, channels: Sequence[int], k: int) -> Ranking:
    """Find the k largest values of each channel in the activation of one item.

    A search through all positions reads the whole activation once: for each line along the
    last axis, the largest value in it. Then only the line of a channel's largest value is
    looked at again.

    Parameters
    ----------
    a : ndarray, (*sizes, C)
    channels : sequence of int
    k : int

    Returns
    -------
    Ranking
        Largest first; of equal values the first counts, in C order. The item's number is 0.

    Examples
    --------
    >>> a = np.array([[1.0], [5.0], [3.0]])
    >>> rank(a, [0], 2).position.tolist()
    [[[1], [2]]]
    """
    *outer, length, count = a.shape
    # (*outer, length, C) -> (lines, length, C)
    lines = a.reshape(-1, length, count)
    line_max = lines.max(axis=1)[:, channels]
    places, own = np.array(channels), np.arange(len(channels))
    k = min(k, lines.shape[0] * length)
    if k > 1:
        lines, places = lines[..., channels], own  # a copy, since what was found is struck out
    value = np.empty((len(own), k), dtype=a.dtype)
    at, col = np.empty_like(value, dtype=np.intp), np.empty_like(value, dtype=np.intp)
    for i in range(k):
        # argmax takes the first of equal values: the first line, and the first in that line
        at[:, i] = line_max.argmax(axis=0)
        line = lines[at[:, i], :, places]  # (channels, length)
        col[:, i] = line.argmax(axis=1)
        value[:, i] = line[own, col[:, i]]
        if i + 1 < k:
            lines[at[:, i], col[:, i], places] = line[own, col[:, i]] = -np.inf
            line_max[at[:, i], own] = line.max(axis=1)
    position = np.stack([*(np.unravel_index(at, outer) if outer else ()), col], axis=-1)
    return Ranking(tuple(channels), value, np.zeros_like(col), position)


def ranked(rankings: Mapping[str, Ranking]) -> str:
    """Write which layers and how many of their channels are ranked.

    >>> ranked({"relu1_1": Ranking.empty((0, 5), 2, np.float32)})
    'relu1_1 (2 channels)'
    """
    return ", ".join(
        f"{name} ({counted(len(ranking.channels), 'channel')})"
        for name, ranking in rankings.items()
    )


def check_channels(
    who: str,
    network: Network,
    layers: Mapping[str, Iterable[int] | None],
    shape: tuple[int, ...],
) -> dict[str, tuple[int, ...]]:
    """Refuse layers and channels that are not there; write out what None, all, stands for.

    `shape` is that of an input that is large enough; the number of channels does not depend on it.
    """
    if not layers:
        raise SettingError(f"{who}: name at least one layer")
    checked = {}
    names = network.check_names(layers)
    shapes = network.feature_shapes(shape, names)
    for name in names:
        wanted, count = layers[name], shapes[name][-1]
        channels = tuple(range(count)) if wanted is None else tuple(dict.fromkeys(wanted))
        for channel in channels:
            if not (is_whole(channel, 0) and channel < count):
                raise SettingError(f"{who}: {name} has channels 0 to {count - 1}, not {channel}")
        if not channels:
            raise SettingError(f"{who}: name at least one channel of {name}")
        checked[name] = tuple(int(channel) for channel in channels)
    return checked


def check_whole(who: str, **numbers: Any) -> None:
    """Refuse what is not a whole number of at least 1."""
    for name, number in numbers.items():
        check_count(who, name, number)


def find_channel(rankings: Mapping[str, Ranking], layer: str, channel: int) -> tuple[Ranking, int]:
    """Return a layer's ranking and the place of a channel in it.

    Raises
    ------
    SettingError
        If the scan did not ask for that layer or channel.
    """
    if layer not in rankings:
        raise SettingError(f"{layer} was not scanned: choose from {', '.join(rankings)}")
    ranking = rankings[layer]
    if channel not in ranking.channels:
        raise SettingError(f"channel {channel} of {layer} was not scanned")
    return ranking, ranking.channels.index(channel)
