import pytest

from nst_numpy.common.notes import note, quiet_notes


def test_a_note_is_a_line_on_stderr(capsys):
    note("done: ä")
    assert capsys.readouterr() == ("", "done: ä\n")


@pytest.mark.parametrize("quiet", [True, False])
def test_notes_are_left_out_in_a_quiet_block_only(capsys, quiet):
    with quiet_notes(quiet=quiet):
        note("inside")
        with quiet_notes(quiet=False):
            note("deeper")
    note("after")
    inside = "" if quiet else "inside\ndeeper\n"
    assert capsys.readouterr().err == inside + "after\n"


def test_a_block_that_fails_is_no_longer_quiet(capsys):
    with pytest.raises(ZeroDivisionError), quiet_notes():
        1 / 0  # noqa: B018
    note("after")
    assert capsys.readouterr().err == "after\n"


def test_a_stream_that_is_gone_is_no_trouble(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    note("nobody reads this")
