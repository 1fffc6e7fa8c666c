"""Open every page of the built site in headless Chromium, on a desk and on a phone.

    python docs/tools/browse.py [FOLDER]

A page fails if it writes an error to the console, asks for anything outside the site, shows a
picture that did not load or a formula that was not set, is wider than the phone, or on the desk has
code that is cut at the right. One search must find what it should. Screenshots of all pages go to
docs/_build/screenshots/.
"""

import functools
import http.server
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Route, sync_playwright

BUILD = Path(__file__).resolve().parents[1] / "_build"
NAMES = ("chromium", "chromium-browser", "google-chrome")
SCREENS = {"desk": (1280, 900), "phone": (360, 740)}
START, HOME = "index.html", "docs/index.html"  # the first leads to the second
SEARCH = ("Gram matrix", "docs/glossary.html")
TALLEST = 8000  # of a screenshot, in pixels

LOADED = """() => new Promise(done => {
  document.querySelectorAll("img").forEach(image => { image.loading = "eager" });
  const typeset = window.MathJax?.startup?.promise ?? Promise.resolve();
  const images = [...document.images].map(image => image.decode().catch(() => null));
  Promise.all([typeset, ...images]).then(() => done(true));
})"""
PROBLEMS = """() => {
  const wrong = [];
  for (const image of document.images)
    if (!image.naturalWidth) wrong.push("picture not shown: " + image.src);
  for (const formula of document.querySelectorAll(".math"))
    if (!formula.querySelector("mjx-container svg"))
      wrong.push("formula not set: " + formula.textContent.slice(0, 60));
  for (const error of document.querySelectorAll("[data-mml-node=merror]"))
    wrong.push("formula with an error: " + error.textContent.slice(0, 60));
  for (const code of document.querySelectorAll("pre"))
    if (innerWidth >= CODE_FITS && code.scrollWidth > code.clientWidth)
      wrong.push("code is cut: " + code.textContent.slice(0, 60));
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth)
    wrong.push(`${page.scrollWidth} pixels wide on a screen of ${page.clientWidth}`);
  for (const part of document.querySelectorAll(".content"))
    if (part.scrollWidth > part.clientWidth) wrong.push("what is on the page is wider than it");
  return wrong;
}""".replace("CODE_FITS", str(SCREENS["desk"][0]))


def main() -> None:
    """Print the complaints; exit code 1 if there are any."""
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        sys.exit(f"no Chromium: none of {', '.join(NAMES)} is installed; the site was not opened")
    site = Path(sys.argv[1]) if len(sys.argv) > 1 else BUILD / "html"
    pages = sorted(str(path.relative_to(site)) for path in site.rglob("*.html"))
    if not pages:
        sys.exit(f"there is no page in {site}: build the site first, with nox -s docs")
    pages.remove(START)
    wrong: list[str] = []
    with served(site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        windows = [Window(browser, address, screen) for screen in SCREENS]
        for window in windows:
            for page in pages:
                wrong += look(window, page)
        wrong += start(windows[0]) + search(windows[0])
        browser.close()
    print(f"{len(pages)} pages, each on {len(SCREENS)} screens; {len(wrong)} complaints")
    sys.exit("\n".join(wrong) if wrong else None)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine alone."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that prints nothing."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class Window:
    """A window of one size; it collects what pages complain of and what they ask others for."""

    def __init__(self, browser: Browser, address: str, screen: str) -> None:
        width, height = SCREENS[screen]
        self.address, self.screen, self.width = address, screen, width
        self.wrong: list[str] = []
        self.tab = browser.new_page(viewport={"width": width, "height": height})
        self.tab.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.tab.on("console", self._console)
        self.tab.route("**/*", self._only_here)

    def open(self, page: str) -> None:
        """Go to a page of the site."""
        self.wrong = []
        self.tab.goto(self.address + page)

    def _console(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.wrong.append(f"console: {said.text}")

    def _only_here(self, route: Route) -> None:
        if route.request.url.startswith((self.address, "data:")):
            route.continue_()
        else:
            self.wrong.append(f"asks for {route.request.url}")
            route.abort()


def look(window: Window, page: str) -> list[str]:
    """Return what is wrong with a page on a screen, and take a picture of it."""
    window.open(page)
    tab = window.tab
    tab.evaluate(LOADED)
    window.wrong += tab.evaluate(PROBLEMS)
    target = BUILD / "screenshots" / window.screen / f"{page.replace('/', '.')}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    height = min(tab.evaluate("document.body.scrollHeight"), TALLEST)
    clip = {"x": 0, "y": 0, "width": window.width, "height": height}
    tab.screenshot(path=target, full_page=True, clip=clip)
    return [f"{page} ({window.screen}): {problem}" for problem in window.wrong]


def start(window: Window) -> list[str]:
    """See whether the site's address leads to its first page."""
    window.open(START)
    window.tab.wait_for_url(window.address + HOME, timeout=60_000)
    return [f"{START}: {problem}" for problem in window.wrong]


def search(window: Window) -> list[str]:
    """Type into the search field, and see what is found."""
    words, expected = SEARCH
    window.open(HOME)
    tab = window.tab
    tab.locator("input.sidebar-search").fill(words)
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#search-results ul.search li a", timeout=60_000)
    tab.wait_for_timeout(3000)  # results come one after another
    links = tab.eval_on_selector_all("ul.search li a", "found => found.map(a => a.href)")
    if not any(expected in link for link in links):
        window.wrong.append(f"{expected} is not among {len(links)} results")
    return [f"search for {words!r}: {problem}" for problem in window.wrong]


if __name__ == "__main__":
    main()
