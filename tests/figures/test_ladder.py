from nst_numpy.figures import ladder_figure
from nst_numpy.measure.bench import Rung
from tests.figures.seen import line, words

RUNGS = [Rung("loops", 100.0, 1e-4), Rung("im2col", 1.0, 0.51234), Rung("winograd", 0.05, 1234.5)]


def test_a_bar_a_rung_with_its_number():
    figure = ladder_figure(RUNGS, 150.0)
    [axes] = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [1e-4, 0.51234, 1234.5]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["loops", "im2col", "winograd"]
    assert words(axes) == [" 0.0001", " 0.512", " 1,234", "peak of matrix\nproducts, 150"]
    assert [text.get_position() for text in axes.texts[:3]] == [
        (1e-4, 0), (0.51234, 1), (1234.5, 2),
    ]  # fmt: skip
    assert line(axes)[0] == [150, 150]
    assert axes.get_xscale() == "log"
    figure.draw_without_rendering()


def test_the_first_rung_is_above_and_the_longest_number_has_room():
    [axes] = ladder_figure(RUNGS, 150.0).axes
    bottom, top = axes.get_ylim()
    assert bottom > 2 > 0 > top
    assert axes.get_xlim()[1] == 4 * 1234.5


def test_no_line_crosses_a_number():
    figure = ladder_figure(RUNGS, 0.6)
    [axes] = figure.axes
    figure.draw_without_rendering()
    for text in axes.texts[:3]:
        assert text.get_bbox_patch().get_facecolor() == (1, 1, 1, 1)
        assert text.get_zorder() > max(each.get_zorder() for each in axes.lines)
