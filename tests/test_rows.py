"""What a row says of itself, and rows of one's own."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from nst_numpy import rows
from nst_numpy.errors import SettingError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.rows import Computed, carry_shape, kernel_shapes, name_rows
from nst_numpy.training import Adam, fit, mean_squared_error
from nst_numpy.training.sequential import (
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


@dataclass(frozen=True)
class Scale(Row):
    """out = x * w**power + b, channel by channel: functions given by `up` and `down`."""

    power: int = 1

    kind: ClassVar[str] = "scale"

    @staticmethod
    def up(x, w, b, power):
        return x * w[0] ** power + b, (x, w[0], power)

    @staticmethod
    def down(grad_out, cache):
        _, w, power = cache
        return grad_out * w**power

    def kernel_shape(self, who, shape):
        return 1, shape[-1]

    def param_gradients(self, grad_out, cache):
        x, w, power = cache
        positions = tuple(range(x.ndim - 1))
        grad_w = (grad_out * x).sum(axis=positions) * power * w ** (power - 1)
        return grad_w[None], grad_out.sum(axis=positions)


@dataclass(frozen=True)
class Shift(Row):
    """The same with methods of its own in place of `up` and `down`: out = x + b."""

    by: float = 1.0

    kind: ClassVar[str] = "shift"

    def kernel_shape(self, who, shape):
        return 1, shape[-1]

    def forward(self, x, params=()):
        return x + self.by * params[1], x.ndim

    def input_gradient(self, grad_out, cache, relu="gradient"):
        return grad_out

    def param_gradients(self, grad_out, cache):
        grad_b = self.by * grad_out.sum(axis=tuple(range(cache - 1)))
        return np.zeros((1, len(grad_b)), grad_out.dtype), grad_b


ROWS = [Conv(4, 3, pad=1), Scale(2), ReLU(), Shift(0.5), MaxPool(2), GlobalAvgPool(), Dense(1)]
SHAPES = [(8, 2), (6, 7, 2), (4, 5, 4, 2)]


def net_of(input_shape=SHAPES[0], dtype=np.float64, engine="fused"):
    return Sequential(ROWS, input_shape, np.random.default_rng(0), dtype, engine=engine)


@pytest.mark.parametrize("engine", ["plain", "fused"])
@pytest.mark.parametrize("input_shape", SHAPES)
def test_the_gradients_of_a_network_with_rows_of_ones_own(input_shape, engine):
    net, rng = net_of(input_shape, engine=engine), np.random.default_rng(1)
    assert net.layer_names[:4] == ["conv1", "scale1", "relu1", "shift1"]
    x, target = rng.standard_normal((3, *input_shape)), rng.standard_normal((3, 1))

    def loss(v):
        return mean_squared_error(net.forward(v, ["dense1"])["dense1"], target)

    _, grad = loss(x)
    check_gradient(lambda v: loss(v)[0], x, net.backward({"dense1": grad})).raise_if_wrong()
    _, grads = net.gradients(x, lambda scores: mean_squared_error(scores, target))
    for name in ("conv1", "scale1", "shift1"):
        for array, grad in zip(net.params[name], grads[name], strict=True):

            def changed(v, array=array):
                start = array.copy()
                array[...] = v
                value = loss(x)[0]
                array[...] = start
                return value

            if grad.any():  # nothing reads Shift's w
                check_gradient(changed, array.copy(), grad, name=name).raise_if_wrong()


def test_a_network_with_rows_of_ones_own_learns_and_comes_back_from_its_file(tmp_path):
    net, rng = net_of(dtype=np.float32), np.random.default_rng(2)
    x = rng.standard_normal((32, 8, 2)).astype(np.float32)
    target = x.mean(axis=(1, 2))[:, None]
    first = {name: w.copy() for name, (w, _) in net.params.items()}
    history = fit(net, x, target, loss=mean_squared_error, epochs=30, optimizer=Adam(0.02))
    assert history.loss[-1] < 0.3 * history.loss[0]
    assert (net.params["scale1"][0] != first["scale1"]).all()
    assert net.params["shift1"][1].all()
    net.save(tmp_path / "net.h5")
    loaded = Sequential.load(tmp_path / "net.h5")
    assert loaded.layers == net.layers
    assert (loaded.layers["scale1"].power, loaded.layers["shift1"].by) == (2, 0.5)
    np.testing.assert_array_equal(loaded.predict(x), net.predict(x))


def test_a_row_without_parameters_says_so():
    with pytest.raises(NotImplementedError, match="ReLU has no param_gradients"):
        ReLU().param_gradients(np.zeros(1), None)
    assert ReLU().kernel_shape("test", (1, 4, 2)) is None
    assert ReLU().window("test", (1, 4, 2)) is None


def test_a_computed_row_is_its_row_but_for_the_functions():
    row = Computed(Conv(3, 2, stride=2), lambda x, w, b, **o: ((x, o), None),
                   lambda grad_out, cache: (grad_out, 1, 2))  # fmt: skip
    assert row.kind == "conv"
    for shape in ((1, 9, 2), (1, 9, 8, 2)):
        assert row.kernel_shape("test", shape) == row.row.kernel_shape("test", shape)
        assert row.window("test", shape) == row.row.window("test", shape)
        assert row.out_shape("test", shape) == row.row.out_shape("test", shape)
    assert row.forward(5, (6, 7)) == ((5, {"stride": 2}), None)
    assert row.input_gradient(8, None) == 8
    assert row.param_gradients(8, None) == (1, 2)
    assert Computed(ReLU(), print, lambda grad_out, cache: -grad_out).input_gradient(3, None) == -3
    with pytest.raises(SettingError, match="a conv of your own has no rule 'guided'"):
        row.input_gradient(8, None, "guided")


@pytest.mark.parametrize(
    ("row", "shape", "out", "cache_bytes"),
    [
        (Conv(4, 3, pad=1), (2, 6, 6, 5), (2, 6, 6, 4), 2 * 6 * 6 * 5 * 4),
        (ReLU(), (2, 6, 5), (2, 6, 5), 2 * 6 * 5),
        (MaxPool(2), (2, 7, 6, 5), (2, 3, 3, 5), 2 * 3 * 3 * 5),
        (AvgPool(2), (2, 7, 6, 5), (2, 3, 3, 5), 3 * 3 * 4),
        (Flatten(), (2, 3, 4, 5), (2, 60), None),
        (GlobalAvgPool(), (2, 3, 4, 5), (2, 5), None),
        (Dense(7), (2, 9), (2, 7), 2 * 9 * 4),
    ],
)
def test_shapes_and_the_bytes_of_caches(row, shape, out, cache_bytes):
    assert row.out_shape("test", shape) == out
    if cache_bytes is not None:
        assert row.cache_bytes(shape, 4) == cache_bytes


def test_shapes_are_carried_up():
    layers = name_rows(ROWS)
    carried = [(name, x, out) for name, _, x, out in carry_shape("test", layers, (3, 8, 2))]
    assert carried[:2] == [("conv1", (3, 8, 2), (3, 8, 4)), ("scale1", (3, 8, 4), (3, 8, 4))]
    assert carried[-1] == ("dense1", (3, 4), (3, 1))
    some = carry_shape("test", layers, (3, 8, 2), "relu1")
    assert [name for name, *_ in some] == ["conv1", "scale1", "relu1"]
    assert kernel_shapes("test", layers, (8, 2)) == {
        "conv1": (3, 2, 4), "scale1": (1, 4), "shift1": (1, 4), "dense1": (4, 1),
    }  # fmt: skip


def test_a_row_of_ones_own_does_not_stand_for_one_of_the_package():
    ours = rows.ROWS["ReLU"]

    class ReLU(Row):
        kind = "relu"
        up = staticmethod(lambda x: (x, None))

    assert rows.ROWS["ReLU"] is ours is not ReLU

    class Again(Row):
        kind = "again"
        up = staticmethod(lambda x: (x, None))

    first = Again

    class Again(Row):
        kind = "again"
        up = staticmethod(lambda x: (-x, None))

    assert rows.ROWS.pop("Again") is Again is not first


def test_layers_that_keep_a_shape_alone_keep_no_bytes():
    assert Flatten().cache_bytes((2, 3, 4, 5), 4) == GlobalAvgPool().cache_bytes((2, 9, 5), 8) == 0
