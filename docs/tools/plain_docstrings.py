"""Docstrings in this package are plain text; a Sphinx extension that makes them reStructuredText.

- Formulas, set off by an indent, become literal blocks.
- `*`, `|` and a trailing `_` mean themselves: (*kernel, C_in, C_out), |x|, cos_. Only words
  between two stars are *emphasised*.
- A list's first line needs no blank line above it.

- M. alone on a line is a number of things, not the thousandth item of a list.

Of `gram, target : ndarray` each name is marked, and the comma is not. "What it is: more of it" at a
property names no type, though napoleon would think so. A parameter that is not a name, a sentence
behind the list for example, is a warning.

And what the pages of the API leave out: links from words in types (an `x` is just an x), and
what named tuples say of their fields ("Alias for field number 0").
"""

import re
from collections.abc import Iterator

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util import logging

# in backticks, or words between two stars
MARKED = re.compile(r"(`+[^`]*`+|(?<![\w(,*])\*[A-Za-z][^*|(),`]*[\w.]\*(?![\w*]))")
ITEM = re.compile(r"^(\s*)(?=[A-Za-z]\.(\s|$))")
COLON = "\N{MODIFIER LETTER COLON}"
NAME = re.compile(r"\*{0,2}\w+")
NAMES = re.compile(rf"{NAME.pattern}(, {NAME.pattern})+")
LOGGER = logging.getLogger(__name__)
MARKUP = re.compile(r"[*|]|_(?![\w(])")


def setup(app: Sphinx) -> dict[str, bool]:
    """Translate before napoleon does."""
    app.connect("autodoc-process-docstring", _process, priority=400)
    app.connect("autodoc-process-docstring", _show_colons, priority=600)
    app.connect("autodoc-skip-member", _skip)
    app.connect("doctree-read", _unlink_types)
    app.connect("doctree-read", _mark_names)
    return {"parallel_read_safe": True}


def _process(app, what, name, obj, options, lines: list[str]) -> None:
    lines[:] = list(plain_to_rst(lines))
    if what == "property":
        lines[:] = [line.replace(":", COLON) for line in lines]


def _show_colons(app, what, name, obj, options, lines: list[str]) -> None:
    lines[:] = [line.replace(COLON, ":") for line in lines]


def _skip(app, what, name, obj, skip, options) -> bool | None:
    alias = str(getattr(obj, "__doc__", "")).startswith("Alias for field number")
    return True if alias else None


def _unlink_types(app: Sphinx, page: nodes.document) -> None:
    for link in list(page.findall(pending_xref)):
        if link.get("refspecific"):  # made of a word, not of backticks
            link.replace_self(link.children)


def _mark_names(app: Sphinx, page: nodes.document) -> None:
    for text in list(page.findall(nodes.Text)):
        if re.match(r"\)? -- ", text):  # what napoleon puts between a name and what it is
            text.parent.replace(text, nodes.Text(text.replace(" -- ", " – ", 1)))
    for names in list(page.findall(nodes.strong)):
        if NAMES.fullmatch(names.astext()):
            parts: list[nodes.Node] = []
            for name in names.astext().split(", "):
                parts += [nodes.Text(", "), nodes.strong("", name)]
            names.replace_self(parts[1:])
    for field in page.findall(nodes.field):
        if field[0].astext() in ("Parameters", "Attributes"):
            _check_names(field)


def _check_names(field: nodes.field) -> None:
    for entry in field[1].findall(nodes.paragraph):
        if isinstance(entry[0], nodes.strong) and not NAME.fullmatch(entry[0].astext()):
            LOGGER.warning("%r is no name of a parameter", entry[0].astext(), location=field)


def plain_to_rst(lines: list[str]) -> Iterator[str]:
    r"""Translate a docstring, without its indent, line by line.

    >>> list(plain_to_rst(["Of (*sizes, C):", "", "    y = a_*x", "", "Done."]))
    ['Of (\\*sizes, C):', '', '::', '', '    y = a_*x', '', 'Done.']
    """
    before, literal, example = "", False, False
    for line in lines:
        blank, indented = not line.strip(), line.startswith("    ")
        if literal and not blank and not indented:
            literal = False
        if line.lstrip().startswith(">>>"):
            example = True
        elif blank:
            example = False
        if indented and not before.strip() and not literal and not example:
            literal = True
            yield from ("::", "")
        if re.match(r"\s*- ", line) and before.strip() and not re.match(r"\s*(- |  )", before):
            yield ""
        yield line if literal or example else _escape(line)
        before = line


def _escape(line: str) -> str:
    parts = MARKED.split(line)
    # every second part is marked
    parts[::2] = [MARKUP.sub(lambda match: "\\" + match[0], part) for part in parts[::2]]
    return ITEM.sub(r"\1\\", "".join(parts))
