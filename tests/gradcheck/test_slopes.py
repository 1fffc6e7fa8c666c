"""Where a step is too long: at the end of a function's domain, and for small entries."""

import math

import numpy as np
import pytest

from nst_numpy.gradcheck import check_backward, check_gradient


def cross_entropy(p, y):
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(), (p, y)


def cross_entropy_backward(grad_out, cache):
    p, y = cache
    return grad_out * ((1 - y) / (1 - p) - y / p) / p.size


def normalise(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True), x


def normalise_backward(grad_out, x):
    squares = np.square(x).sum(1, keepdims=True)
    return (grad_out - x * (grad_out * x).sum(1, keepdims=True) / squares) / np.sqrt(squares)


EDGES = {
    "cross entropy": (
        cross_entropy,
        cross_entropy_backward,
        {"p": np.array([0.9999999, 0.2, 0.6]), "y": np.array([1, 0, 1])},
    ),
    "logarithm": (
        lambda x: (np.log(x), x), lambda g, x: g / x, {"x": np.array([2.6e-6, 1.0, 2.0])}
    ),
    "square root": (
        lambda x: (np.sqrt(x), x),
        lambda g, x: g / (2 * np.sqrt(x)),
        {"x": np.array([1e-7, 1.0])},
    ),
    "small row": (
        normalise, normalise_backward, {"x": np.array([[1e-9, 2e-9, -1e-9], [1.0, 2.0, 0.5]])}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
def test_a_right_gradient_at_the_edge_is_right(name):
    forward, backward, inputs = EDGES[name]
    report = check_backward(forward, backward, inputs)
    assert report.ok, str(report)
    for row in report.arguments.values():
        assert row.checked == row.entries


@pytest.mark.parametrize("name", EDGES)
def test_a_wrong_gradient_at_the_edge_is_found(name):
    forward, backward, inputs = EDGES[name]
    report = check_backward(forward, lambda g, cache: 1.01 * backward(g, cache), inputs)
    assert report.diagnosis.name == "factor"


def test_whole_numbers_beside_floats_are_named():
    forward, backward, inputs = EDGES["cross entropy"]
    report = check_backward(forward, backward, inputs)
    assert report.unchecked == ("y",)
    assert "y: whole numbers, passed on and not checked; for a check give floats" in str(report)
    assert report.record()["unchecked"] == ["y"]


def test_an_out_of_random_shape_is_called_random():
    rng = np.random.default_rng(0)
    report = check_backward(
        lambda x: (x[: rng.integers(1, 99)], x), lambda g, x: np.ones_like(x), {"x": np.ones(99)}
    )
    assert report.diagnosis.name == "random"
    assert "then (" in report.diagnosis.evidence


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("count", [1, 4])
def test_where_no_step_is_inside_the_domain_nothing_passes(value, count):
    x = np.arange(1.0, 5.0)

    def forward(v):
        return np.where((v != x) & (np.arange(4) < count), value, v), v

    report = check_backward(forward, lambda g, x: g, {"v": x})
    assert not report.ok
    assert report.diagnosis.name == "not-finite"
    assert report.diagnosis.evidence == f"{count} of 4 slopes are"


def test_what_is_empty_is_not_passed():
    def forward(x, b):
        return x + b.sum(), b

    def backward(grad_out, b):
        return grad_out, np.zeros_like(b)

    report = check_backward(forward, backward, {"x": np.ones(3), "b": np.ones(0)})
    assert (report.ok, report.diagnosis.name) == (False, "nothing-compared")
    assert report.diagnosis.argument == "b"
    assert str(report).startswith("backward: NOT CHECKED")
    report = check_backward(lambda x: (x[:0], x), lambda g, x: 0 * x, {"x": np.ones(3)})
    assert (report.ok, report.diagnosis.name) == (False, "nothing-compared")
    assert "out is empty" in report.diagnosis.sentence


def log_sum(x):
    return sum(math.log(value) for value in x)  # raises ValueError below 0


def log_det(a):
    return 2 * np.log(np.diag(np.linalg.cholesky((a + a.T) / 2))).sum()


def test_a_function_that_raises_outside_of_its_domain_is_checked_inside():
    x = np.array([1e-9, 0.5, 2.0])
    assert check_gradient(log_sum, x, 1 / x).ok
    assert not check_gradient(log_sum, x, 1.001 / x).ok
    a = np.diag([1e-8, 1.0, 2.0])
    assert check_gradient(log_det, a, np.linalg.inv(a)).ok


def test_a_function_that_always_raises_when_it_moves_says_what_it_raised():
    def f(x):
        if (x != 1).any():
            raise ValueError("only ones")
        return 3.0

    report = check_gradient(f, np.ones(3), np.zeros(3))
    assert report.diagnosis.name == "raised"
    assert "only ones" in report.diagnosis.sentence


def test_beside_an_entry_without_a_slope_the_others_are_compared():
    x = np.array([0.0, 1.0, 2.0, 3.0])
    grad = np.array([1.0, 0.5, 1.0, 0.5 / math.sqrt(3)])  # of 2.0: 0.354 would be right
    row = check_gradient(lambda x: np.sqrt(x).sum(), x, grad).arguments["x"]
    assert row.checked == 4
    assert list(row.error_map > row.tolerance) == [True, False, True, False]


@pytest.mark.parametrize("wrong", [1, 2])
def test_a_wrong_entry_is_found_beside_one_that_is_far_larger(wrong):
    x = np.array([1e-9, 1.0, 2.0])
    grad = 1 / x
    grad[wrong] *= 2
    row = check_gradient(lambda x: np.log(x).sum(), x, grad).arguments["x"]
    assert row.wrong == 1
    assert row.index == (wrong,)


@pytest.mark.parametrize("mean", [1e4, 1e5, 1e6])
def test_a_layer_that_takes_a_large_mean_away_is_not_accused(mean):
    def forward(x):
        centred = x - x.mean(1, keepdims=True)
        scale = 1 / np.sqrt(np.square(centred).mean(1, keepdims=True))
        return centred * scale, (centred * scale, scale)

    def backward(grad_out, cache):
        out, scale = cache
        pull = (grad_out * out).mean(1, keepdims=True)
        return scale * (grad_out - grad_out.mean(1, keepdims=True) - out * pull)

    for seed in range(3):
        x = mean + np.random.default_rng(seed).standard_normal((3, 8))
        assert check_backward(forward, backward, {"x": x}).ok
