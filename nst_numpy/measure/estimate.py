"""What a run will cost, told before it starts: arithmetic, memory, time."""

import math
import os
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from nst_numpy.errors import TooLargeError
from nst_numpy.layers import conv_forward
from nst_numpy.optimize import MEMORY
from nst_numpy.vgg import VGG

# Measured at 256, 512 and 1024 pixels; see docs/performance.
BASE_BYTES = 185e6  # Python, NumPy, SciPy, the HDF5 reader, scratch memory, memory kept for reuse
# Time of a step, in units of its multiplications at the speed of `measure_speed`, whose
# convolution also transforms its kernel; a run does that once.
STEP_OVERHEAD = 0.6


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
    """

    multiplications: int
    bytes: int
    fixed_bytes: int


def multiplications(vgg: VGG, image_shape: tuple[int, ...]) -> dict[str, int]:
    """Count the multiplications of each layer's direct computation, forward.

    >>> vgg = VGG.random((4,), np.random.default_rng(0))
    >>> multiplications(vgg, (1, 8, 8, 3))["conv1_1"]  # 64 positions, 27 inputs, 4 filters
    6912
    """
    shapes = vgg.feature_shapes(image_shape)
    counts = dict.fromkeys(shapes, 0)
    for name, (w, _) in vgg.params.items():
        counts[name] = math.prod(shapes[name][:-1]) * w.size
    return counts


def estimate_run(
    vgg: VGG,
    image_shape: tuple[int, ...],
    names: list[str],
    optimizer: str = "lbfgs",
    style_shape: tuple[int, ...] | None = None,
) -> Estimate:
    """Estimate arithmetic and memory of a run.

    Parameters
    ----------
    vgg : VGG
    image_shape : tuple of int, (1, H, W, 3)
        Of the generated picture.
    names : list of str
        The losses' layers, from the image upwards.
    optimizer : str
    style_shape : tuple of int, optional
        Of the style picture, which goes through the network once.
    """
    below = vgg.layer_names[: vgg.layer_names.index(names[-1]) + 1] if names else []
    counts = multiplications(vgg, image_shape)
    pixels = math.prod(image_shape)
    # SciPy keeps 2m + 5 vectors of float64 for L-BFGS with memory m
    optimizer_bytes = (2 * MEMORY + 5) * 8 * pixels if optimizer == "lbfgs" else 4 * 8 * pixels
    passes = [
        _pass_bytes(vgg, shape, names, below) for shape in (image_shape, style_shape) if shape
    ]
    fixed = BASE_BYTES + sum(w.nbytes for w, _ in vgg.params.values())
    fixed += vgg.transformed_bytes(below, image_shape)
    total = fixed + max(passes) + optimizer_bytes
    return Estimate(2 * sum(counts[name] for name in below), int(total), int(fixed))


def _pass_bytes(vgg: VGG, shape: tuple[int, ...], names: list[str], below: list[str]) -> int:
    """Count what one forward and backward pass keeps at its peak.

    The activations that losses look at, a bit a number for each ReLU's mask, and the
    input and output of the layer being computed.
    """
    shapes = vgg.feature_shapes(shape)
    sizes = [math.prod(shapes[name]) for name in below]
    masks = sum(math.prod(shapes[name]) for name in below if name.startswith("relu")) // 8
    kept = sum(math.prod(shapes[name]) for name in names)
    moving = max((a + b for a, b in pairwise(sizes)), default=0)
    return masks + (kept + moving) * vgg.dtype.itemsize


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


def available_memory() -> int | None:
    """Bytes that a new program may use without swapping; None where the system does not say."""
    limits = []
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text("utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(int(line.split()[1]) * 1024)
    elif hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    cgroup = Path("/sys/fs/cgroup/memory.max")
    if cgroup.exists() and cgroup.read_text("utf-8").strip().isdigit():
        limits.append(int(cgroup.read_text("utf-8")))
    return min(limits, default=None)


def check_memory(estimate: Estimate, height: int, width: int) -> None:
    """Refuse a run that cannot fit, and name a size that does."""
    have, need, fixed = available_memory(), estimate.bytes, estimate.fixed_bytes
    if have is None or need <= have:
        return
    share = max(have - fixed, 0) / max(need - fixed, 1)
    fitting = int(0.9 * max(height, width) * math.sqrt(share)) // 16 * 16
    advice = f"use size {fitting} or less" if fitting >= 64 else "free some memory first"
    raise TooLargeError(
        f"a run at {width}×{height} needs about {need / 1e9:.1f} GB of memory, "
        f"but only {have / 1e9:.1f} GB are free: {advice}"
    )
