"""Reading HDF5 files that are not trusted: nothing is believed before it is checked.

Four layouts are read: our own, those of Keras 1 and 2, and that of Keras 3. A file goes
through five steps, each a function or two below: open it, refuse what points outside it, find
its layers, check what they declare, and only then read numbers. The last function writes our
own layout.
"""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import DTypeLike

from nst_numpy.common.out_of_memory import is_room_left, tells_of_memory
from nst_numpy.errors import TooLargeError, WeightsError
from nst_numpy.files import PathLike, atomic_write, expand

# What a network must have: layer name to the kernel's shape, in the order of the network.
# The bias has one entry for each of the kernel's last axis.
Table = dict[str, tuple[int, ...]]

_BLOCK_CONV = re.compile(r"block(\d)_conv(\d)")
_AUTO_CONV = re.compile(r"conv2d(?:_\d+)?")
# Spellings: kernel, block1_conv1/kernel:0, block1_conv1_W_1:0; likewise for the bias.
_KERNEL = re.compile(r"(?:(?:^|/)kernel|_W(?:_\d+)?)(?::0)?$")
_BIAS = re.compile(r"(?:(?:^|/)bias|_b(?:_\d+)?)(?::0)?$")
NO_ROOM = "there is not enough memory"
_MAX_ATTRIBUTE_BYTES = 2**20
_TAPS = {2: "", 3: "kl, ", 4: "kh, kw, ", 5: "kd, kh, kw, "}  # by the kernel's rank


@dataclass(frozen=True)
class Stored:
    """One layer as it stands in the file: unread datasets, or None where one lacks."""

    group: str
    name: str
    kernel: Any
    bias: Any


@dataclass(frozen=True)
class Contents:
    """The layers of a file, under our names and in the order of the network."""

    architecture: str
    table: Table
    layout: str
    layers: dict[str, Stored]
    ignored: tuple[str, ...]


class RefusedError(Exception):
    """Something in the file is wrong; `opened` adds the function's name and the path.

    And it adds what to do, where `remedy` does not say it: that depends on who reads.
    """

    def __init__(self, what: str, remedy: str | None = None) -> None:
        super().__init__(what)
        self.remedy = remedy


# Step 1: open the file.


def locate(path: PathLike, caller: str, remedy: str) -> Path:
    """Expand `path` and check that it is a file that can be opened."""
    try:
        found = expand(path)
        if found.is_dir():
            raise WeightsError(f"{caller}: {found} is a folder, not a file: {remedy}")
        if not found.is_file():
            raise WeightsError(f"{caller}: there is no file {found}: check the path, or {remedy}")
        found.open("rb").close()
        return found
    except OSError as error:
        reason = error.strerror or error
        raise WeightsError(
            f"{caller}: {path} cannot be opened ({reason}): check the path and who may read it"
        ) from error


@contextmanager
def opened(path: Path, caller: str, remedy: str) -> Iterator[h5py.File]:
    """Open an HDF5 file; turn whatever goes wrong inside into one WeightsError."""
    if not h5py.is_hdf5(path):
        raise WeightsError(f"{caller}: {path} is not an HDF5 file: {remedy}")
    if not is_room_left():  # the HDF5 library may crash where it gets none
        raise TooLargeError(f"{caller}: {NO_ROOM} to read {path}: free some first")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except RefusedError as refusal:
        raise WeightsError(f"{caller}: {path} {refusal}: {refusal.remedy or remedy}") from None
    # These are what h5py raises on a damaged file, depending on which byte is wrong.
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError) as error:
        # HDF5 says of a filter that has no memory what it says of one that has wrong bytes
        if tells_of_memory(error) or not is_room_left():
            raise TooLargeError(f"{caller}: {NO_ROOM} to read {path}: free some first") from error
        raise WeightsError(
            f"{caller}: {path} is damaged or cut short: copy or download it again"
        ) from error


# Step 2: refuse what points outside the file.


def refuse_outside_data(file: h5py.File) -> None:
    """Refuse every link but hard ones, and every dataset whose numbers lie elsewhere."""
    root = file["/"]
    waiting, seen = [root], {root}
    while waiting:
        group = waiting.pop()
        for name in group:
            place = f"{group.name.rstrip('/')}/{name}"
            # Look at the link itself: group[name] would follow it.
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise RefusedError(f"has a link at {place!r}", "save the weights without links")
            item = group[name]
            if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
                raise RefusedError(
                    f"keeps the data of {place!r} in other files", "save them in the file itself"
                )
            if isinstance(item, h5py.Group) and item not in seen:
                seen.add(item)
                waiting.append(item)


# Step 3: find the layers.


def find_layers(file: h5py.File, networks: Mapping[str, Table]) -> Contents:
    """Recognise the layout and the network, and give each convolution its name there."""
    layout, container, stored = _stored_layers(file)
    convolutions = [each for each in stored if _BLOCK_CONV.fullmatch(each.name)]
    if convolutions:
        names = [_BLOCK_CONV.sub(r"conv\1_\2", each.name) for each in convolutions]
        only_vgg19 = networks["vgg19"].keys() - networks["vgg16"].keys()
        architecture = "vgg19" if only_vgg19.intersection(names) else "vgg16"
        _check_names(names, list(networks[architecture]), architecture)
    else:
        convolutions = [each for each in stored if _AUTO_CONV.fullmatch(each.name)]
        architecture = _architecture_by_count(len(convolutions), networks)
        names = list(networks[architecture])
    return Contents(
        architecture=architecture,
        table=networks[architecture],
        layout=layout,
        layers=dict(zip(names, convolutions, strict=True)),
        ignored=tuple(sorted(set(container) - {each.group for each in convolutions})),
    )


def find_named_layers(file: h5py.File, table: Table) -> Contents:
    """Find the layers of a network of our own, whose names and shapes are known."""
    layout, container, stored = _stored_layers(file)
    _check_names([each.name for each in stored], list(table), "the network")
    return Contents(
        architecture="the network",
        table=table,
        layout=layout,
        layers={each.name: each for each in stored},
        ignored=tuple(sorted(set(container) - set(table))),
    )


def _stored_layers(file: h5py.File) -> tuple[str, h5py.Group, list[Stored]]:
    """Return the layout's name, the group that holds the layers, and the layers in order."""
    # model.save() of Keras 1 and 2 puts the same layout one level down.
    root = _group(file, "model_weights") or file
    if "layer_names" in root.attrs:
        names = _texts(root, "layer_names")
        if len(set(names)) < len(names):
            raise RefusedError("lists a layer twice in layer_names")
        keras = any("weight_names" in member.attrs for member in root.values())
        stored = [_keras2_layer(root, name) for name in names]
        return ("Keras 1 or 2" if keras else "nst_numpy"), root, stored
    for name in ("layers", "_layer_checkpoint_dependencies"):
        container = _group(file, name)
        stored = [] if container is None else _keras3_layers(container)
        if any(each.kernel is not None for each in stored):
            return "Keras 3", container, stored
    raise RefusedError("has neither layer_names nor layers/…/vars, as Keras writes them")


def _keras2_layer(root: h5py.Group, name: str) -> Stored:
    """Find a layer's arrays at the names in its weight_names, else directly in its group."""
    layer = _group(root, name)
    if layer is None:
        raise RefusedError(f"lists the layer {name!r}, but has no such group")
    names = _texts(layer, "weight_names") if "weight_names" in layer.attrs else list(layer)
    kernel = next((each for each in names if _KERNEL.search(each)), "kernel")
    bias = next((each for each in names if _BIAS.search(each)), "bias")
    return Stored(name, name, _dataset(layer, kernel), _dataset(layer, bias))


def _keras3_layers(container: h5py.Group) -> list[Stored]:
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
        stored.append(Stored(name, known_name, *arrays))
    return stored


def _group(parent: h5py.Group, name: str) -> h5py.Group | None:
    member = parent.get(name)
    return member if isinstance(member, h5py.Group) else None


def _dataset(parent: h5py.Group, name: str) -> h5py.Dataset | None:
    member = parent.get(name)
    return member if isinstance(member, h5py.Dataset) else None


def _trailing_number(name: str) -> int:
    digits = re.search(r"_(\d{1,9})$", name)
    return int(digits[1]) if digits else 0


def read_text(file: h5py.File, attribute: str) -> str:
    """Read an attribute of the file that is one text; an empty one where there is none.

    The text must have a fixed length, as `write` gives it: one of variable length lies
    elsewhere in the file, and if that place is damaged the HDF5 library can search for ever.
    """
    if attribute not in file.attrs or file.attrs.get_id(attribute).dtype.kind != "S":
        return ""
    return "".join(_texts(file, attribute))


def _texts(item: h5py.Group, attribute: str) -> list[str]:
    """Read an attribute that is a name or a list of names."""
    declared = item.attrs.get_id(attribute)
    if math.prod(declared.shape) * declared.dtype.itemsize > _MAX_ATTRIBUTE_BYTES:
        raise RefusedError(f"has more than a megabyte of {attribute}")
    values = np.ravel(item.attrs[attribute]).tolist()
    return [each.decode() if isinstance(each, bytes) else str(each) for each in values]


def _check_names(names: list[str], expected: list[str], architecture: str) -> None:
    """Check that the file's convolutions are the network's: all, no others, in order."""
    missing = [name for name in expected if name not in names]
    unknown = [name for name in names if name not in expected]
    if missing or unknown:
        lacks = f"lacks {', '.join(missing)} of" if missing else "has every layer of"
        extra = f" and has {', '.join(unknown)}, which it does not know" if unknown else ""
        raise RefusedError(f"{lacks} {architecture}{extra}")
    if names != expected:
        raise RefusedError(
            f"lists its layers as {', '.join(names)}: expected the order of {architecture}"
        )


def _architecture_by_count(count: int, networks: Mapping[str, Table]) -> str:
    for architecture, table in networks.items():
        if len(table) == count:
            return architecture
    raise RefusedError(
        f"has {count} convolutions named block1_conv1 or conv2d and so on, but VGG-16 has 13 "
        "and VGG-19 has 16, saved alone and not as a part of another model"
    )


# Step 4: check what the layers declare, before any memory is taken for them.


def check_declared(contents: Contents) -> None:
    """Check shape, number type and storage of every kernel and bias."""
    for name, shape in contents.table.items():
        stored = contents.layers[name]
        where = f"for {contents.architecture}'s {name}"
        _check_dataset(stored.kernel, f"kernel of {stored.group!r}", shape, where)
        _check_dataset(stored.bias, f"bias of {stored.group!r}", shape[-1:], where)


def _check_dataset(
    dataset: h5py.Dataset | None, label: str, expected: tuple[int, ...], where: str
) -> None:
    if dataset is None:
        raise RefusedError(f"has no {label}")
    if dataset.shape != expected:
        axes = f"({_TAPS[len(expected)]}C_in, C_out)" if len(expected) > 1 else "(C_out,)"
        raise RefusedError(
            f"has a {label} of shape {dataset.shape}, expected {expected} {where}, "
            f"whose axes are {axes}"
        )
    if dataset.dtype.kind != "f" or dataset.dtype.itemsize > 8:
        raise RefusedError(
            f"has a {label} of {dataset.dtype}", "save it as float16, float32 or float64"
        )
    # A chunk is unpacked as a whole, so one larger than its array could fill the memory.
    if dataset.chunks and any(np.greater(dataset.chunks, dataset.shape)):
        raise RefusedError(f"has a {label} with chunks larger than itself", "save it again")
    settings = dataset.id.get_create_plist()
    filters = [settings.get_filter(number)[0] for number in range(settings.get_nfilters())]
    if not all(h5py.h5z.filter_avail(each) for each in filters):
        raise RefusedError(f"packs the {label} in a way unknown here", "save it with gzip or none")


# Step 5: read.


def read(stored: Stored, dtype: DTypeLike) -> tuple[np.ndarray, np.ndarray]:
    """Read kernel and bias of one layer as `dtype`, and check that all entries are finite."""
    arrays = []
    for kind, dataset in (("kernel", stored.kernel), ("bias", stored.bias)):
        array = np.empty(dataset.shape, dtype)
        dataset.read_direct(array)
        if not np.isfinite(array).all():
            raise RefusedError(
                f"has entries that are not finite {array.dtype} numbers in the {kind} of "
                f"{stored.group!r}",
                "copy or download it again",
            )
        arrays.append(array)
    return arrays[0], arrays[1]


def write(
    path: PathLike, layers: Mapping[str, tuple[np.ndarray, np.ndarray]], **texts: str
) -> None:
    """Write kernels and biases in our own layout, with `texts` as attributes of the file.

    The file is written completely or not at all; see `files.atomic_write` for the errors.
    """
    with atomic_write(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["layer_names"] = np.array(list(layers), dtype="S")
        for attribute, text in texts.items():
            file.attrs[attribute] = np.bytes_(text.encode())
        for name, (kernel, bias) in layers.items():
            file[f"{name}/kernel"], file[f"{name}/bias"] = kernel, bias
