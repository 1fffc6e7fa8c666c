import json
from itertools import pairwise

import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError, UnknownNameError
from nst_numpy.figures import trace_path_figure
from nst_numpy.look import receptive_box, trace, trace_deep
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
from tests.look.small import picture, tiny

LAYERS = [f"{kind}{where}" for where in ("1_1", "1_2", "2_1", "3_1") for kind in ("conv", "relu")]
LAYERS += ["pool1", "pool2", "pool3"]


def some_units(shape):
    """All four corners, and a position inside; another channel each."""
    _, height, width, channels = shape
    places = [(0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1)]
    places.append((height // 2, width // 2))
    return [(i % channels, row, col) for i, (row, col) in enumerate(places)]


@pytest.mark.parametrize("pool", ["avg", "max"])
@pytest.mark.parametrize("layer", LAYERS)
def test_the_parts_add_up_to_what_forward_computes(layer, pool):
    vgg, x = tiny(pool), picture()
    a = vgg.forward(x, [layer])[layer]
    for channel, row, col in some_units(a.shape):
        unit = trace(vgg, x, layer, channel, row, col)
        total = unit.bias + unit.contributions.sum()
        if layer.startswith("relu"):
            total = max(total, 0)
        assert total == pytest.approx(a[0, row, col, channel], rel=1e-12, abs=1e-10)
        assert unit.activation == a[0, row, col, channel]
        assert unit.sum == unit.bias + unit.contributions.sum()


def test_the_sum_of_a_relu_is_the_convolution_below_it():
    vgg, x = tiny(), picture()
    a = vgg.forward(x, ["conv2_1"])["conv2_1"][0]
    row, col, channel = np.unravel_index(a.argmin(), a.shape)
    unit = trace(vgg, x, "relu2_1", channel, row, col)
    assert unit.sum == pytest.approx(a.min())
    assert unit.sum < 0
    assert unit.activation == 0


def test_in_float32_the_parts_add_up_to_rounding():
    vgg, x = tiny(dtype=np.float32), picture(dtype=np.float32)
    for layer in LAYERS:
        unit = trace(vgg, x, layer, 1, 1, 1)
        size = np.abs(unit.contributions).sum()
        value = max(unit.sum, 0) if unit.kind == "relu" else unit.sum
        assert abs(value - unit.activation) <= 1e-5 * size
        assert unit.contributions.dtype == np.float64


def test_a_contribution_is_weight_times_input_and_0_in_the_padding():
    vgg, x = tiny(), picture()
    below = vgg.forward(x, ["pool1"])["pool1"]
    unit = trace(vgg, x, "relu2_1", 2, 0, 10)  # the last of 11 columns
    assert unit.input_layer == "pool1"
    assert (unit.top, unit.left) == (-1, 9)
    np.testing.assert_array_equal(unit.kernel, vgg.params["conv2_1"][0][..., 2])
    np.testing.assert_array_equal(unit.window[1:, :2], below[0, :2, 9:11])
    np.testing.assert_array_equal(unit.contributions, unit.window * unit.kernel)
    np.testing.assert_array_equal(unit.inside, [[0, 0, 0], [1, 1, 0], [1, 1, 0]])
    assert not unit.contributions[~unit.inside].any()
    assert unit.box == receptive_box("relu2_1", 0, 10, (17, 22), vgg)


def test_the_first_layer_looks_at_pixels():
    x = picture()
    unit = trace(tiny(), x, "relu1_1", 0, 5, 6)
    assert unit.input_layer == "pixels"
    np.testing.assert_array_equal(unit.window, x[0, 4:7, 5:8])


def test_an_average_pool_gives_each_input_a_quarter_and_a_max_pool_all_to_the_winner():
    x = picture()
    below = tiny().forward(x, ["relu1_2"])["relu1_2"][0, 4:6, 6:8, 1]
    unit = trace(tiny("avg"), x, "pool1", 1, 2, 3)
    np.testing.assert_allclose(unit.contributions[..., 1], below / 4)
    assert not unit.contributions[..., [0, 2]].any()
    unit = trace(tiny("max"), x, "pool1", 1, 2, 3)
    np.testing.assert_array_equal(unit.contributions[..., 1], below * (below == below.max()))
    assert unit.bias == 0


def test_of_tied_inputs_of_a_max_pool_the_first_wins():
    vgg = tiny("max")
    vgg.params["conv1_2"] = (np.zeros((3, 3, 3, 3)), np.full(3, 2.0))
    unit = trace(vgg, picture(), "pool1", 0, 1, 1)
    np.testing.assert_array_equal(unit.contributions[..., 0], [[2, 0], [0, 0]])


@pytest.mark.parametrize("pool", ["avg", "max"])
def test_the_deep_trace_follows_the_largest_input_down_to_the_pixels(pool):
    vgg, x = tiny(pool), picture()
    path = trace_deep(vgg, x, "relu3_1", 4, 3, 0)
    layers = ["relu3_1", "pool2", "relu2_1", "pool1", "relu1_2", "relu1_1"]
    assert [unit.layer for unit in path] == layers
    for unit, below in pairwise(path):
        best = unit.largest_inputs(1).terms[0]
        assert unit.input_layer == below.layer
        assert (below.channel, below.row, below.col) == (best.channel, best.row, best.col)
        assert abs(best.contribution) == np.abs(unit.contributions).max()
        place = (best.row - unit.top, best.col - unit.left, best.channel)
        assert unit.window[place] == below.activation
    for unit in path:
        alone = trace(vgg, x, unit.layer, unit.channel, unit.row, unit.col)
        np.testing.assert_array_equal(alone.contributions, unit.contributions)


@pytest.mark.parametrize("pool", ["avg", "max"])
def test_the_deep_trace_of_nothing_stays_inside_the_map(pool):
    vgg = tiny(pool)
    for name, (w, b) in vgg.params.items():
        vgg.params[name] = (w, np.full_like(b, -1.0))  # black: everything is 0
    path = trace_deep(vgg, np.zeros((1, 17, 22, 3)), "pool3", 4, 0, 0)
    assert path[-1].input_layer == "pixels"
    assert all(unit.row >= 0 and unit.col >= 0 for unit in path)
    assert path[0].channel == path[1].channel == 4  # a pool stays in its channel


@pytest.mark.parametrize("pool", [AvgPool, MaxPool])
def test_a_relu_above_a_pool_of_zeros_stays_in_its_channel_too(pool):
    net = Sequential([Conv(3, 3), pool(2), ReLU()], (8, 8, 1), dtype=np.float64)
    path = trace_deep(net, np.zeros((1, 8, 8, 1)), "relu1", 2, 1, 1)
    assert [(unit.layer, unit.channel) for unit in path] == [("relu1", 2), ("conv1", 2)]


def test_what_is_not_there_is_refused():
    vgg, x = tiny(), picture()
    with pytest.raises(UnknownNameError, match=r"unknown layer 'relu2_2': did you mean relu"):
        trace(vgg, x, "relu2_2", 0, 0, 0)
    with pytest.raises(SettingError, match=r"conv2_1 has the channels 0 to 3: .* no channel 4"):
        trace(vgg, x, "conv2_1", 4, 0, 0)
    for row, col in ((8, 0), (0, 11), (-1, 0)):
        with pytest.raises(SettingError, match=f"8 rows and 11 columns .* no position {row},{col}"):
            trace_deep(vgg, x, "conv2_1", 0, row, col)
    with pytest.raises(SettingError, match="whole numbers"):
        trace(vgg, x, "conv2_1", 0, 0.5, 0)
    with pytest.raises(ShapeError, match="one item"):
        trace(vgg, picture((2, 8, 8, 3)), "conv1_1", 0, 0, 0)
    with pytest.raises(SettingError, match="empty"):
        trace_path_figure([], np.zeros((8, 8, 3), dtype=np.uint8))


ROWS = [
    Conv(3, 3, pad=1, dilation=2), ReLU(), MaxPool(2, pad=1), Conv(4, 2, stride=2), ReLU(),
    AvgPool(2, stride=1, pad="same"), Flatten(), Dense(5), ReLU(), Dense(2),
]  # fmt: skip


@pytest.mark.parametrize("sizes", [(15,), (12, 13), (10, 9, 11)])
@pytest.mark.parametrize("rows", [ROWS, [*ROWS[:6], GlobalAvgPool(), *ROWS[7:]]])
@pytest.mark.parametrize("engine", ["plain", "fused"])
def test_any_layer_of_any_network_is_the_sum_of_its_parts(sizes, rows, engine):
    shape = (*sizes, 2)
    net = Sequential(rows, shape, np.random.default_rng(0), np.float64, engine=engine)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((1, *shape))
    features = net.forward(x, net.layer_names)
    for name, a in features.items():
        for _ in range(4):
            *position, channel = (int(rng.integers(n)) for n in a.shape[1:])
            unit = trace(net, x, name, channel, *position)
            assert unit.activation == a[(0, *position, channel)]
            value = max(unit.sum, 0) if unit.kind == "relu" else unit.sum
            assert value == pytest.approx(unit.activation, abs=1e-12)
            np.testing.assert_allclose(unit.contributions, unit.kernel * unit.window)
            shares = [part.share for part in unit.largest_inputs(10**4).terms]
            assert sum(shares) == pytest.approx(1) or not unit.contributions.any()
            json.dumps(unit.as_dict())


def test_a_trace_of_a_signal_by_hand():
    # two filters over 1 channel; unit 1 of filter 0 sees x[1], x[2]
    w = np.array([[1.0, 0], [2, 0]]).reshape(2, 1, 2)
    rows = [Conv(2, 2), GlobalAvgPool(), Dense(1)]
    params = {"conv1": (w, np.array([0.5, 0])), "dense1": (np.ones((2, 1)), np.zeros(1))}
    net = Sequential(rows, (4, 1), dtype=float, params=params)
    x = np.array([1.0, 10, 100, 1000]).reshape(1, 4, 1)
    unit = trace(net, x, "conv1", 0, 1)
    assert unit.sum == unit.activation == 0.5 + 1 * 10 + 2 * 100
    assert (unit.name, unit.start, unit.box) == ("conv1:0@1", (1,), (slice(1, 3),))
    assert [part.position for part in unit.largest_inputs(2).positions] == [(2,), (1,)]
    path = trace_deep(net, x, "dense1", 0)
    assert [unit.name for unit in path] == ["dense1:0", "global1:0", "conv1:0@2"]
    assert path[0].box == (slice(0, 4),)
    assert path[-1].input_layer == "input"


def test_a_layer_that_is_no_sum_is_refused():
    class Cube(Row):
        kind = "cube"
        up = staticmethod(lambda x: (x**3, x))

    net = Sequential([Conv(1, 1), Cube(), ReLU()], (4, 1), dtype=float)
    with pytest.raises(SettingError, match="cube1 is a layer of the kind 'cube', whose units"):
        trace(net, np.ones((1, 4, 1)), "relu1", 0, 1)
    with pytest.raises(SettingError, match="the sizes 4 for an input of 4: there is no position"):
        trace(net, np.ones((1, 4, 1)), "conv1", 0, 1, 1)
