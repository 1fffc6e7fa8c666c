import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.look.source import Panel, SourceMap, load_source, save_source
from nst_numpy.look.sources import map_sources, side_by_side
from nst_numpy.pictures.images import preprocess
from nst_numpy.settings import Settings
from nst_numpy.style_transfer import Run
from tests.runs.small_runs import LAYERS, TINY, picture

PAINTINGS = [picture(2, 24, 40), picture(3, 50, 50)]


def run_of(photograph, masks=None, **settings):
    chosen = {"size": 40, "iterations": 2, "style_loss": "neighbours", **LAYERS} | settings
    return Run(Settings(**chosen), TINY, photograph, PAINTINGS, masks=masks)


def halves(height=30, width=40):
    """Masks of the left part and of the right one, with a strip between where nothing counts."""
    left, right = np.zeros((2, height, width))
    left[:, : width // 2 - 4], right[:, width // 2 + 4 :] = 1, 1
    return left, right


def test_a_place_is_from_the_painting_that_counts_there():
    left, right = halves()
    source = run_of(picture(1, 30, 40), [(left, None), (right, None)]).go().source
    assert source.style_grid == (10, 20)  # 6×10 places and 10×10, side by side
    assert source.panels == (Panel(1, 0, 6, 10, 24, 40), Panel(2, 10, 10, 10, 50, 50))
    assert (source.numbers[:, :4] == 1).all()
    assert (source.numbers[:, 6:] == 2).all()
    assert (source.numbers[:, 4:6] == 0).all()
    assert source.uses[:, :10].sum() == 4 * 8
    assert source.uses[6:, :10].sum() == 0
    assert source.uses[:, 10:].sum() == 4 * 8
    assert source.origin(0, 5) == (0, 0, 0)
    assert source.share == np.count_nonzero(source.uses) / (6 * 10 + 10 * 10)


def test_each_place_is_the_one_that_its_painting_alone_has():
    run = run_of(picture(1, 30, 40))
    result = run.go()
    source, last = result.source, run.scales - 1
    x = preprocess(result.image, dtype=TINY.dtype)
    several = run.objective(last).measured_style
    best = []
    for number, style in several.styles.items():
        style.draw_to(run._matches[number])
        best.append(style.similarity(x)[0])
    np.testing.assert_array_equal(source.numbers, np.argmax(best, axis=0) + 1)
    np.testing.assert_array_equal(source.similarity, np.max(best, axis=0))
    assert source.loss == pytest.approx(1 - np.max(best, axis=0).mean(), rel=1e-6)
    for row, col in ((0, 0), (3, 4), (7, 9)):
        number, y, x_pixel = source.origin(row, col)
        matches = run._matches[number]
        there = np.array(divmod(matches.indices[0, row, col], matches.style_grid[1]))
        size = np.array(PAINTINGS[number - 1].shape[:2])
        expected = ((there + 0.5) * size / matches.style_grid).astype(int)
        assert (y, x_pixel) == tuple(expected)


def test_of_a_painting_that_counts_nothing_there_is_nothing():
    source = run_of(picture(1, 30, 40), style_weights=[0, 1]).go().source
    assert [panel.number for panel in source.panels] == [2]
    assert (source.numbers == 2).all()


def test_paintings_side_by_side_saved_and_read_again(tmp_path):
    source = run_of(picture(1, 30, 40)).go().source
    save_source(tmp_path / "s.npz", source)
    again = load_source(tmp_path / "s.npz")
    assert again.panels == source.panels
    assert (again.numbers == source.numbers).all()
    white = side_by_side({1: np.zeros((9, 9, 3), np.uint8), 2: np.ones((5, 5, 3), np.uint8)}, again)
    assert white.shape == (40, 80, 3) == (*source.painting, 3)
    assert (white[:24, :40] == 0).all()
    assert (white[24:, :40] == 255).all()
    assert (white[:, 40:] == 1).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"numbers": None},
        {"numbers": np.array([[1, 3]])},
        {"numbers": np.array([[1]])},
        {"panels": ()},
        {"panels": (Panel(1, 0, 2, 2, 9, 9), Panel(2, 2, 2, 2, 9, 9))},  # beyond the grid
        {"panels": (Panel(1, 0, 2, 2, 9, 0), Panel(2, 2, 2, 1, 9, 9))},
    ],
)
def test_panels_that_do_not_fit(changes):
    good = {
        "indices": np.array([[0, 5]]), "similarity": np.ones((1, 2)), "style_grid": (2, 3),
        "painting": (8, 12), "loss": 0.0, "numbers": np.array([[1, 2]]),
        "panels": (Panel(1, 0, 2, 2, 9, 9), Panel(2, 2, 2, 1, 9, 9)),
    }  # fmt: skip
    assert SourceMap(**good).origin(0, 1) == (2, 6, 4)
    with pytest.raises(ShapeError, match="panels of several paintings do not fit"):
        SourceMap(**good | changes)


def test_only_neighbours_in_several_paintings_have_such_a_map():
    run = run_of(picture(1, 30, 40), style_loss="gram")
    with pytest.raises(SettingError, match="no neighbours in several paintings"):
        map_sources(run.objective(0), {}, run.x(run.init, 0), [(24, 40), (50, 50)])
