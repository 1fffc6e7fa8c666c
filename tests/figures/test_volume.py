from types import SimpleNamespace

import numpy as np
import pytest

from nst_numpy.figures.volume import BRIGHTEST, MARGIN, volume_figure
from nst_numpy.signals.drift import CLASSES, Comparison, Trial
from tests.figures.seen import picture, titled, titles, words

LEVELS = (10, 40)


@pytest.fixture(scope="module")
def scene():
    """Make a rod of metal that stands in the region, and answers on a part of it."""
    rng = np.random.default_rng(0)
    volume = rng.integers(0, 100, (40, 24, 26))
    stent = np.zeros(volume.shape, dtype=bool)
    stent[2:32, 8:11, 9:13] = True
    volume[stent] = 3000
    answers = np.full(volume.shape, np.nan, dtype=np.float32)
    answers[15:30, 6:12, 7:14] = 0.75
    return volume, stent, answers


def draw(scene, classes=CLASSES):
    w = np.random.default_rng(1).standard_normal((5, 2, 2, 1, 3))
    net = SimpleNamespace(params={"conv1": (w, np.zeros(3))})
    trials = [Trial("3-D filters", 0, 0, 0.9, 0.9, 1, 1.0)]
    comparison = Comparison(classes, trials, {"3-D filters": net})
    return volume_figure(*scene, LEVELS, comparison)


def test_the_figure_shows_the_answers(scene):
    volume, _, answers = scene
    figure = draw(scene)
    figure.draw_without_rendering()
    assert "90.0 %" in words(figure.axes[0])
    # the stent is on levels 10 to 31 of the region: slices from 10 + 4 to 31 - 4
    shown = [14, 20, 27]  # the middle one is 20.5: to the even number
    assert titles(figure)[1:5] == [*(f"level {n}" for n in shown), "brightest, from the front"]
    rows, columns = slice(8 - MARGIN, 11 + MARGIN), slice(9 - MARGIN, 13 + MARGIN)
    for level in shown:
        axes = titled(figure, f"level {level}")
        light = np.minimum(volume[level, rows, columns] / BRIGHTEST, 1)
        np.testing.assert_array_equal(picture(axes), light)
        there = np.isfinite(answers[level, rows, columns])
        answered = picture(axes, 1)
        assert (answered[there] == 0.75).all()
        assert (answered[~there] == 0.5).all()
        assert not np.asarray(axes.images[1].get_alpha())[~there].any()
        assert (np.asarray(axes.images[1].get_alpha())[there & (light == 1)] == 0.95).all()
        assert len(axes.collections) == 1  # the stent's outline


def test_from_the_front_the_brightest_voxel_of_each_line_is_seen(scene):
    volume = scene[0]
    axes = titled(draw(scene), "brightest, from the front")
    # levels from the region's first, to six above the stent's last
    depths, rows, columns = slice(10, 31 + MARGIN), slice(2, 17), slice(3, 19)
    block = volume[depths, rows, columns]
    light = picture(axes)
    assert light.shape == (27, 16)
    np.testing.assert_array_equal(light, np.minimum(block.max(axis=1) / BRIGHTEST, 1))
    behind = light == 1  # the metal, whose answers are those of levels 15 to 29
    answered = picture(axes, 1)
    for depth in range(27):
        expected = 0.75 if 15 <= depth + 10 < 30 else 0.5
        assert answered[depth][behind[depth]] == pytest.approx(expected)


def test_what_is_written_beside_it(scene):
    figure = draw(scene)
    _, middle, below = figure.subfigs
    assert middle.get_suptitle() == "answers on levels 10 to 39, after learning from the others"
    assert "16 learned filters" in below.get_suptitle()
    bar = figure.axes[5]
    assert [label.get_text() for label in bar.get_yticklabels()] == ["left", "right"]
    assert len(figure.axes) == 6 + (5 + 1) * 3
    assert figure.axes[6].get_title(loc="left") == "← left"
    # the names of the filters' ways are those of a drift, or none
    other = draw(scene, ("stent", "bone"))
    assert [label.get_text() for label in other.axes[5].get_yticklabels()] == ["stent", "bone"]
    assert not any(axes.get_title(loc="left") for axes in other.axes)
