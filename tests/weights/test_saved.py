"""Networks in files: they come back as they were, and no file is believed."""

import json

import h5py
import numpy as np
import pytest

from nst_numpy.errors import NonFiniteError, OutputError, WeightsError
from nst_numpy.training.sequential import (
    AvgPool,
    Conv,
    Dense,
    Flatten,
    GlobalAvgPool,
    MaxPool,
    ReLU,
    Sequential,
)
from nst_numpy.weights import bundled_path
from tests.small_networks import net_of


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.h5"


ALL_ROWS = [
    Conv(np.int64(3), (3, 2), stride=(1, 2), pad=((0, 1), (1, 0)), dilation=(1, 2)), ReLU(),
    MaxPool((2, 1), pad=(1, 0)), Conv(2, 2, pad="same"), AvgPool(2, stride=1), Flatten(),
    Dense(4), ReLU(), Dense(2),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_saved_network_comes_back_as_it_was(path, dtype):
    net = net_of(ALL_ROWS, (9, 11, 2), dtype=dtype)
    net.params["dense2"][1][:] = 0.25
    net.save(path)
    loaded = Sequential.load(path)
    assert loaded.layers == net.layers
    assert loaded.input_shape == net.input_shape
    assert loaded.dtype == net.dtype
    x = np.random.default_rng(1).standard_normal((3, *net.input_shape)).astype(dtype)
    np.testing.assert_array_equal(loaded.predict(x), net.predict(x))


@pytest.mark.parametrize("rows", [[GlobalAvgPool(), Dense(1)], [ReLU()]])
def test_small_networks_are_saved_too(path, rows):
    net_of(rows).save(path)
    assert Sequential.load(path).layers == net_of(rows).layers


def test_save_writes_completely_or_not_at_all(path, monkeypatch):
    net = net_of()
    net.save(path)
    before = path.read_bytes()
    net.params["dense1"][0][0, 0] = np.nan
    with pytest.raises(
        NonFiniteError, match=r"the parameters of dense1 are not finite: nothing is"
    ):
        net.save(path)
    monkeypatch.setattr(h5py.Group, "__setitem__", lambda *a: (_ for _ in ()).throw(OSError(28)))
    with pytest.raises(OutputError):
        net_of().save(path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    with pytest.raises(OutputError, match="does not exist: make it first"):
        net_of().save(path.parent / "no" / "net.h5")


def message(path):
    with pytest.raises(WeightsError) as caught:
        Sequential.load(path)
    text = str(caught.value)
    assert text.startswith("Sequential.load: ")
    assert "\n" not in text
    return text


def described(change):
    """Make a change to the description in a saved file."""

    def spoil(file):
        text = json.loads(file.attrs["network"])
        change(text)
        file.attrs["network"] = np.bytes_(json.dumps(text))

    return spoil


def set_text(text):
    return lambda file: file.attrs.__setitem__("network", np.bytes_(text))


def of_variable_length(file):
    file.attrs["network"] = file.attrs["network"].decode()


def replace(place, *arguments, **options):
    def spoil(file):
        del file[place]
        file.create_dataset(place, *arguments, **options)

    return spoil


def wider(text):
    text["rows"][0][1]["filters"] = 8


NO_NETWORK = "does not describe a network of this package: give a file that Sequential.save wrote"


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda file: file.attrs.__delitem__("network"), NO_NETWORK),
        (set_text("{"), NO_NETWORK),
        (set_text("[" * 60_000), NO_NETWORK),
        (of_variable_length, NO_NETWORK),
        (set_text("[]"), NO_NETWORK),
        (described(lambda d: d.pop("rows")), NO_NETWORK),
        (described(lambda d: d.update(rows=[])), NO_NETWORK),
        (described(lambda d: d.update(rows=[["Conv"]])), NO_NETWORK),
        (described(lambda d: d["rows"][0].__setitem__(0, "Row")), NO_NETWORK),
        (described(lambda d: d["rows"][0][1].update(filters="many")), NO_NETWORK),
        (described(lambda d: d["rows"][0][1].update(filters=-1)), NO_NETWORK),
        (described(lambda d: d["rows"][0][1].update(pad=0.5)), NO_NETWORK),
        (described(lambda d: d["rows"][0][1].update(bias=True)), NO_NETWORK),
        (described(lambda d: d.update(input_shape=[13, 13, 2])),
         "of shape (3, 2, 3), expected (3, 3, 2, 3) for the network's conv1"),
        (described(lambda d: d.update(input_shape=2)), NO_NETWORK),
        (described(lambda d: d.update(dtype="V1000000000")), NO_NETWORK),
        (described(lambda d: d.update(dtype="float16")), NO_NETWORK),
        (described(lambda d: d["rows"][0][1].update(filters=10**30)),
         "declares more than 100,000,000 parameters: give a file"),
        (described(wider), "has a kernel of 'conv1' of shape (3, 2, 3), expected (3, 2, 8) for "
         "the network's conv1, whose axes are (kl, C_in, C_out): give a file"),
        (lambda file: file.attrs.__setitem__("layer_names", np.array(["conv1"], "S")),
         "lacks conv2, dense1, dense2 of the network: give a file"),
        (lambda file: file.__delitem__("dense1"), "lists the layer 'dense1', but has no such"),
        (lambda file: file.__delitem__("dense1/bias"), "has no bias of 'dense1': give a file"),
        (replace("dense1/kernel", data=np.full((4, 5), np.nan)),
         "not finite float64 numbers in the kernel of 'dense1': copy or download it again"),
        (replace("dense1/kernel", (4, 5), "i4"),
         "has a kernel of 'dense1' of int32: save it as float16, float32 or float64"),
        (replace("dense1/kernel", (5, 4), "f4"), "expected (4, 5) for the network's dense1, whose "
         "axes are (C_in, C_out)"),
        (lambda file: file.__setitem__("there", h5py.ExternalLink("other.h5", "/")),
         "has a link at '/there': save the weights without links"),
    ],
)  # fmt: skip
def test_files_that_are_refused(path, spoil, expected):
    net_of().save(path)
    with h5py.File(path, "r+") as file:
        spoil(file)
    assert expected in message(path)


def test_other_files_are_refused(path, tmp_path):
    assert "there is no file" in message(path)
    assert "is a folder, not a file: give a file that Sequential.save wrote" in message(tmp_path)
    path.write_bytes(b"no HDF5")
    assert "is not an HDF5 file: give a file that Sequential.save wrote" in message(path)
    net_of().save(path)
    path.write_bytes(path.read_bytes()[:-500])
    assert "is damaged or cut short: copy or download it again" in message(path)


def test_a_file_with_wrong_bytes_is_read_or_refused_and_nothing_else(path):
    net_of().save(path)
    good, rng = path.read_bytes(), np.random.default_rng(5)
    refused = 0
    for _ in range(150):
        bad = bytearray(good)
        for place in rng.integers(len(bad), size=4):
            bad[place] = rng.integers(256)
        path.write_bytes(bad)
        try:
            Sequential.load(path)
        except WeightsError:
            refused += 1
    assert refused > 0


def test_vggs_file_is_not_one_of_these():
    assert NO_NETWORK in message(bundled_path())
