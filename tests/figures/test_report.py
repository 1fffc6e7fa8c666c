import matplotlib
import numpy as np

from nst_numpy.figures.report import COLOURS, DASHES, gram_images, loss_figure, term_styles
from nst_numpy.figures.style import INK
from tests.figures.seen import line, words


def row(iteration, loss, size=8, **terms):
    return {"iteration": iteration, "height": size, "width": size + 2, "loss": loss, "terms": terms}


# loss_figure


def test_a_curve_a_term_and_one_of_j():
    history = [row(1, 30.0, a=20.0, tv=10.0), row(2, 12.0, a=8.0, tv=4.0)]
    figure = loss_figure(history)
    figure.draw_without_rendering()
    [axes] = figure.axes
    assert [line(axes, i) for i in range(3)] == [
        [[1, 2], [20, 8]], [[1, 2], [10, 4]], [[1, 2], [30, 12]],
    ]  # fmt: skip
    assert [each.get_color() for each in axes.lines] == [COLOURS[0], COLOURS[1], INK]
    assert axes.get_yscale() == "log"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("iteration", "loss, logarithmic")


def test_the_curves_stop_where_the_size_changes():
    history = [
        {"iteration": i + 1, "height": h, "width": h, "loss": 3.0, "terms": {"tv": 1.0, "a": 0.0}}
        for i, h in enumerate([8, 8, 16, 16])
    ]
    [axes] = loss_figure(history).axes
    assert axes.get_yscale() == "log"
    curves = [list(curve.get_xdata()) for curve in axes.lines]
    assert [1, 2] in curves
    assert [3, 4] in curves
    assert [1, 2, 3, 4] not in curves
    assert words(axes) == ["16×16"]


def test_a_line_with_the_size_stands_before_its_first_iteration():
    figure = loss_figure([row(1, 3.0, a=3.0), row(2, 2.0, 16, a=2.0)])
    [axes] = figure.axes
    assert [2 - 0.5, 2 - 0.5] in [line(axes, i)[0] for i in range(len(axes.lines))]
    assert words(axes) == ["18×16"]  # width before height, as programs say it
    figure.draw_without_rendering()
    # above the curves and the grid, which so do not cross it
    assert axes.texts[0].get_window_extent().y0 > axes.get_window_extent().y1
    assert all(float(tick).is_integer() for tick in axes.get_xticks())


def test_where_a_logarithm_does_not_exist_there_is_a_gap():
    [axes] = loss_figure([row(1, 3.0, a=0.0), row(2, -1.0, a=2.0), row(3, 2.0)]).axes
    np.testing.assert_array_equal(axes.lines[-1].get_ydata(), [3, np.nan, 2])
    [axes] = loss_figure([row(1, 3.0, a=0.0), row(2, 2.0, a=2.0)]).axes
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [np.nan, 2])


def test_a_single_iteration_is_a_point():
    [axes] = loss_figure([row(1, 3.0, a=2.0)]).axes
    assert [each.get_marker() for each in axes.lines] == ["o", "o"]
    [axes] = loss_figure([row(1, 3.0, a=2.0), row(2, 3.0, a=2.0)]).axes
    assert [each.get_marker() for each in axes.lines] == ["None", "None"]


def test_a_long_history_is_thinned_but_keeps_its_ends():
    history = [
        {"iteration": i, "height": 8, "width": 8, "loss": 1.0 / i, "terms": {"tv": 1.0 / i}}
        for i in range(1, 5001)
    ]
    [axes] = loss_figure(history).axes
    xs = axes.lines[-1].get_xdata()
    assert (xs[0], xs[-1], len(xs)) == (1, 5000, 300)
    [axes] = loss_figure(history[:300]).axes
    assert list(axes.lines[-1].get_xdata()) == list(range(1, 301))


def test_terms_are_told_apart_by_colour_and_dash():
    styles = term_styles([f"term {i}" for i in range(50)])
    assert list(styles.values())[:7] == list(zip(COLOURS, DASHES, strict=True))
    assert len({*styles.values()}) == 49  # then they begin again
    assert styles["term 49"] == styles["term 0"]


# gram_images


def test_gram_images_have_one_scale_and_the_order_asked_for():
    small, large = np.diag([1.0, 2.0, 4.0]) + 0.1, np.diag([100.0, 200.0, 400.0]) + 10
    a, b = gram_images([small, large], np.array([2, 0]))
    assert a.shape == b.shape == (2, 2, 3)
    assert a.dtype == np.uint8
    assert b.sum() > a.sum()
    assert a[0, 0].sum() > a[1, 1].sum()
    for image in gram_images([np.zeros((2, 2))] * 2, np.array([0, 1])):
        assert image.shape == (2, 2, 3)


def test_the_least_is_black_the_most_is_bright_and_equal_ratios_are_equal_steps():
    # 1, 10, 100: the middle of the logarithmic scale is the middle of the colours
    gram = np.array([[1.0, 10], [10, 100]])
    [image] = gram_images([gram], np.array([0, 1]))
    magma = matplotlib.colormaps["magma"](np.array([0.0, 0.5, 1]), bytes=True)[:, :3]
    assert image[0, 0].tolist() == magma[0].tolist()
    assert image[1, 1].tolist() == magma[2].tolist()
    np.testing.assert_allclose(image[0, 1].astype(int), magma[1], atol=4)
    np.testing.assert_array_equal(image[0, 1], image[1, 0])


def test_a_channel_that_never_fires_is_as_dark_as_the_darkest():
    gram = np.array([[0.0, 0, 0], [0, 1, 5], [0, 5, 100]])
    [image] = gram_images([gram], np.array([0, 1, 2]))
    np.testing.assert_array_equal(image[0, 0], image[1, 1])
