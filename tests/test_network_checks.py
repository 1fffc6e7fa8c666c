import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError, UnknownNameError
from nst_numpy.network import Network
from nst_numpy.network_checks import MOST_SHAPES
from nst_numpy.training.sequential import (
    Conv,
    Dense,
    Flatten,
    GlobalAvgPool,
    MaxPool,
    ReLU,
    Sequential,
)
from tests.small_networks import ROWS, SHAPES, net_of, samples


@pytest.mark.parametrize("input_shape", SHAPES)
def test_feature_shapes_are_those_of_the_activations(input_shape):
    net = net_of(input_shape=input_shape)
    x = samples(net)
    features = net.forward(x, net.layer_names)
    assert list(features) == net.layer_names
    assert {name: a.shape for name, a in features.items()} == net.feature_shapes(x.shape)
    assert net.feature_shapes(x.shape, ["pool1"]) == {"pool1": features["pool1"].shape}


def test_longer_inputs_are_fine_where_nothing_fixes_the_size():
    net = net_of()
    assert net.predict(np.zeros((1, 50, 2))).shape == (1, 2)
    flat = net_of([Conv(2, 3), Flatten(), Dense(2)])
    with pytest.raises(ShapeError) as caught:
        flat.predict(np.zeros((1, 50, 2)))
    assert str(caught.value) == (
        "Sequential, dense1: its input has 96 channels, its parameters expect 22: "
        "the network was made for x (N, 13, 2)"
    )


@pytest.mark.parametrize(
    ("rows", "input_shape", "error", "message"),
    [
        ([], (9, 1), SettingError, "Sequential: give at least one layer"),
        ([Conv], (9, 1), SettingError, "is no layer: write it as Conv(16, 5), ReLU() and so on"),
        ([Dense(2)], (9, 1), ShapeError, "Sequential, dense1: its input is (N, L, C), of shape "
         "(1, 9, 1), but must be (N, C): put GlobalAvgPool() or Flatten() before it"),
        ([Flatten(), Conv(2, 3)], (9, 1), ShapeError, "Sequential, conv1: its input must be "
         "(N, L, C), (N, H, W, C) or (N, D, H, W, C), not of shape (1, 9): put it before"),
        ([Flatten(), MaxPool()], (9, 1), ShapeError, "Sequential, pool1: its input must be"),
        ([Flatten(), GlobalAvgPool()], (9, 1), ShapeError, "Sequential, global1: its input must"),
        ([MaxPool(4), Conv(2, 3)], (9, 1), ShapeError,
         "Sequential, conv1: the kernel spans 3 positions of axis L, but the padded"),
        ([MaxPool(2, pad=2)], (9, 1), ShapeError, "Sequential, pool1: pad 2 must be smaller"),
        ([Conv(0, 3)], (9, 1), SettingError,
         "Sequential, conv1: filters must be a whole number of at least 1, not 0"),
        ([Conv(2, (3, 3))], (9, 1), SettingError, "Sequential, conv1: kernel must be a whole"),
        ([Conv(2, 3, stride=0)], (9, 1), SettingError, "Sequential, conv1: stride must be"),
        ([Conv(2, 3, pad=1.5)], (9, 1), SettingError, "Sequential, conv1: pad must be a whole"),
        ([Flatten(), Dense(2.0)], (9, 1), SettingError, "Sequential, dense1: units must be"),
        ([ReLU()], (9, 9, 9, 9, 1), SettingError, "input_shape must be (L, C), (H, W, C), "
         "(D, H, W, C) or (C,), whole numbers of at least 1 and without N, not (9, 9, 9, 9, 1)"),
        ([ReLU()], (0, 1), SettingError, "input_shape must be"),
        ([ReLU()], (9.5, 1), SettingError, "input_shape must be"),
    ],
)  # fmt: skip
def test_networks_that_cannot_be(rows, input_shape, error, message):
    with pytest.raises(error) as caught:
        Sequential(rows, input_shape)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda net: net.forward(np.zeros((3, 13)), ["conv1"]), ShapeError,
         "Sequential.forward: x must be (N, L, 2) with no empty axis, not (3, 13)"),
        (lambda net: net.predict(np.zeros((3, 13, 3))), ShapeError, "predict: x must be (N, L, 2)"),
        (lambda net: net.predict(np.zeros((0, 13, 2))), ShapeError, "not (0, 13, 2)"),
        (lambda net: net.predict(np.zeros((3, 13, 2), np.float32)), ShapeError,
         "x is float32, the network float64: use x.astype(np.float64)"),
        (lambda net: net.predict(np.zeros((3, 2, 2))), ShapeError,
         "Sequential.predict: x of 2 is too small for dense2: use at least"),
        (lambda net: net.predict(np.zeros((3, 13, 2)), 0), SettingError,
         "Sequential.predict: batch_size must be a whole number of at least 1, not 0"),
        (lambda net: net.forward(np.zeros((3, 13, 2)), []), SettingError, "name at least one"),
        (lambda net: net.forward(np.zeros((3, 13, 2)), ["conv9"]), UnknownNameError,
         "unknown layer 'conv9': did you mean"),
        (lambda net: net.backward({}), SettingError, "give the gradient of at least one layer"),
        (lambda net: net.backward({"conv1": np.zeros(1)}), SettingError,
         "the last forward did not reach conv1: call forward with that layer first"),
        (lambda net: net.forward(np.zeros((3, 13, 2)), ["conv1"]) and
         net.backward({"conv1": np.zeros((3, 13, 3))}, relu="none"), SettingError,
         "relu must be one of gradient, guided, deconvolution, not 'none'"),
    ],
)  # fmt: skip
def test_what_it_says_of_bad_input(call, error, message):
    with pytest.raises(error) as caught:
        call(net_of())
    assert message in str(caught.value)


def test_what_it_says_of_bad_settings():
    with pytest.raises(SettingError, match="dtype is float16: use float32 or float64"):
        Sequential(ROWS, SHAPES[0], dtype=np.float16)
    net = net_of()
    with pytest.raises(ShapeError, match="params must be named conv1, conv2, dense1, dense2, not"):
        Sequential(ROWS, SHAPES[0], params={"conv1": net.params["conv1"]})
    with pytest.raises(ShapeError, match=r"w must be \(3, 2, 3\) and b \(3,\), both float32, not"):
        Sequential(ROWS, SHAPES[0], params=net.params)


def test_the_smallest_input_of_each_layer():
    rows = {"conv1": Conv(1, 3), "pool1": MaxPool(2), "pool2": MaxPool(2)}
    params = {"conv1": (np.zeros((3, 3, 1, 1)), np.zeros(1))}
    net = Network(rows, params, (32, 32, 1), dtype=float)
    assert [net.smallest_size(name) for name in rows] == [3, 4, 6]  # 6 → 4 → 2 → 1
    with pytest.raises(ShapeError, match="x of 5×9 is too small for pool2: use at least 6 pixels"):
        net.forward(np.zeros((1, 5, 9, 1)), ["pool2"])


def test_shapes_of_many_inputs_do_not_pile_up():
    net = net_of()
    for length in range(20, 60):
        net.feature_shapes((1, length, *net.input_shape[1:]))
    assert len(net._checks._known) <= MOST_SHAPES
