"""The weights of VGG-16 and VGG-19 from anywhere: load a file, or convert it.

Such a file is not trusted: `hdf5` and `npz` check every name, shape and number. `layouts` and
`recognise` find the layers, `orientation` brings their kernels into our form. Here stands what
the networks must have.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike

from nst_numpy.common.checks import check_dtype
from nst_numpy.common.moved import keep_former_names, now_in
from nst_numpy.errors import OutputError, UnknownNameError, WeightsError
from nst_numpy.files import PathLike, check_output, is_same_file
from nst_numpy.weights import orientation
from nst_numpy.weights.digests import has_sha256
from nst_numpy.weights.names import keras_name
from nst_numpy.weights.stored import Contents, Pair, RefusedError, Table, check_declared, read_all

# (number of convolutions, their output channels), block by block. Every kernel is 3x3.
Architecture = Literal["vgg16", "vgg19"]
BLOCKS: dict[Architecture, tuple[tuple[int, int], ...]] = {
    "vgg16": ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)),
    "vgg19": ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)),
}

FINGERPRINTS = orientation.VGG16  # of the published VGG-16

BUNDLED_SHA256 = "b93ef98204b9be8347830a27b9eb929e9dc32a4d3db3765c9f38d3f6de1f9e8c"

Convolutions = dict[str, Pair]  # name: kernel and bias

REMEDY = "give a Keras file or an .npz of VGG-16 or VGG-19, or no path for the bundled VGG-16"
_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class LoadedWeights:
    """What `read_weights` read.

    Attributes
    ----------
    params : dict of str to (ndarray, ndarray)
        As of `load_weights`.
    note : str
        A line that says what was recognised, and done to the numbers; empty if nothing was.
    """

    params: Convolutions
    note: str


def bundled_path() -> Path:
    """Find the VGG-16 that comes with the package.

    Returns
    -------
    Path
        `nst_numpy/_weights/vgg16.h5` once installed, `weights/vgg16.h5` in a checkout.

    Raises
    ------
    WeightsError
        Neither file exists.
    """
    places = (_PACKAGE / "_weights" / "vgg16.h5", _PACKAGE.parent / "weights" / "vgg16.h5")
    for place in places:
        if place.is_file():
            return place
    raise WeightsError(
        f"bundled_path: neither {places[0]} nor {places[1]} exists: "
        "install nst_numpy again, or give the path of a weights file"
    )


def load_weights(
    path: PathLike | None = None,
    architecture: Architecture | None = None,
    dtype: DTypeLike = np.float32,
) -> Convolutions:
    """Read the convolutions of VGG-16 or VGG-19 from a file.

    Parameters
    ----------
    path : str or path-like, optional
        An HDF5 file of Keras 1, 2 or 3, or of this package, or an .npz file of the same arrays; `~`
        stands for the home folder. Dense layers, and layers around the network, are left out. None
        means the bundled VGG-16.
    architecture : {"vgg16", "vgg19"}, optional
        What the file must hold. None means whichever of the two it holds.
    dtype : float32 or float64
        The dtype of the returned arrays, whatever the file's own.

    Returns
    -------
    dict of str to (ndarray, ndarray)
        Layer name to kernel (3, 3, C_in, C_out) and bias (C_out,), in the order of the
        network: `conv1_1` to `conv5_3`, or to `conv5_4` for VGG-19. Kernels with channels first or
        turned by 180° are brought into this form; see `orientation`. So are the input
        channels of `conv1_1`, to BGR, where its numbers are known; else they stay as they are.

    Raises
    ------
    WeightsError
        The file is missing, is of another kind, is damaged, points outside itself, or does not
        hold the network with all its names, shapes, floats and finite values. Or the bundled
        file is not the one that was published with the package, by its SHA-256.
    UnknownNameError
        `architecture` is neither "vgg16" nor "vgg19".
    SettingError
        `dtype` is neither float32 nor float64.

    Examples
    --------
    >>> params = load_weights()
    >>> kernel, bias = params["conv1_1"]
    >>> kernel.shape, bias.shape
    ((3, 3, 3, 64), (64,))
    """
    return read_weights(path, architecture, dtype).params


def read_weights(
    path: PathLike | None = None,
    architecture: Architecture | None = None,
    dtype: DTypeLike = np.float32,
) -> LoadedWeights:
    """Read weights, and say what was done to them; all else is as of `load_weights`.

    Examples
    --------
    >>> read_weights().note
    ''
    """
    _check_settings(architecture, dtype)
    found = locate(path, "load_weights")
    if path is None:
        _check_bundled(found)
    with opened_contents(found, "load_weights") as contents:
        if architecture not in (None, contents.architecture):
            raise RefusedError(
                f"holds {contents.architecture}, {architecture} was asked for",
                f"give another file, or ask for {contents.architecture}",
            )
        return _read(found, contents, dtype)


def convert_weights(path: PathLike, output: PathLike) -> str:
    """Write the convolutions of a file in the layout of this package.

    Numbers are moved and not changed: each keeps its bits, each array its dtype.

    Parameters
    ----------
    path : str or path-like
        A file as of `load_weights`.
    output : str or path-like
        The HDF5 file to write; groups `block1_conv1`, …, each with `kernel` and `bias`.

    Returns
    -------
    str
        What was recognised and done, as `LoadedWeights.note`.

    Raises
    ------
    WeightsError
        As of `load_weights`.
    OutputError
        The output cannot be written, or is the file that is read.
    """
    from nst_numpy.weights import hdf5

    found, target = locate(path, "convert_weights"), check_output(output)
    if is_same_file(found, target):
        raise OutputError(f"{target} is read by convert_weights: choose another name to write")
    with opened_contents(found, "convert_weights") as contents:
        loaded = _read(found, contents, None)
    hdf5.write(target, {keras_name(name): pair for name, pair in loaded.params.items()})
    return loaded.note


@contextmanager
def opened_contents(
    path: Path, caller: str, step: Callable[[str], object] = lambda detail: None
) -> Iterator[Contents]:
    """Open a file of either kind, and find the network in it.

    Whatever is wrong there, or goes wrong in the block, becomes one WeightsError. `step` is called
    after each step with what was found: the file, nothing outside it.
    """
    from nst_numpy.weights import hdf5, layouts, npz

    size = f"{path.stat().st_size:,} bytes"
    if npz.is_npz(path):
        with npz.opened(path, caller, REMEDY) as members:
            step(f"{path}, {size}")
            step("an .npz holds all its data, nothing in it is run")
            yield npz.find_layers(members, KERNELS)
    else:
        with hdf5.opened(path, caller, REMEDY) as file:
            step(f"{path}, {size}")
            hdf5.refuse_outside_data(file)
            step("no links, no outside or virtual data")
            yield layouts.find_layers(file, KERNELS)


def locate(path: PathLike | None, caller: str) -> Path:
    """Find a file that can be opened; None is the bundled one."""
    from nst_numpy.weights import hdf5

    return hdf5.locate(bundled_path() if path is None else path, caller, REMEDY)


def _read(path: Path, contents: Contents, dtype: DTypeLike | None) -> LoadedWeights:
    check_declared(contents, either=True)
    params = read_all(contents, dtype)
    conversion = orientation.find_conversion(contents, params)
    note = orientation.describe(contents, conversion)
    return LoadedWeights(orientation.convert(params, conversion), note and f"{path}: {note}")


def _check_settings(architecture: Architecture | None, dtype: DTypeLike) -> None:
    if architecture is not None and architecture not in BLOCKS:
        raise UnknownNameError.of("architecture", str(architecture), BLOCKS)
    check_dtype("load_weights", dtype)


def _check_bundled(path: Path) -> None:
    try:
        right = has_sha256(path, BUNDLED_SHA256)
    except OSError as error:
        raise WeightsError(
            f"load_weights: {path} cannot be read ({error.strerror or error}): "
            "install nst_numpy again, or clone it again"
        ) from error
    if not right:
        raise WeightsError(
            f"load_weights: {path} is not the VGG-16 that comes with nst_numpy, whose SHA-256 is "
            f"{BUNDLED_SHA256}: install nst_numpy again, or clone it again, with `git lfs pull` "
            "where Git LFS keeps large files; or give the path of the file if you want this one"
        )


def _layer_table(blocks: tuple[tuple[int, int], ...]) -> Table:
    """Map each layer name to its kernel's shape, in the order of the network."""
    table: Table = {}
    c_in = 3
    for block, (count, c_out) in enumerate(blocks, start=1):
        for place in range(1, count + 1):
            table[f"conv{block}_{place}"] = (3, 3, c_in, c_out)
            c_in = c_out
    return table


# for each network its kernels' shapes, by layer
KERNELS: dict[str, Table] = {name: _layer_table(blocks) for name, blocks in BLOCKS.items()}


keep_former_names(
    __name__,
    {"Params": "Convolutions"}
    | now_in(
        "nst_numpy.weights",
        describe=["LayerInfo", "WeightsInfo", "describe_weights"],
        verify=["CHECKS", "Check", "verify_weights"],
    ),
)
