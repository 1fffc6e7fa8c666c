"""A follow-up task, graded with the reference for what an earlier task got wrong.

A function that fails its own task would fail every task that calls it. So such a task is graded
once more with the solution's function in its place, and the grade says so: a mistake costs once.

The solution's function runs in a process of its own. The answer gets only its results.
"""

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Any

from nst_numpy.course.assignment import SOLUTION, Assignment, Task, split_cells, strip_solutions
from nst_numpy.course.isolation import Isolation
from nst_numpy.course.sandbox import Sandbox, stand_in
from nst_numpy.course.wire import RemoteError, as_known
from nst_numpy.course.worker import top_level_pieces

Pieces = Sequence[tuple[str, int, str]]  # name, first line, source
Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Fault:
    """A function that failed the tests of its task; the assignment has the right one.

    `code` is the student's own, so that a copy of it is known in a later answer.
    """

    function: str
    task: str
    assignment: Assignment
    code: str = ""


def faults_of(task: Task, assignment: Assignment, cells: Pieces) -> list[Fault]:
    """List the functions of a task that failed, where the assignment has its solution."""
    if not (assignment.folder / SOLUTION).is_file():  # a release has stubs
        return []
    own = {node.name: _code(node) for node in _definitions(cells)}
    names = _handed_out(assignment).get(task.name, ())
    return [Fault(name, task.name, assignment, own.get(name, "")) for name in names]


def carried_over(faults: Iterable[Fault], assignment: Assignment, cells: Pieces) -> list[Fault]:
    """List the faults of earlier assignments that an answer has with it: copied, or imported.

    A function of the same name that the assignment itself asks for, or that is written anew, is
    another one.
    """
    here = {name for names in _handed_out(assignment).values() for name in names}
    copies = {(node.name, _code(node)) for node in _definitions(cells)}
    imported = set(_imported_modules(cells))
    return [
        fault for fault in faults
        if fault.function not in here and fault.assignment.name != assignment.name
        and ((fault.code and (fault.function, fault.code) in copies)
             or fault.assignment.long_name in imported)
    ]  # fmt: skip


def needed(task: Task, assignment: Assignment, cells: Pieces) -> set[str]:
    """Collect the names that a task's tests reach in an answer, from function to function."""
    tests = assignment.imports + task.public + task.hidden
    reached: set[str] = set()
    waiting = _names(ast.parse(tests)) & set(assignment.functions)
    uses: dict[str, set[str]] = defaultdict(set)
    for node in _statements(cells):
        for name in _bound(node):
            uses[name] |= _names(node)
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= uses[name] - reached
    return reached


def reaches(reached: set[str], fault: Fault) -> bool:
    """Whether a function, or the module that it comes from, is among the names reached."""
    return fault.function in reached or fault.assignment.long_name in reached


class References:
    """Processes that run solutions, as long as an answer is graded with their functions.

    `used` are the faults whose reference was called.
    """

    def __init__(
        self, faults: Sequence[Fault], *, seconds: float, isolation: Isolation | None = None
    ) -> None:
        self.faults = tuple(faults)
        self.used: list[Fault] = []
        self._seconds, self._isolation = seconds, isolation
        self._boxes: dict[str, Sandbox] = {}
        self._open = ExitStack()

    def __enter__(self) -> "References":
        with ExitStack() as opened:
            for assignment in {f.assignment.name: f.assignment for f in self.faults}.values():
                box = opened.enter_context(
                    Sandbox(
                        _solution_cells(assignment),
                        seconds=self._seconds,
                        megabytes=assignment.megabytes,
                        files=[assignment.folder / name for name in assignment.files],
                        libraries=assignment.libraries,
                        isolation=self._isolation,
                    )
                )
                box.open()
                self._boxes[assignment.name] = box
            self._open = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def put_into(self, box: Sandbox, assignment: Assignment) -> dict[str, Callable[..., Any]]:
        """Put the references into an answer that is loaded; return those that tests call."""
        names = {}
        for fault in self.faults:
            reference = self._boxes[fault.assignment.name]
            reference.begin()
            relay = self._relay(fault, reference)
            box.replace(fault.function, fault.assignment.long_name, _parameters(fault), relay)
            if fault.function in assignment.functions:
                names[fault.function] = stand_in(fault.function, relay)
        return names

    def _relay(self, fault: Fault, reference: Sandbox) -> Callable[..., Any]:
        def relay(*args: Any, **kwargs: Any) -> Any:
            if fault not in self.used:
                self.used.append(fault)
            try:
                return reference.ask(fault.function, *args, **kwargs)
            except RemoteError as error:  # in the answer it is an error like any other
                raise as_known(error.report) from None

        return relay


def sentence(references: Iterable[tuple[str, str]]) -> str:
    """Say which references a task was graded with.

    >>> sentence([("gram_matrix", "a4.gram")])
    'graded with the reference gram_matrix, because yours failed a4.gram'
    """
    by_task: dict[str, list[str]] = defaultdict(list)
    for function, task in references:
        by_task[task].append(function)
    parts = [f"the reference {' and '.join(names)}, because yours failed {task}"
             for task, names in by_task.items()]  # fmt: skip
    return f"graded with {', and with '.join(parts)}" if parts else ""


@cache
def _handed_out(assignment: Assignment) -> dict[str, tuple[str, ...]]:
    """Return the functions that students have been given to write, by task."""
    cells = split_cells(strip_solutions(assignment.solution))
    return {
        cell.label: tuple(n.name for n in _definitions([(SOLUTION, 1, cell.source)]))
        for cell in cells
    }


@cache
def _solution_cells(assignment: Assignment) -> Pieces:
    cells = split_cells(assignment.solution)
    return [("the reference", cell.first_line, cell.source) for cell in cells]


def _parameters(fault: Fault) -> list[str] | None:
    """Return the names by which a reference takes its arguments; None if it takes any."""
    for node in _definitions(_solution_cells(fault.assignment)):
        if node.name == fault.function and node.args.kwarg is None:
            return [a.arg for a in (*node.args.args, *node.args.kwonlyargs)]
    return None


def _definitions(cells: Pieces) -> list[Definition]:
    nodes = _statements(cells)
    return [n for n in nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]


def _statements(cells: Pieces) -> Iterator[ast.stmt]:
    """Yield the statements of an answer at top level; those of a broken piece are left out."""
    for _, _, source in cells:
        for piece in [source] if _parsed(source) else [p for _, p in top_level_pieces(source)]:
            yield from _parsed(piece)


def _parsed(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except Exception:  # as in the worker: also too deep an expression, or a null byte
        return []


def _code(node: Definition) -> str:
    """Return a function's code without its docstring, in a form that spaces do not change."""
    documented = ast.get_docstring(node) is not None
    try:
        return "\n".join(ast.dump(part) for part in (node.args, *node.body[int(documented) :]))
    except RecursionError:  # too deep an expression: no copy of it is recognised
        return ""


def _imported_modules(cells: Pieces) -> Iterator[str]:
    for node in _statements(cells):
        for inner in ast.walk(node):
            if isinstance(inner, (ast.Import, ast.ImportFrom)):
                yield from _names(inner)


def _names(node: ast.AST) -> set[str]:
    """Collect names, attributes, modules and short texts: whatever may stand for a function."""
    found: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            found.add(inner.id)
        elif isinstance(inner, ast.Attribute):
            found.add(inner.attr)
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            found.add(inner.value[:100])
        elif isinstance(inner, ast.ImportFrom):
            found |= {inner.module or "", *(alias.name for alias in inner.names)}
        elif isinstance(inner, ast.Import):
            found |= {alias.name for alias in inner.names}
    return found


def _bound(node: ast.stmt) -> set[str]:
    """Collect the names that a statement at top level gives a value to."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    stored = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)
              and isinstance(n.ctx, ast.Store)}  # fmt: skip
    nested = (n for n in ast.walk(node) if isinstance(n, (ast.FunctionDef, ast.ClassDef)))
    imported = (n for n in ast.walk(node) if isinstance(n, (ast.Import, ast.ImportFrom)))
    aliases = (alias for n in imported for alias in n.names)
    return stored | {n.name for n in nested} | {a.asname or a.name for a in aliases}
