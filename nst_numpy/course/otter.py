"""The assignments in otter-grader's form: what its autograder is made of, and what students get.

The tests are files of otter's exception-based format: `OK_FORMAT = False`, and functions with the
decorator `otter.test_files.test_case`. Layout and format are those of otter-grader 7.0.0.
"""

import ast
import json
from pathlib import Path
from typing import Any

from nst_numpy.course.assignment import PROPORTIONAL, README, Assignment, Task, strip_solutions
from nst_numpy.course.notebook import notebook
from nst_numpy.course.portions import HiddenTest, split_tests
from nst_numpy.course.release import copy_files, new_folders
from nst_numpy.files import PathLike, check_folder, write_json, write_text

CONFIG = {"lang": "python", "show_stdout": False, "show_hidden": False}
REQUIREMENTS = "# what the tests, and the answers, import\nnst_numpy\n"
START = "import otter\n\ngrader = otter.Notebook()"
TEMPLATE = '''"""{task} of {assignment}, for otter-grader."""

OK_FORMAT = False

from contextlib import nullcontext

from otter.test_files import test_case

from nst_numpy.course.expect import Wrong, discreetly

name = {name!r}
points = None
all_or_nothing = {whole}

FUNCTIONS = {functions!r}
SCOPE = {{}}
exec({header}, SCOPE)


def check(source, env, hidden=False):
    """Run a part of the test, with the answer's functions, in the scope of the parts before."""
    if hidden and "public tests pass" not in SCOPE:
        raise AssertionError("a public test fails")
    SCOPE.update({{function: env[function] for function in FUNCTIONS if function in env}})
    try:
        with discreetly() if hidden else nullcontext():
            exec(compile(source, name, "exec"), SCOPE)
    except Wrong as wrong:
        raise AssertionError(str(wrong)) from None
    SCOPE["public tests pass"] = True
'''
CASE = """

@test_case(name={title!r}, points={points!r}, hidden={hidden})
def {function}(env):
    check({source}, env, hidden={hidden})
"""


def release_otter(assignments: list[Assignment], folder: PathLike) -> list[Path]:
    """Write assignments for otter-grader: FOLDER/a4_style/autograder and FOLDER/a4_style/student.

    Parameters
    ----------
    assignments : list of Assignment
    folder : path-like
        Made if it is not there. Each assignment becomes a new folder in it. Its `autograder` is
        what `otter generate` makes an autograder.zip of; it holds the hidden tests.

    Returns
    -------
    list of Path
        The new folders.

    Raises
    ------
    OutputError
        Something cannot be written, or a folder is there already.
    CourseError
        An assignment's markers do not fit.
    """
    root = check_folder(folder)
    with new_folders(assignments, root) as places:
        for assignment, place in places:
            _write_autograder(assignment, check_folder(place / "autograder"))
            _write_student(assignment, check_folder(place / "student"))
    return [root / assignment.long_name for assignment in assignments]


def otter_test(task: Task, assignment: Assignment, *, hidden: bool = True) -> str:
    """Write a task's test as a file for otter, with its hidden tests or without.

    Where points are proportional, each hidden test is a case with its share of them.
    """
    sources = [task.hidden] if task.hidden and hidden else []
    proportional = bool(sources) and assignment.scoring == PROPORTIONAL and task.points > 0
    if proportional:
        above = assignment.header + task.public
        split = split_tests(task.hidden, assignment.functions, above)
        sources = [_source(test) for test in split]
    parts = [
        TEMPLATE.format(
            task=task.name,
            assignment=assignment.long_name,
            name=task.grade_id,
            whole=not proportional,
            functions=assignment.functions,
            header=_text(assignment.imports),
        ),
        CASE.format(
            title=f"{task.grade_id}, public tests",
            points=0 if sources else task.points,
            hidden=False,
            function="public",
            source=_text(task.public),
        ),
    ]
    for number, source in enumerate(sources, start=1):
        parts.append(
            CASE.format(
                title=f"{task.grade_id}, hidden test {number} of {len(sources)}",
                points=task.points / len(sources) if proportional else task.points,
                hidden=True,
                function=f"hidden_{number}",
                source=_text(source),
            )
        )
    return "".join(parts)


def _source(test: HiddenTest) -> str:
    body = ast.Module([*test.ready, test.check], [])
    return ast.unparse(ast.fix_missing_locations(body))


def _text(source: str) -> str:
    """Write source as a Python text, a line a line."""
    lines = "".join(f"    {line!r}\n" for line in source.strip("\n").splitlines(keepends=True))
    return f"(\n{lines})" if lines else '""'


def _write_autograder(assignment: Assignment, place: Path) -> None:
    write_json(place / "otter_config.json", CONFIG)
    write_text(place / "requirements.txt", REQUIREMENTS)
    _write_tests(assignment, place, hidden=True)
    copy_files(assignment, place)


def _write_student(assignment: Assignment, place: Path) -> None:
    name = assignment.long_name
    stub = strip_solutions(assignment.solution, str(assignment.folder))
    write_text(place / f"{name}.py", stub)
    text = json.dumps(_with_checks(notebook(assignment)), indent=1, ensure_ascii=False)
    write_text(place / f"{name}.ipynb", text + "\n")
    write_text(place / README, assignment.readme)
    _write_tests(assignment, place, hidden=False)
    copy_files(assignment, place)


def _write_tests(assignment: Assignment, place: Path, *, hidden: bool) -> None:
    tests = check_folder(place / "tests")
    for task in assignment.tasks:
        write_text(tests / f"{task.grade_id}.py", otter_test(task, assignment, hidden=hidden))


def _with_checks(data: dict[str, Any]) -> dict[str, Any]:
    """Have otter run the public tests, in the place of cells that hold them."""
    start: dict[str, Any] = {
        "cell_type": "code", "execution_count": None, "id": "otter", "metadata": {},
        "outputs": [], "source": START,
    }  # fmt: skip
    cells = [start]
    for cell in data["cells"]:
        about = cell["metadata"].pop("nbgrader", {})
        if about.get("grade"):
            name = about["grade_id"].removesuffix("-test")
            cells.append({**cell, "source": f"grader.check({name!r})"})
        elif not about.get("locked"):
            cells.append(cell)
    return {**data, "cells": cells}
