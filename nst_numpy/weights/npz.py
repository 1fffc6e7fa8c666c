"""Layers in an .npz file that is not trusted: the same arrays under their names.

`conv1_1_W` and `conv1_1_b`, `block1_conv1/kernel`, or `arr_0`, `arr_1`, … as `np.savez` calls what
`model.get_weights()` returns. `common.array_files` reads them; nothing in the file is run.
"""

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.array_files import Declared, read_npz
from nst_numpy.common.out_of_memory import is_room_left
from nst_numpy.errors import TooLargeError, WeightsError
from nst_numpy.weights import recognise
from nst_numpy.weights.hdf5 import NO_ROOM
from nst_numpy.weights.names import last, number, pairs
from nst_numpy.weights.stored import Contents, Layers, RefusedError, Stored, Table, named

_IN_KERAS = "model.weights.h5"  # what a .keras file holds


@dataclass(frozen=True)
class Member:
    """An array of an .npz file, not read yet: see `stored.Numbers`."""

    path: Path
    name: str
    declared: Declared

    @property
    def shape(self) -> tuple[int, ...]:
        """What it declares."""
        return self.declared.shape

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """Its IEEE floats of 16, 32 or 64 bits; None for all else."""
        known = self.declared.dtype
        return known if known.kind == "f" and known.itemsize in (2, 4, 8) else None

    @property
    def kind(self) -> str:
        """What it declares to hold."""
        return str(self.declared.dtype)[:80]

    def check_storage(self, label: str) -> None:
        """Do nothing: whether all numbers are there is seen when they are read."""

    def read(self) -> NDArray[Any]:
        """Read it, of its shape and dtype."""
        array = read_npz(self.path, lambda declared: [self.name])[self.name]
        if (array.shape, array.dtype) != (self.declared.shape, self.declared.dtype):
            raise ValueError("it has changed while it was read")
        return np.ascontiguousarray(array)


def is_npz(path: Path) -> bool:
    """Whether a file is a zip archive, as an .npz is, from its first byte on."""
    with suppress(OSError), path.open("rb") as file:
        return file.read(2) == b"PK" and zipfile.is_zipfile(path)
    return False


@contextmanager
def opened(path: Path, caller: str, remedy: str) -> Iterator[dict[str, Member]]:
    """Look at what an .npz file declares; turn whatever goes wrong into one WeightsError."""
    try:
        yield _members(path)
    except RefusedError as refusal:
        raise WeightsError(named(path, caller, refusal, remedy)) from None
    except ValueError as error:
        if not is_room_left():
            raise TooLargeError(f"{caller}: {NO_ROOM} to read {path}: free some first") from error
        reason = RefusedError(f"cannot be read as .npz ({error})")
        raise WeightsError(named(path, caller, reason, remedy)) from error


def find_layers(members: Mapping[str, Member], networks: Mapping[str, Table]) -> Contents:
    """Recognise the network, and give each convolution its name there."""
    in_order = all(name == f"arr_{number(name)}" for name in members)
    stored = list(_in_order(members) if in_order else _by_name(members))
    layout = "arrays in order (.npz)" if in_order else "arrays with names (.npz)"
    return recognise.find_layers(
        Layers(layout, stored, tuple(members), "open", ordered=in_order), networks
    )


def _members(path: Path) -> dict[str, Member]:
    found: dict[str, Declared] = {}

    def look(declared: Mapping[str, Declared]) -> Sequence[str]:
        found.update(declared)
        return ()

    names: Sequence[str] = ()
    with (
        suppress(OSError, ValueError, RuntimeError, zipfile.BadZipFile),
        zipfile.ZipFile(path) as archive,
    ):
        names = archive.namelist()
    if _IN_KERAS in names:
        raise RefusedError("is a .keras archive", f"unpack it, and give its {_IN_KERAS}")
    read_npz(path, look)
    unprintable = next((name for name in found if not name.isprintable()), None)
    if unprintable is not None:
        raise RefusedError(f"has the name {unprintable!r}, which cannot be printed")
    return {name: Member(path, name, declared) for name, declared in found.items()}


def _by_name(members: Mapping[str, Member]) -> Iterator[Stored]:
    """Find each kernel with its bias, by the number at the end of their names."""
    for stem, kernel, bias in sorted(pairs(members), key=lambda pair: number(pair.stem)):
        arrays = (kernel, bias) if bias else (kernel,)
        yield Stored(stem, last(stem), members[kernel], members[bias] if bias else None, arrays)


def _in_order(members: Mapping[str, Member]) -> Iterator[Stored]:
    """Find each kernel with the array after it, its bias."""
    names = sorted(members, key=number)
    for kernel, bias in pairwise(names):
        if len(members[kernel].shape) > 1 and len(members[bias].shape) == 1:
            yield Stored(kernel, kernel, members[kernel], members[bias], (kernel, bias))
