"""Grade answers: each task in a process of its own, with a reason for its points."""

import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from nst_numpy.common.checks import check_number
from nst_numpy.common.moved import former_names, now_in
from nst_numpy.course.assignment import (
    LONGEST_SECONDS,
    Assignment,
    Task,
    assignments_folder,
    strip_solutions,
)
from nst_numpy.course.expect import pictures_kept
from nst_numpy.course.isolation import Isolation
from nst_numpy.course.likeness import fingerprint
from nst_numpy.course.plain import one_line
from nst_numpy.course.reason import discreetly, mistake_of, openly
from nst_numpy.course.sandbox import AnswerStoppedError, Sandbox
from nst_numpy.course.submission import Cells, Submission, read_answer
from nst_numpy.course.wire import RemoteError
from nst_numpy.errors import CourseError, SettingError

AT_ONCE = 2  # processes
RIGHT = "all tests pass"


@dataclass(frozen=True)
class TaskGrade:
    """Points for one task, and why.

    `mistake` is a short name for what is wrong, empty where nothing is; `hidden` says whether a
    hidden test found it. `pictures` are those that the answer painted, by file name.
    """

    name: str
    points: float
    max_points: float
    reason: str
    prints: str = ""
    refused: tuple[str, ...] = ()
    mistake: str = ""
    hidden: bool = False
    pictures: Mapping[str, np.ndarray] = field(default_factory=dict, compare=False)

    @property
    def right(self) -> bool:
        """Whether the task has its full points."""
        return self.points == self.max_points


@dataclass(frozen=True)
class Grade:
    """The grade of one assignment: its tasks, which file was graded, and where.

    `isolation` is "bubblewrap", "docker" or "podman", or empty where only the fence stood.
    `fingerprint` is that of `likeness.fingerprint`, without what was handed out.
    """

    assignment: str
    title: str
    file: str
    tasks: tuple[TaskGrade, ...]
    notes: tuple[str, ...] = ()
    isolation: str = ""
    fingerprint: tuple[int, ...] = ()

    @property
    def points(self) -> float:
        """Sum of the tasks' points."""
        return sum(task.points for task in self.tasks)

    @property
    def max_points(self) -> float:
        """What a full score is."""
        return sum(task.max_points for task in self.tasks)


class Failure(NamedTuple):
    """What fails: the reason in words, its short name, and whether a hidden test found it."""

    reason: str
    mistake: str
    hidden: bool = False


def grade_submission(
    submission: Submission,
    assignments: dict[str, Assignment],
    *,
    hidden: bool = True,
    seconds: float | None = None,
    progress: Callable[[str], None] | None = None,
    isolation: Isolation | None = None,
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
    isolation : Isolation, optional
        What each answer is shut in, from `find_isolation`.

    Returns
    -------
    list of Grade
        One for each assignment that something was handed in for. Of a notebook and a .py for
        the same assignment the better one counts.
    """
    grades = []
    for name, files in submission.files.items():
        tried = [
            grade_answer(
                file,
                assignments[name],
                hidden=hidden,
                seconds=seconds,
                progress=progress,
                isolation=isolation,
            )
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
    isolation: Isolation | None = None,
) -> Grade:
    """Grade one file for one assignment; parameters are those of `grade_submission`."""

    def work(task: Task) -> TaskGrade:
        with pictures_kept() as pictures:
            grade = grade_task(
                task, assignment, cells, hidden=hidden, seconds=seconds, isolation=isolation
            )
        grade = replace(grade, pictures=pictures)
        if progress is not None:
            progress(task.name)
        return grade

    notes: list[str] = []
    code: tuple[int, ...] = ()
    try:
        cells = read_answer(path)
    except CourseError as error:
        reason = one_line(error)
        tasks = [
            TaskGrade(t.name, 0, t.points, reason, mistake="unreadable") for t in assignment.tasks
        ]
    else:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            tasks = list(pool.map(work, assignment.tasks))
        refused = dict.fromkeys(what for task in tasks for what in task.refused)
        notes = [f"refused: the answer tried to {what}" for what in refused]
        code = own_fingerprint(cells, assignment)
    return Grade(
        assignment.name,
        assignment.title,
        one_line(path.name),
        tuple(tasks),
        tuple(notes),
        isolation.how if isolation else "",
        code,
    )


def grade_task(
    task: Task,
    assignment: Assignment,
    cells: Cells,
    *,
    hidden: bool = True,
    seconds: float | None = None,
    isolation: Isolation | None = None,
) -> TaskGrade:
    """Run the tests of one task against an answer, which runs in a process of its own.

    Whatever an answer does, there is a grade: nothing is raised but for a setting.
    """
    seconds = assignment.seconds if seconds is None else check_seconds(seconds)
    try:
        box = Sandbox(
            cells,
            seconds=seconds,
            megabytes=assignment.megabytes,
            files=[assignment.folder / name for name in assignment.files],
            libraries=assignment.libraries,
            forbidden=[assignments_folder(), assignment.folder],
            isolation=isolation,
        )
        with box:
            failure = _failure(task, assignment, cells, box, hidden=hidden)
            prints, refused = box.prints, tuple(box.refused)
    except SettingError:
        raise
    except Exception as error:  # one answer must not end the grading of a class
        sentence = f"the grader could not go on ({type(error).__name__})"
        failure, prints, refused = Failure(sentence, "grader"), "", ()
    if failure is None:
        return TaskGrade(task.name, task.points, task.points, RIGHT, prints, refused)
    told = failure.reason or "a test fails"
    return TaskGrade(
        task.name, 0, task.points, told, prints, refused, failure.mistake, failure.hidden
    )


def own_fingerprint(cells: Cells, assignment: Assignment) -> tuple[int, ...]:
    """Take the fingerprint of an answer, without what was handed out."""
    handed_out = fingerprint([strip_solutions(assignment.solution)])
    return tuple(sorted({*fingerprint(source for _, _, source in cells)} - {*handed_out}))


def check_seconds(seconds: float) -> float:
    """Refuse what is no time for a task: it is above 0, and at most a day."""
    number = check_number("nst course: seconds", seconds, zero=False)
    if number > LONGEST_SECONDS:
        raise SettingError(f"nst course: seconds must be at most {LONGEST_SECONDS}, not {number:g}")
    return number


def _failure(
    task: Task, assignment: Assignment, cells: Cells, box: Sandbox, *, hidden: bool
) -> Failure | None:
    """Run public and hidden tests; return None if they pass, else what fails."""
    in_hidden = False
    try:
        box.open()
        names = _test_names(assignment, box)
        failure = _run_tests(task.public, names, f"{task.name}, public tests", openly)
        if failure is None and hidden and task.hidden:
            box.hide_prints()
            in_hidden = True
            failure = _run_tests(
                *(task.hidden, names, f"{task.name}, hidden tests"),
                lambda error: discreetly(error, cells),
            )
    except AnswerStoppedError as stop:
        reason = one_line(stop)
        failure = Failure(reason, "time" if reason.startswith("stopped after") else "ended")
    except RemoteError as error:  # while loading: out of memory, most likely
        failure = Failure(openly(error), mistake_of(error))
    if failure is None or not in_hidden:
        return failure
    return Failure(f"hidden test: {failure.reason}", failure.mistake, True)


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
) -> Failure | None:
    """Run a test; return None if it passes, else what fails."""
    try:
        exec(compile(source, place, "exec"), names)
    except (Exception, RemoteError) as error:
        return Failure(tell(error), mistake_of(error))
    return None


# Finding answers, and telling reasons, have files of their own; here under former names.
_FORMER = now_in(
    "nst_numpy.course",
    reason=("LONGEST_NUMBER",),
    submission=("SUFFIXES", "assignment_of", "find_submissions"),
)
__getattr__ = former_names(__name__, _FORMER)
