"""What was handed in: whose files, for which assignment, and the cells in them."""

import contextlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from nst_numpy.course.assignment import Assignment, split_cells
from nst_numpy.course.jupyter import to_python
from nst_numpy.course.notebook import decoded, read_bytes, read_notebook
from nst_numpy.errors import CourseError
from nst_numpy.files import PathLike, expand_input

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
    root = expand_input(path, CourseError)
    if root.is_file():
        return Submission(root.stem, {assignment_of(root, assignments): [root]})
    if not root.is_dir():
        raise CourseError(f"{root} does not exist: give a file, or a folder with answers")
    mine = _files_of(root, assignments, sure=False)
    if mine:
        return Submission(root.resolve().name, mine)
    students = _students(root, assignments)
    if students:
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
    if path.suffix.lower() not in SUFFIXES:
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
    if path.suffix.lower() == ".ipynb":
        return read_notebook(path)
    try:
        text = decoded(read_bytes(path))
    except ValueError as error:
        raise CourseError(f"{path.name} cannot be read: {error}") from error
    cells = split_cells(text)
    return [(path.name, cell.first_line, to_python(cell.source)) for cell in cells]


def _files_of(
    folder: Path, assignments: dict[str, Assignment], *, sure: bool = True
) -> dict[str, list[Path]]:
    """Collect a student's files: in the folder, and in folders named like an assignment.

    If it is not sure that the folder is one student's, only names that begin with an
    assignment's count; else also those that have it further on, and a file's functions.
    """
    found: dict[str, list[Path]] = {name: [] for name in assignments}
    inner = [f for f in _listed(folder) if f.is_dir() and _by_name(f.name, assignments)]
    for path in (path for place in (folder, *inner) for path in _listed(place)):
        if _may_be_answer(path, assignments):
            name = _by_name(path.stem, assignments)
            if sure and not name:
                name = _split_name(path.stem, assignments)[1]
            if sure and not name and path.parent == folder:
                name = _by_functions(path, assignments)
            if name:
                found[name].append(path)
    return {name: paths for name, paths in found.items() if paths}


def _by_content(folder: Path, assignments: dict[str, Assignment]) -> dict[str, list[Path]]:
    """Collect files with names of their own, by the functions in them."""
    found: dict[str, list[Path]] = {}
    for path in _listed(folder):
        if _may_be_answer(path, assignments) and (name := _by_functions(path, assignments)):
            found.setdefault(name, []).append(path)
    return found


def _students(folder: Path, assignments: dict[str, Assignment]) -> list[Submission]:
    """One student a folder; of loose files, one for what stands before the assignment's name.

    There are none if nothing in here is named so. In a class, a file that has another name is
    known by its functions, and one that is not known has a student who handed in nothing.
    """
    folders = [path for path in _listed(folder) if path.is_dir() and path.name[:1] != "."]
    found = {path.name: _files_of(path, assignments) for path in folders}
    loose = [path for path in _listed(folder) if _may_be_answer(path, assignments)]
    split = {path: _split_name(path.stem, assignments) for path in loose}
    if not any(found.values()) and not any(name for _, name in split.values()):
        return []
    for path, (student, by_name) in split.items():
        files = found.setdefault(student, {})
        if name := by_name or _by_functions(path, assignments):
            files.setdefault(name, []).append(path)
    return [Submission(student, files) for student, files in found.items()]


def _listed(folder: Path) -> list[Path]:
    """Return what is in a folder, in order; nothing if it cannot be looked into."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _may_be_answer(path: Path, assignments: dict[str, Assignment]) -> bool:
    given = any(path.name in a.files for a in assignments.values())  # a5_given.py is no answer
    return path.suffix.lower() in SUFFIXES and path.is_file() and not given


def _split_name(stem: str, assignments: dict[str, Assignment]) -> tuple[str, str | None]:
    """Cut "Ada_77_a4_style" into the student and "a4"; a login like "us123" is no assignment."""
    for match in reversed(list(re.finditer(r"[_-]+([A-Za-z]+\d+)(?![A-Za-z0-9])", stem))):
        if name := _by_name(match[1], assignments):
            return stem[: match.start()], name
    return stem, None


def _by_functions(path: Path, assignments: dict[str, Assignment]) -> str | None:
    with contextlib.suppress(CourseError):
        return assignment_of(path, assignments)
    return None


def _by_name(stem: str, assignments: dict[str, Assignment]) -> str | None:
    short = re.match(r"[A-Za-z]+\d+(?![A-Za-z0-9])", stem)
    return short[0].lower() if short and short[0].lower() in assignments else None
