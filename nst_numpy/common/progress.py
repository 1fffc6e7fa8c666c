"""Progress bars: on a terminal and in a notebook they move; in a log they are a line a minute."""

import sys
import time
import warnings
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

from nst_numpy.common.streams import SteadyStream

EVERY = 60.0  # seconds between two lines of a log
LINE = "{desc}{percentage:3.0f}% {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
# of a bar whose steps are no things that one could count
SHARE = "{desc}{percentage:3.0f}%|{bar}| [{elapsed}<{remaining}{postfix}]"
SHARE_LINE = SHARE.replace("|{bar}|", "")


def bar(
    unit: str, items: Iterable[Any] | None = None, *, total: float | None = None,
    shown: bool = True, counted: bool = True, **options: Any,
) -> "tqdm[Any]":  # fmt: skip
    """Make a bar on the standard error; one that nobody can read any more ends nothing.

    Parameters
    ----------
    unit : str
        What a step is: "it", "picture".
    items : iterable, optional
        To go through, a step each. Without it `update` does a step.
    total : float, optional
        Steps in all, if items do not say it.
    shown : bool
    counted : bool
        Whether the steps are counted. Else only their share of all is told, and the time left.
    **options
        `desc`, `leave` and others of tqdm.

    Examples
    --------
    >>> [letter for letter in bar("letter", "ab", shown=False)]
    ['a', 'b']
    """
    options |= {"unit": unit, "total": total, "disable": not shown}
    if in_notebook():
        return _notebook_bar()(items, **options | ({} if counted else {"bar_format": SHARE}))
    stream: Any = SteadyStream(sys.stderr)
    if is_live(sys.stderr):
        # tqdm asks for the width of the terminal again only where it may change
        options |= {} if counted else {"bar_format": SHARE}
        return tqdm(items, file=stream, dynamic_ncols=True, **options)
    return _Lines(items, file=stream, bar_format=LINE if counted else SHARE_LINE, **options)


def is_live(stream: Any) -> bool:
    """Whether a line that is printed can be replaced: on a terminal, in a notebook."""
    try:
        return in_notebook() or bool(stream.isatty())
    except (AttributeError, ValueError):  # there is none, or it has been closed
        return False


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this program."""
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    return hasattr(get_shell(), "kernel")


def _notebook_bar() -> Any:
    """Return tqdm's bar of a notebook; where ipywidgets is missing, its line of text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that ipywidgets is missing
        from tqdm.auto import tqdm as auto
    return auto


class _Lines(tqdm):  # type: ignore[misc]  # tqdm has no types
    """A bar for a log: whole lines, at most one a minute, and one at the end."""

    def __init__(self, items: Iterable[Any] | None, *, file: Any, **options: Any) -> None:
        self._last = time.monotonic()
        if options.get("desc"):
            options["desc"] += ": "
        super().__init__(items, file=_WholeLines(file), **options)

    def refresh(self, *lock: Any, **locks: Any) -> Any:
        """Write a line, if the last one is a minute old."""
        if time.monotonic() - self._last < EVERY:
            return False
        self._last = time.monotonic()
        return super().refresh(*lock, **locks)


class _WholeLines:
    """A stream that tqdm writes a line to by going back to its beginning."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        line = text.replace("\x1b[A", "").strip()
        if line:
            self._stream.write(f"{line}\n")

    def flush(self) -> None:
        self._stream.flush()
