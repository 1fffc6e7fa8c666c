"""The readers of files, each as a function of bytes: they read them, or raise an `NstError`.

Anything else that they raise is a fault. Neither pytest nor the fuzzer is needed here.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from nst_numpy.cli.units import read_scan
from nst_numpy.course.assignment import load_assignments
from nst_numpy.course.submission import assignment_of, read_answer
from nst_numpy.errors import NstError
from nst_numpy.pictures import load_image
from nst_numpy.pictures.colours import can_paint_in
from nst_numpy.pictures.images import as_exact
from nst_numpy.pictures.metadata import describe_file, read_exif, read_profile
from nst_numpy.pictures.transparency import load_transparent
from nst_numpy.signals.data import read_signal
from nst_numpy.training.sequential import Sequential
from nst_numpy.weights import hdf5, layouts, npz, orientation
from nst_numpy.weights.disorder import find_unrelated
from nst_numpy.weights.stored import Contents, check_declared, read_all

_FOLDER = TemporaryDirectory(prefix="nst-fuzz-")
_ASSIGNMENTS = load_assignments()
# A network so small that a file of it has a kilobyte or two, where a fuzzer hits each byte.
TABLE = {"conv1_1": (3, 3, 3, 2), "conv1_2": (3, 3, 2, 4)}
NETWORKS = {"vgg16": TABLE, "vgg19": TABLE | {"conv1_3": (3, 3, 4, 4)}}


def weights(data: bytes) -> None:
    """Read convolutions in each layout and from .npz, as `load_weights` and `verify_weights` do."""
    path = _file("weights.h5", data)
    if npz.is_npz(path):
        with npz.opened(path, "load_weights", "give another") as members:
            _read_all(npz.find_layers(members, NETWORKS))
    else:
        with hdf5.opened(path, "load_weights", "give another") as file:
            hdf5.refuse_outside_data(file)
            _read_all(layouts.find_layers(file, NETWORKS))


def _read_all(contents: Contents) -> None:
    check_declared(contents, either=True)
    params = read_all(contents, np.float32)
    conversion = orientation.find_conversion(contents, params)
    orientation.describe(contents, conversion)
    orientation.find_odd(contents, conversion)
    find_unrelated(orientation.convert(params, conversion))


def networks(data: bytes) -> None:
    """Read a network of this package with its layers."""
    Sequential.load(_file("network.h5", data))


def pictures(data: bytes) -> None:
    """Read a picture, with a size as every command does, then all that is read of one."""
    path = _file("picture", data)
    load_image(path, size=64)
    as_exact(path, size=64)
    load_transparent(path, size=64)
    describe_file(path)
    read_exif(path)
    can_paint_in(read_profile(path))


def scans(data: bytes) -> None:
    """Read the results of a scan, JSON; or a signal: .npz, .npy, .csv."""
    kind = data[:1]
    if kind == b"{":
        return read_scan(str(_file("scan.json", data))).to_json()
    suffix = {b"P": ".npz", b"\x93": ".npy"}.get(kind, ".csv")
    return read_signal(_file(f"signal{suffix}", data), rate=100)


def notebooks(data: bytes) -> None:
    """Read an answer, .ipynb or .py, and find the assignment that it is for."""
    suffix = ".ipynb" if data.lstrip()[:1] == b"{" else ".py"
    path = _file(f"answer{suffix}", data)
    assignment_of(path, _ASSIGNMENTS)
    read_answer(path)


READERS: dict[str, Callable[[bytes], object]] = {
    function.__name__: function for function in (weights, networks, pictures, scans, notebooks)
}


def read(reader: str, data: bytes) -> bool:
    """Let a reader have its file; True if it was read, False if it was refused."""
    try:
        READERS[reader](data)
    except NstError as error:
        check_sentence(str(error))
        return False
    return True


def check_sentence(text: str) -> None:
    """Refuse a message that is more than a line, or no text that can be printed."""
    assert text
    assert "\n" not in text
    assert len(text) < 2_000
    text.encode("utf-8")


def _file(name: str, data: bytes) -> Path:
    path = Path(_FOLDER.name, name)
    path.write_bytes(data)
    return path
