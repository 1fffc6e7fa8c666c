"""The notebooks in nbgrader itself: `nox -s course` installs it and runs this file."""

import csv
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nst_numpy.course import load_assignments, release, release_source

NBGRADER = shutil.which("nbgrader", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")
# Seconds, for what hangs: on a busy machine a cell may wait long for the processor.
PATIENCE = 900
PATIENT = f"--ExecutePreprocessor.timeout={PATIENCE}"
# As in the grader. Else the threads of two kernels wait for each other at each small product.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
NAMES = [assignment.long_name for assignment in load_assignments().values()]


def nbgrader(*words, folder):
    return subprocess.run(
        [NBGRADER, *words],
        cwd=folder,
        env=os.environ | ONE_THREAD,
        capture_output=True,
        encoding="utf-8",
        timeout=2 * PATIENCE,
        check=False,
    )


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """An nbgrader course with the instructor's notebooks, and the students' release."""
    folder = tmp_path_factory.mktemp("nbgrader").resolve()
    assignments = list(load_assignments().values())
    release_source(assignments, folder / "course")
    release(assignments, folder / "handout")
    return folder / "course", folder / "handout"


@pytest.fixture(scope="module")
def generated(places):
    """The students' notebooks as nbgrader makes them, in one go: each start takes seconds."""
    done = nbgrader("generate_assignment", "*", "--create", folder=places[0])
    assert done.returncode == 0, done.stderr
    return places[0] / "release"


def cells(path):
    return [
        (cell["cell_type"], "".join(cell["source"]).rstrip(), cell["metadata"].get("nbgrader", {}))
        for cell in json.loads(path.read_text("utf-8"))["cells"]
    ]


@pytest.mark.parametrize("name", NAMES)
def test_generate_assignment_gives_what_we_release(generated, places, name):
    theirs = cells(generated / name / f"{name}.ipynb")
    ours = cells(places[1] / name / f"{name}.ipynb")
    assert [(kind, text) for kind, text, _ in theirs] == [(kind, text) for kind, text, _ in ours]
    for (_, _, their), (_, _, our) in zip(theirs, ours, strict=True):
        assert {k: v for k, v in their.items() if k not in ("checksum", "cell_type")} == our


def test_validate_passes_with_the_solutions(places):
    def validate(names):
        notebooks = [f"source/{name}/{name}.ipynb" for name in names]
        done = nbgrader("validate", *notebooks, PATIENT, folder=places[0])
        passed = done.stdout.count("Success! Your notebook passes all the tests.")
        return done.returncode, passed == len(names), done.stdout + done.stderr

    with ThreadPoolExecutor(2) as pool:
        for returncode, passed, said in pool.map(validate, (NAMES[::2], NAMES[1::2])):
            assert returncode == 0, said
            assert passed, said


def test_validate_fails_with_the_stubs(places):
    done = nbgrader("validate", "a3_content/a3_content.ipynb", PATIENT, folder=places[1])
    assert "VALIDATION FAILED ON 3 CELL(S)" in done.stdout + done.stderr
    assert "NotImplementedError" in done.stdout + done.stderr


def test_autograde_gives_full_points(generated):
    course, name = generated.parent, "a3_content"
    shutil.copytree(course / "source" / name, course / "submitted" / "ada" / name)
    for words in (("autograde", name, "--create", PATIENT), ("export",)):
        done = nbgrader(*words, folder=course)
        assert done.returncode == 0, done.stderr
    rows = csv.DictReader((course / "grades.csv").read_text("utf-8").splitlines())
    (row,) = (row for row in rows if row["assignment"] == name)
    assert (row["student_id"], float(row["score"]), float(row["max_score"])) == ("ada", 7, 7)
