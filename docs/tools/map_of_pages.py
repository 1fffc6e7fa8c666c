"""A Sphinx directive: a list of pages, each with its first sentence.

    ```{map-of-pages}
    tutorials/[0-9]*
    docs/judge | Four numbers about a picture, whoever painted it.
    ```

Where a page does not begin by saying what it is for, a line has the sentence.

Every page of the site must be in one list: one that is in none, one that is in two, and a pattern
that no page has are warnings, as is a page that begins without a sentence.
"""

import re
from fnmatch import fnmatchcase

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

SENTENCE = re.compile(r"(.+?)([.!]|:$)(?=\s|$)", re.S)  # a question goes on to its answer
LOGGER = logging.getLogger(__name__)


class pages(nodes.General, nodes.Element):  # noqa: N801, as docutils names its nodes
    """The place of a list, until all pages are read."""


class MapOfPages(SphinxDirective):
    """Remember which pages are wanted here."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Leave a place for the list."""
        lines = [re.split(r"\s+\|\s+", line.strip()) for line in self.content if line.strip()]
        self.env.metadata[self.env.docname].setdefault("map", []).extend(lines)
        return [pages(lines=lines)]


def setup(app: Sphinx) -> dict[str, bool]:
    """Note each page's first sentence as it is read, and make the lists when all are."""
    app.add_directive("map-of-pages", MapOfPages)
    app.add_node(pages)
    app.connect("doctree-read", _note_sentence)
    app.connect("env-check-consistency", _check)
    app.connect("doctree-resolved", _list)
    return {"parallel_read_safe": True}


def first_sentence(page: nodes.document) -> str:
    """Return the first sentence of a page's first paragraph, as plain text."""
    paragraph = next(page.findall(nodes.paragraph), None)
    found = SENTENCE.match(paragraph.astext()) if paragraph else None
    return f"{' '.join(found[1].split())}." if found else ""


def _note_sentence(app: Sphinx, page: nodes.document) -> None:
    app.env.metadata[app.env.docname]["sentence"] = first_sentence(page)


def _matching(env: BuildEnvironment, pattern: str) -> list[str]:
    return sorted(name for name in env.found_docs if fnmatchcase(name, pattern))


def _check(app: Sphinx, env: BuildEnvironment) -> None:
    listed: list[str] = []
    home = ""
    for name in env.found_docs:
        for pattern, *own in env.metadata[name].get("map", ()):
            home, found = name, _matching(env, pattern)
            listed += found
            for target in found if own else ():
                env.metadata[target]["sentence"] = own[0]
            if not found:
                LOGGER.warning("no page is called %s", pattern, location=name)
    for name in sorted(env.found_docs - {home, env.config.root_doc}):
        if listed.count(name) != 1:
            LOGGER.warning("%s is in %d lists of %s", name, listed.count(name), home)
        if not env.metadata[name]["sentence"]:
            LOGGER.warning("the page does not begin with a sentence", location=name)


def _list(app: Sphinx, page: nodes.document, name: str) -> None:
    for place in list(page.findall(pages)):
        items = [
            _item(app, name, target)
            for pattern, *_ in place["lines"]
            for target in _matching(app.env, pattern)
        ]
        place.replace_self(nodes.bullet_list("", *items))


def _item(app: Sphinx, here: str, target: str) -> nodes.list_item:
    title = nodes.strong("", app.env.titles[target].astext())
    link = make_refnode(app.builder, here, target, "", title)
    sentence = app.env.metadata[target]["sentence"]
    return nodes.list_item("", nodes.paragraph("", "", link, nodes.Text(f" – {sentence}")))
