import numpy as np
import pytest

from nst_numpy.errors import SettingError
from nst_numpy.look.sums import inside_map, looks_at, summing_layer, unit_weights, unit_window
from nst_numpy.network import Network
from nst_numpy.rows import AvgPool, Conv, Flatten, GlobalAvgPool, MaxPool, ReLU
from nst_numpy.training.sequential import Sequential


def test_where_a_window_begins():
    conv = Conv(1, 3, stride=2, pad=((1, 0), (2, 2)), dilation=(1, 2))
    # unit (3, 1): rows from 3·2 − 1, columns from 1·2 − 2
    assert unit_window(conv, "c", (1, 20, 20, 1), (3, 1)) == ((5, 0), (1, 2), (3, 3))
    assert unit_window(MaxPool(2), "p", (1, 9, 1), (4,)) == ((8,), (1,), (2,))
    assert unit_window(GlobalAvgPool(), "g", (1, 4, 5, 2), ()) == ((0, 0), (1, 1), (4, 5))
    assert unit_window(Flatten(), "f", (1, 4, 5, 2), (2, 3)) == ((2, 3), (1, 1), (1, 1))


def test_what_of_a_window_is_on_the_map():
    # rows −1, 0, 1 of 4; columns 3, 5 of 5
    inside = inside_map((-1, 3), (1, 2), (3, 2), (4, 5))
    assert inside.tolist() == [[False, False], [True, False], [True, False]]


@pytest.mark.parametrize(("pool", "kernel"), [(AvgPool, [1 / 2, 1 / 2, 0]), (MaxPool, [0, 1, 0])])
def test_padding_has_no_weight_in_a_pool(pool, kernel):
    net = Network({"pool1": pool(3, pad=1)}, {}, (5, 2), dtype=float)
    window = np.array([[9.0, -3], [9, -1], [9, 0]])  # the last position is padding, and is 0
    inside = np.array([True, True, False])
    weights, bias = unit_weights(net, "pool1", 1, 1, window, inside)
    assert weights[:, 1].tolist() == kernel
    assert not weights[:, 0].any()
    assert bias == 0


def test_a_relu_passes_on_the_sum_below_it():
    net = Sequential([Conv(2, 3), ReLU(), ReLU(), MaxPool(2), ReLU()], (20, 1))
    assert [summing_layer(net, name) for name in ("relu1", "relu2", "relu3")] == [
        "conv1", "conv1", "pool1",
    ]  # fmt: skip
    assert [looks_at(net, name) for name in ("relu2", "pool1", "relu3")] == [None, "relu2", "relu2"]
    with pytest.raises(SettingError, match="relu1 is a layer of the kind 'relu', whose units"):
        summing_layer(Sequential([ReLU()], (4, 1)), "relu1")
