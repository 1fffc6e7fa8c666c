"""Whatever somebody's functions do, the check ends with a report that says what."""

import numpy as np
import pytest

from nst_numpy.errors import GradientError, SettingError
from nst_numpy.gradcheck import assert_gradients, check_backward, check_gradient
from nst_numpy.layers import conv_backward, conv_forward

RNG = np.random.default_rng(0)
X, W, B = (RNG.standard_normal(shape) for shape in ((2, 4, 5, 3), (3, 3, 3, 2), (2,)))
INPUTS = {"x": X, "w": W, "b": B}


def diagnose(backward, forward=conv_forward, inputs=INPUTS):
    report = check_backward(forward, backward, inputs)
    assert not report.ok
    assert str(report)
    with pytest.raises(GradientError):
        report.raise_if_wrong()
    return report.diagnosis


def changed(change):
    return lambda grad_out, cache: change(*conv_backward(grad_out, cache))


@pytest.mark.parametrize(
    ("backward", "name", "argument"),
    [
        (lambda g, c: None, "missing-gradient", "x"),
        (changed(lambda x, w, b: (x, None, b)), "missing-gradient", "w"),
        (changed(lambda x, w, b: {"x": x, "b": b}), "missing-gradient", "w"),
        (changed(lambda x, w, b: (x, w)), "count", "b"),
        (changed(lambda x, w, b: x), "count", "w"),
        (changed(lambda x, w, b: (x, w, b, b)), "count", "b"),
        (lambda g, c: (), "count", "x"),
        (lambda g, c: "gradient", "not-an-array", "x"),
        (changed(lambda x, w, b: (x, w, ["a", 1])), "not-an-array", "b"),
        (changed(lambda x, w, b: (x, w, [[1], [1, 2]])), "not-an-array", "b"),
        (changed(lambda x, w, b: (x, w * np.nan, b)), "not-finite", "w"),
        (changed(lambda x, w, b: (x, w, b[None])), "shape", "b"),
        (changed(lambda x, w, b: (x[:, 1:], w, b)), "shape", "x"),
        (changed(lambda x, w, b: (x, w, 0.0)), "shape", "b"),
        (changed(lambda x, w, b: (x.astype(np.float32), w, b)), "dtype", "x"),
        (changed(lambda x, w, b: (x.astype(int), w, b)), "dtype", "x"),
        (changed(lambda x, w, b: (x, w + 0j, b)), "dtype", "w"),
    ],
)
def test_what_it_says_of_bad_returns(backward, name, argument):
    diagnosis = diagnose(backward)
    assert (diagnosis.name, diagnosis.argument) == (name, argument)


def test_lists_and_dicts_are_accepted():
    for change in (
        lambda x, w, b: [x, w, b],
        lambda x, w, b: {"w": w, "b": b, "x": x},
        lambda x, w, b: {"grad_x": x, "dw": w, "d_b": b},
        lambda x, w, b: (x, w, b.tolist()),
    ):
        assert check_backward(conv_forward, changed(change), INPUTS).ok


def test_an_error_is_reported_as_theirs_with_its_line():
    def backward(grad_out, cache):
        return cache["nowhere"]

    diagnosis = diagnose(backward, lambda x: (x, {}), {"x": X})
    assert diagnosis.name == "raised"
    assert "backward raised KeyError: 'nowhere'" in diagnosis.sentence
    assert "test_blind.py, line" in diagnosis.evidence
    assert 'in backward: return cache["nowhere"]' in diagnosis.evidence
    diagnosis = diagnose(backward, lambda y: (y, {}), {"x": X})
    assert "forward raised TypeError" in diagnosis.sentence


@pytest.mark.parametrize(
    ("forward", "name"),
    [
        (lambda x: x, "forward-result"),
        (lambda x: None, "forward-result"),
        (lambda x: ("out", x), "forward-result"),
        (lambda x: (x, x, x), "forward-result"),
        (lambda x: (x[x > 0], x), "forward-result"),
        (lambda x: (x / 0, x), "not-finite"),
        (lambda x: (x * np.random.default_rng().random(), x), "random"),
        (lambda x: (x.astype(np.float32), x), "dtype"),
    ],
)
def test_what_it_says_of_a_bad_forward(forward, name):
    x = np.array([1e-9, -1.0, 2.0]) if name == "forward-result" else X
    assert diagnose(lambda g, c: g, forward, {"x": x}).name == name


SHORT = X.astype(np.float32).astype(np.float64)


@pytest.mark.parametrize(
    ("forward", "x", "names"),
    [
        (lambda x: (np.tanh(x.astype(np.float32)).astype(np.float64), x), X, ["dtype"]),
        (lambda x: (np.tanh(x.astype(np.float32)).astype(np.float64), x), SHORT, ["dtype"]),
        (lambda x: (np.tanh(x), x), SHORT, []),
    ],
)
def test_a_forward_that_rounds_inside_is_named_and_no_right_gradient_accused(forward, x, names):
    report = check_backward(forward, lambda g, c: g * (1 - np.tanh(c) ** 2), {"x": x})
    assert [diagnosis.name for diagnosis in report.diagnoses] == names
    assert report.arguments["x"].wrong == 0


def test_numbers_that_are_only_picked_out_are_not_rounded():
    report = check_backward(lambda x: (np.maximum(x, 0), x), lambda g, c: g * (c > 0), {"x": SHORT})
    assert report.ok, report


def test_inputs_are_never_changed():
    kept = X.copy()

    def forward(x):
        x += 1
        return x, x

    assert diagnose(lambda g, c: g, forward, {"x": X}).name == "modified-in-place"
    np.testing.assert_array_equal(X, kept)


def test_labels_and_settings_are_passed_on():
    def forward(scores, labels, scale):
        return scores[np.arange(len(labels)), labels] * scale, (scores.shape, labels, scale)

    def backward(grad_out, cache):
        shape, labels, scale = cache
        grad = np.zeros(shape)
        grad[np.arange(len(labels)), labels] = grad_out * scale
        return grad

    inputs = {"scores": X[0, 0], "labels": np.array([0, 2, 1, 0, 0]), "scale": 3}
    report = check_backward(forward, backward, inputs)
    assert report.ok, str(report)
    assert list(report.arguments) == ["scores"]


def test_inputs_of_whole_numbers_alone_count_as_float():
    x = np.arange(12).reshape(3, 4)
    assert check_backward(lambda x: (x**2, x), lambda g, x: 2 * g * x, {"x": x}).ok


@pytest.mark.parametrize("seed", range(60))
def test_garbage_is_survived(seed):
    rng = np.random.default_rng(seed)

    def backward(grad_out, cache):
        def array():
            shape = tuple(rng.integers(0, 4, rng.integers(0, 6)))
            shape = [shape, X.shape, W.shape, B.shape, grad_out.shape][rng.integers(5)]
            values = rng.standard_normal(shape)
            values.ravel()[: rng.integers(0, 3)] = rng.choice([0, np.nan, np.inf, 1e300, 1e-300])
            return values.astype(rng.choice(["f8", "f4", "i4", "c16", "?"]))

        return tuple(array() for _ in range(rng.choice([3, 3, 3, 1, 2, 4])))

    assert diagnose(np.errstate(all="ignore")(backward))


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        ([1, 2], {}, "inputs must be a dict of names and arrays"),
        ({}, {}, "inputs must be a dict"),
        ({"x": np.array(["a"])}, {}, "at least one array of numbers"),
        ({"x": 3.0}, {}, "at least one array of numbers"),
        ({"x": np.array([np.nan])}, {}, "x has entries that are NaN or infinite"),
        ({"x": X}, {"tolerance": 0}, "tolerance must be a finite number above 0"),
        ({"x": X}, {"entries": 0}, "entries must be a whole number of at least 1"),
        ({"x": X}, {"eps": -1}, "eps must be a finite number above 0"),
        ({"x": X}, {"kinks": "smooth"}, "kinks must be convention or subgradient"),
    ],
)
def test_what_it_says_of_a_bad_call(inputs, options, message):
    with pytest.raises(SettingError) as caught:
        check_backward(lambda x: (x, x), lambda g, c: g, inputs, **options)
    assert message in str(caught.value)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)])
def test_inputs_that_are_all_empty_are_a_report_and_no_pass(shape):
    report = check_backward(lambda x: (2 * x, x), lambda g, x: 2 * g, {"x": np.zeros(shape)})
    assert not report.ok
    assert report.diagnosis.name == "nothing-compared"
    assert not check_gradient(lambda x: (x**2).sum(), np.zeros(shape), np.zeros(shape)).ok


def test_assert_gradients():
    assert_gradients(conv_forward, conv_backward, INPUTS)
    with pytest.raises(GradientError) as caught:
        assert_gradients(conv_forward, changed(lambda x, w, b: (x, -w, b)), INPUTS)
    message = str(caught.value)
    assert "w[" in message
    assert "should be" in message
    assert "sign (almost certainly" in message


def test_a_plain_gradient():
    x = X[0, 0]
    assert check_gradient(lambda v: (v**2).sum(), x, 2 * x).ok
    assert check_gradient(lambda v: (v**2).sum(), x, lambda v: 2 * v).ok
    report = check_gradient(lambda v: (v**2).sum(), x, 6 * x)
    assert report.diagnosis.name == "factor"
    assert report.diagnosis.sentence.startswith("It is 3 times what it should be")
    for grad in (None, "x", x[1:], lambda v: v / 0):
        assert not check_gradient(lambda v: (v**2).sum(), x, grad).ok
    for f in (lambda v: v, lambda v: (1.0, v), lambda v: None):
        diagnosis = check_gradient(f, x, x).diagnosis
        assert diagnosis.name == "forward-result"
        assert diagnosis.sentence.startswith("f must return one number, not ")


@pytest.mark.parametrize(
    ("use", "name"),
    [(np.square, "upstream-squared"), (np.abs, "upstream-not-linear")],
)
def test_what_backward_must_not_do_with_grad_out(use, name):
    diagnosis = diagnose(lambda g, x: use(g) * 2 * x, lambda x: (x**2, x), {"x": X})
    assert diagnosis.name == name


def test_channels_first_get_no_letters():
    x, w = RNG.standard_normal((2, 3, 6)), RNG.standard_normal((4, 3, 3))

    def forward(x, w):
        windows = np.lib.stride_tricks.sliding_window_view(x, 3, axis=2)
        return np.einsum("nclk,fck->nfl", windows, w), (windows, w)

    def backward(grad_out, cache):
        windows, w = cache
        grad_w = np.einsum("nfl,nclk->fck", grad_out, windows)
        grad_x = np.zeros(x.shape)
        for k in range(3):
            grad_x[:, :, k : k + 4] += np.einsum("nfl,fc->ncl", grad_out, w[:, :, k])
        return grad_x, grad_w

    inputs = {"x": x, "w": w}
    assert_gradients(forward, backward, inputs)

    def flipped(grad_out, cache):
        grad_x, grad_w = backward(grad_out, cache)
        return np.roll(grad_x, 1, axis=2), grad_w[..., ::-1]

    report = check_backward(forward, flipped, inputs)
    found = {d.argument: d for d in reversed(report.diagnoses)}
    assert found["w"].name == "kernel-not-flipped"
    assert found["x"].name == "shifted"
    assert "+1 along axis 2:" in found["x"].sentence


def leave(grad_out, cache):
    raise SystemExit


def test_an_exit_is_no_end_of_the_check():
    diagnosis = diagnose(leave)
    assert (diagnosis.name, "backward raised SystemExit" in diagnosis.sentence) == ("raised", True)


def test_ctrl_c_ends_it():
    def interrupted(grad_out, cache):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_backward(conv_forward, interrupted, INPUTS)
