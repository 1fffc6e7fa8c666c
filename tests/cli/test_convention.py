import shlex

import pytest

from nst_numpy.cli.parts.options import layer_weights
from nst_numpy.conventions import convert
from tests.cli.conftest import nst, one_line

WORDS = ["--from", "johnson", "--alpha", "5", "--beta", "100"]


def test_the_last_line_are_options_that_mean_the_same(capsys):
    assert nst("convention", *WORDS, "--to", "lecture", "--size", "384x512") == 0
    *shown, options = capsys.readouterr().out.splitlines()
    words = shlex.split(options)
    said = dict(zip(words[::2], words[1::2], strict=True))
    found = convert("johnson", "lecture", alpha=5, beta=100, size=(384, 512))
    assert said["--convention"] == "lecture"
    assert float(said["--alpha"]) == found["alpha"]
    assert float(said["--beta"]) == found["beta"]
    assert layer_weights(said["--style-layers"]) == found["style_layers"]
    assert "--content-layers" not in said
    assert shown[0] == "α λ and β λ at 512×384 pixels:"
    assert shown[2].split() == ["in", "johnson", "in", "lecture"]
    assert shown[4].split() == ["style/relu1_1", "100", f"{100 / 32**2:.6g}"]


def test_quiet_prints_the_options_alone(capsys):
    nst("convention", "--from", "coursera", "--alpha", "10", "--beta", "40", "--quiet")
    [options] = capsys.readouterr().out.splitlines()
    alpha = 10 / (2 * 64 * 64 * 512)
    assert options == f"--convention lecture --alpha {alpha} --beta 40.0"


def test_layers_may_be_given(capsys):
    layers = ["--style-layers", "relu2_1=0.5,relu3_1", "--content-layers", "relu3_3"]
    nst("convention", *WORDS, "--to", "keras", *layers, "--size", "64", "--quiet")
    words = shlex.split(capsys.readouterr().out)
    assert layer_weights(words[words.index("--content-layers") + 1]) == {"relu3_3": 1.0}
    converted = layer_weights(words[words.index("--style-layers") + 1])
    assert sum(converted.values()) == pytest.approx(1.5)
    # (2 / c)² there, (m c / 3 pixels)² here
    there_over_here = [0.5 * (2 * 3 * 4 / 128**2) ** 2, (2 * 3 * 16 / 256**2) ** 2]
    assert converted["relu2_1"] / converted["relu3_1"] == pytest.approx(
        there_over_here[0] / there_over_here[1]
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--from", "jonson", "--alpha", "5", "--beta", "1"], "did you mean johnson?"),
        ([*WORDS, "--size", "big"], "cannot read the size 'big': write it as 512, or height and"),
        ([*WORDS[:2], "--alpha", "5"], "the following arguments are required: --beta"),
    ],
)
def test_what_it_says_of_words_that_it_cannot_read(words, message, capsys):
    assert nst("convention", *words) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--size", "8"], "use a larger input"),
        (["--style-layers", "relu9_1"], "unknown layer 'relu9_1'"),
        (["--alpha", "-1"], "alpha must be a finite number of at least 0"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(words, message, capsys):
    assert nst("convention", *WORDS, *words) == 2
    assert message in one_line(capsys)
