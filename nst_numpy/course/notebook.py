"""Notebooks: an assignment written as one, and the code of an answer read from one.

A notebook is JSON, so none of this needs Jupyter or nbgrader.
"""

import json
import re
from pathlib import Path
from typing import Any

from nst_numpy.course.assignment import (
    HEADER,
    Assignment,
    Cell,
    Task,
    split_cells,
    split_readme,
    strip_solutions,
)
from nst_numpy.errors import CourseError

MAGIC = re.compile(r"^(\s*)(%{1,2}[A-Za-z_]|!|\?|[\w.]+\?{1,2}\s*$)")
TEST_IMPORTS = "tests-need"
Json = dict[str, Any]


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
        cells.append(_markdown(f"{task.grade_id}-text", sections.pop(task.name, "")))
        cells += _task_cells(task, cell, instructor)
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

    nbgrader's test cells are left out, lines for IPython (%magic, !shell, help?) become `pass`.

    Raises
    ------
    CourseError
        It is not a notebook.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = [
            (f"{path.name}, cell {number}", 1, _without_magic(_joined(cell["source"])))
            for number, cell in enumerate(cells, start=1)
            if cell["cell_type"] == "code" and not _is_test(cell)
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CourseError(
            f"{path.name} is not a notebook that can be read: {type(error).__name__}: {error}"
        ) from error
    return code


def _task_cells(task: Task, cell: Cell, instructor: bool) -> list[Json]:
    source, tests = _body(cell), task.public
    if instructor and task.hidden:
        tests += f"### BEGIN HIDDEN TESTS\n{task.hidden}### END HIDDEN TESTS\n"
    if not instructor:
        source = strip_solutions(source)
    return [
        _code(task.grade_id, f"# {task.name}\n{source}", solution=True),
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
    if source.lstrip().startswith("%%"):
        return ""
    return "\n".join(
        f"{match[1]}pass" if (match := MAGIC.match(line)) else line for line in source.split("\n")
    )
