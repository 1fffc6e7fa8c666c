from itertools import combinations

import numpy as np
import pytest

from nst_numpy.figures import gradcheck_figure
from nst_numpy.figures.style import INK, RED
from nst_numpy.gradcheck import check_backward
from nst_numpy.gradcheck.diagnosis import Diagnosis
from nst_numpy.gradcheck.report import ArgumentReport, GradientReport
from nst_numpy.gradcheck.zoo import MISTAKES, check_mistake
from tests.figures.seen import limits, picture, titles


def argument(name, values, errors=0.0, tolerance=1e-6, analytic=True):
    """Report of an argument whose numerical gradient is `values`, and the other 1 more."""
    values = np.asarray(values, dtype=float)
    return ArgumentReport(
        name, values.shape, values + 1 if analytic else None, values,
        np.broadcast_to(errors, values.shape).astype(float), 0, 0, tolerance,
    )  # fmt: skip


def drawn(*arguments):
    """Return the rows of panels: analytic, numeric, errors."""
    report = GradientReport({row.name: row for row in arguments})
    return np.array(gradcheck_figure(report).axes).reshape(len(arguments), 3)


# Arrays are drawn in two dimensions. Number the entries, and say where each must stand.


@pytest.mark.parametrize(
    ("shape", "size", "place"),
    [
        # of an activation: items, and depth, downward; channels across
        ((2, 5, 3), (2, 3 * 5), lambda n, i, c: (n, c * 5 + i)),
        ((2, 3, 4, 5), (2 * 3, 5 * 4), lambda n, i, j, c: (n * 3 + i, c * 4 + j)),
        ((1, 2, 3, 4, 2), (2 * 3, 2 * 4), lambda n, d, i, j, c: (d * 3 + i, c * 4 + j)),
        ((2, 3), (2, 3), lambda n, c: (n, c)),
        ((4,), (1, 4), lambda i: (0, i)),
        ((), (1, 1), lambda: (0, 0)),
    ],
)
def test_where_an_entry_of_an_activation_stands(shape, size, place):
    values = np.arange(np.prod(shape, dtype=int), dtype=float).reshape(shape)
    analytic, numeric, _ = drawn(argument("x", values))[0]
    assert picture(numeric).shape == size
    for index, value in np.ndenumerate(values):
        assert picture(numeric)[place(*index)] == value
        assert picture(analytic)[place(*index)] == value + 1


@pytest.mark.parametrize(
    ("shape", "size", "place"),
    [
        # of a kernel: input channels downward, output channels across
        ((5, 2, 3), (2, 3 * 5), lambda i, c, f: (c, f * 5 + i)),
        ((3, 4, 2, 5), (2 * 3, 5 * 4), lambda i, j, c, f: (c * 3 + i, f * 4 + j)),
        ((2, 3, 4, 2, 3), (2 * 6, 3 * 4), lambda d, i, j, c, f: (c * 6 + d * 3 + i, f * 4 + j)),
        ((2, 3), (2, 3), lambda c, f: (c, f)),
        ((3,), (1, 3), lambda f: (0, f)),
    ],
)
def test_where_an_entry_of_a_kernel_stands(shape, size, place):
    values = np.arange(np.prod(shape, dtype=int), dtype=float).reshape(shape)
    rows = drawn(argument("x", np.zeros((1, 2))), argument("w", values))
    numeric = rows[1, 1]
    assert picture(numeric).shape == size
    for index, value in np.ndenumerate(values):
        assert picture(numeric)[place(*index)] == value


def test_of_a_large_array_the_beginning_is_drawn():
    values = np.arange(8 * 2 * 3 * 9, dtype=float).reshape(8, 2, 3, 9)
    numeric = picture(drawn(argument("x", values))[0, 1])
    assert numeric.shape == (6 * 2, 6 * 3)  # six tiles each way
    assert numeric[5 * 2 + 1, 5 * 3 + 2] == values[5, 1, 2, 5]
    assert picture(drawn(argument("b", np.arange(100)))[0, 1]).tolist() == [list(range(60))]


def test_white_lines_stand_between_tiles():
    numeric = drawn(argument("x", np.zeros((2, 3, 4, 2))))[0, 1]
    across = [line.get_ydata()[0] for line in numeric.lines if line.get_xdata() == [0, 1]]
    down = [line.get_xdata()[0] for line in numeric.lines if line.get_ydata() == [0, 1]]
    assert (across, down) == ([3 - 0.5], [4 - 0.5])


def test_both_gradients_have_one_scale_and_errors_a_logarithmic_one():
    rows = drawn(argument("x", [[-5.0, 2.0]], errors=[[1e-30, 7.0]], tolerance=1e-4))
    analytic, numeric, errors = rows[0]
    assert limits(analytic) == limits(numeric) == (-5, 5)
    assert limits(errors) == (1e-12, 1)
    assert picture(errors).tolist() == [[1e-12, 1]]  # what is beyond the scale is at its end
    bar = errors.child_axes[0]
    assert bar.lines[-1].get_ydata() == [1e-4, 1e-4]
    assert [label.get_text() for label in bar.get_yticklabels()] == ["1e-12", "passes\nbelow", "1"]


@pytest.mark.parametrize(
    ("shape", "tolerance"),
    [((2, 30), 1e-2), ((2, 30), 1e-6), ((30, 3), 1e-6), ((40,), 1e-11), ((9, 8), 1e-13)],
)
def test_words_beside_the_scales_do_not_touch(shape, tolerance):
    values = np.random.default_rng(0).uniform(-3, 3, shape)
    figure = gradcheck_figure(GradientReport({"x": argument("x", values, tolerance=tolerance)}))
    figure.draw_without_rendering()
    for axes in figure.axes[1:]:
        bar = axes.child_axes[0]
        low, high = bar.get_ylim()
        boxes = [
            label.get_window_extent()
            for tick, label in zip(bar.get_yticks(), bar.get_yticklabels(), strict=True)
            if label.get_text() and low <= tick <= high
        ]
        assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
        assert bar.get_window_extent().width > 5  # pixels


def test_what_was_not_computed_is_left_open():
    rows = drawn(argument("x", [[np.nan, 2.0]], errors=np.nan, analytic=False))
    analytic, numeric, errors = rows[0]
    assert np.isnan(picture(analytic)).all()
    assert np.isnan(picture(numeric)).tolist() == [[True, False]]
    assert limits(numeric) == (-2, 2)
    assert errors.get_title() == "nothing was compared"


def test_titles_say_how_many_are_wrong():
    rows = drawn(
        argument("x", np.zeros((2, 3)), errors=1e-9), argument("w", [1.0, 2, 3], [0, 0.25, np.nan])
    )
    assert [axes.get_ylabel() for axes in rows[:, 0]] == ["x\n2×3", "w\n3"]
    assert [axes.get_title() for axes in rows[0, :2]] == [
        "analytic: what backward says", "numeric: what forward does",
    ]  # fmt: skip
    right, wrong = rows[:, 2]
    assert right.get_title() == "relative error, at most 1e-09: 0 of 6 wrong"
    assert wrong.get_title() == "relative error, at most 0.2: 1 of 2 wrong"
    assert [axes.title.get_color() for axes in (right, wrong)] == [INK, RED]


def test_a_number_has_no_shape_and_an_empty_argument_no_row():
    rows = drawn(argument("k", 3.0))
    assert rows[0, 0].get_ylabel() == "k\na number"
    full, empty = argument("x", [1.0]), argument("y", np.zeros((0, 2)))
    figure = gradcheck_figure(GradientReport({"x": full, "y": empty}))
    assert len(figure.axes) == 3


def test_the_headline_is_the_diagnosis():
    right = GradientReport({"x": argument("x", [0.0])}, name="square")
    [headline] = gradcheck_figure(right).texts
    assert (headline.get_text(), headline.get_color()) == ("square: right", INK)
    factor = Diagnosis("factor", "It is 3 times what it should be.", 0.97, "w")
    report = GradientReport({"w": argument("w", [1.0], 0.5)}, (factor,), "conv")
    [headline] = gradcheck_figure(report).texts
    assert headline.get_text() == (
        "conv: factor in w, almost certainly (97 %). It is 3 times what it should be."
    )
    assert headline.get_color() == RED
    long = Diagnosis("unknown", "word " * 60, 0.3)
    text = gradcheck_figure(
        GradientReport({"w": argument("w", [1.0], 0.5)}, (long,))
    ).get_suptitle()
    assert text.startswith("gradient: unknown, perhaps (30 %). word")
    assert max(map(len, text.split("\n"))) <= 112


@pytest.mark.parametrize("number", range(0, len(MISTAKES), 15))
def test_a_report_can_be_drawn(number):
    report = check_mistake(MISTAKES[number])
    figure = gradcheck_figure(report)
    figure.draw_without_rendering()
    assert report.diagnosis.name in figure.get_suptitle()


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (2, 2, 2, 2, 2), (2,) * 6])
def test_any_shape_can_be_drawn(shape):
    inputs = {"x": np.ones(shape), "w": np.ones(shape)}
    report = check_backward(lambda x, w: (x * w, (x, w)), lambda g, c: (g, None), inputs)
    figure = gradcheck_figure(report)
    figure.draw_without_rendering()
    assert len(titles(figure)) == 6
