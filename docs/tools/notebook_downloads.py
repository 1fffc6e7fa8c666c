"""A Sphinx extension: each tutorial is also a notebook, and its page links to it."""

import re
from pathlib import Path

import jupytext
from sphinx.application import Sphinx

TUTORIAL = re.compile(r"tutorials/(\d\d_\w+)")
LINK = (
    '<p class="notebook">Run it yourself: '
    '<a href="{name}.ipynb" download>this page as a notebook</a>.</p>\n'
)


def setup(app: Sphinx) -> dict[str, bool]:
    """Link on each page, and write the notebooks at the end."""
    app.connect("html-page-context", _link)
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True}


def _link(app, page, template, context, tree) -> None:
    match = TUTORIAL.fullmatch(page)
    if match:
        heading, end, rest = context["body"].partition("</h1>\n")
        context["body"] = heading + end + LINK.format(name=match[1]) + rest


def _write(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.name != "html":
        return
    for page in sorted(app.env.found_docs):
        if TUTORIAL.fullmatch(page):
            notebook = jupytext.read(Path(app.srcdir, f"{page}.md"))
            jupytext.write(notebook, Path(app.outdir, f"{page}.ipynb"))
