"""What the zoo's mistakes are made in: small layers and losses, and what each is checked at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nst_numpy.common.arrays import Array64
from nst_numpy.gradcheck.zoo import elementwise, layers, losses, mixing

Rng = np.random.Generator
LayerFunction = Callable[..., Any]


@dataclass(frozen=True)
class ZooLayer:
    """A layer of the zoo, and what it is checked at.

    Attributes
    ----------
    title : str
    functions : tuple of function
        (forward, backward), or (loss,) that returns value and gradient.
    inputs : callable
        Takes a Generator and returns the inputs by name. Of a loss, the first is
        differentiated.
    options : dict
        Of forward; arrays in them are not checked.
    """

    title: str
    functions: tuple[LayerFunction, ...]
    inputs: Callable[[Rng], dict[str, Array64]]
    options: dict[str, Any]


def _normal(**shapes: tuple[int, ...]) -> Callable[[Rng], dict[str, Array64]]:
    def draw(rng: Rng) -> dict[str, Array64]:
        return {name: rng.standard_normal(shape) for name, shape in shapes.items()}

    return draw


def _whole(**shapes: tuple[int, ...]) -> Callable[[Rng], dict[str, Array64]]:
    """Small whole numbers: zeros and ties."""

    def draw(rng: Rng) -> dict[str, Array64]:
        return {n: rng.integers(-2, 3, shape).astype(np.float64) for n, shape in shapes.items()}

    return draw


def _with_gram(rng: Rng) -> dict[str, Array64]:
    """Draw an activation and the Gram matrix of another one."""
    a, other = rng.standard_normal((1, 4, 5, 3)), rng.standard_normal((20, 3))
    return {"a": a, "target": other.T @ other}


def _probabilities(rng: Rng) -> dict[str, Array64]:
    y = rng.integers(0, 2, (4, 3)).astype(np.float64)
    return {"p": rng.uniform(0.1, 0.9, (4, 3)), "y": y}


def _scores(rng: Rng) -> dict[str, Any]:
    return {"scores": rng.standard_normal((5, 4)), "labels": rng.integers(0, 4, 5)}


def _positive(rng: Rng) -> dict[str, Array64]:
    return {"x": rng.uniform(0.5, 2.0, (4, 5))}


def _filter(k: int, c: int, f: int) -> Array64:
    return np.random.default_rng(7).standard_normal((k, k, c, f))


_CONV = (layers.conv_forward, layers.conv_backward)
_MAX = (layers.max_pool_forward, layers.max_pool_backward)
_AVG = (layers.avg_pool_forward, layers.avg_pool_backward)
_RELU = (layers.relu_forward, layers.relu_backward)
_FILTER = (layers.filter_forward, layers.filter_backward)
_DENSE = (layers.dense_forward, layers.dense_backward)

LAYERS = {
    "conv 1-D": ZooLayer(
        "convolution, 1-D", _CONV, _normal(x=(3, 7, 2), w=(3, 2, 4), b=(4,)), {"pad": 1}
    ),
    "conv 2-D": ZooLayer(
        "convolution, 2-D", _CONV, _normal(x=(2, 5, 4, 2), w=(3, 3, 2, 4), b=(4,)), {"pad": 1}
    ),
    "conv 2-D, stride 2": ZooLayer(
        "convolution, 2-D, stride 2",
        _CONV,
        _normal(x=(2, 7, 5, 2), w=(3, 3, 2, 3), b=(3,)),
        {"stride": 2},
    ),
    "conv 2-D, C = F": ZooLayer(
        "convolution, 2-D, as many channels as filters",
        _CONV,
        _normal(x=(2, 4, 5, 2), w=(3, 3, 2, 2), b=(2,)),
        {"pad": 1},
    ),
    "conv 3-D": ZooLayer(
        "convolution, 3-D", _CONV, _normal(x=(2, 3, 3, 4, 2), w=(2, 2, 2, 2, 3), b=(3,)), {}
    ),
    "max-pool": ZooLayer("max-pooling", _MAX, _normal(x=(2, 4, 6, 2)), {}),
    "max-pool, overlapping": ZooLayer(
        "max-pooling, overlapping windows", _MAX, _normal(x=(2, 5, 7, 2)), {"size": 3}
    ),
    "max-pool, ties": ZooLayer("max-pooling of whole numbers", _MAX, _whole(x=(2, 4, 6, 2)), {}),
    "average pool": ZooLayer("average pooling", _AVG, _normal(x=(2, 4, 6, 2)), {}),
    "average pool, overlapping": ZooLayer(
        "average pooling, overlapping windows", _AVG, _normal(x=(2, 5, 7, 2)), {"size": 3}
    ),
    "ReLU": ZooLayer("ReLU", _RELU, _normal(x=(2, 4, 5, 2)), {}),
    "ReLU, zeros": ZooLayer("ReLU of whole numbers", _RELU, _whole(x=(2, 4, 5, 2)), {}),
    "sigmoid": ZooLayer(
        "sigmoid", (layers.sigmoid_forward, layers.sigmoid_backward), _normal(x=(4, 6)), {}
    ),
    "dense": ZooLayer("dense", _DENSE, _normal(x=(5, 4), w=(4, 3), b=(3,)), {}),
    "dense, square": ZooLayer("dense, square", _DENSE, _normal(x=(5, 4), w=(4, 4), b=(4,)), {}),
    "Gram": ZooLayer(
        "Gram matrix", (layers.gram_forward, layers.gram_backward), _normal(a=(12, 4)), {}
    ),
    "content loss": ZooLayer(
        "content loss", (losses.content_loss,), _normal(a=(1, 4, 5, 3), target=(1, 4, 5, 3)), {}
    ),
    "style loss": ZooLayer("style loss", (losses.style_loss,), _with_gram, {}),
    "TV loss": ZooLayer("total variation", (losses.tv_loss,), _normal(x=(1, 5, 6, 3)), {}),
    "filter": ZooLayer(
        "a fixed filter", _FILTER, _normal(x=(2, 5, 6, 2)), {"w": _filter(3, 2, 3), "pad": 1}
    ),
    "filter, one channel": ZooLayer(
        "a fixed filter of one channel", _FILTER, _normal(x=(1, 6, 5, 1)),
        {"w": _filter(3, 1, 1), "pad": 1},
    ),
    "filter, C = F": ZooLayer(
        "a fixed filter, as many channels as filters", _FILTER, _normal(x=(1, 5, 4, 2)),
        {"w": _filter(2, 2, 2)},
    ),
    "global pool": ZooLayer(
        "global average pooling", (layers.global_pool_forward, layers.global_pool_backward),
        _normal(x=(2, 3, 5, 4)), {},
    ),
    "upsampling": ZooLayer(
        "upsampling", (layers.upsample_forward, layers.upsample_backward),
        _normal(x=(2, 3, 4, 2)), {},
    ),
    "flatten": ZooLayer(
        "flatten", (layers.flatten_forward, layers.flatten_backward), _normal(x=(2, 3, 4, 2)), {}
    ),
    "dense, N = F": ZooLayer(
        "dense, as many items as outputs", _DENSE, _normal(x=(4, 3), w=(3, 4), b=(4,)), {}
    ),
    "Gram of a picture": ZooLayer(
        "Gram matrix of a picture", (layers.gram_picture_forward, layers.gram_picture_backward),
        _normal(a=(4, 5, 3)), {},
    ),
    "tanh": ZooLayer(
        "tanh", (elementwise.tanh_forward, elementwise.tanh_backward), _normal(x=(4, 6)), {}
    ),
    "leaky ReLU": ZooLayer(
        "leaky ReLU", (elementwise.leaky_relu_forward, elementwise.leaky_relu_backward),
        _normal(x=(4, 6)), {},
    ),
    "clip": ZooLayer(
        "clip", (elementwise.clip_forward, elementwise.clip_backward), _normal(x=(5, 6)), {}
    ),
    "absolute value": ZooLayer(
        "absolute value", (elementwise.absolute_forward, elementwise.absolute_backward),
        _normal(x=(4, 6)), {},
    ),
    "cube": ZooLayer(
        "cube", (elementwise.cube_forward, elementwise.cube_backward), _normal(x=(4, 6)), {}
    ),
    "logarithm": ZooLayer(
        "logarithm", (elementwise.log_forward, elementwise.log_backward), _positive, {}
    ),
    "dropout": ZooLayer(
        "dropout", (elementwise.dropout_forward, elementwise.dropout_backward),
        _normal(x=(5, 6)), {},
    ),
    "softmax": ZooLayer(
        "softmax", (mixing.softmax_forward, mixing.softmax_backward), _normal(x=(4, 5)), {}
    ),
    "unit length": ZooLayer(
        "rows of length 1", (mixing.unit_length_forward, mixing.unit_length_backward),
        _normal(x=(3, 6)), {},
    ),
    "batch norm": ZooLayer(
        "batch normalisation", (mixing.batch_norm_forward, mixing.batch_norm_backward),
        _normal(x=(8, 3), gamma=(3,), beta=(3,)), {},
    ),
    "attention scores": ZooLayer(
        "scaled dot products", (mixing.scores_forward, mixing.scores_backward),
        _normal(q=(4, 5), k=(3, 5)), {},
    ),
    "residual block": ZooLayer(
        "residual block", (mixing.residual_forward, mixing.residual_backward),
        _normal(x=(4, 3), w=(3, 3)), {},
    ),
    "running sum": ZooLayer(
        "running sum", (mixing.running_sum_forward, mixing.running_sum_backward),
        _normal(x=(3, 6)), {},
    ),
    "RNN": ZooLayer(
        "recurrent layer", (mixing.rnn_forward, mixing.rnn_backward),
        _normal(x=(2, 4, 3), u=(3, 3)), {},
    ),
    "LSTM step": ZooLayer(
        "one step of an LSTM", (mixing.lstm_forward, mixing.lstm_backward),
        _normal(x=(3, 8), c=(3, 2)), {},
    ),
    "mean squared error": ZooLayer(
        "mean squared error", (losses.mean_squared_error,), _normal(a=(4, 5), target=(4, 5)), {}
    ),
    "cross-entropy": ZooLayer("softmax and cross-entropy", (losses.cross_entropy,), _scores, {}),
    "binary cross-entropy": ZooLayer(
        "cross-entropy of probabilities", (losses.binary_cross_entropy,), _probabilities, {}
    ),
    "ridge": ZooLayer(
        "squares with weight decay", (losses.ridge_loss,), _normal(w=(6,), x=(8, 6), y=(8,)), {}
    ),
}  # fmt: skip
