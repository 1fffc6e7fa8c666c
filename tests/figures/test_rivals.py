import numpy as np
import pytest
from matplotlib.figure import Figure

from nst_numpy.figures.rivals import draw_filters, draw_rivals
from nst_numpy.signals.drift import Comparison, Trial
from tests.figures.seen import limits, line, picture, words


def comparison(**accuracies):
    """Make a comparison from the accuracies of each rival."""
    trials = [
        Trial(rival, 0, seed, accuracy, 1.0, 1, 1.0)
        for rival, values in accuracies.items()
        for seed, accuracy in enumerate(values)
    ]
    return Comparison(trials=trials)


def test_a_dot_a_trial_and_a_line_at_the_mean():
    axes = Figure().subplots()
    draw_rivals(axes, comparison(**{"3-D filters": [0.7, 0.85, 0.94], "2-D": [0.5]}))
    dots, mean, other_dots, other_mean, chance = (line(axes, i) for i in range(5))
    assert dots[0] == [0.7, 0.85, 0.94]
    np.testing.assert_allclose(dots[1], [0 - 0.16, 0, 0 + 0.16])  # beside each other
    np.testing.assert_allclose(mean[0], [(0.7 + 0.85 + 0.94) / 3] * 2)
    assert other_dots == [[0.5], [1.0]]
    assert other_mean[0] == [0.5, 0.5]
    assert chance[0] == [0.5, 0.5]
    assert words(axes) == ["83.0 %", "50.0 %", "guessing"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["3-D filters", "2-D"]
    first, second = axes.lines[0].get_color(), axes.lines[2].get_color()
    assert first != second


def test_the_line_of_guessing_does_not_cross_its_word():
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    draw_rivals(axes, comparison(**{"3-D filters": [0.7], "2-D": [0.5]}))
    figure.draw_without_rendering()
    [word] = [text for text in axes.texts if text.get_text() == "guessing"]
    top = axes.lines[-1].get_window_extent().y1
    assert top <= word.get_window_extent().y0 + 0.1
    assert word.get_window_extent().y1 < figure.bbox.height


def test_slices_of_a_movie_are_frames():
    axes = Figure().subplots()
    draw_rivals(axes, comparison(**{"2-D, one slice": [0.7], "3-D filters": [0.5]}), "frame")
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["2-D, one frame", "3-D filters"]


def filters():
    """Make filters (3, 2, 3, 1, 3): one slanted right, one still, one slanted left."""
    right = np.zeros((3, 2, 3))
    for i in range(3):
        right[i, :, i] = 1, 3
    still = np.zeros((3, 2, 3))
    still[:, 0, 1] = -2
    # (F, D, h, w) -> (D, h, w, 1, F)
    return np.moveaxis(np.stack([right, still, right[..., ::-1]]), 0, -1)[..., None, :]


def test_filters_go_from_left_to_right_by_their_slant():
    figure, w = Figure(), filters()
    panel = figure.subfigures(1, 1)
    draw_filters(panel, w, ("left", "right"), "frame")
    cells = np.array(figure.axes).reshape(3 + 1, 3)
    for column, number in zip(cells.T, (2, 1, 0), strict=True):
        for i in range(3):
            np.testing.assert_array_equal(picture(column[i]), w[i, ..., 0, number])
        np.testing.assert_array_equal(picture(column[3]), w[..., 0, number].sum(axis=1))
    assert cells[0, 0].get_title(loc="left") == "← left"
    assert cells[0, 2].get_title(loc="right") == "right →"
    labels = [axes.get_ylabel() for axes in cells[:, 0]]
    assert labels == ["frame 1", "frame 2", "frame 3", "from above"]


def test_each_filter_has_a_scale_of_its_own_around_0():
    figure = Figure()
    draw_filters(figure.subfigures(1, 1), filters(), None, "slice")
    cells = np.array(figure.axes).reshape(4, 3)
    assert [limits(axes) for axes in cells[0]] == [(-3, 3), (-2, 2), (-3, 3)]
    # from above: 1 + 3, and -2 + 0
    assert [limits(axes) for axes in cells[3]] == [(-4, 4), (-2, 2), (-4, 4)]
    assert not any(axes.get_title(loc=side) for axes in cells[0] for side in ("left", "right"))


def test_the_scales_stand_below_the_filters():
    figure = Figure(layout="constrained")
    draw_filters(figure.subfigures(1, 1), filters(), None, "frame")
    figure.draw_without_rendering()
    last = figure.axes[9]
    bars = last.child_axes
    assert [bar.get_xlabel() for bar in bars] == [
        "a frame: weight, by the filter's largest",
        "from above: sum of weights, by the filter's largest",
    ]
    for bar in bars:
        assert [tick.get_text() for tick in bar.get_xticklabels()] == ["−1", "0", "1"]
        assert bar.get_window_extent().y1 < last.get_window_extent().y0
        assert bar.xaxis.label.get_window_extent().y0 > 0
    # as the filters above it, and those seen from above
    first, second = (bar.collections[-1].cmap.name for bar in bars)
    assert (first, second) == (figure.axes[0].images[0].cmap.name, last.images[0].cmap.name)


@pytest.mark.filterwarnings("error")
def test_a_filter_of_zeros_can_be_drawn():
    figure = Figure()
    draw_filters(figure.subfigures(1, 1), np.zeros((2, 2, 2, 1, 1)), None, "slice")
    assert limits(figure.axes[0]) == (-1, 1)
    figure.draw_without_rendering()
