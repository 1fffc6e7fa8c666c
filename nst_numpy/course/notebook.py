"""Notebooks: an assignment written as one, and the code of an answer read from one.

A notebook is JSON, so none of this needs Jupyter or nbgrader.
"""

import codecs
import contextlib
import io
import json
import tokenize
from pathlib import Path
from textwrap import indent
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
from nst_numpy.course.jupyter import to_python
from nst_numpy.errors import CourseError

TEST_IMPORTS = "tests-need"
LARGEST_FILE = 64 << 20  # bytes
MOST_MARKS = 4_000_000  # "[", "{" and "," of a notebook: each may become an object in memory
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
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


# Among nbgrader's cells, hidden tests are as any others, and would say what public ones do.
DISCREET = """\
### BEGIN HIDDEN TESTS
from nst_numpy.course.expect import discreetly
with discreetly():
{hidden}### END HIDDEN TESTS
"""


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

    nbgrader's test cells are left out, and cells are made Python: see `jupyter.to_python`. Formats
    2 and 3, which have sheets of cells, are read as well as 4.

    Raises
    ------
    CourseError
        It is not a notebook.
    """
    try:
        cells = _cells(json.loads(_text(path)))
        # one that lacks something costs itself only; where all do, it is something else
        if cells and not any(isinstance(cell, dict) and "cell_type" in cell for cell in cells):
            raise KeyError("cell_type")
        code = [
            (f"{path.name}, cell {number}", 1, to_python(_source(cell)))
            for number, cell in enumerate(cells, start=1)
            if isinstance(cell, dict) and cell.get("cell_type") == "code" and not _is_test(cell)
        ]
    except CourseError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CourseError(
            f"{path.name} is not a notebook that can be read: {type(error).__name__}: {error}"
        ) from error
    return code


def decoded(data: bytes) -> str:
    r"""Return the text of a file that somebody's editor has written; ValueError if it is none.

    UTF-8, UTF-16 and UTF-32 are known by their first bytes, or by being valid UTF-8; else it is
    what its first lines say (coding: …), or Latin-1 as Windows writes it. Lines end in \n.

    >>> decoded("größe".encode("utf-16")), decoded("größe".encode("latin-1"))
    ('größe', 'größe')
    """
    name = next((name for mark, name in MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(name)
    except UnicodeDecodeError as error:
        if name != "utf-8":
            raise ValueError(f"it begins as {name}, and goes on as something else") from error
        text = _by_its_first_lines(data)
    if "\0" in text:
        raise ValueError("it is no text: save it as UTF-8")
    return text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _by_its_first_lines(data: bytes) -> str:
    with contextlib.suppress(SyntaxError, UnicodeDecodeError, LookupError):
        return data.decode(tokenize.detect_encoding(io.BytesIO(data).readline)[0])
    return data.decode("cp1252", errors="replace")


def _text(path: Path) -> str:
    data = read_bytes(path)
    if sum(map(data.count, (b"[", b"{", b","))) > MOST_MARKS:
        raise CourseError(f"{path.name} is too long to be read: clear its outputs")
    return decoded(data)


def _cells(notebook: Json) -> list[Json]:
    if "worksheets" in notebook:
        return [cell for sheet in notebook["worksheets"] for cell in sheet["cells"]]
    cells: list[Json] = notebook["cells"]
    return cells


def _source(cell: Json) -> str:
    source = cell.get("source", cell.get("input")) or ""  # what it lacks costs no other cell
    return (source if isinstance(source, str) else "".join(source)).lstrip("\ufeff")


def _task_cells(task: Task, cell: Cell, section: str, instructor: bool) -> list[Json]:
    """Make what to do, the function, what it gives if it is right, and the tests."""
    text, mark, expected = section.partition(EXPECTED)
    source, tests = _body(cell), task.public
    if instructor and task.hidden:
        tests += DISCREET.format(hidden=indent(task.hidden, "    "))
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
    about = (cell.get("metadata") or {}).get("nbgrader") or {}
    return bool(about.get("locked")) and not about.get("solution")
