"""Networks that are asked which way things drift, each shown more or less of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.signals.examples import TINY, Examples
from nst_numpy.training.sequential import Conv, Dense, Flatten, MaxPool, ReLU, Row

Prepare = Callable[[Array, np.random.Generator], Array]


@dataclass(frozen=True)
class Rival:
    """A network that is asked for the drift, and what it is shown; rows None: brightness."""

    name: str
    rows: Sequence[Row] | None
    prepare: Prepare | None = None

    def shown(
        self, train: Examples, test: Examples, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """Return what it is shown of the training and of the test region."""
        if self.prepare is not None:
            return self.prepare(train.x, rng), self.prepare(test.x, rng)
        mean, std = train.brightness.mean(axis=0), train.brightness.std(axis=0) + TINY
        return (train.brightness - mean) / std, (test.brightness - mean) / std


def make_rivals(rows_3d: Sequence[Row], rows_2d: Sequence[Row]) -> list[Rival]:
    """Return the rivals: the same two kinds of network, shown more or less."""
    return [
        Rival("3-D filters", rows_3d, volume_of),
        Rival("2-D, slices in order", rows_2d, slices_as_channels),
        Rival("3-D, slices shuffled", rows_3d, shuffled(volume_of)),
        Rival("2-D, slices shuffled", rows_2d, shuffled(slices_as_channels)),
        Rival("2-D, one slice", rows_2d, one_slice),
        Rival("brightness alone", None),
    ]


def two_layers(first: int, pool: Any, second: int) -> list[Row]:
    """Return the lecture's 16 and 32 filters, in as many dimensions as the input has."""
    return [
        Conv(16, first), ReLU(), MaxPool(pool), Conv(32, second), ReLU(), Flatten(), Dense(2),
    ]  # fmt: skip


def volume_of(x: Array, rng: np.random.Generator) -> Array:
    """(N, D, H, W) -> (N, D, H, W, 1): for filters of three dimensions."""
    return x[..., None]


def slices_as_channels(x: Array, rng: np.random.Generator) -> Array:
    """(N, D, H, W) -> (N, H, W, D): for filters of two dimensions, in the right order."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def one_slice(x: Array, rng: np.random.Generator) -> Array:
    """(N, D, H, W) -> (N, H, W, 1): the slice in the middle."""
    return np.ascontiguousarray(x[:, x.shape[1] // 2, :, :, None])


def shuffled(prepare: Prepare) -> Prepare:
    """Shuffle the slices of every block, each in an order of its own, then prepare it.

    One order for all blocks would hide nothing: a network learns it as it learns the right one.
    """

    def of(x: Array, rng: np.random.Generator) -> Array:
        order = rng.permuted(np.tile(np.arange(x.shape[1]), (len(x), 1)), axis=1)
        return prepare(np.take_along_axis(x, order[:, :, None, None], axis=1), rng)

    return of
