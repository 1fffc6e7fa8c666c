import os
import signal
import threading
import time

import pytest

from nst_numpy.cli.parts import stopping
from nst_numpy.cli.parts.stopping import held, listening
from tests import posix


def press(name="SIGINT"):
    signal.raise_signal(getattr(signal, name))


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("SIGINT", 130, "stopped by Ctrl-C"),
        ("SIGTERM", 143, "stopped by SIGTERM"),
        pytest.param("SIGHUP", 129, "stopped by SIGHUP", marks=posix),
    ],
)
def test_a_signal_is_an_interrupt_with_a_name(name, code, message):
    before = signal.getsignal(getattr(signal, name))
    with listening() as found:
        with pytest.raises(KeyboardInterrupt, match=f"^{message}$"):
            press(name)
        assert found.exit_code == code
    assert signal.getsignal(getattr(signal, name)) is before


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with listening() as found:
            press("SIGTERM")
        assert found.signal is None
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_same_press_counts_once_and_a_later_one_again(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with listening():
        with pytest.raises(KeyboardInterrupt):
            press()
        press("SIGTERM")  # `timeout` sends its signal to the group as well
        now[0] += stopping.ONCE
        with pytest.raises(KeyboardInterrupt, match="Ctrl-C"):  # what came first
            press("SIGTERM")


def test_what_is_held_ends_and_stops_then():
    done = []

    def write():
        with held():
            with held():
                press()
            done.append("inner")
        done.append("after")

    with listening(), pytest.raises(KeyboardInterrupt):
        write()
    assert done == ["inner"]


def test_an_error_inside_what_is_held_is_the_one_that_is_raised():
    def write():
        with held():
            press()
            raise ZeroDivisionError

    with listening(), pytest.raises(ZeroDivisionError):
        write()


class Pressing:
    """Ctrl-C arrives while this is thrown away."""

    def __del__(self):
        press()


def test_an_interrupt_in_a_finalizer_is_not_lost():
    def wait():
        thing = Pressing()
        del thing
        threading.Event().wait(20)  # of seconds

    begun = time.monotonic()
    with listening() as found:
        with pytest.raises(KeyboardInterrupt):
            wait()
        if os.name == "posix":  # elsewhere it comes when the waiting is over
            assert time.monotonic() - begun < 10
        assert found.signal == signal.SIGINT


def test_at_the_end_nothing_is_listened_to():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        with listening(until_the_program_ends=True) as found:
            pass
        press("SIGTERM")
        press("SIGINT")
        assert found.signal is None
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
