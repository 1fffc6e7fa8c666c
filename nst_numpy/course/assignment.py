"""What an assignment is: a folder with four files, and nothing about it in Python here.

    a4_style/
      assignment.json   title, points of each task, limits, files that students need
      README.md         what it is about; a section "## a4.gram" for each task
      solution.py       cells "# %% a4.gram" with the solution between nbgrader's markers
      tests.py          cells "# %% a4.gram", the hidden tests between nbgrader's markers

The release has the same files, with solutions and hidden tests cut out and solution.py named
after the assignment. So a released folder is an assignment too, one without secrets.
"""

import ast
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nst_numpy.errors import CourseError, UnknownNameError, did_you_mean
from nst_numpy.files import PathLike, expand_input

MANIFEST = "assignment.json"
TESTS = "tests.py"
README = "README.md"
SOLUTION = "solution.py"
STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")  # nbgrader's own
EXPECTED = "**Expected output**"  # in a section of README.md: what comes after the code
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s:/]+)\)")
HEADER = ""  # the label of what stands before the first marker
MARKER = re.compile(r"# ?%%(.*)")
LONGEST_SECONDS = 24 * 60 * 60  # for one task
LARGEST_MEGABYTES = 1 << 20
PROPORTIONAL = "proportional"
SCORINGS = ("all-or-nothing", PROPORTIONAL)

_HERE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Cell:
    """A piece of a source file: from one line "# %% label" to the next."""

    label: str
    source: str
    first_line: int


@dataclass(frozen=True)
class Task:
    """One task: what students see of its test, what they don't, and its points."""

    name: str
    points: float
    public: str
    hidden: str

    @property
    def grade_id(self) -> str:
        """The name in nbgrader's alphabet."""
        return self.name.replace(".", "-")


@dataclass(frozen=True)
class Assignment:
    """An assignment, read from its folder.

    Attributes
    ----------
    folder : Path
        Its name is the assignment's long name, `a4_style`.
    title : str
    tasks : tuple of Task
    header : str
        What tests.py has before its first task: imports.
    imports : str
        The same without `from solution import …`.
    functions : tuple of str
        The names that tests.py takes from the answer.
    files : tuple of str
        What else is in the folder and goes to students and beside a running answer.
    libraries : tuple of str
        What may be imported, beside what Python has: loaded before an answer runs.
    seconds, megabytes : float, int
        Limits of each task.
    scoring : str
        "all-or-nothing", or "proportional" to the hidden tests that pass.
    forbidden : tuple of str
        Functions of libraries that do the work for the answer, which must not call them.
    """

    folder: Path
    title: str
    tasks: tuple[Task, ...]
    header: str
    imports: str
    functions: tuple[str, ...]
    files: tuple[str, ...]
    libraries: tuple[str, ...]
    seconds: float
    megabytes: int
    scoring: str = SCORINGS[0]
    forbidden: tuple[str, ...] = ()

    @property
    def long_name(self) -> str:
        """The folder's name, "a4_style": the name of the students' file too."""
        return self.folder.name

    @property
    def name(self) -> str:
        """The short name, "a4"."""
        return self.long_name.partition("_")[0]

    @property
    def points(self) -> float:
        """What a full score is."""
        return sum(task.points for task in self.tasks)

    @cached_property
    def solution(self) -> str:
        """The source of the solution, or of the students' file in a release."""
        for name in (SOLUTION, f"{self.long_name}.py"):
            if (self.folder / name).is_file():
                return _text(self.folder / name)
        raise CourseError(f"{self.folder} has no {SOLUTION}: an assignment needs one")

    @cached_property
    def readme(self) -> str:
        """The text of README.md."""
        return _text(self.folder / README)

    @property
    def pictures(self) -> tuple[str, ...]:
        """The pictures that README.md shows, which lie beside it and go to students."""
        return tuple(dict.fromkeys(PICTURE.findall(self.readme)))

    def check(self) -> None:
        """Make sure that every task stands in all four files under its one name.

        Raises
        ------
        CourseError
            It does not, or a file is missing; the message names task and file.
        """
        _check_files(self.folder, self.files)
        for name in self.pictures:
            if not (self.folder / name).is_file():
                raise CourseError(
                    f"{self.folder / README} shows {name}, and {self.folder} has no such file: "
                    "put it there, or take the picture out"
                )
        cells = {cell.label for cell in split_cells(self.solution)}
        sections = set(split_readme(self.readme))
        for task in self.tasks:
            for places, file in ((cells, "solution.py"), (sections, README)):
                if task.name not in places:
                    raise CourseError(
                        f"{self.folder}: task {task.name} of {MANIFEST} has no part in {file}"
                    )


def assignments_folder() -> Path:
    """Find the assignments that come with the package, installed or in a checkout."""
    places = (_HERE / "_assignments", _HERE.parent / "tutorials" / "assignments")
    for place in places:
        if place.is_dir():
            return place
    raise CourseError(f"neither {places[0]} nor {places[1]} exists: install nst_numpy again")


def load_assignments(folder: PathLike | None = None) -> dict[str, Assignment]:
    """Read all assignments in a folder.

    Parameters
    ----------
    folder : path-like, optional
        One with a subfolder for each assignment; default: those that come along.

    Returns
    -------
    dict of str to Assignment
        By short name, in order.

    Raises
    ------
    CourseError
        There is none, or one cannot be read.

    Examples
    --------
    >>> for name, assignment in load_assignments().items():
    ...     print(name, assignment.title)
    a1 Convolution, forward and backward
    a2 Pooling and ReLU
    a3 Content loss
    a4 Gram matrix and style loss
    a5 Total cost and L-BFGS: the first picture
    a6 Convolution in one and three dimensions
    a7 The nine patches
    a8 It is all yours
    """
    root = assignments_folder() if folder is None else expand_input(folder, CourseError)
    found = [load_assignment(path.parent) for path in sorted(root.glob(f"*/{MANIFEST}"))]
    if not found:
        raise CourseError(f"{root} has no folder with an {MANIFEST} in it: give another folder")
    return {assignment.name: assignment for assignment in found}


def load_assignment(folder: PathLike) -> Assignment:
    """Read one assignment from its folder; CourseError says what is wrong with it."""
    root = expand_input(folder, CourseError).resolve()
    data = _manifest(root / MANIFEST)
    _check_files(root, data.get("files", ()))
    cells = {cell.label: cell.source for cell in split_cells(_text(root / TESTS))}
    header = cells.get(HEADER, "")
    imports, functions = _imports(root, header)
    tasks = []
    for name, points in data["points"].items():
        if name not in cells:
            raise CourseError(f"{root / TESTS} has no cell '# %% {name}', which {MANIFEST} names")
        public, hidden = split_hidden(cells[name], str(root / TESTS))
        tasks.append(Task(name, points, public, hidden))
    return Assignment(
        folder=root,
        title=data["title"],
        tasks=tuple(tasks),
        header=header,
        imports=imports,
        functions=functions,
        files=tuple(data.get("files", ())),
        libraries=tuple(data.get("libraries", ("numpy",))),
        seconds=data.get("seconds", 10),
        megabytes=int(data.get("megabytes", 1024)),
        scoring=data.get("scoring", SCORINGS[0]),
        forbidden=tuple(data.get("forbidden", ())),
    )


def choose(assignments: dict[str, Assignment], names: list[str]) -> list[Assignment]:
    """Return the assignments of those short or long names; all, if there are no names."""
    by_name = assignments | {a.long_name: a for a in assignments.values()}
    for name in names:
        if name not in by_name:
            known = by_name if did_you_mean(name, by_name) else assignments
            raise UnknownNameError.of("assignment", name, known)
    chosen = {by_name[name].name: by_name[name] for name in names}  # each once
    return list((chosen or assignments).values())


def split_cells(source: str) -> list[Cell]:
    r"""Cut a source file at its lines "# %% label".

    >>> for cell in split_cells("import os\n# %% a1.size\nx = 1\n"):
    ...     print(cell)
    Cell(label='', source='import os\n', first_line=1)
    Cell(label='a1.size', source='x = 1\n', first_line=3)
    """
    lines = source.splitlines(keepends=True)
    markers = [number for number, line in enumerate(lines) if MARKER.match(line)]
    ends = [*markers, len(lines)]
    cells = [Cell(HEADER, "".join(lines[: ends[0]]), 1)]
    for number, end in zip(markers, ends[1:], strict=True):
        label = lines[number].split("%%", 1)[1].strip()
        cells.append(Cell(label, "".join(lines[number + 1 : end]), number + 2))
    return [cell for cell in cells if cell.source.strip()]


def split_readme(text: str) -> dict[str, str]:
    r"""Cut a README at its headings "## a4.gram"; what comes before has the label "".

    >>> split_readme("# Title\n## a1.size\nHow large?\n## More\nEnd\n")
    {'': '# Title\n', 'a1.size': '## a1.size\nHow large?\n', 'More': '## More\nEnd\n'}
    """
    parts = re.split(r"(?m)^(?=## )", text)
    return {part.partition("\n")[0][3:].strip() if i else HEADER: part
            for i, part in enumerate(parts)}  # fmt: skip


def strip_solutions(source: str, place: str = SOLUTION) -> str:
    r"""Put nbgrader's stub in the place of each solution.

    >>> print(strip_solutions("def f():\n    ### BEGIN SOLUTION\n    return 1\n"
    ...                       "    ### END SOLUTION\n"), end="")
    def f():
        # YOUR CODE HERE
        raise NotImplementedError()
    """
    lines: list[str] = []
    for inside, line, indent in _regions(source, "SOLUTION", place):
        if not inside:
            lines.append(line)
        elif "BEGIN" in line:
            lines += [f"{indent}{text}\n" for text in STUB]
    return "".join(lines)


def split_hidden(source: str, place: str = TESTS) -> tuple[str, str]:
    r"""Return what students see of a test, and the hidden tests.

    >>> split_hidden("check(1)\n### BEGIN HIDDEN TESTS\ncheck(2)\n### END HIDDEN TESTS\n")
    ('check(1)\n', 'check(2)\n')
    """
    public, hidden = "", ""
    for inside, line, _ in _regions(source, "HIDDEN TESTS", place):
        if not inside:
            public += line
        elif "### " not in line:
            hidden += line
    return public, hidden


def _regions(source: str, what: str, place: str) -> list[tuple[bool, str, str]]:
    """Return for each line whether it is in a region, or one of its markers, and its indent."""
    inside, indent, found = False, "", []
    for line in source.splitlines(keepends=True):
        begins, ends = f"### BEGIN {what}" in line, f"### END {what}" in line
        if begins == inside and (begins or ends):
            raise CourseError(f"{place}: ### BEGIN {what} and ### END {what} do not come in turns")
        if begins:
            inside, indent = True, line[: len(line) - len(line.lstrip())]
        found.append((inside, line, indent))
        inside = inside and not ends
    if inside:
        raise CourseError(f"{place}: ### BEGIN {what} has no ### END {what}")
    return found


def _imports(root: Path, header: str) -> tuple[str, tuple[str, ...]]:
    """Take `from solution import …` out of the tests' header; return the rest and the names."""
    lines = header.splitlines(keepends=True)
    for node in ast.parse(header).body:
        if isinstance(node, ast.ImportFrom) and node.module in ("solution", root.name):
            rest = lines[: node.lineno - 1] + lines[node.end_lineno :]
            return "".join(rest), tuple(alias.name for alias in node.names)
    raise CourseError(f"{root / TESTS} does not say which functions it tests: "
                      "from solution import …")  # fmt: skip


def _manifest(path: Path) -> dict[str, Any]:
    try:
        data: Any = json.loads(_text(path))
    except ValueError as error:
        raise CourseError(f"{path} is not JSON: {error}") from error
    points = data.get("points") if isinstance(data, dict) else None
    if not isinstance(points, dict) or not points or not isinstance(data.get("title"), str):
        raise CourseError(f'{path} needs a "title" and "points" of each task, {{"a1.size": 1}}')
    for name, number in points.items():
        if not isinstance(number, (int, float)) or isinstance(number, bool) or number < 0:
            raise CourseError(f"{path}: the points of {name} must be a number, not {number!r}")
    _check_limits(path, data)
    manifest: dict[str, Any] = data
    return manifest


def _check_limits(path: Path, data: dict[str, Any]) -> None:
    for name, limit in (("seconds", LONGEST_SECONDS), ("megabytes", LARGEST_MEGABYTES)):
        number = data.get(name, 1)
        right = isinstance(number, (int, float)) and not isinstance(number, bool)
        if not right or not 0 < number <= limit or (name == "megabytes" and number % 1):
            raise CourseError(
                f'{path}: "{name}" must be a number above 0, at most {limit}, not {number!r}'
            )
    for name in ("files", "libraries", "forbidden"):
        words = data.get(name, [])
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise CourseError(f'{path}: "{name}" must be a list of names, not {words!r}')
    scoring = data.get("scoring", SCORINGS[0])
    if scoring not in SCORINGS:
        raise CourseError(
            f'{path}: "scoring" must be "{SCORINGS[0]}" or "{SCORINGS[1]}", not {scoring!r}'
        )


def _check_files(root: Path, files: Iterable[str]) -> None:
    for name in files:
        if Path(name).name != name or not (root / name).is_file():
            raise CourseError(
                f'{root / MANIFEST} names {name!r} in "files", and {root} has no such file: '
                "put it there, or take the name out"
            )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} cannot be read: {error}") from error
