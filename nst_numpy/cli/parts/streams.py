"""Where a command prints: on any terminal, to a pipe that nobody reads, to a full disk."""

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nst_numpy.common.streams import SteadyStream

ON_ANY_TERMINAL = "nst_numpy.on_any_terminal"


@contextmanager
def steady_streams() -> Iterator[SteadyStream]:
    """Let nothing that is printed end the work; yield the standard output.

    A sign that the terminal does not know, ∂ in cp1252 say, is printed as ?; bytes of a file
    name that are no UTF-8 are printed as they are.
    """
    _fill_standard_places()
    codecs.register_error(ON_ANY_TERMINAL, _on_any_terminal)
    kept = sys.stdout, sys.stderr
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors != "replace":
        sys.stdout.reconfigure(errors=ON_ANY_TERMINAL)
    out = SteadyStream(sys.stdout)
    sys.stdout, sys.stderr = out, SteadyStream(sys.stderr)
    try:
        yield out
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if out.error is not None:
            _forget_what_is_held_back(kept[0])
        sys.stdout, sys.stderr = kept


def _on_any_terminal(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return b"".join(
        bytes([ord(sign) - 0xDC00]) if "\udc80" <= sign <= "\udcff" else b"?" for sign in signs
    ), error.end


def _fill_standard_places() -> None:
    """Open what was closed: else the next file would get the number of the standard error."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free


def _forget_what_is_held_back(stream: Any) -> None:
    """Keep Python from trying once more, and complaining, when it ends."""
    try:
        number = stream.fileno()
    except (OSError, ValueError, AttributeError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
