import os
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from nst_numpy.errors import WeightsError
from nst_numpy.weights import hdf5, load_weights
from nst_numpy.weights.vgg_files import KERNELS
from tests.weights.made import (
    LAYOUTS,
    NETWORKS,
    VGG16,
    keras_name,
    list_names,
    message,
    replace,
    spoil,
    write_keras2,
    write_keras3,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.h5"


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
    with hdf5.opened(path, "f", "give another") as file:
        assert hdf5.find_layers(file, KERNELS).layout == label


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


def test_more_names_than_any_network_has_are_refused(path, monkeypatch):
    monkeypatch.setattr(hdf5, "MOST_NAMES", 100)
    spoil(path, lambda file: [file.create_group(f"more/{n}") for n in range(90)])
    assert "has more than 100 groups and arrays: give a Keras file" in message(path)


@pytest.mark.parametrize("name", ["a\nb", "\x1b[2J", b"\xff"])
def test_a_name_that_cannot_be_printed_is_refused(path, name):
    spoil(path, lambda file: file.create_group(name))
    assert "which cannot be printed: give a Keras file" in message(path)


def test_a_long_name_makes_no_long_message(path):
    spoil(path, lambda file: file.__setitem__("x" * 10_000, h5py.SoftLink("/")))
    assert len(message(path)) < 800


# Text of variable length. It lies in a heap, and a wrong size there lets the library search for
# ever: these tests do not end if it is read.


def break_heap(path):
    data = bytearray(path.read_bytes())
    at = data.index(b"GCOL")
    data[at + 9] = 0x80
    path.write_bytes(data)


def of_variable_length(file):
    """Let all names that Keras writes be of variable length, as in a whole model of Keras 3."""
    for item in (file, *file.values()):
        for name, value in dict(item.attrs).items():
            if value.dtype.kind == "S":
                item.attrs[name] = value.astype(str).tolist()


@pytest.mark.parametrize("auto", [False, True])
@pytest.mark.parametrize("kernel", ["{0}/kernel:0", "{0}/kernel", "{0}_W_1:0"])
def test_names_of_variable_length_are_not_needed(path, auto, kernel):
    def write(file, network):
        write_keras2(
            file, network, kernel, kernel.replace("kernel", "bias").replace("W", "b"), auto
        )

    spoil(path, of_variable_length, write, NETWORKS["vgg19"])
    break_heap(path)
    for n, (kernel, bias) in enumerate(load_weights(path).values(), start=1):
        assert kernel.flat[0] == n
        assert bias[0] == -n


def test_a_name_of_variable_length_beside_the_arrays_is_not_needed(path):
    def change(file):
        for name, group in file["layers"].items():
            group["vars"].attrs["name"] = f"my {name}"

    spoil(path, change, write_keras3)
    break_heap(path)
    assert load_weights(path)["conv5_3"][1][0] == -13


def test_text_in_an_array_that_nobody_needs_is_left_alone(path):
    def change(file):
        kind = h5py.string_dtype()
        file.create_dataset("note", (2,), kind, fillvalue="elsewhere in the file")
        file["block1_conv1/note"] = ["text", "in a heap"]

    spoil(path, change)
    break_heap(path)
    assert len(load_weights(path)) == 13


@pytest.mark.parametrize("kind", [h5py.string_dtype(), h5py.vlen_dtype("f4"), h5py.ref_dtype])
def test_text_and_references_in_place_of_numbers_are_refused(path, kind):
    spoil(path, replace("block1_conv1/bias", (64,), kind))
    assert "has text or references in 'bias' of '/block1_conv1': save it as float16" in message(
        path
    )


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
    assert (
        f"has {count} convolutions, but not in a row the 13 of VGG-16 or the 16 of VGG-19" in text
    )


def test_list_of_names_of_more_than_a_megabyte_is_refused(path):
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["layer_names"] = np.zeros(3, "S400000")
    assert "has more than a megabyte of layer_names" in message(path)


@pytest.mark.parametrize("kind", ["kernel", "bias"])
def test_missing_array_is_refused(path, kind):
    spoil(path, lambda file: file.__delitem__(f"block3_conv2/{kind}"))
    assert f"has no {kind} of 'block3_conv2'" in message(path)


@pytest.mark.parametrize("shape", [(3, 64, 3, 3), (3, 3, 3), (3, 3, 2**20, 2**20), ()])
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


@pytest.mark.parametrize("options", [{"compression": "lzf"}, {"scaleoffset": 4}])
def test_unknown_packing_is_refused(path, options):
    spoil(path, replace("block1_conv1/bias", data=np.zeros(64, "f4"), **options))
    assert (
        "packs the bias of 'block1_conv1' in a way unknown here: save it with gzip or none"
        in message(path)
    )


def test_gzip_twice_is_refused(path):
    def change(file):
        settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        settings.set_chunk((64,))
        settings.set_filter(h5py.h5z.FILTER_DEFLATE, 0, (9,))
        settings.set_filter(h5py.h5z.FILTER_DEFLATE, 0, (9,))
        del file["block1_conv1/bias"]
        space = h5py.h5s.create_simple((64,))
        group = file["block1_conv1"].id
        h5py.h5d.create(group, b"bias", h5py.h5t.IEEE_F32LE, space, settings)

    spoil(path, change)
    assert "packs the bias of 'block1_conv1' in a way unknown here" in message(path)


def test_chunks_of_one_number_are_refused_before_they_are_looked_for(path):
    spoil(path, replace("block5_conv3/kernel", (3, 3, 512, 512), "f4", chunks=(1, 1, 1, 1)))
    assert "has a kernel of 'block5_conv3' in more than 4,096 chunks: save it" in message(path)


@pytest.mark.parametrize("options", [{}, {"chunks": (64,)}, {"compression": "gzip"}])
def test_an_array_of_which_nothing_is_stored_is_not_one_of_zeros(path, options):
    spoil(path, replace("block1_conv1/bias", (64,), "f4", **options))
    assert "names a bias of 'block1_conv1', but stores no numbers of it: save" in message(path)


def test_a_chunk_that_lacks_is_refused(path):
    def change(file):
        replace("block1_conv1/bias", (64,), "f4", chunks=(32,))(file)
        file["block1_conv1/bias"][:32] = 1

    spoil(path, change)
    assert "is damaged or cut short: copy or download it again" in message(path)


@pytest.mark.parametrize("compression", [None, "gzip"])
@pytest.mark.parametrize("size", [10, 10**6])
def test_a_chunk_that_is_not_as_large_as_it_says_is_refused(path, compression, size):
    def change(file):
        replace("block1_conv1/bias", (64,), "f4", chunks=(64,), compression=compression)(file)
        raw = zlib.compress(bytes(size)) if compression else bytes(size)
        file["block1_conv1/bias"].id.write_direct_chunk((0,), raw)

    spoil(path, change)
    assert "is damaged or cut short: copy or download it again" in message(path)


def test_chunks_behind_a_user_block_are_refused(path):
    with h5py.File(path, "w", userblock_size=512) as file:
        write_keras3(file, VGG16)
    assert "has a kernel of 'conv2d' in chunks behind a user block: save it in" in message(path)


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


# Networks of our own, whose names and shapes are known: written, and read step by step.

TABLE = {"conv1": (3, 2, 4), "conv2": (2, 2, 4, 5), "conv3": (1, 2, 3, 5, 1), "dense1": (4, 2)}


def layers_of(table, dtype=np.float64):
    rng = np.random.default_rng(0)
    return {
        name: tuple(rng.standard_normal(part).astype(dtype) for part in (shape, shape[-1:]))
        for name, shape in table.items()
    }


def read_all(path, table=TABLE, dtype=np.float64):
    with hdf5.opened(path, "f", "give another") as file:
        hdf5.refuse_outside_data(file)
        contents = hdf5.find_named_layers(file, table)
        hdf5.check_declared(contents)
        return contents, {name: hdf5.read(each, dtype) for name, each in contents.layers.items()}


def refusal(path, change, table=TABLE):
    """Write a good file, spoil it, and return what is said of it."""
    hdf5.write(path, layers_of(TABLE))
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(WeightsError) as caught:
        read_all(path, table)
    start = f"f: {path} "
    assert str(caught.value).startswith(start)
    return str(caught.value).removeprefix(start)


@pytest.mark.parametrize("stored", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_written_is_read(path, stored, dtype):
    layers = layers_of(TABLE, stored)
    hdf5.write(path, layers)
    contents, found = read_all(path, dtype=dtype)
    assert list(found) == list(layers)
    for name, pair in layers.items():
        for array, expected in zip(found[name], pair, strict=True):
            assert array.dtype == dtype
            np.testing.assert_array_equal(array, expected.astype(dtype))
    assert (contents.layout, contents.ignored, contents.table) == ("nst_numpy", (), TABLE)


def test_texts_are_written_as_attributes(path):
    hdf5.write(path, layers_of(TABLE), network="rows: ä", other="")
    with h5py.File(path) as file:
        assert hdf5.read_text(file, "network") == "rows: ä"
        assert hdf5.read_text(file, "other") == ""
        assert hdf5.read_text(file, "nothing") == ""


def test_a_text_of_variable_length_is_not_read(path):
    with h5py.File(path, "w") as file:
        file.attrs["network"] = "a Python text is stored elsewhere in the file"
        assert hdf5.read_text(file, "network") == ""


def test_groups_that_are_no_layers_are_ignored_and_named(path):
    hdf5.write(path, layers_of(TABLE))
    with h5py.File(path, "r+") as file:
        file.create_group("notes")
        file["made"] = [1, 2]
    assert read_all(path)[0].ignored == ("made", "notes")


def test_names_that_lack_or_are_not_known_are_told(path):
    def change(file):
        list_names(file, "layer_names", ["conv1", "conv3", "dense1", "dense2"])
        file.create_group("dense2")

    assert refusal(path, change) == (
        "lacks conv2 of the network and has dense2, which it does not know: give another"
    )


def test_the_order_of_layers_counts(path):
    names = ["conv2", "conv1", "conv3", "dense1"]
    assert refusal(path, lambda file: list_names(file, "layer_names", names)) == (
        "lists its layers as conv2, conv1, conv3, dense1: expected the order of the network: "
        "give another"
    )


@pytest.mark.parametrize(
    ("name", "axes"),
    [
        ("conv1", "(kl, C_in, C_out)"),
        ("conv2", "(kh, kw, C_in, C_out)"),
        ("conv3", "(kd, kh, kw, C_in, C_out)"),
        ("dense1", "(C_in, C_out)"),
    ],
)
def test_a_wrong_shape_is_told_with_the_axes(path, name, axes):
    assert refusal(path, replace(f"{name}/kernel", (7,), "f4")) == (
        f"has a kernel of {name!r} of shape (7,), expected {TABLE[name]} for the network's "
        f"{name}, whose axes are {axes}: give another"
    )


def test_what_lies_in_the_place_of_an_array_is_no_array(path):
    def change(file):
        del file["conv1/bias"]
        file.create_group("conv1/bias")

    assert refusal(path, change) == "has no bias of 'conv1': give another"


PACKINGS = {
    "plain": {},
    "chunks": {"chunks": True},
    "packed": {"chunks": True, "compression": "gzip", "shuffle": True, "fletcher32": True},
}


def write_packed(path, **options):
    with h5py.File(path, "w") as file:
        list_names(file, "layer_names", list(TABLE))
        for name, pair in layers_of(TABLE).items():
            for kind, array in zip(("kernel", "bias"), pair, strict=True):
                file.create_dataset(f"{name}/{kind}", data=array, **options)


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_file_with_wrong_bytes_is_read_or_refused(path, packing):
    write_packed(path, **PACKINGS[packing])
    sound, rng, refused = path.read_bytes(), np.random.default_rng(0), 0
    tries = [(start, rng.bytes(rng.integers(1, 9))) for start in rng.integers(0, len(sound), 100)]
    # what is read first: the file's own header and the first group
    tries += [(start, bytes([sound[start] ^ 0xFF])) for start in range(0, 800, 8)]
    for start, wrong in tries:
        path.write_bytes(sound[:start] + wrong + sound[start + len(wrong) :])
        try:
            read_all(path)
        except WeightsError:
            refused += 1
    assert refused > len(tries) // 10


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_file_that_ends_too_early_is_refused(path, packing):
    write_packed(path, **PACKINGS[packing])
    sound = path.read_bytes()
    for end in range(0, len(sound), 1024):
        path.write_bytes(sound[:end])
        with pytest.raises(WeightsError, match=r"is (damaged or cut short|not an HDF5 file)"):
            read_all(path)


def test_all_layers_are_read_as_one_is(path):
    hdf5.write(path, layers_of(TABLE))
    with hdf5.opened(path, "f", "give another") as file:
        contents = hdf5.find_named_layers(file, TABLE)
        found = hdf5.read_all(contents, np.float32)
        assert list(found) == list(TABLE)
        for name, stored in contents.layers.items():
            for array, expected in zip(found[name], hdf5.read(stored, np.float32), strict=True):
                np.testing.assert_array_equal(array, expected)


def test_locate_expands_and_tells_what_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "w.h5").touch()
    assert hdf5.locate("~/w.h5", "f", "give another") == tmp_path / "w.h5"
    for path, said in (
        (tmp_path, f"f: {tmp_path} is a folder, not a file: give another"),
        (
            tmp_path / "no",
            f"f: there is no file {tmp_path / 'no'}: check the path, or give another",
        ),
    ):
        with pytest.raises(WeightsError) as caught:
            hdf5.locate(path, "f", "give another")
        assert str(caught.value) == said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (hdf5.RefusedError("is odd"), "f: {} is odd: give another"),
        (hdf5.RefusedError("is odd", "mend it"), "f: {} is odd: mend it"),
        (KeyError("x"), "f: {} is damaged or cut short: copy or download it again"),
        (OSError("x"), "f: {} is damaged or cut short: copy or download it again"),
    ],
)
def test_what_goes_wrong_inside_becomes_one_sentence(path, error, said):
    hdf5.write(path, {})
    with pytest.raises(WeightsError) as caught, hdf5.opened(path, "f", "give another") as file:
        raise error
    assert str(caught.value) == said.format(path)
    assert not file  # closed


def test_an_error_that_no_file_can_cause_is_left_alone(path):
    hdf5.write(path, {})
    with pytest.raises(ZeroDivisionError), hdf5.opened(path, "f", "give another"):
        1 / 0  # noqa: B018
