"""Printing that cannot end the work it speaks of: its reader goes away, a disk is full."""

from typing import Any


class SteadyStream:
    """A stream for what is printed: what goes wrong is kept as `error`, and not raised.

    After the first error nothing more is printed.

    Parameters
    ----------
    stream : text stream or None
        None is a stream that was closed before the program began.

    Examples
    --------
    >>> import io
    >>> gone = io.StringIO()
    >>> gone.close()
    >>> stream = SteadyStream(gone)
    >>> print("nobody reads this", file=stream)
    >>> stream.error
    ValueError('I/O operation on closed file')
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.error: OSError | ValueError | None = None

    def write(self, text: str) -> int:
        """Print; return the number of characters."""
        self._try("write", text)
        return len(text)

    def flush(self) -> None:
        """Print what has been held back so far."""
        self._try("flush")

    def _try(self, what: str, *arguments: str) -> None:
        if self._stream is None or self.error is not None:
            return
        try:
            getattr(self._stream, what)(*arguments)
        except (OSError, ValueError) as error:  # ValueError: it has been closed
            self.error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
