import numpy as np
import pytest

from nst_numpy.errors import OutputError, SettingError, UnknownNameError, WeightsError
from nst_numpy.weights import bundled_path, convert_weights, load_weights, read_weights
from nst_numpy.weights import vgg_files as weights
from tests.weights.made import VGG16, message, spoil, write_by_number, write_nested


@pytest.fixture(scope="module")
def bundled():
    return load_weights()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.h5"


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


@pytest.fixture
def published():
    return bytearray(bundled_path().read_bytes())


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Put another file in the place of the bundled one."""
    monkeypatch.setattr(weights, "_PACKAGE", tmp_path / "nst_numpy")
    path = tmp_path / "nst_numpy" / "_weights" / "vgg16.h5"
    path.parent.mkdir(parents=True)
    return path


def pointer(path):
    path.write_text(
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{weights.BUNDLED_SHA256}\nsize 50179114\n",
        "utf-8",
    )


def other_training(path):
    spoil(path, lambda file: None)


@pytest.mark.parametrize("write", [pointer, other_training])
def test_another_file_in_the_place_of_the_bundled_one_is_refused(installed, write):
    write(installed)
    with pytest.raises(WeightsError) as refusal:
        load_weights()
    assert str(refusal.value) == (
        f"load_weights: {installed} is not the VGG-16 that comes with nst_numpy, whose SHA-256 is "
        f"{weights.BUNDLED_SHA256}: install nst_numpy again, or clone it again, with `git lfs "
        "pull` where Git LFS keeps large files; or give the path of the file if you want this one"
    )


def test_one_wrong_bit_in_the_bundled_file_is_refused(published, installed):
    published[len(published) // 2] ^= 1
    installed.write_bytes(published)
    with pytest.raises(WeightsError, match="is not the VGG-16 that comes with nst_numpy"):
        load_weights()
    published[len(published) // 2] ^= 1
    installed.write_bytes(published)
    assert list(load_weights()) == list(VGG16)


def test_a_file_that_is_given_is_read_whatever_its_sha256(path, monkeypatch):
    other_training(path)
    monkeypatch.setattr(weights, "has_sha256", lambda *given: pytest.fail("it was checked"))
    assert list(load_weights(path)) == list(VGG16)


def test_a_bundled_file_that_cannot_be_read_is_refused(monkeypatch):
    def fail(path, expected):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(weights, "has_sha256", fail)
    with pytest.raises(WeightsError, match=r"cannot be read \(Input/output error\): install nst"):
        load_weights()


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


# Files of other layouts.


def test_nothing_is_said_where_nothing_was_done(path):
    spoil(path, lambda file: None, write_nested)
    assert read_weights(path).note == ""


def test_a_file_of_theano_is_converted_and_that_is_said(path):
    spoil(path, lambda file: None, write_by_number)
    loaded = read_weights(path)
    assert loaded.note == (
        f"{path}: VGG-16 in the layout of Keras 1, layers by number: channels moved last, kernels "
        "turned by 180° (as Theano's files need it; the numbers are not the published ones)"
    )
    assert loaded.params["conv5_3"][0].shape == (3, 3, 512, 512)


def test_what_convert_writes_is_read_as_before(path):
    spoil(path, lambda file: None, write_by_number)
    output = path.with_name("ours.h5")
    before = read_weights(path)
    assert convert_weights(path, output) == before.note
    again = read_weights(output)
    assert again.note == ""
    for name, pair in before.params.items():
        for array, right in zip(again.params[name], pair, strict=True):
            np.testing.assert_array_equal(array, right, strict=True)


def test_convert_does_not_write_over_what_it_reads(path):
    spoil(path, lambda file: None)
    before = path.read_bytes()
    link = path.with_name("link.h5")
    link.hardlink_to(path)
    with pytest.raises(OutputError, match=r"is read by convert_weights: choose another name"):
        convert_weights(path, link)
    assert path.read_bytes() == before
