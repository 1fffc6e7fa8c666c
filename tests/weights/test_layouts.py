"""What a layout says beside its layers; that each is read stands in `test_hdf5`."""

import h5py
import numpy as np
import pytest

from nst_numpy.weights import hdf5, layouts, load_weights
from nst_numpy.weights.stored import RefusedError
from nst_numpy.weights.vgg_files import KERNELS
from tests.weights import made
from tests.weights.made import VGG16, keras_name, list_names, message, spoil


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.h5"


@pytest.mark.parametrize(
    ("write", "turns"),
    [
        (made.write_own, "no"),
        (made.write_keras1, "open"),
        (made.write_keras2, "no"),
        (made.write_keras3, "no"),
        (made.write_by_number, "yes"),
        (made.write_channels_first, "yes"),
        (made.write_nested, "no"),
        (made.write_flat, "open"),
    ],
)
def test_a_layout_says_whether_kernels_are_turned(path, write, turns):
    with h5py.File(path, "w") as file:
        write(file, {"conv1_1": (3, 4)})
        assert layouts.read_layout(file).turns == turns


@pytest.mark.parametrize(("backend", "turns"), [(b"theano", "yes"), (b"tensorflow", "no")])
@pytest.mark.parametrize("write", [made.write_keras2, made.write_channels_first])
def test_the_backend_counts_more_than_names(path, write, backend, turns):
    with h5py.File(path, "w") as file:
        write(file, {"conv1_1": (3, 4)})
        file.attrs["backend"] = np.bytes_(backend)
        assert layouts.read_layout(file).turns == turns


def test_layers_by_number_are_as_many_as_keras_had(path):
    with h5py.File(path, "w") as file:
        made.write_by_number(file, VGG16)
        assert file.attrs["nb_layers"] == len(file) == 33  # the top has one dense layer here
        names = [each.name for each in layouts.read_layout(file).stored]
    assert names == [f"layer_{n}" for n in range(33)]


def test_a_network_beside_the_layers_of_another_is_named_by_its_path(path):
    with h5py.File(path, "w") as file:
        made.write_nested(file, VGG16)
        contents = layouts.find_layers(file, KERNELS)
    assert contents.layers["conv1_1"].group == "vgg/block1_conv1"
    assert contents.ignored == ("conv2d", "dense")


def test_the_same_network_twice_is_refused(path):
    def change(file):
        made.write_keras3(file, VGG16, "layers/functional/layers", own_names=True)
        made.write_keras3(file, VGG16, "layers/functional_1/layers", own_names=True)

    spoil(path, change, write=lambda file, network: None)
    assert message(path).endswith("more than once: save one VGG alone in a file of its own")


def test_networks_in_networks_without_end_are_refused(path):
    def change(file):
        group = file.create_group("layers")
        for _ in range(100):
            group = group.create_group("functional/layers")
        group.create_group("again")["layers"] = file["layers"]

    spoil(path, change, write=lambda file, network: None)
    assert "has neither layer_names nor layers/…/vars" in message(path)


def test_a_kernel_without_bias_is_named_by_its_place(path):
    def change(file):
        del file[f"vgg/{keras_name('conv2_1')}/bias:0"]

    spoil(path, change, made.write_nested)
    assert "has no bias of 'vgg/block2_conv1'" in message(path)


def test_names_of_variable_length_of_a_nested_network_are_not_needed(path):
    def change(file):
        for item in (file, *file.values()):
            for name, value in dict(item.attrs).items():
                if value.dtype.kind == "S":
                    item.attrs[name] = value.astype(str).tolist()

    spoil(path, change, made.write_nested)
    assert [bias[0] for _, bias in load_weights(path).values()] == [-n for n in range(1, 14)]


def test_layers_of_our_own_are_found_by_name(path):
    hdf5.write(path, {"conv1": (np.ones((2, 3, 4)), np.ones(4))})
    with hdf5.opened(path, "f", "give another") as file:
        assert list(layouts.find_named_layers(file, {"conv1": (2, 3, 4)}).layers) == ["conv1"]
        with pytest.raises(RefusedError, match="lacks conv2 of the network"):
            layouts.find_named_layers(file, {"conv1": (2, 3, 4), "conv2": (2, 4, 4)})


def test_more_arrays_than_any_network_has_are_refused(path, monkeypatch):
    def change(file):
        names = [f"again{n}" for n in range(20)]
        for name in names:  # one group under many names
            file[name] = file["vgg"]
        list_names(file, "layer_names", ["vgg", *names])

    monkeypatch.setattr(layouts, "MOST_NAMES", 500)
    spoil(path, change, made.write_nested)
    assert "lists more than 500 arrays: give a Keras file" in message(path)


def test_layers_whose_list_is_not_read_are_ordered_by_their_names(path):
    with h5py.File(path, "w") as file:
        for n, (name, (c_in, c_out)) in enumerate(VGG16.items(), start=1):
            made.put(file, f"{name}/{name}_W", (3, 3, c_in, c_out), n)
            made.put(file, f"{name}/{name}_b", (c_out,), -n)
        file.attrs["layer_names"] = list(VGG16)  # of variable length
    assert [kernel.flat[0] for kernel, _ in load_weights(path).values()] == list(range(1, 14))
