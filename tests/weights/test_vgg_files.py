import hashlib
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from nst_numpy.errors import SettingError, UnknownNameError, WeightsError
from nst_numpy.weights import (
    CHECKS,
    bundled_path,
    describe_weights,
    load_weights,
    verify_weights,
)
from nst_numpy.weights import vgg_files as weights

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


# Files of each layout. Nothing is written into their arrays: HDF5 then stores only the fill
# value, so a file of a full-size network takes a few kilobytes. Layer number n has kernels
# of n and biases of -n.


def keras_name(name):
    return f"block{name[4]}_conv{name[6]}"


def put(file, place, shape, value, dtype="f4"):
    file.create_dataset(place, shape, dtype, fillvalue=value)


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
    put(dense, "fc1/kernel:0", (25088, 4096), 7)
    put(dense, "fc1/bias:0", (4096,), 7)


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
    put(file, f"{container}/dense/vars/0", (512, 2), 7)
    put(file, f"{container}/dense/vars/1", (2,), 7)


def write_keras1(file, network):
    write_keras2(file, network, kernel="{0}_W_1:0", bias="{0}_b_1:0")


def write_whole_model(file, network):
    write_keras2(file.create_group("model_weights"), network, "{0}/kernel", "{0}/bias")


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
}


@pytest.fixture(scope="module")
def bundled():
    return load_weights()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.h5"


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


# The bundled file.


@pytest.mark.parametrize(
    ("name", "kernel", "bias"),
    [
        ("conv1_1", 0.42947057, 0.73429835),
        ("conv1_2", 0.16621928, -0.30912212),
        ("conv2_1", -0.008902963, -0.04577766),
        ("conv2_2", -0.0023012366, -0.06418542),
        ("conv3_1", 0.002486315, -0.074358866),
        ("conv3_2", -0.0103266295, 0.019675018),
        ("conv3_3", 0.0024918285, 0.035415243),
        ("conv4_1", -0.012453815, 0.013485669),
        ("conv4_2", 0.007116542, 0.023680462),
        ("conv4_3", -0.0041355654, 0.03757768),
        ("conv5_1", -0.0006068934, 0.09722325),
        ("conv5_2", -0.0011261065, 0.21327873),
        ("conv5_3", 0.00040788297, 0.18837857),
    ],
)
def test_first_entries_are_those_of_the_published_vgg16(bundled, name, kernel, bias):
    assert bundled[name][0][0, 0, 0, 0] == np.float32(kernel)
    assert bundled[name][1][0] == np.float32(bias)


@pytest.mark.parametrize(
    ("name", "which", "index", "value"),
    [
        ("conv1_1", 1, (25,), 0.7446502),
        ("conv1_2", 0, (2, 2, 63, 63), 0.016082443),
        ("conv2_1", 1, (1,), 0.06440781),
        ("conv5_1", 0, (1, 0, 63, 269), -0.011236359),
        ("conv5_2", 1, (510,), 0.23517226),
        ("conv5_3", 0, (0, 2, 0, 400), -0.008714244),
    ],
)
def test_more_entries_are_those_of_the_published_vgg16(bundled, name, which, index, value):
    assert bundled[name][which][index] == np.float32(value)


def test_bundled_network_has_its_names_shapes_and_dtype_in_order(bundled):
    assert list(bundled) == list(VGG16)
    for name, (c_in, c_out) in VGG16.items():
        kernel, bias = bundled[name]
        assert kernel.shape == (3, 3, c_in, c_out)
        assert bias.shape == (c_out,)
        assert kernel.dtype == bias.dtype == np.float32
        assert kernel.flags.c_contiguous


def test_bundled_path_takes_the_installed_file_first(tmp_path, monkeypatch):
    assert bundled_path().name == "vgg16.h5"
    monkeypatch.setattr(weights, "_PACKAGE", tmp_path / "nst_numpy")
    checkout = tmp_path / "weights" / "vgg16.h5"
    installed = tmp_path / "nst_numpy" / "_weights" / "vgg16.h5"
    with pytest.raises(WeightsError, match=r"bundled_path: neither .* install nst_numpy again"):
        bundled_path()
    for place in (checkout, installed):
        place.parent.mkdir(parents=True)
        place.touch()
        assert bundled_path() == place


# Layouts.


@pytest.mark.parametrize("architecture", NETWORKS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_read(path, layout, architecture):
    network = NETWORKS[architecture]
    write, label = LAYOUTS[layout]
    with h5py.File(path, "w") as file:
        write(file, network)
    params = load_weights(path, architecture)
    assert list(params) == list(network)
    for n, (name, (c_in, c_out)) in enumerate(network.items(), start=1):
        kernel, bias = params[name]
        assert kernel.shape == (3, 3, c_in, c_out)
        assert kernel.flat[0] == kernel.flat[-1] == n
        assert bias.shape == (c_out,)
        assert bias[0] == bias[-1] == -n
    assert verify_weights(path)[2].detail == f"{architecture}, layout of {label}"


def test_second_container_of_keras3_is_read_where_the_first_is_empty(path):
    with h5py.File(path, "w") as file:
        write_keras3(file, VGG16, "_layer_checkpoint_dependencies")
        file.create_group("layers/flatten/vars")
    assert load_weights(path)["conv5_3"][1][0] == -13


@pytest.mark.parametrize("stored", ["f2", "f8", ">f4"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_of_each_width_are_read_as_the_dtype_asked_for(path, stored, dtype):
    spoil(path, replace("block1_conv1/bias", data=np.full(64, 0.5, stored)))
    params = load_weights(path, dtype=dtype)
    assert all(array.dtype == dtype for pair in params.values() for array in pair)
    assert (params["conv1_1"][1] == 0.5).all()


def test_home_folder_and_letters_beyond_ascii_work_in_a_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "gewichte_ä_重み").mkdir()
    spoil(tmp_path / "gewichte_ä_重み" / "w.h5", lambda file: None)
    assert len(load_weights("~/gewichte_ä_重み/w.h5")) == 13


def test_group_that_holds_itself_does_not_loop(path):
    spoil(path, lambda file: file["block1_conv1"].__setitem__("loop", file["/"]))
    assert len(load_weights(path)) == 13


# Refusals: settings.


def test_unknown_architecture_is_refused():
    with pytest.raises(UnknownNameError, match="unknown architecture 'vgg18': did you mean vgg1"):
        load_weights(architecture="vgg18")


def test_dtype_other_than_float32_and_float64_is_refused():
    with pytest.raises(SettingError, match="dtype is float16: use float32 or float64"):
        load_weights(dtype=np.float16)


def test_other_architecture_than_asked_for_is_refused():
    text = message(bundled_path(), architecture="vgg19")
    assert "holds vgg16, vgg19 was asked for: give another file, or ask for vgg16" in text


# Refusals: the file.


def test_missing_file_is_refused(path):
    with pytest.raises(WeightsError, match=r"load_weights: there is no file .*: check the path"):
        load_weights(path)


def test_folder_is_refused(tmp_path):
    assert "is a folder, not a file: give a Keras file" in message(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not HDF5", b"PK\x03\x04" + bytes(2000)])
def test_other_format_is_refused(path, content):
    path.write_bytes(content)
    assert "is not an HDF5 file: give a Keras file" in message(path)


def test_unreadable_file_is_refused(path, monkeypatch):
    path.touch()

    def refuse(self, mode):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "cannot be opened (Permission denied): check" in message(path)


def test_truncated_file_is_refused(path):
    spoil(path, lambda file: None)
    os.truncate(path, path.stat().st_size // 2)
    assert "is damaged or cut short: copy or download it again" in message(path)


def test_corrupt_gzip_chunk_is_refused(path):
    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 64))
    spoil(path, replace("block1_conv1/kernel", data=kernel, compression="gzip"))
    with h5py.File(path) as file:
        chunk = file["block1_conv1/kernel"].id.get_chunk_info(0)
    with path.open("r+b") as raw:
        raw.seek(chunk.byte_offset + chunk.size // 2)
        raw.write(b"\xff" * 16)
    assert "is damaged or cut short" in message(path)


def test_damage_at_any_place_ends_in_the_error_of_the_family(path):
    spoil(path, lambda file: None)
    sound = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for start in rng.integers(0, len(sound), 60):
        path.write_bytes(sound[:start] + rng.bytes(200) + sound[start + 200 :])
        checks = verify_weights(path)
        refused += any(check.passed is False for check in checks[:5])
    assert refused > 10


# Refusals: what points outside the file.


@pytest.mark.parametrize("link", [h5py.SoftLink("/nowhere"), h5py.ExternalLink("x.h5", "/a")])
@pytest.mark.parametrize("place", ["extra", "block1_conv1/extra"])
def test_link_is_refused_anywhere(path, link, place):
    spoil(path, lambda file: file.__setitem__(place, link))
    assert f"has a link at '/{place}': save the weights without links" in message(path)


def test_link_in_place_of_a_layer_is_refused(path):
    def change(file):
        del file["block1_conv1/kernel"]
        file["block1_conv1/kernel"] = h5py.SoftLink("/block1_conv2/kernel")

    spoil(path, change)
    assert "has a link at '/block1_conv1/kernel'" in message(path)


def test_external_storage_is_refused(path):
    (path.parent / "raw").write_bytes(bytes(256))
    outside = [(str(path.parent / "raw"), 0, 256)]
    spoil(path, replace("block1_conv1/bias", (64,), "f4", external=outside))
    assert "keeps the data of '/block1_conv1/bias' in other files" in message(path)


def test_virtual_dataset_is_refused(path):
    def change(file):
        virtual = h5py.VirtualLayout((64,), "f4")
        virtual[:] = h5py.VirtualSource("other.h5", "b", (64,))
        del file["block1_conv1/bias"]
        file.create_virtual_dataset("block1_conv1/bias", virtual)

    spoil(path, change)
    assert "keeps the data of '/block1_conv1/bias' in other files" in message(path)


# Refusals: names, order, shapes, numbers.


def test_hdf5_file_of_something_else_is_refused(path):
    with h5py.File(path, "w") as file:
        file["table"] = [1, 2, 3]
    assert "has neither layer_names nor layers/…/vars" in message(path)


def test_listed_layer_without_group_is_refused(path):
    spoil(path, lambda file: file.__delitem__("block2_conv1"))
    assert "lists the layer 'block2_conv1', but has no such group" in message(path)


def test_layers_that_lack_are_named(path):
    without = {name: shape for name, shape in VGG16.items() if name not in ("conv2_1", "conv4_3")}
    spoil(path, lambda file: None, network=without)
    assert "lacks conv2_1, conv4_3 of vgg16: give a Keras file" in message(path)


def test_layers_too_many_are_named(path):
    spoil(path, lambda file: None, network={**VGG16, "conv6_1": (512, 512)})
    assert "has every layer of vgg16 and has conv6_1, which it does not know" in message(path)


def test_wrong_order_of_layers_is_refused(path):
    names = [keras_name(name) for name in VGG16]
    names[5:7] = names[6:4:-1]
    spoil(path, lambda file: list_names(file, "layer_names", names))
    text = message(path)
    assert "conv3_1, conv3_3, conv3_2, conv4_1" in text
    assert "expected the order of vgg16" in text


def test_layer_listed_twice_is_refused(path):
    names = [keras_name(name) for name in VGG16]
    spoil(path, lambda file: list_names(file, "layer_names", [*names, names[0]]))
    assert "lists a layer twice in layer_names" in message(path)


@pytest.mark.parametrize("count", [0, 12, 14])
def test_count_that_fits_no_network_is_refused_without_names(path, count):
    network = {f"conv{n}": (64, 64) for n in range(count)}
    spoil(path, lambda file: None, write_keras3, network)
    text = message(path)
    assert f"has {count} convolutions named block1_conv1 or conv2d and so on" in text
    assert "VGG-16 has 13 and VGG-19 has 16, saved alone" in text


def test_list_of_names_of_more_than_a_megabyte_is_refused(path):
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["layer_names"] = np.zeros(3, "S400000")
    assert "has more than a megabyte of layer_names" in message(path)


@pytest.mark.parametrize("kind", ["kernel", "bias"])
def test_missing_array_is_refused(path, kind):
    spoil(path, lambda file: file.__delitem__(f"block3_conv2/{kind}"))
    assert f"has no {kind} of 'block3_conv2'" in message(path)


@pytest.mark.parametrize("shape", [(64, 3, 3, 3), (3, 3, 3), (3, 3, 2**20, 2**20), ()])
def test_wrong_shape_of_a_kernel_is_refused_before_it_is_read(path, shape):
    spoil(path, replace("block1_conv1/kernel", shape, "f4"))
    text = message(path)
    assert f"has a kernel of 'block1_conv1' of shape {shape}, expected (3, 3, 3, 64) " in text
    assert "for vgg16's conv1_1, whose axes are (kh, kw, C_in, C_out): give a Keras file" in text


def test_wrong_shape_of_a_bias_is_refused(path):
    spoil(path, replace("block1_conv1/bias", (64, 1), "f4"))
    assert (
        "of shape (64, 1), expected (64,) for vgg16's conv1_1, whose axes are (C_out,)"
        in message(path)
    )


@pytest.mark.parametrize("dtype", ["i4", "u1", "c8", "S4", "?"])
def test_numbers_that_are_not_floats_are_refused(path, dtype):
    spoil(path, replace("block1_conv1/bias", (64,), dtype))
    assert f"has a bias of 'block1_conv1' of {np.dtype(dtype)}: save it as float16" in message(path)


@pytest.mark.skipif(np.dtype("g").itemsize == 8, reason="long double is float64 here")
def test_floats_of_more_than_64_bits_are_refused(path):
    spoil(path, replace("block1_conv1/bias", (64,), "g"))
    assert f"has a bias of 'block1_conv1' of {np.dtype('g')}: save it as" in message(path)


def test_chunk_larger_than_its_array_is_refused(path):
    large = {"maxshape": (None,), "chunks": (2**20,), "compression": "gzip"}
    spoil(path, replace("block1_conv1/bias", (64,), "f4", **large))
    assert "has a bias of 'block1_conv1' with chunks larger than itself" in message(path)


def test_unknown_packing_is_refused(path, monkeypatch):
    spoil(path, replace("block1_conv1/bias", (64,), "f4", compression="gzip"))
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda number: False)
    assert "packs the bias of 'block1_conv1' in a way unknown here" in message(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["kernel", "bias"])
def test_entries_that_are_not_finite_are_refused(path, kind, value):
    def change(file):
        file[f"block2_conv1/{kind}"][..., 5] = value

    spoil(path, change)
    assert f"not finite float32 numbers in the {kind} of 'block2_conv1'" in message(path)


def test_entry_too_large_for_float32_is_refused_there_and_read_as_float64(path):
    spoil(path, replace("block1_conv1/bias", data=np.full(64, 1e300)))
    assert "not finite float32 numbers in the bias of 'block1_conv1'" in message(path)
    assert load_weights(path, dtype=np.float64)["conv1_1"][1][0] == 1e300


# What a file holds, and how its checks went.


def test_description_of_the_bundled_file(bundled):
    info = describe_weights()
    content = bundled_path().read_bytes()
    assert info.path == bundled_path()
    assert (info.architecture, info.layout, info.ignored) == ("vgg16", "nst_numpy", ())
    assert info.file_size == len(content)
    assert info.sha256 == hashlib.sha256(content).hexdigest()
    assert info.sha256 in (bundled_path().parent / "README.md").read_text("utf-8")
    assert info.parameters == 14_714_688
    assert [layer.name for layer in info.layers] == list(VGG16)
    first, kernel = info.layers[0], bundled["conv1_1"][0].astype(np.float64)
    assert first.name_in_file == "block1_conv1"
    assert (first.kernel_shape, first.dtype, first.parameters) == ((3, 3, 3, 64), "float32", 1792)
    assert (first.minimum, first.maximum) == (kernel.min(), kernel.max())
    np.testing.assert_allclose((first.mean, first.std), (kernel.mean(), kernel.std()))


def test_description_names_what_is_ignored(path):
    spoil(path, lambda file: None, write_keras2)
    assert describe_weights(path).ignored == ("block5_pool", "fc1", "input_1")


def test_description_of_a_bad_file_raises(path):
    path.write_bytes(b"not HDF5")
    with pytest.raises(WeightsError, match=r"describe_weights: .* is not an HDF5 file"):
        describe_weights(path)


def test_bundled_file_passes_every_check():
    checks = verify_weights()
    assert [check.name for check in checks] == list(CHECKS)
    assert all(check.passed for check in checks)
    assert checks[4].detail == "14,714,688 parameters"
    assert checks[5].detail == "two values of each of 13 layers agree"


def test_other_training_fails_the_last_check(path):
    spoil(path, lambda file: None)
    *others, last = verify_weights(path)
    assert all(check.passed for check in others)
    assert last.passed is False
    assert "other values than published in conv1_1, conv1_2" in last.detail


def test_vgg19_has_no_published_values_here(path):
    spoil(path, lambda file: None, network=VGG19)
    last = verify_weights(path)[-1]
    assert last.passed is None
    assert last.detail == "no published values are kept here for this network"


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        (lambda file: file.__setitem__("extra", h5py.SoftLink("/")), 1),
        (lambda file: file.__delitem__("block1_conv1"), 2),
        (lambda file: file.__delitem__("block1_conv1/bias"), 3),
        (lambda file: file["block1_conv1/bias"].__setitem__(0, np.nan), 4),
    ],
)
def test_first_failure_ends_the_checks(path, change, failing):
    spoil(path, change)
    checks = verify_weights(path)
    assert [check.name for check in checks] == list(CHECKS)
    assert [check.passed for check in checks] == [True] * failing + [False] + [None] * (5 - failing)
    assert checks[failing].detail.startswith(f"verify_weights: {path} ")


def test_missing_file_fails_the_first_check(path):
    first = verify_weights(path)[0]
    assert first.passed is False
    assert "there is no file" in first.detail
