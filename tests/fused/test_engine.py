"""The fused engine is held to the plain one, which is the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nst_numpy.kernels import methods
from nst_numpy.layers.activation import RELU_RULES
from nst_numpy.network import (
    AvgPool,
    Conv,
    Dense,
    Flatten,
    GlobalAvgPool,
    MaxPool,
    ReLU,
    Row,
    Sequential,
)
from nst_numpy.vgg import VGG


class Half(Row):
    """A layer that no block knows."""

    kind = "half"
    up = staticmethod(lambda x: (x / 2, None))
    down = staticmethod(lambda grad_out, cache: grad_out / 2)


ACTIVATIONS = (ReLU(), ReLU(), ReLU(), Half())
POOLS = (AvgPool(2), MaxPool(2), AvgPool(3, 2), MaxPool(2, 1))


@st.composite
def rows_and_shape(draw):
    """Draw the rows of a small network in 1, 2 or 3 dimensions, and the shape of an input."""
    axes = draw(st.integers(1, 3))
    sizes = [draw(st.integers(9, 17 if axes < 3 else 10)) for _ in range(axes)]
    shape = start = (draw(st.integers(1, 2)), *sizes, draw(st.integers(1, 3)))
    rows = []
    for _ in range(draw(st.integers(1, 4))):
        kernel, pad = draw(st.sampled_from([(1, 0), (3, 1), (3, 0), (2, "same")]))
        conv = Conv(draw(st.integers(1, 9)), kernel, draw(st.integers(1, 2)), pad)
        for row in (conv, draw(st.sampled_from(ACTIVATIONS)), draw(st.sampled_from(POOLS))):
            if draw(st.integers(0, 4)) and min(shape[1:-1]) > 2:
                rows.append(row)
                shape = row.out_shape("test", shape)
    if draw(st.booleans()):
        rows += [draw(st.sampled_from([GlobalAvgPool(), Flatten()])), Dense(3)]
    return [*rows, ReLU()], start


@st.composite
def networks(draw):
    """Draw one network in both engines, an input, layers to look at, and layers with gradients."""
    rows, shape = draw(rows_and_shape())
    dtype = draw(st.sampled_from([np.float64, np.float32]))
    nets = [
        Sequential(rows, shape[1:], np.random.default_rng(1), dtype, engine=engine)
        for engine in ("fused", "plain")
    ]
    names = nets[0].layer_names
    wanted = nets[0].check_names(draw(st.sets(st.sampled_from(names), min_size=1)))
    reached = names[: names.index(wanted[-1]) + 1]
    given_at = draw(st.sets(st.sampled_from(reached), min_size=1))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return nets, rng.standard_normal(shape).astype(dtype), wanted, given_at, rng


def assert_equal(got, want):
    tolerance = 1e-12 if got.dtype == np.float64 else 3e-5
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= tolerance * max(np.abs(want).max(), 1)


@settings(max_examples=150, deadline=None)
@given(networks(), st.sampled_from(RELU_RULES))
def test_any_small_network_gives_the_same(drawn, relu):
    (fused, plain), x, wanted, given_at, rng = drawn
    features, expected = fused.forward(x, wanted), plain.forward(x, wanted)
    assert list(features) == list(expected)
    for name, a in features.items():
        assert_equal(a, expected[name])
    shapes = fused.feature_shapes(x.shape, given_at)
    grads = {name: rng.standard_normal(shape).astype(x.dtype) for name, shape in shapes.items()}
    before = {name: grad.copy() for name, grad in grads.items()}
    assert_equal(fused.backward(grads, relu=relu), plain.backward(grads, relu=relu))
    for name, grad in grads.items():  # what the caller gave is the caller's
        np.testing.assert_array_equal(grad, before[name])


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


def test_the_plan_of_vgg_16():
    vgg = VGG.random(
        (64, 128, 256), np.random.default_rng(0), convolutions=(2, 2, 3), dtype=np.float32
    )
    plan = vgg.plan((1, 64, 64, 3), ["relu1_1", "relu2_1", "relu3_3"])
    assert [" ".join(block.names) for block in plan.blocks] == [
        "conv1_1 relu1_1 conv1_2 relu1_2 pool1",
        "conv2_1 relu2_1",
        "conv2_2 relu2_2 pool2",
        "conv3_1 relu3_1",
        "conv3_2 relu3_2",
        "conv3_3 relu3_3",
    ]
    assert plan.blocks[0].method == "im2col, winograd"
    masks = 64 * 64 * (64 + 64) // 8 + 32 * 32 * (128 + 128) // 8 + 16 * 16 * 3 * 256 // 8
    pools = 4 * (32 * 32 + 16 * 16)  # how many inputs each position averages
    assert plan.kept_bytes == masks + pools == vgg.kept_bytes((1, 64, 64, 3), ["relu3_3"])


def test_what_is_wanted_is_left_whole_and_what_no_block_knows_is_done_plainly():
    net = Sequential([Conv(4, 3), Half(), Conv(4, 3), ReLU(), MaxPool()], (20, 20, 1))
    names = [block.names for block in net.plan((1, 20, 20, 1), ["conv2", "pool1"]).blocks]
    assert names == [("conv1",), ("half1",), ("conv2",), ("relu2",), ("pool1",)]
    names = [block.names for block in net.plan((1, 20, 20, 1), ["pool1"]).blocks]
    assert names == [("conv1",), ("half1",), ("conv2", "relu2"), ("pool1",)]


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
