import numpy as np
import pytest

from nst_numpy.weights import load_weights, sight


@pytest.fixture(scope="module")
def bundled():
    return load_weights()


@pytest.fixture(scope="module")
def x():
    return sight.photographs(4, 64)


def turn(params, *names):
    return {name: (w[::-1, ::-1] if name in names else w, b) for name, (w, b) in params.items()}


def few(params, last):
    """Keep the layers up to `last`; that one is not tried."""
    names = list(params)
    return {name: params[name] for name in names[: names.index(last) + 1]}


def test_photographs_are_squares_of_the_networks_numbers(x):
    assert x.shape == (4, 64, 64, 3)
    assert x.dtype == np.float32
    assert -124 < x.min() < -60
    assert 60 < x.max() < 152


@pytest.mark.parametrize(
    "names", [[], ["conv1_1"], ["conv1_2"], ["conv2_2"], ["conv2_1", "conv2_2"]]
)
def test_layers_that_are_turned_are_found(bundled, x, names):
    params = few(bundled, "conv3_1")
    assert sight.find_turned(turn(params, *names), x) == tuple(names)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["conv3_1", "conv3_3", "conv4_1", "conv4_3", "conv5_1", "conv5_2"])
def test_each_layer_but_the_last_is_found(bundled, name):
    assert sight.find_turned(turn(bundled, name), sight.photographs(8, 64)) == (name,)


def test_layers_that_are_all_turned_fit_each_other(bundled, x):
    params = few(bundled, "conv2_1")
    assert sight.find_turned(turn(params, *params), x) == ()


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_no_kernel_makes_the_numbers_overflow(x, scale):
    rng = np.random.default_rng(0)
    params = {
        f"conv1_{n}": (scale * rng.standard_normal((3, 3, 3, 3)).astype("f4"), np.ones(3, "f4"))
        for n in range(1, 7)
    }
    assert set(sight.find_turned(params, x)) < set(params)  # and no warning
