import numpy as np

from nst_numpy.figures.style import BLUE, INK, RED
from nst_numpy.figures.texture import ekg_texture_figure, movie_texture_figure
from tests.figures.seen import limits, line, picture


def test_strips_below_each_other_with_their_beats():
    rng = np.random.default_rng(0)
    sample, made = rng.standard_normal((2, 1, 20, 1))
    beats = {"the sample": np.array([3, 15]), "made": np.array([], dtype=int)}
    figure = ekg_texture_figure(("the sample", sample), {"made": made}, beats, rate=10.0)
    figure.draw_without_rendering()
    first, second = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["the sample", "made"]
    assert line(first) == [(np.arange(20) / 10).tolist(), sample[0, :, 0].tolist()]
    assert line(second)[1] == made[0, :, 0].tolist()
    # marks stand at 0.3 s and 1.5 s, a little above the highest of all samples
    top = 1.15 * max(sample.max(), made.max())
    np.testing.assert_allclose(line(first, 1), [[0.3, 1.5], [top, top]])
    assert line(second, 1) == [[], []]
    assert [axes.lines[0].get_color() for axes in figure.axes] == [INK, BLUE]
    assert first.lines[1].get_color() == RED
    assert second.get_xlabel() == "seconds; red: a beat was found"


def test_blocks_as_frames_and_as_cuts_through_time():
    block = np.random.default_rng(0).uniform(0, 255, (1, 7, 5, 6, 1))
    grey = block[0, ..., 0]
    figure = movie_texture_figure({"the sample": block, "made": block[:, ::-1]})
    figure.draw_without_rendering()
    assert len(figure.axes) == 2 * 6
    for panel, turned, name in zip(figure.subfigs, (1, -1), ("the sample", "made"), strict=True):
        assert panel.get_suptitle() == name
        *frames, row, column = panel.axes
        for axes, number in zip(frames, (0, 2, 4, 6), strict=True):  # 7 frames, 4 of them
            np.testing.assert_array_equal(picture(axes), grey[::turned][number])
            assert axes.get_xlabel() == f"frame {number + 1}"
        np.testing.assert_array_equal(picture(row), grey[::turned, 2])
        np.testing.assert_array_equal(picture(column), grey[::turned, :, 3])
        assert [row.get_xlabel(), column.get_xlabel()] == ["middle row", "middle column"]
        assert {limits(axes) for axes in panel.axes} == {(0, 255)}
