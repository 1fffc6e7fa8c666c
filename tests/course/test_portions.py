import json

import pytest

from nst_numpy.course import load_assignment
from nst_numpy.course.grade import grade_task
from nst_numpy.course.portions import split_tests
from nst_numpy.errors import CourseError
from tests import posix
from tests.course.conftest import write_assignment

HIDDEN = """
for number in (1.0, -2.0, 31337.0):
    x = np.array([number])
    want = 2 * x
    expect.same(double(x), want, "double of one number")
x = np.array([5.0, 7.0])
got = double(x)
expect.same(got, [10, 14], "double of two numbers")
"""


def counted(source, above=""):
    return len(split_tests(source, ["double"], above))


@pytest.mark.parametrize(
    ("tests", "source"),
    [
        (4, HIDDEN),
        (2, "assert double(1) == 2\nx = 3\nassert double(x) == 6\n"),
        (1, "x = 3\nrng.shuffle(x)\nprint(x)\nassert double(x) == 6\n"),
        (1, "double(3)\n"),
        (1, "got = double(3)\n"),
        (2, "expect.true(double(1), 'a')\nlast = expect.parts(double(1), 2, 'b')\n"),
        (1, "np.testing.assert_allclose(double(1), 2)\nx = 1\n"),
        (1, "check(1)\n"),
        (1, "x = 1\n"),
        (1, ""),
        (5, "for n in range(2, 7):\n    assert double(n)\n"),
        (1, "for n in list(range(3)):\n    assert double(n)\n"),
        (1, "for n in (1, 2):\n    if n == 2:\n        continue\n    assert double(n)\n"),
        (1, "for n in [1, *many]:\n    assert double(n)\n"),
        (1, "for n in range(10**12):\n    assert double(n)\n"),
        (1, "while double(1) < 2:\n    pass\n"),
        (1, "x = [1]\nfor n in (1, 2):\n    x.append(n)\nassert double(x)\n"),
    ],
)
def test_what_is_one_test(tests, source):
    assert counted(source) == tests


def test_what_the_tests_own_helpers_check_counts():
    above = (
        "def check(x):\n    look(x)\ndef look(x):\n    assert double(x)\n"
        "def make():\n    return 1\n"
    )
    assert counted("check(1)\ncheck(2)\nmake()\n", above) == 2
    imported = "from nst_numpy.course.expect import same as equal\n"
    assert counted("equal(1, 2, 'a')\nequal(2, 2, 'b')\n", imported) == 2


@pytest.fixture
def proportional(tmp_path):
    folder = write_assignment(tmp_path / "course" / "t1_small")
    manifest = json.loads((folder / "assignment.json").read_text("utf-8"))
    manifest |= {"scoring": "proportional", "points": {**manifest["points"], "t1.double": 2}}
    (folder / "assignment.json").write_text(json.dumps(manifest), "utf-8")
    tests = (folder / "tests.py").read_text("utf-8")
    old = tests[tests.index("expect.same(double(np.array([-7.125") :].partition("### END")[0]
    (folder / "tests.py").write_text(tests.replace(old, HIDDEN.lstrip()), "utf-8")
    return load_assignment(folder)


@posix
@pytest.mark.parametrize(
    ("body", "points", "passed"),
    [
        ("return 2 * x", 2, 4),
        ("return 2 * x if x[0] in (1, 5) else x", 1, 2),
        ("return 2 * x if x.size > 1 or x[0] > 0 else x", 1.5, 3),
        ("if x[0] == 5: raise ValueError\n    return 2 * x", 1.5, 3),
        ("if x[0] == -2: import os; os._exit(0)\n    return 2 * x", 0.5, 1),
        ("return 2 * x if len(x) == 2 and x[0] == 1 else x", 0, 0),
    ],
)
def test_points_in_proportion_to_the_hidden_tests_that_pass(proportional, body, points, passed):
    source = f"def double(x):\n    {body}\n"
    task = grade_task(proportional.tasks[0], proportional, [("a.py", 1, source)])
    assert (task.points, task.passed, task.tests) == (points, passed, 4)
    assert task.right == (passed == 4)
    if passed < 4:
        assert task.reason.startswith("hidden test: ")
        assert task.reason.endswith(f" ({passed} of 4 hidden tests pass)")
        assert "31337" not in task.reason


@posix
def test_who_fails_a_public_test_has_no_points(proportional):
    source = "def double(x):\n    return 2 * x if x.size == 1 else x\n"
    task = grade_task(proportional.tasks[0], proportional, [("a.py", 1, source)])
    assert (task.points, task.hidden, task.tests) == (0, False, 0)


@posix
def test_all_or_nothing_is_the_default(small):
    assert small.scoring == "all-or-nothing"
    source = "def double(x):\n    return 2 * x if x[0] == 1 else x\n"
    task = grade_task(small.tasks[0], small, [("a.py", 1, source)])
    assert (task.points, task.tests) == (0, 0)


@pytest.mark.parametrize("scoring", ["proportionally", True, None, ["proportional"], 1])
def test_another_scoring_is_refused(proportional, scoring):
    path = proportional.folder / "assignment.json"
    manifest = json.loads(path.read_text("utf-8")) | {"scoring": scoring}
    path.write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(CourseError) as caught:
        load_assignment(proportional.folder)
    told = f'"scoring" must be "all-or-nothing" or "proportional", not {scoring!r}'
    assert str(caught.value).endswith(told)


def test_a_value_that_could_not_be_had_is_not_the_one_before(proportional):
    """The second call fails: its test must not be given the first one's result."""
    from nst_numpy.course.grade import _run_tests

    tests = split_tests("a = f(1)\nassert a == 1\na = f(2)\nassert a == 1\n", ["f"])
    names = {"f": {1: 1}.__getitem__}
    told = [_run_tests(test, names, "here", str) for test in tests]
    assert told[0] is None
    assert told[1].reason == "2"
