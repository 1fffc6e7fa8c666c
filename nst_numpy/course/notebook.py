"""Notebooks: an assignment written as one, and the code of an answer read from one.

A notebook is JSON, so none of this needs Jupyter or nbgrader.
"""

import json
import re
from pathlib import Path
from typing import Any

from nst_numpy.course.assignment import (
    EXPECTED,
    HEADER,
    Assignment,
    Cell,
    Task,
    split_cells,
    split_readme,
    strip_solutions,
)
from nst_numpy.course.worker import PYTHON_MAGICS
from nst_numpy.errors import CourseError

MAGIC = re.compile(r"^(\s*)(%{1,2}[A-Za-z_]|!|\?|[\w.]+\?{1,2}\s*$)")
CELL_MAGIC = re.compile(r"\s*%%(\w+).*\n?")
TIMED = re.compile(r"^(\s*)%time\s+(?=\S)")  # one statement, and its time
ASSIGNED = re.compile(r"^(\s*[\w., ]+=\s*)(?:!|%[A-Za-z_]).*")  # files = !ls
TEST_IMPORTS = "tests-need"
LARGEST_FILE = 64 << 20  # bytes
MOST_MARKS = 4_000_000  # "[", "{" and "," of a notebook: each may become an object in memory
Json = dict[str, Any]


def read_bytes(path: Path) -> bytes:
    """Return what is in a file that was handed in; CourseError if it cannot be, or is too large."""
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise CourseError(f"{path.name} cannot be read: {error.strerror}") from error
    if len(data) > LARGEST_FILE:
        raise CourseError(f"{path.name} is larger than {LARGEST_FILE >> 20} MB: clear its outputs")
    return data


def notebook(assignment: Assignment, *, instructor: bool = False) -> Json:
    """Write an assignment as a notebook with nbgrader's metadata.

    Parameters
    ----------
    assignment : Assignment
    instructor : bool
        With solutions and hidden tests, for `nbgrader generate_assignment`; else without.

    Returns
    -------
    dict
        What goes into the .ipynb file, by `json.dumps`.
    """
    sections = split_readme(assignment.readme)
    tasks = {task.name: task for task in assignment.tasks}
    cells = [_markdown("about", sections.pop(HEADER))]
    code = split_cells(assignment.solution)
    for number, cell in enumerate(code):
        task = tasks.get(cell.label)
        if task is None:
            cells.append(_code(f"given-{number}", _body(cell)))
            continue
        if not any(c["id"] == TEST_IMPORTS for c in cells):
            cells.append(_code(TEST_IMPORTS, assignment.imports, locked=True))
        cells += _task_cells(task, cell, sections.pop(task.name, ""), instructor)
    cells += [_markdown(f"more-{i}", text) for i, text in enumerate(sections.values())]
    python = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": cells,
        "metadata": {"kernelspec": python, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def read_notebook(path: Path) -> list[tuple[str, int, str]]:
    """Return the code cells of a notebook as (name, first line, source).

    nbgrader's test cells are left out, lines for IPython (%magic, !shell, help?) become `pass`. A
    cell under %%time and the like is read without that line, one in another language is left out.

    Raises
    ------
    CourseError
        It is not a notebook.
    """
    try:
        cells = json.loads(_text(path))["cells"]
        code = [
            (f"{path.name}, cell {number}", 1, _without_magic(_joined(cell["source"])))
            for number, cell in enumerate(cells, start=1)
            if cell["cell_type"] == "code" and not _is_test(cell)
        ]
    except CourseError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CourseError(
            f"{path.name} is not a notebook that can be read: {type(error).__name__}: {error}"
        ) from error
    return code


def _text(path: Path) -> str:
    data = read_bytes(path)
    if sum(map(data.count, (b"[", b"{", b","))) > MOST_MARKS:
        raise CourseError(f"{path.name} is too long to be read: clear its outputs")
    return data.decode("utf-8-sig")


def _task_cells(task: Task, cell: Cell, section: str, instructor: bool) -> list[Json]:
    """Make what to do, the function, what it gives if it is right, and the tests."""
    text, mark, expected = section.partition(EXPECTED)
    source, tests = _body(cell), task.public
    if instructor and task.hidden:
        tests += f"### BEGIN HIDDEN TESTS\n{task.hidden}### END HIDDEN TESTS\n"
    if not instructor:
        source = strip_solutions(source)
    return [
        _markdown(f"{task.grade_id}-text", text),
        _code(task.grade_id, f"# {task.name}\n{source}", solution=True),
        *([_markdown(f"{task.grade_id}-expected", mark + expected)] if mark else []),
        _code(
            f"{task.grade_id}-test",
            f"# {task.name}: tests\n{tests}",
            locked=True,
            points=task.points,
        ),
    ]


def _code(
    name: str,
    source: str,
    *,
    solution: bool = False,
    locked: bool = False,
    points: float | None = None,
) -> Json:
    metadata: Json = {}
    if solution or locked:
        metadata["nbgrader"] = {
            "grade": points is not None,
            "grade_id": name,
            "locked": locked,
            "schema_version": 3,
            "solution": solution,
            "task": False,
        } | ({} if points is None else {"points": points})
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": metadata,
        "outputs": [],
        "source": source.strip("\n"),
    }


def _markdown(name: str, source: str) -> Json:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source.strip("\n")}


def _body(cell: Cell) -> str:
    return cell.source.strip("\n") + "\n"


def _is_test(cell: Json) -> bool:
    about = cell.get("metadata", {}).get("nbgrader", {})
    return bool(about.get("locked")) and not about.get("solution")


def _joined(source: Any) -> str:
    return source if isinstance(source, str) else "".join(source)


def _without_magic(source: str) -> str:
    if magic := CELL_MAGIC.match(source):
        if magic[1] not in PYTHON_MAGICS:
            return ""
        # the lines keep their numbers
        source = "\n" * magic[0].count("\n") + source[magic.end() :]
    return "\n".join(_plain_line(line) for line in source.split("\n"))


def _plain_line(line: str) -> str:
    line = ASSIGNED.sub(r"\1None", TIMED.sub(r"\1", line))
    return f"{match[1]}pass" if (match := MAGIC.match(line)) else line
