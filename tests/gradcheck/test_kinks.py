"""Where a function has no gradient: what is right there, what is only unusual, what is wrong."""

import numpy as np
import pytest

from nst_numpy.gradcheck import check_backward, check_gradient

X = np.array([[0.0, 1.0, -1.0, 0.0], [2.0, 2.0, -3.0, 2.0]])


def relu_check(slope_at_zero, **options):
    def backward(grad_out, x):
        return grad_out * np.where(x == 0, slope_at_zero, x > 0)

    return check_backward(lambda x: (np.maximum(x, 0), x), backward, {"x": X}, **options)


def test_relu_at_zero():
    assert relu_check(0).ok
    assert relu_check(0.5).ok  # between the two sides
    report = relu_check(1)
    assert report.diagnosis.name == "mask-at-zero"
    assert report.arguments["x"].wrong == 2
    assert "shown only at kinks" in report.diagnosis.evidence
    assert relu_check(1, kinks="subgradient").ok


@pytest.mark.parametrize("slope", [-0.5, 2.0])
def test_a_slope_outside_the_two_sides_is_wrong(slope):
    report = relu_check(slope, kinks="subgradient")
    assert report.diagnosis.name == "wrong-at-kink"
    assert report.arguments["x"].wrong == 2


@pytest.mark.parametrize("slope", [-1.0, 0.0, 1.0])
def test_any_slope_of_abs_is_right_at_zero(slope):
    def backward(grad_out, x):
        return grad_out * np.where(x == 0, slope, np.sign(x))

    assert check_backward(lambda x: (np.abs(x), x), backward, {"x": X}).ok


def maximum_check(share, **options):
    """Row maxima; `share` says what the tied entries of a row get."""

    def backward(grad_out, x):
        tied = x == x.max(axis=1, keepdims=True)
        return grad_out[:, None] * np.apply_along_axis(share, 1, tied.astype(float))

    return check_backward(lambda x: (x.max(axis=1), x), backward, {"x": X}, **options)


def one_of(which):
    def share(tied):
        only = np.zeros_like(tied)
        only[np.flatnonzero(tied)[which]] = 1
        return only

    return share


def test_tied_maxima():
    assert maximum_check(one_of(0)).ok
    assert maximum_check(one_of(-1)).ok  # the last is as good
    assert maximum_check(lambda tied: tied).diagnosis.name == "all-tied"
    assert maximum_check(lambda tied: tied, kinks="subgradient").diagnosis.name == "all-tied"
    assert maximum_check(lambda tied: tied / tied.sum()).diagnosis.name == "tie-shared"
    assert maximum_check(lambda tied: tied / tied.sum(), kinks="subgradient").ok
    # one row has no tie, the other loses half
    lost = maximum_check(lambda tied: tied / tied.sum() ** 2, kinks="subgradient")
    assert lost.diagnosis.name == "wrong-at-kink"


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-8, 1e-12, 1e-17])
@pytest.mark.parametrize("side", [1, -1])
def test_near_a_kink_there_is_a_gradient(distance, side):
    x = np.array([side * distance, 1.0, -1.0])
    right = check_backward(lambda x: (np.maximum(x, 0), x), lambda g, x: g * (x > 0), {"x": x})
    assert right.ok, str(right)
    wrong = check_backward(
        lambda x: (np.maximum(x, 0), x), lambda g, x: g * (x * side > -2), {"x": x}
    )
    assert not wrong.ok


def test_a_bend_is_no_kink():
    x = np.array([0.0, 1e-9, 0.5])
    report = check_gradient(lambda v: (v**2).sum(), x, 2 * x)
    assert report.ok
    assert report.arguments["x"].kinks == 0


def test_the_maximum_of_two_arguments():
    inputs = {"a": np.array([1.0, 2.0, 3.0]), "b": np.array([1.0, 3.0, 2.0])}

    def backward(grad_out, cache):
        a, b = cache
        return grad_out * (a >= b), grad_out * (a < b)

    report = check_backward(lambda a, b: (np.maximum(a, b), (a, b)), backward, inputs)
    assert report.ok, str(report)


def test_a_kink_of_the_slope_is_no_mistake():
    # Huber's loss: x²/2 up to 1, then straight; at 1 only its second derivative jumps
    x = np.array([[-1.0, 1.0, 0.0], [2.0, -1.0, 0.5]])

    def huber(v):
        return np.where(np.abs(v) <= 1, v**2 / 2, np.abs(v) - 0.5).sum()

    report = check_gradient(huber, x, np.clip(x, -1, 1))
    assert report.ok, str(report)
    assert not check_gradient(huber, x, np.clip(x, -1, 1.001)).ok


def _smoothstep(x):
    t = np.clip(x, 0, 1)
    return t * t * (3 - 2 * t)


JUMPS = {  # of the second derivative: function, derivative, where it jumps
    "x·|x|": (lambda x: x * np.abs(x), lambda x: 2 * np.abs(x), 0),
    "squared ReLU": (lambda x: np.maximum(x, 0) ** 2, lambda x: 2 * np.maximum(x, 0), 0),
    "steep": (lambda x: x + 1e4 * np.maximum(x, 0) ** 2, lambda x: 1 + 2e4 * np.maximum(x, 0), 0),
    "smoothstep": (_smoothstep, lambda x: 6 * np.clip(x, 0, 1) * (1 - np.clip(x, 0, 1)), 1),
    "ELU": (
        lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
        lambda x: np.exp(np.minimum(x, 0)), 0,
    ),
    "narrow Huber": (
        lambda x: np.where(np.abs(x) < 1e-3, x * x / 2e-3, np.abs(x) - 5e-4),
        lambda x: np.clip(1e3 * x, -1, 1), 1e-3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("beside", [[], [1.0, -1.3], [1e3], [0.0] * 6])
@pytest.mark.parametrize("name", JUMPS)
def test_at_and_near_a_jump_of_the_second_derivative(name, beside):
    f, derivative, joint = JUMPS[name]
    for distance in (0, 1e-3, -1e-5, 3e-6, -1e-6, 1e-7, -1e-9, 1e-12):
        x = np.array([joint + distance, *beside], float)
        report = check_backward(lambda x: (f(x), x), lambda g, x: g * derivative(x), {"x": x})
        assert report.ok, str(report)
        report = check_gradient(lambda x: f(x).sum(), x, derivative(x))
        assert report.ok, str(report)
        wrong = derivative(x)
        wrong[0] += 1e-2 * max(1, np.abs(wrong).max())
        assert not check_gradient(lambda x: f(x).sum(), x, wrong).ok


def test_many_entries_at_a_jump():
    f, derivative, joint = JUMPS["smoothstep"]
    x = np.full((12, 10), float(joint))
    assert check_gradient(lambda x: f(x).sum(), x, derivative(x)).ok
    wrong = derivative(x)
    wrong[11, 9] = 1e-3
    assert not check_gradient(lambda x: f(x).sum(), x, wrong).ok
