import numpy as np
import pytest

from nst_numpy.errors import SettingError
from nst_numpy.look.cone import Cone, Cut, Patch
from nst_numpy.training.sequential import AvgPool, Conv, Dense, GlobalAvgPool, MaxPool, ReLU
from nst_numpy.vgg import VGG
from tests.small_networks import net_of

ROWS = [Conv(4, 3, pad=1), ReLU(), MaxPool(2), Conv(5, 3, stride=2, pad=1), ReLU(), AvgPool(2),
        Conv(3, 2, dilation=2, pad=1)]  # fmt: skip


def network_of(kind):
    if kind == "own":
        return net_of(ROWS, (23, 19, 3)), "conv3"
    return VGG.random((4, 6, 5), np.random.default_rng(1), pool=kind), "relu3_1"


def cone_of(kind, seed=0):
    network, last = network_of(kind)
    x = np.random.default_rng(seed).standard_normal((1, 23, 19, 3))
    names = network.layer_names[: network.layer_names.index(last) + 1]
    features = network.forward(x, names)
    return Cone(network, x, features, last), {name: features[name] for name in names}


# both ways, against one backward pass through all of the network


@pytest.mark.parametrize("kind", ["avg", "max", "own"])
@pytest.mark.parametrize("place", [(0, 0), (7, 11), (22, 18), (21, 3)])
def test_both_ways_are_the_gradient_of_the_whole_network(kind, place):
    cone, features = cone_of(kind)
    rng = np.random.default_rng(2)
    seeds = {name: rng.standard_normal(a.shape) for name, a in features.items()}
    whole = cone.network.backward(seeds)[(0, *place)]
    down = cone.gradient(lambda name, cut: cut.of(seeds[name]), None, Cut.at(place)).values
    np.testing.assert_allclose(down[0, 0, 0], whole, rtol=1e-9, atol=1e-12)
    for channel in range(3):
        up = cone.sensitivity(place, channel)
        met = sum((p.values * p.cut.of(seeds[name])).sum() for name, p in up.items())
        assert met == pytest.approx(whole[channel], rel=1e-9)


def test_the_gradient_of_a_layer_is_that_of_what_is_above_it():
    cone, features = cone_of("avg")
    seed = np.random.default_rng(3).standard_normal(features["relu3_1"].shape)

    def loss(a):
        """Carry pool1 up by the layers themselves."""
        for name in cone.names[cone.names.index("pool1") + 1 :]:
            a, _ = cone.network.layers[name].forward(a, cone.network.params.get(name, ()))
        return (a * seed).sum()

    def seeded(name, cut):
        return cut.of(seed) if name == "relu3_1" else None

    found = cone.gradient(seeded, "pool1", Cut.at((4, 5))).values[0, 0, 0, 2]
    more, less = features["pool1"].copy(), features["pool1"].copy()
    more[0, 4, 5, 2] += 1e-6
    less[0, 4, 5, 2] -= 1e-6
    assert found == pytest.approx((loss(more) - loss(less)) / 2e-6, rel=1e-6)


def test_nothing_outside_of_the_patch_changes():
    cone, features = cone_of("max")
    up = cone.sensitivity((10, 9), 1)
    x = cone.x.copy()
    x[0, 10, 9, 1] += 1e-7
    for name, a in cone.network.forward(x, list(features)).items():
        changed = np.argwhere((a != features[name]).any(axis=(0, 3)))
        start, stop = up[name].cut.start, up[name].cut.stop
        assert (changed >= start).all()
        assert (changed < stop).all()


# parts


def test_a_patch_is_0_elsewhere():
    patch = Patch(Cut((2, 3), (4, 4)), np.ones((1, 2, 1, 1)))
    np.testing.assert_array_equal(
        patch.on(Cut((1, 2), (4, 5)))[0, ..., 0], [[0, 0, 0], [0, 1, 0], [0, 1, 0]]
    )


def test_a_pixel_that_a_pool_leaves_over_has_no_way_up():
    network = net_of([MaxPool(2), Conv(2, 1)], (5, 4, 1))
    x = np.ones((1, 5, 4, 1))
    cone = Cone(network, x, network.forward(x, ["pool1"]), "conv1")
    assert not cone.sensitivity((4, 1), 0)["conv1"].values.any()


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([Conv(2, 1), GlobalAvgPool(), Dense(2)], "global1 is of the kind 'global'"),
        ([AvgPool(3, pad=1)], "pool1 is a pool with padding"),
    ],
)
def test_other_layers_are_refused(rows, text):
    network = net_of(rows, (6, 6, 1))
    x, last = np.ones((1, 6, 6, 1)), network.layer_names[min(1, len(rows) - 1)]
    with pytest.raises(SettingError, match=text):
        Cone(network, x, {}, last).sensitivity((2, 2), 0)
