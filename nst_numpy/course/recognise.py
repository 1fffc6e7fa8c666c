"""Which assignment a file answers: by its name, or by what it defines."""

import re
from collections.abc import Mapping
from pathlib import Path

from nst_numpy.course.assignment import Assignment, split_cells
from nst_numpy.course.beside import Cells, modules_beside
from nst_numpy.course.jupyter import to_python
from nst_numpy.course.notebook import decoded, read_bytes, read_notebook
from nst_numpy.errors import CourseError

SUFFIXES = (".py", ".ipynb")
DEFINED = re.compile(r"(?m)^(?:async[ \t]+)?def[ \t]+(\w+)|^(\w+)[ \t]*=[ \t]*lambda\b")


def assignment_of(path: Path, assignments: Mapping[str, Assignment], name: str = "") -> str:
    """Find the assignment that a file answers.

    Its name may begin with the assignment's, or have it further on, as in `Ada_77_a4_style.py`;
    else it defines functions of that assignment, and more of them than of another.

    Parameters
    ----------
    path : Path
    assignments : mapping of str to Assignment
    name : str
        What the file was called, if it was unpacked under another name.

    Raises
    ------
    CourseError
        It is no file of Python, or answers none of them.
    """
    name = name or path.name
    stem, dot, suffix = name.rpartition(".")
    if dot + suffix.lower() not in SUFFIXES:
        raise CourseError(f"{path} is neither a .py file nor a notebook (.ipynb)")
    found = named_first(stem, assignments) or split_name(stem, assignments)[1]
    if found:
        return found
    defined = _defined_in(path)
    count = {name: len(defined & set(a.functions)) for name, a in assignments.items()}
    best = max(count, key=lambda name: count[name])
    if not count[best]:
        raise CourseError(
            f"{path}: which assignment is it for? Let the file's name begin with "
            f"{', '.join(assignments)}, as in {assignments[best].long_name}.py"
        )
    return best


def read_answer(path: Path, modules: Mapping[str, Path] | None = None) -> Cells:
    """Read a .py file or a notebook as (name, first line, source) of each cell.

    Parameters
    ----------
    path : Path
    modules : mapping of str to Path, optional
        The modules that it imports; default: what lies beside it.

    Raises
    ------
    CourseError
        The file cannot be read.
    """
    if path.suffix.lower() == ".ipynb":
        cells = read_notebook(path)
    else:
        try:
            pieces = split_cells(decoded(read_bytes(path)))
        except ValueError as error:
            raise CourseError(f"{path.name} cannot be read: {error}") from error
        cells = [(path.name, piece.first_line, to_python(piece.source)) for piece in pieces]
    found = modules_beside(path, [source for *_, source in cells]) if modules is None else modules
    return Cells(cells, found)


def named_first(stem: str, assignments: Mapping[str, Assignment]) -> str | None:
    """Return the assignment whose short name a name begins with."""
    short = re.match(r"[A-Za-z]+\d+(?![A-Za-z0-9])", stem)
    return short[0].lower() if short and short[0].lower() in assignments else None


def split_name(stem: str, assignments: Mapping[str, Assignment]) -> tuple[str, str | None]:
    """Cut "Ada_77_a4_style" into the student and "a4"; a login like "us123" is no assignment."""
    for match in reversed(list(re.finditer(r"[\s_-]+([A-Za-z]+\d+)(?![A-Za-z0-9])", stem))):
        if name := named_first(match[1], assignments):
            return stem[: match.start()], name
    return stem, None


def defines_any(path: Path, assignment: Assignment) -> bool:
    """Whether a file defines a function that the assignment asks for."""
    return bool(_defined_in(path) & set(assignment.functions))


def _defined_in(path: Path) -> set[str]:
    try:
        text = "\n".join(source for *_, source in read_answer(path, {}))
    except CourseError:
        return set()
    return {name for pair in DEFINED.findall(text) for name in pair if name}
