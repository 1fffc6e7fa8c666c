"""HDF5 files to parameters: every name, shape and number is checked before it is trusted.

Four layouts are read: that of the bundled file, those of Keras 1 and 2, and that of Keras 3.
A file goes through five steps, each a function below: open it, refuse what points outside it,
find its layers, check what they declare, and only then read numbers.
"""

import hashlib
import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from nst_numpy.errors import SettingError, UnknownNameError, WeightsError

if TYPE_CHECKING:
    import h5py

# (number of convolutions, their output channels), block by block. Every kernel is 3x3.
BLOCKS = {
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

CHECKS = (
    "opens as HDF5",
    "holds all its data itself",
    "layers and their order",
    "shapes and number types",
    "finite values",
    "published VGG-16",
)

PathLike = str | os.PathLike[str]
Params = dict[str, tuple[np.ndarray, np.ndarray]]

_HERE = Path(__file__).resolve().parent
_REMEDY = "give a Keras file of VGG-16 or VGG-19, or no path for the bundled VGG-16"
_BLOCK_CONV = re.compile(r"block(\d)_conv(\d)")
_AUTO_CONV = re.compile(r"conv2d(?:_\d+)?")
# Spellings: kernel, block1_conv1/kernel:0, block1_conv1_W_1:0; likewise for the bias.
_KERNEL = re.compile(r"(?:(?:^|/)kernel|_W(?:_\d+)?)(?::0)?$")
_BIAS = re.compile(r"(?:(?:^|/)bias|_b(?:_\d+)?)(?::0)?$")
_MAX_ATTRIBUTE_BYTES = 2**20


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


@dataclass(frozen=True)
class _Stored:
    """One layer as it stands in the file: unread datasets, or None where one lacks."""

    group: str
    name: str
    kernel: Any
    bias: Any


@dataclass(frozen=True)
class _Contents:
    """The convolutions of a file, under our names and in the order of the network."""

    architecture: str
    layout: str
    layers: dict[str, _Stored]
    ignored: tuple[str, ...]


class _RefusedError(Exception):
    """Something in the file is wrong; `_opened` adds the function's name and the path."""


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
    places = (_HERE / "_weights" / "vgg16.h5", _HERE.parent / "weights" / "vgg16.h5")
    for place in places:
        if place.is_file():
            return place
    raise WeightsError(
        f"bundled_path: neither {places[0]} nor {places[1]} exists: "
        "install nst_numpy again, or give the path of a weights file"
    )


def load_weights(
    path: PathLike | None = None,
    architecture: str | None = None,
    dtype: DTypeLike = np.float32,
) -> Params:
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
        hold the network with all its names, shapes, floats and finite values.
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
    _check_settings(architecture, dtype)
    with _opened(_locate(path, "load_weights"), "load_weights") as file:
        _refuse_outside_data(file)
        contents = _find_layers(file)
        if architecture not in (None, contents.architecture):
            raise _RefusedError(
                f"holds {contents.architecture}, {architecture} was asked for: "
                f"give another file, or ask for {contents.architecture}"
            )
        _check_declared(contents)
        return {name: _read(stored, dtype) for name, stored in contents.layers.items()}


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
    found = _locate(path, "describe_weights")
    with _opened(found, "describe_weights") as file:
        _refuse_outside_data(file)
        contents = _find_layers(file)
        _check_declared(contents)
        return WeightsInfo(
            path=found,
            architecture=contents.architecture,
            layout=contents.layout,
            file_size=found.stat().st_size,
            sha256=_sha256(found),
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
    details: list[str] = []
    try:
        found = _locate(path, "verify_weights")
        with _opened(found, "verify_weights") as file:
            details.append(f"{found}, {found.stat().st_size:,} bytes")
            _refuse_outside_data(file)
            details.append("no links, no outside or virtual data")
            contents = _find_layers(file)
            details.append(f"{contents.architecture}, layout of {contents.layout}")
            _check_declared(contents)
            details.append(f"{len(contents.layers)} kernels and biases")
            params = {name: _read(each, np.float32) for name, each in contents.layers.items()}
            details.append(f"{sum(w.size + b.size for w, b in params.values()):,} parameters")
        last = _compare_published(params)
    except WeightsError as error:
        last = Check(CHECKS[len(details)], False, str(error))
    passed = [Check(name, True, detail) for name, detail in zip(CHECKS, details, strict=False)]
    skipped = [Check(name, None, "not reached") for name in CHECKS[len(passed) + 1 :]]
    return [*passed, last, *skipped]


def _check_settings(architecture: str | None, dtype: DTypeLike) -> None:
    if architecture is not None and architecture not in BLOCKS:
        raise UnknownNameError.of("architecture", str(architecture), BLOCKS)
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise SettingError(f"load_weights: dtype is {np.dtype(dtype)}: use float32 or float64")


def _layer_table(architecture: str) -> dict[str, tuple[int, int]]:
    """Map each layer name to (C_in, C_out), in the order of the network."""
    table, c_in = {}, 3
    for block, (count, c_out) in enumerate(BLOCKS[architecture], start=1):
        for place in range(1, count + 1):
            table[f"conv{block}_{place}"] = (c_in, c_out)
            c_in = c_out
    return table


# Step 1: open the file.


def _locate(path: PathLike | None, caller: str) -> Path:
    """Expand `path` and check that it is a file that can be opened."""
    if path is None:
        return bundled_path()
    # Path.expanduser would raise for an unknown user; this one leaves such a path alone.
    found = Path(os.path.expanduser(path))
    try:
        if found.is_dir():
            raise WeightsError(f"{caller}: {found} is a folder, not a file: {_REMEDY}")
        if not found.is_file():
            raise WeightsError(f"{caller}: there is no file {found}: check the path, or {_REMEDY}")
        found.open("rb").close()
    except OSError as error:
        reason = error.strerror or error
        raise WeightsError(
            f"{caller}: {found} cannot be opened ({reason}): check the path and who may read it"
        ) from error
    return found


@contextmanager
def _opened(path: Path, caller: str) -> Iterator["h5py.File"]:
    """Open an HDF5 file; turn whatever goes wrong inside into one WeightsError."""
    import h5py  # here, so that `import nst_numpy` stays quick

    if not h5py.is_hdf5(path):
        raise WeightsError(f"{caller}: {path} is not an HDF5 file: {_REMEDY}")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except _RefusedError as refusal:
        raise WeightsError(f"{caller}: {path} {refusal}") from None
    # These are what h5py raises on a damaged file, depending on which byte is wrong.
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise WeightsError(
            f"{caller}: {path} is damaged or cut short: copy or download it again"
        ) from error


# Step 2: refuse what points outside the file.


def _refuse_outside_data(file: "h5py.File") -> None:
    """Refuse every link but hard ones, and every dataset whose numbers lie elsewhere."""
    import h5py

    root = file["/"]
    waiting, seen = [root], {root}
    while waiting:
        group = waiting.pop()
        for name in group:
            place = f"{group.name.rstrip('/')}/{name}"
            # Look at the link itself: group[name] would follow it.
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise _RefusedError(f"has a link at {place!r}: save the weights without links")
            item = group[name]
            if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
                raise _RefusedError(
                    f"keeps the data of {place!r} in other files: save them in the file itself"
                )
            if isinstance(item, h5py.Group) and item not in seen:
                seen.add(item)
                waiting.append(item)


# Step 3: find the layers.


def _find_layers(file: "h5py.File") -> _Contents:
    """Recognise the layout and give each convolution its name in the network."""
    layout, container, stored = _stored_layers(file)
    convolutions = [each for each in stored if _BLOCK_CONV.fullmatch(each.name)]
    if convolutions:
        names = [_BLOCK_CONV.sub(r"conv\1_\2", each.name) for each in convolutions]
        only_vgg19 = _layer_table("vgg19").keys() - _layer_table("vgg16").keys()
        architecture = "vgg19" if only_vgg19.intersection(names) else "vgg16"
        _check_names(names, architecture)
    else:
        convolutions = [each for each in stored if _AUTO_CONV.fullmatch(each.name)]
        architecture = _architecture_by_count(len(convolutions))
        names = list(_layer_table(architecture))
    return _Contents(
        architecture=architecture,
        layout=layout,
        layers=dict(zip(names, convolutions, strict=True)),
        ignored=tuple(sorted(set(container) - {each.group for each in convolutions})),
    )


def _stored_layers(file: "h5py.File") -> tuple[str, "h5py.Group", list[_Stored]]:
    """Return the layout's name, the group that holds the layers, and the layers in order."""
    # model.save() of Keras 1 and 2 puts the same layout one level down.
    root = _group(file, "model_weights") or file
    if "layer_names" in root.attrs:
        names = _texts(root, "layer_names")
        if len(set(names)) < len(names):
            raise _RefusedError(f"lists a layer twice in layer_names: {_REMEDY}")
        keras = any("weight_names" in member.attrs for member in root.values())
        stored = [_keras2_layer(root, name) for name in names]
        return ("Keras 1 or 2" if keras else "nst_numpy"), root, stored
    for name in ("layers", "_layer_checkpoint_dependencies"):
        container = _group(file, name)
        stored = [] if container is None else _keras3_layers(container)
        if any(each.kernel is not None for each in stored):
            return "Keras 3", container, stored
    raise _RefusedError(
        f"has neither layer_names nor layers/…/vars, as Keras writes them: {_REMEDY}"
    )


def _keras2_layer(root: "h5py.Group", name: str) -> _Stored:
    """Find a layer's arrays at the names in its weight_names, else directly in its group."""
    layer = _group(root, name)
    if layer is None:
        raise _RefusedError(f"lists the layer {name!r}, but has no such group: {_REMEDY}")
    names = _texts(layer, "weight_names") if "weight_names" in layer.attrs else list(layer)
    kernel = next((each for each in names if _KERNEL.search(each)), "kernel")
    bias = next((each for each in names if _BIAS.search(each)), "bias")
    return _Stored(name, name, _dataset(layer, kernel), _dataset(layer, bias))


def _keras3_layers(container: "h5py.Group") -> list[_Stored]:
    """Find each layer's vars/0 and vars/1, in the order of the model."""
    stored = []
    # Keras numbers the groups in model order: conv2d, conv2d_1, …, conv2d_10.
    for name in sorted(container, key=_trailing_number):
        layer = _group(container, name)
        variables = None if layer is None else _group(layer, "vars")
        if variables is None:
            continue
        # Newer versions keep the layer's own name beside its arrays.
        own_name = "".join(_texts(variables, "name")) if "name" in variables.attrs else ""
        known_name = own_name if _BLOCK_CONV.fullmatch(own_name) else name
        arrays = _dataset(variables, "0"), _dataset(variables, "1")
        stored.append(_Stored(name, known_name, *arrays))
    return stored


def _group(parent: "h5py.Group", name: str) -> "h5py.Group | None":
    import h5py

    member = parent.get(name)
    return member if isinstance(member, h5py.Group) else None


def _dataset(parent: "h5py.Group", name: str) -> "h5py.Dataset | None":
    import h5py

    member = parent.get(name)
    return member if isinstance(member, h5py.Dataset) else None


def _trailing_number(name: str) -> int:
    digits = re.search(r"_(\d{1,9})$", name)
    return int(digits[1]) if digits else 0


def _texts(item: "h5py.Group", attribute: str) -> list[str]:
    """Read an attribute that is a name or a list of names."""
    declared = item.attrs.get_id(attribute)
    if math.prod(declared.shape) * declared.dtype.itemsize > _MAX_ATTRIBUTE_BYTES:
        raise _RefusedError(f"has more than a megabyte of {attribute}: {_REMEDY}")
    values = np.ravel(item.attrs[attribute]).tolist()
    return [each.decode() if isinstance(each, bytes) else str(each) for each in values]


def _check_names(names: list[str], architecture: str) -> None:
    """Check that the file's convolutions are the network's: all, no others, in order."""
    expected = list(_layer_table(architecture))
    missing = [name for name in expected if name not in names]
    unknown = [name for name in names if name not in expected]
    if missing or unknown:
        lacks = f"lacks {', '.join(missing)} of" if missing else "has every layer of"
        extra = f" and has {', '.join(unknown)}, which it does not know" if unknown else ""
        raise _RefusedError(f"{lacks} {architecture}{extra}: {_REMEDY}")
    if names != expected:
        raise _RefusedError(
            f"lists its layers as {', '.join(names)}: expected the order of "
            f"{architecture}: {_REMEDY}"
        )


def _architecture_by_count(count: int) -> str:
    for architecture in BLOCKS:
        if len(_layer_table(architecture)) == count:
            return architecture
    raise _RefusedError(
        f"has {count} convolutions named block1_conv1 or conv2d and so on, but VGG-16 has 13 "
        f"and VGG-19 has 16: save VGG alone, not as a part of another model, or {_REMEDY}"
    )


# Step 4: check what the layers declare, before any memory is taken for them.


def _check_declared(contents: _Contents) -> None:
    """Check shape, number type and storage of every kernel and bias."""
    for name, (c_in, c_out) in _layer_table(contents.architecture).items():
        stored = contents.layers[name]
        where = f"for {contents.architecture}'s {name}"
        _check_dataset(stored.kernel, f"kernel of {stored.group!r}", (3, 3, c_in, c_out), where)
        _check_dataset(stored.bias, f"bias of {stored.group!r}", (c_out,), where)


def _check_dataset(
    dataset: "h5py.Dataset | None", label: str, expected: tuple[int, ...], where: str
) -> None:
    import h5py

    if dataset is None:
        raise _RefusedError(f"has no {label}: {_REMEDY}")
    if dataset.shape != expected:
        axes = "(kh, kw, C_in, C_out)" if len(expected) == 4 else "(C_out,)"
        raise _RefusedError(
            f"has a {label} of shape {dataset.shape}, expected {expected} {where}: "
            f"axes must be {axes}; {_REMEDY}"
        )
    if dataset.dtype.kind != "f" or dataset.dtype.itemsize > 8:
        raise _RefusedError(
            f"has a {label} of {dataset.dtype}: save it as float16, float32 or float64"
        )
    # A chunk is unpacked as a whole, so one larger than its array could fill the memory.
    if dataset.chunks and any(np.greater(dataset.chunks, dataset.shape)):
        raise _RefusedError(f"has a {label} with chunks larger than itself: save it again")
    settings = dataset.id.get_create_plist()
    filters = [settings.get_filter(number)[0] for number in range(settings.get_nfilters())]
    if not all(h5py.h5z.filter_avail(each) for each in filters):
        raise _RefusedError(f"packs the {label} in a way unknown here: save it with gzip or none")


# Step 5: read.


def _read(stored: _Stored, dtype: DTypeLike) -> tuple[np.ndarray, np.ndarray]:
    """Read kernel and bias of one layer as `dtype`, and check that all entries are finite."""
    arrays = []
    for kind, dataset in (("kernel", stored.kernel), ("bias", stored.bias)):
        array = np.empty(dataset.shape, dtype)
        dataset.read_direct(array)
        if not np.isfinite(array).all():
            raise _RefusedError(
                f"has entries that are not finite {array.dtype} numbers in the {kind} of "
                f"{stored.group!r}: copy or download it again"
            )
        arrays.append(array)
    return arrays[0], arrays[1]


# What describe_weights and verify_weights add.


def _describe_layer(name: str, stored: _Stored) -> LayerInfo:
    kernel, bias = _read(stored, np.float64)
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


def _compare_published(params: Params) -> Check:
    """Compare two entries of each layer with FINGERPRINTS."""
    if params.keys() != FINGERPRINTS.keys():
        return Check(CHECKS[-1], None, "no published values are kept here for this network")
    different = [
        name
        for name, expected in FINGERPRINTS.items()
        # 1e-6 allows for the rounding of the printed values, not for another training.
        if not np.allclose([params[name][0].flat[0], params[name][1][0]], expected, 1e-6, 0)
    ]
    if different:
        return Check(CHECKS[-1], False, f"other values than published in {', '.join(different)}")
    return Check(CHECKS[-1], True, f"two values of each of {len(FINGERPRINTS)} layers agree")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
