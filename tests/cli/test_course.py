"""What of a course counts, and where results go."""

import csv
import io
import json
from xml.etree import ElementTree

import pytest

from nst_numpy.cli import main
from tests import posix
from tests.course.conftest import README, SOLUTION, TESTS, write_assignment


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two assignments, and a class: ada has both, bob only the second."""
    root = tmp_path_factory.mktemp("course")
    write_assignment(root / "course" / "t1_small")
    second = write_assignment(root / "course" / "t2_twin")
    for name, text in (("solution.py", SOLUTION), ("tests.py", TESTS), ("README.md", README)):
        (second / name).write_text(text.replace("t1", "t2"), "utf-8")
    manifest = (second / "assignment.json").read_text("utf-8").replace("t1.", "t2.")
    (second / "assignment.json").write_text(manifest, "utf-8")
    right = "import numpy as np\ndef double(x): return 2 * x\n"
    for student, names in (("ada", ("t1_small", "t2_twin")), ("bob", ("t2_twin",))):
        (root / "class" / student).mkdir(parents=True)
        for name in names:
            (root / "class" / student / f"{name}.py").write_text(right, "utf-8")
    return root


def grade(place, submission, *words):
    course = ("--assignments", str(place / "course"))
    return main(["course", "grade", str(place / submission), *course, *map(str, words)])


@posix
def test_only_some_assignments_count(place, tmp_path, capsys):
    out = tmp_path / "out"
    assert (
        grade(place, "class", "--only", "t1", "-o", out, "--junit-xml", tmp_path / "all.xml") == 0
    )
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["student"], row["points"], row["max_points"]) for row in rows] == [
        *(("ada", "1", "5.5"), ("bob", "0", "5.5")),
    ]
    assert not any(name.startswith("t2") for name in rows[0])
    gradescope = json.loads((out / "ada" / "results.json").read_text("utf-8"))
    assert gradescope["score"] == 1
    assert [test["name"] for test in gradescope["tests"]] == ["t1.double", "t1.square", "t1.slope"]
    assert json.loads((out / "ada" / "grades.json").read_text("utf-8"))["max_points"] == 5.5
    assert json.loads((out / "bob" / "results.json").read_text("utf-8"))["tests"] == []
    for file, suites in (
        (tmp_path / "all.xml", ["ada.t1"]),
        (out / "ada" / "junit.xml", ["ada.t1"]),
    ):
        root = ElementTree.parse(file).getroot()
        assert [suite.get("name") for suite in root] == suites


@posix
@pytest.mark.parametrize("option", ["-o", "--output", "--out"])
def test_the_results_go_where_they_are_asked_for(place, tmp_path, option):
    out = tmp_path / "out"
    file = "class/bob/t2_twin.py"
    assert grade(place, file, "--quiet", "--only", " t2_twin , t2", option, out) == 0
    assert sorted(p.name for p in out.iterdir()) == [
        *("grades.json", "junit.xml", "report.txt", "results.json"),
    ]


@pytest.mark.parametrize(
    ("only", "told"),
    [
        ("t11", "unknown assignment 't11': did you mean t1?"),
        ("t1,t2_twins", "unknown assignment 't2_twins': did you mean t2_twin?"),
        ("x", "unknown assignment 'x': choose from t1, t2"),
        ("", "--only: '' names no assignment: write them as a1,a4"),
        (",", "--only: ',' names no assignment"),
    ],
)
def test_what_only_cannot_mean(place, tmp_path, capsys, only, told):
    assert grade(place, "class", "--only", only, "-o", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_answer_that_does_not_count(place, tmp_path, capsys):
    out = tmp_path / "out"
    assert grade(place, "class/bob", "--only", "t1", "-o", out) == 2
    told = "no answer to t1 found in"
    assert told in capsys.readouterr().err
    assert told in json.loads((out / "results.json").read_text("utf-8"))["output"]
