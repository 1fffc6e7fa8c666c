import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from nst_numpy.weights import bundled_path
from tests.cli.conftest import bad_files, nst, one_line


def test_weights_info_describes_the_bundled_file(capsys):
    assert nst("weights", "info") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(bundled_path())
    assert lines[1].startswith("vgg16, layout ")
    assert lines[3] == "14,714,688 parameters"
    rows = {line.split()[0]: line.split()[1] for line in lines if line.startswith("conv")}
    assert rows["conv1_1"] == "3×3×3×64"
    assert len(rows) == 13


def test_weights_verify_passes_the_bundled_file(capsys):
    assert nst("weights", "verify") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(line.startswith("ok ") for line in lines)


def test_weights_verify_ends_with_1_on_a_wrong_file(capsys):
    bad_files()
    assert nst("weights", "verify", "short.h5") == 1
    assert re.search(r"^FAILED ", capsys.readouterr().out, re.MULTILINE)


def test_weights_info_of_a_wrong_file_is_one_line(capsys):
    bad_files()
    assert nst("weights", "info", "text.h5") == 2
    assert "text.h5 is not an HDF5 file" in one_line(capsys)


# Files of other layouts, made of the bundled weights.


def theanos(path, params):
    """Write the file of a Keras before 1.0: channels first, kernels turned, no names."""
    with h5py.File(path, "w") as file:
        file.attrs["nb_layers"] = len(params)
        for n, (w, b) in enumerate(params.values()):
            file[f"layer_{n}/param_0"] = w[::-1, ::-1].transpose(3, 2, 0, 1)
            file[f"layer_{n}/param_1"] = b


THEANOS = (
    "theano.h5: VGG-16 in the layout of Keras 1, layers by number: channels moved last, kernels "
    "turned by 180°"
)


@pytest.fixture
def theano(real_params):
    theanos("theano.h5", real_params)
    return Path("theano.h5")


def test_weights_convert_writes_our_layout_to_the_bit(capsys, theano, real_params):
    assert nst("weights", "convert", theano, "ours.h5") == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("ours.h5\n", THEANOS + "\n")
    with h5py.File("ours.h5") as file:
        assert file.attrs["layer_names"].tolist() == [
            f"block{name[4]}_conv{name[6]}".encode() for name in real_params
        ]
        for name, pair in real_params.items():
            for kind, array in zip(("kernel", "bias"), pair, strict=True):
                stored = file[f"block{name[4]}_conv{name[6]}/{kind}"][()]
                np.testing.assert_array_equal(stored, array, strict=True)


def test_weights_convert_keeps_half_precision(capsys, real_params):
    half = {
        f"{name}_{kind}": array.astype(np.float16)
        for name, pair in real_params.items()
        for kind, array in zip("Wb", pair, strict=True)
    }
    np.savez("half.npz", **half | {"conv1_1_W": half["conv1_1_W"][:, :, ::-1]})
    assert nst("weights", "convert", "half.npz", "-o", "ours.h5", "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    with h5py.File("ours.h5") as file:
        stored = file["block1_conv1/kernel"][()]
        np.testing.assert_array_equal(stored, half["conv1_1_W"], strict=True)


def test_weights_verify_and_info_say_what_is_converted(capsys, theano):
    assert nst("weights", "verify", theano) == 0
    assert THEANOS.partition(": ")[2] in capsys.readouterr().out
    assert nst("weights", "info", theano) == 0
    assert f"\nconverted as it is read: {THEANOS.partition(': ')[2]}\n" in capsys.readouterr().out


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_a_command_that_converts_says_so_once(capsys, theano, quiet):
    words = ["trace", "chelsea", "relu1_1:3@4,4", "--size", "32", "--weights", theano]
    assert nst(*words, "--json", "trace.json", *quiet) == 0
    assert capsys.readouterr().err == ("" if quiet else THEANOS + "\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["convert"], "nst weights convert needs two files, the one to read and the one to write"),
        (["convert", "text.h5"], "nst weights convert needs two files"),
        (["convert", "text.h5", "a.h5", "-o", "b.h5"], "leave out a.h5 or -o"),
        (["verify", "text.h5", "-o", "b.h5"], "nst weights verify writes no file: leave out b.h5"),
        (["convert", "text.h5", "text.h5"], "text.h5 is read by this command: choose another"),
        (["convert", "text.h5", "./text.h5"], "text.h5 is read by this command: choose another"),
        (["convert", "text.h5", "no/o.h5"], "the folder no does not exist: make it first"),
        (["convert", "text.h5", "o.h5"], "convert_weights: text.h5 is not an HDF5 file: give a"),
        (["verify", "text.h5", "o.h5"], "nst weights verify writes no file: leave out o.h5"),
    ],
)
def test_what_cannot_be_converted_is_one_line(capsys, words, message):
    bad_files()
    assert nst("weights", *words) == 2
    assert message in one_line(capsys)
    assert not Path("o.h5").exists()
    assert Path("text.h5").read_text("utf-8") == "no weights"
