"""No right gradient is accused: a thousand random cases of all layers and losses."""

from functools import partial

import numpy as np
import pytest

from nst_numpy import losses, training
from nst_numpy.gradcheck import check_backward, check_gradient
from nst_numpy.gradcheck.zoo import LAYERS, check_layer
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


RIGHT = {
    "conv": conv,
    "max_pool": partial(pool, max_pool_forward, max_pool_backward),
    "avg_pool": partial(pool, avg_pool_forward, avg_pool_backward),
    "global_avg_pool": partial(elementwise, global_avg_pool_forward, global_avg_pool_backward),
    "relu": partial(elementwise, relu_forward, relu_backward),
    "dense": dense,
    **{n: partial(loss, n) for n in ("content", "style", "tv", "mean squared", "softmax")},
}


@pytest.mark.parametrize("name", RIGHT)
def test_no_right_gradient_is_accused(name):
    rng = np.random.default_rng(list(RIGHT).index(name))
    for _ in range(1000 // len(RIGHT) + 1):
        report = RIGHT[name](rng)
        assert report.ok, str(report)


@pytest.mark.parametrize("name", LAYERS)
def test_the_zoos_layers_are_right(name):
    report = check_layer(name)
    assert report.ok, str(report)
