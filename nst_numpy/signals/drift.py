"""Which way things drift from slice to slice, and which networks can see it.

A block is a stack of slices: frames of a movie, levels of a CT volume. What is seen in it may
drift to the left or to the right from one slice to the next. The direction is in no slice
alone, only in their order.

Labels come for free. Turn the order of the slices round, and the drift turns round; mirror
every slice, and it turns round again. So each block gives four examples, two of each class,
and the two classes have the very same slices, up to a mirror. Whatever looks at the slices
without their order, whatever looks at brightness alone, is right in half of the cases.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from nst_numpy.arrays import Array
from nst_numpy.errors import SettingError, ShapeError, SignalError
from nst_numpy.network import Conv, Dense, Flatten, MaxPool, ReLU, Row, Sequential
from nst_numpy.training import Adam, accuracy, fit

Labels = NDArray[np.intp]

CLASSES = ("left", "right")
CHANCE = 0.5
VERSIONS = 4  # examples that a block gives
PERCENTILES = (0, 1, 10, 25, 50, 75, 90, 99, 100)  # what the baseline knows of brightness
BASELINE_EPOCHS, BASELINE_RATE = 100, 0.05  # it costs nothing: let it converge
SMALL = 0.1  # beside the first filters that He et al. (2015) would take
TINY = 1e-3  # beside a slice's standard deviation, so that an even slice stays 0

Prepare = Callable[[Array, np.random.Generator], Array]


@dataclass(frozen=True)
class Rule:
    """Which blocks are kept: those whose drift can be measured.

    Attributes
    ----------
    least, most : float
        Size of the drift, in voxels a slice.
    texture : float
        What the texture of `measure_drift` must reach, in squared units of brightness per
        voxel: below it there is nothing to follow.
    rest : float
        How much of the change from slice to slice the drift may leave unexplained, 0 … 1.
    """

    least: float
    most: float
    texture: float
    rest: float

    def __post_init__(self) -> None:
        if not 0 < self.least < self.most or not (self.texture > 0 and 0 < self.rest <= 1):
            raise SettingError(
                "Rule: drifts must be 0 < least < most, texture above 0, and rest above 0 and "
                f"at most 1, not {self}"
            )

    def keeps(self, drift: Array, texture: Array, rest: Array) -> NDArray[np.bool_]:
        """Say of each block, given what `measure_drift` returns, whether it is kept."""
        size = np.abs(drift).max(axis=1)
        kept: NDArray[np.bool_] = (
            (self.least <= size) & (size <= self.most)
            & (texture >= self.texture) & (rest <= self.rest)
        )  # fmt: skip
        return kept


@dataclass(frozen=True, eq=False)
class Examples:
    """Blocks with their classes.

    Attributes
    ----------
    x : ndarray, float32 (N, D, H, W)
        Every slice with mean 0 and standard deviation 1 of its own.
    y : ndarray of int, (N,)
        0 for left, 1 for right: `CLASSES`. A block's four versions follow one another.
    brightness : ndarray, float32 (N, P)
        `PERCENTILES` of the block, before the slices were evened out.
    blocks : int
        Blocks looked at; those that the rule kept are N / 4.
    """

    x: Array
    y: Labels
    brightness: Array
    blocks: int


def grid(
    low: Sequence[int], high: Sequence[int], size: Sequence[int], stride: Sequence[int]
) -> Labels:
    """Corners of all blocks that lie between two corners of a region, a stride apart.

    Returns
    -------
    ndarray of int, (N, axes)

    Examples
    --------
    >>> grid((0, 10), (4, 16), (4, 4), stride=(2, 2))
    array([[ 0, 10],
           [ 0, 12]])
    """
    axes = [
        np.arange(a, b - s + 1, step) for a, b, s, step in zip(low, high, size, stride, strict=True)
    ]
    return np.stack([each.ravel() for each in np.meshgrid(*axes, indexing="ij")], axis=1)


def cut(array: NDArray[Any], corners: Labels, size: Sequence[int]) -> Array:
    """Cut blocks of one size out of an array.

    Returns
    -------
    ndarray, float32 (N, *size)

    Raises
    ------
    ShapeError
        The array has not as many axes as a block, or is smaller than one.
    """
    if array.ndim != len(size) or any(n < s for n, s in zip(array.shape, size, strict=True)):
        raise ShapeError(
            f"cut: an array of shape {array.shape} has no block of {tuple(size)}: give one of "
            f"{len(size)} axes, each at least so long"
        )
    windows = np.lib.stride_tricks.sliding_window_view(array, tuple(size))
    blocks: Array = windows[tuple(corners.T)].astype(np.float32)
    return blocks


def measure_drift(blocks: Array) -> tuple[Array, Array, Array]:
    """Find how far a block's content moves from slice to slice, by least squares.

    What moves unchanged by d = (rows, columns) a slice obeys ∂I/∂slice + d · ∇I = 0 at every
    voxel, where ∇I is the gradient within the slice. The sum of the squares is least for
    d = −M⁻¹ m with M = Σ ∇I ∇Iᵀ and m = Σ ∂I/∂slice ∇I.

    Parameters
    ----------
    blocks : ndarray, (N, D, H, W)

    Returns
    -------
    drift : ndarray, (N, 2)
        d: rows and columns a slice.
    texture : ndarray, (N,)
        The smaller eigenvalue of M, as a mean over voxels: 0 where all edges point the same
        way, so that only a part of d can be seen.
    rest : ndarray, (N,)
        The part of Σ (∂I/∂slice)² that the drift does not explain, 0 … 1.

    Notes
    -----
    Lucas and Kanade (1981), one step without pyramids.

    Examples
    --------
    A pattern that moves by half a column to the right a slice:

    >>> t, i, j = np.mgrid[:6, :12, :12]
    >>> drift, _, _ = measure_drift((np.sin(0.5 * (j - t / 2)) + np.sin(0.7 * i))[None])
    >>> drift.round(1) + 0.0
    array([[0. , 0.5]])
    """
    if blocks.ndim != 4 or min(blocks.shape[1:]) < 2:
        raise ShapeError(
            "measure_drift: blocks must be (N, D, H, W) with D, H and W of at least 2, "
            f"not {blocks.shape}"
        )
    n, steps = len(blocks), np.diff(blocks, axis=1)
    between = (blocks[:, 1:] + blocks[:, :-1]) / 2
    change = steps.reshape(n, -1, 1).astype(np.float64)
    # (N, D-1, H, W) -> (N, M, 2)
    g = np.stack([np.gradient(between, axis=axis).reshape(n, -1) for axis in (2, 3)], axis=2)
    g = g.astype(np.float64)
    # (N, 2, M) @ (N, M, 2) -> (N, 2, 2)
    tensor = g.swapaxes(1, 2) @ g / g.shape[1]
    texture = np.linalg.eigvalsh(tensor)[:, 0]
    # (N, 2, M) @ (N, M, 1) -> (N, 2, 1); what has no texture gets no drift instead of an error
    drift = -np.linalg.solve(tensor + TINY * np.eye(2), g.swapaxes(1, 2) @ change / g.shape[1])
    # (N, M, 2) @ (N, 2, 1) -> (N, M, 1)
    left = np.square(change + g @ drift).sum(axis=(1, 2))
    total = np.square(change).sum(axis=(1, 2))
    return drift[:, :, 0], texture, left / np.where(total > 0, total, 1)


def make_examples(blocks: Array, rule: Rule) -> Examples:
    """Label blocks by their drift and turn each into four, two of each class.

    A block that drifts more along its rows than along its columns is mirrored at the diagonal
    of its slices first, so that every drift is to the left or to the right.

    Parameters
    ----------
    blocks : ndarray, (N, D, H, W), H equal to W
    rule : Rule

    Raises
    ------
    ShapeError
        Blocks are of another shape.
    SignalError
        The rule keeps none.
    """
    if blocks.ndim != 4 or blocks.shape[2] != blocks.shape[3]:
        raise ShapeError(
            f"make_examples: blocks must be (N, D, H, W) with H equal to W, not {blocks.shape}"
        )
    drift, texture, rest = measure_drift(blocks)
    kept = rule.keeps(drift, texture, rest)
    if not kept.any():
        raise SignalError(
            f"make_examples: none of {len(blocks)} blocks drifts as the rule wants ({rule}): "
            "take a larger region, or a rule that asks for less"
        )
    chosen, drift = blocks[kept], drift[kept]
    down = np.abs(drift[:, 0]) > np.abs(drift[:, 1])
    chosen = np.where(down[:, None, None, None], chosen.swapaxes(2, 3), chosen)
    y = (np.where(down, drift[:, 0], drift[:, 1]) > 0).astype(np.intp)
    x, labels = four_versions(chosen, y)
    return Examples(even_out(x), labels, describe_brightness(x), len(blocks))


def describe_brightness(blocks: Array) -> Array:
    """`PERCENTILES` of every block: (N, D, H, W) -> float32 (N, P)."""
    values = np.percentile(blocks.reshape(len(blocks), -1), PERCENTILES, axis=1)
    return values.T.astype(np.float32)


def four_versions(blocks: Array, y: Labels) -> tuple[Array, Labels]:
    """Return each block as it is, backwards, mirrored, and both, with their classes.

    >>> x, y = four_versions(np.arange(4.0).reshape(1, 2, 1, 2), np.array([1]))
    >>> x.reshape(4, 4), y
    (array([[0., 1., 2., 3.],
           [2., 3., 0., 1.],
           [1., 0., 3., 2.],
           [3., 2., 1., 0.]]), array([1, 0, 0, 1]))
    """
    backwards = blocks[:, ::-1]
    each = np.stack([blocks, backwards, blocks[..., ::-1], backwards[..., ::-1]], axis=1)
    labels = np.stack([y, 1 - y, 1 - y, y], axis=1)
    # (N, 4, D, H, W) -> (4N, D, H, W)
    return each.reshape(-1, *blocks.shape[1:]), labels.ravel()


def even_out(x: Array) -> Array:
    """Give every slice mean 0 and standard deviation 1 of its own.

    Each slice on its own: a mean over the whole block would tell a slice about the others, and
    a network could guess the direction from one slice. From the first frame of a movie's block
    it did, in two cases of three.
    """
    mean, std = x.mean(axis=(2, 3), keepdims=True), x.std(axis=(2, 3), keepdims=True)
    even: Array = ((x - mean) / (std + TINY)).astype(np.float32)
    return even


# ---- who can see it


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


@dataclass(frozen=True)
class Rival:
    """A network that is asked for the drift, and what it is shown; rows None: brightness."""

    name: str
    rows: Sequence[Row] | None
    prepare: Prepare | None = None


@dataclass(frozen=True)
class Trial:
    """One training run. `accuracy` is on the test region, `learnt` on the training region."""

    rival: str
    fold: int
    seed: int
    accuracy: float
    learnt: float
    parameters: int
    seconds: float


@dataclass(eq=False)
class Comparison:
    """All trials, and of each rival the network of the first fold and seed.

    `classes` are the names of 0 and 1.
    """

    classes: tuple[str, str] = CLASSES
    trials: list[Trial] = field(default_factory=list)
    networks: dict[str, Sequential] = field(default_factory=dict)
    interrupted: bool = False

    def accuracies(self, rival: str) -> list[float]:
        """Of one rival, over folds and seeds."""
        return [trial.accuracy for trial in self.trials if trial.rival == rival]

    def rivals(self) -> list[str]:
        """Names, in order."""
        return list(dict.fromkeys(trial.rival for trial in self.trials))


def compare(
    rivals: Sequence[Rival],
    folds: Sequence[tuple[Examples, Examples]],
    *,
    seeds: Sequence[int],
    epochs: int,
    learning_rate: float = 2e-3,
    batch_size: int = 64,
    classes: tuple[str, str] = CLASSES,
    progress: bool = False,
) -> Comparison:
    """Train every rival on every fold with every seed. Ctrl-C keeps the trials so far.

    Parameters
    ----------
    rivals : sequence of Rival
    folds : sequence of (train, test)
    seeds : sequence of int
        Of the first filters, of the order of the batches, and of shuffled slices.
    """
    result = Comparison(classes)
    jobs = [(fold, seed, rival) for fold in range(len(folds)) for seed in seeds for rival in rivals]
    with tqdm(total=len(jobs), disable=not progress, unit="network") as bar:
        for fold, seed, rival in jobs:
            bar.set_postfix_str(rival.name)
            settings = {
                "epochs": epochs if rival.rows else BASELINE_EPOCHS,
                "batch_size": batch_size,
                "optimizer": Adam(learning_rate if rival.rows else BASELINE_RATE),
            }
            net, trial = _try(rival, fold, seed, *folds[fold], settings)
            if trial is None:
                result.interrupted = True
                break
            result.trials.append(trial)
            result.networks.setdefault(rival.name, net)
            bar.update()
    return result


def _try(
    rival: Rival, fold: int, seed: int, train: Examples, test: Examples,
    settings: Mapping[str, Any],
) -> tuple[Sequential, Trial | None]:  # fmt: skip
    """Train one rival; no trial where Ctrl-C came."""
    rng = np.random.default_rng(seed)
    (x, x_test), rows = _shown(rival, train, test, rng), rival.rows or [Dense(2)]
    net = Sequential(rows, x.shape[1:], rng=rng)
    # small first filters: what they end as is then what they learnt, not what they began as
    next(iter(net.params.values()))[0][:] *= SMALL
    history = fit(net, x, train.y, rng=rng, **settings)
    if history.interrupted:
        return net, None
    trial = Trial(
        rival.name, fold, seed, accuracy(net.predict(x_test), test.y),
        accuracy(net.predict(x), train.y), count_parameters(net), history.seconds,
    )  # fmt: skip
    return net, trial


def _shown(
    rival: Rival, train: Examples, test: Examples, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return what a rival is shown of the training and of the test region."""
    if rival.prepare is not None:
        return rival.prepare(train.x, rng), rival.prepare(test.x, rng)
    mean, std = train.brightness.mean(axis=0), train.brightness.std(axis=0) + TINY
    return (train.brightness - mean) / std, (test.brightness - mean) / std


def count_parameters(net: Sequential) -> int:
    """Numbers that a network learns."""
    return sum(w.size + b.size for w, b in net.params.values())


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


def steepness(kernels: Array) -> Array:
    """How much filters are slanted, seen from above: below 0 to the left, above 0 to the right.

    The Fourier transform of the sum over rows, (slices, columns), has its energy on a line
    across the slant. What is returned is the energy of drifts to the right less that of
    drifts to the left, over both.

    Parameters
    ----------
    kernels : ndarray, (F, D, h, w)

    Returns
    -------
    ndarray, (F,)
        −1 … 1.

    Examples
    --------
    >>> diagonal = np.eye(5)[:, None, :]
    >>> steepness(np.stack([diagonal, diagonal[..., ::-1]])).round(1)
    array([ 1., -1.])
    """
    energy = np.abs(np.fft.fft2(kernels.sum(axis=2))) ** 2
    slices, columns = (np.sign(np.fft.fftfreq(n)) for n in energy.shape[1:])
    # a pattern f(column − v·slice) has energy where slice and column frequency differ in sign
    # (v > 0): the product is −1 there
    way = -slices[:, None] * columns[None, :]
    moving = energy * np.abs(way)
    total = moving.sum(axis=(1, 2))
    share: Array = (energy * way).sum(axis=(1, 2)) / np.where(total > 0, total, 1)
    return share
