"""What is computed here and elsewhere, side by side: a step, and convolutions; and taking turns."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, NamedTuple

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.errors import NonFiniteError
from nst_numpy.layers import conv_backward, conv_forward
from nst_numpy.objective import Objective
from nst_numpy.pictures.images import load_image, preprocess, resize_image
from nst_numpy.pictures.samples import sample_path
from nst_numpy.vgg import VGG

ALPHA, BETA, LAMBDA = 1.0, 1e4, 0.2
CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = tuple(f"relu{block}_1" for block in range(1, 6))
DEEPEST = "conv5_1"
PAUSE = 0.3  # seconds: another library's threads spin for a while before they sleep
TIMED = 3  # runs of a turn that are timed, after one that warms up


class Contender(NamedTuple):
    """One way to compute something.

    Attributes
    ----------
    name : str
    run : callable
        Computes it, in whatever arrays this contender has.
    read : callable
        Makes NumPy's arrays of what `run` returns, channels last, to be compared.
    """

    name: str
    run: Callable[[], Any]
    read: Callable[[Any], Sequence[Any]]


@dataclass(frozen=True)
class StepCase:
    """J and ∂J/∂x: content at relu4_2, Gram matrices at relu1_1 … relu5_1, average pools.

    Attributes
    ----------
    params : mapping of str to (w, b)
        The convolutions up to conv5_1, kernels (kh, kw, C_in, C_out).
    content, style, x : ndarray, float32 (1, H, W, 3)
    """

    params: Mapping[str, tuple[Array, Array]]
    content: Array
    style: Array
    x: Array


@dataclass(frozen=True)
class ConvolutionCase:
    """A convolution with stride 1 and the gradients of its input, filters and bias.

    Attributes
    ----------
    x, w, b, grad_out : ndarray, float32
        (N, *sizes, C_in), (*kernel, C_in, C_out), (C_out,), (N, *out_sizes, C_out).
    pad : int
    """

    x: Array
    w: Array
    b: Array
    grad_out: Array
    pad: int


def pictures(size: int) -> tuple[Array, Array, Array]:
    """Take two of the samples, and a start that is neither of them, (1, size, size, 3) each."""
    content, style = (
        preprocess(resize_image(load_image(sample_path(name)), (size, size)))
        for name in ("neuschwanstein", "starry_night")
    )
    noise = np.random.default_rng(0).normal(0, 10, content.shape)
    return content, style, (content + noise).astype(np.float32)


def params_below(params: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the convolutions above the deepest that counts."""
    below = [*takewhile(lambda name: name != DEEPEST, params), DEEPEST]
    return {name: params[name] for name in below}


def step_case(vgg: VGG, size: int) -> StepCase:
    """Make the step of a picture of size×size pixels."""
    return StepCase(params_below(vgg.params), *pictures(size))


def convolution_case(x_shape: Sequence[int], w_shape: Sequence[int], pad: int) -> ConvolutionCase:
    """Draw the numbers of a convolution."""
    rng = np.random.default_rng(0)
    shapes = (tuple(x_shape), tuple(w_shape), tuple(w_shape[-1:]))
    x, w, b = (rng.standard_normal(shape, dtype=np.float32) for shape in shapes)
    sizes = (n + 2 * pad - k + 1 for n, k in zip(x_shape[1:-1], w_shape[:-2], strict=True))
    grad_out = rng.standard_normal((x_shape[0], *sizes, w_shape[-1]), dtype=np.float32)
    return ConvolutionCase(x, w, b, grad_out, pad)


def step_here(vgg: VGG, case: StepCase) -> Contender:
    """Compute the step with this package."""
    layers = dict.fromkeys(STYLE_LAYERS, LAMBDA)
    objective = Objective(
        vgg, case.content, case.style, alpha=ALPHA, beta=BETA,
        content_layers={CONTENT_LAYER: 1.0}, style_layers=layers,
    )  # fmt: skip
    return Contender("nst_numpy", lambda: objective(case.x), list)


def convolution_here(case: ConvolutionCase) -> Contender:
    """Compute the convolution and its gradients with this package."""

    def run() -> list[Array]:
        out, cache = conv_forward(case.x, case.w, case.b, pad=case.pad)
        return [out, *conv_backward(case.grad_out, cache)]

    return Contender("nst_numpy", run, list)


def check_alike(contenders: Sequence[Contender], most: float) -> None:
    """Refuse to compare times where results differ.

    Parameters
    ----------
    contenders : sequence of Contender
    most : float
        The largest difference allowed, as a norm, relative to the first contender's result.

    Raises
    ------
    NonFiniteError
        One of them computes something else.
    """
    first, *others = contenders
    ours = first.read(first.run())
    for other in others:
        for a, b in zip(ours, other.read(other.run()), strict=True):
            apart = float(np.linalg.norm(np.ravel(a - b)) / np.linalg.norm(np.ravel(a)))
            if not apart <= most:
                raise NonFiniteError(
                    f"{other.name} computes something else than {first.name}: apart by {apart:.1e}"
                )


def take_turns(
    contenders: Sequence[Contender], rounds: int, after_each: Callable[[], object] = lambda: None
) -> list[list[float]]:
    """Time all of them, so that a slow moment of the machine hits each.

    Parameters
    ----------
    contenders : sequence of Contender
    rounds : int
        Turns of each; a turn is one run that warms up and `TIMED` more.
    after_each : callable
        Called after each turn.

    Returns
    -------
    list of list of float
        The seconds of each contender's runs.
    """
    seconds: list[list[float]] = [[] for _ in contenders]
    for _ in range(rounds):
        for contender, times in zip(contenders, seconds, strict=True):
            time.sleep(PAUSE)
            contender.run()
            for _ in range(TIMED):
                started = time.perf_counter()
                contender.run()
                times.append(time.perf_counter() - started)
            after_each()
    return seconds


def style_scale(shape: Sequence[int]) -> float:
    """Return what a layer's squared Gram differences count, (5), for (…) of so many numbers."""
    return LAMBDA * BETA / (2 * math.prod(shape)) ** 2
