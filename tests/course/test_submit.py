"""The zip that students hand in: what is in it, what is missing, and that nothing is half made."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from nst_numpy.course import find_submissions, load_assignment, release, submit
from tests.course.conftest import SOLUTION, write_assignment

DOUBLE = "def double(x):\n    return 2 * x\n"
WRITTEN = "\n".join(line for line in SOLUTION.splitlines() if "### " not in line)


@pytest.fixture
def handout(tmp_path):
    """Hand out two small assignments; return the folder."""
    for name in ("t1_small", "t2_small"):
        folder = write_assignment(tmp_path / "course" / name)
        for file in folder.iterdir():
            text = file.read_text("utf-8").replace("t1", name[:2])
            file.write_text(text, "utf-8")
        release([load_assignment(folder)], tmp_path / "handout")
    return tmp_path / "handout"


@pytest.fixture
def run(capsys):
    """Run the script; return its exit code, and what it said."""

    def run(*words):
        code = submit.main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def write(handout, name="t1_small", text=WRITTEN, suffix=".py"):
    path = handout / name / f"{name}{suffix}"
    path.write_text(text.replace("t1", name[:2]), "utf-8")
    return path


def inside(place):
    with zipfile.ZipFile(place) as archive:
        return sorted(archive.namelist())


def left_over(folder):
    return [path.name for path in folder.iterdir() if path.name[0] == "."]


@pytest.mark.parametrize("name", ["t1_small", "."])
def test_the_script_runs_alone_with_plain_python(handout, name):
    """In an assignment's folder it takes this one, beside them all of them."""
    for each in ("t1_small", "t2_small"):
        write(handout, each)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "submit.py"], cwd=handout / name, capture_output=True,
        encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    place = handout / name / ("t1_small.zip" if name != "." else "submission.zip")
    want = ["t1_small.py", "t2_small.py"][: 1 + (name == ".")]
    assert inside(place) == want
    assert done.stdout == f"{place} is made. In it: {', '.join(want)}\n"


def test_what_comes_back_is_found(handout, tmp_path, run):
    for name in ("t1_small", "t2_small"):
        write(handout, name)
    assert run(handout / "t1_small", handout / "t2_small", "-o", tmp_path / "ada.zip")[0] == 0
    shutil.unpack_archive(tmp_path / "ada.zip", tmp_path / "ada")
    found = find_submissions(
        tmp_path / "ada",
        {name: load_assignment(tmp_path / "course" / f"{name}_small") for name in ("t1", "t2")},
    )
    assert {name: [path.name for path in files] for name, files in found.files.items()} == {
        "t1": ["t1_small.py"], "t2": ["t2_small.py"],
    }  # fmt: skip


def test_what_is_as_it_was_handed_out_stays_out(handout, tmp_path, run):
    """Of notebook and file the one that is written is taken; a module of one's own goes along."""
    notebook = handout / "t1_small" / "t1_small.ipynb"
    data = json.loads(notebook.read_text("utf-8"))
    for cell in data["cells"]:
        if cell["id"] == "t1-double":
            cell["source"] = ["# t1.double\n", DOUBLE]
    notebook.write_text(json.dumps(data), "utf-8")
    (handout / "t1_small" / "helpers.py").write_text("two = 2\n", "utf-8")
    (handout / "t1_small" / "notes.txt").write_text("mine", "utf-8")
    code, said = run(handout / "t1_small", "-o", tmp_path / "a.zip")
    assert code == 0
    assert inside(tmp_path / "a.zip") == ["helpers.py", "t1_small.ipynb"]
    assert "t1_small.ipynb: not written yet: t1.square, t1.slope\n" in said


def test_what_is_missing_is_named(handout, tmp_path, run):
    spent = WRITTEN.replace("return 2 * x\n", "# raise NotImplementedError()\n    return x + x\n")
    half = spent.replace("return x * x", "# YOUR CODE HERE\n    raise NotImplementedError()")
    write(handout, text=half.split("# %% t1.slope")[0])
    code, said = run(handout / "t1_small", "-o", tmp_path / "a.zip")
    assert (code, inside(tmp_path / "a.zip")) == (0, ["t1_small.py"])
    assert "t1_small.py: not written yet: t1.square, t1.slope\n" in said


def test_what_is_not_python_is_named(handout, tmp_path, run):
    write(handout, text=f"{WRITTEN}\ndef broken(:\n    pass\n")
    code, said = run(handout / "t1_small", "-o", tmp_path / "a.zip")
    assert (code, inside(tmp_path / "a.zip")) == (0, ["t1_small.py"])
    line = WRITTEN.count("\n") + 2
    assert f"t1_small.py, line {line}: this is not Python: " in said


def test_a_file_without_markers_is_taken(handout, tmp_path, run):
    write(handout, text=DOUBLE)
    assert run(handout / "t1_small", "-o", tmp_path / "a.zip")[0] == 0
    assert inside(tmp_path / "a.zip") == ["t1_small.py"]


def test_what_is_not_begun_is_left_out_unless_it_is_asked_for(handout, run, monkeypatch):
    monkeypatch.setattr(submit, "HERE", handout)
    code, said = run()
    assert code == 1
    assert said.count("nothing is written yet in") == 2
    write(handout)
    code, said = run()
    assert (code, inside(handout / "submission.zip")) == (0, ["t1_small.py"])
    assert said.startswith("t2: nothing is written yet in t2_small.ipynb and t2_small.py\n")


def remove(folder):
    for suffix in (".py", ".ipynb"):
        (folder / f"t1_small{suffix}").unlink()


def empty(folder):
    (folder / "t1_small.py").write_text(" \n", "utf-8")


def damage(folder):
    (folder / "t1_small.ipynb").write_text('{"cells": [', "utf-8")


def lose(folder):
    (folder / "assignment.json").write_text("[]", "utf-8")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove, "t1: neither t1_small.py nor t1_small.ipynb is in "),
        (empty, "t1_small.py is empty: remove it, or write it again"),
        (damage, "t1_small.ipynb cannot be read: JSONDecodeError"),
        (lose, "assignment.json cannot be read: put the one that you were given there"),
        (lambda folder: None, "t1: nothing is written yet in t1_small.ipynb and t1_small.py"),
        (lambda folder: (folder / "assignment.json").unlink(), "it has no assignment.json"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_no_zip_is_made(handout, tmp_path, run, spoil, message):
    """And one that was there stays."""
    write(handout, "t2_small")
    spoil(handout / "t1_small")
    (tmp_path / "a.zip").write_bytes(b"before")
    code, said = run(handout / "t1_small", handout / "t2_small", "-o", tmp_path / "a.zip")
    assert code == 1
    assert said.startswith("no zip was made:\n")
    assert message in said
    assert (tmp_path / "a.zip").read_bytes() == b"before"
    assert left_over(tmp_path) == []


def test_two_modules_of_one_name(handout, tmp_path, run):
    for name, text in (("t1_small", "two = 2\n"), ("t2_small", "two = 3\n")):
        write(handout, name)
        (handout / name / "helpers.py").write_text(text, "utf-8")
    code, said = run(handout / "t1_small", handout / "t2_small", "-o", tmp_path / "a.zip")
    assert code == 1
    assert "have one name: give one of them another" in said
    (handout / "t2_small" / "helpers.py").write_text("two = 2\n", "utf-8")
    assert run(handout / "t1_small", handout / "t2_small", "-o", tmp_path / "a.zip")[0] == 0
    assert inside(tmp_path / "a.zip") == ["helpers.py", "t1_small.py", "t2_small.py"]


@pytest.mark.parametrize("name", ["t1_small/t1_small.py", "."])
def test_an_answer_is_not_written_over(handout, run, name):
    mine = write(handout)
    code, said = run(handout / "t1_small", "-o", handout / name)
    assert code == 1
    assert "is no name for a zip: let it end in .zip" in said
    assert mine.read_text("utf-8") == WRITTEN


def test_a_module_that_cannot_be_read(handout, tmp_path, run):
    for name in ("t1_small", "t2_small"):
        write(handout, name)
        (handout / name / "helpers.py").write_text("two = 2\n", "utf-8")
    done = Path.read_bytes

    def refused(path):
        if path.name == "helpers.py":
            raise PermissionError(13, "Permission denied", str(path))
        return done(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_bytes", refused)
        code, said = run(handout / "t1_small", handout / "t2_small", "-o", tmp_path / "a.zip")
    assert code == 1
    assert "helpers.py cannot be read: Permission denied" in said


def test_a_zip_that_cannot_be_written(handout, tmp_path, run, monkeypatch):
    write(handout)
    code, said = run(handout / "t1_small", "-o", tmp_path / "none" / "a.zip")
    assert code == 1
    assert "cannot be written: " in said

    def full(*words, **options):
        raise OSError("No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    code, said = run(handout / "t1_small", "-o", tmp_path / "a.zip")
    assert code == 1
    assert "a.zip cannot be written: No space left on device; choose another with -o" in said
    assert not (tmp_path / "a.zip").exists()
    assert left_over(tmp_path) == []
