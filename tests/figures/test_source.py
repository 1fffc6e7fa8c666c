import numpy as np
import pytest

from nst_numpy.figures.source import (
    heat_image,
    similarity_image,
    source_figure,
    spots,
)
from nst_numpy.look.source import SourceMap
from tests.figures.seen import picture, titles, words


@pytest.fixture
def source():
    indices = np.array([[0, 1, 2], [5, 5, 5]])
    similarity = np.array([[0.0, 0.2, 0.4], [0.6, 0.8, 1.0]])
    return SourceMap(indices, similarity, (2, 4), (40, 60), 0.5)


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (20, 30, 3), np.uint8), rng.integers(0, 256, (8, 12, 3), np.uint8)


def test_numbers_stand_where_arrows_begin_and_end(source, pictures):
    figure = source_figure(source, *pictures, across=3)
    figure.draw_without_rendering()
    result, painting, *_ = figure.axes
    assert words(result) == words(painting) == ["1", "2", "3", "4", "5", "6"]
    assert [t.get_position() for t in result.texts] == [
        (5, 5), (15, 5), (25, 5), (5, 15), (15, 15), (25, 15),
    ]  # fmt: skip
    there = [(1.5, 2), (4.5, 2), (7.5, 2), (4.5, 6), (4.5, 6), (4.5, 6)]
    assert [t.get_position() for t in painting.texts] == there
    arrows = [a for a in figure.artists if hasattr(a, "xy1")]
    assert [a.xy2 for a in arrows] == there
    strengths = [a.get_alpha() for a in arrows]
    assert strengths == sorted(strengths)


def test_what_is_shown(source, pictures):
    figure = source_figure(source, *pictures)
    assert titles(figure) == [
        "result", "painting", "strength of the match: 0.50 on average",
        "50 % of the painting is used; bright: often",
    ]  # fmt: skip
    for axes, image in zip(figure.axes, pictures, strict=False):
        np.testing.assert_array_equal(picture(axes), image)


def test_the_heat_is_where_the_uses_are(source):
    heat = heat_image(source, np.full((8, 12, 3), 100, np.uint8)).astype(int).sum(axis=-1)
    assert heat.shape == (8, 12)
    # place 5 is used thrice, 0 to 2 once, all others never
    often, once, never = heat[4:, 3:6], heat[:4, :9], heat[4:, 6:]
    assert often.min() == often.max() > once.min() == once.max() > never.min() == never.max()


def test_a_map_that_is_even(pictures):
    even = SourceMap(np.zeros((2, 2), int), np.ones((2, 2)), (1, 1), (9, 9), 0.0)
    assert similarity_image(even).shape == (2, 2, 3)
    source_figure(even, *pictures).draw_without_rendering()


def test_no_more_spots_than_places(source):
    assert len(spots(source, 50)) == 6
