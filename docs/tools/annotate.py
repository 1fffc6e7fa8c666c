"""Cut a module into rows of prose and code, and find the line of each equation.

Prose is what the module says itself: its docstrings, and the comments that have lines of their own.
The line that computes an equation of docs/mathematics says so in a comment: `# equation (4)`, or
`# equations (7), (8)`. Where that comment has a line of its own, the next line of code is meant.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "nst_numpy"
MATHEMATICS = ROOT / "docs" / "mathematics.md"
PAGES = ROOT / "docs" / "code"

MARK = re.compile(r"equations? (\(W?\d+\)(?:, \(W?\d+\))*)(?:; )?")
NUMBER = re.compile(r"\((W?\d+)\)")
DIRECTIVE = re.compile(r"^\.\. annotated:: (\S+)$", re.M)
Definition = ast.ClassDef | ast.FunctionDef


@dataclass
class Row:
    """Some prose, and the code beside it."""

    start: int
    name: str = ""  # of the class or function that begins here: `Plain.forward`
    docstring: str = ""
    comments: list[str] = field(default_factory=list)
    equations: list[str] = field(default_factory=list)
    runs: list[list[int]] = field(default_factory=list)  # numbers of lines that follow each other


def rows(source: str) -> list[Row]:
    """Cut a module into rows: at each definition, comment and equation one begins."""
    tree, lines = ast.parse(source), source.split("\n")
    comments = own_comments(source)
    found = {1: Row(1, docstring=ast.get_docstring(tree) or "")}
    prose = {*_docstring_lines(tree), *comments}
    for name, node in definitions(tree):
        start = min([node.lineno, *(each.lineno for each in node.decorator_list)])
        found[start] = Row(start, name, ast.get_docstring(node) or "")
        prose |= _docstring_lines(node)
    for number, text in comments.items():
        if number - 1 not in comments:
            found.setdefault(number, Row(number))
        _row_at(found, number).comments.append(MARK.sub("", text))
    for number, equations in marked_lines(source).items():
        row = found.setdefault(number, Row(number))
        row.equations += [each for each in equations if each not in row.equations]
    code = {n for n, line in enumerate(lines, start=1) if n not in prose and line.strip()}
    for number in sorted(code):
        runs, blank = _row_at(found, number).runs, number
        while blank > 1 and blank - 1 not in code | prose:
            blank -= 1
        if runs and runs[-1][-1] == blank - 1:
            runs[-1] += range(blank, number + 1)  # the blank lines between, too
        else:
            runs.append([number])
    return _without_empty([found[start] for start in sorted(found)])


def _row_at(found: dict[int, Row], number: int) -> Row:
    return found[max(start for start in found if start <= number)]


def _without_empty(cut: list[Row]) -> list[Row]:
    """Give the prose of a row without code to the next one: a comment above a definition."""
    kept: list[Row] = []
    for row in cut:
        if kept and not kept[-1].runs:
            above = kept.pop()
            row.docstring = "\n\n".join(filter(None, (above.docstring, row.docstring)))
            row.comments = above.comments + row.comments
            row.equations = above.equations + row.equations
        kept.append(row)
    return kept


def definitions(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    """Yield the classes and functions of a module and the methods of its classes, with names."""
    for node in tree.body:
        if isinstance(node, Definition):
            yield node.name, node
        for inner in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(inner, Definition):
                yield f"{node.name}.{inner.name}", inner


def _docstring_lines(node: ast.Module | Definition) -> set[int]:
    if ast.get_docstring(node) is None:
        return set()
    return set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))


def own_comments(source: str) -> dict[int, str]:
    """Return the comments that have a line of their own, by line, without what marks them."""
    return {
        token.start[0]: token.string.lstrip("#").strip().lstrip("- ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and token.line.strip() == token.string
    }


def marked_lines(source: str) -> dict[int, list[str]]:
    """Return the numbers of the equations that a module's lines compute, by line."""
    own = own_comments(source)
    found: dict[int, list[str]] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (
            mark := MARK.fullmatch(token.string, 2)
            or (token.start[0] in own and MARK.match(token.string, 2))
        ):
            line = token.start[0]
            while line in own:
                line += 1
            found.setdefault(line, []).extend(NUMBER.findall(mark[1]))
    return found


def annotated_files() -> dict[str, list[str]]:
    """Return the modules that each page of docs/code shows, by the page's name."""
    pages = {page.stem: page.read_text(encoding="utf-8") for page in sorted(PAGES.glob("*.md"))}
    return {name: DIRECTIVE.findall(text) for name, text in pages.items()}


def equations() -> dict[str, str]:
    """Return the numbers in the table of equations, and what is written of each in LaTeX."""
    text = MATHEMATICS.read_text(encoding="utf-8")
    tagged = [re.split(r"\\tag\{(\w+)\}", block) for block in text.split("$$")[1::2]]
    written = {parts[1]: parts[0].strip() for parts in tagged if len(parts) > 1}
    listed = re.findall(r"^\| \((\w+)\) \|", text, flags=re.M)
    return {number: written.get(number, "") for number in listed}
