"""The project's own gradients, checked like anybody's: layers, losses, the whole objective."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from nst_numpy import layers, losses, training
from nst_numpy.common.arrays import Array, Image
from nst_numpy.gradcheck import check_backward, check_directions, check_gradient
from nst_numpy.gradcheck.report import GradientReport
from nst_numpy.objective import Objective
from nst_numpy.pictures.images import preprocess
from nst_numpy.vgg import VGG, PoolKind

BETA = 1e3
TV = 10.0
SINGLE = 1e-3  # tolerance for a gradient computed in float32


@dataclass(frozen=True)
class OwnCheck:
    """One row: what was checked, the report, and the time it took."""

    name: str
    report: GradientReport
    seconds: float


def own_checks(content: Image, style: Image, seed: int = 0) -> Iterator[OwnCheck]:
    """Check everything; yield one result after the other.

    Parameters
    ----------
    content, style : ndarray, uint8 (H, W, 3)
        Pictures for the objective with the real network. At least 16 pixels a side.
    seed : int
        Of all random numbers.
    """
    rng = np.random.default_rng(seed)
    objective = partial(_objective, content, style)
    work: dict[str, Callable[[np.random.Generator], GradientReport]] = {
        **LAYERS,
        **LOSSES,
        "objective, small network": _small_objective,
        "objective, VGG-16, average pools": partial(objective, "avg"),
        "objective, VGG-16, max pools": partial(objective, "max"),
        "objective, VGG-16, in float32": partial(objective, "avg", dtype=np.float32),
    }
    for name, check in work.items():
        started = time.perf_counter()
        report = check(rng)
        yield OwnCheck(name, report, time.perf_counter() - started)


def _conv(
    x_shape: tuple[int, ...], w_shape: tuple[int, ...], rng: np.random.Generator, **options: Any
) -> GradientReport:
    inputs = {
        "x": rng.standard_normal(x_shape),
        "w": rng.standard_normal(w_shape),
        "b": rng.standard_normal(w_shape[-1:]),
    }
    return check_backward(partial(layers.conv_forward, **options), layers.conv_backward, inputs)


def _of_x(
    pair: tuple[Callable[..., Any], Callable[..., Any]], shape: tuple[int, ...], ties: bool,
    rng: np.random.Generator, **options: Any,
) -> GradientReport:  # fmt: skip
    """Check a layer with one input; whole numbers have ties and zeros."""
    forward, backward = pair
    x = rng.integers(-2, 3, shape).astype(np.float64) if ties else rng.standard_normal(shape)
    return check_backward(partial(forward, **options), backward, {"x": x})


def _dense(rng: np.random.Generator) -> GradientReport:
    shapes = {"x": (6, 5), "w": (5, 4), "b": (4,)}
    inputs = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    return check_backward(layers.dense_forward, layers.dense_backward, inputs)


_POOLS: dict[str, Any] = {
    "max": (layers.max_pool_forward, layers.max_pool_backward),
    "avg": (layers.avg_pool_forward, layers.avg_pool_backward),
}
_RELU = (layers.relu_forward, layers.relu_backward)
_GLOBAL = (layers.global_avg_pool_forward, layers.global_avg_pool_backward)
_OVERLAPPING: dict[str, Any] = {"size": 3, "stride": 2, "pad": 1}

LAYERS: dict[str, Callable[[np.random.Generator], GradientReport]] = {
    "conv, 1-D": partial(_conv, (2, 9, 3), (3, 3, 4), stride=2, pad=1),
    "conv, 2-D": partial(_conv, (2, 6, 5, 3), (3, 3, 3, 4), pad=1),
    "conv, 2-D, strides and dilation": partial(
        _conv, (2, 7, 8, 2), (3, 2, 2, 3), stride=(2, 1), pad=(1, 0), dilation=(1, 2)
    ),
    "conv, 3-D": partial(_conv, (1, 4, 3, 5, 2), (2, 3, 2, 2, 2), pad="same"),
    "conv, plain loops": partial(_conv, (1, 4, 4, 2), (3, 3, 2, 2), pad=1, method="reference"),
    "max-pool, 2-D": partial(_of_x, _POOLS["max"], (2, 6, 8, 3), False),
    "max-pool, overlapping": partial(_of_x, _POOLS["max"], (2, 7, 6, 2), False, **_OVERLAPPING),
    "max-pool, tied": partial(_of_x, _POOLS["max"], (2, 6, 6, 3), True),
    "average pool, 2-D": partial(_of_x, _POOLS["avg"], (2, 6, 8, 3), False),
    "average pool, overlapping": partial(_of_x, _POOLS["avg"], (2, 7, 6, 2), False, **_OVERLAPPING),
    "average pool, 3-D": partial(_of_x, _POOLS["avg"], (1, 4, 4, 6, 2), False),
    "global average pool": partial(_of_x, _GLOBAL, (2, 4, 5, 3), False),
    "ReLU": partial(_of_x, _RELU, (2, 5, 5, 3), False),
    "ReLU, zeros": partial(_of_x, _RELU, (2, 5, 5, 3), True),
    "dense": _dense,
}


def _loss(name: str, rng: np.random.Generator) -> GradientReport:
    x, other = rng.standard_normal((2, 2, 4, 5, 3))
    scores, labels = rng.standard_normal((6, 4)), rng.integers(0, 4, 6)
    cases: dict[str, tuple[Callable[[Array], tuple[float, Array]], Array]] = {
        "content": (lambda v: losses.content_loss(v, other), x),
        "style": (lambda v: losses.style_loss(v, losses.gram_matrix(other)), x),
        "wasserstein": (
            lambda v: losses.wasserstein_loss(v, losses.mean_and_covariance(other)),
            x,
        ),
        "neighbours": (lambda v: losses.neighbour_loss(v, other), x),
        "total variation": (losses.total_variation_loss, x),
        "mean squared error": (lambda v: training.mean_squared_error(v, other), x),
        "softmax cross-entropy": (lambda v: training.softmax_cross_entropy(v, labels), scores),
    }
    function, at = cases[name]
    return check_gradient(lambda v: function(v)[0], at, function(at)[1])


LOSSES: dict[str, Callable[[np.random.Generator], GradientReport]] = {
    f"loss, {name}": partial(_loss, name)
    for name in (
        "content",
        "style",
        "wasserstein",
        "neighbours",
        "total variation",
        "mean squared error",
        "softmax cross-entropy",
    )
}


def _small_objective(rng: np.random.Generator) -> GradientReport:
    """Check every pixel of the objective, with a network of two small blocks."""
    vgg = VGG.random((3, 4), rng, convolutions=(2, 2), pool="avg", dtype=np.float64)
    content, style, x = rng.uniform(-1, 1, (3, 1, 9, 11, 3))
    objective = Objective(
        vgg, content, style, beta=300.0, content_layers={"relu2_2": 1.0},
        style_layers={"relu1_1": 0.5, "relu2_1": 0.5}, tv_weight=0.01,
    )  # fmt: skip
    return check_gradient(lambda v: objective(v)[0], x, objective(x)[1], tolerance=1e-5)


def _objective(
    content: Image, style: Image, pool: PoolKind, rng: np.random.Generator, dtype: Any = np.float64
) -> GradientReport:
    """Check the whole objective with the real network, along random directions."""
    exact = _real(content, style, pool, np.float64)
    x = preprocess(content, np.float64) + rng.normal(0, 10, (1, *content.shape))
    if dtype == np.float64:
        return check_directions(lambda v: exact(v)[0], x, exact(x)[1])
    # the network that runs, Winograd's method included, against slopes in float64
    grad = _real(content, style, pool, dtype)(x.astype(dtype))[1]
    return check_directions(lambda v: exact(v)[0], x, grad, tolerance=SINGLE)


def _real(content: Image, style: Image, pool: PoolKind, dtype: Any) -> Objective:
    vgg = VGG.load(pool=pool, dtype=dtype)
    inputs = (preprocess(image, dtype) for image in (content, style))
    return Objective(vgg, *inputs, beta=BETA, tv_weight=TV)
