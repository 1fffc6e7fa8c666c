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
_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"(?!20\d{6}$)\d{5,}")  # a student's, no date
# Logins whose letters are no words: s123456, b0b99; but not v20261101.
_LOGIN = re.compile(
    r"(?<![^\W_])(?:(?!v\d)[a-z]+(?!20\d{6}(?!\d))\d{4,}|[a-z]+\d+[a-z]+\d+[a-z\d]*)(?![^\W_])"
)
# What follows the assignment's name and names nobody, beside the words of the assignment itself.
NOBODY = re.compile(
    "(?:"
    "ver|version|rev|try|attempt|part|task|draft|copy|old|new|final|last|latest|fix|fixed|"
    "backup|bak|orig|original|done|finished|improved|corrected|first|second|third|submission|"
    "submitted|resubmission|solution|solutions|answer|answers|mine|my|own|work|hw|homework|"
    "assignment|stub|template|notebook|script|code|test|tests|helper|helpers|tool|tools|util|"
    "utils|lib|main|loop|loops|naive|simple|vectorized|vectorised|einsum|im|tensordot|numpy|np|"
    "fast|faster|slow|good|bad|best|better|clean|wip|tmp|temp|py|ipynb|nb|with|without|and|the|"
    "of|to|for|from|in|on|at"
    ")"
)
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
    first, last = named_first(stem, assignments), split_name(stem, assignments)[1]
    if first and last and first != last:  # a login like an assignment: a7_a1.py
        defined = _defined_in(path)
        of_first, of_last = (defined & set(assignments[n].functions) for n in (first, last))
        return last if of_last and not of_first else first
    if first or last:
        return str(first or last)
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


def named_after(stem: str, assignments: Mapping[str, Assignment]) -> str | None:
    """Return whom a name gives after the assignment's: "ada" of "a1_ada", nobody of "a1_v2"."""
    name = named_first(stem, assignments)
    if name is None:
        return None
    own = assignments[name]
    for start in (own.long_name, name):
        if _plain(stem).startswith(_plain(start)):
            rest = stem[len(start) :].strip("_- .")
            break
    return rest if says_who(rest, own) else None


def says_who(name: str, own: Assignment) -> bool:
    """Whether a name may be a student's: not only words for versions, or those of a task."""
    about = " ".join([own.long_name, own.title, *own.functions, *(t.name for t in own.tasks)])
    words = set(_WORD.findall(name.lower())) - set(_WORD.findall(about.lower()))
    said = any(len(word) > 1 and not NOBODY.fullmatch(word) for word in words)
    return said or bool(_NUMBER.fullmatch(name)) or bool(_LOGIN.search(name.lower()))


def functions_in(path: Path, assignment: Assignment) -> set[str] | None:
    """Return which of an assignment's functions a file defines; None if it cannot be read."""
    try:
        read_answer(path, {})
    except CourseError:
        return None
    return _defined_in(path) & set(assignment.functions)


def defines_any(path: Path, assignment: Assignment) -> bool:
    """Whether a file defines a function that the assignment asks for."""
    return bool(_defined_in(path) & set(assignment.functions))


def _plain(name: str) -> str:
    """Make names alike that differ only in what separates their words: a4-style, a4_style."""
    return re.sub(r"[ -]", "_", name.lower())


def _defined_in(path: Path) -> set[str]:
    try:
        text = "\n".join(source for *_, source in read_answer(path, {}))
    except CourseError:
        return set()
    return {name for pair in DEFINED.findall(text) for name in pair if name}
