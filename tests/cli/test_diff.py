import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import QUICK, nst, one_line

WORDS = ["transfer", "chelsea", "starry_night", "-o", "a.png", "--quiet", *QUICK]


def test_diff_says_what_differs(capsys):
    assert nst(*WORDS, "--run-folder", "one") == 0
    assert nst(*WORDS, "--run-folder", "other", "--strength", "60", "--pool", "max") == 0
    assert nst("diff", "one", "other", "--json", "d.json") == 1
    out = capsys.readouterr().out
    assert out.startswith("settings:\n  strength: 50, 60\n  pool: avg, max\n  beta: ")
    assert "inputs: the same\nmade by: the same\n" in out
    assert "J: style/relu1_1 differs first in layer relu1_1, iteration 1 at 32×21\n" in out
    assert out.endswith("picture: not the same\n")
    found = json.loads(Path("d.json").read_text("utf-8"))
    assert found["settings"]["pool"] == ["avg", "max"]
    assert found["partings"][0]["term"] == "style/relu1_1"
    assert nst("diff", "one", "other", "--json", "d.json", "--quiet") == 1
    assert capsys.readouterr().out == ""


def test_diff_of_runs_alike(capsys):
    assert nst(*WORDS, "--run-folder", "one") == 0
    assert nst("diff", "one", "one") == 0
    assert capsys.readouterr().out.endswith("picture: the same to the bit\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none", "none"], "none is not the folder of a run"),
        (["one", "."], ". is not the folder of a run"),
        (["one", "one", "--json", "one/run.toml"], "is read by this command"),
        (["one", "one", "--json", "no/d.json"], "does not exist"),
    ],
)
def test_bad_input_is_one_line(capsys, words, message):
    os.mkdir("one")
    Path("one/run.toml").write_text("format = 1\n", "utf-8")
    assert nst("diff", *words) == 2
    assert message in one_line(capsys)
