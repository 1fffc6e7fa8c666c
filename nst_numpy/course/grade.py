"""Grade answers: each task in a process of its own, with a reason for its points."""

import contextlib
import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any, cast

from nst_numpy.course.assignment import Assignment, Task, assignments_folder, split_cells
from nst_numpy.course.expect import Wrong
from nst_numpy.course.notebook import read_notebook
from nst_numpy.course.sandbox import AnswerStoppedError, Sandbox
from nst_numpy.course.wire import RemoteError
from nst_numpy.errors import CourseError
from nst_numpy.files import PathLike, expand

Cells = list[tuple[str, int, str]]
SUFFIXES = (".py", ".ipynb")
AT_ONCE = 2  # processes
RIGHT = "all tests pass"
LONGEST_NUMBER = 4  # characters; a factor of 0.25 may be told of a hidden test


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


@dataclass(frozen=True)
class Submission:
    """What one student handed in: files for each assignment, by short name."""

    student: str
    files: dict[str, list[Path]] = field(default_factory=dict)


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
            reason = _run_tests(task.public, names, f"{task.name}, public tests", _openly)
            if reason is None and hidden and task.hidden:
                box.hide_prints()
                reason = _run_tests(task.hidden, names, f"{task.name}, hidden tests", _discreetly)
                reason = reason and f"hidden test: {reason}"
        except AnswerStoppedError as stop:
            reason = str(stop)
        except RemoteError as error:  # while loading: out of memory, most likely
            reason = _openly(error)
        points = task.points if reason is None else 0
        prints, refused = box.prints, tuple(box.refused)
    return TaskGrade(task.name, points, task.points, reason or RIGHT, prints, refused)


def read_answer(path: Path) -> Cells:
    """Read a .py file or a notebook as (name, first line, source) of each cell.

    Raises
    ------
    CourseError
        The file cannot be read.
    """
    if path.suffix == ".ipynb":
        return read_notebook(path)
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise CourseError(f"{path.name} cannot be read: {error.strerror}") from error
    text = text.replace("\r\n", "\n")
    return [(path.name, cell.first_line, cell.source) for cell in split_cells(text)]


def find_submissions(
    path: PathLike, assignments: dict[str, Assignment]
) -> list[Submission] | Submission:
    """Find out what a path is: one student's file or folder, or a folder of students.

    Returns
    -------
    Submission, or list of Submission
        A folder is one student's if an answer, or a folder named like an assignment, lies in
        it; otherwise each of its folders is a student's.

    Raises
    ------
    CourseError
        Nothing in it can be an answer.
    """
    root = expand(path)
    if root.is_file():
        return Submission(root.stem, {assignment_of(root, assignments): [root]})
    if not root.is_dir():
        raise CourseError(f"{root} does not exist: give a file, or a folder with answers")
    mine = _files_of(root, assignments)
    if mine:
        return Submission(root.resolve().name, mine)
    students = _students(root, assignments)
    if any(student.files for student in students):
        return students
    mine = _by_content(root, assignments)
    if mine:
        return Submission(root.resolve().name, mine)
    raise CourseError(
        f"no answer found in {root}: a file's name begins with its assignment's, as in "
        f"{next(iter(assignments.values())).long_name}.py"
    )


def assignment_of(path: Path, assignments: dict[str, Assignment]) -> str:
    """Find the assignment that a file answers: by its name, or by the functions in it."""
    if path.suffix not in SUFFIXES:
        raise CourseError(f"{path} is neither a .py file nor a notebook (.ipynb)")
    by_name = _by_name(path.stem, assignments)
    if by_name:
        return by_name
    try:
        text = "\n".join(source for _, _, source in read_answer(path))
    except CourseError:
        text = ""
    defined = set(re.findall(r"(?m)^def\s+(\w+)", text))
    count = {name: len(defined & set(a.functions)) for name, a in assignments.items()}
    best = max(count, key=lambda name: count[name])
    if not count[best]:
        raise CourseError(
            f"{path}: which assignment is it for? Let the file's name begin with "
            f"{', '.join(assignments)}, as in {assignments[best].long_name}.py"
        )
    return best


def _files_of(folder: Path, assignments: dict[str, Assignment]) -> dict[str, list[Path]]:
    """Collect a student's files: in the folder, and in folders named like an assignment."""
    found: dict[str, list[Path]] = {name: [] for name in assignments}
    inner = [f for f in sorted(folder.iterdir()) if f.is_dir() and _by_name(f.name, assignments)]
    for place in (folder, *inner):
        for path in sorted(place.iterdir()):
            name = _by_name(path.stem, assignments)
            if path.suffix not in SUFFIXES or not path.is_file() or not name:
                continue
            if path.name not in assignments[name].files:  # a5_given.py is no answer
                found[name].append(path)
    return {name: paths for name, paths in found.items() if paths}


def _by_content(folder: Path, assignments: dict[str, Assignment]) -> dict[str, list[Path]]:
    """Collect files with names of their own, by the functions in them."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        with contextlib.suppress(CourseError):
            if path.is_file():
                found.setdefault(assignment_of(path, assignments), []).append(path)
    return found


def _students(folder: Path, assignments: dict[str, Assignment]) -> list[Submission]:
    """One student a folder; of loose files, one for what stands before the assignment's name."""
    found: dict[str, dict[str, list[Path]]] = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.name.startswith("."):
            found[path.name] = _files_of(path, assignments)
        elif path.suffix in SUFFIXES and (
            end := re.search(r"[_-]+([A-Za-z]+\d+)(?=_|$)", path.stem)
        ):
            name = _by_name(end[1], assignments)
            if name:
                files = found.setdefault(path.stem[: end.start()], {})
                files.setdefault(name, []).append(path)
    return [Submission(student, files) for student, files in found.items()]


def _by_name(stem: str, assignments: dict[str, Assignment]) -> str | None:
    short = re.match(r"[A-Za-z]+\d+(?![A-Za-z0-9])", stem)
    return short[0].lower() if short and short[0].lower() in assignments else None


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


def _openly(error: BaseException) -> str:
    """Say all that is known: the test is public."""
    if isinstance(error, RemoteError):
        return _located(error.report, str(error.report["sentence"]))
    if isinstance(error, AssertionError):
        return str(error) or "a test fails"
    return f"the test cannot use what came back: {type(error).__name__}: {error}"


def _discreetly(error: BaseException) -> str:
    """Say what kind of mistake it is, and nothing that could hold the test's inputs."""
    if isinstance(error, RemoteError):
        kind = str(error.report["type"])
        sentence = str(error.report["sentence"]) if kind in _OWN else kind
        return _located(error.report, sentence)
    if isinstance(error, Wrong):
        return _without_values(error.discreet)
    if isinstance(error, AssertionError):
        return _without_values(str(error)) or "a test fails"
    return f"the test cannot use what came back ({type(error).__name__})"


_OWN = ("NotDefinedError", "TimeUpError", "SystemExit")  # whose sentences are the grader's


def _without_values(sentence: str) -> str:
    """Leave out quoted texts and long numbers: an answer could have put its input there.

    >>> _without_values("every value is 31337.5 times what it should be, not 0.5 times")
    'every value is … times what it should be, not 0.5 times'
    """
    sentence = re.sub(r"'[^']*'|\"[^\"]*\"", "…", sentence)
    number = r"(?<![\w.])\d[\d.]*(?:e[+-]?\d+)?"
    return re.sub(number, lambda m: m[0] if len(m[0]) <= LONGEST_NUMBER else "…", sentence)


def _located(report: dict[str, Any], sentence: str) -> str:
    kind = report["type"]
    if kind == "NotImplementedError":
        return "not written yet (raises NotImplementedError)"
    if kind == "NotDefinedError":
        return str(report["message"])
    if kind == "MemoryError":
        sentence = "more memory than an answer may use (MemoryError)"
    if not report.get("where"):
        return sentence
    line = f": {report['line']}" if report.get("line") else ""
    return f"{sentence}, in {report['where']}{line}"
