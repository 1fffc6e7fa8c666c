"""Grade answers: each task in a process of its own, with a reason for its points."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple, cast

import numpy as np

from nst_numpy.common.checks import check_number
from nst_numpy.common.moved import keep_former_names, now_in
from nst_numpy.course.assignment import (
    LONGEST_SECONDS,
    PROPORTIONAL,
    Assignment,
    Task,
    assignments_folder,
    strip_solutions,
)
from nst_numpy.course.expect import pictures_kept
from nst_numpy.course.followup import (
    Fault,
    References,
    carried_over,
    faults_of,
    needed,
    reaches,
    sentence,
)
from nst_numpy.course.isolation import Isolation
from nst_numpy.course.likeness import fingerprint
from nst_numpy.course.plain import one_line
from nst_numpy.course.portions import HiddenTest, portion_of, split_tests
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
    hidden test found it. Where points are proportional, `passed` of `tests` hidden tests pass.
    `references` are functions that the solution's were taken for, each with the task that the
    student's own failed. `pictures` are those that the answer painted, by file name.
    """

    name: str
    points: float
    max_points: float
    reason: str
    prints: str = ""
    refused: tuple[str, ...] = ()
    mistake: str = ""
    hidden: bool = False
    passed: int = 0
    tests: int = 0
    references: tuple[tuple[str, str], ...] = ()
    pictures: Mapping[str, np.ndarray] = field(default_factory=dict, compare=False)

    @property
    def right(self) -> bool:
        """Whether the task has its full points."""
        return self.points == self.max_points


@dataclass(frozen=True)
class Grade:
    """The grade of one assignment: its tasks, which file was graded, and where.

    `isolation` is "bubblewrap", "docker" or "podman", or empty where only the fence stood.
    `fingerprint` is that of `likeness.fingerprint`, without what was handed out. `faults` are the
    functions that failed, for tasks of later assignments.
    """

    assignment: str
    title: str
    file: str
    tasks: tuple[TaskGrade, ...]
    notes: tuple[str, ...] = ()
    isolation: str = ""
    fingerprint: tuple[int, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def points(self) -> float:
        """Sum of the tasks' points."""
        return sum(task.points for task in self.tasks)

    @property
    def max_points(self) -> float:
        """What a full score is."""
        return sum(task.max_points for task in self.tasks)


class Failure(NamedTuple):
    """What fails: the reason in words, its short name, and whether a hidden test found it.

    `passed` of `tests` hidden tests pass nevertheless, where they are counted.
    """

    reason: str
    mistake: str
    hidden: bool = False
    passed: int = 0
    tests: int = 0


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
        One for each assignment that something was handed in for. Of several answers to one, say
        a notebook and a .py, the best counts, and of equal ones the first.
    """
    best: dict[str, Grade] = {}
    faults: list[Fault] = []
    for name in sorted(submission.files, key=list(assignments).index):  # the earlier ones first
        tried = [
            grade_answer(
                file,
                assignments[name],
                hidden=hidden,
                seconds=seconds,
                progress=progress,
                isolation=isolation,
                faults=faults,
                modules=submission.modules.get(file),
            )
            for file in submission.files[name]
        ]
        names = [submission.names.get(file, one_line(file.name)) for file in submission.files[name]]
        best[name] = better_of(tried, names)
        faults += best[name].faults
    return [best[name] for name in submission.files]


def better_of(tried: list[Grade], names: list[str]) -> Grade:
    """Return the grade with the most points, the first of equal ones; it says what else came."""
    best = max(range(len(tried)), key=lambda number: tried[number].points)
    if len(tried) == 1:
        return tried[best]
    others = [f"{name} has {tried[n].points:g}" for n, name in enumerate(names) if n != best]
    note = (
        f"{len(tried)} answers came, and the best counts: {names[best]} has "
        f"{tried[best].points:g} points, {', '.join(others)}"
    )
    return replace(tried[best], notes=(*tried[best].notes, note))


def grade_answer(
    path: Path,
    assignment: Assignment,
    *,
    hidden: bool = True,
    seconds: float | None = None,
    progress: Callable[[str], None] | None = None,
    isolation: Isolation | None = None,
    modules: Mapping[str, Path] | None = None,
    faults: Iterable[Fault] = (),
) -> Grade:
    """Grade one file for one assignment; parameters are those of `grade_submission`.

    `modules` are what it may import beside it: name in its folder, and file. None is what lies
    there. `faults` are functions of the same student that failed in earlier assignments.
    """

    def run(task: Task, known: Sequence[Fault] = ()) -> TaskGrade:
        with pictures_kept() as pictures:
            grade = grade_task(
                task, assignment, cells,
                hidden=hidden, seconds=seconds, isolation=isolation, faults=known,
            )  # fmt: skip
        return replace(grade, pictures=pictures)

    def work(task: Task) -> TaskGrade:
        grade = run(task)
        if progress is not None:
            progress(task.name)
        return grade

    notes: list[str] = []
    own_faults: list[Fault] = []
    code: tuple[int, ...] = ()
    try:
        cells = read_answer(path, modules)
    except CourseError as error:
        reason = one_line(error)
        tasks = [
            TaskGrade(t.name, 0, t.points, reason, mistake="unreadable") for t in assignment.tasks
        ]
    else:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            tasks = list(pool.map(work, assignment.tasks))
        if hidden:
            tasks, own_faults = _follow_up(tasks, assignment, cells, faults, run)
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
        tuple(own_faults),
    )


def _follow_up(
    grades: list[TaskGrade],
    assignment: Assignment,
    cells: Cells,
    earlier: Iterable[Fault],
    run: Callable[[Task, Sequence[Fault]], TaskGrade],
) -> tuple[list[TaskGrade], list[Fault]]:
    """Grade with references what fails after an earlier task did; list what failed itself."""
    known = carried_over(earlier, assignment, cells)
    final: list[TaskGrade] = []
    faults: list[Fault] = []
    for task, grade in zip(assignment.tasks, grades, strict=True):
        better = grade
        if grade.mistake and (known or faults):
            reached = needed(task, assignment, cells)
            wanted = [fault for fault in (*known, *faults) if reaches(reached, fault)]
            again = run(task, wanted) if wanted else grade
            better = again if _tells_more(again, grade) else grade
        final.append(better)
        faults += faults_of(task, assignment, cells) if better.mistake else []
    return final, faults


def _tells_more(again: TaskGrade, grade: TaskGrade) -> bool:
    """Whether a grade with references is better, or says of a wrong answer what is its own."""
    unwritten = again.mistake == grade.mistake == "not-written"
    same = again.points == grade.points and not unwritten
    return bool(again.references) and (again.points > grade.points or same)


def grade_task(
    task: Task,
    assignment: Assignment,
    cells: Cells,
    *,
    hidden: bool = True,
    seconds: float | None = None,
    isolation: Isolation | None = None,
    faults: Sequence[Fault] = (),
) -> TaskGrade:
    """Run the tests of one task against an answer, which runs in a process of its own.

    `faults` are functions in whose place the solution's are put. Whatever an answer does, there
    is a grade: nothing is raised but for a setting.
    """
    seconds = assignment.seconds if seconds is None else check_seconds(seconds)
    references = References(faults, seconds=2 * seconds, isolation=isolation)
    try:
        box = Sandbox(
            cells,
            seconds=seconds,
            megabytes=assignment.megabytes,
            files=[assignment.folder / name for name in assignment.files],
            libraries=assignment.libraries,
            forbidden=[assignments_folder(), assignment.folder],
            functions=assignment.forbidden,
            isolation=isolation,
        )
        with box:
            failure = _failure(task, assignment, cells, box, references, hidden=hidden)
            prints, refused = box.prints, tuple(box.refused)
    except SettingError:
        raise
    except Exception as error:  # one answer must not end the grading of a class
        sentence = f"the grader could not go on ({type(error).__name__})"
        failure, prints, refused = Failure(sentence, "grader"), "", ()
    return _graded(task, failure, prints, refused, references)


def _graded(
    task: Task,
    failure: Failure | None,
    prints: str,
    refused: tuple[str, ...],
    references: References,
) -> TaskGrade:
    used = tuple((fault.function, fault.task) for fault in references.used)
    failure = failure or Failure("", "")
    reason, mistake, points = RIGHT, "", task.points
    if failure.reason or failure.mistake:
        reason, mistake = failure.reason or "a test fails", failure.mistake or "wrong-result"
        points = portion_of(task.points, failure.passed, failure.tests) if failure.tests else 0
        if failure.tests:
            reason += f" ({failure.passed} of {failure.tests} hidden tests pass)"
    return TaskGrade(
        task.name,
        points,
        task.points,
        "; ".join([reason, sentence(used)] if used else [reason]),
        prints,
        refused,
        mistake,
        failure.hidden,
        failure.passed,
        failure.tests,
        used,
    )


def own_fingerprint(cells: Cells, assignment: Assignment) -> tuple[int, ...]:
    """Take the fingerprint of an answer, without what was handed out."""
    own = fingerprint(source for _, _, source in cells)
    return tuple(sorted({*own} - _handed_out(assignment.solution)))


@cache
def _handed_out(solution: str) -> frozenset[int]:
    """Take the fingerprint of what students were given; a class's answers share it."""
    return frozenset(fingerprint([strip_solutions(solution)]))


def check_seconds(seconds: float) -> float:
    """Refuse what is no time for a task: it is above 0, and at most a day."""
    number = check_number("nst course: seconds", seconds, zero=False)
    if number > LONGEST_SECONDS:
        raise SettingError(f"nst course: seconds must be at most {LONGEST_SECONDS}, not {number:g}")
    return number


def _failure(
    task: Task,
    assignment: Assignment,
    cells: Cells,
    box: Sandbox,
    references: References,
    *,
    hidden: bool,
) -> Failure | None:
    """Run public and hidden tests; return None if they pass, else what fails."""
    try:
        with references:
            box.open()
            names = _test_names(assignment, box) | references.put_into(box, assignment)
            failure = _run_tests(task.public, names, f"{task.name}, public tests", openly)
            if failure is not None or not (hidden and task.hidden):
                return failure
            box.hide_prints()
            return _hidden_failure(task, assignment, cells, names)
    except AnswerStoppedError as stop:
        return _stopped(stop)
    except RemoteError as error:  # while loading: out of memory, most likely
        return Failure(openly(error), mistake_of(error))


def _hidden_failure(
    task: Task, assignment: Assignment, cells: Cells, names: dict[str, Any]
) -> Failure | None:
    """Run hidden tests, one by one where each counts; say what fails first, and how many pass."""
    place, failures, passed = f"{task.name}, hidden tests", [], 0
    tests: list[HiddenTest | str] = [task.hidden]
    if counted := assignment.scoring == PROPORTIONAL:
        above = assignment.header + task.public
        tests = [*split_tests(task.hidden, assignment.functions, above)]
    for test in tests:
        try:
            failure = _run_tests(test, names, place, lambda error: discreetly(error, cells))
        except AnswerStoppedError as stop:  # the others have nothing left to run with
            failures.append(_stopped(stop))
            break
        failures += [] if failure is None else [failure]
        passed += failure is None
    counts = (passed, len(tests)) if counted else (0, 0)
    if failures:
        return Failure(f"hidden test: {failures[0].reason}", failures[0].mistake, True, *counts)
    return Failure("", "", False, *counts) if counted else None


def _stopped(stop: AnswerStoppedError) -> Failure:
    reason = one_line(stop)
    return Failure(reason, "time" if reason.startswith("stopped after") else "ended")


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
    test: HiddenTest | str,
    names: dict[str, Any],
    place: str,
    tell: Callable[[BaseException], str],
) -> Failure | None:
    """Run one test, or the source of several; return None if it passes, else what fails."""
    try:
        if isinstance(test, HiddenTest):
            _run_statements(test, names, place)
        else:
            exec(compile(test, place, "exec"), names)
    except (Exception, RemoteError) as error:
        return Failure(tell(error), mistake_of(error))
    return None


def _run_statements(test: HiddenTest, names: dict[str, Any], place: str) -> None:
    """Run one hidden test, and raise what goes wrong first.

    A name that could not be given its value is unknown afterwards: a later test that needs it
    fails, and does not meet a value from before.
    """
    errors: list[BaseException] = []
    *ready, check = test.compiled(place)
    for code, given in ready:
        try:
            _run_statement(code, given, names)
        except (Exception, RemoteError) as error:
            errors.append(error)
    if errors:
        raise errors[0]
    _run_statement(*check, names)


def _run_statement(code: CodeType, given: list[str], names: dict[str, Any]) -> None:
    try:
        exec(code, names)
    except (Exception, RemoteError):
        for name in given:
            names.pop(name, None)
        raise


# Finding answers, and telling reasons, have files of their own; here under former names.
_FORMER = now_in(
    "nst_numpy.course",
    reason=("LONGEST_NUMBER",),
    submission=("SUFFIXES", "assignment_of", "find_submissions"),
)
keep_former_names(__name__, _FORMER)
