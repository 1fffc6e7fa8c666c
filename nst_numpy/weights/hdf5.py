"""HDF5 files that are not trusted: nothing is believed before it is checked.

A file goes through five steps: open it, refuse what points outside it, find its layers (in
`layouts`), check what they declare (in `stored`), and only then read numbers, which `chunks`
unpacks. The last function writes our own layout.

Text of variable length is never read, not even as the fill value of an array, as h5py does when
it opens one: such text lies elsewhere in the file, and where that place is damaged the HDF5
library can search for ever.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5g, h5o, h5t
from numpy.typing import NDArray

from nst_numpy.common.moved import keep_former_names, now_in
from nst_numpy.common.out_of_memory import is_room_left, tells_of_memory
from nst_numpy.errors import TooLargeError, WeightsError
from nst_numpy.files import PathLike, atomic_write, expand
from nst_numpy.weights import chunks
from nst_numpy.weights.stored import RefusedError, named

MOST_NAMES = 10_000  # of groups and arrays; a whole VGG with its optimizer has some hundreds
_MOST_ATTRIBUTE_BYTES = 2**20
NO_ROOM = "there is not enough memory"


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
        raise WeightsError(named(path, caller, refusal, remedy)) from None
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
        if count > MOST_NAMES:
            raise RefusedError(f"has more than {MOST_NAMES:,} groups and arrays")
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


# Step 3: what the layers are made of.


def group_in(parent: h5py.Group, name: str) -> h5py.Group | None:
    """Return the group of that name; None if there is none."""
    member = _open(parent, name) if name in parent else None
    return member if isinstance(member, h5py.Group) else None


def array_in(parent: h5py.Group, name: str) -> "Dataset | None":
    """Return the array of that name or path, not read yet; None if there is none."""
    member = _open(parent, name) if name in parent else None
    if isinstance(member, h5d.DatasetID):
        raise RefusedError(
            f"has text or references in {name!r} of {parent.name!r}",
            "save it as float16, float32 or float64",
        )
    return Dataset(member) if isinstance(member, h5py.Dataset) else None


def paths_in(group: h5py.Group, most: int = MOST_NAMES) -> list[str]:
    """List what is in a group, at any depth."""
    found: list[str] = []

    def note(path: str) -> bool | None:
        found.append(path)
        return len(found) >= most or None  # True ends the visit

    group.visit(note)
    return found


def read_text(item: h5py.Group, attribute: str) -> str:
    """Read an attribute that is one text of fixed length, as `write` gives it; else no text."""
    return "".join(read_texts(item, attribute) or []) if attribute in item.attrs else ""


def read_texts(item: h5py.Group, attribute: str) -> list[str] | None:
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


# Step 4: an array that is checked before it is read: see `stored.Numbers`.


@dataclass(frozen=True)
class Dataset:
    """An array of an HDF5 file, not read yet."""

    dataset: h5py.Dataset

    @property
    def shape(self) -> tuple[int, ...]:
        """What it declares."""
        return self.dataset.shape or ()

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """Its IEEE floats of 16, 32 or 64 bits; None for all else."""
        return chunks.float_dtype(self.dataset)

    @property
    def kind(self) -> str:
        """What it declares to hold."""
        return str(self.dataset.dtype)[:80]

    def check_storage(self, label: str) -> None:
        """Check that its numbers are there, in chunks that can be unpacked here."""
        dataset = self.dataset
        # A chunk is unpacked as a whole, so one larger than its array could fill the memory.
        if dataset.chunks and any(np.greater(dataset.chunks, dataset.shape)):
            raise RefusedError(f"has a {label} with chunks larger than itself", "save it again")
        if chunks.count_chunks(dataset) > chunks.MOST_CHUNKS:
            raise RefusedError(
                f"has a {label} in more than {chunks.MOST_CHUNKS:,} chunks",
                "save it again in larger chunks, or in one piece",
            )
        if (
            dataset.chunks and dataset.file.userblock_size
        ):  # versions differ in where chunks are then
            raise RefusedError(
                f"has a {label} in chunks behind a user block", "save it in one piece"
            )
        if not chunks.is_known_packing(dataset):
            raise RefusedError(
                f"packs the {label} in a way unknown here", "save it with gzip or none"
            )
        if not dataset.id.get_storage_size():
            raise RefusedError(f"names a {label}, but stores no numbers of it", "save it again")

    def read(self) -> NDArray[Any]:
        """Read it, of its shape and dtype."""
        return chunks.read(self.dataset)


# Our own layout.


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


keep_former_names(
    __name__,
    now_in(
        "nst_numpy.weights",
        layouts=["find_layers", "find_named_layers"],
        stored=["Contents", "Stored", "Table", "check_declared", "read", "read_all"],
    ),
)
