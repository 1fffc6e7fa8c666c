"""A judgement puts pictures in the order in which everybody would."""

import json

import numpy as np
import pytest

from nst_numpy import measure
from nst_numpy.errors import ImageError, SettingError
from nst_numpy.measure import judgement
from nst_numpy.measure.judgement import LAYERS, SMALLEST, Judge, _piece
from nst_numpy.objective import CONTENT_LAYERS, STYLE_LAYERS
from nst_numpy.pictures import load_image, resize_image
from nst_numpy.pictures.palette import match_colors
from nst_numpy.pictures.samples import sample_path
from nst_numpy.style_transfer import transfer
from nst_numpy.vgg import VGG
from tests.pictures.made import picture_of

PAIRS = [
    ("neuschwanstein", "starry_night"), ("chenonceau", "cafe_terrace"),
    ("horse", "painter_on_the_road"), ("astronaut", "night_cafe"),
    ("golden_temple", "starry_night"), ("chelsea", "painter_on_the_road"),
    ("coffee", "night_cafe"), ("neuschwanstein", "cafe_terrace"),
]  # fmt: skip


@pytest.fixture(scope="module")
def vgg():
    return VGG.load()


@pytest.fixture(scope="module")
def pair():
    return [load_image(sample_path(name), size=64) for name in ("chelsea", "starry_night")]


def test_no_layer_is_one_that_pictures_are_painted_with():
    assert not {*LAYERS} & {*CONTENT_LAYERS, *STYLE_LAYERS}


def test_the_ideal_has_0_and_the_bad_cases_1(vgg, pair):
    content, style = pair
    judge = Judge(content, style, vgg)
    itself = judge(content)
    assert itself.content == pytest.approx(0, abs=1e-5)
    assert itself.style == 1
    assert itself.score == pytest.approx(2, abs=1e-4)
    piece = judge(_piece(style, content.shape[:2]))
    assert piece.content == pytest.approx(1)
    assert piece.style < 0.3
    assert itself.copied == 0


def test_the_style_itself_has_style_0(vgg):
    content, style = (
        load_image(sample_path(name), size=64)[:40, :40] for name in ("chelsea", "horse")
    )
    assert Judge(content, style, vgg)(style).style == pytest.approx(0, abs=1e-4)


def test_parts_are_the_means_of_their_kinds_and_kinds_those_of_their_layers(vgg, pair):
    found = Judge(*pair, vgg)(picture_of(np.random.default_rng(0), 40, 64))
    figures = found.figures
    kinds = ["features", "self-similarity", "structure"]
    assert found.content == pytest.approx(np.mean([figures[f"content/{k}"] for k in kinds]))
    kinds = ["frechet", "sliced", "patches"]
    assert found.style == pytest.approx(np.mean([figures[f"style/{k}"] for k in kinds]))
    layers = [figures[f"style/frechet/{name}"] for name in LAYERS]
    assert figures["style/frechet"] == pytest.approx(np.mean(layers))
    assert found.score == pytest.approx((1 + found.content) * (1 + found.style))
    assert figures["copied"] == found.copied
    assert json.loads(json.dumps(found.as_dict()))["score"] == found.score


def test_the_same_pictures_have_one_judgement(vgg, pair, tmp_path):
    result = picture_of(np.random.default_rng(1), 43, 64)
    assert measure.judge(*pair, result, vgg) == measure.judge(*pair, result, vgg)


def test_other_sizes_are_judged_at_the_results_and_told(vgg, pair, monkeypatch):
    content, style = pair
    assert judgement.LARGEST == 512
    monkeypatch.setattr(judgement, "LARGEST", 96)
    found = Judge(resize_image(content, 80), style, vgg)(content)
    assert found.size == content.shape[:2]
    assert found.resized == ["content"]
    large = Judge(content, style, vgg)(resize_image(content, 120))
    assert max(large.size) == 96
    assert large.resized == ["content", "style", "result"]


@pytest.mark.slow
def test_of_several_paintings_each_counts_by_its_weight(vgg, pair):
    content, style = pair
    other = picture_of(np.random.default_rng(3), 64, 48)
    result = match_colors(content, style)
    one, two = (Judge(content, each, vgg)(result) for each in (style, other))
    both = judgement.judge(content, [style, other], result, vgg, [3, 1])
    for name in ("content/features", "style/frechet"):
        assert both.figures[name] == pytest.approx(
            0.75 * one.figures[name] + 0.25 * two.figures[name]
        )
    assert both.style == pytest.approx(0.75 * one.style + 0.25 * two.style)
    assert both.score == pytest.approx((1 + both.content) * (1 + both.style))
    assert both.copied == max(one.copied, two.copied)
    assert judgement.judge(content, [style], result, vgg) == one
    copy = judgement.judge(content, [other, style], style, vgg)
    assert copy.copied == judgement.judge(content, style, style, vgg).copied > 0.9
    for weights in ([1], [0, 0], [2, -1]):
        with pytest.raises(SettingError, match="for 2 paintings: give one of at least 0 for each"):
            judgement.judge(content, [style, other], result, vgg, weights)


def test_bad_pictures_are_refused(vgg, pair):
    content, style = pair
    with pytest.raises(SettingError, match=f"result has 64×{SMALLEST - 1} pixels: give one of"):
        Judge(content, style, vgg)(content[: SMALLEST - 1])
    narrow = picture_of(np.random.default_rng(0), 300, 72)
    with pytest.raises(SettingError, match="style, 72×300 pixels, is too narrow: made as long as"):
        Judge(content, narrow, vgg)(content)
    assert Judge(content, narrow[:288], vgg)(content).style == 1  # 16 at 64: just wide enough
    with pytest.raises(
        SettingError, match=r"content and style are alike \(\w+\): there is nothing"
    ):
        Judge(content, content, vgg)(content)
    with pytest.raises(ImageError, match="there is no file"):
        measure.judge(content, style, "nowhere.png", vgg)
    with pytest.raises(ImageError, match=r"did you mean chelsea\?"):
        measure.judge("chelse", style, content, vgg)


def test_samples_are_judged_by_their_names(vgg):
    chelsea = sample_path("chelsea")
    by_name = Judge("chelsea", "starry_night", vgg)
    assert np.array_equal(by_name.content, load_image(chelsea))
    assert np.array_equal(by_name.style, load_image(sample_path("starry_night")))


@pytest.mark.slow
@pytest.mark.parametrize(("content_name", "style_name"), PAIRS)
def test_the_order_is_the_one_that_everybody_sees(vgg, content_name, style_name):
    content = load_image(sample_path(content_name), size=128)
    style = load_image(sample_path(style_name))
    pixels = content.shape[0] * content.shape[1]
    painted = {
        name: transfer(content, style, size=128, iterations=30, vgg=vgg, beta=beta * pixels).image
        for name, beta in {"good": 0.03, "dissolved": 3.0}.items()
    }
    pictures = {
        "content": content,
        "matched": match_colors(content, resize_image(style, 128), "cholesky"),
        **painted,
        "piece": _piece(style, content.shape[:2]),
        "noise": picture_of(np.random.default_rng(0), *content.shape[:2]),
    }
    judge = Judge(content, style, vgg)
    found = {name: judge(image) for name, image in pictures.items()}
    for kind in ("features", "self-similarity", "structure"):
        values = [each.figures[f"content/{kind}"] for each in found.values()]
        assert values[:4] == sorted(values[:4]), kind
        # what is dissolved may have as little of the photograph as what never had any
        assert values[3] < 1.01 * values[4]
        assert values[5] > 0.9
    for kind in ("frechet", "sliced", "patches"):
        of = {name: each.figures[f"style/{kind}"] for name, each in found.items()}
        assert max(of["good"], of["dissolved"], of["piece"]) < of["matched"], kind
        assert of["matched"] < of["content"] < of["noise"], kind
    assert found["good"].score < found["dissolved"].score < found["noise"].score
    assert max(found, key=lambda name: found[name].copied) == "piece"
