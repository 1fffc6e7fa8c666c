"""The page itself: one template, one style sheet, one script, put into one HTML text."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from nst_numpy.figures.report import term_styles
from nst_numpy.pictures.samples import samples
from nst_numpy.report.parts import allowed
from nst_numpy.settings import Settings
from nst_numpy.styles import STYLES

FOLDER = "nst_numpy.live"
TERMS = 11  # curves that have a colour: more terms no style loss has
SIZE = 256


@cache
def parts() -> tuple[str, str]:
    """Return style sheet and script."""
    environment = _environment()
    return tuple(  # type: ignore[return-value]
        environment.get_template(name).render() for name in ("page.css", "page.js")
    )


@cache
def page() -> str:
    """Return the HTML text; it is the same for all."""
    style, script = parts()
    colours = list(term_styles([str(i) for i in range(TERMS)]).values())
    return (
        _environment()
        .get_template("page.html")
        .render(
            style=style,
            script=script,
            samples=samples(),
            losses=list(STYLES),
            strength=Settings.strength,
            size=SIZE,
            colours=colours,
        )
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


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(FOLDER), autoescape=lambda name: str(name).endswith(".html"),
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
