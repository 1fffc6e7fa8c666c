"""What a run will cost, told before it starts: arithmetic, memory, time."""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nst_numpy.errors import TooLargeError
from nst_numpy.layers import conv_forward, get_threads
from nst_numpy.measure.free_memory import available_memory
from nst_numpy.network import Network
from nst_numpy.objective import AnyNetwork
from nst_numpy.optimize import MEMORY, OptimizerName
from nst_numpy.styles import neighbour_cost

# Measured at 256, 512 and 1024 pixels; see docs/performance.
BASE_BYTES = 125e6  # Python, NumPy, SciPy, the HDF5 reader, memory kept for reuse
THREAD_BYTES = 30e6  # scratch memory of a thread
# Time of a step, in units of its multiplications at the speed of `measure_speed`, whose
# convolution also transforms its kernel; a run does that once.
STEP_OVERHEAD = 0.6
SMALL_PICTURE = 32  # pixels a side


@dataclass(frozen=True)
class Estimate:
    """Cost of one run.

    Attributes
    ----------
    multiplications : int
        Of one step's convolutions, forward and backward, done directly.
    bytes : int
        Peak memory of the process.
    fixed_bytes : int
        The part of it that a smaller picture needs too.
    search : int
        Multiplications that it takes to find all neighbours once.
    """

    multiplications: int
    bytes: int
    fixed_bytes: int
    search: int = 0


def multiplications(
    vgg: Network, image_shape: tuple[int, ...], names: list[str] | None = None
) -> dict[str, int]:
    """Count the multiplications of each layer's direct computation, forward; None: of all.

    >>> from nst_numpy.vgg import VGG
    >>> vgg = VGG.random((4,), np.random.default_rng(0))
    >>> multiplications(vgg, (1, 8, 8, 3))["conv1_1"]  # 64 positions, 27 inputs, 4 filters
    6912
    """
    counts = dict.fromkeys(vgg.layer_names if names is None else names, 0)
    for name, shape in vgg.feature_shapes(image_shape, names).items():
        if name in vgg.params:
            counts[name] = math.prod(shape[:-1]) * vgg.params[name][0].size
    return counts


def estimate_run(
    vgg: Network,
    image_shape: tuple[int, ...],
    names: list[str],
    optimizer: OptimizerName = "lbfgs",
    style_shape: tuple[int, ...] | None = None,
    column_layers: Iterable[str] = (),
    more_styles: Sequence[tuple[int, ...]] = (),
) -> Estimate:
    """Estimate arithmetic and memory of a run.

    Parameters
    ----------
    vgg : Network
    image_shape : tuple of int, (1, H, W, 3)
        Of the generated picture.
    names : list of str
        The losses' layers, from the image upwards.
    optimizer : str
    style_shape : tuple of int, optional
        Of the style picture, which goes through the network once.
    column_layers : iterable of str
        Those whose neighbours are found; none for other style losses.
    more_styles : sequence of tuple of int
        Of further style pictures.
    """
    below = vgg.layer_names[: vgg.layer_names.index(names[-1]) + 1] if names else []
    counts = multiplications(vgg, image_shape, below)
    pixels = math.prod(image_shape)
    # SciPy keeps 2m + 5 vectors of float64 for L-BFGS with memory m
    optimizer_bytes = (2 * MEMORY + 5) * 8 * pixels if optimizer == "lbfgs" else 4 * 8 * pixels
    passes = [
        _pass_bytes(vgg, shape, names, below)
        for shape in (image_shape, style_shape, *more_styles)
        if shape
    ]
    fixed = BASE_BYTES + get_threads() * THREAD_BYTES
    fixed += sum(w.nbytes for w, _ in vgg.params.values())
    fixed += vgg.plan(image_shape, names).kernel_bytes if names else 0
    total, search = fixed + max(passes) + optimizer_bytes, 0
    if style_shape and (shapes := vgg.feature_shapes(image_shape, column_layers)):
        # the neighbours of every painting are found, and kept, before the gradients are added up
        for each in (style_shape, *more_styles):
            cost = neighbour_cost(shapes, image_shape, each, vgg.dtype.itemsize)
            total, search = total + cost.bytes, search + cost.multiplications
    elif getattr(vgg, "engine", None) != "fused" and names:
        # the gradients of each painting's terms, which the fused engine never makes whole
        of_layers = vgg.feature_shapes(image_shape, names).values()
        each_painting = sum(map(math.prod, of_layers)) * vgg.dtype.itemsize
        total += len(more_styles) * each_painting
    return Estimate(2 * sum(counts.values()), int(total), int(fixed), search)


def _pass_bytes(vgg: Network, shape: tuple[int, ...], names: list[str], below: list[str]) -> int:
    """Count what one forward and backward pass keeps at its peak.

    The activations that losses look at, what the layers keep for the way back, and the
    input and output of the layer being computed.
    """
    shapes = vgg.feature_shapes(shape, below)
    sizes = [math.prod(shapes[name]) for name in below]
    kept = sum(math.prod(shapes[name]) for name in names)
    moving = max((a + b for a, b in pairwise(sizes)), default=0)
    caches = vgg.kept_bytes(shape, names) if names else 0
    return caches + (kept + moving) * vgg.dtype.itemsize


def measure_seconds_a_pixel(network: AnyNetwork, names: list[str]) -> float:
    """Time one pass up and down of a small picture: for layers of which nothing is known."""
    side = SMALL_PICTURE
    x = np.random.default_rng(0).normal(0, 50, (1, side, side, 3)).astype(network.dtype)
    started = time.perf_counter()
    network.backward(dict(network.forward(x, names)))
    return (time.perf_counter() - started) / side**2


def measure_speed(dtype: np.dtype) -> float:
    """Time one convolution in the middle of the network: direct multiplications a second."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 64, 64, 128)).astype(dtype)
    w = rng.standard_normal((3, 3, 128, 128)).astype(dtype)
    b = np.zeros(128, dtype)
    conv_forward(x, w, b, pad=1)
    started = time.perf_counter()
    for _ in range(3):
        conv_forward(x, w, b, pad=1)
    return 3 * 64 * 64 * w.size / (time.perf_counter() - started)


def check_memory(
    estimate: Estimate, height: int, width: int, memory: int | str | None = None
) -> None:
    """Refuse a run that cannot fit, and name a size that does; `memory` is what it may take."""
    have = available_memory() if memory is None else int(memory)
    need, fixed = estimate.bytes, estimate.fixed_bytes
    if have is None or need <= have:
        return
    share = max(have - fixed, 0) / max(need - fixed, 1)
    fitting = int(0.9 * max(height, width) * math.sqrt(share)) // 16 * 16
    advice = f"use size {fitting} or less" if fitting >= 64 else "free some memory first"
    raise TooLargeError(
        f"a run at {width}×{height} needs about {need / 1e9:.1f} GB of memory, "
        f"but {'only ' if memory is None else 'may take '}{have / 1e9:.1f} GB"
        f"{' are free' if memory is None else ''}: {advice}"
    )
