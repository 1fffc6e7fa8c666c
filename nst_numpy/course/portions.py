"""Hidden tests, one by one: what a task's points are in proportion to.

A test is a statement of the hidden part that checks something. Of a loop over a list that is
written there, each round is one. Assignments and definitions belong to the test they stand above.
"""

import ast
import math
from collections.abc import Iterable, Iterator, Sequence
from types import CodeType
from typing import NamedTuple

MOST_ROUNDS = 1000  # of a loop, that each count
PREPARES = (
    *(ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
    *(ast.Assign, ast.AnnAssign, ast.AugAssign),
)
SCOPES = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


class HiddenTest(NamedTuple):
    """One hidden test: statements that make it ready, and the one that checks."""

    ready: tuple[ast.stmt, ...]
    check: ast.stmt

    def compiled(self, place: str) -> Iterator[tuple[CodeType, list[str]]]:
        """Yield the code of each statement, the check last, and the names that it gives values."""
        for node in (*self.ready, self.check):
            body = ast.fix_missing_locations(ast.Module([node], []))
            yield compile(body, place, "exec"), list(_stored(node))


def split_tests(hidden: str, functions: Iterable[str], above: str = "") -> list[HiddenTest]:
    r"""Cut the hidden part of a task into its tests.

    Parameters
    ----------
    hidden : str
        Source of the hidden part.
    functions : iterable of str
        The answer's functions: a statement that calls one is a test.
    above : str
        Source that runs before it. A function from there may check, too.

    Returns
    -------
    list of HiddenTest
        At least one: if nothing is recognised, all of it.

    Examples
    --------
    >>> source = "x = 1\nexpect.same(f(x), 2)\nfor n in (3, 4):\n    assert f(n) > n\n"
    >>> len(split_tests(source, ["f"]))
    3
    """
    body = ast.parse(hidden).body
    checking = _checking_names([*ast.parse(above).body, *body], functions)
    found: list[HiddenTest] = []
    ready: list[ast.stmt] = []
    for node in _rounds(body):
        if isinstance(node, PREPARES) or not _checks(node, checking):
            ready.append(node)
        else:
            found.append(HiddenTest(tuple(ready), node))
            ready = []
    *before, last = ready or [ast.Pass(lineno=1, col_offset=0)]
    if not found or (not isinstance(last, SCOPES) and _checks(last, checking)):
        found.append(HiddenTest(tuple(before), last))
    return found


def portion_of(points: float, passed: int, tests: int) -> float:
    """Return the points for so many of the tests, in hundredths; all points for all tests only.

    >>> [portion_of(4, 2, 3), portion_of(3, 2, 3), portion_of(1, 0, 3), portion_of(1, 999, 1000)]
    [2.66, 2, 0, 0.99]
    """
    if passed == tests:
        return points
    share = math.floor(points * 100 * passed / tests + 1e-9) / 100
    return int(share) if share == int(share) else share


def _rounds(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Put each round of a loop over a written list in the loop's place; the list is made first."""
    for number, node in enumerate(body):
        count = _length(node)
        if not isinstance(node, ast.For) or not count:
            yield node
            continue
        kept = f"__rounds_{number}__"
        made = ast.Call(ast.Name("list", ast.Load()), [node.iter], [])
        yield ast.copy_location(ast.Assign([ast.Name(kept, ast.Store())], made), node)
        for index in range(count):
            item = ast.Subscript(ast.Name(kept, ast.Load()), ast.Constant(index), ast.Load())
            given = ast.Assign([node.target], item)
            whole = ast.If(ast.Constant(True), [given, *node.body], [])
            yield ast.copy_location(whole, node)


def _length(node: ast.stmt) -> int:
    """Return how many rounds a loop has, where that stands there; else 0."""
    if not isinstance(node, ast.For) or node.orelse:
        return 0
    if any(isinstance(inner, (ast.Break, ast.Continue)) for inner in ast.walk(node)):
        return 0
    loop = node.iter
    if isinstance(loop, (ast.List, ast.Tuple)):
        starred = any(isinstance(item, ast.Starred) for item in loop.elts)
        return 0 if starred else len(loop.elts)
    if isinstance(loop, ast.Call) and isinstance(loop.func, ast.Name) and loop.func.id == "range":
        values = [getattr(argument, "value", None) for argument in loop.args]
        numbers = [value for value in values if isinstance(value, int)]
        if len(numbers) == len(values) in (1, 2):
            rounds = range(*numbers)
            return 0 if rounds[MOST_ROUNDS:] else len(rounds)
    return 0


def _checking_names(nodes: Iterable[ast.stmt], functions: Iterable[str]) -> set[str]:
    """Collect names that check: expect, the answer's functions, the tests' own helpers."""
    nodes, checking = list(nodes), {"expect", *functions}
    for node in nodes:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = getattr(node, "module", None) or ""
            checking |= {
                alias.asname or alias.name
                for alias in node.names
                if f".{module}.{alias.name}.".find(".expect.") >= 0
            }
    defined = [node for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    for _ in defined:  # helpers of helpers
        checking |= {node.name for node in defined if _checks(node, checking)}
    return checking


def _checks(node: ast.AST, checking: set[str]) -> bool:
    for inner in ast.walk(node):
        name = getattr(inner, "id", "")
        asserts = getattr(inner, "attr", name).startswith("assert")  # NumPy's and unittest's too
        if isinstance(inner, (ast.Assert, ast.Raise)) or asserts or name in checking:
            return True
    return False


def _stored(node: ast.AST) -> Iterator[str]:
    """Name what a statement gives a value to, outside of functions and comprehensions."""
    if isinstance(node, SCOPES):
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    for inner in ast.iter_child_nodes(node):
        yield from _stored(inner)
