import argparse
import re
from pathlib import Path

import pytest

from nst_numpy.cli.parts.options import (
    duration,
    layer_weights,
    show_layer_weights,
    whole_number,
)
from nst_numpy.objective import STYLE_LAYERS
from tests.cli.conftest import nst


def test_layer_weights_are_read_as_they_are_written():
    assert layer_weights(" relu1_1 = 0.5 ,relu2_1") == {"relu1_1": 0.5, "relu2_1": 1.0}
    assert layer_weights(show_layer_weights(STYLE_LAYERS)) == STYLE_LAYERS


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (10.2, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 0 min"),
        (7261, "2 h 1 min"),
    ],
)
def test_durations_are_written_for_people(length, text):
    assert duration(length) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("²", "not a whole"),
        ("9" * 400, "not a whole"),
        ("9" * 5000, "not a"),
        ("999999999", "at most 1000"),
    ],
)
def test_a_number_that_cannot_be_meant_is_refused(text, message):
    assert whole_number("12") == 12
    with pytest.raises(argparse.ArgumentTypeError, match=message) as refusal:
        whole_number(text)
    assert len(str(refusal.value)) < 100


# one option, one meaning, in all commands


def with_option(every_parser, name):
    return {
        (prog, action)
        for prog, parser in every_parser.items()
        for action in parser.arguments()
        if name in action.option_strings
    }


def leaves(every_parser):
    """Name the commands that do something: not `nst`, nor what has commands of its own."""
    return {prog for prog, parser in every_parser.items() if not parser.commands()}


def test_output_is_the_same_everywhere(every_parser):
    found = with_option(every_parser, "--output")
    assert len(found) >= 16
    assert found == with_option(every_parser, "-o")
    for prog, action in found:
        assert action.dest == "output", prog
        assert action.metavar in ("FILE", "OUT", "FOLDER", "DIR"), prog
        assert re.search(r"^(write|.+ to (write|draw|make))\b", action.help), prog
        assert action.default in (None, "class.html"), prog


def test_seed_is_the_same_everywhere(every_parser):
    found = with_option(every_parser, "--seed")
    assert len(found) >= 9
    for prog, action in found:
        several = prog == "nst grid"  # a row or a column for each
        assert several or (action.type, action.default) == (int, 0), prog
        assert action.metavar == "N", prog
        assert action.help.startswith("of "), prog


def test_size_is_the_same_everywhere(every_parser):
    found = with_option(every_parser, "--size")
    assert len(found) >= 11
    for prog, action in found:
        assert action.metavar == "PX", prog
        assert action.help.startswith("longest side in pixels"), prog


def test_quiet_is_everywhere_the_same(every_parser):
    found = with_option(every_parser, "--quiet")
    assert {prog for prog, _ in found} == leaves(every_parser) - {"nst help", "nst completion"}
    assert {(action.dest, action.help) for _, action in found} == {
        ("quiet", "print only errors, and a result that no file holds")
    }


def test_debug_is_everywhere(every_parser):
    assert {prog for prog, _ in with_option(every_parser, "--debug")} == set(every_parser) - {"nst"}


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        ("samples", True),
        ("layers --size 32", True),
        ("course list", True),
        ("course release handout a1", False),
        ("weights info", True),
        ("weights verify", False),  # the exit code says it
        ("trace chelsea relu1_1:3@4,4 --size 32", True),
        ("trace chelsea relu1_1:3@4,4 --size 32 --json o.json", False),
        ("gram chelsea --layer relu1_1 --size 32", True),
        ("gram chelsea --layer relu1_1 --size 32 --json o.json", False),
        ("pull chelsea horse --size 32 -o o.png --content-layers relu1_1", False),
        ("gradcheck pair.py:forward,backward --input x=3", False),
        ("gradcheck pair.py:forward,wrong --input x=3", True),
    ],
)
def test_what_is_to_be_quiet_prints_what_no_file_holds(capsys, loaded, words, printed):
    Path("pair.py").write_text(PAIR, "utf-8")
    code = nst(*words.split(), "--quiet")
    assert code == int("wrong" in words)
    out, err = capsys.readouterr()
    assert bool(out) is printed
    assert err == ""


PAIR = """
def forward(x):
    return 2 * x, None

def backward(grad_out, cache):
    return {"x": 2 * grad_out}

def wrong(grad_out, cache):
    return {"x": 3 * grad_out}
"""
