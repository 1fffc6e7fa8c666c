"""Textures of signals and movies, made like the style of a picture.

A Gram matrix sums over all positions, along whatever axes they lie. So `Objective`, with style
alone, asks a strip of EKG or a block of a movie to have the statistics of a sample, and L-BFGS
starts from noise, as it does for a picture. The network is not trained: random filters will do
(Ustyuzhaninov et al. 2016). What counts is how far they see.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nst_numpy.common.arrays import Array
from nst_numpy.common.checks import check_count
from nst_numpy.errors import NonFiniteError, SettingError, ShapeError, SignalError
from nst_numpy.kernels.memory import gives_memory_back
from nst_numpy.losses import gram_matrix
from nst_numpy.objective import Objective
from nst_numpy.optimize import Step, run_optimizer
from nst_numpy.signals.beats import find_beats
from nst_numpy.signals.drift import measure_drift
from nst_numpy.training.sequential import AvgPool, Conv, ReLU, Row, Sequential

EKG_RATE = 120.0  # Hz: of the recording's 360, every three samples become one
EKG_DEPTHS = (1, 3, 5)  # convolutions: receptive fields of 0.07, 0.3 and 1.2 s
EKG_FILTERS = 32
MOVIE_FILTERS = 64
MOVIE_CORNER, MOVIE_SIZE = (20, 0, 24), (12, 48, 48)  # leaves that move to the lower left
START = 0.1  # of the noise, beside a sample of standard deviation 1: what no filter sees stays
BIAS = 0.3  # standard deviation of random biases, beside activations of about 1
ITERATIONS = {"ekg": 300, "movie": 80}
COPY_SECONDS = 1.5  # window that is looked for in the sample


@dataclass(frozen=True, eq=False)
class Texture:
    """What came out of the noise.

    Attributes
    ----------
    x : ndarray, (1, *sizes, C)
        In the sample's units.
    losses : list of float
        J after each iteration: the mean over layers of Σ (G − G_sample)² / Σ G_sample².
    seconds : float
    reason, message : str
        Why the run ended, in a word and in plain words: see `optimize.Minimum`.
    statistics, unknowns : int
        Different entries of all Gram matrices, and values of x.
    """

    x: Array
    losses: list[float]
    seconds: float
    reason: str
    statistics: int
    unknowns: int
    message: str = ""


def random_network(
    rows: Sequence[Row], input_shape: Sequence[int], rng: np.random.Generator
) -> Sequential:
    """Make a network with random filters; those of the first layer add up to 0.

    So the first layer answers to shapes and not to the level. Biases are random as well: with
    all of them 0, doubling x would only double every activation.
    """
    net = Sequential(rows, input_shape, rng=rng)
    for _, b in net.params.values():
        b[:] = BIAS * rng.standard_normal(b.shape)
    w = next(iter(net.params.values()))[0]
    # (*kernel, C_in, C_out): the mean over all but the filters
    w -= w.mean(axis=tuple(range(w.ndim - 1)), keepdims=True)
    return net


def ekg_rows(depth: int, filters: int = EKG_FILTERS) -> list[Row]:
    """Rows of a 1-D network: `depth` convolutions with pools between them."""
    rows: list[Row] = [Conv(filters, 9), ReLU()]
    for _ in range(check_count("ekg_rows", "depth", depth) - 1):
        rows += [AvgPool(2), Conv(filters, 5), ReLU()]
    return rows


def movie_rows(frames: int, filters: int = MOVIE_FILTERS) -> list[Row]:
    """Rows of a 3-D network whose filters reach over `frames` frames; 1 makes them flat."""
    if check_count("movie_rows", "frames", frames) % 2 == 0:
        raise SettingError(f"movie_rows: frames must be odd, to have a middle, not {frames}")
    conv = Conv(filters, (frames, 3, 3), pad=(frames // 2, 1, 1))
    return [conv, ReLU(), *[AvgPool((1, 2, 2)), conv, ReLU()] * 2]


@gives_memory_back
def synthesise(
    net: Sequential,
    sample: Array,
    shape: Sequence[int],
    rng: np.random.Generator,
    iterations: int,
    callback: Callable[[Step], object] | None = None,
) -> Texture:
    """Let noise become a texture with the Gram matrices of a sample.

    Parameters
    ----------
    net : Sequential
        Its ReLU layers give the Gram matrices; each counts the same.
    sample : ndarray, (1, *sizes, C)
    shape : sequence of int
        (1, *sizes, C) of the texture; sizes may differ from the sample's.
    rng : numpy Generator
        Of the noise.
    iterations : int
        Of L-BFGS. Ctrl-C ends the run early and keeps what there is.

    Raises
    ------
    ShapeError
        A shape is too small for the network's receptive field.
    NonFiniteError
        The sample has NaN or infinite values.
    SignalError
        The sample is flat.
    """
    check_count("synthesise", "iterations", iterations)
    if not np.isfinite(sample).all():
        raise NonFiniteError("synthesise: the sample has NaN or infinite values: repair it first")
    axes = tuple(range(sample.ndim - 1))
    mean, std = sample.mean(axis=axes, keepdims=True), sample.std()
    if not std > 0:
        raise SignalError("synthesise: the sample is flat: there is no texture in it")
    layers = [name for name in net.layer_names if name.startswith("relu")]
    style = ((sample - mean) / std).astype(net.dtype)
    start = (START * rng.standard_normal(tuple(shape))).astype(net.dtype)
    objective = Objective(
        net, start, style, alpha=0.0, beta=1.0, content_layers={},
        style_layers=_relative(net, style, layers),
    )  # fmt: skip
    started = time.perf_counter()
    found = run_optimizer("lbfgs", objective, start, iterations, callback=callback)
    sizes = [a[-1] for a in net.feature_shapes(start.shape, layers).values()]
    return Texture(
        found.x * std + mean, found.losses, time.perf_counter() - started, found.reason,
        sum(c * (c + 1) // 2 for c in sizes), start.size, found.message,
    )  # fmt: skip


def _relative(net: Sequential, style: Array, layers: Sequence[str]) -> dict[str, float]:
    """Weights with which J is the mean over layers of Σ (G − G(S))² / Σ G(S)²."""
    weights = {}
    for name, a in net.forward(style, layers).items():
        # style_loss has the factor 1 / (2 M C)²; M is in the Gram matrix as well
        gram = gram_matrix(a).astype(np.float64) / (a.size // a.shape[-1])
        weights[name] = 4 * a.shape[-1] ** 2 / float(np.square(gram).sum()) / len(layers)
    return weights


# ---- an EKG


def ekg_strip(millivolt: Array, rate: float, start: float, seconds: float) -> tuple[Array, float]:
    """Cut a strip out of an EKG and bring it to about `EKG_RATE`: (1, L, 1), and its rate.

    Raises
    ------
    SettingError
        The strip is not in the recording, or shorter than three seconds.
    """
    every = max(1, round(rate / EKG_RATE))
    first, length = round(start * rate), round(seconds * rate) // every * every
    if start < 0 or seconds < 3 or first + length > len(millivolt):
        raise SettingError(
            f"ekg_strip: {seconds:g} s from {start:g} s must be at least 3 s, and within the "
            f"{len(millivolt) / rate:g} s of the recording"
        )
    # (L,) -> (L / every, every) -> (1, L / every, 1)
    strip = millivolt[first : first + length].reshape(-1, every).mean(axis=1)
    return strip[None, :, None].astype(np.float32), rate / every


@dataclass(frozen=True)
class Rhythm:
    """Beats of a strip: how many a minute, and how uneven the times between them are.

    `spread` is their standard deviation over their mean; 0 is a clock. NaN where there are
    fewer than three beats.
    """

    beats: int
    per_minute: float
    spread: float


def rhythm(x: Array, rate: float) -> Rhythm:
    """Measure the rhythm of a strip (1, L, 1)."""
    at = find_in_strip(x, rate)
    gaps = np.diff(at)
    spread = float(gaps.std() / gaps.mean()) if len(gaps) > 1 else float("nan")
    return Rhythm(len(at), len(at) / (x.shape[1] / rate / 60), spread)


def find_in_strip(x: Array, rate: float) -> NDArray[np.intp]:
    """Find the beats of a strip (1, L, 1): their samples, none where there are no beats."""
    try:
        return find_beats(x[0, :, 0], rate).at
    except SignalError:
        return np.empty(0, dtype=np.intp)


def copied(x: Array, sample: Array, rate: float) -> float:
    """How much of a strip is a copy: the median over windows of the best match in the sample.

    Parameters
    ----------
    x, sample : ndarray, (1, L, 1)

    Returns
    -------
    float
        Correlation of a window of `COPY_SECONDS` with the place of the sample that it is most
        like: 1 is a copy.
    """
    length = round(COPY_SECONDS * rate)
    windows = [
        np.lib.stride_tricks.sliding_window_view(each[0, :, 0], length) for each in (x, sample)
    ]
    ours, theirs = (_standardised(each) for each in windows)
    # (W, L) @ (L, W') -> (W, W')
    best = (ours[:: length // 4] @ theirs.T / length).max(axis=1)
    return float(np.median(best))


def _standardised(windows: Array) -> Array:
    centred = windows - windows.mean(axis=1, keepdims=True)
    scaled: Array = centred / np.maximum(centred.std(axis=1, keepdims=True), 1e-12)
    return scaled


# ---- a movie


def movie_block(
    grey: Array, corner: Sequence[int] = MOVIE_CORNER, size: Sequence[int] = MOVIE_SIZE
) -> Array:
    """Cut a block out of a movie in grey: (T, H, W) -> (1, *size, 1).

    Raises
    ------
    SettingError
        The block is not within the movie.
    """
    ends = [c + s for c, s in zip(corner, size, strict=True)]
    if min(corner) < 0 or any(end > n for end, n in zip(ends, grey.shape, strict=True)):
        raise SettingError(
            f"movie_block: a block of {tuple(size)} at {tuple(corner)} is not within the movie's "
            f"{grey.shape} frames, rows and columns"
        )
    place = tuple(slice(c, end) for c, end in zip(corner, ends, strict=True))
    return grey[place][None, ..., None]


@dataclass(frozen=True)
class Flow:
    """How a block moves: rows and columns a frame, and how like the next frame each is.

    `likeness` is a correlation: 1 where nothing changes, 0 for noise.
    """

    rows: float
    columns: float
    likeness: float


def flow(x: Array) -> Flow:
    """Measure how a block (1, T, H, W, 1) moves."""
    if x.ndim != 5 or x.shape[0] != 1 or x.shape[-1] != 1:
        raise ShapeError(f"flow: x must be (1, T, H, W, 1), not {x.shape}")
    grey = x[0, ..., 0]
    # the least squares want pictures whose gradients reach over the drift
    drift, _, _ = measure_drift(ndimage.gaussian_filter(grey, (0, 1, 1))[None])
    frames = _standardised(grey.reshape(len(grey), -1))
    likeness = float((frames[1:] * frames[:-1]).mean())
    return Flow(float(drift[0, 0]), float(drift[0, 1]), likeness)
