"""The tests of the assignments, against answers that win nothing by what they do to arguments."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from nst_numpy.course import expect, load_assignments
from nst_numpy.course.grade import _import_file

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
    with threadpool_limits(1):
        exec(task.public, names)
    hidden = True
    with pytest.raises((AssertionError, TypeError, IndexError, ZeroDivisionError)):
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
