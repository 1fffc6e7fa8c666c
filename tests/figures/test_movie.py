from types import SimpleNamespace

import numpy as np

from nst_numpy.figures.movie import movie_figure
from nst_numpy.signals.drift import Comparison, Examples, Trial
from tests.figures.seen import picture, titles, words


def test_the_block_the_rivals_and_the_filters():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 5, 6, 6)).astype(np.float32)
    examples = Examples(x, np.array([1, 0, 0, 1]), np.zeros((4, 9)), blocks=1)
    w = rng.standard_normal((3, 2, 2, 1, 7))
    net = SimpleNamespace(params={"conv1": (w, np.zeros(7))})
    names = ("3-D filters", "2-D, slices in order")
    trials = [Trial(name, 0, 0, 0.9, 1.0, 1, 1.0) for name in names]
    figure = movie_figure(Comparison(trials=trials, networks={"3-D filters": net}), examples)
    figure.draw_without_rendering()

    rows = np.array(figure.axes[:12]).reshape(4, 3)
    for version, block in zip(rows, x, strict=True):
        for axes, expected in zip(version, (block[0], block[-1], block[:, 3]), strict=True):
            np.testing.assert_array_equal(picture(axes), expected)
    assert titles(figure)[:3] == ["first frame", "last frame", "one row"]
    assert [axes.get_ylabel() for axes in rows[:, 0]] == [
        "as it is", "backwards", "mirrored", "both",
    ]  # fmt: skip
    assert [axes.get_xlabel() for axes in rows[:, 2]] == ["right", "left", "left", "right"]

    assert "90.0 %" in words(figure.axes[12])
    rivals = [label.get_text() for label in figure.axes[12].get_yticklabels()]
    assert rivals == ["3-D filters", "2-D, frames in order"]
    assert len(figure.axes) == 12 + 1 + (3 + 1) * 7
    firsts = sorted(picture(axes).sum() for axes in figure.axes[13 : 13 + 7])
    np.testing.assert_allclose(firsts, sorted(w[0].sum(axis=(0, 1, 2))))
    assert figure.axes[13].get_ylabel() == "frame 1"
    top, below = figure.subfigs
    assert [panel.get_suptitle() for panel in (*top.subfigs, below)] == [
        "one block is four examples",
        "who tells the direction",
        "the 7 learned filters of the first layer, 3 frames each",
    ]
