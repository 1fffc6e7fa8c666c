"""The speed ladder: one convolution in three ways, and one step of style transfer."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nst_numpy.kernels.threads import blas
from nst_numpy.layers import conv_forward, get_threads
from nst_numpy.measure.estimate import estimate_run
from nst_numpy.objective import Objective
from nst_numpy.pictures.images import preprocess
from nst_numpy.vgg import VGG

MAP, CHANNELS = 128, 256  # conv3_2 of VGG-16 at 512×512
LOOPS_MAP, LOOPS_CHANNELS = 6, 16  # what plain loops can do in about a second


@dataclass(frozen=True)
class Rung:
    """One way to compute, and how fast it is.

    Attributes
    ----------
    name : str
    seconds : float
        Median time of the computation named.
    gflops : float
        Operations of the direct computation, done or not, a second, in 10⁹. A method with
        fewer multiplications can pass the peak of matrix products.
    error : float or None
        Largest error of an output, in units of the outputs' standard deviation, against
        float64.
    note : str
    """

    name: str
    seconds: float
    gflops: float
    error: float | None = None
    note: str = ""


def sgemm_peak() -> float:
    """Measure the machine's peak: float32 matrix products, GFLOP/s, on the threads in use."""
    n = 2048
    a = np.random.default_rng(0).standard_normal((n, n)).astype(np.float32)
    out = np.empty_like(a)
    with blas().limit(limits=get_threads()):
        return 2 * n**3 / median_time(lambda: np.matmul(a, a, out=out), 5) / 1e9


def convolution_ladder(repeats: int = 5) -> list[Rung]:
    """Time one 3×3 convolution by loops, im2col and Winograd: (1, 128, 128, 256) -> 256."""
    rng = np.random.default_rng(0)
    x = np.maximum(rng.standard_normal((1, MAP, MAP, CHANNELS)), 0).astype(np.float32)
    w = rng.standard_normal((3, 3, CHANNELS, CHANNELS)) / np.sqrt(4.5 * CHANNELS)
    w, b = w.astype(np.float32), np.zeros(CHANNELS, np.float32)
    operations = 2 * MAP * MAP * w.size
    exact, _ = conv_forward(x.astype(np.float64), w.astype(np.float64), b.astype(np.float64), pad=1)
    rungs = [_loops(rng, operations)]
    for method in ("im2col", "winograd"):
        out, _ = conv_forward(x, w, b, pad=1, method=method)
        error = float(np.abs(out - exact).max() / exact.std())
        seconds = median_time(partial(conv_forward, x, w, b, pad=1, method=method), repeats)
        rungs.append(Rung(method, seconds, operations / seconds / 1e9, error))
    return rungs


def _loops(rng: np.random.Generator, operations: int) -> Rung:
    """Time the definition on a small convolution, and scale it to the large one."""
    shape = (1, LOOPS_MAP, LOOPS_MAP, LOOPS_CHANNELS)
    x = rng.standard_normal(shape).astype(np.float32)
    w = rng.standard_normal((3, 3, LOOPS_CHANNELS, LOOPS_CHANNELS)).astype(np.float32)
    b = np.zeros(LOOPS_CHANNELS, np.float32)
    out, _ = conv_forward(x, w, b, method="reference")
    exact, _ = conv_forward(*(v.astype(np.float64) for v in (x, w, b)))
    started = time.perf_counter()
    conv_forward(x, w, b, method="reference")
    rate = 2 * out[..., 0].size * w.size / (time.perf_counter() - started)
    error = float(np.abs(out - exact).max() / exact.std())
    return Rung("loops", operations / rate, rate / 1e9, error, "scaled up from a small one")


def step_rung(vgg: VGG, content: NDArray[np.uint8], style: NDArray[np.uint8]) -> Rung:
    """Time J and its pixel gradient; the error is the gradient's, against float64, as a norm."""
    x, exact = (
        Objective(vgg_, preprocess(content, vgg_.dtype), preprocess(style, vgg_.dtype))
        for vgg_ in (vgg, VGG({n: _double(p) for n, p in vgg.params.items()}, vgg.pool))
    )
    noise = np.random.default_rng(0).normal(0, 10, x.shape).astype(np.float32)
    start = preprocess(content) + noise
    _, grad = x(start)
    _, exact_grad = exact(start.astype(np.float64))
    error = float(np.linalg.norm(grad - exact_grad) / np.linalg.norm(exact_grad))
    seconds = median_time(lambda: x(start), 5)
    operations = 2 * estimate_run(vgg, x.shape, x.names).multiplications
    height, width = content.shape[:2]
    note = f"{width}×{height}, loss and gradient"
    return Rung("whole step", seconds, operations / seconds / 1e9, error, note)


def _double(pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return pair[0].astype(np.float64), pair[1].astype(np.float64)


def median_time(work: Callable[[], object], repeats: int) -> float:
    """Run once to warm up, then take the median of some timed runs, in seconds."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return float(np.median(times))
