"""The fused engine is held to the plain one, which is the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nst_numpy.fused.engine import MOST_PLANS
from nst_numpy.kernels import memory, methods
from nst_numpy.kernels.winograd import TILES
from nst_numpy.layers.activation import RELU_RULES
from nst_numpy.training.sequential import Conv, ReLU, Sequential
from nst_numpy.vgg import VGG
from tests.fused.drawn import Half, assert_equal, assert_same, networks


@settings(max_examples=150)
@given(networks(), st.sampled_from(RELU_RULES))
def test_any_small_network_gives_the_same(drawn, relu):
    assert_same(drawn, relu)


@settings(max_examples=60)
@given(networks(winograd=True), st.sampled_from(RELU_RULES))
def test_any_small_network_by_winograd_gives_the_same(drawn, relu):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(methods, "WINOGRAD_CHANNELS", {(3, 3): 2})
        patch.setattr(methods, "WINOGRAD_POSITIONS", {2: 1})
        assert_same(drawn, relu)


@settings(max_examples=30)
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


def test_inputs_and_layers_may_change_from_one_pass_to_the_next():
    """Each has its plan, and those that are forgotten are made anew."""
    rows = [Conv(4, 3, pad=1), ReLU(), Conv(3, 2), ReLU()]
    fused, plain = (
        Sequential(rows, (9, 9, 2), np.random.default_rng(0), np.float64, engine=engine)
        for engine in ("fused", "plain")
    )
    rng = np.random.default_rng(1)
    for _ in range(2):
        for i in range(MOST_PLANS + 2):
            x = rng.standard_normal((1 + i % 3, 9 - i % 4, 6 + i, 2))
            for wanted in (["relu2"], ["conv1", "relu2"]):
                features, expected = fused.forward(x, wanted), plain.forward(x, wanted)
                assert_equal(features["relu2"], expected["relu2"])
                assert_equal(fused.backward(features), plain.backward(features))
    assert len(fused._engine._plans) == MOST_PLANS


@pytest.mark.parametrize("engine", ["fused", "plain"])
def test_rows_above_the_deepest_gradient_have_no_work(engine):
    called = []

    class Counted(Half):
        kind = "counted"
        down = staticmethod(lambda grad_out, cache: called.append(1) or grad_out / 2)

    net = Sequential([Counted(), ReLU(), Counted()], (4, 2), dtype=np.float64, engine=engine)
    features = net.forward(np.ones((1, 4, 2)), ["counted1", "counted2"])
    assert net.backward({"counted1": features["counted1"]}).tolist() == [[[0.25] * 2] * 4]
    assert len(called) == 1
    net.backward(features)
    assert len(called) == 3


def test_memory_is_kept_while_one_pass_is_like_the_other():
    net = Sequential([Conv(2, 3), ReLU()], (9, 1), dtype=np.float64)
    x = np.zeros((1, 9, 1))
    kept = []
    for y, name in [(x, "relu1"), (x, "relu1"), (x, "relu1"), (x[:, 1:], "relu1"), (x, "conv1")]:
        net.forward(y, [name])
        kept.append(net._engine._own.memory)
    assert kept[1] is kept[2] is not None
    assert kept[0] is kept[3] is kept[4] is None


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


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("kernel", sorted(TILES))
def test_every_kernel_of_winograd_gives_the_same(kernel, fixed, monkeypatch):
    """With parameters that stay, whose transforms are kept, and with those that may change."""
    monkeypatch.setattr(methods, "WINOGRAD_CHANNELS", dict.fromkeys(TILES, 1))
    monkeypatch.setattr(methods, "WINOGRAD_POSITIONS", dict.fromkeys((1, 2, 3), 1))
    shape = (*(9 + axis for axis in range(len(kernel))), 2)
    rows = [Conv(4, kernel, pad=1), ReLU(), Conv(3, kernel, pad=2), ReLU()]
    nets = [
        Sequential(rows, shape, np.random.default_rng(1), np.float32, engine=engine)
        for engine in ("fused", "plain")
    ]
    for w, _ in nets[0].params.values() if fixed else ():
        w.flags.writeable = False
    x = np.random.default_rng(2).standard_normal((2, *shape)).astype(np.float32)
    plan = nets[0].plan(x.shape, ["relu2"])
    assert {block.method for block in plan.blocks} == {"winograd"}
    fused, plain = (net.forward(x, ["relu2"])["relu2"] for net in nets)
    assert_equal(fused, plain)
    assert_equal(*(net.backward({"relu2": plain}) for net in nets))


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
