import pytest

from nst_numpy.cli import COMMANDS
from tests.cli.conftest import nst, one_line


def test_help_without_a_command_lists_them(capsys):
    assert nst("help") == 0
    listed = capsys.readouterr().out
    assert nst("--help") == 0
    assert capsys.readouterr().out == listed
    assert all(f"\n  {name} " in listed for name in COMMANDS)


@pytest.mark.parametrize(
    "words", [("transfer",), ("course",), ("course", "grade"), ("help",), ("weights",)]
)
def test_it_is_what_the_command_says_of_itself(capsys, words):
    assert nst("help", *words) == 0
    told = capsys.readouterr().out
    assert nst(*words, "--help") == 0
    assert capsys.readouterr().out == told
    assert told.startswith(f"usage: nst {' '.join(words)} ")


def test_what_is_only_a_choice_is_told_by_the_command(capsys):
    assert nst("help", "weights", "verify") == 0
    assert capsys.readouterr().out.startswith("usage: nst weights ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("trasnfer",), "unknown command 'trasnfer': did you mean transfer or trace?"),
        (("course", "gade"), "unknown command of nst course: 'gade': did you mean grade?"),
        (
            ("weights", "mend"),
            "unknown command of nst weights: 'mend': choose from info, verify, convert",
        ),
        (("dream", "x"), "nst dream has no commands of its own: leave out 'x'"),
        (
            ("course", "grade", "all"),
            "nst course grade has no commands of its own: leave out 'all'",
        ),
    ],
)
def test_a_misspelt_command_is_one_line(capsys, words, message):
    assert nst("help", *words) == 2
    assert one_line(capsys) == f"nst: {message}"
