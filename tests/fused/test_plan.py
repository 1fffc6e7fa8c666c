"""Which rows are done together."""

import numpy as np
import pytest

from nst_numpy.training.sequential import AvgPool, Conv, Dense, Flatten, MaxPool, ReLU, Sequential
from nst_numpy.vgg import VGG
from tests.fused.drawn import Half


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


def methods_and_names(rows, shape, wanted, dtype=np.float32):
    net = Sequential(rows, shape, dtype=dtype)
    blocks = net.plan((1, *shape), wanted).blocks
    return [(type(block).__name__, " ".join(block.names)) for block in blocks]


WIDE = (16, 16, 32)  # Winograd is faster from here on


def conv(filters=32):
    return Conv(filters, 3, pad=1)


@pytest.mark.parametrize(
    ("pool", "joined"),
    [
        (MaxPool(2), True),
        (AvgPool(2), True),
        (AvgPool(4), True),
        (AvgPool((2, 4)), True),
        (MaxPool(3), False),  # its windows would lie in two tiles
        (MaxPool(2, 1), False),
        (MaxPool(2, 3), False),
        (AvgPool(2, pad=1), False),
    ],
)
def test_a_pool_is_joined_if_each_window_lies_in_one_tile(pool, joined):
    found = methods_and_names([conv(), ReLU(), pool], WIDE, ["pool1"])
    apart = [("ConvReLU", "conv1 relu1"), ("PoolAlone", "pool1")]
    assert found == ([("ConvReLUPool", "conv1 relu1 pool1")] if joined else apart)


def test_a_pool_is_not_joined_to_what_is_no_case_for_winograd():
    for rows, shape, dtype in (
        ([Conv(32, 3), ReLU(), MaxPool(2)], WIDE, np.float32),
        ([conv(31), ReLU(), MaxPool(2)], WIDE, np.float32),
        ([conv(), ReLU(), MaxPool(2)], (7, 9, 32), np.float32),
        ([conv(), ReLU(), MaxPool(2)], WIDE, np.float64),
        ([Conv(32, 3, 1, 1), ReLU(), MaxPool(2)], (99, 32), np.float32),
    ):
        found = methods_and_names(rows, shape, ["pool1"], dtype)
        assert found == [("ConvReLU", "conv1 relu1"), ("PoolAlone", "pool1")]
    found = methods_and_names([conv(), MaxPool(2)], WIDE, ["pool1"])
    assert found == [("ConvAlone", "conv1"), ("PoolAlone", "pool1")]


def test_a_relu_that_is_wanted_stays_with_its_pool_and_a_convolution_does_not():
    rows = [conv(), ReLU(), MaxPool(2)]
    assert methods_and_names(rows, WIDE, ["relu1", "pool1"]) == [
        ("ConvReLUPool", "conv1 relu1 pool1")
    ]
    assert methods_and_names(rows, WIDE, ["conv1", "pool1"]) == [
        ("ConvAlone", "conv1"), ("OneRow", "relu1"), ("PoolAlone", "pool1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lower", "together"),
    [
        (Conv(32, 3, pad=1), True),
        (Conv(32, 3, pad=0), True),
        (Conv(33, 3, pad=1), True),
        (Conv(32, 5, pad=2), False),  # 5·5·3 numbers a position are more than 32
        (Conv(32, 3, 2, 1), False),
    ],
)
def test_the_first_two_are_done_together_where_less_is_kept(lower, together):
    rows = [lower, ReLU(), conv(), ReLU()]
    joined = [("FirstTwo", "conv1 relu1 conv2 relu2")]
    apart = [("ConvReLU", "conv1 relu1"), ("ConvReLU", "conv2 relu2")]
    for wanted in (["relu2"], ["relu1", "relu2"]):
        assert methods_and_names(rows, (32, 32, 3), wanted) == (joined if together else apart)


def test_the_first_two_are_done_apart_where_the_gradient_between_them_is_needed_whole():
    rows = [conv(), ReLU(), conv(), ReLU()]
    apart = [("ConvAlone", "conv1"), ("OneRow", "relu1"), ("ConvReLU", "conv2 relu2")]
    assert methods_and_names(rows, (16, 16, 3), ["conv1", "relu2"]) == apart
    # the second is no case for Winograd; the first is
    rows = [conv(), ReLU(), Conv(32, 3), ReLU()]
    assert len(methods_and_names(rows, (16, 16, 3), ["relu2"])) == 2
    rows = [conv(288), ReLU(), conv(), ReLU()]  # the first is one too, of 9·32 = 288 filters
    assert len(methods_and_names(rows, WIDE, ["relu2"])) == 2


def test_a_plan_ends_at_the_deepest_layer_wanted():
    rows = [conv(), ReLU(), MaxPool(2), Flatten(), Dense(3)]
    assert methods_and_names(rows, WIDE, ["conv1"]) == [("ConvAlone", "conv1")]
    assert methods_and_names(rows, WIDE, ["relu1"]) == [("ConvReLU", "conv1 relu1")]
    assert methods_and_names(rows, WIDE, ["dense1"])[1:] == [
        ("OneRow", "flatten1"),
        ("OneRow", "dense1"),
    ]


def test_rows_that_are_kinds_of_known_ones_are_done_by_their_own_functions():
    class Absolute(ReLU):
        pass

    class Filter(Conv):
        pass

    class Peaks(MaxPool):
        pass

    rows = [conv(), Absolute(), Filter(32, 3, pad=1), ReLU(), Peaks(2)]
    assert methods_and_names(rows, WIDE, ["pool1"]) == [
        ("ConvAlone", "conv1"), ("OneRow", "relu1"), ("OneRow", "conv2"), ("OneRow", "relu2"),
        ("OneRow", "pool1"),
    ]  # fmt: skip


def bytes_of(kept):
    """Add up the arrays in what blocks keep, each once."""
    if isinstance(kept, np.ndarray):
        return kept.nbytes
    return sum(map(bytes_of, kept)) if isinstance(kept, (tuple, list)) else 0


@pytest.mark.parametrize("pool", ["avg", "max"])
@pytest.mark.parametrize("wanted", [["relu3_1"], ["pool3"], ["relu1_1", "relu2_1"], ["conv2_1"]])
def test_the_kept_bytes_are_those_of_the_arrays_that_are_kept(pool, wanted):
    vgg = VGG.random(
        (32, 40, 48), np.random.default_rng(0), convolutions=(2, 2, 1), pool=pool, dtype=np.float32
    )
    x = np.zeros((2, 37, 46, 3), np.float32)
    vgg.forward(x, wanted)
    assert vgg.kept_bytes(x.shape, wanted) == bytes_of(vgg._own.tape.caches.kept)


def test_the_kernel_bytes_are_those_of_the_kernels_that_are_kept():
    vgg = VGG.random((32, 64), np.random.default_rng(0), convolutions=(1, 2), dtype=np.float32)
    x = np.zeros((1, 32, 32, 3), np.float32)
    features = vgg.forward(x, ["relu2_2"])
    vgg.backward(features)
    kept = [bytes_of(pair) for _, pair in vgg._engine._kernels._kept.values()]
    assert vgg.plan(x.shape, ["relu2_2"]).kernel_bytes == sum(kept) == 2 * 4 * 36 * (32 + 64) * 64
    net = Sequential([conv(), ReLU()], WIDE)  # parameters that may change: nothing stays
    assert net.plan((1, *WIDE), ["relu1"]).kernel_bytes == 0
