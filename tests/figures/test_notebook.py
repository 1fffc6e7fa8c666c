"""What objects show of themselves: the numbers that they hold, small, and nothing from outside."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from nst_numpy import style_transfer
from nst_numpy.figures import curves_figure
from nst_numpy.figures.notebook import LARGE, WIDEST, html
from nst_numpy.gradcheck import check_backward
from nst_numpy.look import gram_report, pull_maps, top_patches, top_windows, trace
from nst_numpy.measure.judgement import Judgement
from nst_numpy.pictures.images import save_image
from nst_numpy.rows import Conv, ReLU
from nst_numpy.training import Sequential
from nst_numpy.vgg import VGG

RNG = np.random.default_rng(0)
VGG_TINY = VGG.random((4, 5), RNG, convolutions=(1, 1), pool="max")
X = RNG.normal(size=(1, 12, 16, 3))


class Page(HTMLParser):
    """The cells and pictures of a piece of HTML; every element that is opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.cells, self.pictures, self.open = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.pictures.append(dict(attrs))
        else:
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data

    def sizes(self):
        """Return width and height of each picture, which must be in the page, with a text."""
        found = []
        for picture in self.pictures:
            assert picture["alt"]
            head, data = picture["src"].split(",")
            assert re.fullmatch("data:image/(png|jpeg);base64", head)
            with Image.open(io.BytesIO(base64.b64decode(data))) as drawn:
                found.append(drawn.size)
        return found


def test_a_result_is_its_picture_its_curve_and_its_sentence():
    image = RNG.integers(0, 256, (4, WIDEST + 88, 3), dtype=np.uint8)
    entry = {"iteration": 3, "height": 4, "width": 600, "loss": 2.5, "terms": {"tv": 2.5},
             "seconds": 75.0}  # fmt: skip
    result = style_transfer.Result(image, [entry], {}, "J < 3 & so on", "iterations")
    words = "600×4 pixels, J = 2.5 after 3 iterations, 1 min 15 s: J < 3 & so on"
    assert repr(result) == f"<Result: {words}>"
    shown = result._repr_html_()
    assert "J &lt; 3 &amp; so on" in shown
    assert Page(shown).sizes()[0] == (WIDEST, 3)


def test_patches_are_a_sheet_or_a_table_where_the_pictures_are_gone(tmp_path):
    for i in range(2):
        save_image(tmp_path / f"{i}.png", RNG.integers(0, 256, (16, 20, 3), dtype=np.uint8))
    top = top_patches(VGG_TINY, tmp_path, {"relu2_1": [0, 3]}, k=2)
    assert repr(top) == "<TopPatches: the 2 best of 2 pictures for relu2_1 (2 channels)>"
    assert len(Page(html(top)).sizes()) == 1
    for file in list(tmp_path.iterdir()):
        file.unlink()
    page = Page(html(top))
    assert not page.pictures
    assert page.cells[:4] == ["unit", "largest", "picture", "at"]
    assert page.cells[4] == "relu2_1:0"


def test_windows_are_a_table_of_the_best():
    network = Sequential((Conv(2, 3), ReLU()), (9, 1), rng=np.random.default_rng(1))
    x = RNG.normal(size=(4, 9, 1)).astype(network.dtype)
    top = top_windows(network, x, {"relu1": None}, k=2)
    best = top.best("relu1", 1)[0]
    row = Page(html(top)).cells[8:12]
    assert row == ["relu1:1", f"{best.value:.3g}", str(best.item), str(best.position[0])]
    assert repr(top) == "<TopWindows: the best windows for relu1 (2 channels)>"


def test_a_trace_adds_up_as_it_is_shown():
    unit = trace(VGG_TINY, X, "conv2_1", 2, 3, 4)
    page = Page(html(unit))
    rows = dict(zip(page.cells[2::2], map(float, page.cells[3::2]), strict=True))
    assert list(rows)[-2:] == ["sum", "conv2_1:2@3,4"]
    total = rows.pop("conv2_1:2@3,4")
    assert total == pytest.approx(unit.activation, rel=0.01)
    rows.pop("sum")
    assert sum(rows.values()) == pytest.approx(total, abs=0.02)
    assert len(page.pictures) == 1
    assert repr(unit).startswith("<Trace: conv2_1:2@3,4 = ")
    assert not Page(html(trace(VGG_TINY, X, "pool1", 2, 3, 4))).cells  # a pool has one winner


def test_a_gram_report_names_the_strongest_pairs():
    report = gram_report(np.abs(RNG.normal(size=(1, 6, 6, 4))))
    pair = report.strongest(1)[0]
    page = Page(html(report))
    assert page.cells[3] == f"{pair.first} and {pair.second}"
    assert float(page.cells[4]) == pytest.approx(pair.gram, rel=0.01)
    assert repr(report) == "<GramReport: 4 channels at 36 positions>"


def test_a_pull_is_drawn_where_there_is_a_picture():
    picture = pull_maps({"a": X, "b": 2 * X})["b"]
    assert len(Page(html(picture)).sizes()) == 1
    assert repr(picture).startswith("<Pull: 66.7 % of the full gradient")
    signal = pull_maps({"a": X[:, 0]})["a"]
    assert html(signal).startswith("<p>100 % of")


def test_a_gradient_report_is_its_text_and_a_wrong_one_is_drawn():
    inputs = {"x": RNG.normal(size=(2, 3))}
    right = check_backward(lambda x: (2 * x, x), lambda grad_out, x: 2 * grad_out, inputs)
    wrong = check_backward(lambda x: (2 * x, x), lambda grad_out, x: -grad_out, inputs)
    assert (repr(right), repr(wrong)) == (
        "<GradientReport: backward is right>", "<GradientReport: backward is WRONG>",
    )  # fmt: skip
    assert not Page(html(right)).pictures
    assert len(Page(html(wrong)).sizes()) == 1
    assert "factor" in html(wrong)


def test_a_judgement_says_what_its_numbers_are_of():
    judgement = Judgement(0.25, 0.5, 0.125, 1.875, {}, (64, 64), [])
    cells = Page(html(judgement)).cells
    assert cells[:2] == ["content", "0.250"]
    assert repr(judgement) == ("<Judgement: score 1.875: content 0.250, style 0.500, copied 0.125>")


def test_a_network_is_its_table():
    cells = Page(html(VGG_TINY)).cells
    at = cells.index("conv2_1")
    side = VGG_TINY.input_shape[0] // 2
    assert cells[at : at + 4] == ["conv2_1", "conv", f"{side}×{side}×5", f"{3 * 3 * 4 * 5 + 5}"]
    assert repr(VGG_TINY) == (
        f"<VGG: 6 layers, {3 * 3 * 3 * 4 + 4 + 3 * 3 * 4 * 5 + 5} parameters, float64, "
        "engine 'fused'>"
    )


def test_what_would_be_large_as_png_is_a_jpeg():
    shown = html(gram_report(RNG.normal(size=(1, 20, 20, 256))))
    assert "data:image/jpeg" in shown
    assert len(shown) < 2 * LARGE


def test_a_notebook_draws_a_figure_without_pyplot():
    figure = curves_figure({"a": ([0, 1], [0, 1])}, ylabel="a", size=(2, 1))
    with Image.open(io.BytesIO(figure._repr_png_())) as drawn:
        assert drawn.size == (2 * 100, 100)
