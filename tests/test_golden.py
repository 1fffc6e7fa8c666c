"""Compare with what PyTorch computed in float64: see golden/README.md."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

import nst_numpy as nst

GOLDEN = Path(__file__).parent / "golden"
POOLS = ("avg", "max")
OBJECTIVES = ("one_content_layer", "two_content_layers")
FLOAT64_LIMIT = 1e-10
FLOAT32_LIMIT = 1e-4


def read_arrays(name):
    with np.load(GOLDEN / name) as file:
        return dict(file)


LAYERS = read_arrays("layers.npz")


@pytest.fixture(scope="module")
def golden():
    return read_arrays("vgg16.npz")


@pytest.fixture(scope="module", params=["plain", "fused"])
def network(request):
    """Return network(pool, dtype) for each engine; the weights are loaded once for each dtype."""
    load = cache(lambda dtype: nst.VGG.load(dtype=dtype).params)
    return cache(lambda pool, dtype: nst.VGG(load(dtype), pool=pool, engine=request.param))


@pytest.fixture(scope="module")
def content_features(golden, network):
    """Return content_features(pool, dtype), which computes all layers once."""

    @cache
    def compute(pool, dtype):
        x = nst.preprocess(golden["content"], dtype=dtype)
        return network(pool, dtype).forward(x, golden["layers"].tolist())

    return compute


@pytest.fixture(scope="module")
def found_objective(golden, network):
    """Return found_objective(name, pool, dtype) -> J, gradient, terms; each computed once."""

    @cache
    def compute(name, pool, dtype):
        content_x, style_x = (
            nst.preprocess(golden[which], dtype=dtype) for which in ("content", "style")
        )
        settings = read_settings(golden, name)
        objective = nst.Objective(network(pool, dtype), content_x, style_x, **settings)
        J, grad = objective(golden["x"].astype(dtype))
        return J, grad.copy(), dict(objective.terms)

    return compute


def read_settings(golden, name):
    settings = {key: golden[f"{name}/{key}"].item() for key in ("alpha", "beta", "tv_weight")}
    for key in ("content_layers", "style_layers"):
        names, lambdas = (golden[f"{name}/{key}/{part}"].tolist() for part in ("names", "lambdas"))
        settings[key] = dict(zip(names, lambdas, strict=True))
    return settings


def largest_error(found, expected):
    assert np.shape(found) == np.shape(expected)
    return np.max(np.abs(found - expected)) / np.max(np.abs(expected))


def error_of_norm(found, expected):
    assert np.shape(found) == np.shape(expected)
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


# ---- features


@pytest.mark.parametrize("pool", POOLS)
def test_features_in_float64(golden, content_features, pool):
    features = content_features(pool, np.float64)
    for layer in golden["layers"].tolist():
        a = features[layer]
        key = f"features/{layer}/{pool}"
        assert a.dtype == np.float64, layer
        assert a.shape == tuple(golden[f"{key}/shape"]), layer
        values = a.reshape(-1)[golden[f"features/{layer}/indices"]]
        assert largest_error(values, golden[f"{key}/values"]) < FLOAT64_LIMIT, layer
        assert largest_error(a.sum(), golden[f"{key}/sum"]) < FLOAT64_LIMIT, layer
        squares = np.sum(a**2)
        assert largest_error(squares, golden[f"{key}/sum_of_squares"]) < FLOAT64_LIMIT, layer


@pytest.mark.parametrize("pool", POOLS)
def test_features_in_float32(golden, content_features, pool):
    features = content_features(pool, np.float32)
    for layer in golden["layers"].tolist():
        assert features[layer].dtype == np.float32, layer
        values = features[layer].reshape(-1)[golden[f"features/{layer}/indices"]]
        expected = golden[f"features/{layer}/{pool}/values"]
        assert error_of_norm(values, expected) < FLOAT32_LIMIT, layer


# ---- the objective


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_terms_and_their_sum(golden, found_objective, name, pool):
    J, _, terms = found_objective(name, pool, np.float64)
    names, values = (golden[f"{name}/{pool}/terms/{part}"].tolist() for part in ("names", "values"))
    assert set(terms) == set(names)
    for term, value in zip(names, values, strict=True):
        assert largest_error(terms[term], value) < FLOAT64_LIMIT, term
    assert largest_error(J, golden[f"{name}/{pool}/J"]) < FLOAT64_LIMIT
    assert largest_error(sum(terms.values()), J) < FLOAT64_LIMIT


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_pixel_gradient_in_float64(golden, found_objective, name, pool):
    _, grad, _ = found_objective(name, pool, np.float64)
    assert grad.dtype == np.float64
    assert largest_error(grad, golden[f"{name}/{pool}/grad"]) < FLOAT64_LIMIT


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_pixel_gradient_in_float32(golden, found_objective, name, pool):
    _, grad, _ = found_objective(name, pool, np.float32)
    assert grad.dtype == np.float32
    assert error_of_norm(grad, golden[f"{name}/{pool}/grad"]) < FLOAT32_LIMIT


# ---- single layers


def layer_case(name, *settings):
    """Return the arrays of a case, and its settings as an int or a tuple."""
    prefix = f"{name}/"
    case = {key[len(prefix) :]: a for key, a in LAYERS.items() if key.startswith(prefix)}
    plain = {key: case.pop(key).tolist() for key in settings}
    return case, {
        key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()
    }


@pytest.mark.parametrize("name", LAYERS["conv_cases"].tolist())
def test_convolution(name):
    case, settings = layer_case(name, "stride", "pad", "dilation")
    out, cached = nst.layers.conv_forward(case["x"], case["w"], case["b"], **settings)
    grads = nst.layers.conv_backward(case["grad_out"], cached)
    assert largest_error(out, case["out"]) < FLOAT64_LIMIT
    for key, grad in zip(("grad_x", "grad_w", "grad_b"), grads, strict=True):
        assert largest_error(grad, case[key]) < FLOAT64_LIMIT, key


@pytest.mark.parametrize("name", LAYERS["max_pool_cases"].tolist())
def test_max_pooling(name):
    check_pooling(nst.layers.max_pool_forward, nst.layers.max_pool_backward, name)


@pytest.mark.parametrize("name", LAYERS["avg_pool_cases"].tolist())
def test_average_pooling(name):
    check_pooling(nst.layers.avg_pool_forward, nst.layers.avg_pool_backward, name)


def check_pooling(forward, backward, name):
    case, settings = layer_case(name, "size", "stride", "pad")
    out, cached = forward(case["x"], **settings)
    assert largest_error(out, case["out"]) < FLOAT64_LIMIT
    assert largest_error(backward(case["grad_out"], cached), case["grad_x"]) < FLOAT64_LIMIT
