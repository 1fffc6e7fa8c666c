import errno

import pytest

from nst_numpy.common.streams import SteadyStream


class Breaking:
    """A stream that takes one line, and then fails."""

    encoding = "utf-8"

    def __init__(self, error):
        self.error, self.lines = error, []

    def write(self, text):
        if self.lines:
            raise self.error
        self.lines.append(text)

    flush = None


@pytest.mark.parametrize(
    "error", [BrokenPipeError(), OSError(errno.ENOSPC, "full"), ValueError("closed file")]
)
def test_what_goes_wrong_is_kept_and_nothing_more_is_printed(error):
    inner = Breaking(error)
    stream = SteadyStream(inner)
    assert [stream.write(text) for text in ("one", "three", "seven")] == [3, 5, 5]
    assert (inner.lines, stream.error) == (["one"], error)


def test_another_error_is_not_kept():
    inner = Breaking(ZeroDivisionError())
    stream = SteadyStream(inner)
    stream.write("one")
    with pytest.raises(ZeroDivisionError):
        stream.write("two")


def test_a_stream_that_was_closed_before_takes_everything():
    stream = SteadyStream(None)
    print("nobody reads this", file=stream, flush=True)
    assert stream.error is None


def test_it_answers_as_the_stream_does():
    assert SteadyStream(Breaking(None)).encoding == "utf-8"
