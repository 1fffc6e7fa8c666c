import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from nst_numpy import style_transfer
from nst_numpy.pictures.images import load_image
from nst_numpy.sweeps import combinations
from tests.cli.conftest import QUICK, nst, one_line, unspaced

SMALL = ["--threads", "1", *QUICK, "--size", "48"]


@pytest.fixture
def no_judge(monkeypatch):
    """Let nobody judge, which takes longer than to paint so little."""
    monkeypatch.setattr(combinations, "Judge", lambda *pair: lambda result: None)


def test_grid_end_to_end(capsys, loaded, monkeypatch):
    words = ["grid", "chelsea", "starry_night", "-o", "sheet.png", *SMALL, "--folder", "all"]
    words += ["--strength", "30,70"]
    assert nst(*words) == 0
    out, err = capsys.readouterr()
    assert out == "sheet.png\n"
    assert err.startswith("2 pictures: about ")
    record = json.loads(Path("sheet.json").read_text(encoding="utf-8"))
    cells = record["cells"]
    assert [cell["values"] for cell in cells] == [{"strength": 30}, {"strength": 70}]
    best = min(cells, key=lambda cell: cell["judgement"]["score"])
    strength = best["values"]["strength"]
    assert f"best score {best['judgement']['score']:.2f}: strength {strength:g}\n" in err
    for cell in cells:
        image = load_image(Path("all") / cell["file"])
        assert image.shape == (cell["settings"]["height"], cell["settings"]["width"], 3)
    width = load_image("sheet.png").shape[1]
    assert width > 2 * 1.9 * 150
    assert sorted(os.listdir()) == ["all", "sheet.json", "sheet.png"]
    alone = ["transfer", "chelsea", "starry_night", "-o", "alone.png", *SMALL, "--strength", "30"]
    assert nst(*alone, "--quiet") == 0
    image = load_image(Path("all") / cells[0]["file"])
    np.testing.assert_array_equal(load_image("alone.png"), image)

    monkeypatch.setattr(combinations, "Judge", lambda *pair: lambda result: None)
    assert nst(*words, "--json", "again.json") == 0
    assert capsys.readouterr().err.startswith("2 pictures, 2 are there already, of the same sett")
    again = json.loads(Path("again.json").read_text(encoding="utf-8"))
    assert [cell["loss"] for cell in again["cells"]] == [cell["loss"] for cell in cells]


def test_layers_paintings_and_all_else_reach_the_runs(loaded, monkeypatch):
    monkeypatch.setattr("nst_numpy.cli.grid.Grid.paint", lambda *args, **options: None)
    words = ["grid", "chelsea", "starry_night", "coffee", "-o", "s.png", "--quiet", *SMALL[:2]]
    words += ["--content-layers", "relu2_2/relu3_2,relu2_2=0.5", "--style-layers", "default"]
    words += ["--style-layers", "relu1_1", "--size", "32", "--seed", "3", "--pool", "max"]
    assert nst(*words, "--iterations", "7") == 0
    record = json.loads(Path("s.json").read_text(encoding="utf-8"))
    assert list(record["axes"]) == ["style", "content_layers", "style_layers"]
    assert record["axes"]["style"] == ["starry_night", "coffee"]
    assert record["axes"]["content_layers"] == [{"relu2_2": 1}, {"relu3_2": 1, "relu2_2": 0.5}]
    assert record["axes"]["style_layers"] == [None, {"relu1_1": 1}]
    for cell in record["cells"]:
        settings = cell["settings"]
        used = [settings[name] for name in ("size", "seed", "pool", "iterations")]
        assert used == [32, 3, "max", 7]
        assert cell["state"] == "waiting"


def test_a_failing_cell_is_named_and_the_others_are_painted(capsys, loaded, no_judge):
    words = ["grid", "chelsea", "starry_night", "-o", "s.png", "--quiet", "--threads", "1", *QUICK]
    assert nst(*words, "--size", "48,1000000") == 1
    line = one_line(capsys)
    assert line.startswith("nst: size 1000000: ")
    assert line.endswith("give a smaller size")
    cells = json.loads(Path("s.json").read_text(encoding="utf-8"))["cells"]
    assert [cell["state"] for cell in cells] == ["painted", "failed"]


def test_ctrl_c_draws_the_sheet_of_what_there_is(capsys, loaded, monkeypatch, no_judge):
    go = style_transfer.Run.go
    calls = []

    def interrupted(self, *args, **options):
        calls.append(self)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return go(self, *args, **options)

    monkeypatch.setattr(style_transfer.Run, "go", interrupted)
    words = ["grid", "chelsea", "starry_night", "-o", "s.png", *SMALL, "--folder", "all"]
    assert nst(*words, "--strength", "10,50,90") == 130
    out, err = capsys.readouterr()
    assert out == "s.png\n"
    assert "stopped: 1 of 3 are done; the same command goes on from there\n" in err
    assert "Traceback" not in err
    cells = json.loads(Path("s.json").read_text(encoding="utf-8"))["cells"]
    assert [cell["state"] for cell in cells] == ["painted", "waiting", "waiting"]
    assert nst(*words, "--strength", "10,50,90") == 0
    assert len(calls) == 4  # the first is not painted again


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "s.doc"], "a figure is written as .png, .jpg, .svg or .pdf"),
        (["-o", "no/s.png"], "the folder no does not exist: make it first"),
        (["-o", "s.png", "--json", "s.png"], "cannot hold both the sheet and the JSON"),
        (["-o", "s.png"], "nothing varies: give two values or more of one of strength"),
        (["-o", "s.png", "--strength", "30,200"], "strength must be from 0 to 100, not 200"),
        (["-o", "s.png", "--style-loss", "gram,nearest"], "nearest"),
        (["-o", "s.png", "--init", "noise,nowhere.png"], "nowhere.png"),
    ],
)
def test_what_cannot_work_is_one_line_before_the_work(capsys, no_work, words, message):
    assert nst("grid", "chelsea", "starry_night", *words) == 2
    assert message in one_line(capsys)
    assert os.listdir() == []


def test_values_that_are_no_numbers_are_refused(capsys):
    assert nst("grid", "chelsea", "starry_night", "-o", "s.png", "--strength", "30,much") == 2
    assert unspaced("cannot read '30,much': write numbers with , between them") in unspaced(
        capsys.readouterr().err
    )


def test_presets_are_an_axis(capsys, loaded, no_judge):
    words = ["grid", "chelsea", "starry_night", "-o", "sheet.png", *SMALL, "--alpha", "2"]
    assert nst(*words, "--preset", "bold,soft,none", "--quiet") == 0
    cells = json.loads(Path("sheet.json").read_text(encoding="utf-8"))["cells"]
    assert [cell["values"] for cell in cells] == [{"preset": p} for p in ("bold", "soft", None)]
    assert [cell["settings"]["colors"] for cell in cells] == ["style", "content", "style"]
    assert {cell["settings"]["alpha"] for cell in cells} == {2.0}
    assert nst(*words, "--preset", "bold,sofd") == 2
    assert "unknown preset 'sofd': did you mean soft?" in capsys.readouterr().err
