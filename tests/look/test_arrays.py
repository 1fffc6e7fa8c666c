import numpy as np
import pytest

from nst_numpy.errors import NonFiniteError, SettingError, ShapeError, UnknownNameError
from nst_numpy.look import receptive_fields, top_windows
from nst_numpy.training.sequential import (
    AvgPool,
    Conv,
    Dense,
    Flatten,
    GlobalAvgPool,
    MaxPool,
    ReLU,
    Sequential,
)
from nst_numpy.vgg import VGG

# a network for each number of axes, with all that a window can do; Dense on top
NETWORKS = {
    "signal": ((37,), [Conv(3, 4, stride=2, pad=[(2, 1)]), ReLU(), AvgPool(3, stride=2, pad=1),
                       Conv(2, 2, dilation=2), GlobalAvgPool(), Dense(2)]),
    "picture": ((14, 11), [Conv(2, (3, 2), pad="same"), AvgPool((2, 1)), Conv(2, 3, stride=(1, 2)),
                           ReLU(), Flatten(), Dense(2)]),
    "volume": ((9, 8, 7), [Conv(2, (3, 2, 1), stride=(2, 1, 1), pad=(1, 0, 0)), ReLU(),
                           AvgPool(2), Conv(2, 2, pad=1), GlobalAvgPool(), Dense(2)]),
}  # fmt: skip


def positive_network(kind):
    """Make a network in which every path from the input counts, and none cancels another."""
    sizes, rows = NETWORKS[kind]
    net = Sequential(rows, (*sizes, 2), np.random.default_rng(0), dtype=np.float64)
    params = {name: (np.abs(w) + 0.1, np.abs(b) + 0.1) for name, (w, b) in net.params.items()}
    return Sequential(rows, (*sizes, 2), dtype=np.float64, params=params), sizes


def box_of_gradients(net, layer, position, x):
    """Return the smallest box around the inputs that change one unit."""
    a = net.forward(x, [layer])[layer]
    grad = np.zeros_like(a)
    grad[(0, *position[: a.ndim - 2], 0)] = 1
    touched = net.backward({layer: grad})[0].any(axis=-1)
    return tuple(slice(int(ends.min()), int(ends.max()) + 1) for ends in touched.nonzero())


@pytest.mark.parametrize("kind", NETWORKS)
def test_every_box_is_that_of_the_inputs_with_a_gradient(kind):
    net, sizes = positive_network(kind)
    x = np.random.default_rng(1).uniform(1, 2, (1, *sizes, 2))
    names = [name for name in net.layer_names if not name.startswith("flatten")]
    top = top_windows(net, x, {name: [0] for name in names}, k=10**6, one_per_item=False)
    for name in names:
        best = top.best(name, 0)
        assert len(best) == np.prod(net.feature_shapes(x.shape)[name][1:-1], dtype=int)
        for window in best:
            assert window.box == box_of_gradients(net, name, window.position, x), name


@pytest.mark.parametrize("one_per_item", [True, False])
@pytest.mark.parametrize("k", [1, 3, 200])
@pytest.mark.parametrize("kind", NETWORKS)
def test_the_windows_are_those_of_the_definition(kind, k, one_per_item):
    sizes, rows = NETWORKS[kind]
    net = Sequential(rows, (*sizes, 2), np.random.default_rng(2))
    x = np.random.default_rng(3).standard_normal((40, *sizes, 2), dtype=np.float32)
    x[33] = x[2]  # ties
    layer = "conv2"
    best = top_windows(net, x, {layer: None}, k, one_per_item=one_per_item).best(layer, 1)
    found = []
    for item, a in enumerate(net.forward(x, [layer])[layer]):
        own = [(float(a[at][1]), item, at) for at in np.ndindex(*a.shape[:-1])]
        own.sort(key=lambda window: -window[0])  # stable
        found += own[:1] if one_per_item else own
    found.sort(key=lambda window: -window[0])
    assert [(w.item, w.position) for w in best] == [window[1:] for window in found[:k]]
    # batches of another size may round the last bit differently
    np.testing.assert_allclose([w.value for w in best], [w[0] for w in found[:k]], rtol=1e-6)


def test_what_is_cut_out_gives_the_activation_again():
    net = Sequential(
        [Conv(4, 5), ReLU(), MaxPool(4), Conv(3, 5)], (60, 1), np.random.default_rng(4)
    )
    x = np.random.default_rng(5).standard_normal((8, 60, 1), dtype=np.float32)
    for window in top_windows(net, x, {"conv2": None}).best("conv2", 2):
        alone = net.forward(x[window.item][window.box][None], ["conv2"])["conv2"]
        assert alone.shape == (1, 1, 3)
        assert alone[0, 0, 2] == pytest.approx(window.value, rel=1e-5)


def test_a_vgg_is_a_network_too():
    vgg = VGG.random((3, 4), np.random.default_rng(0))
    x = np.random.default_rng(1).standard_normal((3, 9, 10, 3))
    window = top_windows(vgg, x, {"relu2_1": [2]}).best("relu2_1", 2)[0]
    assert window.value == vgg.forward(x, ["relu2_1"])["relu2_1"][..., 2].max()
    assert len(receptive_fields(vgg, "relu2_1", (9, 10))) == 2


def test_what_cannot_be_is_refused():
    net = Sequential([Conv(2, 3), ReLU(), Flatten(), Dense(2)], (8, 1))
    x = np.zeros((2, 8, 1), dtype=np.float32)
    for layers, more, error, message in (
        ({}, {}, SettingError, "top_windows: name at least one layer"),
        ({"relu9": None}, {}, UnknownNameError, "unknown layer 'relu9'"),
        ({"relu1": [2]}, {}, SettingError, "relu1 has channels 0 to 1, not 2"),
        ({"relu1": [0]}, {"k": 0}, SettingError, "k must be a whole number of at least 1"),
        ({"flatten1": [0]}, {}, ShapeError, "one position of the layer below it"),
    ):
        with pytest.raises(error, match=message):
            top_windows(net, x, layers, **more)
    with pytest.raises(ShapeError, match=r"with no empty axis, not \(0, 8, 1\)"):
        top_windows(net, x[:0], {"relu1": None})
    with pytest.raises(SettingError, match="conv1 was not scanned: choose from relu1"):
        top_windows(net, x, {"relu1": None}).best("conv1", 0)
    x[1, 3] = np.nan
    with pytest.raises(NonFiniteError, match="conv1 of item 1 has a value that is not finite"):
        top_windows(net, x, {"conv1": None})
