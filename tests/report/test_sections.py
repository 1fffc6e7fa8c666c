from pathlib import Path

import numpy as np
import pytest

from nst_numpy.measure import Judgement, judge
from nst_numpy.pictures.images import resize_image
from nst_numpy.report import RunRecorder, sections, write_report
from nst_numpy.report.sections import judgement_rows, links_of, meanings, plan_rows
from nst_numpy.style_transfer import Run, Settings
from nst_numpy.vgg import VGG
from tests.report.test_page import LAYERS, TINY, Page, assert_strict, make, picture

FOUND = Judgement(
    0.5, 0.25, 0.125, 1.875, {"content/features": 0.75, "style/sliced": 0.125}, (32, 32), []
)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def rows_of(page, heading):
    """Return the words below a heading, to the next one."""
    words = " ".join(page.text.split())
    return words[words.index(heading) :]


# the judge


def test_the_picture_is_judged_where_the_network_has_the_layers(monkeypatch):
    make("r.html", iterations=1)
    assert "How good it is" not in Page("r.html").text  # the tiny network ends at relu2_1
    given = []
    fake = lambda content, *rest: given.append(content) or (lambda image: FOUND)  # noqa: E731
    monkeypatch.setattr(sections, "Judge", fake)
    make("r.html", iterations=1, colors="match")
    text = rows_of(Page("r.html"), "How good it is")
    for words in ("score 1.88 (1 + content)", "content 0.50 what was lost", "style 0.25 what is",
                  "copied 12 % share", "content/features 0.75", "style/sliced 0.12"):  # fmt: skip
        assert words in text
    # the photograph is judged as it was given, not in the colours that the run gave it
    assert np.array_equal(given[0], resize_image(picture(1), 32))


def test_every_figure_of_the_judge_has_its_words():
    network = VGG.random((8,) * 5, np.random.default_rng(0), convolutions=(2, 2, 3, 3, 3))
    found = judge(picture(1, 40, 40), picture(2, 40, 40), picture(3, 40, 40), network)
    kinds = {name for name in found.figures if name.count("/") == 1}
    assert kinds == set(sections.KINDS)
    assert len(judgement_rows(found)["parts"]) == len(kinds)


# the plan


def test_the_plan_is_that_of_the_last_size():
    run = Run(Settings(size=32, scales=2, **LAYERS), TINY, picture(1), picture(2))
    rows = plan_rows(run)
    plan = TINY.plan(run.canvas_shape(1), ["relu1_1", "relu2_1"])
    assert [row[0] for row in rows] == [*(" + ".join(b.names) for b in plan.blocks), "sum"]
    assert rows[-1][-1] == f"{plan.kept_bytes / 1e3:,.0f} kB"
    make("r.html", iterations=1)
    assert f"{rows[0][0]} {rows[0][1]}" in rows_of(Page("r.html"), "The plan")


def test_a_network_of_two_loops_has_no_plan():
    plain = VGG(TINY.params, engine="plain")
    assert plan_rows(Run(Settings(size=32, **LAYERS), plain, picture(1), picture(2))) is None


# what terms mean


@pytest.mark.parametrize(("style_loss", "equation"), [("gram", "(5)"), ("neighbours", "(30)")])
def test_every_curve_leads_to_what_it_means(style_loss, equation):
    result, _ = make("r.html", iterations=2, tv_weight=0.1, style_loss=style_loss)
    page = Page("r.html")
    ids = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    anchors = [attrs for attrs in page.all("a") if "href" in attrs]
    curves = [attrs["xlink:href"][1:] for attrs in page.all("a") if "xlink:href" in attrs]
    kinds = {f"means-{term.partition('/')[0]}" for term in result.terms} | {"means-J"}
    assert {attrs["href"][1:] for attrs in anchors} == set(curves) == kinds <= ids
    assert len(anchors) == len(curves) == len(result.terms) + 1
    assert f"Equation {equation} of the documentation" in page.text
    assert_strict(page)


def test_a_loss_of_ones_own_leads_nowhere():
    told = meanings(["content/relu1_1", "mine"], {"style_loss": "mine"})
    assert links_of(["content/relu1_1", "mine"], told) == {
        "J": "#means-J",
        "content/relu1_1": "#means-content",
    }


def test_another_convention_is_said():
    told = meanings(["content/a"], {"style_loss": "gram", "convention": "gatys"})
    assert told[1].text.endswith("divided as in the convention gatys")


# the source map


def test_a_run_with_neighbours_shows_where_its_picture_comes_from():
    result, _ = make("r.html", iterations=2, style_loss="neighbours")
    page = Page("r.html")
    assert result.source is not None
    assert page.open == []
    assert "Point at a stroke" in page.text
    assert f"{100 * result.source.share:.0f} % of the painting is used" in page.text
    [script] = [block for block in page.blocks["script"] if "var map" in block]
    assert str(result.source.indices.ravel().tolist()).replace(" ", "") in script.replace(" ", "")
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(set(ids)) == len(ids)
    assert {attrs["aria-labelledby"] for attrs in page.all("section")} <= set(ids)
    make("r.html", iterations=2)
    assert "Point at a stroke" not in Page("r.html").text


def test_of_several_paintings_the_map_says_which():
    settings = Settings(size=32, iterations=2, style_loss="neighbours", **LAYERS)
    run = Run(settings, TINY, picture(1), [picture(2, 40, 30), picture(3)])
    recorder = RunRecorder(run)
    result = run.go([recorder])
    assert result.source.panels
    write_report("r.html", result, recorder, names=("me.jpg", "a.png", "b.png"))
    assert "The painting: a.png, b.png" in Page("r.html").text
    assert Path("r.html").stat().st_size < 5e6
