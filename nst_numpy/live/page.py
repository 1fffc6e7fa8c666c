"""The page itself: one template, one style sheet, one script, put into one HTML text."""

from functools import cache

from nst_numpy.figures.report import term_styles
from nst_numpy.pictures.samples import samples
from nst_numpy.report.parts import allowed, render
from nst_numpy.settings import Settings
from nst_numpy.styles import STYLES

ROOM = "nst_numpy.live"
TERMS = 11  # curves that have a colour: more terms no style loss has
SIZE = 256


@cache
def parts() -> tuple[str, str]:
    """Return style sheet and script."""
    return render("page.css", ROOM), render("page.js", ROOM)


@cache
def page() -> str:
    """Return the HTML text; it is the same for all."""
    style, script = parts()
    colours = list(term_styles([str(i) for i in range(TERMS)]).values())
    return render(
        "page.html",
        ROOM,
        style=style,
        script=script,
        samples=samples(),
        losses=list(STYLES),
        strength=Settings.strength,
        size=SIZE,
        colours=colours,
    )


@cache
def policy() -> str:
    """Return the Content-Security-Policy: this style and script by their hashes, and no other.

    >>> "unsafe" in policy(), "http" in policy()
    (False, False)
    """
    style, script = parts()
    rules = {
        "default-src": "'none'", "style-src": allowed(style), "script-src": allowed(script),
        "img-src": "'self' data: blob:", "connect-src": "'self'", "base-uri": "'none'",
        "form-action": "'none'", "frame-ancestors": "'none'",
    }  # fmt: skip
    return "; ".join(f"{name} {value}" for name, value in rules.items())
