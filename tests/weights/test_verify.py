import h5py
import numpy as np
import pytest

from nst_numpy.errors import WeightsError
from nst_numpy.weights import CHECKS, hdf5, load_weights, verify, verify_weights
from tests.weights.made import VGG19, keras_name, spoil


@pytest.fixture(scope="module")
def bundled():
    return load_weights()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.h5"


def test_bundled_file_passes_every_check():
    checks = verify_weights()
    assert [check.name for check in checks] == list(CHECKS)
    assert all(check.passed for check in checks)
    assert checks[4].detail == "14,714,688 parameters"
    assert checks[5].detail == "as they are used here"
    assert checks[6].detail == "two values of each of 13 layers agree"


def test_other_training_fails_the_last_check(path):
    spoil(path, lambda file: None)
    *others, last = verify_weights(path)
    assert all(check.passed for check in others)
    assert last.passed is False
    assert "other values than published in conv1_1, conv1_2" in last.detail


def in_precision(params, dtype):
    return {
        f"block{name[4]}_conv{name[6]}": [each.astype(dtype) for each in pair]
        for name, pair in params.items()
    }


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_the_published_network_in_another_precision_passes_every_check(path, bundled, dtype):
    hdf5.write(path, in_precision(bundled, dtype))
    assert all(check.passed for check in verify_weights(path))


def test_half_precision_allows_for_its_rounding_alone(path, bundled):
    layers = in_precision(bundled, np.float16)
    layers["block3_conv1"][1][0] *= np.float16(1.005)
    hdf5.write(path, layers)
    last = verify_weights(path)[-1]
    assert last.passed is False
    assert last.detail == "other values than published in conv3_1"


def test_a_vgg19_of_other_values_is_not_failed_for_them(path):
    spoil(path, lambda file: None, network=VGG19)
    last = verify_weights(path)[-1]
    assert last.passed is None
    assert last.detail.startswith("other values than published in conv1_1, conv1_2, conv2_2, ")


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
    assert [check.passed for check in checks] == [True] * failing + [False] + [None] * (6 - failing)
    assert checks[failing].detail.startswith(f"verify_weights: {path} ")


def test_missing_file_fails_the_first_check(path):
    first = verify_weights(path)[0]
    assert first.passed is False
    assert "there is no file" in first.detail


# Kernels that are not the right way round.

ORDER = CHECKS.index("kernels the right way round")


def with_kernels(params, change, *names):
    """Change the kernels of some layers, or of all, and give each its name in files."""
    return {
        keras_name(name): (change(w) if name in (names or params) else w, b)
        for name, (w, b) in params.items()
    }


def turned(w):
    return w[::-1, ::-1]


@pytest.mark.parametrize(
    ("change", "names", "said"),
    [
        (turned, ["conv3_2"], "kernels of conv3_2 are turned by 180°, the others not"),
        (turned, [], "kernels of all layers are turned by 180°"),
        (
            lambda w: w.transpose(3, 2, 0, 1),
            ["conv2_1"],
            "of conv2_1 are channels first, the others",
        ),
        (
            lambda w: w.transpose(3, 2, 0, 1).reshape(w.shape),
            ["conv5_1"],
            "the kernel of conv5_1 is reshaped from channels first, not transposed",
        ),
        (
            lambda w: w.transpose(0, 1, 3, 2),
            ["conv4_2", "conv5_1"],
            "conv4_2 is stored with inputs and outputs swapped; the kernel of conv5_1 is stored",
        ),
    ],
)
def test_a_kernel_the_wrong_way_round_is_named(path, bundled, change, names, said):
    layers = with_kernels(bundled, change, *names)
    hdf5.write(path, {name: (w.astype(np.float16), b) for name, (w, b) in layers.items()})
    checks = verify_weights(path)
    assert [check.passed for check in checks] == [True] * ORDER + [False, None]
    assert said in checks[ORDER].detail


def test_a_network_that_was_not_trained_is_told(path):
    rng = np.random.default_rng(0)
    params = {
        keras_name(name): (
            rng.standard_normal((3, 3, *shape), np.float32),
            np.zeros(shape[1], "f4"),
        )
        for name, shape in VGG19.items()
    }
    hdf5.write(path, params)
    check = verify_weights(path)[ORDER]
    assert check.passed is False
    assert "neighbouring entries of the kernels of all layers are not alike" in check.detail
    assert check.detail.endswith(": copy or download them again")


def test_photographs_tell_of_a_network_that_is_not_the_published_one(path, bundled, monkeypatch):
    trained = {name: (w * 1.01, b * 1.01) for name, (w, b) in bundled.items()}
    seen = []
    monkeypatch.setattr(
        verify,
        "find_turned",
        lambda params, x: seen.append(x.shape) or ("conv2_2",) * (len(seen) - 1),
    )
    hdf5.write(path, with_kernels(trained, lambda w: w))
    checks = verify_weights(path)
    assert checks[ORDER].passed
    assert checks[-1].passed is False
    assert seen[0][1:] == (64, 64, 3)
    check = verify_weights(path)[ORDER]
    assert check.passed is False
    assert "the kernels of conv2_2 do not fit the others: photographs excite" in check.detail


def test_a_bundled_file_that_lacks_is_not_called_damage_of_the_other(path, bundled, monkeypatch):
    def fail():
        raise WeightsError("bundled_path: it is not there")

    monkeypatch.setattr(verify, "load_weights", fail)
    hdf5.write(path, with_kernels(bundled, lambda w: w))
    check = verify_weights(path)[ORDER]
    assert (check.passed, check.detail) == (False, "bundled_path: it is not there")
