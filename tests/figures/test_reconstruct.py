import numpy as np

from nst_numpy.figures import strip_figure
from tests.figures.seen import picture, titles


def pictures(count, height=4, width=6):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def test_each_picture_has_its_caption():
    images = pictures(3)
    figure = strip_figure(list(zip(("original", "relu1_1", "relu2_1"), images, strict=True)))
    assert titles(figure) == ["original", "relu1_1", "relu2_1"]
    for axes, image in zip(figure.axes, images, strict=True):
        np.testing.assert_array_equal(picture(axes), image)
        assert not axes.axison
    figure.draw_without_rendering()


def test_the_strip_wraps_rows_and_captions():
    named = [(f"style {'relu1_1, ' * i}relu2_1", image) for i, image in enumerate(pictures(8))]
    figure = strip_figure(named)
    shown = [axes for axes in figure.axes if axes.images]
    assert len(figure.axes) == 12
    assert len(shown) == 8
    assert all(len(line) <= 28 for axes in shown for line in axes.get_title().split("\n"))
    # nothing of a caption is lost
    assert [" ".join(axes.get_title().split()) for axes in shown] == [name for name, _ in named]


def test_the_figure_has_the_shape_of_its_pictures():
    # a column is 2 inches; a line of the caption takes 0.16, and 0.06 are between rows
    width, height = strip_figure([("a", pictures(1, 8, 4)[0])] * 2).get_size_inches()
    np.testing.assert_allclose((width, height), (2 * 2, 2 * 8 / 4 + 0.16 + 0.06))
    width, height = strip_figure([("a", pictures(1)[0])] * 7).get_size_inches()
    np.testing.assert_allclose((width, height), (2 * 6, 2 * (2 * 4 / 6 + 0.16 + 0.06)))


def test_no_caption_is_cut():
    long = "relu1_1: the loss is 4.004e+06 after 10 iterations"
    images = pictures(9, 64, 96)
    for captions in (["a", long, "c"], [long] * 9):
        figure = strip_figure(list(zip(captions, images, strict=False)))
        figure.draw_without_rendering()
        tops = [axes.title.get_window_extent().y1 for axes in figure.axes]
        assert max(tops) < figure.bbox.height
