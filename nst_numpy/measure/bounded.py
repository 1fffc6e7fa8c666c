"""How a picture is painted within so much memory: whole, or in bands, and by which optimiser.

The first of these that fits is taken, for each scale of a run alone:

1. the whole picture at a time, as if nothing had been said of memory;
2. bands, with what is kept between them in memory, and if that is too much in a file; L-BFGS
   with ten pairs, then with fewer;
3. bands and Adam, whose memory is two float32 pictures.

It is arithmetic on sizes alone: the same memory gives the same means, and a run that is done again
has the memory of the first.
"""

import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nst_numpy.bands import Bands
from nst_numpy.bands.store import free_on_disk
from nst_numpy.common.arrays import Shape
from nst_numpy.errors import TooLargeError
from nst_numpy.kernels.memory import MOST_IDLE
from nst_numpy.measure.estimate import BASE_BYTES, THREAD_BYTES
from nst_numpy.network import Network
from nst_numpy.optimize import MEMORY, OptimizerName
from nst_numpy.rows import Conv

SHARE = 0.6  # of the memory that is free, where none is said
PAIRS = (MEMORY, 5, 3)  # of L-BFGS; measured in docs/large
LEAST_ROWS, MOST_ROWS = 64, 512  # of the picture in a band
STAND_IN_RATE = 4.0  # Adam's learning rate, in pixel values, where it takes the place of L-BFGS
THREADS = 4  # that scratch memory is counted for, whatever the machine: bands do not depend on it
# Measured in docs/large: arrays of the size of x at the peak beside the optimiser's own, the part
# of all activations of a band that is there at once, and rows that the first band has more.
PICTURES = 6
BAND_SHARE = 1.9
MORE_ROWS = 70


@dataclass(frozen=True)
class Means:
    """How one scale is painted.

    Attributes
    ----------
    bands : Bands or None
        None: the whole picture at a time.
    optimizer : str
    pairs : int
        That L-BFGS remembers.
    count : int
        Bands of the picture.
    bytes : int
        Peak memory of the process.
    kept : int
        Bytes of what is kept between bands.
    instead : bool
        Whether the optimiser is another than the settings say, or remembers less.
    """

    bands: Bands | None
    optimizer: OptimizerName
    pairs: int = MEMORY
    count: int = 1
    bytes: int = 0
    kept: int = 0
    instead: bool = False

    @property
    def learning_rate(self) -> float | None:
        """That of an optimiser which nobody has chosen."""
        return STAND_IN_RATE if self.instead and self.optimizer == "adam" else None

    def say(self, time: str = "") -> str:
        """Say it in words, with the time that the run takes.

        >>> bands = Bands(256, in_file=True)
        >>> means = Means(bands, "adam", 10, 16, 2_600_000_000, 5_000_000_000, instead=True)
        >>> print(means.say("about 1 h 10 min"))
        16 bands of 256 rows, 2.6 GB, about 1 h 10 min; 5.0 GB between bands in a file; Adam in \
place of L-BFGS
        """
        if self.bands is None:
            return "the whole picture at a time"
        rows = f"{self.count} bands of {self.bands.rows} rows, {self.bytes / 1e9:.1f} GB"
        words = [f"{rows}, {time}" if time else rows]
        if self.bands.in_file:
            words.append(f"{self.kept / 1e9:.1f} GB between bands in a file")
        if self.instead:
            less = self.optimizer == "lbfgs"
            words.append(f"L-BFGS with {self.pairs} pairs" if less else "Adam in place of L-BFGS")
        return "; ".join(words)


def choose_means(
    vgg: Network,
    shape: Shape,
    names: Sequence[str],
    memory: int,
    optimizer: OptimizerName,
    styles: Sequence[Shape] = (),
    *,
    more: int = 0,
    said: bool = True,
) -> Means:
    """Choose bands and optimiser for a picture that does not fit whole.

    Parameters
    ----------
    vgg : Network
    shape : tuple of int, (1, H, W, 3)
    names : list of str
        The losses' layers, from the input upwards.
    memory : int
        Bytes.
    optimizer : str
        What the settings say; "lbfgs" may be another in the end.
    styles : sequence of tuple of int
        Shapes of the style pictures, which are measured in such bands too.
    more : int
        Bytes that are needed whatever is chosen: files of pictures, neighbours.
    said : bool
        Whether somebody has said how much memory; else it is what is free.

    Raises
    ------
    TooLargeError
        It does not fit even in the smallest bands; the message says what it takes.
    """
    kept = max(kept_bytes(vgg, each, names) for each in (shape, *styles))
    row = max(band_bytes(vgg, each, names) for each in (shape, *styles))
    best: Means | None = None
    for name, pairs in _optimizers(optimizer):
        for in_file in (False, True):
            if in_file and kept > 0.95 * free_on_disk():
                continue
            fixed = _fixed_bytes(vgg, shape, names) + more + (0 if in_file else kept)
            fixed += _optimizer_bytes(name, pairs, shape)
            rows = int((memory - fixed) / row - MORE_ROWS) // LEAST_ROWS * LEAST_ROWS
            height = min(max(rows, LEAST_ROWS), MOST_ROWS)
            need = int(fixed + (height + MORE_ROWS) * row)
            count = -(-shape[1] // height)
            instead = (name, pairs) != (optimizer, MEMORY)
            means = Means(Bands(height, in_file), name, pairs, count, need, kept, instead)
            if rows >= LEAST_ROWS:
                return means
            best = means if best is None or need < best.bytes else best
    raise _too_large(shape, best, memory, said)


def _too_large(shape: Shape, best: Means | None, memory: int, said: bool) -> TooLargeError:
    """Say what it takes at least."""
    if best is None:
        return TooLargeError(
            f"what is kept between bands does not fit into {tempfile.gettempdir()} either: set "
            "TMPDIR to a folder with more room, or use a smaller size"
        )
    _, height, width, _ = shape
    have = f"it may take {_amount(memory)}" if said else f"only {_amount(memory)} are free"
    return TooLargeError(
        f"a run at {width}×{height} needs at least {math.ceil(best.bytes / 1e8) / 10:.1f} GB of "
        f"memory, in bands of {LEAST_ROWS} rows, but {have}: "
        f"{'give it more' if said else 'free some memory'}, or use a smaller size"
    )


def _amount(count: int) -> str:
    """Write bytes as people do."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.2g} MB"


def kept_bytes(vgg: Network, shape: Shape, names: Sequence[str]) -> int:
    """Bytes that are kept between bands: for the way down, activations, and those of the content.

    The activation of the first convolution is made again, and not kept.
    """
    if not names:
        return 0
    shapes = vgg.feature_shapes(shape, names)
    lowest = next((name for name, row in vgg.layers.items() if isinstance(row, Conv)), None)
    first = {lowest, *list(vgg.layers)[1:2]}
    numbers = sum(math.prod(a) for name, a in shapes.items() if name not in first)
    content = math.prod(shapes[names[-1]])  # as much again: the content's own
    content = max(content, math.prod(shapes.get("relu4_2", (0,))))
    return vgg.kept_bytes(shape, names) + (numbers + content) * vgg.dtype.itemsize


def band_bytes(vgg: Network, shape: Shape, names: Sequence[str]) -> float:
    """Bytes that a band takes for each of its rows of the picture."""
    if not names:
        return 1.0
    blocks = vgg.plan(shape, names).blocks
    numbers = sum(math.prod(block.out_shape) for block in blocks)
    numbers += math.prod(next(iter(vgg.feature_shapes(shape, list(vgg.layers)[:1]).values())))
    return BAND_SHARE * numbers / shape[1] * vgg.dtype.itemsize


def _fixed_bytes(vgg: Network, shape: Shape, names: Sequence[str]) -> float:
    fixed = (
        BASE_BYTES
        + MOST_IDLE
        + THREADS * THREAD_BYTES
        + sum(w.nbytes for w, _ in vgg.params.values())
    )
    fixed += vgg.plan(shape, names).kernel_bytes if names else 0
    return fixed + PICTURES * math.prod(shape) * vgg.dtype.itemsize


def _optimizer_bytes(name: OptimizerName, pairs: int, shape: Shape) -> int:
    """Bytes that an optimiser keeps: SciPy 2m + 5 vectors of float64, and some on the way there."""
    numbers = math.prod(shape)
    return (2 * pairs + 5 + 4) * 8 * numbers if name == "lbfgs" else 3 * 4 * numbers


def _optimizers(name: OptimizerName) -> Iterator[tuple[OptimizerName, int]]:
    if name != "lbfgs":
        yield name, MEMORY
        return
    for pairs in PAIRS:
        yield "lbfgs", pairs
    yield "adam", MEMORY
