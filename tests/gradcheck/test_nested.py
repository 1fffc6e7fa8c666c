"""Dicts, lists and tuples of arrays: as arguments, as gradients, and never changed."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

from nst_numpy.gradcheck import check_backward, check_gradient
from nst_numpy.gradcheck.nested import copied, leaves, put_together, take_apart

RNG = np.random.default_rng(0)
X, W, B = RNG.standard_normal((5, 3)), RNG.standard_normal((3, 2)), RNG.standard_normal(2)


def params():
    return {"w": W.copy(), "b": B.copy(), "n": 3, "deep": [np.ones(2)]}


def forward(x, p):
    return x @ p["w"] + p["b"] + p["deep"][0].sum(), (x, p)


def both(grad_out, cache):
    x, p = cache
    return grad_out @ p["w"].T, {
        "w": x.T @ grad_out, "b": grad_out.sum(0), "deep": [np.full(2, grad_out.sum())]
    }  # fmt: skip


def by_name(grad_out, cache):
    grad_x, grad_p = both(grad_out, cache)
    return {"dx": grad_x, "grad_p": grad_p}


def flat(grad_out, cache):
    grad_x, grad_p = both(grad_out, cache)
    return {"x": grad_x, **grad_p}


@pytest.mark.parametrize("backward", [both, by_name, flat])
def test_a_dict_of_parameters_is_checked(backward):
    report = check_backward(forward, backward, {"x": X, "p": params()})
    assert report.ok, str(report)
    assert list(report.arguments) == ["x", "p['w']", "p['b']", "p['deep'][0]"]
    assert report.arguments["p['w']"].checked == 6


@pytest.mark.parametrize("key", ["w", "b"])
def test_a_wrong_gradient_in_a_dict_is_named(key):
    def backward(grad_out, cache):
        grad_x, grad_p = both(grad_out, cache)
        return grad_x, {**grad_p, key: -grad_p[key]}

    report = check_backward(forward, backward, {"x": X, "p": params()})
    assert report.diagnosis.name == "sign"
    assert report.diagnosis.argument == f"p['{key}']"


def test_a_gradient_that_a_dict_lacks_is_missed():
    def backward(grad_out, cache):
        grad_x, grad_p = both(grad_out, cache)
        del grad_p["b"]
        return grad_x, grad_p

    report = check_backward(forward, backward, {"x": X, "p": params()})
    assert (report.diagnosis.name, report.diagnosis.argument) == ("missing-gradient", "p['b']")


def test_a_dict_without_a_gradient_is_a_setting_and_said_to_be_unchecked():
    report = check_backward(forward, lambda g, c: both(g, c)[0], {"x": X, "p": params()})
    assert report.ok
    assert list(report.arguments) == ["x"]
    note = "p: passed on and not checked: backward returns no gradient of it"
    assert note in str(report)
    assert report.record()["notes"] == [note]


def test_statistics_that_forward_keeps_are_no_mistake_and_not_kept():
    def normalise(x, running):
        mean = x.mean(axis=0)
        running["mean"] *= 0.9
        running["last"] = mean
        return x - mean, None

    running = {"mean": np.ones(3), "mode": "train"}
    report = check_backward(
        normalise, lambda g, _: g - g.mean(axis=0), {"x": X, "running": running}
    )
    assert report.ok, str(report)
    assert list(running) == ["mean", "mode"]
    np.testing.assert_array_equal(running["mean"], 1)


def in_place(p):
    p["w"] *= 2


def another_array(p):
    p["w"] = 2 * p["w"]


def gone(p):
    p["w2"] = 2 * p.pop("w")
    p["w"] = p["w2"]


@pytest.mark.parametrize("change", [in_place, another_array, gone])
def test_a_change_in_a_dict_is_reported_and_taken_back(change):
    def changing(x, p):
        change(p)
        return forward(x, p)

    mine = params()
    report = check_backward(changing, both, {"x": X, "p": mine})
    assert (report.diagnosis.name, report.diagnosis.argument) == ("modified-in-place", "p['w']")
    assert list(mine) == ["w", "b", "n", "deep"]
    np.testing.assert_array_equal(mine["w"], W)


def test_labels_and_plain_lists_stay_as_they_are():
    labels, sizes = np.array([0, 1, 1, 0, 0]), {"k": [1, 2]}

    def pick(x, y, sizes):
        y[0] = 1
        sizes["k"].append(3)
        return x[np.arange(5), y], y

    def backward(grad_out, y):
        grad = np.zeros_like(X)
        grad[np.arange(5), y] = grad_out
        return grad

    report = check_backward(pick, backward, {"x": X, "y": labels, "sizes": sizes})
    assert (report.diagnosis.name, report.diagnosis.argument) == ("modified-in-place", "y")
    assert labels.tolist() == [0, 1, 1, 0, 0]
    assert sizes == {"k": [1, 2]}


def squares(p):
    return (p["w"] ** 2).sum() + (p["b"] ** 3).sum()


def test_a_plain_gradient_of_a_dict():
    p = {"w": W, "b": B}
    right = {"w": 2 * W, "b": 3 * B**2}
    assert check_gradient(squares, p, right).ok
    assert check_gradient(squares, p, lambda p: {"w": 2 * p["w"], "b": 3 * p["b"] ** 2}).ok
    wrong = check_gradient(squares, p, {**right, "b": B**2})
    assert (wrong.diagnosis.name, wrong.diagnosis.argument) == ("factor", "x['b']")
    missing = check_gradient(squares, p, {"w": 2 * W})
    assert (missing.diagnosis.name, missing.diagnosis.argument) == ("missing-gradient", "x['b']")
    assert not check_gradient(squares, p, None).ok


@pytest.mark.parametrize("kind", [list, tuple])
@pytest.mark.parametrize("arrays", [[W, B], [B, B], [W]])
def test_a_plain_gradient_of_a_list(kind, arrays):
    def f(p):
        assert isinstance(p, kind)
        return sum((a**2).sum() for a in p)

    assert check_gradient(f, kind(arrays), kind(2 * a for a in arrays)).ok
    assert not check_gradient(f, kind(arrays), kind(3 * a for a in arrays)).ok
    assert not check_gradient(f, kind(arrays), kind([])).ok


def test_a_whole_gradient_of_whole_numbers_is_right():
    x = np.arange(4)
    assert check_gradient(lambda v: (v**2).sum(), x, 2 * x).ok
    assert not check_gradient(lambda v: (v**2).sum(), x, 3 * x).ok


@pytest.mark.parametrize("name", ["self", "name", "out", "few", "pair", "eps", "changed"])
def test_an_argument_may_have_any_name(name):
    def product(x, **others):
        return x * others[name], (x, others[name])

    report = check_backward(product, lambda g, c: (g * c[1], g * c[1]), {"x": W, name: W + 1})
    assert not report.ok
    report = check_backward(product, lambda g, c: (g * c[1], g * c[0]), {"x": W, name: W + 1})
    assert report.ok


def test_a_gradient_that_is_added_to_from_call_to_call_is_noticed():
    kept = np.zeros_like(X)

    def backward(grad_out, x):
        kept[...] += 2 * x * grad_out
        return kept

    report = check_backward(lambda x: (x * x, x), backward, {"x": X})
    assert report.diagnosis.name == "not-repeatable"


def test_an_answer_that_is_not_always_the_same_is_survived():
    calls = []

    def backward(grad_out, cache):
        calls.append(1)
        grad_x, grad_p = both(grad_out, cache)
        return (-grad_x, grad_p) if len(calls) % 2 else -grad_x

    report = check_backward(forward, backward, {"x": X, "p": params()})
    assert not report.ok
    assert report.diagnosis.argument


def test_rounding_that_changes_from_call_to_call_is_no_other_gradient():
    rng = np.random.default_rng(0)

    def backward(grad_out, x):
        return 2 * x * grad_out * (1 + 1e-15 * rng.standard_normal(x.shape))

    assert check_backward(lambda x: (x * x, x), backward, {"x": X}).ok


def test_forms_keep_their_kind():
    Point = namedtuple("Point", "x y")
    value = OrderedDict(a=[np.ones(2), "text"], b=Point(np.zeros(1), (1, 2)))
    values = {}
    form = take_apart(value, "v", values)
    numbers = ["v['b'][0]", "v['b'][1][0]", "v['b'][1][1]"]
    assert leaves(form) == list(values) == ["v['a'][0]", "v['a'][1]", *numbers]
    again = put_together(form, values.get)
    assert type(again) is OrderedDict
    assert type(again["b"]) is Point
    assert again["a"][0] is value["a"][0]
    copy = copied(value)
    copy["a"][0][0] = 7
    copy["a"].append(1)
    assert value["a"][0][0] == 1
    assert len(value["a"]) == 2
