import zipfile

import numpy as np
import pytest

from nst_numpy.errors import TooLargeError, WeightsError
from nst_numpy.weights import describe_weights, load_weights, npz, verify_weights
from nst_numpy.weights.stored import check_declared, read_all
from tests.weights.made import VGG19, message

TABLE = {"conv1_1": (3, 3, 3, 2), "conv1_2": (3, 3, 2, 4)}
NETWORKS = {"vgg16": TABLE, "vgg19": TABLE | {"conv1_3": (3, 3, 4, 4)}}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.npz"


def arrays(kernel="{}_W", bias="{}_b", networks=TABLE, dtype=np.float32):
    """Make the arrays of a tiny network under their names, the last layer first."""
    found = {}
    for n, (name, shape) in reversed(list(enumerate(networks.items(), start=1))):
        found[kernel.format(name)] = np.full(shape, n, dtype)
        found[bias.format(name)] = np.full(shape[-1:], -n, dtype)
    return found


def read(path):
    with npz.opened(path, "f", "give another") as members:
        contents = npz.find_layers(members, NETWORKS)
        check_declared(contents, either=True)
        return contents, read_all(contents, np.float32)


def assert_tiny(params, networks=TABLE):
    assert list(params) == list(networks)
    for n, (name, shape) in enumerate(networks.items(), start=1):
        kernel, bias = params[name]
        assert kernel.shape == shape
        assert (kernel == n).all()
        assert (bias == -n).all()


@pytest.mark.parametrize(
    "names",
    [
        ("{}_W", "{}_b"),
        ("{}/kernel:0", "{}/bias:0"),
        ("{}_kernel", "{}_bias"),
        ("vgg_16/{0}/weights", "vgg_16/{0}/biases"),
        ("{}.weight", "{}.bias"),
    ],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("network", NETWORKS.values())
def test_arrays_are_found_by_their_names_in_any_order(path, names, save, network):
    save(path, **arrays(*names, network), fc6_W=np.ones((5, 6)), step=np.array(3))
    contents, params = read(path)
    assert_tiny(params, network)
    assert contents.ignored == ("fc6_W", "step")


@pytest.mark.parametrize("dtype", ["f2", ">f4", "f8"])
def test_floats_of_each_width_are_read(path, dtype):
    np.savez(path, **arrays(dtype=dtype))
    assert_tiny(read(path)[1])


def test_arrays_of_get_weights_are_taken_in_their_order(path):
    pairs = [
        array
        for n, shape in enumerate(TABLE.values(), start=1)
        for array in (np.full(shape, n, "f4"), np.full(shape[-1:], -n, "f4"))
    ]
    np.savez(path, *pairs, np.ones((4, 9)), np.ones(9))
    contents, params = read(path)
    assert_tiny(params)
    assert contents.ignored == ("arr_4", "arr_5")


def test_a_full_network_is_loaded_described_and_checked(path):
    shapes = {name: (3, 3, *channels) for name, channels in VGG19.items()}
    np.savez_compressed(path, **arrays(networks=shapes, dtype=np.float16))
    assert_tiny(load_weights(path), shapes)
    info = describe_weights(path)
    assert info.layout == "arrays with names (.npz)"
    assert {layer.dtype for layer in info.layers} == {"float16"}
    assert [check.passed for check in verify_weights(path)[:6]] == [True] * 6


def refusal(path):
    with pytest.raises(WeightsError) as caught:
        read(path)
    text = str(caught.value)
    assert text.startswith(f"f: {path} ")
    assert "\n" not in text
    return text


def test_a_layer_that_lacks_is_named(path):
    few = arrays()
    del few["conv1_2_W"]
    np.savez(path, **few)
    assert "lacks conv1_2 of vgg16: give another" in refusal(path)


def test_a_bias_that_lacks_is_named(path):
    few = arrays()
    del few["conv1_2_b"]
    np.savez(path, **few)
    assert "has no bias of 'conv1_2'" in refusal(path)


@pytest.mark.parametrize("dtype", ["i4", "c8", "S4", "?"])
def test_numbers_that_are_not_floats_are_refused(path, dtype):
    np.savez(path, **arrays() | {"conv1_1_b": np.zeros(2, dtype)})
    assert f"has a bias of 'conv1_1' of {np.dtype(dtype)}: save it as float16" in refusal(path)


def test_entries_that_are_not_finite_are_refused(path):
    np.savez(path, **arrays() | {"conv1_1_b": np.array([0, np.nan], "f4")})
    assert "not finite float32 numbers in the bias of 'conv1_1'" in refusal(path)


def test_objects_are_not_unpickled(path):
    np.savez(path, **arrays() | {"conv1_1_b": np.array([{}, {}], object)})
    assert "cannot be read as .npz (it holds object, not numbers): give another" in refusal(path)


def test_a_shape_is_refused_before_its_numbers_are_read(path, monkeypatch):
    np.savez_compressed(path, **arrays() | {"conv1_1_W": np.zeros((3, 3, 100, 1000), "f4")})
    monkeypatch.setattr(npz.Member, "read", lambda self: pytest.fail("it was read"))
    assert "has a kernel of 'conv1_1' of shape (3, 3, 100, 1000), expected" in refusal(path)


def test_a_file_that_is_cut_short_is_refused(path):
    np.savez(path, **arrays())
    data = path.read_bytes()
    path.write_bytes(data[:200] + data[300:])
    assert "cannot be read as .npz (" in refusal(path)


def test_a_zip_of_something_else_is_refused(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "text")
    assert "cannot be read as .npz (" in message(path)


def test_a_keras_archive_is_to_be_unpacked(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", b"x")
    assert message(path).endswith("is a .keras archive: unpack it, and give its model.weights.h5")


def test_a_name_that_cannot_be_printed_is_refused(path):
    with zipfile.ZipFile(path, "w") as archive, archive.open("a\x1b[2J.npy", "w") as member:
        np.lib.format.write_array(member, np.zeros(3))
    assert "has the name 'a\\x1b[2J', which cannot be printed: give another" in refusal(path)


def test_a_file_that_changes_while_it_is_read_is_refused(path):
    np.savez(path, **arrays())
    with npz.opened(path, "f", "give another") as members:
        contents = npz.find_layers(members, NETWORKS)
    np.savez(path, **arrays() | {"conv1_1_b": np.zeros(1000, "f4")})
    with pytest.raises(ValueError, match="it has changed while it was read"):
        read_all(contents, np.float32)


def test_memory_that_lacks_is_not_called_damage(path, monkeypatch):
    np.savez(path, **arrays())
    monkeypatch.setattr(npz, "is_room_left", lambda: False)
    monkeypatch.setattr(npz, "read_npz", lambda *given: (_ for _ in ()).throw(ValueError("x")))
    with pytest.raises(TooLargeError, match="f: there is not enough memory to read"):
        read(path)


def test_what_is_no_zip_is_no_npz(path):
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    assert not npz.is_npz(path)
    assert not npz.is_npz(path.parent / "missing")
    np.savez(path, a=np.ones(1))
    assert npz.is_npz(path)
    path.write_bytes(b"something else before it" + path.read_bytes())
    assert not npz.is_npz(path)
