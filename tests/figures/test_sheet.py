import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from nst_numpy.figures import sheet_figure
from nst_numpy.figures.sheet import _Sheet
from nst_numpy.sweeps import combinations
from nst_numpy.sweeps.combinations import Grid, grid
from tests.figures.seen import picture
from tests.sweeps.conftest import COMMON, CONTENT, OTHER, STYLE, judges

assert judges  # the fixture: no network is read


@pytest.fixture
def painted():
    """Two strengths, two losses and two sizes, of which one is too large."""
    return grid(CONTENT, STYLE, strength=[30, 70], style_loss=["gram", "wasserstein"],
                size=[32, 10**6], **COMMON)  # fmt: skip


@pytest.fixture
def unread(monkeypatch):
    """Make no run of a plan: there are many, and a sheet of nothing is large enough."""
    monkeypatch.setattr(combinations, "survey", lambda jobs, progress: ({}, {}))


def said(figure):
    """Return every text of the figure itself, with its place."""
    return {text.get_text(): text.get_position() for text in figure.texts}


def test_each_picture_stands_under_its_column_and_beside_its_row(painted):
    figure = sheet_figure(painted)
    shown = figure.axes[2:]  # after the photograph and the painting
    np.testing.assert_array_equal(picture(figure.axes[0]), CONTENT)
    np.testing.assert_array_equal(picture(figure.axes[1]), STYLE)
    assert len(shown) == len(painted.cells) == 8
    texts = said(figure)
    for cell, axes in zip(painted.cells, shown, strict=True):
        place = axes.get_position()
        if cell.image is not None:
            np.testing.assert_array_equal(picture(axes), cell.image)
        middle = place.y0 + place.height / 2
        assert texts[cell.values["style_loss"]][1] == pytest.approx(middle)
        below = [text for text in figure.texts if text.get_position()[0] == pytest.approx(place.x0)]
        scores = [text.get_text() for text in below if 0 < place.y0 - text.get_position()[1] < 0.03]
        if cell.image is not None:
            score = f"score {cell.judgement.score:.2f}"
            assert scores == [f"content 0.25  style 0.50  {score}"]
    strengths = [t.get_position()[0] for t in figure.texts if t.get_text() == "strength 30"]
    middles = [shown[i].get_position() for i in (0, 2)]
    assert strengths == pytest.approx([place.x0 + place.width / 2 for place in middles])


def test_an_outer_name_stands_once_over_all_that_it_is_of(painted):
    figure = sheet_figure(painted)
    names = [text.get_text() for text in figure.texts]
    assert (names.count("size 32"), names.count("size 1000000")) == (1, 1)
    first, second = (figure.axes[2 + i].get_position() for i in (0, 1))
    assert said(figure)["size 32"][0] == pytest.approx((first.x0 + second.x1) / 2)
    assert said(figure)["size 32"][1] > said(figure)["strength 30"][1]
    assert len(figure.lines) + len(figure.artists) == 2


def test_a_failure_is_told_in_its_place(painted):
    failed = [axes for axes in sheet_figure(painted).axes if axes.texts]
    assert len(failed) == 4
    for axes in failed:
        assert "give a smaller size" in axes.texts[0].get_text().replace("\n", " ")
        assert not axes.images


def test_what_was_not_painted_or_not_judged_says_so():
    plan = Grid(CONTENT, [STYLE, OTHER], strength=[30, 70], size=16, **COMMON)
    figure = sheet_figure(plan)
    assert [axes.texts[0].get_text() for axes in figure.axes[3:]] == ["not painted"] * 4
    plan.paint()
    plan.cells[0].state = "stopped"
    texts = [text.get_text() for text in sheet_figure(plan).texts]
    assert texts.count("stopped: the picture so far") == 1
    assert texts.count("not judged: too small") == 3


def test_the_best_score_is_bold(painted):
    bold = [t.get_text() for t in sheet_figure(painted).texts if t.get_fontweight() == "bold"]
    assert bold == [f"content 0.25  style 0.50  score {painted.best.judgement.score:.2f}"]


@pytest.mark.parametrize(("strengths", "seeds"), [(2, 1), (3, 4)])
def test_a_sheet_is_as_large_as_it_takes(unread, strengths, seeds):
    plan = Grid(CONTENT, STYLE, strength=list(range(strengths)), seed=list(range(seeds)),
                size=512, **COMMON)  # fmt: skip
    figure = sheet_figure(plan)
    across, down = figure.get_size_inches()
    boxes = [axes.get_position() for axes in figure.axes[2:]]
    for box in boxes:
        assert box.width * across >= 1.9 - 1e-9
        assert box.width * across / (box.height * down) == pytest.approx(32 / 24)
        assert min(box.x0, box.y0) > 0
        assert max(box.x1, box.y1) < 1
    places = sorted({round(box.x0 * across, 4) for box in boxes})
    assert len(places) == strengths
    assert all(np.diff(places) > boxes[0].width * across)


@pytest.mark.parametrize(("strengths", "seeds"), [(2, 100), (100, 2), (100, 1)])
@pytest.mark.parametrize("repeated", [(1, 1, 1), (5, 1, 1), (1, 5, 1)])
def test_the_largest_sheet_fits_into_a_jpeg(unread, strengths, seeds, repeated):
    content = np.ascontiguousarray(np.tile(CONTENT, repeated))  # a tall one, a wide one
    plan = Grid(content, STYLE, strength=list(range(strengths)), seed=list(range(seeds)),
                size=512, **COMMON)  # fmt: skip
    size = _Sheet(plan).figure.get_size_inches()  # to draw it takes seconds
    assert 60 < max(size) < (2**16 - 1) / 150


def test_no_text_runs_over_another_or_off_the_sheet():
    layers = [{"relu1_1": 1.0, "relu2_1": 0.125}, {"relu2_1": 1.0}]
    more = COMMON | {"strength": [30, 70], "style_layers": layers, "size": [32, 24]}
    plan = Grid(CONTENT, [STYLE, OTHER], **more)
    plan.paint()
    figure = sheet_figure(plan)
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.texts]
    for i, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        for other in boxes[:i]:
            assert not box.overlaps(other), figure.texts[i].get_text()
