import json
import re

import numpy as np
import pytest

from nst_numpy.pictures.images import load_image, save_image
from nst_numpy.vgg import VGG
from tests.cli.conftest import nst


@pytest.fixture
def small_network(monkeypatch):
    """Let the command load a tiny network, and run in a folder with pictures."""

    def load(path, pool, quiet=False):
        return VGG.random((3, 4, 5), np.random.default_rng(0), pool=pool, dtype=np.float32)

    monkeypatch.setattr(VGG, "load", load)
    rng = np.random.default_rng(0)
    for name, shape in (("one", (17, 22, 3)), ("two", (20, 14, 3))):
        save_image(f"{name}.png", rng.integers(0, 256, shape, dtype=np.uint8))


def test_one_picture(small_network, capsys):
    words = ["--size", "24", "--pairs", "2", "--photos", ".", "--json", "a.json", "-o", "a.png"]
    assert nst("gram", "one.png", *words) == 0
    out = capsys.readouterr().out
    assert "one.png, relu3_1: 5 channels, 4×6 positions" in out
    assert out.count(" and ") == 6
    with open("a.json", encoding="utf-8") as file:
        record = json.load(file)
    first = record["pairs"]["strongest pairs"][0]
    assert record["gram"][first["first"]][first["second"]] == first["gram"]
    assert load_image("a.png").std() > 0


def test_two_pictures(small_network, capsys):
    words = ["--with", "two.png", "--layer", "relu2_1", "--pairs", "3", "--json", "a.json"]
    assert nst("gram", "one.png", *words, "--size", "24", "--no-patches", "-o", "a.png") == 0
    with open("a.json", encoding="utf-8") as file:
        record = json.load(file)
    assert np.sum(record["parts"]) == pytest.approx(record["style_loss"])
    rows = capsys.readouterr().out.split("scaled\n")[1].splitlines()
    adds = [float(re.search(r"\d\.\d+e[+-]\d+", row)[0]) for row in rows if "e" in row]
    *parts, total = adds[:5]  # three pairs, the others, the sum
    assert sum(parts) == pytest.approx(total, rel=1e-3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["one.png", "--layer", "relu3_4"], "unknown layer 'relu3_4': did you mean relu3_1"),
        (["none.png"], "there is no file none.png"),
        (["one.png", "--photos", "nowhere"], "nowhere is not a folder"),
        (["one.png", "--json", "same.png"], "cannot hold both"),
    ],
)
def test_bad_input_ends_with_one_line(small_network, capsys, words, message):
    assert nst("gram", *words, "--size", "24", "-o", "same.png") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1
