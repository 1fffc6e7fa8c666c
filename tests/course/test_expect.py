"""The tests of the assignments, against answers that win nothing by what they do to arguments."""

import re

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from nst_numpy.course import expect, load_assignments
from nst_numpy.course.classview import WORDS
from nst_numpy.course.grade import _import_file
from nst_numpy.course.reason import discreetly
from nst_numpy.course.wire import RemoteError
from nst_numpy.gradcheck import assert_gradients

BUNDLED = load_assignments()
TASKS = [
    pytest.param(assignment, task, id=task.name)
    for assignment in BUNDLED.values()
    for task in assignment.tasks
]


def zero(value):
    """Put zeros in the place of all numbers in it, and return what has its form, of zeros."""
    if isinstance(value, np.ndarray):
        if value.flags.writeable:
            value[...] = 0
        return np.zeros_like(value)
    if isinstance(value, dict):
        return {key: zero(inner) for key, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(zero(inner) for inner in value)
    return 0 if isinstance(value, (int, float, np.number)) else value


def solution(assignment):
    """Return the names of a solution, run as a module."""
    for file in assignment.files:
        if file.endswith(".py"):
            _import_file(assignment.folder / file)
    names = {"__name__": "answer"}
    exec(compile(assignment.solution, "solution.py", "exec"), names)
    return names


@pytest.mark.parametrize(("assignment", "task"), TASKS)
def test_zeroed_arguments_and_zeros_win_nothing(assignment, task):
    """An answer that is right until the hidden tests, and then makes all of it zero."""
    right = solution(assignment)
    hidden = False

    def answer(name):
        def call(*args, **kwargs):
            result = right[name](*args, **kwargs)
            if not hidden:
                return result
            zero(args)
            zero(kwargs)
            return zero(result)

        return call

    names = {"__name__": "tests"}
    exec(assignment.imports, names)
    names |= {name: answer(name) for name in assignment.functions}
    with threadpool_limits(1), expect.pictures_kept():
        exec(task.public, names)
    hidden = True
    with pytest.raises((AssertionError, TypeError, IndexError, ValueError, ZeroDivisionError)):
        exec(task.hidden, names)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_losses_that_are_no_losses_win_no_sum(value):
    assignment = BUNDLED["a5"]
    right = solution(assignment)

    def loss(a, b):
        return value, np.full(np.shape(b), value)

    right |= {"content_loss": loss, "style_loss": loss}  # total_cost then adds these up
    names = {"__name__": "tests"}
    exec(assignment.imports, names)
    names |= {name: right[name] for name in assignment.functions}
    task = next(task for task in assignment.tasks if task.name == "a5.cost")
    with np.errstate(all="ignore"), pytest.raises(expect.Wrong, match=r"cannot be judged|NaN"):
        exec(task.public, names)


@pytest.mark.parametrize("want", [np.nan, np.inf, [1.0, np.nan], [-np.inf, 1.0]])
def test_nothing_is_right_beside_nan_or_infinity(want):
    with pytest.raises(expect.Wrong, match="NaN or infinite values"):
        expect.same(np.ones(np.shape(want)), want, "f(x)")


def test_a_wrong_shape_is_told_in_public_only():
    with pytest.raises(expect.Wrong) as caught:
        expect.same(np.zeros((0, 31337)), [1.0], "f(x)")
    assert str(caught.value) == "f(x): the shape is (0, 31337), it should be (1,)"
    assert caught.value.discreet == "f(x): the shape is wrong"


def hidden_text(call):
    with pytest.raises(AssertionError) as caught:
        call()
    return str(caught.value), discreetly(caught.value)


@pytest.mark.parametrize("factor", [2, -2, 0.5, 1 / 3, 4, -0.25, 12, 1.5, 255, 0.1, 1e-3, np.pi])
def test_a_hidden_test_does_not_tell_the_factor(factor):
    """Neither of values nor of a gradient: whoever is told it multiplies, and passes."""
    x = np.random.default_rng(0).standard_normal((4, 3))
    told, hidden = hidden_text(lambda: expect.same(factor * x, x, "f(x)"))
    assert f"{factor:.6g} times" in told
    assert hidden == "f(x): every value is one constant factor away from what it should be"

    def backward(grad_out, x):
        return factor * 2 * x * grad_out

    told, hidden = hidden_text(
        lambda: expect.gradient(lambda x: (x * x, x), backward, {"x": x}, "slope")
    )
    assert f"{factor:.6g} times" in told
    assert not any(digit in hidden for digit in "0123456789½π")
    assert hidden.startswith("slope: It is one constant factor away from what it should be.")
    assert ("The sign is wrong as well." in hidden) == (factor < 0)


def test_a_hidden_test_tells_no_other_remedy():
    x = np.random.default_rng(0).standard_normal((4, 3))
    told, hidden = hidden_text(lambda: expect.same(x + 3, x, "f(x)"))
    assert "too large by 3" in told
    assert hidden == "f(x): every value is too large by one constant"
    told, hidden = hidden_text(
        lambda: expect.gradient(
            lambda x: (np.tanh(x), np.tanh(x)), lambda g, out: g, {"x": x}, "slope"
        )
    )
    assert "1 − out²" in told
    assert "out²" not in hidden
    told, hidden = hidden_text(
        lambda: assert_gradients(lambda x: (x * x, x), lambda g, x: x * g, {"x": x})
    )
    assert "0.5 times" in told
    assert hidden == "a gradient is wrong"


def test_what_took_too_long_is_said_with_advice():
    with pytest.raises(expect.Wrong) as caught, expect.in_time("paint, 64 × 64", "fewer loops"):
        raise RemoteError({"type": "TimeUpError"})
    assert str(caught.value) == "paint, 64 × 64: still running when the time was up: fewer loops"
    assert caught.value.mistake == "time"
    with pytest.raises(RemoteError), expect.in_time("paint, 64 × 64", "fewer loops"):
        raise RemoteError({"type": "ValueError"})


def test_what_is_timed_has_one_thread_of_blas():
    def threads():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    with threadpool_limits(2, "blas"):
        before = threads()
        with expect.in_time("paint", "fewer loops"):
            assert threads() <= {1}
        assert threads() == before


def test_a_picture_is_written_where_the_tests_run_or_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = np.full((2, 3, 3), 7, np.uint8)
    with expect.pictures_kept() as kept:
        expect.show(picture, "a.png")
    assert list(kept) == ["a.png"]
    assert list(tmp_path.iterdir()) == []
    expect.show(picture, "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_what_is_nearly_right_is_not_called_once_what_it_should_be():
    with pytest.raises(expect.Wrong, match=r"J: it is off by 2e-06 of what it should be; is 1, it"):
        expect.same(1.000002, 1.0, "J")


@pytest.mark.parametrize(("got", "named"), [(3.5, True), (4.5, False), (2.5, False)])
def test_a_fraction_where_a_whole_number_belongs_is_named(got, named):
    with pytest.raises(expect.Wrong) as caught:
        expect.same(got, 3, "output_size")
    assert (caught.value.mistake == "fraction") is named
    assert ("// rounds down and / does not" in caught.value.discreet) is named


def test_a_mistake_that_the_test_knows_is_named():
    want, known = [[10, 2], [2, 4]], {"reshaped": [[5, 3], [3, 9]]}
    with pytest.raises(expect.Wrong) as caught:
        expect.same([[5, 3], [3, 9]], want, "f(a)", known=known)
    assert caught.value.mistake == "reshaped"
    assert "channels are cut as if they came first" in caught.value.discreet
    assert not re.search(r"\d", caught.value.discreet)
    with pytest.raises(expect.Wrong, match="4 of 4 values are wrong"):
        expect.same([[5, 3], [3, 8]], want, "f(a)", known=known)


def test_known_mistakes_have_a_name_before_a_class():
    assert set(expect.KNOWN) <= set(WORDS)
