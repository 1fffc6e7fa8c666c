"""A Sphinx extension: the page that computes, on the page about it."""

from pathlib import Path

from sphinx.application import Sphinx

from nst_numpy.report import explore_page

PAGE, NAME = "docs/explore", "explore_castle.html"
FRAME = (
    '<iframe title="The castle in the first layers of the network" src="{name}" width="100%" '
    'height="760"></iframe>\n<p><a href="{name}">This page alone</a>.</p>\n'
)


def setup(app: Sphinx) -> dict[str, bool]:
    """Show it below the heading, and write it at the end."""
    app.connect("html-page-context", _show)
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True}


def _show(app, page, template, context, tree) -> None:
    if page == PAGE:
        heading, end, rest = context["body"].partition("</h1>\n")
        context["body"] = heading + end + FRAME.format(name=NAME) + rest


def _write(app: Sphinx, error: Exception | None) -> None:
    if not error and app.builder.name == "html":
        explore_page("neuschwanstein").save(Path(app.outdir, PAGE).with_name(NAME))
