import hashlib

import numpy as np
import pytest

from nst_numpy.errors import WeightsError
from nst_numpy.weights import bundled_path, describe_weights, load_weights
from nst_numpy.weights import vgg_files as weights
from tests.weights.made import VGG16, spoil, write_by_number, write_keras2


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.h5"


def test_description_of_the_bundled_file():
    info = describe_weights()
    content = bundled_path().read_bytes()
    assert info.path == bundled_path()
    assert (info.architecture, info.layout, info.ignored) == ("vgg16", "nst_numpy", ())
    assert info.file_size == len(content)
    assert info.sha256 == hashlib.sha256(content).hexdigest()
    assert info.sha256 == weights.BUNDLED_SHA256
    assert info.sha256 in (bundled_path().parent / "README.md").read_text("utf-8")
    assert info.parameters == 14_714_688
    assert [layer.name for layer in info.layers] == list(VGG16)
    first, kernel = info.layers[0], load_weights()["conv1_1"][0].astype(np.float64)
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


def test_description_says_what_is_done_to_kernels(path):
    spoil(path, lambda file: None, write_by_number)
    info = describe_weights(path)
    assert info.layout == "Keras 1, layers by number"
    assert info.note.startswith("VGG-16 in the layout of Keras 1, layers by number: channels moved")
    assert info.layers[1].kernel_shape == (3, 3, 64, 64)
    assert info.layers[1].name_in_file == "layer_3"
    assert info.ignored[:2] == ("layer_0", "layer_10")
    assert describe_weights().note == ""
