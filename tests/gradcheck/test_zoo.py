"""Every mistake of the zoo is found and named, and the page about it is current."""

from pathlib import Path

import pytest

from nst_numpy.gradcheck.zoo import LAYERS, MISTAKES, check_mistake, zoo_table

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "gradcheck.md"


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: f"{m.layer}: {m.what}")
def test_the_mistake_is_named_first(mistake):
    # another seed than the page's
    report = check_mistake(mistake, seed=1)
    assert not report.ok
    assert report.diagnosis.name == mistake.expected, str(report)


def test_the_zoo_is_what_it_claims_to_be():
    assert len(MISTAKES) >= 94
    assert {m.layer for m in MISTAKES} <= set(LAYERS)
    assert len({(m.layer, m.what) for m in MISTAKES}) == len(MISTAKES)
    layers = "conv 1-D", "conv 2-D", "conv 3-D", "max-pool", "average pool", "ReLU", "dense"
    for layer in (*layers, "content loss", "Gram", "style loss", "TV loss", "LSTM step"):
        assert any(m.layer == layer for m in MISTAKES), layer


def test_the_page_is_current():
    # python -m nst_numpy.gradcheck.zoo docs/gradcheck.md  rewrites it
    assert zoo_table() in PAGE.read_text(encoding="utf-8")
