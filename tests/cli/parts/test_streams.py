import io
import sys

import pytest

from nst_numpy.cli.parts.streams import steady_streams


def printed(monkeypatch, text, **options):
    place = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(place, **options))
    with steady_streams() as out:
        print(text)
    assert out.error is None
    sys.stdout.flush()
    return place.getvalue()


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_sign_that_the_terminal_does_not_know_is_a_question_mark(monkeypatch, errors):
    text = printed(monkeypatch, "COMMAND … ∂", encoding="ascii", errors=errors, newline="\n")
    assert text == b"COMMAND ? ?\n"


def test_a_name_that_is_no_utf_8_is_printed_as_it_is(monkeypatch):
    text = printed(monkeypatch, "a\udcff∂.png", encoding="utf-8", newline="\n")
    assert text == b"a\xff\xe2\x88\x82.png\n"


def test_streams_are_put_back(monkeypatch):
    before = sys.stdout, sys.stderr

    def fail():
        with steady_streams():
            assert sys.stdout is not before[0]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (sys.stdout, sys.stderr) == before
