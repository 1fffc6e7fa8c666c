"""Kernels of a tiny network with the published numbers in their corners, turned every way."""

import numpy as np
import pytest

from nst_numpy.weights import orientation
from nst_numpy.weights.stored import Contents, Stored

TABLE = {"conv1_1": (3, 3, 3, 2), "conv1_2": (3, 3, 2, 4), "conv2_1": (3, 3, 4, 5)}
# written out here, so that a wrong number in the code cannot agree with itself
CORNERS = {
    "vgg16": {
        "conv1_1": (0.42947057, 0.73429835),
        "conv1_2": (0.16621928, -0.30912212),
        "conv2_1": (-0.008902963, -0.04577766),
    },
    "vgg19": {"conv1_1": (0.341195, 0.7301776), "conv1_2": (0.148688, -0.292965)},
}


class Array:
    """An array as a file has it."""

    def __init__(self, array):
        self.shape, self.dtype = array.shape, array.dtype


def network(dtype=np.float32, architecture="vgg16", published=True):
    """Make parameters; all entries differ, and the corners are the published ones."""
    rng = np.random.default_rng(0)
    params = {}
    for name, shape in TABLE.items():
        kernel, bias = rng.standard_normal(shape), rng.standard_normal(shape[-1])
        if published and name in CORNERS[architecture]:
            kernel[0, 0, 0, 0], bias[0] = CORNERS[architecture][name]
        params[name] = kernel.astype(dtype), bias.astype(dtype)
    return params


def contents(params, turns="no", architecture="vgg16"):
    layers = {
        name: Stored(name, name, Array(kernel), Array(bias))
        for name, (kernel, bias) in params.items()
    }
    return Contents(architecture, TABLE, "a layout", layers, (), turns)


def changed(params, change, *names):
    """Change the kernels of some layers, or of all."""
    return {
        name: (np.ascontiguousarray(change(w)) if name in (names or params) else w, b)
        for name, (w, b) in params.items()
    }


def turned(w):
    return w[::-1, ::-1]


def first(w):
    return w.transpose(3, 2, 0, 1)


def red(w):
    return w[:, :, ::-1]


def converted(params, **options):
    found = contents(params, **options)
    conversion = orientation.find_conversion(found, params)
    return found, conversion, orientation.convert(params, conversion)


def assert_same(found, expected):
    assert list(found) == list(expected)
    for name, pair in expected.items():
        for array, right in zip(found[name], pair, strict=True):
            np.testing.assert_array_equal(array, right, strict=True)
            assert array.flags.c_contiguous


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("architecture", CORNERS)
@pytest.mark.parametrize("changes", [[turned], [first], [turned, first]])
def test_a_published_network_is_turned_back_exactly(dtype, architecture, changes):
    right = network(dtype, architecture)
    params = right
    for change in changes:
        params = changed(params, change)
    found, conversion, result = converted(params, architecture=architecture)
    assert_same(result, right)
    assert conversion.turned == (tuple(TABLE) if turned in changes else ())
    assert conversion.first == (tuple(TABLE) if first in changes else ())
    assert ("channels moved last" in orientation.describe(found, conversion)) == (first in changes)


@pytest.mark.parametrize("also", [[], [turned], [turned, first]])
def test_red_first_is_found_in_the_first_layer(also):
    right = network()
    params = changed(right, red, "conv1_1")
    for change in also:
        params = changed(params, change)
    found, conversion, result = converted(params)
    assert_same(result, right)
    assert conversion.red_first
    assert "input channels of conv1_1 from RGB to BGR" in orientation.describe(found, conversion)


def test_what_is_right_is_left_alone():
    params = network()
    found, conversion, result = converted(params, turns="yes")
    assert not conversion
    assert orientation.describe(found, conversion) == ""
    assert all(result[name][0] is kernel for name, (kernel, _) in params.items())
    assert orientation.find_odd(found, conversion) is None


@pytest.mark.parametrize("turns", ["yes", "open", "no"])
def test_without_published_numbers_the_layout_says_whether_kernels_are_turned(turns):
    params = network(published=False)
    found, conversion, result = converted(params, turns=turns)
    assert conversion.turned == (tuple(TABLE) if turns == "yes" else ())
    assert_same(result, changed(params, turned) if turns == "yes" else params)
    said = orientation.describe(found, conversion)
    assert ("as Theano's files need it; the numbers are not the published" in said) == bool(said)


def test_a_layer_whose_numbers_say_nothing_is_like_the_others():
    right = network(architecture="vgg19")  # of conv2_1 nothing is known there
    _, conversion, result = converted(changed(right, turned), architecture="vgg19")
    assert conversion.published == ("conv1_1", "conv1_2")
    assert_same(result, right)


@pytest.mark.parametrize(
    ("change", "names", "turns", "said"),
    [
        (turned, ["conv1_2"], "yes", "of conv1_2 are turned by 180°, the others not"),
        (turned, ["conv1_1", "conv1_2"], "no", "of conv2_1 are not turned by 180°, the others are"),
        (turned, [], "no", "of all layers are turned by 180°"),
        (first, ["conv2_1"], "no", "of conv2_1 are channels first, the others not"),
        (first, ["conv1_1", "conv2_1"], "no", "of conv1_2 are not channels first, the others are"),
    ],
)
def test_a_kernel_that_is_not_like_the_others_is_named(change, names, turns, said):
    right = network()
    found, conversion, result = converted(changed(right, change, *names), turns=turns)
    assert orientation.find_odd(found, conversion) == f"the kernels {said}"
    assert_same(result, right)  # and it is mended


@pytest.mark.parametrize("turns", ["yes", "open"])
@pytest.mark.parametrize("change", [turned, first])
def test_all_kernels_alike_are_as_some_layouts_have_them(change, turns):
    found, conversion, _ = converted(changed(network(), change), turns=turns)
    assert orientation.find_odd(found, conversion) is None


def test_the_line_says_network_layout_and_layers():
    params = changed(changed(network(), turned), first, "conv1_2")
    found, conversion, _ = converted(params)
    assert orientation.describe(found, conversion) == (
        "VGG-16 in the layout of a layout: channels moved last in conv1_2, kernels turned by 180°"
    )


def test_a_bias_of_another_training_is_no_evidence():
    params = changed(network(), turned)
    for _, bias in params.values():
        bias[0] += 0.01
    _, conversion, _ = converted(params)
    assert conversion.published == conversion.turned == ()
