from pathlib import Path

import numpy as np
import pytest

from nst_numpy.measure import against, bench
from nst_numpy.vgg import VGG
from tests.cli.conftest import nst, one_line


def test_the_command_prints_and_draws(monkeypatch, capsys):
    monkeypatch.setattr(bench, "MAP", 16)
    monkeypatch.setattr(bench, "CHANNELS", 8)
    rng = np.random.default_rng(0)
    vgg = VGG.random((4, 4, 4, 4, 4), rng, convolutions=(1, 1, 1, 2, 1), dtype=np.float32)
    monkeypatch.setattr(VGG, "load", lambda: vgg)
    assert nst("bench", "--size", "32", "-o", "ladder.png") == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("loops", "im2col", "winograd", "whole step"))
    assert Path("ladder.png").stat().st_size > 1000


@pytest.mark.parametrize("output", ["ladder.doc", "missing/ladder.png"])
def test_where_the_figure_cannot_go_nothing_is_measured(no_work, monkeypatch, capsys, output):
    monkeypatch.setattr("nst_numpy.cli.bench.sgemm_peak", lambda: pytest.fail("it was measured"))
    assert nst("bench", "-o", output) == 2
    one_line(capsys)


def test_a_comparison_is_printed_and_written(monkeypatch, capsys):
    found = against.Comparison(["Torch 0.0"], 1, [against.Column("32×32", {"nst_numpy": 0.5})])
    monkeypatch.setattr(VGG, "load", lambda: None)
    monkeypatch.setattr("nst_numpy.cli.bench.compare", lambda *_: iter([found]))
    assert nst("bench", "--against", "torch", "--sizes", "32", "-o", "table.md") == 0
    text = Path("table.md").read_text("utf-8")
    assert "| here | 500 |" in text
    assert "matrix products: " in text
    assert text in capsys.readouterr().out


def test_what_is_stopped_keeps_the_cases_that_are_done(monkeypatch):
    def stopped(*_):
        yield against.Comparison(["Torch 0.0"], 1, [against.Column("32×32", {"nst_numpy": 0.5})])
        raise KeyboardInterrupt

    monkeypatch.setattr(VGG, "load", lambda: None)
    monkeypatch.setattr("nst_numpy.cli.bench.compare", stopped)
    assert nst("bench", "--against", "torch", "-o", "table.md", "--quiet") == 0
    assert "Stopped before the end." in Path("table.md").read_text("utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--against", "tensorflow"),
        ("--against", "torch", "-o", "table.png"),
        ("--against", "torch", "--sizes", "8"),
        ("--sizes", "128"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_line(arguments, monkeypatch, capsys):
    monkeypatch.setattr("nst_numpy.cli.bench.compare", lambda *_: pytest.fail("it was measured"))
    assert nst("bench", *arguments) == 2
    one_line(capsys)
