"""Where a step is too long: at the end of a function's domain, and for small entries."""

import numpy as np
import pytest

from nst_numpy.gradcheck import check_backward


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
