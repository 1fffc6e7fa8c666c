import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.receptive_field import receptive_fields
from nst_numpy.styles.regions import Regions, on_grid, on_layers, sampling_matrix
from nst_numpy.vgg import VGG
from tests.small_networks import SHAPES, net_of

RELUS = ("relu1_2", "relu2_1", "relu3_1")


@pytest.fixture(scope="module")
def vgg():
    return VGG.random((2, 2, 2), np.random.default_rng(0), convolutions=(2, 2, 1))


def edge(sizes, axis, at):
    """Everything from a place on counts."""
    mask = np.zeros(sizes)
    np.moveaxis(mask, axis, 0)[at:] = 1
    return mask


def test_without_a_mask_there_is_none(vgg):
    assert on_layers(vgg, None, (1, 16, 16, 3), RELUS) == dict.fromkeys(RELUS)
    assert on_grid(None, (3, 4)) is None
    assert Regions().whole
    assert not Regions(style=np.ones(2)).whole


@pytest.mark.parametrize("axis", [0, 1])
def test_an_edge_is_where_the_centres_of_the_receptive_fields_pass_it(vgg, axis):
    sizes, at = (32, 48), 16
    found = on_layers(vgg, edge(sizes, axis, at), (1, *sizes, 3), RELUS)
    for name, counts in found.items():
        field = receptive_fields(vgg, name, sizes)[axis]
        n = counts.shape[axis]
        inside = field.centre + field.stride * np.arange(n) > at - 0.5
        along = np.moveaxis(counts, axis, 0)
        np.testing.assert_allclose(along, np.broadcast_to(inside[:, None], along.shape))


def test_every_layer_counts_the_same_part(vgg):
    mask = np.random.default_rng(1).uniform(0, 1, (32, 48))
    for counts in on_layers(vgg, mask, (1, 32, 48, 3), RELUS).values():
        assert counts.mean() == pytest.approx(mask.mean())


def test_a_line_thinner_than_a_step_does_not_fall_through(vgg):
    mask = np.zeros((32, 48))
    mask[:, 13] = 1
    counts = on_layers(vgg, mask, (1, 32, 48, 3), RELUS)["relu3_1"]
    assert counts.shape == (8, 12)
    assert counts[0].tolist() == [0, 0, 0, 0.25, *[0] * 8]  # pixel 13 is one of 12 to 15


@pytest.mark.parametrize("shape", SHAPES)
def test_for_one_axis_two_and_three(shape):
    net = net_of(input_shape=shape)
    mask = edge(shape[:-1], 0, shape[0] // 2)
    for name in ("relu1", "relu2"):
        expected = net.feature_shapes((1, *shape), [name])[name][1:-1]
        counts = on_layers(net, mask, (1, *shape), [name])[name]
        assert counts.shape == expected
        assert 0 <= counts.min() <= counts.max() <= 1
    np.testing.assert_array_equal(on_layers(net, mask, (1, *shape), ["relu1"])["relu1"], mask)


def test_a_network_of_which_only_shapes_are_known():
    class Halving:
        def feature_shapes(self, shape, names):
            return dict.fromkeys(names, (1, shape[1] // 2, shape[2] // 2, 5))

    mask = edge((8, 8), 1, 4)
    counts = on_layers(Halving(), mask, (1, 8, 8, 3), ["half"])["half"]
    assert counts.tolist() == [[0, 0, 1, 1]] * 4


def test_sampling_by_hand():
    # units at 1.5, 4.5 and 7.5, each of three pixels; there are eight pixels
    [field] = receptive_fields(net_of(input_shape=(13, 2)), "relu1", (13,))
    field = type(field)(size=4, stride=3, start=0)
    third = 1 / 3
    np.testing.assert_allclose(
        sampling_matrix(field, 8, 3),
        [
            [third / 2, third, third, third / 2, 0, 0, 0, 0],
            [0, 0, 0, third / 2, third, third, third / 2, 0],
            # the last centre is beyond the edge: it takes the pixels from 5.5 to 7.5
            [0, 0, 0, 0, 0, 0, 1 / 2, 1 / 2],
        ],
    )


def test_what_is_refused(vgg):
    with pytest.raises(ShapeError, match=r"shape \(3, 4\) is none of a picture of sizes \(16, 16"):
        on_layers(vgg, np.ones((3, 4)), (1, 16, 16, 3), RELUS)
    lost = np.zeros((19, 19))
    lost[18, 18] = 1  # pools round down: above them is no unit
    with pytest.raises(SettingError, match="the region of a mask has no place in relu2_1: draw"):
        on_layers(vgg, lost, (1, 19, 19, 3), RELUS)
