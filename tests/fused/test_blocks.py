"""Pieces of the blocks; that whole networks of them are right is in test_engine."""

import numpy as np
import pytest

from nst_numpy.fused.blocks import ConvReLUPool, FirstTwo, KeptKernels, WayDown
from nst_numpy.fused.gradients import GradientInParts
from nst_numpy.kernels.parts import WHOLE
from nst_numpy.kernels.winograd import flip_kernel, transform_kernel
from nst_numpy.training.sequential import AvgPool, Conv, MaxPool, ReLU, Row, Sequential
from tests.fused.drawn import assert_equal

RNG = np.random.default_rng(0)


def test_a_gradient_of_the_losses_is_given_once():
    grad = np.arange(6.0).reshape(1, 2, 3)
    grads = {"relu1": grad, "relu2": GradientInParts(grad.shape, grad.dtype, double)}
    way = WayDown(grads, "guided")
    assert way.own("conv1") is None
    for name, expected in (("relu1", 1 + grad), ("relu2", [[[2.0] * 3] * 2])):
        part = np.ones_like(grad)
        way.own(name)(part, WHOLE)
        np.testing.assert_array_equal(part, expected)
        assert way.own(name) is None
    assert set(grads) == {"relu1", "relu2"}  # what the caller gave is the caller's
    assert way.relu == "guided"


def double(part, place):
    part *= 2


def test_a_gradient_is_added_at_its_place():
    grad = RNG.standard_normal((2, 5, 6, 3))
    place = (1, slice(2, 4), slice(1, 6))
    part = np.ones((2, 5, 3))
    WayDown({"relu1": grad}, "gradient").own("relu1")(part, place)
    np.testing.assert_array_equal(part, 1 + grad[place])


def fixed(w):
    w = w.view()
    w.flags.writeable = False
    return w


def test_kernels_are_kept_for_parameters_that_cannot_change_only():
    w = RNG.standard_normal((3, 3, 4, 5)).astype(np.float32)
    params = {"mine": (w, None), "fixed": (fixed(w.copy()), None)}
    kernels = KeptKernels(params)
    assert not kernels.is_fixed("mine")
    assert kernels.is_fixed("fixed")
    assert kernels.forward("fixed") is kernels.forward("fixed")
    np.testing.assert_array_equal(kernels.forward("mine"), transform_kernel(w))
    np.testing.assert_array_equal(kernels.backward("mine"), flip_kernel(transform_kernel(w)))
    w *= 2
    np.testing.assert_array_equal(kernels.forward("mine"), transform_kernel(w))
    np.testing.assert_array_equal(kernels.backward("mine"), flip_kernel(transform_kernel(w)))
    before = kernels.backward("fixed").copy()
    params["fixed"] = (fixed(2 * params["fixed"][0]), None)  # other parameters in their place
    np.testing.assert_array_equal(kernels.backward("fixed"), 2 * before)


class Constant(Row):
    """A layer whose gradient is one number, seen everywhere, that cannot be written to."""

    kind = "constant"
    up = staticmethod(lambda x: (x.sum(axis=(1, 2), keepdims=True), x.shape))
    down = staticmethod(lambda grad_out, shape: np.broadcast_to(grad_out, shape))

    def out_shape(self, who, shape):
        return shape[0], 1, 1, shape[-1]


@pytest.mark.parametrize("engine", ["plain", "fused"])
def test_a_gradient_that_cannot_be_written_to_is_copied_first(engine):
    net = Sequential([ReLU(), Constant()], (4, 3, 2), dtype=np.float64, engine=engine)
    x = RNG.standard_normal((1, 4, 3, 2))
    net.forward(x, ["constant1"])
    grad = net.backward({"constant1": np.full((1, 1, 1, 2), 2.0), "relu1": np.ones((1, 4, 3, 2))})
    np.testing.assert_array_equal(grad, 3.0 * (x > 0))


def pair_of(rows, shape):
    return [
        Sequential(rows, shape[1:], np.random.default_rng(1), np.float32, engine=engine)
        for engine in ("fused", "plain")
    ]


@pytest.mark.parametrize("pool", [AvgPool(2), MaxPool(2), MaxPool(4), AvgPool((4, 2))])
@pytest.mark.parametrize("sizes", [(8, 8), (13, 22), (33, 34)])  # what no window sees is at the end
def test_convolution_relu_and_pool_in_one(pool, sizes):
    shape = (2, *sizes, 32)
    fused, plain = pair_of([Conv(40, 3, pad=1), ReLU(), pool, Conv(3, 1)], shape)
    assert isinstance(fused.plan(shape, ["conv2"]).blocks[0], ConvReLUPool)
    x = RNG.standard_normal(shape).astype(np.float32)
    for wanted in (["conv2"], ["relu1", "pool1", "conv2"]):
        features, expected = fused.forward(x, wanted), plain.forward(x, wanted)
        for name in wanted:
            assert_equal(features[name], expected[name])
        shapes = fused.feature_shapes(x.shape, ["conv1", "relu1", "pool1", "conv2"])
        grads = {n: RNG.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
        for names in (["conv2"], ["relu1"], ["conv1"], list(grads)):
            given = {name: grads[name] for name in names}
            assert_equal(fused.backward(given), plain.backward(given))


@pytest.mark.parametrize("upper", [[ReLU()], [], [ReLU(), MaxPool(2)]])
@pytest.mark.parametrize("below", [[], [Conv(3, 1)], [Conv(3, 1), ReLU()]])
@pytest.mark.parametrize("sizes", [(9, 10), (40, 61)])  # one piece of work, and several
def test_the_first_two_blocks_in_one(upper, below, sizes):
    shape = (2, *sizes, 3)
    fused, plain = pair_of([*below, Conv(32, 3, pad=1), ReLU(), Conv(32, 3, pad=1), *upper], shape)
    top = fused.layer_names[-1]
    blocks = fused.plan(shape, [top]).blocks
    assert any(isinstance(block, FirstTwo) for block in blocks) == (not below)
    x = RNG.standard_normal(shape).astype(np.float32)
    for net in (fused, plain):
        net.forward(x, [top])
    shapes = fused.feature_shapes(x.shape)
    grads = {n: RNG.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
    for names in ([top], list(grads), *([name] for name in grads)):
        given = {name: grads[name] for name in names}
        assert_equal(fused.backward(given), plain.backward(given))


def test_the_first_two_blocks_hand_on_their_gradient_as_others_do():
    shape = (1, 9, 10, 3)
    net, _ = pair_of([Conv(32, 3, pad=1), ReLU(), Conv(32, 3, pad=1)], shape)
    (block,) = net.plan(shape, ["conv2"]).blocks
    out, kept = block.up(RNG.standard_normal(shape).astype(np.float32), lambda *_: None)
    alone = block.down(out, kept, WayDown({}, "gradient"), None)
    handed_on = block.down(out, kept, WayDown({}, "gradient"), double)
    np.testing.assert_array_equal(handed_on, 2 * alone)
