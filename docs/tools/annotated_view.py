"""A Sphinx extension: modules as prose beside code, and each equation with its line.

    .. annotated:: losses/gram.py

shows a module of the package: at the left its docstrings, comments and the formulas of
docs/mathematics, at the right the code beside them. Behind each formula of docs/mathematics stands
where the code computes it; its number in docstrings and in the table of equations is a link.
`annotate.py` says how a module is cut, and how a line is marked.
"""

import re
from importlib import import_module
from pathlib import PurePosixPath

import annotate
from docutils import nodes
from docutils.statemachine import StringList
from plain_docstrings import plain_to_rst
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.napoleon import NumpyDocstring
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

MATHEMATICS = "docs/mathematics"
TAG = re.compile(r"\\tag\{(\w+)\}")
NAMED = re.compile(r"[Ee]quations? \(\w+\)(?:,? (?:and|to) \(\w+\))? in\s+docs/mathematics")
SHAPES = re.compile(r"\(.*->")
QUAD = re.compile(r",?\s*\\q?quad\s+")
LOGGER = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, bool]:
    """Show modules, name the places of equations, and link both ways when all pages are read."""
    app.add_directive("annotated", Annotated)
    app.connect("doctree-read", _name_equations)
    app.connect("env-check-consistency", _check)
    app.connect("doctree-resolved", _link)
    app.connect("html-page-context", _style)
    return {"parallel_read_safe": True}


class Annotated(SphinxDirective):
    """A module, row by row."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a table of rows, each with prose and code."""
        self.file = self.arguments[0]
        path = annotate.PACKAGE / self.file
        self.env.note_dependency(str(path))
        source = path.read_text(encoding="utf-8")
        self.lines = source.split("\n")
        self.key = _key(self.file)
        self.formulas, self.shown = annotate.equations(), set[str]()
        meta = self.env.metadata[self.env.docname]
        meta["hide-toc"] = ""
        places = meta.setdefault("equations", [])
        places += [
            (each, self.file, n)
            for n, some in annotate.marked_lines(source).items()
            for each in some
        ]
        name = ".".join(PurePosixPath("nst_numpy", self.file).with_suffix("").parts)
        context, before = self.env.ref_context, dict(self.env.ref_context)
        context["py:module"] = name
        view = nodes.container(classes=["annotated"])
        for row in annotate.rows(source):
            context["py:class"] = row.name.rpartition(".")[0] or None
            view += self._row(row)
        context.clear()
        context.update(before)
        return [view]

    def _row(self, row: annotate.Row) -> nodes.container:
        prose = nodes.container(classes=["annotated-prose"])
        text, folded, titles = _fold(row.docstring)
        self._parse(self._napoleon(text), prose)
        for number in row.equations:
            prose += self._equation(number)
        self._parse(self._comments(row.comments), prose)
        if folded:
            opening = f"<details><summary>{', '.join(titles).capitalize()}</summary>"
            prose += nodes.raw("", opening, format="html")
            self._parse(self._napoleon(folded), prose)
            prose += nodes.raw("", "</details>", format="html")
        code = nodes.container(classes=["annotated-code"])
        for run in row.runs:
            code += self._code(run, row)
        classes = ["annotated-row", *(["annotated-definition"] if row.name else [])]
        return nodes.container("", prose, code, classes=classes)

    def _parse(self, lines: list[str], place: nodes.container) -> None:
        content = StringList(lines, source=self.file)
        self.state.nested_parse(content, self.content_offset, place)

    def _napoleon(self, docstring: str) -> list[str]:
        lines = list(plain_to_rst(docstring.split("\n")))
        return NumpyDocstring(lines, self.config, what="function").lines()

    def _comments(self, comments: list[str]) -> list[str]:
        text: list[str] = []
        for line in comments:
            text += ["", f"``{line}``", ""] if SHAPES.match(line) else [line]
        return list(plain_to_rst(text))

    def _equation(self, number: str) -> list[nodes.Node]:
        """Return a formula with its number, a link; where it was shown before, the number alone."""
        link = nodes.inline(classes=["equation-number"], number=number)
        latex = "" if number in self.shown else self.formulas[number]
        self.shown.add(number)
        caption = nodes.paragraph("", "", link, classes=["equation-of-line"])
        if not latex:
            return [caption]
        # each of several formulas, and each "= …" after the first, on a line of its own
        latex = re.sub(r"(=.*)\n(?==)", r"\1 \\\\ ", QUAD.sub(r" \\\\ ", latex))
        if r"\\" in latex:
            latex = rf"\begin{{gathered}} {latex} \end{{gathered}}"
        return [caption, nodes.math_block(latex, latex, nowrap=False, number=None, label=None)]

    def _code(self, run: list[int], row: annotate.Row) -> nodes.literal_block:
        text = "\n".join(self.lines[run[0] - 1 : run[-1]])
        marked = [1] if row.equations and run is row.runs[0] else []
        options = {"linenostart": run[0], "linespans": self.key, "hl_lines": marked}
        return nodes.literal_block(
            text, text, language="python", linenos=True, highlight_args=options
        )


def _fold(docstring: str) -> tuple[str, str, list[str]]:
    """Part what a docstring tells from what one looks up, such as its parameters; with titles."""
    told, *sections = re.split(r"^(?=\w+\n-+$)", docstring, flags=re.M)
    looked_up = [section for section in sections if not section.startswith("Notes")]
    notes = (section for section in sections if section.startswith("Notes"))
    titles = [section.partition("\n")[0] for section in looked_up]
    return "".join([told, *notes]), "".join(looked_up), titles


def _key(file: str) -> str:
    return file.removesuffix(".py").replace("/", "-")


def _name_equations(app: Sphinx, page: nodes.document) -> None:
    if app.env.docname != MATHEMATICS:
        return
    for block in page.findall(nodes.math_block):
        for number in TAG.findall(block.astext()):
            block["ids"].append(f"equation-{number}")
    for section in page.findall(nodes.section):
        first, last = (re.findall(r"\((W\d)\)", section[0].astext()) * 2 + ["", ""])[:2]
        if first:
            section["ids"] += [f"equation-W{n}" for n in range(int(first[1:]), int(last[1:]) + 1)]


def _places(env: BuildEnvironment) -> dict[str, list[tuple[str, str, int]]]:
    """Return the page, the file and the line of each place where an equation is computed."""
    found: dict[str, list[tuple[str, str, int]]] = {}
    for page in sorted(env.found_docs):
        for number, file, line in env.metadata[page].get("equations", ()):
            found.setdefault(number, []).append((page, file, line))
    return found


def _check(app: Sphinx, env: BuildEnvironment) -> None:
    listed, marked = set(annotate.equations()), set(_places(env))
    for number in sorted(listed - marked):
        LOGGER.warning("no line that is shown computes equation (%s)", number, location=MATHEMATICS)
    for number in sorted(marked - listed):
        LOGGER.warning(
            "a line computes (%s), which is not in the table", number, location=MATHEMATICS
        )


def _style(app: Sphinx, page: str, template: str, context: dict, tree: nodes.document) -> None:
    if tree is not None and any(
        "annotated" in box["classes"] for box in tree.findall(nodes.container)
    ):
        app.add_css_file("annotated.css")


def _link(app: Sphinx, page: nodes.document, name: str) -> None:
    here = _Links(app, name)
    for place in list(page.findall(nodes.inline)):
        if "equation-number" in place["classes"]:
            place.replace_self(here.to_equation(place["number"], f"Equation ({place['number']})"))
    for text in list(page.findall(nodes.Text)):
        if NAMED.search(text):
            text.parent.replace(text, here.with_links(text))
    if name == MATHEMATICS:
        _link_formulas(page, here)
        _link_table(page, here)


class _Links:
    """Makes the links of one page."""

    def __init__(self, app: Sphinx, page: str) -> None:
        self.builder, self.page, self.places = app.builder, page, _places(app.env)

    def _to(self, page: str, anchor: str, content: nodes.Node) -> nodes.reference:
        address = "" if page == self.page else self.builder.get_relative_uri(self.page, page)
        return nodes.reference("", "", content, refuri=f"{address}#{anchor}", internal=True)

    def to_equation(self, number: str, text: str) -> nodes.reference:
        return self._to(MATHEMATICS, f"equation-{number}", nodes.Text(text))

    def to_line(self, number: str, content: nodes.Node, file: str = "") -> nodes.Node:
        """Link to the first line that computes an equation, if possible in a file."""
        places = sorted(self.places.get(number, ()), key=lambda place: place[1] != file)
        if not places:
            return content  # `_check` has said so
        page, file, line = places[0]
        return self._to(page, f"{_key(file)}-{line}", content)

    def with_links(self, text: nodes.Text) -> list[nodes.Node]:
        """Make a link of each number in "equations (5) and (6) in docs/mathematics"."""
        found: list[nodes.Node] = []
        for i, part in enumerate(re.split(f"({NAMED.pattern})", text)):
            for j, piece in enumerate(annotate.NUMBER.split(part) if i % 2 else [part]):
                found.append(self.to_equation(piece, f"({piece})") if j % 2 else nodes.Text(piece))
        return found

    def lines_of(self, number: str) -> nodes.paragraph:
        """Say where an equation is computed: "In the code: losses/gram.py, line 44"."""
        words = f"({number}) in the code: " if number.startswith("W") else "In the code: "
        found: list[nodes.Node] = [nodes.Text(words)]
        before = ""
        for page, file, line in self.places.get(number, ()):
            link = self._to(page, f"{_key(file)}-{line}", nodes.Text(f"line {line}"))
            comma = ", " if before == file else f"{'; ' if before else ''}{file}, "
            found += [nodes.Text(comma), link]
            before = file
        return nodes.paragraph("", "", *found, classes=["equation-code"])


def _link_formulas(page: nodes.document, here: _Links) -> None:
    for block in list(page.findall(nodes.math_block)):
        for number in TAG.findall(block.astext()):
            block.parent.insert(block.parent.index(block) + 1, here.lines_of(number))
    for section in page.findall(nodes.section):
        lines = [here.lines_of(n[9:]) for n in section["ids"] if re.match(r"equation-W", n)]
        section.extend(line for line in lines if len(line) > 1)


def _link_table(page: nodes.document, here: _Links) -> None:
    for row in page.findall(nodes.row):
        numbers = annotate.NUMBER.fullmatch(row[0].astext())
        if numbers:
            number = numbers[1]
            row[0][0].children = []
            row[0][0] += here.to_equation(number, f"({number})")
            for function in list(row[4].findall(nodes.literal)):
                file = _file_of(function.astext())
                function.replace_self(here.to_line(number, function.deepcopy(), file))


def _file_of(name: str) -> str:
    """Return the file that defines a function of the table, `losses.gram_matrix`."""
    room, _, function = name.rpartition(".")
    home = getattr(import_module(f"nst_numpy.{room}"), function).__module__
    return home.removeprefix("nst_numpy.").replace(".", "/") + ".py"
