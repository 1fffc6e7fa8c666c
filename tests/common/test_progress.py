import io
import re
import sys
import types
from pathlib import Path

import pytest

from nst_numpy.common import progress
from nst_numpy.common.progress import bar, is_live


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that is moved by hand."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def log(capsys):
    """Read what has come to the standard error, which is no terminal in a test."""
    return lambda: capsys.readouterr().err


def test_a_log_has_a_line_a_minute_and_one_at_the_end(log, clock):
    with bar("it", total=300) as steps:
        for _ in range(300):  # ten minutes
            clock[0] += 2
            steps.set_postfix_str(f"loss {clock[0]:.0f}")  # asks to be drawn each time
            steps.last_print_t = 0  # long enough ago for tqdm
            steps.update()
    written = log()
    lines = written.splitlines(keepends=True)
    assert len(lines) == 11
    assert all(line.endswith("\n") and line.strip() for line in lines)
    assert lines[0].startswith("10% 29/300 [")
    assert "300/300 [" in lines[-1]
    assert "loss 1600]" in lines[-1]
    assert not {"\r", "\x1b", "█", "|"} & set(written)


def test_a_short_run_is_one_line(log):
    assert list(bar("picture", "abc")) == list("abc")
    (line,) = log().splitlines()
    assert line.startswith("100% 3/3 [")


def test_a_bar_that_is_not_to_stay_leaves_nothing(log):
    assert list(bar("check", iter("abc"), leave=False)) == list("abc")
    assert log() == ""


def test_one_within_another_has_whole_lines_too(log):
    with bar("it", total=1, desc="outer") as outer, bar("it", total=1, desc="inner") as inner:
        inner.update()
        outer.update()
    assert [line[:7] for line in log().split("\n")] == ["inner: ", "outer: ", ""]


def test_a_terminal_has_a_bar_that_moves(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert list(bar("picture", "abc")) == list("abc")
    drawn = sys.stderr.getvalue()
    assert drawn.startswith("\r  0%|")
    assert "\r100%|####" in drawn


def test_what_is_not_shown_prints_nothing(log):
    assert list(bar("picture", "abc", shown=False)) == list("abc")
    with bar("it", total=2, shown=False) as steps:
        steps.update()
    assert log() == ""


def test_a_log_that_nobody_reads_any_more_ends_nothing(monkeypatch):
    class Gone:
        def write(self, text):
            raise BrokenPipeError

        flush = write

    monkeypatch.setattr(sys, "stderr", Gone())
    assert list(bar("picture", "abc")) == list("abc")


def test_terminals_and_notebooks_are_live(monkeypatch):
    closed = io.StringIO()
    closed.close()
    assert [is_live(each) for each in (Terminal(), io.StringIO(), None, closed)] == [
        *(True, False, False, False)
    ]
    shell = types.SimpleNamespace(kernel="it")
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert is_live(io.StringIO())
    del shell.kernel  # IPython in a shell, its output in a file
    assert not is_live(io.StringIO())


def test_every_bar_is_made_here():
    files = Path(progress.__file__).parents[1].rglob("*.py")
    made = [path.name for path in files if re.search(r"\btqdm\(", path.read_text("utf-8"))]
    assert made == ["progress.py"]


def test_a_bar_that_does_not_count_tells_the_share_and_the_time_left(log, clock, monkeypatch):
    with bar("", total=8.0, counted=False) as steps:
        clock[0] += 100
        steps.last_print_t = 0
        steps.update(2.5)
        steps.update(5.5)
    first, last = log().splitlines()
    assert re.fullmatch(r"31% \[[\d:]+<[\d:]+\]", first)
    assert re.fullmatch(r"100% \[[\d:]+<00:00\]", last)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with bar("", total=1.0, counted=False) as steps:
        steps.update(1.0)
    assert re.search(r"100%\|[█#]+\| \[[\d:]+<00:00\]", terminal.getvalue())
