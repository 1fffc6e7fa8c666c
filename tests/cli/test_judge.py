import json

import numpy as np
import pytest

from nst_numpy.pictures.images import load_image, save_image
from nst_numpy.pictures.samples import sample_path
from tests.cli.conftest import nst, one_line
from tests.pictures.made import picture_of


def test_the_best_result_stands_first(loaded, capsys):
    cat = load_image(sample_path("chelsea"), size=64)
    save_image("cat.png", cat)
    save_image("noise.png", picture_of(np.random.default_rng(0), *cat.shape[:2]))
    assert nst("judge", "chelsea", "starry_night", "noise.png", "cat.png") == 0
    head, first, second, *sizes = capsys.readouterr().out.splitlines()
    assert head.split()[:5] == ["result", "score", "content", "style", "copied"]
    assert first.split()[0] == "cat.png"
    assert float(first.split()[1]) == pytest.approx(2, abs=0.02)  # both are resized
    assert second.split()[0] == "noise.png"
    assert "cat.png: content, style resized, to judge at 64×43" in sizes


def test_json_has_every_figure(loaded, capsys):
    save_image("a.png", picture_of(np.random.default_rng(0), 40, 60))
    assert nst("judge", "chelsea", "starry_night", "a.png", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["a.png"]["size"] == [40, 60]
    assert len(found["a.png"]["figures"]) == 3 + 8 + 3 + 12 + 1


def test_several_paintings_are_asked_by_their_weights(loaded, capsys):
    save_image("a.png", picture_of(np.random.default_rng(0), 40, 60))
    words = ["judge", "chelsea", "starry_night", "a.png", "--json", "--style", "coffee"]
    found = []
    for weights in ("1,0", "0,1", "3,1"):
        assert nst(*words, "--style-weights", weights) == 0
        found.append(json.loads(capsys.readouterr().out)["a.png"]["style"])
    assert found[2] == pytest.approx(0.75 * found[0] + 0.25 * found[1])
    assert nst(*words, "--style-weights", "1") == 2
    assert "for 2 paintings: give one of at least 0 for each" in one_line(capsys)


def test_a_missing_result_is_found_before_the_work(no_work, capsys):
    save_image("a.png", picture_of(np.random.default_rng(0), 40, 60))
    assert nst("judge", "chelsea", "starry_night", "a.png", "b.png") == 2
    assert "b.png" in one_line(capsys)
