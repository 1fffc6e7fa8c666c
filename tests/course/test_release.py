"""What students get: everything they need, and no answer."""

import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from nst_numpy.cli import main
from nst_numpy.course import (
    as_text,
    grade_answer,
    load_assignment,
    load_assignments,
    notebook,
    release,
    release_source,
    submit,
)
from nst_numpy.course.assignment import EXPECTED, split_cells, split_readme, strip_solutions
from nst_numpy.errors import CourseError, OutputError, SettingError
from tests import posix
from tests.course.conftest import write_assignment

ROOT = Path(__file__).resolve().parents[2]
BUNDLED = load_assignments()
each = pytest.mark.parametrize("assignment", BUNDLED.values(), ids=BUNDLED)
PAINTS = {"a5", "a8"}  # and load SciPy for each of their tasks
GRADED = [pytest.param(n, marks=pytest.mark.slow if n in PAINTS else ()) for n in BUNDLED]


@pytest.fixture(scope="module")
def handout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handout")
    release(list(BUNDLED.values()), folder)
    return folder


@posix
@pytest.mark.parametrize("name", GRADED)
def test_every_solution_scores_full(name):
    assignment = BUNDLED[name]
    done = grade_answer(assignment.folder / "solution.py", assignment)
    assert done.points == done.max_points, as_text([done])
    assert done.notes == ()


@posix
@pytest.mark.parametrize("name", GRADED)
def test_every_stub_scores_0(handout, name):
    assert_not_written(handout, BUNDLED[name], ".py")


@posix
def test_a_notebook_of_stubs_scores_0(handout):
    assert_not_written(handout, BUNDLED["a3"], ".ipynb")


def assert_not_written(handout, assignment, ending):
    name = assignment.long_name
    done = grade_answer(handout / name / (name + ending), assignment)
    assert (done.points, done.notes) == (0, ())
    assert {task.reason for task in done.tasks} == {"not written yet (raises NotImplementedError)"}


@each
def test_notebook_and_file_ask_for_the_same(handout, assignment):
    name = assignment.long_name
    source = {
        c.label: c.source for c in split_cells((handout / name / f"{name}.py").read_text("utf-8"))
    }
    cells = {
        c["id"]: c
        for c in json.loads((handout / name / f"{name}.ipynb").read_text("utf-8"))["cells"]
    }
    for task in assignment.tasks:
        head, _, code = cells[task.grade_id]["source"].partition("\n")
        assert head == f"# {task.name}"
        assert code == source[task.name].strip()
        assert cells[f"{task.grade_id}-text"]["source"].startswith(f"## {task.name}\n")
        assert cells[f"{task.grade_id}-test"]["source"].endswith(task.public.strip())


@each
def test_a_task_has_one_name_everywhere(assignment):
    assignment.check()
    for task in assignment.tasks:
        assert task.name.startswith(assignment.name + ".")
        assert task.hidden or task.points == 0, f"{task.name} has no hidden test"
        section = split_readme(assignment.readme)[task.name]
        stub = {cell.label: cell.source for cell in split_cells(assignment.solution)}[task.name]
        functions = re.findall(r"(?m)^def (\w+)", stub)
        assert functions
        for function in functions:
            assert function in section
            assert function in assignment.functions


@each
def test_the_expected_output_is_what_the_solution_gives(assignment):
    """Each task has it, and a formula; what a page shows cannot become untrue."""
    sections = split_readme(assignment.readme)
    for task in assignment.tasks:
        text, _, expected = sections[task.name].partition(EXPECTED)
        assert text.count("$$") >= 2, f"{task.name} has no formula"
        (block,) = re.findall(r"(?s)```pycon\n(.*?)```", expected)
        assert re.search(r"(?m)^>>> ", block), task.name
        assert re.search(r"(?m)^(?!>>> |\.\.\. )", block), task.name
    tool = runpy.run_path(str(ROOT / "docs" / "tools" / "expected_output.py"))
    remedy = "run: python docs/tools/expected_output.py"
    assert assignment.readme == tool["filled"](assignment.folder), remedy


@each
def test_the_page_has_one_picture_and_students_get_it(handout, assignment):
    (name,) = assignment.pictures
    with Image.open(handout / assignment.long_name / name) as picture:
        assert picture.width < 1000
    assert (assignment.folder / name).stat().st_size < 100_000
    nb = json.loads(
        (handout / assignment.long_name / f"{assignment.long_name}.ipynb").read_text("utf-8")
    )
    assert f"]({name})" in nb["cells"][0]["source"]


def test_the_expected_output_stands_between_function_and_tests(handout):
    nb = json.loads((handout / "a4_style" / "a4_style.ipynb").read_text("utf-8"))
    ids = [cell["id"] for cell in nb["cells"]]
    first = ids.index("a4-gram-text")
    names = ["text", "", "expected", "test"]
    assert ids[first : first + 4] == [f"a4-gram-{name}".strip("-") for name in names]
    text, expected = (nb["cells"][first + i]["source"] for i in (0, 2))
    assert EXPECTED not in text
    assert expected.startswith(f"{EXPECTED}\n\n```pycon\n>>> print(gram_matrix(")


def test_the_script_that_makes_the_zip_is_handed_out(handout):
    for place in (handout, *(handout / a.long_name for a in BUNDLED.values())):
        assert (place / "submit.py").read_bytes() == Path(submit.__file__).read_bytes()


@each
def test_no_line_of_a_solution_or_hidden_test_is_handed_out(handout, assignment):
    secret = {
        line.strip()
        for text in re.findall(r"(?s)BEGIN SOLUTION\n(.*?)### END", assignment.solution)
        for line in text.splitlines()
    } | {line.strip() for task in assignment.tasks for line in task.hidden.splitlines()}
    public = "".join(task.public for task in assignment.tasks) + assignment.header
    public += strip_solutions(assignment.solution)
    secret -= {line.strip() for line in public.splitlines()}
    folder = handout / assignment.long_name
    text = "\n".join(
        p.read_text("utf-8") for p in folder.iterdir() if p.suffix in (".py", ".md", ".json")
    )
    nb = json.loads((folder / f"{assignment.long_name}.ipynb").read_text("utf-8"))
    text += "\n".join(cell["source"] for cell in nb["cells"])
    lines = {line.strip() for line in text.splitlines()}
    assert len(secret) > 5
    assert not secret & lines
    assert "BEGIN " not in text
    # seeds and other numbers of hidden tests
    for number in re.findall(r"\d{5,}", "".join(task.hidden for task in assignment.tasks)):
        assert number not in text


@pytest.mark.parametrize("name", ["a3", "a5"])
def test_the_public_tests_run_alone(handout, name, tmp_path):
    """`python tests.py` passes beside the solution, and stops at the first stub."""
    assignment = BUNDLED[name]
    name = assignment.long_name
    folder = tmp_path / name
    release([assignment], tmp_path)
    (folder / f"{name}.py").write_text(assignment.solution, "utf-8")
    for place, code in ((folder, 0), (handout / name, 1)):
        done = subprocess.run(
            [sys.executable, "tests.py"], cwd=place, capture_output=True, encoding="utf-8",
            check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        assert ("NotImplementedError" in done.stderr) == bool(code)


def test_a_released_folder_is_an_assignment_without_secrets(handout):
    released = load_assignments(handout)
    assert list(released) == list(BUNDLED)
    assert not any(task.hidden for a in released.values() for task in a.tasks)


def test_the_instructors_notebook(small, tmp_path):
    (place,) = release_source([small], tmp_path / "nbgrader")
    assert place == tmp_path / "nbgrader" / "source" / "t1_small"
    text = (place / "t1_small.ipynb").read_text("utf-8")
    assert all(word in text for word in ("BEGIN SOLUTION", "BEGIN HIDDEN TESTS", "31337.5"))
    points = [
        cell["metadata"]["nbgrader"]["points"]
        for cell in json.loads(text)["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade")
    ]
    assert points == [1, 2, 2.5]


def test_a_notebook_has_each_cell_once(small):
    ids = [cell["id"] for cell in notebook(small)["cells"]]
    assert len(ids) == len(set(ids))
    assert "t1-double" in ids


def test_answers_are_not_overwritten(small, tmp_path):
    (tmp_path / "t1_small").mkdir()
    with pytest.raises(OutputError, match="t1_small exists already and may hold answers"):
        release([small], tmp_path)


def test_points_are_changed_in_one_place(small):
    manifest = small.folder / "assignment.json"
    data = json.loads(manifest.read_text("utf-8"))
    data["points"]["t1.double"] = 10
    manifest.write_text(json.dumps(data), "utf-8")
    assert load_assignment(small.folder).points == 14.5


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("assignment.json", "{", "", "assignment.json is not JSON"),
        ("assignment.json", '"points"', '"marks"', 'needs a "title" and "points"'),
        ("assignment.json", "2.5", '"many"', "the points of t1.slope must be a number"),
        ("tests.py", "# %% t1.square", "", "tests.py has no cell '# %% t1.square'"),
        ("tests.py", "from solution", "from answer", "does not say which functions it tests"),
        ("tests.py", "### END HIDDEN TESTS", "", "BEGIN HIDDEN TESTS has no ### END"),
        ("solution.py", "### END SOLUTION", "", "do not come in turns"),
        ("solution.py", "# %% t1.double", "", "task t1.double of assignment.json has no part in"),
        ("README.md", "## t1.slope", "", "task t1.slope of assignment.json has no part in README"),
        ("assignment.json", "512", "0", '"megabytes" must be a number above 0, at most'),
        ("assignment.json", '"seconds": 2', '"seconds": -2', '"seconds" must be a number above 0'),
        ("assignment.json", '"seconds": 2', '"seconds": NaN', '"seconds" must be a number above'),
        ("assignment.json", '"seconds": 2', '"seconds": "2"', "must be a number above 0"),
        ("assignment.json", "{", '{"files": ["none.npz"], ', "names 'none.npz' in \"files\", and"),
        ("assignment.json", "{", '{"files": ["../t1_small/tests.py"], ', "has no such file"),
        ("assignment.json", "{", '{"files": "tests.py", ', '"files" must be a list of names'),
        ("README.md", "Twice.", "![Twice](none.png)", "README.md shows none.png, and"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_assignment(tmp_path, file, old, new, message):
    folder = write_assignment(tmp_path / "t1_small")
    text = (folder / file).read_text("utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(CourseError) as caught:
        release([load_assignment(folder)], tmp_path / "handout")
    assert message in str(caught.value)
    assert not (tmp_path / "handout").exists() or not list((tmp_path / "handout").iterdir())


@pytest.mark.parametrize("write", [release, release_source])
def test_a_release_is_complete_or_not_there(tmp_path, monkeypatch, write):
    """Two assignments, of which the second loses a file after it was read."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    both = []
    for name in ("t1_small", "t2_small"):
        folder = write_assignment(tmp_path / "course" / name)
        text = (folder / "assignment.json").read_text("utf-8")
        (folder / "assignment.json").write_text(
            text.replace("{", '{"files": ["more.txt"], ', 1), "utf-8"
        )
        (folder / "more.txt").write_text("more", "utf-8")
        both.append(load_assignment(folder))
    (both[1].folder / "more.txt").unlink()
    with pytest.raises(CourseError, match=r"names 'more\.txt'"):
        write(both, tmp_path / "handout")
    (both[1].folder / "more.txt").write_text("more", "utf-8")
    monkeypatch.setattr("shutil.copy", lambda *places: (tmp_path / "none").read_text("utf-8"))
    with pytest.raises(FileNotFoundError):
        write(both, tmp_path / "handout")
    left = [path for path in (tmp_path / "handout").rglob("*") if path.name != "source"]
    assert left == []


@posix
def test_a_file_that_goes_missing_leaves_no_folder(tmp_path, monkeypatch):
    """Grading goes on, and says that it could not."""
    folder = write_assignment(tmp_path / "t1_small")
    text = (folder / "assignment.json").read_text("utf-8")
    (folder / "assignment.json").write_text(
        text.replace("{", '{"files": ["more.txt"], ', 1), "utf-8"
    )
    (folder / "more.txt").write_text("more", "utf-8")
    assignment = load_assignment(folder)
    (folder / "more.txt").unlink()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    done = grade_answer(folder / "solution.py", assignment)
    assert done.points == 0
    assert {task.reason for task in done.tasks} == {
        "the grader could not go on (FileNotFoundError)"
    }
    assert list((tmp_path / "temporary").iterdir()) == []


def nst(*words):
    return main(["course", *map(str, words)])


@posix
def test_the_command_line(small, tmp_path, capsys):
    course = ("--assignments", small.folder.parent)
    assert nst("list", *course) == 0
    assert re.search(r"t1.slope +2.5", capsys.readouterr().out)
    assert nst("release", tmp_path / "handout", "t1", "t1_small", *course) == 0
    stub = tmp_path / "handout" / "t1_small" / "t1_small.py"
    assert nst("check", stub) == 0
    assert re.search(r"t1.double +0 / 1 +not written yet", capsys.readouterr().out)
    alice = tmp_path / "class" / "alice" / "t1_small"
    alice.mkdir(parents=True)
    shutil.copy(small.folder / "solution.py", alice / "t1_small.py")
    out = tmp_path / "grades"
    assert nst("grade", alice, "--out", out, "--quiet", *course) == 0
    assert capsys.readouterr().out == ""
    assert json.loads((out / "results.json").read_text("utf-8"))["score"] == 5.5
    assert nst("grade", tmp_path / "class", "--out", out, *course) == 0
    assert "alice,5.5,5.5,5.5,1,2,2.5" in capsys.readouterr().out
    assert "alice,5.5" in (out / "grades.csv").read_text("utf-8")
    assert "5.5 / 5.5" in (out / "alice" / "report.txt").read_text("utf-8")


def test_what_the_command_line_says(small, tmp_path, capsys):
    course = ("--assignments", small.folder.parent)
    for words, message in (
        (("grade", tmp_path / "none", *course), "does not exist: give a file, or a folder"),
        (("grade", tmp_path, *course), "no answer found in"),
        (("release", tmp_path, "t9", *course), "unknown assignment 't9': choose from t1"),
        (("list", "--assignments", tmp_path / "class"), "has no folder with an assignment.json"),
    ):
        assert nst(*words) == 2
        err = capsys.readouterr().err
        assert message in err
        assert err.count("\n") == 1


PAINTS = """
import numpy as np
expect.show(np.full((2, 3, 3), 200, np.uint8), "t1_tested.png")
"""


@posix
def test_what_an_answer_paints_is_kept(tmp_path, capsys):
    """By `check` beside the answer, by `grade` with the results; else nothing is written."""
    folder = write_assignment(tmp_path / "course" / "t1_small")
    tests = folder / "tests.py"
    text = tests.read_text("utf-8")
    head, mark, tail = text.partition("# %% t1.square\n")
    tests.write_text(head + mark + PAINTS + tail, "utf-8")
    answer = tmp_path / "mine" / "t1_small.py"
    answer.parent.mkdir()
    shutil.copy(folder / "solution.py", answer)
    course = ("--assignments", folder.parent)
    assert nst("grade", answer, *course) == 0
    assert "painted" not in capsys.readouterr().out
    assert [path.name for path in answer.parent.iterdir()] == ["t1_small.py"]
    assert nst("check", answer, *course) == 0
    assert capsys.readouterr().out.endswith(f"painted: {answer.parent / 't1_tested.png'}\n")
    assert nst("grade", answer, "--out", tmp_path / "out", "--quiet", *course) == 0
    assert "painted: t1_tested.png\n" in (tmp_path / "out" / "report.txt").read_text("utf-8")
    for place in (answer.parent, tmp_path / "out"):
        with Image.open(place / "t1_tested.png") as picture:
            assert (picture.size, picture.getpixel((0, 0))) == ((3, 2), (200, 200, 200))


@posix
def test_names_that_lead_elsewhere(small, tmp_path):
    for name in (".._t1", "grades.csv_t1", "ada_t1"):
        path = tmp_path / "class" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("", "utf-8")
    (tmp_path / "report.txt").write_text("mine", "utf-8")
    out = tmp_path / "out"
    course = ("--quiet", "--assignments", small.folder.parent)
    assert nst("grade", tmp_path / "class", "--out", out, *course) == 0
    assert (tmp_path / "report.txt").read_text("utf-8") == "mine"
    assert sorted(p.name for p in out.iterdir()) == ["_..", "_grades.csv", "ada", "grades.csv"]
    assert (out / "grades.csv").read_text("utf-8").splitlines()[1].startswith("..,0,5.5")


@posix
@pytest.mark.parametrize("seconds", ["-5", "0", "nan", "inf", "1e9"])
def test_a_time_that_is_none(small, tmp_path, capsys, seconds):
    words = (small.folder / "solution.py", "--assignments", small.folder.parent)
    assert nst("grade", *words, f"--seconds={seconds}", "--out", tmp_path / "out") == 2
    said = capsys.readouterr()
    assert "nst course: seconds must be" in said.err
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert not (tmp_path / "out").exists()
    with pytest.raises(SettingError, match="seconds must be"):
        grade_answer(small.folder / "solution.py", small, seconds=float(seconds))


def test_gradescope_is_told_where_there_is_no_answer(small, tmp_path, capsys):
    (tmp_path / "submission").mkdir()
    (tmp_path / "submission" / "report.pdf").write_bytes(b"%PDF-1.4")
    course = ("--quiet", "--assignments", small.folder.parent)
    out = tmp_path / "results"
    assert nst("grade", tmp_path / "submission", "--out", out, *course) == 2
    results = json.loads((out / "results.json").read_text("utf-8"))
    assert (results["score"], results["tests"]) == (0, [])
    assert results["output"].startswith("no answer found in")
    assert results["output"] in capsys.readouterr().err
