"""One self-contained HTML file about a class, for its teacher."""

from collections.abc import Iterable
from pathlib import Path

import nst_numpy
from nst_numpy.course.classview import HARDER, ClassView, Entry
from nst_numpy.course.followup import sentence
from nst_numpy.course.likeness import COMMON
from nst_numpy.figures.classroom import class_figure
from nst_numpy.files import check_output, write_text
from nst_numpy.report.page import inline_svg
from nst_numpy.report.parts import render

MARKS = {"right": ("✓", "all tests pass"), "hidden": ("h", "a hidden test fails"),
         "reference": ("r", "all tests pass, with the reference for an earlier task"),
         "wrong": ("✗", "a public test fails"), "unwritten": ("·", "not written")}  # fmt: skip


def write_class_page(path: str | Path, view: ClassView) -> None:
    """Write the page about a class.

    Parameters
    ----------
    path
        The file to be; an existing one is replaced.
    view : ClassView
        From `nst_numpy.course.view_class`.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    check_output(path)
    marks = {(entry.student, entry.task): MARKS[_mark(entry)] for entry in view.entries}
    page = render(
        "classroom.html",
        title=f"A class of {len(view.students)}",
        version=nst_numpy.__version__,
        view=view,
        count=len(view.students),
        picture=inline_svg(class_figure(view.tasks)) if view.tasks else None,
        rows=[(student, [marks.get((student, task.name), ("", "nothing handed in"))
                         for task in view.tasks]) for student in view.students],
        helped=_helped(view.entries),
        harder=HARDER,
        common=COMMON,
    )  # fmt: skip
    write_text(path, page)


def _mark(entry: Entry) -> str:
    return "reference" if entry.state == "right" and entry.references else entry.state


def _helped(entries: Iterable[Entry]) -> list[tuple[str, str, str]]:
    """Return student, tasks, and the sentence that says with which references."""
    tasks: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        if entry.references:
            tasks.setdefault((entry.student, sentence(entry.references)), []).append(entry.task)
    return [(student, ", ".join(names), said) for (student, said), names in tasks.items()]
