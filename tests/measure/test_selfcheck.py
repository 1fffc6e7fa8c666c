from itertools import islice

import numpy as np
import pytest

from nst_numpy.measure import selfcheck
from nst_numpy.measure.selfcheck import LAYERS, LOSSES, own_checks
from nst_numpy.vgg import VGG

OBJECTIVES = [
    "objective, small network",
    "objective, VGG-16, average pools",
    "objective, VGG-16, max pools",
    "objective, VGG-16, in float32",
]


@pytest.fixture
def tiny(monkeypatch):
    """Let a network with VGG's names and few channels stand for VGG-16."""
    rng = np.random.default_rng(0)
    params = VGG.random((3, 4, 4, 4, 4), rng, convolutions=(1, 1, 1, 2, 1)).params

    def load(path=None, pool="avg", dtype=np.float32):
        return VGG({k: tuple(a.astype(dtype) for a in v) for k, v in params.items()}, pool)

    monkeypatch.setattr(VGG, "load", load)


def checks(seed=0):
    rng = np.random.default_rng(1)
    content, style = rng.integers(0, 256, (2, 16, 20, 3), dtype=np.uint8)
    return own_checks(content, style, seed)


def test_what_is_checked():
    for word in ("conv, 1-D", "conv, 2-D", "conv, 3-D", "max-pool", "average", "ReLU", "dense"):
        assert any(word in name for name in LAYERS)
    for word in ("content", "style", "total variation", "squared error", "cross-entropy"):
        assert any(word in name for name in LOSSES)
    for word in ("wasserstein", "neighbours"):
        assert any(word in name for name in LOSSES)


def test_tied_maxima_and_zeros_are_among_the_inputs():
    for name in ("max-pool, tied", "ReLU, zeros"):
        report = LAYERS[name](np.random.default_rng(1))
        assert report.arguments["x"].kinks > 0
    assert LAYERS["ReLU"](np.random.default_rng(1)).arguments["x"].kinks == 0


def test_all_of_it_in_order_and_right(tiny):
    rows = list(checks())
    assert [row.name for row in rows] == [*LAYERS, *LOSSES, *OBJECTIVES]
    for row in rows:
        assert row.report.ok, f"{row.name}: {row.report}"
        assert row.seconds > 0
    for row in rows[:-3]:  # the last three follow directions
        assert all(part.checked == part.entries > 0 for part in row.report.arguments.values())
    for row in rows[-3:]:
        single = row.name.endswith("in float32")
        for part in row.report.arguments.values():
            assert (part.tolerance == selfcheck.SINGLE) is single


def test_the_seed_decides():
    once, again, other = ([row.report.worst for row in islice(checks(s), 3)] for s in (5, 5, 6))
    assert once == again
    assert once != other


def test_a_wrong_way_back_through_a_layer_is_noticed(monkeypatch):
    backward = selfcheck.layers.conv_backward

    def wrong(grad_out, cache):
        grad_x, grad_w, grad_b = backward(grad_out, cache)
        return grad_x, 1.01 * grad_w, grad_b

    monkeypatch.setattr(selfcheck.layers, "conv_backward", wrong)
    for name in [name for name in LAYERS if name.startswith("conv")]:
        report = LAYERS[name](np.random.default_rng(1))
        assert not report.ok
        assert report.diagnosis.argument == "w"


@pytest.mark.parametrize(
    ("name", "module", "function"),
    [
        ("content", "losses", "content_loss"),
        ("style", "losses", "style_loss"),
        ("wasserstein", "losses", "wasserstein_loss"),
        ("neighbours", "losses", "neighbour_loss"),
        ("total variation", "losses", "total_variation_loss"),
        ("mean squared error", "training", "mean_squared_error"),
        ("softmax cross-entropy", "training", "softmax_cross_entropy"),
    ],
)
def test_a_wrong_gradient_of_a_loss_is_noticed(monkeypatch, name, module, function):
    home = getattr(selfcheck, module)
    right = getattr(home, function)

    def wrong(*args):
        value, grad = right(*args)
        return value, 1.01 * grad

    monkeypatch.setattr(home, function, wrong)
    for each, check in LOSSES.items():
        assert check(np.random.default_rng(1)).ok is (each != f"loss, {name}")


def test_a_wrong_way_back_through_the_network_is_noticed(tiny, monkeypatch):
    backward = VGG.backward
    monkeypatch.setattr(VGG, "backward", lambda *args: 1.01 * backward(*args))
    monkeypatch.setattr(selfcheck, "LAYERS", {})
    monkeypatch.setattr(selfcheck, "LOSSES", {})
    rows = list(checks())
    assert [row.name for row in rows] == OBJECTIVES
    assert not any(row.report.ok for row in rows)
