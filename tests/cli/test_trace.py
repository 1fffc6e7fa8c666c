import json
import re

import numpy as np
import pytest

from nst_numpy.cli.trace import describe, read_unit
from nst_numpy.look import trace
from nst_numpy.pictures.images import load_image, save_image
from nst_numpy.vgg import VGG
from tests.cli.conftest import nst


def tiny(pool="avg", dtype=np.float32):
    rng = np.random.default_rng(0)
    return VGG.random((3, 4, 5), rng, convolutions=(2, 1, 1), pool=pool, dtype=dtype)


@pytest.fixture
def small_network(monkeypatch):
    """Let the command load a tiny network, and run in a folder with one picture."""
    monkeypatch.setattr(VGG, "load", lambda path, pool, quiet=False: tiny(pool))
    rng = np.random.default_rng(0)
    save_image("noise.png", rng.integers(0, 256, (17, 22, 3), dtype=np.uint8))


def test_the_command_prints_and_writes(small_network, capsys):
    words = ["noise.png", "relu2_1:3@2,3", "--size", "22", "--json", "a.json", "-o", "a.png"]
    assert nst("trace", *words) == 0
    out = capsys.readouterr().out
    assert "noise.png, 22×17 pixels" in out
    assert out.endswith("\na.png\n")
    with open("a.json", encoding="utf-8") as file:
        record = json.load(file)
    unit = record["traces"][0]
    assert (unit["layer"], unit["channel"], unit["row"], unit["col"]) == ("relu2_1", 3, 2, 3)
    assert np.sum(unit["contributions"]) + unit["bias"] == pytest.approx(unit["sum"])
    assert load_image("a.png").std() > 0


def test_the_deep_command_prints_every_step(small_network, capsys):
    assert nst("trace", "noise.png", "pool2:3@0,0", "--size", "22", "--deep", "--pool", "max") == 0
    out = capsys.readouterr().out
    titles = re.findall(r"^(\w+):\d+@\d+,\d+ = ", out, re.MULTILINE)
    assert titles == ["pool2", "relu2_1", "pool1", "relu1_2", "relu1_1"]
    assert "the winner in channel 3 of relu2_1" in out
    assert "minus its mean" in out


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ("relu2_3:0@0,0", "unknown layer 'relu2_3': did you mean relu2_1"),
        ("relu2_1:4@0,0", "relu2_1 has the channels 0 to 3: there is no channel 4"),
        ("relu2_1:-1@0,0", "relu2_1 has the channels 0 to 3: there is no channel -1"),
        ("relu2_1:0@8,0", "the map of relu2_1 has 8 rows and 11 columns"),
        ("relu2_1:0@0", "write it as LAYER:CHANNEL@ROW,COL, for example relu3_1:17@20,30"),
        ("relu2_1", "cannot read the unit 'relu2_1'"),
        ("relu2_1:a@0,0", "write it as LAYER:CHANNEL@ROW,COL"),
        ("", "cannot read the unit ''"),
    ],
)
def test_bad_units_end_with_one_line(small_network, capsys, unit, message):
    assert nst("trace", "noise.png", unit, "--size", "22", "-o", "out.png") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1


def test_reading_a_unit():
    assert read_unit(" conv1_1:0@12,345 ") == ("conv1_1", 0, 12, 345)


def printed(text, start, stop):
    """Read a column of numbers between two rows of a printed table."""
    rows = [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()]
    names = [row[0] for row in rows]
    chosen = rows[names.index(start) : names.index(stop)]
    return [float(row[1]) for row in chosen]


@pytest.mark.parametrize("layer", ["relu1_1", "conv2_1", "relu3_1"])
def test_the_printed_parts_add_up_to_the_printed_activation(layer):
    x = 50 * np.random.default_rng(1).standard_normal((1, 17, 22, 3))
    unit = trace(tiny(dtype=np.float64), x, layer, 2, 1, 1)
    text = describe(unit, top=2)
    parts = printed(text, "bias", "sum")
    rounding = 0.5e-4 * (len(parts) + 1)
    assert sum(parts) == pytest.approx(unit.sum, abs=rounding)
    assert f"{unit.layer}:2@1,1 = {unit.activation:.4f}" in text
    grid = text[text.index("by position") :].splitlines()[2:5]
    cells = [float(cell) for line in grid for cell in line.split()[2:5]]
    assert sum(cells) + unit.bias == pytest.approx(unit.sum, abs=6e-4)
