from itertools import combinations

import numpy as np
import pytest
from matplotlib.text import Annotation

from nst_numpy.figures.source import (
    heat_image,
    similarity_image,
    source_figure,
    spots,
)
from nst_numpy.look.source import SourceMap
from tests.figures.seen import picture, titles


@pytest.fixture
def source():
    indices = np.array([[0, 1, 2], [5, 5, 5]])
    similarity = np.array([[0.0, 0.2, 0.4], [0.6, 0.8, 1.0]])
    return SourceMap(indices, similarity, (2, 4), (40, 60), 0.5)


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (20, 30, 3), np.uint8), rng.integers(0, 256, (8, 12, 3), np.uint8)


def labels(figure, axes):
    """Return the words and places of the labels on a panel."""
    found = [each for each in figure.artists if isinstance(each, Annotation)]
    return {each.get_text(): each.xy for each in found if each.xycoords is axes.transData}


def test_numbers_stand_where_arrows_begin_and_end(source, pictures):
    figure = source_figure(source, *pictures, across=3)
    figure.draw_without_rendering()
    result, painting, *_ = figure.axes
    assert labels(figure, result) == {
        "1": (5, 5), "2": (15, 5), "3": (25, 5), "4": (5, 15), "5": (15, 15), "6": (25, 15),
    }  # fmt: skip
    # three arrows end in one place, and are named there
    assert labels(figure, painting) == {
        "1": (1.5, 2), "2": (4.5, 2), "3": (7.5, 2), "4 5 6": (4.5, 6),
    }  # fmt: skip
    arrows = [a for a in figure.artists if hasattr(a, "xy1")]
    there = [(1.5, 2), (4.5, 2), (7.5, 2), (4.5, 6), (4.5, 6), (4.5, 6)]
    assert [a.xy2 for a in arrows] == there
    strengths = [a.get_alpha() for a in arrows]
    assert strengths == sorted(strengths)


def test_no_arrow_and_no_other_label_hides_a_number(source, pictures):
    rng = np.random.default_rng(0)
    crowded = SourceMap(rng.integers(0, 99, (30, 30)), rng.random((30, 30)), (9, 11), (8, 12), 0.0)
    figure = source_figure(crowded, *pictures, across=6)
    figure.draw_without_rendering()
    lowest = min(a.get_zorder() for a in figure.artists if isinstance(a, Annotation))
    assert lowest > max(a.get_zorder() for a in figure.artists if hasattr(a, "xy1"))
    for axes in figure.axes[:2]:
        boxes = [a.get_window_extent() for a in figure.artists
                 if isinstance(a, Annotation) and a.xycoords is axes.transData]  # fmt: skip
        assert len(boxes) > 8
        assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_both_maps_have_a_scale(source, pictures):
    cosines, uses = source_figure(source, *pictures).axes[4:]
    assert (cosines.get_xlabel(), uses.get_xlabel()) == ("cosine", "times used")
    low, high = np.percentile(source.similarity, (1, 99))
    np.testing.assert_allclose(cosines.get_xlim(), (low, high))
    assert uses.get_xlim() == (0, 3)
    assert [label.get_text() for label in uses.get_xticklabels()] == ["0", "1", "3"]
    assert [label.get_text() for label in cosines.get_xticklabels()] == [
        f"{low:.2f}",
        f"{high:.2f}",
    ]
    often = SourceMap(np.zeros((12, 11), int), np.ones((12, 11)), (2, 4), (40, 60), 0.5)
    many = source_figure(often, *pictures).axes[5]
    assert [label.get_text() for label in many.get_xticklabels()] == ["0", "1", "11", "132"]


def test_what_is_shown(source, pictures):
    figure = source_figure(source, *pictures)
    assert titles(figure)[:4] == [
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
