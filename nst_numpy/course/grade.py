"""Grade answers: each task in a process of its own, with a reason for its points."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any, cast

from nst_numpy.common.moved import former_names, now_in
from nst_numpy.course.assignment import Assignment, Task, assignments_folder
from nst_numpy.course.reason import discreetly, openly
from nst_numpy.course.sandbox import AnswerStoppedError, Sandbox
from nst_numpy.course.submission import Cells, Submission, read_answer
from nst_numpy.course.wire import RemoteError
from nst_numpy.errors import CourseError

AT_ONCE = 2  # processes
RIGHT = "all tests pass"


@dataclass(frozen=True)
class TaskGrade:
    """Points for one task, and why."""

    name: str
    points: float
    max_points: float
    reason: str
    prints: str = ""
    refused: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """Whether the task has its full points."""
        return self.points == self.max_points


@dataclass(frozen=True)
class Grade:
    """The grade of one assignment: its tasks, and which file was graded."""

    assignment: str
    title: str
    file: str
    tasks: tuple[TaskGrade, ...]
    notes: tuple[str, ...] = ()

    @property
    def points(self) -> float:
        """Sum of the tasks' points."""
        return sum(task.points for task in self.tasks)

    @property
    def max_points(self) -> float:
        """What a full score is."""
        return sum(task.max_points for task in self.tasks)


def grade_submission(
    submission: Submission,
    assignments: dict[str, Assignment],
    *,
    hidden: bool = True,
    seconds: float | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Grade]:
    """Grade all that a student handed in.

    Parameters
    ----------
    submission : Submission
    assignments : dict of str to Assignment
        By short name.
    hidden : bool
        Whether to run the hidden tests too.
    seconds : float, optional
        Time for each task, instead of the assignments' own.
    progress : callable, optional
        Called with the name of each task when it is done.

    Returns
    -------
    list of Grade
        One for each assignment that something was handed in for. Of a notebook and a .py for
        the same assignment the better one counts.
    """
    grades = []
    for name, files in submission.files.items():
        tried = [
            grade_answer(file, assignments[name], hidden=hidden, seconds=seconds, progress=progress)
            for file in files
        ]
        grades.append(max(tried, key=lambda grade: grade.points))
    return grades


def grade_answer(
    path: Path,
    assignment: Assignment,
    *,
    hidden: bool = True,
    seconds: float | None = None,
    progress: Callable[[str], None] | None = None,
) -> Grade:
    """Grade one file for one assignment; parameters are those of `grade_submission`."""

    def work(task: Task) -> TaskGrade:
        grade = grade_task(task, assignment, cells, hidden=hidden, seconds=seconds)
        if progress is not None:
            progress(task.name)
        return grade

    notes = []
    try:
        cells = read_answer(path)
    except CourseError as error:
        tasks = [TaskGrade(t.name, 0, t.points, str(error)) for t in assignment.tasks]
    else:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            tasks = list(pool.map(work, assignment.tasks))
        refused = dict.fromkeys(what for task in tasks for what in task.refused)
        notes = [f"refused: the answer tried to {what}" for what in refused]
    return Grade(assignment.name, assignment.title, path.name, tuple(tasks), tuple(notes))


def grade_task(
    task: Task,
    assignment: Assignment,
    cells: Cells,
    *,
    hidden: bool = True,
    seconds: float | None = None,
) -> TaskGrade:
    """Run the tests of one task against an answer, which runs in a process of its own."""
    box = Sandbox(
        cells,
        seconds=seconds or assignment.seconds,
        megabytes=assignment.megabytes,
        files=[assignment.folder / name for name in assignment.files],
        libraries=assignment.libraries,
        forbidden=[assignments_folder(), assignment.folder],
    )
    with box:
        try:
            box.open()
            names = _test_names(assignment, box)
            reason = _run_tests(task.public, names, f"{task.name}, public tests", openly)
            if reason is None and hidden and task.hidden:
                box.hide_prints()
                reason = _run_tests(task.hidden, names, f"{task.name}, hidden tests", discreetly)
                reason = reason and f"hidden test: {reason}"
        except AnswerStoppedError as stop:
            reason = str(stop)
        except RemoteError as error:  # while loading: out of memory, most likely
            reason = openly(error)
        points = task.points if reason is None else 0
        prints, refused = box.prints, tuple(box.refused)
    return TaskGrade(task.name, points, task.points, reason or RIGHT, prints, refused)


def _test_names(assignment: Assignment, box: Sandbox) -> dict[str, Any]:
    """Run the tests' imports; put stand-ins in the place of the answer's functions."""
    names: dict[str, Any] = {"__name__": "tests"}
    for file in assignment.files:
        if file.endswith(".py"):
            _import_file(assignment.folder / file)
    exec(compile(assignment.imports, "tests.py", "exec"), names)
    return names | {name: box.function(name) for name in assignment.functions}


def _import_file(path: Path) -> None:
    """Import a given module from its own folder, for tests that use it."""
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return
    loader = SourceFileLoader(path.stem, str(path))
    module = module_from_spec(cast(ModuleSpec, spec_from_loader(path.stem, loader)))
    loader.exec_module(module)
    sys.modules[path.stem] = module


def _run_tests(
    source: str, names: dict[str, Any], place: str, tell: Callable[[BaseException], str]
) -> str | None:
    """Run a test; return None if it passes, else the reason."""
    try:
        exec(compile(source, place, "exec"), names)
    except (Exception, RemoteError) as error:
        return tell(error)
    return None


# Finding answers, and telling reasons, have files of their own; here under former names.
_FORMER = now_in(
    "nst_numpy.course",
    reason=("LONGEST_NUMBER",),
    submission=("SUFFIXES", "assignment_of", "find_submissions"),
)
__getattr__ = former_names(__name__, _FORMER)
