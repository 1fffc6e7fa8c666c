"""otter-grader is not needed here: what it does with a test file is written out in `Otter`."""

import json
import re
import sys
from dataclasses import replace
from types import ModuleType

import pytest

from nst_numpy.cli import main
from nst_numpy.course import load_assignment, load_assignments
from nst_numpy.course.otter import otter_test, release_otter
from nst_numpy.errors import OutputError


class Case:
    """What `otter.test_files.test_case` is: a decorator that keeps a function and its points."""

    def __init__(self, name=None, points=None, hidden=False):
        self.name, self.points, self.hidden = name, points, hidden

    def __call__(self, function):
        self.function = function
        return self


@pytest.fixture
def run(monkeypatch):
    """Run a test file as otter does; return points, and each case's message."""
    package, files = ModuleType("otter"), ModuleType("otter.test_files")
    files.test_case = Case
    monkeypatch.setitem(sys.modules, "otter", package)
    monkeypatch.setitem(sys.modules, "otter.test_files", files)

    def graded(source, environment):
        names = {}
        exec(source, names)
        assert names["OK_FORMAT"] is False
        cases = [case for case in names.values() if isinstance(case, Case)]
        told, points = {}, 0
        for case in cases:
            try:
                case.function(environment)
            except Exception as error:
                told[case.name] = f"{type(error).__name__}: {error}"
            else:
                points += case.points
        if names["all_or_nothing"]:
            points = sum(case.points for case in cases) if not told else 0
        return points, told, cases

    return graded


def answer(text):
    names = {}
    exec(f"import numpy as np\n{text}", names)
    return names


def test_what_is_written(small, tmp_path):
    (place,) = release_otter([small], tmp_path)
    assert sorted(str(p.relative_to(place)) for p in place.rglob("*") if p.is_file()) == [
        "autograder/otter_config.json",
        "autograder/requirements.txt",
        "autograder/tests/t1-double.py",
        "autograder/tests/t1-slope.py",
        "autograder/tests/t1-square.py",
        "student/README.md",
        "student/t1_small.ipynb",
        "student/t1_small.py",
        "student/tests/t1-double.py",
        "student/tests/t1-slope.py",
        "student/tests/t1-square.py",
    ]
    config = json.loads((place / "autograder" / "otter_config.json").read_text("utf-8"))
    assert config["show_hidden"] is False
    with pytest.raises(OutputError, match="t1_small exists already"):
        release_otter([small], tmp_path)


def test_students_get_no_secrets(small, tmp_path):
    (place,) = release_otter([small], tmp_path)
    text = "".join(p.read_text("utf-8") for p in (place / "student").rglob("*") if p.is_file())
    assert not re.search("31337|62675|return 2 \\* x|BEGIN ", text)
    cells = json.loads((place / "student" / "t1_small.ipynb").read_text("utf-8"))["cells"]
    sources = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
    assert sources[0] == "import otter\n\ngrader = otter.Notebook()"
    assert [s for s in sources if "check" in s] == [
        *("grader.check('t1-double')", "grader.check('t1-square')", "grader.check('t1-slope')"),
    ]
    assert len({cell["id"] for cell in cells}) == len(cells)
    assert "nbgrader" not in json.dumps(cells)


def test_right_and_wrong_answers(small, run):
    double = otter_test(small.tasks[0], small)
    points, told, cases = run(double, answer("def double(x): return 2 * x"))
    assert (points, told) == (1, {})
    assert [(case.points, case.hidden) for case in cases] == [(0, False), (1, True)]
    points, told, _ = run(double, answer("def double(x): return 3 * x"))
    assert points == 0
    assert told["t1-double, public tests"].startswith("AssertionError: double([1, 3]): every value")
    assert told["t1-double, hidden test 1 of 1"] == "AssertionError: a public test fails"
    points, told, _ = run(double, answer("def double(x): return 2 * x if x[0] == 1 else x * x"))
    assert points == 0
    (message,) = told.values()
    assert "double(x)" in message
    assert "31337" not in message
    points, told, _ = run(double, {})
    assert told["t1-double, public tests"] == "NameError: name 'double' is not defined"


def test_a_task_without_hidden_tests(small, run):
    slope = otter_test(small.tasks[2], small)
    points, told, cases = run(slope, answer("def slope(g, x): return 2 * x * g"))
    assert (points, told) == (2.5, {})
    assert not cases[0].hidden


def test_points_in_proportion(small, run):
    manifest = small.folder / "assignment.json"
    data = json.loads(manifest.read_text("utf-8")) | {"scoring": "proportional"}
    manifest.write_text(json.dumps(data), "utf-8")
    tests = (small.folder / "tests.py").read_text("utf-8")
    hidden = "### BEGIN HIDDEN TESTS\nfor n in (1.0, 5.0, 7.0):\n" \
             "    expect.same(square(np.array([n])), [n * n], 'square')\n"  # fmt: skip
    old = tests[tests.index("expect.same(square(np.array([-7.125") :].partition("### END")[0]
    tests = tests.replace(f"### BEGIN HIDDEN TESTS\n{old}", hidden)
    (small.folder / "tests.py").write_text(tests, "utf-8")
    square = otter_test(load_assignment(small.folder).tasks[1], load_assignment(small.folder))
    assert run(square, answer("def square(x): return x * x"))[0] == pytest.approx(2)
    points, told, _ = run(square, answer("def square(x): return x * x if x[0] < 6 else x"))
    assert points == pytest.approx(4 / 3)
    assert list(told) == ["t1-square, hidden test 3 of 3"]
    assert run(square, answer("def square(x): return x * x if x[0] != 3 else x"))[0] == 0


@pytest.mark.parametrize("name", ["a1", "a4"])
def test_the_solutions_get_all_points(run, name):
    assignment = load_assignments()[name]
    right = answer(assignment.solution)
    for task in assignment.tasks:
        assert run(otter_test(task, assignment), right)[:2] == (task.points, {})


def test_the_command(small, tmp_path, capsys):
    course = ("--assignments", str(small.folder.parent))
    assert main(["course", "convert", str(tmp_path / "o"), "t1", "--to", "otter", *course]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'o' / 't1_small'}\n"
    with pytest.raises(SystemExit):
        main(["course", "convert", str(tmp_path / "p"), "--to", "moodle", *course])
    assert "invalid choice: 'moodle'" in capsys.readouterr().err


def test_a_wrong_gradient_in_a_hidden_test_tells_no_factor(small, run):
    hidden = (
        "from nst_numpy.errors import GradientError\n"
        "raise GradientError('the gradient is 2 times what it should be')\n"
    )
    task = replace(small.tasks[0], hidden=hidden)
    points, told, _ = run(otter_test(task, small), answer("def double(x): return 2 * x"))
    assert points == 0
    assert list(told.values()) == ["AssertionError: a gradient is wrong"]
