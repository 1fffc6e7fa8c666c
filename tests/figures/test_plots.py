import numpy as np

from nst_numpy.figures import curves_figure, maps_figure
from tests.figures.seen import picture, titles


def test_curves_are_drawn_with_their_names_and_formats():
    x = np.arange(1, 5)
    curves = {"line": (x, 2 * x), "dots": (x, x**2, "r.")}
    (axes,) = curves_figure(curves, xlabel="x", ylabel="y", yscale="log", ylim=(1, 50)).axes
    line, dots = axes.lines
    np.testing.assert_array_equal(line.get_xydata(), np.stack([x, 2 * x], axis=-1))
    np.testing.assert_array_equal(dots.get_xydata(), np.stack([x, x**2], axis=-1))
    assert (line.get_linestyle(), dots.get_marker(), dots.get_color()) == ("-", ".", "r")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["line", "dots"]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("x", "y", "log")
    assert axes.get_ylim() == (1, 50)


def test_panels_share_an_axis_and_have_their_own_labels():
    x = np.arange(3)
    figure = curves_figure(
        {"a": (x, x)}, {"b": (x, -x)}, xlabel="seconds", ylabel=("up", "down"), size=(5, 4)
    )
    above, below = figure.axes
    assert [axes.get_ylabel() for axes in figure.axes] == ["up", "down"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "seconds"]
    assert above.get_xlim() == below.get_xlim()
    assert above.get_legend() is None
    assert figure.legends == []
    assert tuple(figure.get_size_inches()) == (5, 4)


def test_panels_have_one_legend_beside_them_and_so_have_many_curves():
    x = np.arange(3)
    two = curves_figure({"a": (x, x), "b": (x, x)}, {"a": (x, -x)}, ylabel=("up", "down"))
    many = curves_figure({f"curve {i}": (x, i * x) for i in range(7)}, ylabel="y")
    for figure, names in ((two, ["a", "b"]), (many, [f"curve {i}" for i in range(7)])):
        (legend,) = figure.legends
        assert [text.get_text() for text in legend.get_texts()] == names
        assert all(axes.get_legend() is None for axes in figure.axes)


def test_maps_have_zero_at_the_bottom_or_in_the_middle():
    positive, signed = np.array([[1.0, 2], [3, 4]]), np.array([[-5.0, 2], [1, 0]])
    figure = maps_figure({"positive": positive, "signed": signed}, xlabel="time")
    assert titles(figure) == ["positive", "signed"]
    for axes, values, limits in zip(
        figure.axes, (positive, signed), ((0, 4), (-5, 5)), strict=True
    ):
        np.testing.assert_array_equal(picture(axes), values)
        assert axes.images[0].get_clim() == limits
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("time", "row")


def test_maps_stand_in_rows_and_may_share_their_highest_colour():
    maps = {f"map {i}": np.full((4, 6), i) for i in range(1, 6)}
    figure = maps_figure(maps, columns=3, highest=9, bars=True)
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.images[0].get_clim() for axes in shown] == [(0, 9)] * 5
    assert [axes.get_subplotspec().rowspan.start for axes in shown] == [0, 0, 0, 1, 1]
    assert len(figure.axes) == 6 + 5  # one place is empty; a bar each
    figure.draw_without_rendering()
