"""Docstrings in this package are plain text; a Sphinx extension that makes them reStructuredText.

- Formulas, set off by an indent, become literal blocks.
- `*`, `|` and a trailing `_` mean themselves: (*kernel, C_in, C_out), |x|, cos_.
- A list's first line needs no blank line above it.

And what the pages of the API leave out: links from words in types (an `x` is just an x), and
what named tuples say of their fields ("Alias for field number 0").
"""

import re
from collections.abc import Iterator

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

QUOTED = re.compile(r"(`+[^`]*`+)")
MARKUP = re.compile(r"[*|]|_(?![\w(])")


def setup(app: Sphinx) -> dict[str, bool]:
    """Translate before napoleon does."""
    app.connect("autodoc-process-docstring", _process, priority=400)
    app.connect("autodoc-skip-member", _skip)
    app.connect("doctree-read", _unlink_types)
    return {"parallel_read_safe": True}


def _process(app, what, name, obj, options, lines: list[str]) -> None:
    lines[:] = list(plain_to_rst(lines))


def _skip(app, what, name, obj, skip, options) -> bool | None:
    alias = str(getattr(obj, "__doc__", "")).startswith("Alias for field number")
    return True if alias else None


def _unlink_types(app: Sphinx, page: nodes.document) -> None:
    for link in list(page.findall(pending_xref)):
        if link.get("refspecific"):  # made of a word, not of backticks
            link.replace_self(link.children)


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
    parts = QUOTED.split(line)
    # every second part is in backticks
    parts[::2] = [MARKUP.sub(lambda match: "\\" + match[0], part) for part in parts[::2]]
    return "".join(parts)
