import json

import pytest

from nst_numpy.cli import main
from nst_numpy.course import Grade, TaskGrade, view_class
from nst_numpy.course.classview import LESSONS, WORDS
from nst_numpy.course.results import write_results
from nst_numpy.errors import CourseError
from nst_numpy.gradcheck.hypotheses import HYPOTHESES
from nst_numpy.report import write_class_page
from tests import posix
from tests.course.planted import CLASS, STUDENTS, write_class


@pytest.fixture(scope="module")
def view(tmp_path_factory, bundled):
    folder = tmp_path_factory.mktemp("class")
    write_class(folder, bundled["a1"])
    return view_class(folder)


def with_mistake(*kinds):
    """Return the students of the planted class who made one of these."""
    return {s for s, own in zip(STUDENTS, CLASS, strict=True) if set(own) & set(kinds)}


@posix
def test_each_mistake_is_counted(view):
    assert view.students == tuple(STUDENTS)
    assert view.nothing == ()
    assert {m.name: (set(m.students), dict(m.tasks)) for m in view.mistakes} == {
        "overwritten": (with_mistake("w=", "x="), {"a1.grad_w": 13, "a1.grad_x": 7}),
        "fraction": (with_mistake("slash"), {"a1.size": 6}),
        "summand": (with_mistake("bias"), {"a1.forward": 4}),
        "not-written": (with_mistake("w0"), {"a1.grad_w": 3}),
        "shape": (with_mistake("pad"), {"a1.grad_x": 2}),
        "sign": (with_mistake("w-"), {"a1.grad_w": 1}),
    }
    assert len(view.mistakes[0].students) == 17


@posix
def test_each_task_is_counted(view):
    counts = {t.name: (t.right, t.hidden, t.wrong, t.unwritten) for t in view.tasks}
    assert counts == {
        "a1.size": (24, 6, 0, 0),
        "a1.forward": (26, 0, 4, 0),
        "a1.grad_b": (30, 0, 0, 0),
        "a1.grad_w": (13, 0, 14, 3),
        "a1.grad_x": (21, 0, 9, 0),
    }
    assert [t.name for t in view.harder] == ["a1.size"]
    assert view.harder[0].harder == 6 / 30
    assert [t.name for t in view.unsolved] == ["a1.grad_w"]
    assert [m.name for m in view.repeat] == ["overwritten", "fraction"]


@posix
def test_each_student_is_stuck_at_the_first_task_without_full_points(view):
    stuck = {t.name: set(t.stuck) for t in view.tasks}
    assert stuck["a1.size"] == with_mistake("slash")
    assert stuck["a1.forward"] == with_mistake("bias")
    assert stuck["a1.grad_w"] == with_mistake("w=")
    assert stuck["a1.grad_x"] == with_mistake("pad")


@posix
def test_the_pair_that_copied_is_found_and_nobody_else(view):
    assert [(name, pair.one, pair.other) for name, pair in view.alike] == [("a1", "s26", "s27")]


@posix
def test_what_the_grader_writes_is_read(grade, tmp_path):
    done, _ = grade("def square(x):\n    return x\n")
    (tmp_path / "out" / "ada").mkdir(parents=True)
    write_results(tmp_path / "out" / "ada", "ada", [done])
    seen = view_class(tmp_path / "out")
    assert [(t.name, t.right) for t in seen.tasks] == [
        *(("t1.double", 1), ("t1.square", 0), ("t1.slope", 1)),
    ]
    assert [m.name for m in seen.mistakes] == ["factor"]


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(CourseError, match=r"has no folders with a grades\.json: nst course grade"):
        view_class(tmp_path)
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "grades.json").write_text(json.dumps({"student": "ada"}), "utf-8")
    with pytest.raises(CourseError, match=r"is not what nst course grade writes \(KeyError"):
        view_class(tmp_path)


def test_each_diagnosis_has_words():
    assert {h.name for h in HYPOTHESES} == set(LESSONS)
    assert set(LESSONS) <= set(WORDS)


# the command


@posix
def test_the_command_writes_the_page(tmp_path, capsys, bundled):
    write_class(tmp_path / "grades", bundled["a1"])
    page = tmp_path / "class.html"
    assert main(["course", "report", str(tmp_path / "grades"), "-o", str(page)]) == 0
    assert capsys.readouterr().out.strip() == str(page)
    assert "17 of 30" in page.read_text(encoding="utf-8")


def test_the_command_refuses_a_folder_without_grades(tmp_path, capsys):
    page = tmp_path / "class.html"
    assert main(["course", "report", str(tmp_path), "-o", str(page)]) == 2
    assert "nst course grade CLASS --out FOLDER writes them" in capsys.readouterr().err
    assert not page.exists()


def test_what_was_graded_with_a_reference_is_right_and_marked(tmp_path):
    reason = "all tests pass; graded with the reference f, because yours failed t1.one"
    tasks = (
        TaskGrade("t1.one", 0, 1, "it is 0", mistake="all-zero"),
        TaskGrade("t1.two", 2, 2, reason, references=(("f", "t1.one"),)),
    )
    (tmp_path / "out" / "ada").mkdir(parents=True)
    write_results(tmp_path / "out" / "ada", "ada", [Grade("t1", "T", "t1.py", tasks)])
    seen = view_class(tmp_path / "out")
    assert [(t.name, t.right) for t in seen.tasks] == [("t1.one", 0), ("t1.two", 1)]
    assert [entry.references for entry in seen.entries] == [(), (("f", "t1.one"),)]
    write_class_page(tmp_path / "class.html", seen)
    page = (tmp_path / "class.html").read_text("utf-8")
    assert '<td title="all tests pass, with the reference for an earlier task">r</td>' in page
    assert f"ada, t1.two: {reason.partition('; ')[2]}" in page
