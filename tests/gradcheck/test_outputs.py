"""Several outputs: an LSTM step has two, and each sends a gradient back."""

from collections import namedtuple

import numpy as np
import pytest

from nst_numpy.gradcheck import check_backward
from nst_numpy.gradcheck.outputs import Outputs

RNG = np.random.default_rng(0)
N, D, H = 3, 2, 4
INPUTS = {
    "x": RNG.standard_normal((N, D)), "h": RNG.standard_normal((N, H)),
    "c": RNG.standard_normal((N, H)), "w": RNG.standard_normal((D + H, 4 * H)),
}  # fmt: skip


def lstm(x, h, c, w):
    """One step: next h and next c."""
    seen = np.hstack([x, h])
    gates, new = 1 / (1 + np.exp(-(seen @ w[:, : 3 * H]))), np.tanh(seen @ w[:, 3 * H :])
    i, f, o = np.split(gates, 3, axis=1)
    next_c = f * c + i * new
    return (o * np.tanh(next_c), next_c), (seen, c, w, i, f, o, new, np.tanh(next_c))


def lstm_backward(grad_out, cache, from_h=1.0, from_c=1.0):
    grad_h, grad_c = grad_out
    seen, c, w, i, f, o, new, t = cache
    grad_c = from_c * grad_c + from_h * grad_h * o * (1 - t**2)
    parts = (
        grad_c * new * i * (1 - i), grad_c * c * f * (1 - f), grad_h * t * o * (1 - o),
        grad_c * i * (1 - new**2),
    )  # fmt: skip
    sums = np.hstack(parts)
    grad_seen = sums @ w.T
    return grad_seen[:, :D], grad_seen[:, D:], grad_c * f, seen.T @ sums


def test_an_lstm_step_is_checked():
    report = check_backward(lstm, lstm_backward, INPUTS)
    assert report.ok, str(report)
    assert [row.checked for row in report.arguments.values()] == [6, 12, 12, 96]


@pytest.mark.parametrize(("part", "which"), [("from_c", "out[1]"), ("from_h", "out[0]")])
def test_an_output_that_sends_nothing_back_is_named(part, which):
    def backward(grad_out, cache):
        return lstm_backward(grad_out, cache, **{part: 0.0})

    report = check_backward(lstm, backward, INPUTS)
    assert report.diagnosis.name == "output-ignored"
    assert f"The gradient of {which} is not used" in report.diagnosis.sentence


Pair = namedtuple("Pair", "h c")


@pytest.mark.parametrize(
    ("form", "first", "second"),
    [
        (lambda a, b: (a, b), 0, 1),
        (lambda a, b: [a, b], 0, 1),
        (lambda a, b: {"a": a, "b": b}, "a", "b"),
        (lambda a, b: (a, {"deep": [b]}), 0, 1),
        (lambda a, b: (a, b, None, np.arange(3), "text"), 0, 1),
    ],
)
@pytest.mark.parametrize("summed", [True, False])
def test_grad_out_has_the_form_of_out(form, first, second, summed):
    x = INPUTS["x"]
    seen = []

    def forward(x):
        return form(2 * x, (x**2).sum() if summed else x[:1] ** 2), x

    def backward(grad_out, x):
        seen.append(grad_out)
        a, b = grad_out[first], grad_out[second]
        b = b["deep"][0] if isinstance(b, dict) else b
        grad = 2 * a
        grad[slice(None) if summed else slice(1)] += 2 * (x if summed else x[:1]) * b
        return grad

    report = check_backward(forward, backward, {"x": x})
    assert report.ok, str(report)
    assert type(seen[0]) is type(form(1, 1))
    assert seen[0][first].shape == x.shape
    if len(seen[0]) == 5:
        assert seen[0][2:] == (None, None, None)
    wrong = check_backward(forward, lambda g, x: -backward(g, x), {"x": x})
    assert wrong.diagnosis.name == "sign"


def test_a_namedtuple_stays_one():
    def backward(grad_out, x):
        return 2 * grad_out.h + 2 * x * grad_out.c

    x = INPUTS["x"]
    assert check_backward(lambda x: (Pair(2 * x, x**2), x), backward, {"x": x}).ok


def test_grad_out_must_not_be_written_to():
    def backward(grad_out, x):
        grad_out[0][...] *= 2
        return grad_out[0] + grad_out[1]

    report = check_backward(lambda x: ((2 * x, x + 1), x), backward, {"x": INPUTS["x"]})
    assert (report.diagnosis.name, report.diagnosis.argument) == ("modified-in-place", "grad_out")


def test_three_things_are_no_two():
    report = check_backward(lambda x: (x, x, x), lambda g, x: g, {"x": INPUTS["x"]})
    assert report.diagnosis.sentence.endswith("Several outputs are one tuple: ((h, c), cache).")


@pytest.mark.parametrize("shapes", [((2, 3), (2, 1)), ((2, 3), (4,)), ((3,), (4,)), ((2, 3),)])
def test_parts_come_back_as_they_were(shapes):
    arrays = tuple(RNG.standard_normal(shape) for shape in shapes)
    outputs = Outputs.of(arrays)
    joined = outputs.joined()
    assert joined.size == sum(a.size for a in arrays)
    parts = outputs.like_out(outputs.split(joined))
    for part, array in zip(parts, arrays, strict=True):
        np.testing.assert_array_equal(part, array)
