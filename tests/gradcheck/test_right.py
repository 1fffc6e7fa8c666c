"""No right gradient is accused: a thousand different ones of all layers and losses."""

from functools import partial

import numpy as np
import pytest

from nst_numpy import losses, training
from nst_numpy.gradcheck import check_backward, check_gradient
from nst_numpy.gradcheck.zoo import LAYERS, check_layer, mixing
from nst_numpy.gradcheck.zoo import elementwise as single
from nst_numpy.gradcheck.zoo import layers as small
from nst_numpy.gradcheck.zoo import losses as zoo_losses
from nst_numpy.layers import (
    avg_pool_backward,
    avg_pool_forward,
    conv_backward,
    conv_forward,
    dense_backward,
    dense_forward,
    global_avg_pool_backward,
    global_avg_pool_forward,
    max_pool_backward,
    max_pool_forward,
    relu_backward,
    relu_forward,
)


def numbers(rng, shape):
    """Normal, or whole (zeros and ties), or of another size."""
    kind = rng.integers(5)
    if kind == 0:
        return rng.integers(-2, 3, shape).astype(float)
    return rng.standard_normal(shape) * (1, 1, 1e-3, 1e3)[kind - 1]


def conv(rng):
    n = rng.integers(1, 4)
    kernel, stride, dilation, pad = (tuple(rng.integers(lo, hi, n)) for lo, hi in (
        (1, 3), (1, 3), (1, 3), (0, 3)
    ))  # fmt: skip
    sizes = [
        d * (k - 1) + 1 + int(rng.integers(0, 2)) for d, k in zip(dilation, kernel, strict=True)
    ]
    c, f = rng.integers(1, 3, 2)
    inputs = {
        "x": numbers(rng, (int(rng.integers(1, 3)), *sizes, c)),
        "w": numbers(rng, (*kernel, c, f)),
        "b": numbers(rng, (f,)),
    }
    options = {"stride": stride, "pad": pad, "dilation": dilation}
    return check_backward(partial(conv_forward, **options), conv_backward, inputs)


def pool(forward, backward, rng):
    n = rng.integers(1, 4)
    size, stride = (tuple(int(v) for v in rng.integers(1, 3 + (n < 3), n)) for _ in range(2))
    pad = tuple(int(rng.integers(0, k)) for k in size)
    sizes = [k + int(rng.integers(0, 2)) for k in size]
    x = numbers(rng, (1, *sizes, int(rng.integers(1, 3))))
    options = {"size": size, "stride": stride, "pad": pad}
    return check_backward(partial(forward, **options), backward, {"x": x})


def dense(rng):
    n, c, f = rng.integers(1, 5, 3)
    inputs = {"x": numbers(rng, (n, c)), "w": numbers(rng, (c, f)), "b": numbers(rng, (f,))}
    return check_backward(dense_forward, dense_backward, inputs)


def elementwise(forward, backward, rng):
    shape = tuple(rng.integers(1, 4, rng.integers(3, 5)))
    return check_backward(forward, backward, {"x": numbers(rng, shape)})


def loss(name, rng):
    shape = tuple(rng.integers(1, 4, 4))
    x, other = numbers(rng, shape), numbers(rng, shape)
    if name == "softmax":
        x = rng.standard_normal((int(rng.integers(1, 5)), int(rng.integers(2, 5)))) * 3
        labels = rng.integers(0, x.shape[1], len(x))
    function = {
        "content": lambda v: losses.content_loss(v, other),
        "style": lambda v: losses.style_loss(v, losses.gram_matrix(other)),
        "tv": losses.total_variation_loss,
        "mean squared": lambda v: training.mean_squared_error(v, other),
        "softmax": lambda v: training.softmax_cross_entropy(v, labels),
    }[name]
    return check_gradient(lambda v: function(v)[0], x, function(x)[1])


def chain(rng):
    """A few layers after each other, the way back written as a loop."""
    width, count = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    kinds = [STEPS[i] for i in rng.integers(0, len(STEPS), count)]
    weights = [rng.standard_normal((width, width)) for _ in kinds]

    def forward(x, weights):
        seen = []
        for (f, _), w in zip(kinds, weights, strict=True):
            seen.append((x, x @ w))
            x = f(x @ w)
        return x, (seen, weights)

    def backward(grad, cache):
        seen, weights = cache
        grads = []
        for (_, derivative), (x, z), w in zip(kinds[::-1], seen[::-1], weights[::-1], strict=True):
            grad = grad * derivative(z)
            grads.append(x.T @ grad)
            grad = grad @ w.T
        return grad, grads[::-1]

    x = numbers(rng, (int(rng.integers(1, 4)), width))
    return check_backward(forward, backward, {"x": x, "weights": weights})


STEPS = [  # function and derivative; some have kinks, some a jump in the second derivative
    (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    (lambda z: np.maximum(z, 0), lambda z: z > 0),
    (lambda z: z * np.abs(z), lambda z: 2 * np.abs(z)),
    (lambda z: np.logaddexp(0, z), lambda z: 1 / (1 + np.exp(-np.clip(z, -500, 500)))),
    (lambda z: np.where(z > 0, z, 0.1 * z), lambda z: np.where(z > 0, 1, 0.1)),
    (lambda z: np.minimum(np.maximum(z, 0), 1) ** 2, lambda z: 2 * z * ((z > 0) & (z < 1))),
    (lambda z: z, np.ones_like),
]


def pair(module, name):
    return getattr(module, f"{name}_forward"), getattr(module, f"{name}_backward")


ZOO = {  # functions, and the inputs' shapes from three sizes
    "upsample": (pair(small, "upsample"), lambda n, c, f: {"x": (n, c, f, 2)}),
    "flatten": (pair(small, "flatten"), lambda n, c, f: {"x": (n, c, f, 2)}),
    "Gram of a picture": (pair(small, "gram_picture"), lambda n, c, f: {"a": (n, f, c)}),
    "tanh": (pair(single, "tanh"), lambda n, c, f: {"x": (n, c)}),
    "leaky ReLU": (pair(single, "leaky_relu"), lambda n, c, f: {"x": (n, c)}),
    "clip": (pair(single, "clip"), lambda n, c, f: {"x": (n, c)}),
    "absolute value": (pair(single, "absolute"), lambda n, c, f: {"x": (n, c)}),
    "cube": (pair(single, "cube"), lambda n, c, f: {"x": (n, c)}),
    "dropout": (pair(single, "dropout"), lambda n, c, f: {"x": (n, c)}),
    "softmax": (pair(mixing, "softmax"), lambda n, c, f: {"x": (n, c)}),
    "unit length": (pair(mixing, "unit_length"), lambda n, c, f: {"x": (n, c)}),
    "batch norm": (
        pair(mixing, "batch_norm"), lambda n, c, f: {"x": (n + 2, c), "gamma": (c,), "beta": (c,)}
    ),
    "scores": (pair(mixing, "scores"), lambda n, c, f: {"q": (n, c), "k": (f, c)}),
    "residual": (pair(mixing, "residual"), lambda n, c, f: {"x": (n, c), "w": (c, c)}),
    "running sum": (pair(mixing, "running_sum"), lambda n, c, f: {"x": (n, c)}),
    "RNN": (pair(mixing, "rnn"), lambda n, c, f: {"x": (n, f, c), "u": (c, c)}),
    "LSTM": (pair(mixing, "lstm"), lambda n, c, f: {"x": (n, 4 * c), "c": (n, c)}),
}  # fmt: skip


def of_zoo(name, rng):
    """A layer of the zoo, at a shape of its own."""
    functions, inputs = ZOO[name]
    n, c, f = (int(size) for size in rng.integers(1, 6, 3))
    # where a row or a column is all alike, neither has a length or a spread
    draw = rng.standard_normal if name in ("unit length", "batch norm") else partial(numbers, rng)
    given = {argument: draw(shape) for argument, shape in inputs(n, c, f).items()}
    return check_backward(*functions, given, seed=int(rng.integers(1000)))


def with_positive(function, rng):
    """A loss of probabilities, or a logarithm."""
    shape = tuple(int(size) for size in rng.integers(1, 6, 2))
    p = rng.choice([rng.uniform(0.1, 0.9, shape), rng.uniform(0, 1, shape) ** 6 + 1e-9])
    y = rng.integers(0, 2, shape)
    if function is zoo_losses.binary_cross_entropy:
        return check_gradient(lambda v: function(v, y)[0], p, function(p, y)[1])
    return check_backward(single.log_forward, single.log_backward, {"x": p})


def ridge(rng):
    n, c = (int(size) for size in rng.integers(1, 8, 2))
    x, y, w = numbers(rng, (n, c)), numbers(rng, (n,)), numbers(rng, (c,))
    f = zoo_losses.ridge_loss
    return check_gradient(lambda w: f(w, x, y)[0], w, f(w, x, y)[1])


RIGHT = {
    "conv": conv,
    "max_pool": partial(pool, max_pool_forward, max_pool_backward),
    "avg_pool": partial(pool, avg_pool_forward, avg_pool_backward),
    "global_avg_pool": partial(elementwise, global_avg_pool_forward, global_avg_pool_backward),
    "relu": partial(elementwise, relu_forward, relu_backward),
    "dense": dense,
    **{n: partial(loss, n) for n in ("content", "style", "tv", "mean squared", "softmax")},
    "chain of layers": chain,
    "logarithm": partial(with_positive, None),
    "binary cross-entropy": partial(with_positive, zoo_losses.binary_cross_entropy),
    "ridge": ridge,
    **{name: partial(of_zoo, name) for name in ZOO},
}


EACH = 48


@pytest.mark.parametrize("name", RIGHT)
def test_no_right_gradient_is_accused(name):
    different = set()
    for seed in range(EACH):
        report = RIGHT[name](np.random.default_rng([list(RIGHT).index(name), seed]))
        assert report.ok, str(report)
        different.add(tuple(row.numeric_map.tobytes() for row in report.arguments.values()))
    assert len(different) * len(RIGHT) > 1000


@pytest.mark.parametrize("name", LAYERS)
def test_the_zoos_layers_are_right(name):
    report = check_layer(name)
    assert report.ok, str(report)
