"""What was handed in: whose files, for which assignment, and the cells in them."""

import contextlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from nst_numpy.course.assignment import Assignment, split_cells
from nst_numpy.course.notebook import read_notebook
from nst_numpy.errors import CourseError
from nst_numpy.files import PathLike, expand

Cells = list[tuple[str, int, str]]  # name, first line, source
SUFFIXES = (".py", ".ipynb")


@dataclass(frozen=True)
class Submission:
    """What one student handed in: files for each assignment, by short name."""

    student: str
    files: dict[str, list[Path]] = field(default_factory=dict)


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
