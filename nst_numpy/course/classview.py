"""What the grades of a class say: where it stands, which mistakes it made, what to repeat."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from nst_numpy.course.likeness import Alike, find_alike
from nst_numpy.errors import CourseError
from nst_numpy.files import PathLike, expand_input
from nst_numpy.gradcheck.hypotheses import HYPOTHESES

HARDER = 0.2  # of those who pass the public tests fail a hidden one,
HARDER_STUDENTS = 2  # and at least so many
REPEATED = 0.2  # of the class made a mistake: the lecture comes back to it
TECHNICAL = ("not-written", "not-defined", "unreadable", "grader")  # nothing a lecture mends
LESSONS = {hypothesis.name: hypothesis.lesson for hypothesis in HYPOTHESES}
# What a mistake is called before a class. Any other has its own name: "IndexError".
WORDS = {
    "all-zero": "everything is 0",
    "arguments-swapped": "gradients in the wrong order",
    "border": "wrong at the border",
    "branch-missing": "one of two ways back is missing",
    "diagonal-only": "only the diagonal of the derivative",
    "ended": "the answer ends the process",
    "exception": "an exception of their own",
    "exit": "the answer calls sys.exit",
    "factor": "a factor is wrong",
    "fraction": "/ for //",
    "grader": "the grader could not go on",
    "input-for-output": "the derivative takes the input for the output",
    "inexact": "not exact enough",
    "kernel-not-flipped": "the kernel is not flipped on the way back",
    "left-out": "a part is left out",
    "mask-inverted": "the mask is inverted",
    "mask-of-upstream": "the mask is that of grad_out",
    "masked-too-much": "the mask cuts off more than forward does",
    "max-as-average": "a maximum treated as a mean",
    "memory": "too much memory",
    "missing-factor": "the inner derivative is missing",
    "missing-square": "a square is missing",
    "missing-term": "a term of the sum is missing",
    "no-numbers": "returns no numbers",
    "no-return": "returns None",
    "not-defined": "the function is not there",
    "not-finite": "NaN or infinite values",
    "not-masked": "the mask is missing",
    "not-summed": "broadcast forward, not summed backward",
    "not-written": "not written yet",
    "one-entry": "only one entry is wrong",
    "one-half": "one of two terms of a product",
    "one-hot": "the right class is not subtracted",
    "one-item": "only one item of the batch",
    "output-ignored": "one of several outputs sends no gradient back",
    "overwritten": "= for +=, where windows overlap",
    "passed-through": "grad_out is passed on without the derivative",
    "reshaped": "reshaped where a transpose is needed",
    "reversed": "in reverse order",
    "rounded": "rounded to whole numbers",
    "shape": "the shape is wrong",
    "shifted": "shifted, or padding cut off wrongly",
    "sign": "the sign is wrong",
    "some-values": "some values are wrong",
    "statistics-constant": "mean and variance taken as constants",
    "summand": "a summand is missing, or one too many",
    "summed-too-much": "summed over too many axes",
    "time": "out of time",
    "transposed": "transposed",
    "unknown": "a wrong gradient of unknown kind",
    "unreadable": "a file that cannot be read",
    "unusable-result": "a result that the test cannot use",
    "upstream-ignored": "grad_out is not used",
    "upstream-not-linear": "not linear in grad_out",
    "upstream-squared": "grad_out enters twice",
    "wrong-axis": "summed over the wrong axis",
    "wrong-result": "a wrong result",
}


class Entry(NamedTuple):
    """A student's task, as `nst course grade` has written it."""

    student: str
    assignment: str
    task: str
    points: float
    max_points: float
    reason: str
    mistake: str
    hidden: bool
    references: tuple[tuple[str, str], ...] = ()

    @property
    def state(self) -> str:
        """Return "right", "hidden" (only a hidden test fails), "unwritten" or "wrong"."""
        if self.points >= self.max_points:
            return "right"
        if self.hidden:
            return "hidden"
        return "unwritten" if self.mistake in ("not-written", "not-defined") else "wrong"


@dataclass(frozen=True)
class TaskView:
    """How a task went: counts are of students, `mean` is of points.

    `stuck` are those whose first task without full points, in its assignment, this one is.
    """

    name: str
    max_points: float
    mean: float
    right: int
    hidden: int
    wrong: int
    unwritten: int
    stuck: tuple[str, ...]

    @property
    def handed_in(self) -> int:
        """How many handed in something for the assignment."""
        return self.right + self.hidden + self.wrong + self.unwritten

    @property
    def harder(self) -> float:
        """The share, of those who pass the public tests, that fails a hidden one."""
        passing = self.right + self.hidden
        return self.hidden / passing if passing else 0.0


@dataclass(frozen=True)
class MistakeView:
    """A mistake: who made it, in which task how many, and one example."""

    name: str
    words: str
    lesson: str
    students: tuple[str, ...]
    tasks: tuple[tuple[str, int], ...]
    example: Entry


@dataclass(frozen=True)
class ClassView:
    """All that the page says of a class.

    Attributes
    ----------
    students : tuple of str
    nothing : tuple of str
        Students of whom nothing could be graded.
    tasks : tuple of TaskView
    mistakes : tuple of MistakeView
        The most common first.
    harder : tuple of TaskView
        Tasks whose hidden tests are harder than they look, the hardest first.
    alike : tuple of (str, Alike)
        Assignment and pair.
    repeat : tuple of MistakeView
        What the next lecture comes back to.
    unsolved : tuple of TaskView
        Tasks that fewer than half of those who handed in have right.
    entries : tuple of Entry
    """

    students: tuple[str, ...]
    nothing: tuple[str, ...]
    tasks: tuple[TaskView, ...]
    mistakes: tuple[MistakeView, ...]
    harder: tuple[TaskView, ...]
    alike: tuple[tuple[str, Alike], ...]
    repeat: tuple[MistakeView, ...]
    unsolved: tuple[TaskView, ...]
    entries: tuple[Entry, ...]


def view_class(folder: PathLike) -> ClassView:
    """Read what `nst course grade CLASS --out FOLDER` wrote, and count.

    Parameters
    ----------
    folder : path-like
        It has a folder for each student, with a grades.json.

    Raises
    ------
    CourseError
        There is no such file, or one of them is not what the grader writes.
    """
    read = [_read(path) for path in _files(folder)]
    students = tuple(student for student, _, _ in read)
    entries = [entry for _, own, _ in read for entry in own]
    tasks = _tasks(entries)
    mistakes = _mistakes(entries)
    harder = [t for t in tasks if t.hidden >= HARDER_STUDENTS and t.harder >= HARDER]
    return ClassView(
        students=students,
        nothing=tuple(student for student, own, _ in read if not own),
        tasks=tuple(tasks),
        mistakes=tuple(mistakes),
        harder=tuple(sorted(harder, key=lambda task: -task.harder)),
        alike=tuple(_alike((student, prints) for student, _, prints in read)),
        repeat=tuple(m for m in mistakes if m.name not in TECHNICAL
                     and len(m.students) >= REPEATED * len(students)),
        unsolved=tuple(task for task in tasks if 2 * task.right < task.handed_in),
        entries=tuple(entries),
    )  # fmt: skip


def _files(folder: PathLike) -> list[Path]:
    root = expand_input(folder, CourseError)
    files = sorted(root.glob("*/grades.json"))
    if not files:
        raise CourseError(
            f"nst course report: {root} has no folders with a grades.json: "
            "nst course grade CLASS --out FOLDER writes them"
        )
    return files


def _read(path: Path) -> tuple[str, list[Entry], dict[str, list[int]]]:
    """Return a student, the tasks, and the fingerprint of each assignment's answer."""
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        student = str(data["student"])
        entries = [
            Entry(
                student=student,
                assignment=str(graded["assignment"]),
                task=str(task["task"]),
                points=float(task["points"]),
                max_points=float(task["max_points"]),
                reason=str(task["reason"]),
                mistake=str(task["mistake"]),
                hidden=bool(task["hidden"]),
                references=tuple(
                    (str(r["function"]), str(r["failed"])) for r in task.get("references", ())
                ),
            )
            for graded in data["assignments"]
            for task in graded["tasks"]
        ]
        prints = {str(g["assignment"]): list(map(int, g["fingerprint"]))
                  for g in data["assignments"]}  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"nst course report: {path} is not what nst course grade writes "
            f"({type(error).__name__}: {error}): grade the class again"
        ) from error
    return student, entries, prints


def _tasks(entries: Sequence[Entry]) -> list[TaskView]:
    by_task: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_task[entry.task].append(entry)
    stuck: dict[str, list[str]] = defaultdict(list)
    for entry in _first_unsolved(entries):
        stuck[entry.task].append(entry.student)
    views = []
    for name in sorted(by_task, key=lambda task: by_task[task][0].assignment):  # stable
        own = by_task[name]
        states = [entry.state for entry in own]
        views.append(
            TaskView(
                name=name,
                max_points=own[0].max_points,
                mean=sum(entry.points for entry in own) / len(own),
                right=states.count("right"),
                hidden=states.count("hidden"),
                wrong=states.count("wrong"),
                unwritten=states.count("unwritten"),
                stuck=tuple(stuck[name]),
            )
        )
    return views


def _first_unsolved(entries: Iterable[Entry]) -> list[Entry]:
    """Return each student's first task without full points, of each assignment."""
    first: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        if entry.state != "right":
            first.setdefault((entry.student, entry.assignment), entry)
    return list(first.values())


def _mistakes(entries: Iterable[Entry]) -> list[MistakeView]:
    made: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.state != "right":
            made[entry.mistake].append(entry)
    views = []
    for name, own in made.items():
        tasks = sorted({entry.task for entry in own})
        counted = tuple((task, sum(entry.task == task for entry in own)) for task in tasks)
        students = tuple(dict.fromkeys(entry.student for entry in own))
        words = WORDS.get(name, name)
        about_gradients = "gradient checker" in own[0].reason  # lessons are about these
        lesson = LESSONS.get(name, "") if about_gradients else ""
        views.append(MistakeView(name, words, lesson, students, counted, own[0]))
    return sorted(views, key=lambda view: (-len(view.students), view.name))


def _alike(
    read: Iterable[tuple[str, dict[str, list[int]]]],
) -> list[tuple[str, Alike]]:
    prints: dict[str, dict[str, list[int]]] = defaultdict(dict)
    for student, own in read:
        for assignment, marks in own.items():
            prints[assignment][student] = marks
    return [(name, pair) for name in sorted(prints) for pair in find_alike(prints[name])]
