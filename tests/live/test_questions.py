import json

import numpy as np
import pytest

from nst_numpy.errors import SettingError, UnknownNameError
from nst_numpy.live.asked import Question
from nst_numpy.live.channels import Aids, Cancelled
from nst_numpy.live.moment import COLOURS, Moment
from nst_numpy.live.questions import answer
from nst_numpy.live.sums import ENOUGH
from nst_numpy.look import trace
from nst_numpy.objective import Objective
from nst_numpy.vgg import VGG

MARGIN = 2
LAYERS = {"content_layers": {"relu2_1": 1.0},
          "style_layers": {"relu1_1": 1.0, "relu2_1": 0.5, "relu3_1": 1.0}}  # fmt: skip


def scene(seed=0, pool="avg", dtype=np.float32, **settings):
    rng = np.random.default_rng(seed)
    vgg = VGG.random((4, 6, 5), np.random.default_rng(seed), pool=pool)
    if dtype == np.float32:
        params = {n: tuple(p.astype(dtype) for p in both) for n, both in vgg.params.items()}
        vgg = VGG(params, pool)
    content, style, x = rng.uniform(-100, 100, (3, 1, 20, 24, 3)).astype(dtype)
    objective = Objective(vgg, content, style, beta=50.0, **(LAYERS | settings))
    moment = Moment(objective, x, MARGIN)
    images = rng.integers(0, 256, (2, 16, 20, 3), dtype=np.uint8)
    return moment, Aids(content, style, *images)


def ask(moment, aids, question, told=lambda part, words: None):
    found = answer(moment, Question.read(question), aids, told)
    record = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    for each in record["sums"]:
        total = sum(part["value"] for part in each["parts"]) + each["rest"]
        assert abs(total - each["value"]) <= ENOUGH * (abs(each["value"]) or 1.0), each["name"]
        assert each["addsUp"]
    assert record["code"]
    return record


def pixel(row=9, col=7, colour="red"):
    return {"kind": "pixel", "row": row, "col": col, "colour": colour}


KINDS = [
    {}, {"pool": "max"}, {"tv_weight": 0.5}, {"style_loss": "wasserstein"},
    {"convention": "johnson", "tv_weight": 0.5}, {"dtype": np.float64},
    {"style_loss": "neighbours", "style_layers": {"relu1_1": 1.0, "relu3_1": 1.0}},
]  # fmt: skip


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_every_question_that_an_answer_leads_to_adds_up(settings):
    moment, aids = scene(**settings)
    rng = np.random.default_rng(1)
    asked, waiting = 0, [pixel(), pixel(0, 0, "blue"), pixel(15, 19, "green")]
    while waiting and asked < 25:
        record = ask(moment, aids, waiting.pop(int(rng.integers(len(waiting)))))
        asked += 1
        parts = [part["ask"] for each in record["sums"] for part in each["parts"] if part["ask"]]
        links = [link["ask"] for link in record["links"] if link["ask"]["kind"] != "patches"]
        waiting += [*parts[:2], *parts[-1:], *links]
    assert asked == 25


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_the_number_of_a_pixel_is_that_of_the_optimiser(settings):
    moment, aids = scene(**settings)
    for row, col in ((0, 0), (9, 7)):
        for colour, channel in COLOURS.items():
            tiny = 1e-4 * float(np.abs(moment.gradient).max())
            value = ask(moment, aids, pixel(row, col, colour))["value"]
            own = moment.gradient[0, row + MARGIN, col + MARGIN, channel]
            assert value == pytest.approx(own, rel=1e-3, abs=tiny)


def test_the_terms_are_those_of_the_objective():
    moment, aids = scene(tv_weight=0.5, dtype=np.float64)
    whole = moment.objective.gradient_terms(moment.x)
    record = ask(moment, aids, pixel())
    for part in record["sums"][0]["parts"]:
        own = [g for term, g in whole.items() if term.partition("/")[0] == part["name"]]
        expected = sum(g[0, 9 + MARGIN, 7 + MARGIN, 2] for g in own)
        assert part["value"] == pytest.approx(expected, rel=1e-9)
    style = next(part for part in record["sums"][0]["parts"] if part["name"] == "style")
    layers = ask(moment, aids, style["ask"])["sums"][0]["parts"]
    for part in layers:
        expected = whole[f"style/{part['name']}"][0, 9 + MARGIN, 7 + MARGIN, 2]
        assert part["value"] == pytest.approx(expected, rel=1e-9)


def test_a_unit_on_the_way_up_is_its_trace():
    moment, aids = scene()
    question = {"kind": "forward", "layer": "relu2_1", "channel": 3, "at": [4, 5]}
    record = ask(moment, aids, question)
    unit = trace(moment.objective.vgg, moment.x, "relu2_1", 3, 4, 5)
    assert record["value"] == pytest.approx(unit.sum, rel=1e-12)
    assert record["sums"][0]["parts"][0]["name"] == "bias" or unit.bias == 0


def test_a_unit_on_the_way_down_is_what_j_changes_by():
    moment, aids = scene(dtype=np.float64)
    layer, channel, at = "relu2_1", 2, (5, 6)
    question = {"kind": "backward", "layer": layer, "channel": channel, "at": list(at)}
    value = ask(moment, aids, question)["value"]
    # J as a function of relu2_1 alone, its own losses and those above
    objective, network = moment.objective, moment.objective.vgg
    names = network.layer_names[network.layer_names.index(layer) + 1 :]

    def j(a):
        features = dict(moment.features) | {layer: a}
        for name in names[: names.index("relu3_1") + 1]:
            a, _ = network.layers[name].forward(a, network.params.get(name, ()))
            features[name] = a
        style = sum(v for _, v, _ in objective.measured_style.terms(features))
        return style + sum(v for _, v, _ in objective._content_terms(features))

    steps = []
    for sign in (1, -1):
        a = moment.features[layer].copy()
        a[(0, *at, channel)] += sign * 1e-4
        steps.append(j(a))
    assert value == pytest.approx((steps[0] - steps[1]) / 2e-4, rel=1e-5)


def test_a_channel_fires_with_others_and_has_its_patches(monkeypatch):
    from nst_numpy.live import channels

    files = channels.photo_paths()[:3]
    monkeypatch.setattr(channels, "photo_paths", lambda: files)
    monkeypatch.setattr(channels, "TOGETHER", 2)
    monkeypatch.setattr(channels, "SIDE", 24)
    moment, aids = scene()
    record = ask(moment, aids, {"kind": "channel", "layer": "relu2_1", "channel": 1})
    assert [each["name"] for each in record["pictures"]] == [
        "the picture now", "the photograph", "the painting"
    ]  # fmt: skip
    parts = [part["value"] for part in record["sums"][0]["parts"]]
    assert parts == sorted(parts, reverse=True)
    question, told = {"kind": "patches", "layer": "relu2_1", "channel": 1}, []
    record = ask(moment, aids, question, lambda *words: told.append(words))
    assert [part for part, _ in told] == [0, 2 / 3]
    assert len(record["pictures"]) == 1
    told.clear()
    ask(moment, aids, question | {"channel": 2}, lambda *words: told.append(words))
    assert told == []  # the scan of a layer is for all its channels


def test_a_long_answer_can_be_cancelled():
    moment, aids = scene()

    def told(part, words):
        raise Cancelled

    question = {"kind": "patches", "layer": "relu1_1", "channel": 0}
    with pytest.raises(Cancelled):
        ask(moment, aids, question, told)
    assert aids.scans == {}


def test_a_stroke_has_its_place_and_others_have_none():
    moment, aids = scene(style_loss="neighbours", style_layers={"relu2_1": 1.0})
    before = moment.objective.matches
    record = ask(moment, aids, {"kind": "stroke", "row": 3, "col": 4})
    assert -1 <= record["value"] <= 1
    assert moment.objective.matches is before
    moment, aids = scene()
    with pytest.raises(SettingError, match="style loss neighbours"):
        ask(moment, aids, {"kind": "stroke", "row": 3, "col": 4})


@pytest.mark.parametrize(
    "question",
    [
        None, [], {"kind": 3}, {"kind": "nothing"}, {"kind": "pixel"}, pixel(row=-1), pixel(row=16),
        pixel(col=20), pixel(row=1.5), pixel(row=True), pixel(colour="violet"), pixel(row=10**30),
        pixel(colour=["red"]), pixel() | {"kind": "term", "term": "nothing"},
        pixel() | {"kind": "layer", "term": "style/relu1_1", "layer": "relu2_1"},
        pixel() | {"kind": "layer", "term": "style/relu1_1", "layer": "relu9_9"},
        {"kind": "forward", "layer": "relu1_1", "channel": 4, "at": [0, 0]},
        {"kind": "forward", "layer": "relu1_1", "channel": 0, "at": [0, 99]},
        {"kind": "forward", "layer": "relu1_1", "channel": 0, "at": [0]},
        {"kind": "forward", "layer": "relu1_1", "channel": 0, "at": "00"},
        {"kind": "backward", "layer": "conv1_1", "channel": 0, "at": [0, 0]},
        {"kind": "channel", "layer": "<b>", "channel": 0},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_question_is_refused_in_one_sentence(question):
    moment, aids = scene()
    with pytest.raises((SettingError, UnknownNameError)) as caught:
        ask(moment, aids, question)
    assert "\n" not in str(caught.value)
