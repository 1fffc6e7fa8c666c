"""A metal stent in a CT volume: which task needs three dimensions, and which does not.

Finding the stent needs none: metal is brighter than bone, and one threshold does it. So the
task here is another one: a wire of the stent crosses the slices and leans to the left or to
the right on its way. Each slice shows a bright dot, and only their order tells the lean.

The first task is kept beside it, with the brightness taken away, to show what is left.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nst_numpy.common.arrays import Array, Integers
from nst_numpy.errors import ShapeError, SignalError, UnknownNameError
from nst_numpy.signals.blocks import cut, grid
from nst_numpy.signals.comparison import Comparison, compare
from nst_numpy.signals.drift import Rule
from nst_numpy.signals.examples import Examples, describe_brightness, even_out, make_examples
from nst_numpy.signals.rivals import Rival, make_rivals, one_slice, two_layers, volume_of
from nst_numpy.training import softmax
from nst_numpy.training.sequential import Sequential

Volume = NDArray[np.integer]

SIZE = (14, 14, 14)  # of a block: the lecture's example of a volume
METAL, DENSE, BODY = 1500, 600, 300  # brightness: only metal; metal and hard bone; all bone
LEAST_DENSE = 20  # voxels of a block that must be DENSE, or be of the stent
LEAST_BODY = 0.1  # part of another block that must be BODY
GAP = 14  # levels between the two regions
RULE = Rule(least=0.15, most=3.0, texture=3000.0, rest=0.9)  # 9° … 72° from the scanner's axis
STRIDE = (4, 4, 4)
MOST_BLOCKS = {"train": 500, "test": 400}
EPOCHS, LEARNING_RATE = 6, 2e-3
VolumeTask = Literal["lean", "find"]
TASKS: tuple[VolumeTask, ...] = get_args(VolumeTask)
OTHER = ("other", "stent")


def find_stent(volume: Volume) -> NDArray[np.bool_]:
    """Mark the stent: voxels of at least `DENSE` that hang together with one of `METAL`.

    Parameters
    ----------
    volume : ndarray of int, (D, H, W)

    Returns
    -------
    ndarray of bool, (D, H, W)

    Raises
    ------
    ShapeError
        The volume has not three axes.
    SignalError
        Nothing is as bright as metal.

    Examples
    --------
    >>> find_stent(np.array([[[700, 1600, 0, 700]]]))
    array([[[ True,  True, False, False]]])
    """
    if volume.ndim != 3 or volume.size == 0:
        raise ShapeError(f"find_stent: a volume must be (D, H, W), not {volume.shape}")
    parts, count = ndimage.label(volume >= DENSE, np.ones((3, 3, 3)))
    brightest = ndimage.maximum(volume, parts, np.arange(count + 1))
    metal = np.asarray(brightest) >= METAL
    metal[0] = False  # what is below DENSE
    if not metal.any():
        raise SignalError(
            f"find_stent: nothing in the volume reaches {METAL}, the brightest is "
            f"{volume.max()}: give one with metal in it"
        )
    marked: NDArray[np.bool_] = metal[parts]
    return marked


def check_volume(who: str, volume: Volume) -> None:
    """Refuse what has not three axes, or no room for a block."""
    if volume.ndim != 3 or any(n < s for n, s in zip(volume.shape, SIZE, strict=True)):
        raise ShapeError(
            f"{who}: a volume must be (D, H, W), each at least {SIZE[0]}, not {volume.shape}"
        )


def regions(volume: Volume) -> tuple[tuple[int, int], tuple[int, int]]:
    """Levels of the lower and of the upper region: halves with `GAP` levels between them.

    >>> regions(np.zeros((256, 128, 128), dtype=int))
    ((0, 121), (135, 256))
    """
    check_volume("regions", volume)
    depth = len(volume)
    if depth < 2 * SIZE[0] + GAP:
        raise ShapeError(
            f"regions: {depth} levels are too few for two regions with blocks of {SIZE[0]} and "
            f"{GAP} between them: give at least {2 * SIZE[0] + GAP}"
        )
    return (0, (depth - GAP) // 2), ((depth + GAP) // 2, depth)


def dense_corners(volume: Volume, levels: tuple[int, int], stride: Sequence[int]) -> Integers:
    """Corners of the blocks between two levels that have enough dense voxels in them."""
    corners = grid((levels[0], 0, 0), (levels[1], *volume.shape[1:]), SIZE, stride)
    return corners[count_in_blocks(volume >= DENSE, corners) >= LEAST_DENSE]


def count_in_blocks(mask: NDArray[np.bool_], corners: Integers) -> Integers:
    """How many voxels of a mask (D, H, W) are in each block of `SIZE`.

    >>> count_in_blocks(np.ones((20, 14, 14), dtype=bool), np.array([[0, 0, 0], [3, 0, 0]]))
    array([2744, 2744])
    """
    sums = mask.astype(np.int64)
    for axis, size in enumerate(SIZE):
        # sums over a window of `size`: the difference of two running sums
        running = np.cumsum(sums, axis=axis)
        zero = np.zeros_like(running.take([0], axis=axis))
        running = np.concatenate([zero, running], axis=axis)
        last = running.shape[axis]
        sums = running.take(range(size, last), axis) - running.take(range(last - size), axis)
    counts: Integers = sums[tuple(corners.T)]
    return counts


def lean_examples(
    volume: Volume, levels: tuple[int, int], rng: np.random.Generator, most: int
) -> Examples:
    """Make examples of wires and edges that lean to one side, from a region."""
    corners = _draw(dense_corners(volume, levels, STRIDE), most, rng)
    return make_examples(cut(volume, corners, SIZE), RULE)


def find_examples(
    volume: Volume, levels: tuple[int, int], rng: np.random.Generator, most: int
) -> Examples:
    """Make examples of blocks with stent (1) and without (0), as many of each, from a region.

    The other blocks have bone or bright blood in them, not only soft tissue. The brightness of
    each block is taken away: see `equalise`.
    """
    corners, stent = candidates(volume, levels)
    yes, no = np.flatnonzero(stent), np.flatnonzero(~stent)
    count = min(len(yes), len(no), most)
    if count == 0:
        raise SignalError(
            f"find_examples: levels {levels[0]} to {levels[1] - 1} have {len(yes)} blocks with "
            f"stent and {len(no)} others: give a volume with both in both halves"
        )
    chosen = np.concatenate([rng.choice(yes, count, False), rng.choice(no, count, False)])
    blocks = cut(volume, corners[chosen], SIZE)
    labels = stent[chosen].astype(np.intp)
    return Examples(equalise(blocks, rng), labels, describe_brightness(blocks), len(corners))


def candidates(volume: Volume, levels: tuple[int, int]) -> tuple[Integers, NDArray[np.bool_]]:
    """Corners of blocks with stent, or with bone or bright blood only; and which they are."""
    corners = grid((levels[0], 0, 0), (levels[1], *volume.shape[1:]), SIZE, STRIDE)
    metal = count_in_blocks(find_stent(volume), corners)
    body = count_in_blocks(volume >= BODY, corners)
    kept = (metal >= LEAST_DENSE) | ((metal == 0) & (body >= LEAST_BODY * np.prod(SIZE)))
    return corners[kept], metal[kept] >= LEAST_DENSE


def equalise(blocks: Array, rng: np.random.Generator) -> Array:
    """Replace each voxel by its rank in the block, from −1 to 1; equal ones in random order.

    Every block then holds the same values, each once: brightness tells nothing any more.

    >>> equalise(np.array([[[[10.0, 30.0, 20.0]]]]), np.random.default_rng(0))
    array([[[[-1.,  1.,  0.]]]], dtype=float32)
    """
    flat = blocks.reshape(len(blocks), -1)
    # sorted by brightness, then by a random number
    order = np.lexsort((rng.random(flat.shape), flat), axis=1)
    ranks = np.empty(flat.shape, dtype=np.float32)
    np.put_along_axis(ranks, order, np.linspace(-1, 1, flat.shape[1], dtype=np.float32)[None], 1)
    return ranks.reshape(blocks.shape)


def _draw(corners: Integers, most: int, rng: np.random.Generator) -> Integers:
    return corners if len(corners) <= most else corners[rng.choice(len(corners), most, False)]


# ---- the experiment


def compare_on_volume(
    volume: Volume, task: VolumeTask = "lean", *, seeds: Sequence[int] = (0, 1),
    epochs: int = EPOCHS, progress: bool = False,
) -> tuple[Comparison, list[tuple[Examples, Examples]]]:  # fmt: skip
    """Train all rivals on one half of the volume, test them on the other, and the reverse.

    Parameters
    ----------
    volume : ndarray of int, (D, H, W)
    task : {"lean", "find"}
    seeds : sequence of int
        Of the networks. The blocks are drawn once, with the first.

    Returns
    -------
    comparison : Comparison
    folds : list of (train, test)
        The first one learns from the lower levels.
    """
    check_volume("compare_on_volume", volume)
    if task not in TASKS:
        raise UnknownNameError.of("task", task, TASKS)
    make = lean_examples if task == "lean" else find_examples
    rng, halves = np.random.default_rng(seeds[0]), regions(volume)
    folds = [
        (
            make(volume, learn, rng, MOST_BLOCKS["train"]),
            make(volume, ask, rng, MOST_BLOCKS["test"]),
        )
        for learn, ask in (halves, halves[::-1])
    ]
    rivals = make_rivals(two_layers(5, 2, 5), two_layers(5, 2, 5))
    if task == "find":
        rivals = [
            Rival("3-D filters", two_layers(5, 2, 5), volume_of),
            Rival("2-D, one slice", two_layers(5, 2, 5), one_slice),
            Rival("brightness alone", None),
        ]
    result = compare(
        rivals, folds, seeds=seeds, epochs=epochs, learning_rate=LEARNING_RATE,
        classes=("left", "right") if task == "lean" else OTHER, progress=progress,
    )  # fmt: skip
    return result, folds


def paint(volume: Volume, net: Sequential, task: str, levels: tuple[int, int]) -> Array:
    """Ask a 3-D network about every block of a region; return its answer at each voxel.

    Parameters
    ----------
    net : Sequential
        Of the rival "3-D filters".
    levels : (first, last + 1)

    Returns
    -------
    ndarray, float32 (D, H, W)
        Probability of class 1, the mean over the blocks whose middle, 6 voxels wide, a voxel
        is in; NaN where there is none.
    """
    if task == "lean":
        corners = dense_corners(volume, levels, (2, 2, 2))
        x = even_out(cut(volume, corners, SIZE))
    else:
        corners, _ = candidates(volume, levels)
        x = equalise(cut(volume, corners, SIZE), np.random.default_rng(0))
    p = softmax(net.predict(x[..., None]))[:, 1]
    total, count = np.zeros((2, *volume.shape), dtype=np.float32)
    for corner, value in zip(corners + 4, p, strict=True):
        middle = tuple(slice(c, c + 6) for c in corner)
        total[middle] += value
        count[middle] += 1
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
