"""The weights of VGG-16 and VGG-19: load a file, describe it, verify it.

A weights file comes from anywhere, so it is read by `hdf5`, which checks every name, shape and
number. Here stands what the networks must have, and what their values should be.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import DTypeLike

from nst_numpy.common.checks import check_dtype
from nst_numpy.common.moved import keep_former_names
from nst_numpy.errors import UnknownNameError, WeightsError
from nst_numpy.files import PathLike
from nst_numpy.weights.digests import has_sha256, sha256

# Functions import it, and h5py with it, when they run: not every start needs them.
if TYPE_CHECKING:
    from nst_numpy.weights import hdf5

# (number of convolutions, their output channels), block by block. Every kernel is 3x3.
Architecture = Literal["vgg16", "vgg19"]
BLOCKS: dict[Architecture, tuple[tuple[int, int], ...]] = {
    "vgg16": ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)),
    "vgg19": ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)),
}

# kernel[0, 0, 0, 0] and bias[0] of each layer of the published VGG-16.
FINGERPRINTS = {
    "conv1_1": (0.42947057, 0.73429835),
    "conv1_2": (0.16621928, -0.30912212),
    "conv2_1": (-0.008902963, -0.04577766),
    "conv2_2": (-0.0023012366, -0.06418542),
    "conv3_1": (0.002486315, -0.074358866),
    "conv3_2": (-0.0103266295, 0.019675018),
    "conv3_3": (0.0024918285, 0.035415243),
    "conv4_1": (-0.012453815, 0.013485669),
    "conv4_2": (0.007116542, 0.023680462),
    "conv4_3": (-0.0041355654, 0.03757768),
    "conv5_1": (-0.0006068934, 0.09722325),
    "conv5_2": (-0.0011261065, 0.21327873),
    "conv5_3": (0.00040788297, 0.18837857),
}

BUNDLED_SHA256 = "b93ef98204b9be8347830a27b9eb929e9dc32a4d3db3765c9f38d3f6de1f9e8c"

CHECKS = (
    "opens as HDF5",
    "holds all its data itself",
    "layers and their order",
    "shapes and number types",
    "finite values",
    "published VGG-16",
)

Convolutions = dict[str, tuple[np.ndarray, np.ndarray]]  # name: kernel and bias

_REMEDY = "give a Keras file of VGG-16 or VGG-19, or no path for the bundled VGG-16"
_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class LayerInfo:
    """One convolution of a weights file; the statistics are those of its kernel."""

    name: str
    name_in_file: str
    kernel_shape: tuple[int, ...]
    dtype: str
    minimum: float
    maximum: float
    mean: float
    std: float
    parameters: int


@dataclass(frozen=True)
class WeightsInfo:
    """What a weights file holds. `ignored` names the groups that are not convolutions."""

    path: Path
    architecture: str
    layout: str
    file_size: int
    sha256: str
    layers: tuple[LayerInfo, ...]
    ignored: tuple[str, ...]

    @property
    def parameters(self) -> int:
        """Number of parameters of all convolutions together."""
        return sum(layer.parameters for layer in self.layers)


@dataclass(frozen=True)
class Check:
    """One line of `verify_weights`. `passed` is None where nothing could be said."""

    name: str
    passed: bool | None
    detail: str


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
    """Read the convolutions of VGG-16 or VGG-19 from an HDF5 file.

    Parameters
    ----------
    path : str or path-like, optional
        The file; `~` stands for the home folder. None means the bundled VGG-16.
    architecture : {"vgg16", "vgg19"}, optional
        What the file must hold. None means whichever of the two it holds.
    dtype : float32 or float64
        The dtype of the returned arrays, whatever the file's own.

    Returns
    -------
    dict of str to (ndarray, ndarray)
        Layer name to kernel (3, 3, C_in, C_out) and bias (C_out,), in the order of the
        network: `conv1_1` to `conv5_3`, or to `conv5_4` for VGG-19. The input channels of
        the kernel of `conv1_1` are in the file's order, which is BGR in Keras's files.

    Raises
    ------
    WeightsError
        The file is missing, is not HDF5, is damaged, points outside itself, or does not
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
    from nst_numpy.weights import hdf5

    _check_settings(architecture, dtype)
    found = _locate(path, "load_weights")
    if path is None:
        _check_bundled(found)
    with hdf5.opened(found, "load_weights", _REMEDY) as file:
        hdf5.refuse_outside_data(file)
        contents = hdf5.find_layers(file, KERNELS)
        if architecture not in (None, contents.architecture):
            raise hdf5.RefusedError(
                f"holds {contents.architecture}, {architecture} was asked for",
                f"give another file, or ask for {contents.architecture}",
            )
        hdf5.check_declared(contents)
        return hdf5.read_all(contents, dtype)


def describe_weights(path: PathLike | None = None) -> WeightsInfo:
    """Say what a weights file holds, layer by layer.

    Parameters
    ----------
    path : str or path-like, optional
        The file; None means the bundled VGG-16.

    Returns
    -------
    WeightsInfo
        Architecture, layout, size in bytes, SHA-256, the ignored groups, and for each
        convolution its kernel's shape, dtype in the file and statistics.

    Raises
    ------
    WeightsError
        As in `load_weights`.
    """
    from nst_numpy.weights import hdf5

    found = _locate(path, "describe_weights")
    with hdf5.opened(found, "describe_weights", _REMEDY) as file:
        hdf5.refuse_outside_data(file)
        contents = hdf5.find_layers(file, KERNELS)
        hdf5.check_declared(contents)
        return WeightsInfo(
            path=found,
            architecture=contents.architecture,
            layout=contents.layout,
            file_size=found.stat().st_size,
            sha256=sha256(found),
            layers=tuple(_describe_layer(*item) for item in contents.layers.items()),
            ignored=contents.ignored,
        )


def verify_weights(path: PathLike | None = None) -> list[Check]:
    """Check a weights file step by step, and say how each step went.

    Parameters
    ----------
    path : str or path-like, optional
        The file; None means the bundled VGG-16.

    Returns
    -------
    list of Check
        One for each name in `CHECKS`, in that order. The first failure ends the work; the
        checks after it have `passed` None. So has the last one for VGG-19, of which no
        published values are kept here. A wrong file raises nothing: it fails a check.
    """
    from nst_numpy.weights import hdf5

    details: list[str] = []
    try:
        found = _locate(path, "verify_weights")
        with hdf5.opened(found, "verify_weights", _REMEDY) as file:
            details.append(f"{found}, {found.stat().st_size:,} bytes")
            hdf5.refuse_outside_data(file)
            details.append("no links, no outside or virtual data")
            contents = hdf5.find_layers(file, KERNELS)
            details.append(f"{contents.architecture}, layout of {contents.layout}")
            hdf5.check_declared(contents)
            details.append(f"{len(contents.layers)} kernels and biases")
            params = hdf5.read_all(contents, np.float32)
            details.append(f"{sum(w.size + b.size for w, b in params.values()):,} parameters")
            last = _compare_published(params, contents)
    except WeightsError as error:
        last = Check(CHECKS[len(details)], False, str(error))
    passed = [Check(name, True, detail) for name, detail in zip(CHECKS, details, strict=False)]
    skipped = [Check(name, None, "not reached") for name in CHECKS[len(passed) + 1 :]]
    return [*passed, last, *skipped]


def _check_settings(architecture: Architecture | None, dtype: DTypeLike) -> None:
    if architecture is not None and architecture not in BLOCKS:
        raise UnknownNameError.of("architecture", str(architecture), BLOCKS)
    check_dtype("load_weights", dtype)


def _locate(path: PathLike | None, caller: str) -> Path:
    from nst_numpy.weights import hdf5

    return hdf5.locate(bundled_path() if path is None else path, caller, _REMEDY)


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


def _layer_table(blocks: tuple[tuple[int, int], ...]) -> "hdf5.Table":
    """Map each layer name to its kernel's shape, in the order of the network."""
    table: hdf5.Table = {}
    c_in = 3
    for block, (count, c_out) in enumerate(blocks, start=1):
        for place in range(1, count + 1):
            table[f"conv{block}_{place}"] = (3, 3, c_in, c_out)
            c_in = c_out
    return table


# for each network its kernels' shapes, by layer
KERNELS: "dict[str, hdf5.Table]" = {name: _layer_table(blocks) for name, blocks in BLOCKS.items()}


def _describe_layer(name: str, stored: "hdf5.Stored") -> LayerInfo:
    from nst_numpy.weights import hdf5

    kernel, bias = hdf5.read(stored, np.float64)
    return LayerInfo(
        name=name,
        name_in_file=stored.name,
        kernel_shape=kernel.shape,
        dtype=str(stored.kernel.dtype),
        minimum=float(kernel.min()),
        maximum=float(kernel.max()),
        mean=float(kernel.mean()),
        std=float(kernel.std()),
        parameters=kernel.size + bias.size,
    )


def _compare_published(params: Convolutions, contents: "hdf5.Contents") -> Check:
    """Compare two entries of each layer with FINGERPRINTS, as exactly as the file stores them."""
    if params.keys() != FINGERPRINTS.keys():
        return Check(CHECKS[-1], None, "no published values are kept here for this network")
    different = [
        name
        for name, expected in FINGERPRINTS.items()
        if not (
            _is_near(params[name][0].flat[0], expected[0], contents.layers[name].kernel.dtype)
            and _is_near(params[name][1][0], expected[1], contents.layers[name].bias.dtype)
        )
    ]
    if different:
        return Check(CHECKS[-1], False, f"other values than published in {', '.join(different)}")
    return Check(CHECKS[-1], True, f"two values of each of {len(FINGERPRINTS)} layers agree")


def _is_near(found: float, published: float, stored: np.dtype[np.floating[Any]]) -> bool:
    """Whether a value is the published one, rounded to the dtype in which it is stored."""
    precision = np.finfo(stored)
    # 1e-6 allows for the rounding of the printed values, not for another training.
    return math.isclose(
        found,
        published,
        rel_tol=max(1e-6, float(precision.eps)),
        abs_tol=float(precision.smallest_subnormal),
    )


keep_former_names(__name__, {"Params": "Convolutions"})
