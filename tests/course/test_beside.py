"""Modules beside an answer come along, and the fence stands around them too."""

import io
import json
import zipfile

import pytest

from nst_numpy.cli import main
from nst_numpy.course import find_isolation, find_submissions, grade_answer, grade_submission
from nst_numpy.course.submission import read_answer
from nst_numpy.errors import SettingError
from tests import posix
from tests.course.conftest import write_assignment

pytestmark = posix
ANSWER = """from __future__ import annotations
from dataclasses import dataclass
import parts.twice
from answer import times

@dataclass
class Pair:
    x: object

def double(x): return parts.twice.of(Pair(x).x)
def square(x): return times(x, x)
def slope(grad_out, x): return parts.twice.broken(x)
"""
TWICE = """from __future__ import annotations
from dataclasses import dataclass
from . import factor

@dataclass
class Factor:
    value: int = factor.two

def of(x): return Factor().value * x

def broken(x):
    import torch
"""


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "ada"
    (place / "parts").mkdir(parents=True)
    (place / "t1_small.py").write_text(ANSWER, "utf-8")
    (place / "answer.py").write_text("def times(a, b): return a * b", "utf-8")
    (place / "parts" / "twice.py").write_text(TWICE, "utf-8-sig")
    (place / "parts" / "factor.py").write_text("two = 2", "utf-8")
    return place


def check(done):
    double, square, slope = done.tasks
    assert double.right, double.reason
    assert square.right, square.reason
    assert slope.refused == ("import torch",)
    assert "ImportError: the grader does not let an answer import torch" in slope.reason
    assert "in parts/twice.py, line 12: import torch" in slope.reason


def test_modules_and_a_package_beside_an_answer(small, folder):
    check(grade_answer(folder / "t1_small.py", small, hidden=False))


def test_they_are_there_behind_the_wall_too(small, folder):
    try:
        wall = find_isolation("bubblewrap")
    except SettingError as error:
        pytest.skip(str(error))
    check(grade_answer(folder / "t1_small.py", small, hidden=False, isolation=wall))


def test_a_class_from_its_download_to_its_results(folder, tmp_path, capsys):
    """Nobody is missing: each has a row, and results.json with the reason."""
    write_assignment(tmp_path / "course" / "t1_small")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for place in sorted(folder.rglob("*.py")):
            file.write(place, f"Ada_1_assignsubmission_file_/{place.relative_to(folder)}")
        file.writestr("Ada_1_assignsubmission_file_/work.zip", b"no zip")
        file.writestr("Bob_2_assignsubmission_file_/t1.pdf", "")
        file.writestr("Cyd_3_assignsubmission_file_/t1.ipynb", "{")
        file.writestr("marks.xlsx", "")
    (tmp_path / "class.zip").write_bytes(stream.getvalue())
    words = ["course", "grade", str(tmp_path / "class.zip"), "--out", str(tmp_path / "out")]
    assert main([*words, "--assignments", str(tmp_path / "course")]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "student,points,max_points,t1,t1.double,t1.square,t1.slope,notes"
    assert rows[1].startswith("Ada_1,3,5.5,3,1,2,0,")
    assert rows[1].endswith('work.zip (it is damaged, or no zip (BadZipFile))"')
    assert rows[2:] == [
        "Bob_2,0,5.5,,,,,no answer was found; not recognised as an answer: t1.pdf",
        "Cyd_3,0,5.5,0,0,0,0,",
        ",,,,,,,not recognised as an answer: marks.xlsx",
    ]
    assert (tmp_path / "out" / "grades.csv").read_text("utf-8").splitlines() == rows
    out = {place.name: place for place in (tmp_path / "out").iterdir() if place.is_dir()}
    assert sorted(out) == ["Ada_1", "Bob_2", "Cyd_3"]
    scope = json.loads((out["Bob_2"] / "results.json").read_text("utf-8"))
    assert (scope["score"], scope["tests"]) == (0, [])
    assert scope["output"].startswith("no answer was found; not recognised as an answer: t1.pdf")
    assert "not recognised as an answer: t1.pdf" in (out["Bob_2"] / "report.txt").read_text("utf-8")
    assert json.loads((out["Bob_2"] / "grades.json").read_text("utf-8"))["notes"]
    scope = json.loads((out["Cyd_3"] / "results.json").read_text("utf-8"))
    assert scope["score"] == 0
    assert "t1.ipynb is not a notebook that can be read" in scope["tests"][0]["output"]


def test_one_student_whose_folder_is_in_a_folder(tmp_path):
    """A learning platform looks for results.json where it asked for it."""
    write_assignment(tmp_path / "course" / "t1_small")
    place = tmp_path / "submission" / "project" / "t1.py"
    place.parent.mkdir(parents=True)
    place.write_text("def double(x): return 2 * x", "utf-8")
    (place.parent / "t1 (1).py").write_text("def square(x): return x * x", "utf-8")
    words = ["course", "grade", str(tmp_path / "submission"), "--out", str(tmp_path / "out")]
    assert main([*words, "--quiet", "--assignments", str(tmp_path / "course")]) == 0
    scope = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert scope["score"] == 2
    note = "2 answers came, and the best counts: t1 (1).py has 2 points, t1.py has 1"
    assert note in scope["output"]


PATHS = """import os, sys
sys.path.append(os.path.join(os.path.dirname(os.path.abspath("__file__")), "src"))
sys.path.append("..")
from mine import d as double, s as square, g as slope
"""
MINE = """def d(x): return 2 * x
def s(x): return x * x
def g(grad_out, x): return 2 * x * grad_out
"""


@pytest.mark.parametrize("where", ["src/mine.py", "src/mine/__init__.py", "../mine.py"])
def test_modules_in_a_folder_of_sys_path_come_along(small, tmp_path, where):
    ada = tmp_path / "class" / "ada"
    (ada / "work" / where).parent.mkdir(parents=True, exist_ok=True)
    (ada / "work").mkdir(exist_ok=True)
    (ada / "work" / where).write_text(MINE, "utf-8")
    for source, right in ((PATHS, True), (PATHS.replace("sys.path.append", "print"), False)):
        (ada / "work" / "t1_small.py").write_text(source, "utf-8")
        (found,) = find_submissions(ada.parent, {small.name: small})
        (done,) = grade_submission(found, {small.name: small})
        assert [task.right for task in done.tasks] == 3 * [right], done.tasks[0].reason


def test_modules_of_sys_path_are_found_for_a_file_alone(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "mine.py").write_text(MINE, "utf-8")
    (tmp_path / "t1_small.py").write_text(PATHS, "utf-8")
    assert list(read_answer(tmp_path / "t1_small.py").modules) == ["src/mine.py"]
    (tmp_path / "t1_small.py").write_text("from mine import d", "utf-8")
    assert not read_answer(tmp_path / "t1_small.py").modules
