"""Ctrl-C and the system's signals: a command is asked to end, and saves what it has.

SIGTERM comes from `timeout`, from a batch system, and when a machine shuts down; SIGHUP when the
terminal is closed. They become what Ctrl-C is in Python, a KeyboardInterrupt, and so a command
that writes the picture so far after Ctrl-C does it after them too.
"""

import _thread
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

ASKS = {"SIGINT": "Ctrl-C", "SIGTERM": "SIGTERM", "SIGHUP": "SIGHUP"}
ONCE = 1.0  # seconds: `timeout` sends its signal twice, and a key repeats
AGAIN = 0.02  # seconds until an interrupt that was lost is raised again


class Stopping:
    """Who asks a command to end, and when it does.

    Attributes
    ----------
    signal : int or None
        The first one that came.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._raised = -ONCE
        self._holders = 0
        self._held = False
        self._in_hook = False

    @property
    def name(self) -> str:
        """What came, in words."""
        return ASKS["SIGINT" if self.signal is None else signal.Signals(self.signal).name]

    @property
    def exit_code(self) -> int:
        """130 for Ctrl-C, 143 for SIGTERM, as shells have it."""
        return 128 + (signal.SIGINT if self.signal is None else self.signal)

    def arrived(self, number: int, frame: FrameType | None) -> None:
        """Note a signal; end what is under way, unless it is held or has just been told."""
        if self._in_hook:
            return
        self.signal = number if self.signal is None else self.signal
        if self._holders:
            self._held = True
        elif time.monotonic() - self._raised >= ONCE:
            self._raise()

    def _raise(self) -> None:
        self._raised = time.monotonic()
        raise KeyboardInterrupt(f"stopped by {self.name}")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Do the block to its end, and let a signal that came meanwhile stop what follows."""
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
        if self._held and not self._holders:
            self._held = False
            self._raise()

    def lost(self, unraisable: Any, otherwise: Callable[[Any], object]) -> None:
        """Raise an interrupt again that came where Python drops it: in a finalizer, say."""
        if not isinstance(unraisable.exc_value, KeyboardInterrupt):
            otherwise(unraisable)
            return
        self._in_hook = True  # an exception could not leave from here either
        try:
            self._raised = -ONCE
            _thread.start_new_thread(self._raise_again, ())
        finally:
            self._in_hook = False

    def _raise_again(self) -> None:
        """Interrupt the main thread from another one, a moment later."""
        time.sleep(AGAIN)
        while self._in_hook:
            time.sleep(AGAIN)
        if current is not self:
            return
        if hasattr(signal, "pthread_kill"):  # it wakes a main thread that waits, too
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        else:
            _thread.interrupt_main()


current = Stopping()


@contextmanager
def listening(*, until_the_program_ends: bool = False) -> Iterator[Stopping]:
    """Listen to the signals while a command runs.

    Parameters
    ----------
    until_the_program_ends : bool
        Whether nothing follows: then a signal that comes later is not listened to.
    """
    global current
    outer, current = current, Stopping()
    before: dict[str, Any] = {}
    hook = sys.unraisablehook
    try:
        if threading.current_thread() is threading.main_thread():
            for name in ASKS:
                _listen_to(name, current, before)
            sys.unraisablehook = partial(current.lost, otherwise=hook)
        yield current
    finally:
        for name, handler in before.items():
            # a handler of Python's would be taken away before the program's very end
            after = signal.SIG_IGN if until_the_program_ends else handler
            signal.signal(getattr(signal, name), after)
        sys.unraisablehook, current = hook, outer


def _listen_to(name: str, stopping: Stopping, before: dict[str, Any]) -> None:
    number = getattr(signal, name, None)  # Windows has no SIGHUP
    # what is ignored stays so: nohup does it, and a shell for what runs in the background
    if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
        before[name] = signal.signal(number, stopping.arrived)


def held() -> Any:
    """Do the block to its end, whoever asks the command to stop meanwhile."""
    return current.held()
