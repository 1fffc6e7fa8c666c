"""Reading HDF5 files that are not trusted: nothing is believed before it is checked.

Four layouts are read: our own, those of Keras 1 and 2, and that of Keras 3. A file goes
through five steps, each a function or two below: open it, refuse what points outside it, find
its layers, check what they declare, and only then read numbers, which `chunks` unpacks. The
last function writes our own layout.

Text of variable length is never read, not even as the fill value of an array, as h5py does when
it opens one: such text lies elsewhere in the file, and where that place is damaged the HDF5
library can search for ever.
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
from h5py import h5d, h5g, h5o, h5t
from numpy.typing import DTypeLike

from nst_numpy.common.out_of_memory import is_room_left, tells_of_memory
from nst_numpy.errors import TooLargeError, WeightsError
from nst_numpy.files import PathLike, atomic_write, expand
from nst_numpy.kernels.threads import for_each
from nst_numpy.weights import chunks

# What a network must have: layer name to the kernel's shape, in the order of the network.
# The bias has one entry for each of the kernel's last axis.
Table = dict[str, tuple[int, ...]]

_BLOCK_CONV = re.compile(r"block(\d)_conv(\d)")
_AUTO_CONV = re.compile(r"conv2d(?:_\d+)?")
# Spellings: kernel, block1_conv1/kernel:0, block1_conv1_W_1:0; likewise for the bias.
_KERNEL = re.compile(r"(?:(?:^|/)kernel|_W(?:_\d+)?)(?::0)?$")
_BIAS = re.compile(r"(?:(?:^|/)bias|_b(?:_\d+)?)(?::0)?$")
_MOST_ATTRIBUTE_BYTES = 2**20
_MOST_NAMES = 10_000  # of groups and arrays; a whole VGG with its optimizer has some hundreds
_MOST_PATHS = 100  # of arrays of one layer
_LONGEST_MESSAGE = 500
NO_ROOM = "there is not enough memory"
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
        what = str(refusal)
        if len(what) > _LONGEST_MESSAGE:
            what = f"{what[:_LONGEST_MESSAGE]}…"
        raise WeightsError(f"{caller}: {path} {what}: {refusal.remedy or remedy}") from None
    # These are what h5py raises on a damaged file, depending on which byte is wrong.
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, OverflowError) as error:
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
    waiting, seen, count = [root], {root}, 0
    while waiting:
        group = waiting.pop()
        count += len(group)
        if count > _MOST_NAMES:
            raise RefusedError(f"has more than {_MOST_NAMES:,} groups and arrays")
        for name in group:
            item = _member(group, name)
            if isinstance(item, h5py.Group) and item not in seen:
                seen.add(item)
                waiting.append(item)


def _member(group: h5py.Group, name: Any) -> Any:
    """Return what a group holds under a name, which must lie in the file itself."""
    place = f"{group.name.rstrip('/')}/{name}"
    if not (isinstance(name, str) and name.isprintable()):  # bytes where it is no UTF-8
        raise RefusedError(f"has the name {place!r}, which cannot be printed")
    # Look at the link itself: to open it would follow it.
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise RefusedError(f"has a link at {place!r}", "save the weights without links")
    item = _open(group, name)
    if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
        raise RefusedError(
            f"keeps the data of {place!r} in other files", "save them in the file itself"
        )
    return item


def _open(group: h5py.Group, name: str) -> Any:
    """Open a group or an array; all else is returned as h5py's number for it."""
    item = h5o.open(group.id, name.encode())
    if isinstance(item, h5g.GroupID):
        return h5py.Group(item)
    if isinstance(item, h5d.DatasetID) and _has_fixed_length(item.get_type()):
        return h5py.Dataset(item)
    return item


def _has_fixed_length(kind: h5t.TypeID) -> bool:
    """Whether what is of this type lies in its place, and is not a pointer to another."""
    if isinstance(kind, h5t.TypeStringID):
        return not kind.is_variable_str()
    elsewhere = (h5t.VLEN, h5t.STRING, h5t.REFERENCE)
    return not any(kind.detect_class(each) for each in elsewhere)


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
        if names is None:
            names = [name for name in _by_number(root) if _group(root, name)]
        if len(set(names)) < len(names):
            raise RefusedError("lists a layer twice in layer_names")
        if len(names) > _MOST_NAMES:
            raise RefusedError(f"lists more than {_MOST_NAMES:,} layers")
        members = [_group(root, name) for name in root]
        keras = any("weight_names" in each.attrs for each in members if each)
        stored = [_keras2_layer(root, name) for name in names]
        return ("Keras 1 or 2" if keras else "nst_numpy"), root, stored
    for name in ("layers", "_layer_checkpoint_dependencies"):
        container = _group(file, name)
        stored = [] if container is None else _keras3_layers(container)
        if any(each.kernel is not None for each in stored):
            return "Keras 3", container, stored
    raise RefusedError("has neither layer_names nor layers/…/vars, as Keras writes them")


def _keras2_layer(root: h5py.Group, name: str) -> Stored:
    """Find a layer's arrays at the names in its weight_names, else anywhere in its group."""
    layer = _group(root, name)
    if layer is None:
        raise RefusedError(f"lists the layer {name!r}, but has no such group")
    names = _texts(layer, "weight_names") if "weight_names" in layer.attrs else None
    if names is None:
        names = _paths(layer)
    kernel = next((each for each in names if _KERNEL.search(each)), "kernel")
    bias = next((each for each in names if _BIAS.search(each)), "bias")
    return Stored(name, name, _dataset(layer, kernel), _dataset(layer, bias))


def _keras3_layers(container: h5py.Group) -> list[Stored]:
    """Find each layer's vars/0 and vars/1, in the order of the model."""
    stored = []
    for name in _by_number(container):
        layer = _group(container, name)
        variables = None if layer is None else _group(layer, "vars")
        if variables is None:
            continue
        # Newer versions keep the layer's own name beside its arrays. What Keras writes is of
        # variable length; the groups and their order say enough.
        own_name = read_text(variables, "name")
        known_name = own_name if _BLOCK_CONV.fullmatch(own_name) else name
        arrays = _dataset(variables, "0"), _dataset(variables, "1")
        stored.append(Stored(name, known_name, *arrays))
    return stored


def _group(parent: h5py.Group, name: str) -> h5py.Group | None:
    member = _open(parent, name) if name in parent else None
    return member if isinstance(member, h5py.Group) else None


def _dataset(parent: h5py.Group, name: str) -> h5py.Dataset | None:
    member = _open(parent, name) if name in parent else None
    if isinstance(member, h5d.DatasetID):
        raise RefusedError(
            f"has text or references in {name!r} of {parent.name!r}",
            "save it as float16, float32 or float64",
        )
    return member if isinstance(member, h5py.Dataset) else None


def _paths(layer: h5py.Group) -> list[str]:
    """List what is in a layer's group, at any depth."""
    found: list[str] = []

    def note(path: str) -> bool | None:
        found.append(path)
        return len(found) >= _MOST_PATHS or None  # True ends the visit

    layer.visit(note)
    return found


def _by_number(container: h5py.Group) -> list[str]:
    """List names as Keras numbers them in model order: conv2d, conv2d_1, …, conv2d_10."""

    def number(name: str) -> int:
        digits = re.search(r"_(\d{1,9})$", name)
        return int(digits[1]) if digits else 0

    return sorted(container, key=number)


def read_text(item: h5py.Group, attribute: str) -> str:
    """Read an attribute that is one text of fixed length, as `write` gives it; else no text."""
    return "".join(_texts(item, attribute) or []) if attribute in item.attrs else ""


def _texts(item: h5py.Group, attribute: str) -> list[str] | None:
    """Read an attribute that is a name or a list of names; None if it is not of fixed length."""
    declared = item.attrs.get_id(attribute)
    kind, count = declared.get_type(), math.prod(declared.shape)
    if not count:
        return []
    if not isinstance(kind, h5t.TypeStringID) or kind.is_variable_str():
        return None
    if count * kind.get_size() > _MOST_ATTRIBUTE_BYTES:
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
    if chunks.float_dtype(dataset) is None:
        kind = str(dataset.dtype)[:80]
        raise RefusedError(f"has a {label} of {kind}", "save it as float16, float32 or float64")
    _check_storage(dataset, label)


def _check_storage(dataset: h5py.Dataset, label: str) -> None:
    """Check that a dataset's numbers are there, in chunks that can be unpacked here."""
    # A chunk is unpacked as a whole, so one larger than its array could fill the memory.
    if dataset.chunks and any(np.greater(dataset.chunks, dataset.shape)):
        raise RefusedError(f"has a {label} with chunks larger than itself", "save it again")
    if chunks.count_chunks(dataset) > chunks.MOST_CHUNKS:
        raise RefusedError(
            f"has a {label} in more than {chunks.MOST_CHUNKS:,} chunks",
            "save it again in larger chunks, or in one piece",
        )
    if dataset.chunks and dataset.file.userblock_size:  # versions differ in where chunks are then
        raise RefusedError(f"has a {label} in chunks behind a user block", "save it in one piece")
    if not chunks.is_known_packing(dataset):
        raise RefusedError(f"packs the {label} in a way unknown here", "save it with gzip or none")
    if not dataset.id.get_storage_size():
        raise RefusedError(f"names a {label}, but stores no numbers of it", "save it again")


# Step 5: read.


def read_all(contents: Contents, dtype: DTypeLike) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read kernels and biases of all layers, several at a time."""
    found = {}

    def work(name: str) -> None:
        found[name] = read(contents.layers[name], dtype)

    for_each(work, contents.layers)
    return {name: found[name] for name in contents.layers}


def read(stored: Stored, dtype: DTypeLike) -> tuple[np.ndarray, np.ndarray]:
    """Read kernel and bias of one layer as `dtype`, and check that all entries are finite."""
    arrays = []
    for kind, dataset in (("kernel", stored.kernel), ("bias", stored.bias)):
        with np.errstate(over="ignore"):  # told below
            array = chunks.read(dataset).astype(dtype, copy=False)
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
