import argparse
import re

import pytest

from nst_numpy.cli import COMMANDS
from nst_numpy.cli.parts.parser import Parser, family
from tests.cli.conftest import nst

PAINT = ("transfer", "chelsea", "horse", "-o", "o.png")


def last_line(capsys, *words):
    assert nst(*words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: nst")
    return err.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "end"),
    [
        ((*PAINT, "--siz", "64"), "unrecognized arguments: --siz 64: did you mean --size?"),
        ((*PAINT, "--siz=64"), "unrecognized arguments: --siz=64: did you mean --size?"),
        ((*PAINT, "--SIZE", "64"), ": --SIZE 64: did you mean --size?"),
        ((*PAINT, "-size", "64"), ": -size 64: did you mean --size?"),
        ((*PAINT, "--style_size", "64"),
         ": did you mean --style-size or --style-mask or --style-loss?"),
        ((*PAINT, "--snap", "3"), ": did you mean --snapshot-every or --snapshot-folder?"),
        ((*PAINT, "-q"), "unrecognized arguments: -q: did you mean --quiet or --quality?"),
        (
            (*PAINT, "--siz", "64", "--quite"),
            ": --siz 64 --quite; --siz: did you mean --size?; "
            "--quite: did you mean --quiet or --quality?",
        ),
        ((*PAINT, "--xyzzy"), "unrecognized arguments: --xyzzy"),
        (
            ("dream", "relu1_1", "3", "--outptu", "o.png"),
            "are required: -o/--output; --outptu: did you mean --output?",
        ),
        (
            ("transfer", "chelsea", "horse", "-output", "o.png"),
            "unrecognized arguments: o.png; -output: did you mean --output?",
        ),
        (("course", "grade", "a", "--quit"), "course grade: error: unrecognized arguments: --quit: "
                                             "did you mean --quiet?"),
        (("--versoin",), "unrecognized arguments: --versoin: did you mean --version?"),
    ],
)  # fmt: skip
def test_a_misspelt_option_is_told_which_was_meant(capsys, no_work, words, end):
    assert last_line(capsys, *words).endswith(end)


@pytest.mark.parametrize(
    ("words", "end"),
    [
        ((*PAINT, "--pool", "maxx"), ": did you mean max?"),
        ((*PAINT, "--style-loss", "neighbors"), ": did you mean neighbours?"),
        ((*PAINT, "--optimizer", "LBFGS"), ": did you mean lbfgs?"),
        (("weights", "verfy"), ": did you mean verify?"),
        (("texture", "ekk"), ": did you mean ekg?"),
        (("course", "reprot"), ": did you mean report?"),
        (("completion", "bahs"), ": did you mean bash?"),
    ],
)
def test_a_misspelt_choice_is_told_which_was_meant(capsys, no_work, words, end):
    line = last_line(capsys, *words)
    assert "invalid choice: " in line
    assert line.endswith(end)


def test_each_choice_of_each_command_is_found_again(every_parser):
    for name, parser in every_parser.items():
        actions = [action for action in parser.arguments() if action.choices and name != "nst help"]
        for action in actions:
            for choice in map(str, action.choices):
                with pytest.raises(argparse.ArgumentError, match=f"did you mean .*{choice}"):
                    parser._check_value(action, choice + choice[-1])


def test_each_option_of_each_command_is_found_again(capsys, every_parser):
    for parser in every_parser.values():
        for option in (each for each in parser.options() if each.startswith("--")):
            parser._words = [option + option[-1]]
            assert parser._unknown_options() == parser._words
            with pytest.raises(SystemExit):
                parser.error("unrecognized arguments")
            assert f"{option}{option[-1]}: did you mean {option}" in capsys.readouterr().err


def test_after_two_dashes_nothing_is_an_option(capsys, no_work):
    assert "did you mean" not in last_line(capsys, *PAINT, "--", "--siz")


def test_no_option_can_be_shortened_and_all_parsers_are_of_this_kind(every_parser):
    assert len(every_parser) > len(COMMANDS)
    for parser in every_parser.values():
        assert type(parser) is Parser
        assert not parser.allow_abbrev


def test_help_shows_a_default_only_where_there_is_one():
    parser = Parser(prog="nst x")
    defaults = {"none": None, "no": False, "list": [], "text": "", "zero": 0, "half": 0.5}
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", default=default, help="it")
    parser.add_argument("--mine", default=3, help="default: as it comes")
    parser.add_argument("--fresh", dest="carried", action="store_false", help="carry nothing on")
    assert parser.format_help().count("(default: ") == 2
    assert "(default: 0)" in parser.format_help()
    assert "(default: 0.5)" in parser.format_help()


def test_no_help_speaks_of_an_empty_default(every_parser):
    for parser in every_parser.values():
        for nothing in ("[]", "()", "None", "False", "True", "==SUPPRESS==", ")"):
            assert f"(default: {nothing}" not in parser.format_help(), parser.prog


def test_help_shows_numbers_as_people_write_them(every_parser):
    for parser in every_parser.values():
        assert not re.search(r"default:[^)]*\d\.0\b", parser.format_help()), parser.prog


def test_each_option_shows_what_its_value_is_and_each_help_begins_with_a_sentence(every_parser):
    for prog, parser in every_parser.items():
        if prog != "nst":
            assert re.match(r"[A-Z].*\.$", parser.description.splitlines()[0]), prog
        for action in parser.arguments():
            takes_a_value = action.option_strings and action.nargs != 0
            if takes_a_value and action.help != argparse.SUPPRESS and not action.choices:
                assert action.metavar, (prog, action.dest)


def test_a_family_is_a_parser_with_all_below_it():
    parser = Parser(prog="a")
    below = parser.add_subparsers().add_parser("b")
    lowest = below.add_subparsers().add_parser("c")
    assert list(family(parser)) == [parser, below, lowest]
