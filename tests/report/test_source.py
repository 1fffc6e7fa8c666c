import json
import re

import numpy as np
import pytest

from nst_numpy.look.source import SourceMap
from nst_numpy.report import write_source_page
from tests.report.test_page import Page, assert_strict, image_of, picture


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    rng = np.random.default_rng(0)
    indices, similarity = rng.integers(0, 12, (6, 8)), rng.uniform(0, 1, (6, 8)).astype(np.float32)
    source = SourceMap(indices, similarity, (4, 3), (80, 60), float(1 - similarity.mean()))
    path = tmp_path_factory.mktemp("source") / "source.html"
    names = ("me<b>.jpg", "art.png")
    write_source_page(path, source, picture(1), picture(2, 40, 30), names=names, across=4)
    return Page(path), source


def data_of(page):
    [script] = [block for block in page.blocks["script"] if "var map" in block]
    return json.loads(re.search(r"var map = (.*);\n", script)[1])


def test_every_tag_is_closed_and_nothing_is_fetched(made):
    page, _ = made
    assert page.open == []
    for _, attrs in page.tags:
        for name in ("src", "href"):
            assert attrs.get(name, "data:").startswith(("data:", "#"))
    assert "@import" not in page.source
    assert not [a for a in page.source.split("url(")[1:] if not a.startswith("#")]


def test_the_policy_allows_the_blocks_of_the_page_alone(made):
    page, _ = made
    assert (len(page.blocks["style"]), len(page.blocks["script"])) == (1, 2)
    assert_strict(page)


def test_the_script_has_the_whole_map(made):
    page, source = made
    data = data_of(page)
    assert data["grid"] == [6, 8]
    assert data["styleGrid"] == [4, 3]
    assert data["painting"] == [80, 60]
    assert data["places"] == source.indices.ravel().tolist()
    assert np.abs(np.array(data["similarity"]) / 100 - source.similarity.ravel()).max() <= 0.00501
    assert len(data["spots"]) == 4 * 3
    assert "Arrows for 12 places" in page.text


def test_the_pictures_have_their_texts(made):
    page, source = made
    images = page.all("img")
    assert all(attrs["alt"] for attrs in images)
    sizes = [image_of(attrs).size for attrs in images]
    assert sizes == [(32, 24), (30, 40), (30, 40), (8, 6)]
    assert f"{100 * source.share:.0f} % of the painting is used" in page.text


def test_the_most_used_places_are_listed(made):
    page, source = made
    [(row, col, times), *_] = source.most_used(1)
    assert f" {col} {row} {times} " in " ".join(page.text.split())


def test_it_works_by_keyboard_and_for_those_who_listen(made):
    page, _ = made
    [stage] = [attrs for _, attrs in page.tags if attrs.get("id") == "result"]
    assert stage["tabindex"] == "0"
    assert stage["aria-label"]
    [said] = [attrs for _, attrs in page.tags if attrs.get("id") == stage["aria-describedby"]]
    assert said["aria-live"] == "polite"
    assert "me<b>" not in page.source
