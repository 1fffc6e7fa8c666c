"""Check the built site: every internal link arrives, and nothing is fetched from elsewhere.

    python docs/tools/check_links.py [FOLDER]

No browser is needed. Links to other sites are for the reader to follow, and are not tried.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

SITE = Path(__file__).resolve().parents[1] / "_build" / "html"
FETCHED = {"img", "script", "link", "source", "video", "audio", "iframe"}  # by the page itself
RELATIONS = {"stylesheet", "icon", "preload"}  # of a <link> that a browser follows


class Page(HTMLParser):
    """The names and the links of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: list[tuple[str, str]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what has a name, and what points somewhere."""
        found = {name: value or "" for name, value in attrs}
        self.names |= {found[key] for key in ("id", "name") if key in found}
        if tag == "link" and not RELATIONS & set(found.get("rel", "").split()):
            return
        self.links += [(tag, found[key]) for key in ("href", "src") if key in found]


def complaints(site: Path) -> list[str]:
    """Return a line for each link that goes wrong."""
    pages = {path: Page(path) for path in sorted(site.rglob("*.html"))}
    if not pages:
        return [f"there is no page in {site}: build the site first"]
    wrong = []
    for path, page in pages.items():
        for tag, link in page.links:
            problem = _problem(path, tag, link, pages)
            if problem:
                wrong.append(f"{path.relative_to(site)}: {link}: {problem}")
    return wrong


def _problem(path: Path, tag: str, link: str, pages: dict[Path, Page]) -> str | None:
    parts = urlsplit(link)
    if parts.scheme in ("http", "https") or link.startswith("//"):
        return "is fetched from another site" if tag in FETCHED else None
    if parts.scheme:  # data:, mailto:
        return None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return "is not there"
    name = unquote(parts.fragment)
    if name and target in pages and name not in pages[target].names:
        return f"has no place called {name}"
    return None


def main() -> None:
    """Print the complaints; exit code 1 if there are any."""
    site = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else SITE
    wrong = complaints(site)
    sys.exit("\n".join(wrong) if wrong else None)


if __name__ == "__main__":
    main()
