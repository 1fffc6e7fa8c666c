import json
import os

import numpy as np
import pytest

from nst_numpy.cli import main
from nst_numpy.measure import selfcheck
from nst_numpy.vgg import VGG

LAYER = """
import numpy as np
import neighbour

def forward(x, w, scale=1):
    return scale * x @ w, (x, w, scale)

def backward(grad_out, cache):
    x, w, scale = cache
    return scale * grad_out @ w.T, scale * x.T @ grad_out

def halved(grad_out, cache):
    grad_x, grad_w = backward(grad_out, cache)
    return grad_x, grad_w / 2

def broken(grad_out, cache):
    return grad_out @ cache
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layer.py").write_text(LAYER, "utf-8")
    (tmp_path / "neighbour.py").write_text("", "utf-8")
    np.save(tmp_path / "x.npy", np.ones((2, 5)))


def nst(*words):
    try:
        return main(["gradcheck", *map(str, words)])
    except SystemExit as leave:
        return leave.code


SHAPES = ("--input", "x=4,5", "--input", "w=5,3")


def test_a_right_layer(capsys):
    assert nst("layer.py:forward,backward", *SHAPES) == 0
    assert "layer.py:forward,backward: right" in capsys.readouterr().out


def test_a_wrong_layer(capsys):
    words = ("--option", "scale=3", "--json", "out.json", "-o", "errors.png")
    assert nst("layer.py:forward,halved", *SHAPES, *words) == 1
    assert "factor (almost certainly" in capsys.readouterr().out
    with open("out.json", encoding="utf-8") as file:
        record = json.load(file)
    assert record["ok"] is False
    assert record["diagnoses"][0]["argument"] == "w"
    assert os.path.getsize("errors.png") > 10_000


def test_an_array_from_a_file_and_an_error_of_theirs(capsys):
    assert nst("layer.py:forward,broken", "--input", "x=x.npy", "--input", "w=5,3") == 1
    out = capsys.readouterr().out
    assert "backward raised " in out
    assert "in broken: return grad_out @ cache" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("layer.py", *SHAPES), "write it as FILE.py:forward,backward"),
        (("none.py:a,b", *SHAPES), "there is no file none.py"),
        (("layer.py:forwards,backward", *SHAPES), "did you mean forward?"),
        (("layer.py:forward,backward",), "give each array that forward takes"),
        (("layer.py:forward,backward", "--input", "x"), "cannot read the input 'x'"),
        (("layer.py:forward,backward", "--input", "x=2,b"), "cannot read the input"),
        (("layer.py:forward,backward", "--input", "x=99999,99999"), "cannot read the input"),
        (("layer.py:forward,backward", "--input", "x=no.npy"), "cannot be read as a .npy file"),
        (("layer.py:forward,backward", "--input", "x=bad.npy"), "cannot be read as a .npy file"),
        (("layer.py:forward,backward", *SHAPES, "--option", "k"), "cannot read the option 'k'"),
        (("layer.py:forward,backward", *SHAPES, "--tolerance", "0"), "tolerance must be"),
        (("layer.py:forward,backward", *SHAPES, "-o", "a.doc"), "a figure is written as"),
        (("raises.py:a,b", *SHAPES), "raises.py cannot be run, line 2: ZeroDivisionError"),
        (("syntax.py:a,b", *SHAPES), "syntax.py cannot be run: SyntaxError"),
        (("leaves.py:a,b", *SHAPES), "leaves.py cannot be run, line 1: SystemExit"),
        (("--input", "x=2"), "belong to FILE.py:FORWARD,BACKWARD"),
        (("--seed", "-1"), "--seed must be at least 0"),
        (("--size", "8"), "the network needs 16"),
    ],
)
def test_what_it_says_of_bad_words(words, message, folder, tmp_path, capsys):
    (tmp_path / "raises.py").write_text("a = b = 1\n1 / 0\n", "utf-8")
    (tmp_path / "syntax.py").write_text("def\n", "utf-8")
    (tmp_path / "leaves.py").write_text("raise SystemExit(0)\n", "utf-8")
    (tmp_path / "bad.npy").write_text("hello", "utf-8")
    assert nst(*words) == 2
    assert message in capsys.readouterr().err


def test_its_own_layers(monkeypatch, capsys):
    rng, sizes = np.random.default_rng(0), (1, 1, 1, 2, 1)
    params = VGG.random((3, 4, 4, 4, 4), rng, convolutions=sizes, dtype=np.float64).params

    def load(path=None, pool="avg", dtype=np.float32):
        return VGG({k: tuple(a.astype(dtype) for a in v) for k, v in params.items()}, pool)

    monkeypatch.setattr(VGG, "load", load)
    assert nst("--size", 32, "--json", "out.json") == 0
    out = capsys.readouterr().out
    assert "all right" in out
    for name in (*selfcheck.LAYERS, *selfcheck.LOSSES):
        assert f"\n{name} " in out
    with open("out.json", encoding="utf-8") as file:
        record = json.load(file)
    assert record["ok"]
    assert len(record["checks"]) == len(selfcheck.LAYERS) + len(selfcheck.LOSSES) + 4


def test_a_wrong_layer_of_its_own(monkeypatch, capsys):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 4))
    wrong = selfcheck.check_gradient(lambda v: (v**2).sum(), x, x)
    monkeypatch.setattr(
        "nst_numpy.cli.gradcheck.own_checks",
        lambda *_: iter([selfcheck.OwnCheck("square", wrong, 0.1)]),
    )
    assert nst() == 1
    out = capsys.readouterr().out
    assert "1 WRONG" in out
    assert "diagnosis: factor" in out
