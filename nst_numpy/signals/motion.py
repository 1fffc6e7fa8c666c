"""The direction of motion in a movie: blocks of space and time, and filters that see both.

A block is a square of the picture through eight frames. A hand-held camera moves it: to the
left, to the right, up or down. `examples` says how blocks become examples; here is what is of
the movie: the two regions, the rule, the networks, and a second opinion on the labels.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array, Integers
from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.signals.blocks import cut, grid
from nst_numpy.signals.comparison import Comparison, compare
from nst_numpy.signals.drift import Rule, measure_drift
from nst_numpy.signals.examples import Examples, make_examples
from nst_numpy.signals.rivals import make_rivals
from nst_numpy.training import accuracy
from nst_numpy.training.sequential import Conv, Dense, GlobalAvgPool, MaxPool, ReLU, Row, Sequential

Movie = NDArray[np.integer]

SIZE = (8, 16, 16)  # of a block: frames, rows, columns
STRIDES = {"train": (4, 8, 8), "test": (8, 16, 16)}  # training blocks overlap, test blocks don't
GAP = 16  # columns between the two regions
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, as in ITU-R BT.601
RULE = Rule(least=0.1, most=1.5, texture=10.0, rest=0.95)  # pixels a frame; brightness 0–255
EPOCHS, LEARNING_RATE = 8, 2e-3
REACH = 6  # pixels that the second opinion looks to each side


def to_grey(movie: Movie) -> Array:
    """(T, H, W, 3), 0 … 255, -> (T, H, W): one brightness for three colours.

    Raises
    ------
    ShapeError
        The movie has another shape, or is smaller than two regions need.
    """
    least = (SIZE[0], SIZE[1], 2 * SIZE[2] + GAP)
    if (
        movie.ndim != 4
        or movie.shape[3] != 3
        or any(n < s for n, s in zip(movie.shape[:3], least, strict=True))
    ):
        raise ShapeError(
            "to_grey: a movie must be (frames, H, W, 3), of at least "
            f"{least[0]} frames of {least[1]}×{least[2]} pixels, not {movie.shape}"
        )
    # (T, H, W, 3) @ (3,) -> (T, H, W)
    return movie.astype(np.float32) @ np.array(LUMA, dtype=np.float32)


def regions(width: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Columns of the left and of the right region: halves with `GAP` columns between them.

    >>> regions(160)
    ((0, 72), (88, 160))
    """
    return (0, (width - GAP) // 2), ((width + GAP) // 2, width)


def cut_blocks(
    grey: Array, columns: tuple[int, int], stride: Sequence[int], size: Sequence[int] = SIZE
) -> Array:
    """Cut all blocks between two columns: (T, H, W) -> (N, *size)."""
    low, high = (0, 0, columns[0]), (*grey.shape[:2], columns[1])
    return cut(grey, grid(low, high, size, stride), size)


def make_folds(grey: Array, rule: Rule = RULE) -> list[tuple[Examples, Examples]]:
    """Examples of both regions: learn left and test right, and the reverse."""
    halves = regions(grey.shape[2])
    return [
        (
            make_examples(cut_blocks(grey, learn, STRIDES["train"]), rule),
            make_examples(cut_blocks(grey, ask, STRIDES["test"]), rule),
        )
        for learn, ask in (halves, halves[::-1])
    ]


def networks() -> tuple[list[Row], list[Row]]:
    """Rows of the network with filters in space and time, and of the one with flat filters.

    Both end in a mean over all positions, so that the first takes clips of any length.
    """
    top: list[Row] = [Conv(32, 3), ReLU(), GlobalAvgPool(), Dense(2)]
    return (
        [Conv(16, 5), ReLU(), MaxPool((1, 2, 2)), *top],
        [Conv(16, 5), ReLU(), MaxPool(2), *top],
    )


def compare_on_movie(
    movie: Movie, *, seeds: Sequence[int] = (0, 1), epochs: int = EPOCHS, progress: bool = False
) -> tuple[Comparison, list[tuple[Examples, Examples]]]:
    """Train all rivals on one half of the picture, test them on the other, and the reverse.

    Parameters
    ----------
    movie : ndarray of int, (T, H, W, 3)
        RGB, 0 … 255.
    seeds : sequence of int

    Returns
    -------
    comparison : Comparison
    folds : list of (train, test)
        The first one learns from the left.
    """
    folds = make_folds(to_grey(movie))
    result = compare(
        make_rivals(*networks()), folds, seeds=seeds, epochs=epochs,
        learning_rate=LEARNING_RATE, progress=progress,
    )  # fmt: skip
    return result, folds


def on_longer_clips(net: Sequential, movie: Movie, frames: int) -> float:
    """Accuracy of a 3-D network, trained on the left, on clips of another length on the right.

    A network that takes frames as channels cannot be asked: its first filters have as many
    channels as the clips that it was trained on have frames.
    """
    size = (frames, *SIZE[1:])
    grey = to_grey(movie)
    if not SIZE[0] <= frames <= len(grey):
        raise SettingError(f"on_longer_clips: frames must be {SIZE[0]} … {len(grey)}, not {frames}")
    blocks = cut_blocks(grey, regions(grey.shape[2])[1], (frames, *SIZE[1:]), size)
    examples = make_examples(blocks, RULE)
    return accuracy(net.predict(examples.x[..., None]), examples.y)


def second_opinion(blocks: Array) -> Integers:
    """Find the shift of the last slice against the first one by trying out whole pixels.

    Parameters
    ----------
    blocks : ndarray, (N, D, H, W)

    Returns
    -------
    ndarray of int, (N, 2)
        Rows and columns, each from −`REACH` to `REACH`, with the least mean squared
        difference where both slices overlap.

    Examples
    --------
    >>> frame = np.random.default_rng(0).random((20, 20))
    >>> second_opinion(np.stack([frame[2:18, 2:18], frame[1:17, 4:20]])[None])
    array([[ 1, -2]])
    """
    height, width = blocks.shape[2:]
    shifts = [(i, j) for i in range(-REACH, REACH + 1) for j in range(-REACH, REACH + 1)]
    errors = []
    for i, j in shifts:
        # what is at (r, c) first is at (r + i, c + j) last
        first = blocks[:, 0, max(0, -i) : height - max(0, i), max(0, -j) : width - max(0, j)]
        last = blocks[:, -1, max(0, i) : height - max(0, -i), max(0, j) : width - max(0, -j)]
        errors.append(np.square(first - last).mean(axis=(1, 2)))
    best: Integers = np.array(shifts)[np.argmin(errors, axis=0)]
    return best


def agreement(movie: Movie, rule: Rule = RULE) -> tuple[float, int]:
    """How often the second opinion has the sign of the labels, where it sees a shift at all.

    Returns
    -------
    share : float
    blocks : int
        Blocks that the rule keeps and the second opinion sees moving, in both regions.
    """
    grey = to_grey(movie)
    parts = [cut_blocks(grey, half, STRIDES["test"]) for half in regions(grey.shape[2])]
    blocks = np.concatenate(parts)
    drift, texture, rest = measure_drift(blocks)
    kept = rule.keeps(drift, texture, rest)
    blocks, drift = blocks[kept], drift[kept]
    side = np.abs(drift).argmax(axis=1)[:, None]
    ours = np.take_along_axis(drift, side, axis=1)[:, 0]
    theirs = np.take_along_axis(second_opinion(blocks), side, axis=1)[:, 0]
    moved = theirs != 0
    return float(np.mean(np.sign(ours[moved]) == np.sign(theirs[moved]))), int(moved.sum())
