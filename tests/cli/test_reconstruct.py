import sys
from pathlib import Path

import numpy as np
import pytest

from nst_numpy.pictures.images import load_image
from nst_numpy.vgg import VGG
from tests.cli.conftest import Spoilt, nst, one_line

QUICK = ["reconstruct", "chelsea", "--size", "32", "--iterations", "2"]


@pytest.fixture
def tiny_network(monkeypatch):
    vgg = VGG.random((12, 16), np.random.default_rng(3), dtype=np.float32)
    monkeypatch.setattr(VGG, "load", classmethod(lambda cls, *args, **options: vgg))


def test_one_reconstruction_is_a_picture_of_its_own_size(tiny_network, capsys):
    assert nst(*QUICK, "--content", "relu2_1", "-o", "cat.png") == 0
    assert load_image("cat.png").shape == (21, 32, 3)
    out, err = capsys.readouterr()
    assert out == "cat.png\n"
    assert "did the 2 iterations asked for" in err


def test_several_make_a_figure(tiny_network, capsys):
    more = ["--content", "relu1_1", "--style", "relu1_1,relu2_1=0.5", "--style", "relu2_1"]
    assert nst(*QUICK, *more, "-o", "strip.png", "--quiet") == 0
    assert capsys.readouterr().err == ""
    height, width, _ = load_image("strip.png").shape
    assert width > 3 * height


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "o.png"], "name at least one layer: --content relu4_2, or --style"),
        (["-o", "o.png", "--content", "relu9_1"], "unknown layer 'relu9_1'"),
        # found before the first of them is painted
        (["-o", "o.png", "--content", "relu1_1", "--style", "relu9_1"], "unknown layer 'relu9_1'"),
        (["-o", "o.gif", "--content", "relu1_1"], "o.gif: the suffix .gif names no format"),
        (["-o", "o.bmp", "--content", "relu1_1", "--style", "relu1_1"], "o.bmp: a figure is"),
        (["-o", "o.png", "--content", "relu1_1", "--size", "4"], "size must be at least 16"),
        (["-o", "o.png", "--content", "relu1_1", "--seed", "-4"], "reconstruct: seed must be"),
    ],
)
def test_bad_input_is_one_line_and_code_2(tiny_network, capsys, words, message):
    assert nst(*QUICK, "--quiet", *words) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"nst: {message}")
    assert len(err.splitlines()) == 1
    assert not list(Path().iterdir())


def test_a_run_that_fails_says_so_also_if_it_is_to_be_quiet(monkeypatch, tiny_network, capsys):
    monkeypatch.setattr(sys.modules["nst_numpy.look.reconstruct"], "Objective", Spoilt)
    words = ["--content", "relu2_1", "--iterations", "19", "-o", "cat.png", "--quiet"]
    assert nst(*QUICK, *words) == 1
    assert one_line(capsys).startswith("nst: J or its gradient is not finite after ")
    assert load_image("cat.png").shape == (21, 32, 3)
