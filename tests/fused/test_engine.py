"""The fused engine is held to the plain one, which is the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nst_numpy.kernels import memory, methods
from nst_numpy.layers.activation import RELU_RULES
from nst_numpy.training.sequential import Conv, ReLU, Sequential
from nst_numpy.vgg import VGG
from tests.fused.drawn import assert_equal, assert_same, networks


@settings(max_examples=150, deadline=None)
@given(networks(), st.sampled_from(RELU_RULES))
def test_any_small_network_gives_the_same(drawn, relu):
    assert_same(drawn, relu)


@settings(max_examples=60, deadline=None)
@given(networks(winograd=True), st.sampled_from(RELU_RULES))
def test_any_small_network_by_winograd_gives_the_same(drawn, relu):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(methods, "WINOGRAD_CHANNELS", 2)
        patch.setattr(methods, "WINOGRAD_POSITIONS", 1)
        assert_same(drawn, relu)


@settings(max_examples=30, deadline=None)
@given(networks(winograd=True))
def test_memory_that_is_used_again_is_nobody_elses(drawn):
    """In each pass all memory is that of arrays that are gone, and none of those still there."""
    (fused, plain), x, wanted, given_at, _ = drawn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "LARGE", 1)
        kept = []
        for factor in (1, -2, 3, 0.5):
            y = (x * factor).astype(x.dtype)
            expected, features = plain.forward(y, wanted), fused.forward(y, wanted)
            grads = {name: np.sin(a) for name, a in plain.forward(y, given_at).items()}
            plain.forward(y, wanted), fused.forward(y, wanted)
            kept += list(zip(features.values(), expected.values(), strict=True))
            kept.append((fused.backward(grads), plain.backward(grads)))
            for got, want in kept:
                assert_equal(got, want)


@pytest.mark.parametrize("pool", ["avg", "max"])
@pytest.mark.parametrize("relu", RELU_RULES)
@pytest.mark.parametrize(
    "wanted",
    [
        ["relu3_1"],
        ["relu1_1", "relu2_1", "relu3_1"],
        ["relu1_2", "pool2"],
        ["conv1_1", "conv1_2", "relu2_2", "conv3_1"],
    ],
)
def test_blocks_by_winograd_give_the_same(pool, relu, wanted):
    nets = [
        VGG.random(
            (32, 40, 48), np.random.default_rng(0), convolutions=(2, 2, 1), pool=pool,
            dtype=np.float32, engine=engine,
        )
        for engine in ("fused", "plain")
    ]  # fmt: skip
    x = np.random.default_rng(1).standard_normal((2, 41, 38, 3)).astype(np.float32)
    fused, plain = (net.forward(x, wanted) for net in nets)
    for name in wanted:
        assert_equal(fused[name], plain[name])
    grads = {"relu1_1": 0.1 * nets[0].forward(x, ["relu1_1"])["relu1_1"]} | plain
    for net in nets:
        net.forward(x, wanted)
    assert_equal(*(net.backward(grads, relu=relu) for net in nets))


def test_parameters_that_change_are_seen():
    rows = [Conv(32, 3, pad=1), ReLU(), Conv(32, 3, pad=1), ReLU()]
    net = Sequential(rows, (16, 16, 32))
    x = np.random.default_rng(0).standard_normal((1, 16, 16, 32)).astype(np.float32)
    assert "winograd" in net.plan(x.shape, ["relu2"]).blocks[0].method
    before = net.forward(x, ["relu2"])["relu2"].copy()
    for w, b in net.params.values():
        w *= 2
        b += 1
    after = net.forward(x, ["relu2"])["relu2"]
    plain = Sequential(rows, (16, 16, 32), params=net.params, engine="plain")
    assert not np.allclose(before, after)
    assert_equal(after, plain.forward(x, ["relu2"])["relu2"])
    net.backward({"relu2": after})
    net.params["conv1"] = (net.params["conv1"][0] * 0, net.params["conv1"][1])
    assert not np.allclose(after, net.forward(x, ["relu2"])["relu2"])


@pytest.mark.parametrize("shape", [(2, 61, 58, 3), (1, 90, 214, 3)])  # one piece, and many
def test_the_first_two_together_and_apart(shape, monkeypatch):
    x = np.random.default_rng(3).standard_normal(shape).astype(np.float32)
    grads = []
    for smaller in (methods.product_first_is_smaller, lambda w: False):
        monkeypatch.setattr("nst_numpy.fused.blocks.product_first_is_smaller", smaller)
        vgg = VGG.random((32, 64), np.random.default_rng(3), convolutions=(2, 1), dtype=np.float32)
        features = vgg.forward(x, ["relu1_1", "relu2_1"])
        grads.append(vgg.backward(features))
        np.testing.assert_array_equal(grads[-1], vgg.backward(features))
    np.testing.assert_allclose(*grads, rtol=1e-4, atol=1e-3)
