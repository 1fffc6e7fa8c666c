"""What grading gives: a table to read, JSON, Gradescope's results.json, a CSV of a class."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import indent, wrap
from typing import Any

from nst_numpy.course.assignment import Assignment
from nst_numpy.course.grade import Grade, TaskGrade
from nst_numpy.course.junit import as_junit
from nst_numpy.course.plain import LONGEST, one_line
from nst_numpy.files import write_json, write_text
from nst_numpy.pictures import save_image

WIDTH = 96
LONGEST_NOTES = 4 * LONGEST  # characters of a cell
SAFETY = (
    "Graded in a process of its own, behind a fence: without nst_numpy's layers and without "
    "another deep-learning library."
)
REFERENCES = "graded_with_reference"  # a column's name
ISOLATED = "Graded in a process of its own, shut in by {}: without network, solutions and layers."


def as_text(grades: Iterable[Grade], notes: Iterable[str] = ()) -> str:
    """Write grades as the student reads them: a table of points and reasons, then prints.

    `notes` are sentences about all that was handed in: `Submission.notes`.
    """
    grades, parts = list(grades), []
    for grade in grades:
        head = f"{grade.assignment}  {grade.title}  ({grade.file})"
        width = max(len(task.name) for task in grade.tasks)
        lines = [head, "─" * len(head)]
        for task in grade.tasks:
            lines += _row(task, width)
        lines += [f"{'':{width}}  {number(grade.points):>4} / {number(grade.max_points)}"]
        lines += _prints(grade)
        lines += [f"note: {note}" for note in grade.notes]
        parts.append("\n".join(lines))
    about = "\n".join(f"note: {note}" for note in notes)
    return "\n\n".join([*parts, *([about] if about else []), *_safety(grades)]) + "\n"


def as_json(student: str, grades: Iterable[Grade], notes: Iterable[str] = ()) -> dict[str, Any]:
    """Put all that is known about a student's grades into plain data."""
    grades = list(grades)
    return {
        "student": one_line(student),
        "points": sum(grade.points for grade in grades),
        "max_points": sum(grade.max_points for grade in grades),
        "notes": list(notes),
        "assignments": [
            {
                "assignment": grade.assignment,
                "title": grade.title,
                "file": grade.file,
                "isolation": grade.isolation or "fence",
                "points": grade.points,
                "max_points": grade.max_points,
                "notes": list(grade.notes),
                "fingerprint": list(grade.fingerprint),
                "tasks": [
                    {
                        "task": task.name,
                        "points": task.points,
                        "max_points": task.max_points,
                        "reason": task.reason,
                        "prints": task.prints,
                        "mistake": task.mistake,
                        "hidden": task.hidden,
                        "hidden_passed": task.passed,
                        "hidden_tests": task.tests,
                        "references": [
                            {"function": function, "failed": failed}
                            for function, failed in task.references
                        ],
                    }
                    for task in grade.tasks
                ],
            }
            for grade in grades
        ],
    }


def as_gradescope(
    grades: Iterable[Grade], trouble: str = "", notes: Iterable[str] = ()
) -> dict[str, Any]:
    """Put grades into the form of Gradescope's results.json, or say why there are none."""
    grades = list(grades)
    notes = [*(note for grade in grades for note in grade.notes), *notes]
    return {
        "score": sum(grade.points for grade in grades),
        "output": trouble or "\n".join([*_safety(grades), *notes]),
        "visibility": "visible",
        "tests": [
            {
                "name": task.name,
                "score": task.points,
                "max_score": task.max_points,
                "status": "passed" if task.right else "failed",
                "output": task.reason + (f"\n\nprinted:\n{task.prints}" if task.prints else ""),
                "visibility": "visible",
            }
            for grade in grades
            for task in grade.tasks
        ],
    }


def as_csv(
    classes: Iterable[tuple[str, list[Grade]]],
    assignments: Iterable[Assignment],
    notes: Iterable[Iterable[str]] = (),
) -> str:
    """Write one row a student: total, each assignment, each task; empty where none came.

    Where a task was graded with a reference, one more column names such tasks. `notes` are those
    of each student, in the same order. If there are any, they are in a last column. Notes after
    those of the last student are of the class, in a row without a student.
    """
    classes = list(classes)
    assignments, told = list(assignments), ["; ".join(some) for some in notes]
    last = ["notes"] if any(told) else []
    more = [REFERENCES] if any(_with_reference(grades) for _, grades in classes) else []
    tasks = [task.name for a in assignments for task in a.tasks]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    best = sum(a.points for a in assignments)
    writer.writerow(
        ["student", "points", "max_points", *(a.name for a in assignments), *tasks, *more, *last]
    )
    for student, grades in classes:
        by_name = {grade.assignment: number(grade.points) for grade in grades}
        by_task = {task.name: number(task.points) for grade in grades for task in grade.tasks}
        total = sum(grade.points for grade in grades)
        sums = [by_name.get(a.name, "") for a in assignments]
        row = [_harmless(student), number(total), number(best), *sums]
        row += [by_task.get(task, "") for task in tasks]
        row += [_with_reference(grades) for _ in more]
        writer.writerow([*row, *([_harmless(told.pop(0), LONGEST_NOTES)] if told and last else [])])
    for note in filter(None, told):
        writer.writerow(
            [
                *("" for _ in [*range(3), *assignments, *tasks, *more]),
                _harmless(note, LONGEST_NOTES),
            ]
        )
    return stream.getvalue()


def write_results(
    folder: Path, student: str, grades: list[Grade], notes: Sequence[str] = ()
) -> None:
    """Write report.txt, grades.json, Gradescope's results.json, junit.xml and pictures.

    `notes` are the submission's. Where nothing could be graded, they say why.
    """
    trouble = "" if grades else "; ".join(notes)
    painted = write_pictures(folder, grades)
    shown = "".join(f"painted: {place.name}\n" for place in painted)
    write_text(folder / "report.txt", as_text(grades, notes) + shown)
    write_json(folder / "grades.json", as_json(student, grades, notes))
    write_json(folder / "results.json", as_gradescope(grades, trouble, notes))
    write_text(folder / "junit.xml", as_junit([(student, grades)]))


def write_pictures(folder: Path, grades: Iterable[Grade]) -> list[Path]:
    """Write the pictures that answers painted into a folder, and return where they are."""
    painted = {
        folder / name: picture
        for grade in grades
        for task in grade.tasks
        for name, picture in task.pictures.items()
    }
    for place, picture in painted.items():
        save_image(place, picture)
    return list(painted)


def folder_names(students: Iterable[str]) -> list[str]:
    """Turn students into names of folders: each its own, none with a meaning of its own.

    A student may be named as files are, and files as one likes: "..", "grades.csv".

    >>> folder_names(["ada", "..", "", "Grades.csv", "ADA", "a/b"])
    ['ada', '_..', '_', '_Grades.csv', 'ADA_2', 'a_b']
    """
    taken, names = {"grades.csv"}, []
    for student in students:
        name = one_line(student).replace("/", "_").replace("\\", "_")
        name = name.encode("utf-8")[:200].decode("utf-8", errors="ignore")
        if name.startswith(".") or name.lower() == "grades.csv" or not name:
            name = f"_{name}"
        number, first = 1, name
        while name.lower() in taken:
            number += 1
            name = f"{first}_{number}"
        taken.add(name.lower())
        names.append(name)
    return names


def _with_reference(grades: Iterable[Grade]) -> str:
    return " ".join(task.name for grade in grades for task in grade.tasks if task.references)


def number(points: float) -> str:
    """Write 3 as "3" and 2.5 as "2.5"."""
    return f"{points:g}"


def _safety(grades: list[Grade]) -> list[str]:
    """Say where the answers ran: one sentence for each place."""
    places = dict.fromkeys(grade.isolation for grade in grades) or [""]
    return [ISOLATED.format(place) if place else SAFETY for place in places]


def _row(task: TaskGrade, width: int) -> list[str]:
    score = f"{number(task.points):>4} / {number(task.max_points):<4}"
    head = f"{task.name:<{width}}  {score} "
    reason = " ".join(task.reason.split())
    first, *rest = wrap(reason, WIDTH - len(head)) or [""]
    return [head + first, *(" " * len(head) + line for line in rest)]


def _prints(grade: Grade) -> list[str]:
    """Show what was printed: once, as most of it comes with the loading, in every process."""
    texts = dict.fromkeys(task.prints.strip("\n") for task in grade.tasks if task.prints.strip())
    return [f"printed:\n{indent(text, '  | ')}" for text in list(texts)[:3]]


def _harmless(name: str, longest: int = LONGEST) -> str:
    # a spreadsheet would compute a cell that begins so
    name = one_line(name, longest)
    return "'" + name if name[:1] in ("=", "+", "-", "@") else name
