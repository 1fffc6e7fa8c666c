import json
from pathlib import Path

import numpy as np
import pytest

from nst_numpy.training import fitting
from nst_numpy.training.sequential import Sequential
from tests.cli.conftest import nst
from tests.signals.conftest import RATE, synthetic


def test_the_command_writes_everything(capsys):
    np.save("mine.npy", synthetic()[0])
    words = ["--signal", "mine.npy", "--rate", RATE, "--epochs", "2", "--runs", "2"]
    words += ["-o", "a.png", "--json", "a.json", "--save", "a.h5"]
    assert nst("heartbeat", *words) == 0
    out = capsys.readouterr().out
    assert "Labels by a rule, not by a cardiologist" in out
    assert "always narrow" in out
    for figure in ("signal", "training", "filters", "beats"):
        assert Path(f"a-{figure}.png").stat().st_size > 10_000
    record = json.loads(Path("a.json").read_text("utf-8"))
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    assert np.sum(record["runs"][0]["models"]["network"]["test"]["confusion"]) == record["beats"][
        "part"
    ].count("test")
    net = Sequential.load("a.h5")
    assert net.predict(np.zeros((1, 100, 1), dtype=np.float32)).shape == (1, 2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rate", "250"], "--rate belongs to --signal"),
        (["--broad-above", "0"], "--broad-above must be above 0 ms"),
        (["--broad-above", "nan"], "--broad-above must be above 0 ms"),
        (["--broad-above", "500"], "has no broad beat"),
        (["--seed", "-1"], "--seed must be at least 0"),
        (["--signal", "none.csv"], "there is no file none.csv"),
        (["-o", "a.doc"], "a figure is written as"),
        (["-o", "missing/a.png"], "the folder missing does not exist"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(words, message, capsys):
    assert nst("heartbeat", *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("nst: ")
    assert message in line


def test_ctrl_c_keeps_what_was_learnt(monkeypatch, capsys):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "_batches", stop)
    assert nst("heartbeat", "--quiet", "--runs", "3", "--json", "o.json") == 130
    assert capsys.readouterr().out == ""
