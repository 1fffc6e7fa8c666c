"""Lines on stderr that say what was done on the way, unless somebody wants none."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from nst_numpy.common.streams import SteadyStream

_quiet = ContextVar("quiet", default=False)


def note(text: str) -> None:
    """Print a line on stderr; nothing where `quiet_notes` holds.

    Parameters
    ----------
    text : str
        Without its newline.
    """
    if not _quiet.get():
        print(text, file=SteadyStream(sys.stderr))


@contextmanager
def quiet_notes(*, quiet: bool = True) -> Iterator[None]:
    """Print no notes in the block, in this thread; if `quiet` is False, do nothing."""
    before = _quiet.set(quiet or _quiet.get())
    try:
        yield
    finally:
        _quiet.reset(before)
