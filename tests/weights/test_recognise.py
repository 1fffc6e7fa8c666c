"""Layers told by their names or by their shapes; files of each layout are in `test_hdf5`."""

import pytest

from nst_numpy.weights.recognise import find_layers, find_named_layers
from nst_numpy.weights.stored import Layers, RefusedError, Stored

TABLE = {"conv1_1": (3, 3, 3, 2), "conv1_2": (3, 3, 2, 4)}
NETWORKS = {"vgg16": TABLE, "vgg19": TABLE | {"conv1_3": (3, 3, 4, 5)}}


class Array:
    def __init__(self, shape):
        self.shape = shape


def layers(*pairs, ordered=True):
    stored = [Stored(name, name, shape and Array(shape), None) for name, shape in pairs]
    return Layers("a layout", stored, tuple(name for name, _ in pairs), ordered=ordered)


HEAD = [("conv2d", (1, 1, 3, 3)), ("dropout", None)]
TAIL = [("conv2d_9", (3, 3, 4, 8)), ("dense", (8, 2))]


@pytest.mark.parametrize("architecture", NETWORKS)
@pytest.mark.parametrize("first", [False, True])
def test_convolutions_are_told_by_their_shapes_within_another_model(architecture, first):
    shapes = [s[:1:-1] + s[:2] if first else s for s in NETWORKS[architecture].values()]
    inner = [(f"conv2d_{n}", shape) for n, shape in enumerate(shapes, 2)]
    found = find_layers(layers(*HEAD, *inner, *TAIL), NETWORKS)
    assert found.architecture == architecture
    assert [each.name for each in found.layers.values()] == [name for name, _ in inner]
    assert found.ignored == ("conv2d", "conv2d_9", "dense", "dropout")


def test_names_count_more_than_shapes():
    found = find_layers(
        layers(("a", (3, 3, 3, 2)), ("b", (3, 3, 2, 4)), ("conv1_1", (7,)), ("conv1_2", (8,))),
        NETWORKS,
    )
    assert found.layers["conv1_1"].kernel.shape == (7,)


def test_names_without_order_are_put_in_order():
    pairs = [("block1_conv2", (3, 3, 2, 4)), ("conv1_1", (3, 3, 3, 2))]
    found = find_layers(layers(*pairs, ordered=False), NETWORKS)
    assert list(found.layers) == ["conv1_1", "conv1_2"]
    with pytest.raises(RefusedError, match="lists its layers as conv1_2, conv1_1: expected the"):
        find_layers(layers(*pairs), NETWORKS)


def test_two_networks_are_refused():
    pairs = [(name, (3, 3, 3, 2)) for name in ("conv1_1", "conv1_2", "block1_conv1")]
    with pytest.raises(RefusedError, match="has conv1_1 more than once") as refusal:
        find_layers(layers(*pairs), NETWORKS)
    assert refusal.value.remedy == "save one VGG alone in a file of its own"


def test_no_network_is_refused_with_what_there_is():
    with pytest.raises(RefusedError, match="has 1 convolutions, but not in a row the 13 of VGG-16"):
        find_layers(layers(*HEAD, ("dense", (3, 4))), NETWORKS)


def test_a_network_of_our_own_needs_each_name():
    found = find_named_layers(layers(*TABLE.items()), TABLE)
    assert (found.architecture, found.table) == ("the network", TABLE)
    with pytest.raises(RefusedError, match="lacks conv1_2 of the network"):
        find_named_layers(layers(("conv1_1", (3, 3, 3, 2))), TABLE)
