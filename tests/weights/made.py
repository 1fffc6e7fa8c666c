"""Files of weights that the tests make, good ones and bad ones."""

import math
import zlib
from functools import cache

import h5py
import numpy as np
import pytest

from nst_numpy.errors import WeightsError
from nst_numpy.weights import load_weights

# Written out here, not computed, so that a wrong table in the code cannot agree with itself.
VGG16 = {
    "conv1_1": (3, 64),
    "conv1_2": (64, 64),
    "conv2_1": (64, 128),
    "conv2_2": (128, 128),
    "conv3_1": (128, 256),
    "conv3_2": (256, 256),
    "conv3_3": (256, 256),
    "conv4_1": (256, 512),
    "conv4_2": (512, 512),
    "conv4_3": (512, 512),
    "conv5_1": (512, 512),
    "conv5_2": (512, 512),
    "conv5_3": (512, 512),
}
VGG19 = {
    "conv1_1": (3, 64),
    "conv1_2": (64, 64),
    "conv2_1": (64, 128),
    "conv2_2": (128, 128),
    "conv3_1": (128, 256),
    "conv3_2": (256, 256),
    "conv3_3": (256, 256),
    "conv3_4": (256, 256),
    "conv4_1": (256, 512),
    "conv4_2": (512, 512),
    "conv4_3": (512, 512),
    "conv4_4": (512, 512),
    "conv5_1": (512, 512),
    "conv5_2": (512, 512),
    "conv5_3": (512, 512),
    "conv5_4": (512, 512),
}
NETWORKS = {"vgg16": VGG16, "vgg19": VGG19}


# Files of each layout. Their arrays are constant and packed, so a file of a full-size network
# takes a few kilobytes. Layer number n has kernels of n and biases of -n.


def keras_name(name):
    return f"block{name[4]}_conv{name[6]}"


@cache
def packed(count, value):
    return zlib.compress(np.full(count, value, "f4").tobytes(), 1)


def put(file, place, shape, value):
    dataset = file.create_dataset(place, shape, "f4", chunks=shape, compression="gzip")
    # the same bytes that HDF5 would make, made once for all tests
    dataset.id.write_direct_chunk((0,) * len(shape), packed(math.prod(shape), value))


def put_nothing(file, place, shape):
    """Declare an array and store no number of it, as nothing reads it."""
    file.create_dataset(place, shape, "f4")


def list_names(item, attribute, names):
    item.attrs[attribute] = np.array(names, dtype="S") if names else np.array([])


def write_own(file, network):
    list_names(file, "layer_names", [keras_name(name) for name in network])
    for n, (name, (c_in, c_out)) in enumerate(network.items(), start=1):
        put(file, f"{keras_name(name)}/kernel", (3, 3, c_in, c_out), n)
        put(file, f"{keras_name(name)}/bias", (c_out,), -n)


def write_keras2(file, network, kernel="{0}/kernel:0", bias="{0}/bias:0", auto=False):
    """Write a file as Keras Applications has them, with a pool and a dense layer."""
    layers = [f"conv2d_{n}" if auto else keras_name(name) for n, name in enumerate(network, 30)]
    list_names(file, "layer_names", ["input_1", *layers, "block5_pool", "fc1"])
    for name in ("input_1", "block5_pool"):
        list_names(file.create_group(name), "weight_names", [])
    for n, (name, (c_in, c_out)) in enumerate(zip(layers, network.values(), strict=True), start=1):
        group = file.create_group(name)
        list_names(group, "weight_names", [kernel.format(name), bias.format(name)])
        put(group, kernel.format(name), (3, 3, c_in, c_out), n)
        put(group, bias.format(name), (c_out,), -n)
    dense = file.create_group("fc1")
    list_names(dense, "weight_names", ["fc1/kernel:0", "fc1/bias:0"])
    put_nothing(dense, "fc1/kernel:0", (25088, 4096))
    put_nothing(dense, "fc1/bias:0", (4096,))


def write_keras3(file, network, container="layers", auto=True, own_names=False):
    """Write a file as model.save_weights() of Keras 3 does."""
    for n, (name, (c_in, c_out)) in enumerate(network.items(), start=1):
        numbered = "conv2d" if n == 1 else f"conv2d_{n - 1}"
        place = f"{container}/{numbered if auto else keras_name(name)}/vars"
        put(file, f"{place}/0", (3, 3, c_in, c_out), n)
        put(file, f"{place}/1", (c_out,), -n)
        if own_names:
            file[place].attrs["name"] = keras_name(name)
    file.create_group(f"{container}/max_pooling2d/vars")
    put_nothing(file, f"{container}/dense/vars/0", (512, 2))
    put_nothing(file, f"{container}/dense/vars/1", (2,))


def write_keras1(file, network):
    write_keras2(file, network, kernel="{0}_W_1:0", bias="{0}_b_1:0")


def write_whole_model(file, network):
    write_keras2(file.create_group("model_weights"), network, "{0}/kernel", "{0}/bias")


# What other programs wrote, from their sources: older Keras, Theano, a network in a network.


def write_by_number(file, network):
    """Write a file as Keras before 1.0 did above Theano: a layer each for padding and pools."""
    kinds = []  # shapes of each layer's arrays
    previous = None
    for n, (name, (c_in, c_out)) in enumerate(network.items(), start=1):
        if previous and previous[4] != name[4]:
            kinds.append(None)
        kinds += [None, (n, (c_out, c_in, 3, 3), (c_out,))]
        previous = name
    kinds += [None, None]  # the last pool, flatten
    file.attrs["nb_layers"] = len(kinds) + 1
    for place, kind in enumerate(kinds):
        group = file.create_group(f"layer_{place}")
        group.attrs["nb_params"] = 2 if kind else 0
        if kind:
            put(group, "param_0", kind[1], kind[0])
            put(group, "param_1", kind[2], -kind[0])
    dense = file.create_group(f"layer_{len(kinds)}")
    dense.attrs["nb_params"] = 2
    put_nothing(dense, "param_0", (25088, 4096))
    put_nothing(dense, "param_1", (4096,))


def write_channels_first(file, network, name="{0}", kernel="{0}_W", bias="{0}_b"):
    """Write a file as Keras 1 did above Theano; its names have no :0."""
    layers = [name.format(keras_name(each), each, n) for n, each in enumerate(network, 1)]
    list_names(file, "layer_names", ["zeropadding2d_1", *layers])
    list_names(file.create_group("zeropadding2d_1"), "weight_names", [])
    for n, (layer, (c_in, c_out)) in enumerate(zip(layers, network.values(), strict=True), 1):
        group = file.create_group(layer)
        list_names(group, "weight_names", [kernel.format(layer), bias.format(layer)])
        put(group, kernel.format(layer), (c_out, c_in, 3, 3), n)
        put(group, bias.format(layer), (c_out,), -n)


def write_nested(file, network, auto=False):
    """Write a file of Keras 2 in which the network is the second of three layers."""
    list_names(file, "layer_names", ["conv2d", "vgg", "dense"])
    for name, shape in (("conv2d", (1, 1, 3, 3)), ("dense", (512, 2))):
        group = file.create_group(name)
        list_names(group, "weight_names", [f"{name}/kernel:0", f"{name}/bias:0"])
        put_nothing(group, f"{name}/kernel:0", shape)
        put_nothing(group, f"{name}/bias:0", shape[-1:])
    layers = [f"conv2d_{n}" if auto else keras_name(name) for n, name in enumerate(network, 1)]
    inner = file.create_group("vgg")
    names = [f"{layer}/{kind}:0" for layer in layers for kind in ("kernel", "bias")]
    list_names(inner, "weight_names", names)
    for n, (layer, (c_in, c_out)) in enumerate(zip(layers, network.values(), strict=True), 1):
        put(inner, f"{layer}/kernel:0", (3, 3, c_in, c_out), n)
        put(inner, f"{layer}/bias:0", (c_out,), -n)


def write_nested_keras3(file, network):
    """Write a file of Keras 3 in which the network is the second of three layers."""
    write_keras3(file, network, "layers/functional/layers")
    for name, shape in (("conv2d", (1, 1, 3, 3)), ("conv2d_1", (3, 3, 512, 8))):
        put_nothing(file, f"layers/{name}/vars/0", shape)
        put_nothing(file, f"layers/{name}/vars/1", shape[-1:])


def write_flat(file, network):
    """Write arrays at the root, with nothing to say who did, in the order of their names."""
    for n, (name, (c_in, c_out)) in enumerate(network.items(), start=1):
        put(file, f"{name}_W", (3, 3, c_in, c_out), n)
        put(file, f"{name}_b", (c_out,), -n)
    put_nothing(file, "fc6_W", (25088, 4096))
    put_nothing(file, "fc6_b", (4096,))


LAYOUTS = {
    "own": (write_own, "nst_numpy"),
    "keras1": (write_keras1, "Keras 1 or 2"),
    "keras2": (write_keras2, "Keras 1 or 2"),
    "keras2, whole model": (write_whole_model, "Keras 1 or 2"),
    "keras2, automatic names": (lambda f, net: write_keras2(f, net, auto=True), "Keras 1 or 2"),
    "keras3": (write_keras3, "Keras 3"),
    "keras3, own names": (lambda f, net: write_keras3(f, net, own_names=True), "Keras 3"),
    "keras3, named groups": (lambda f, net: write_keras3(f, net, auto=False), "Keras 3"),
    "keras3, old container": (
        lambda f, net: write_keras3(f, net, "_layer_checkpoint_dependencies"),
        "Keras 3",
    ),
    "keras0": (write_by_number, "Keras 1, layers by number"),
    "keras1, theano": (write_channels_first, "Keras 1 or 2"),
    "keras1, theano, automatic names": (
        lambda f, net: write_channels_first(f, net, "convolution2d_{2}"),
        "Keras 1 or 2",
    ),
    "keras1, theano, caffe's names": (
        lambda f, net: write_channels_first(f, net, "{1}", "param_0", "param_1"),
        "Keras 1 or 2",
    ),
    "keras2, nested": (write_nested, "Keras 1 or 2"),
    "keras2, nested, automatic names": (
        lambda f, net: write_nested(f, net, auto=True),
        "Keras 1 or 2",
    ),
    "keras2, whole model, nested": (
        lambda f, net: write_nested(f.create_group("model_weights"), net),
        "Keras 1 or 2",
    ),
    "keras3, nested": (write_nested_keras3, "Keras 3"),
    "flat": (write_flat, "arrays with names"),
    "flat, in groups": (lambda f, net: write_flat(f.create_group("a/b"), net), "arrays with names"),
}


def spoil(path, change, write=write_own, network=VGG16):
    """Write a good file, then let `change` make it a bad one."""
    with h5py.File(path, "w") as file:
        write(file, network)
        change(file)


def replace(place, *arguments, **options):
    """Make a change that puts another dataset at `place`."""

    def change(file):
        del file[place]
        file.create_dataset(place, *arguments, **options)

    return change


def message(path, **options):
    with pytest.raises(WeightsError) as caught:
        load_weights(path, **options)
    text = str(caught.value)
    assert text.startswith(f"load_weights: {path} ")
    assert "\n" not in text
    return text
