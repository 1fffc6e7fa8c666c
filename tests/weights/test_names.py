import pytest

from nst_numpy.weights import names


@pytest.mark.parametrize(
    ("kernel", "bias", "stem"),
    [
        ("block1_conv1_W", "block1_conv1_b", "block1_conv1"),
        ("block1_conv1_W_1:0", "block1_conv1_b_1:0", "block1_conv1"),
        ("convolution2d_7_W", "convolution2d_7_b", "convolution2d_7"),
        ("vgg16/block1_conv1/kernel:0", "vgg16/block1_conv1/bias:0", "vgg16/block1_conv1"),
        ("conv1_1.weight", "conv1_1.bias", "conv1_1"),
        ("conv1_1/weights", "conv1_1/biases", "conv1_1"),
        ("param_0", "param_1", ""),
        ("kernel", "bias", ""),
    ],
)
def test_kernel_and_bias_of_one_layer_are_a_pair(kernel, bias, stem):
    assert names.pairs(["gamma", bias, kernel, "iterations"]) == [(stem, kernel, bias)]
    assert names.is_bias(bias)
    assert not names.is_bias(kernel)


def test_a_kernel_without_a_bias_has_none():
    assert names.pairs(["a_W", "b_b"]) == [("a", "a_W", None)]


@pytest.mark.parametrize("name", ["gamma", "Wx", "weighty", "step:0", "my_Wing", "b"])
def test_other_arrays_are_no_kernels(name):
    assert names.pairs([name]) == []


@pytest.mark.parametrize("name", ["conv1_1", "block1_conv1"])
def test_a_name_that_tells_its_layer_is_known(name):
    assert names.convolution(name) == "conv1_1"
    assert names.keras_name("conv1_1") == "block1_conv1"


@pytest.mark.parametrize("name", ["conv2d_1", "convolution2d_11", "conv1", "xconv1_1", "conv1_11"])
def test_a_name_that_does_not_tell_is_not_guessed(name):
    assert names.convolution(name) is None


def test_theanos_names_have_no_end():
    assert names.is_theanos("block1_conv1_W")
    assert names.is_theanos("param_0")
    assert not names.is_theanos("block1_conv1_W_1:0")
    assert not names.is_theanos("block1_conv1/kernel")
    assert names.is_keras1("block1_conv1_W_1:0")
    assert not names.is_keras1("kernel:0")
