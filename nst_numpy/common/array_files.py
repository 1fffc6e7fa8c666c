"""Reading .npy and .npz files that are not trusted: one array, of numbers, if it is all there.

A header is read before any memory is taken for what it declares. Objects are refused: to read
them is to run what the file says. Of an .npz only what is asked for is unpacked.
"""

import io
import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 2**29  # that an array of an .npz may have: packed, it can be a thousandth of that
MOST_ARRAYS = 1000  # in an .npz
_LONGEST_HEADER = 10_000  # NumPy's own limit
_PIECE = 2**20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what NumPy writes
# What NumPy writes into a header: texts, whole numbers, True, False, and what holds them together.
_LITERAL = re.compile(r"'[^'\\]*'|\d+L?(?!\w)|True\b|False\b|[\s{}()\[\]:,-]+")
_KINDS = "biufcmMSU"  # dtypes whose entries lie in the array itself


class Declared(NamedTuple):
    """What the header of an array says."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_npy(path: Path) -> NDArray[Any]:
    """Read an array from a .npy file.

    Returns
    -------
    ndarray
        Of any shape and of any dtype but objects and structures.

    Raises
    ------
    ValueError
        With the reason, if that is not what the file is.
    """
    with _refusing(), open(path, "rb") as file:
        return _read_array(file, os.fstat(file.fileno()).st_size)


def read_npz(
    path: Path, choose: Callable[[Mapping[str, Declared]], Iterable[str]]
) -> dict[str, NDArray[Any]]:
    """Read some arrays from an .npz file.

    Parameters
    ----------
    path : Path
    choose : callable
        Is given what the file holds, by name, and returns the names of those to read.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    ValueError
        With the reason, if the file is damaged, or is something else. What `choose` raises
        is passed on if it is of this class.
    """
    with _refusing(), zipfile.ZipFile(path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        if len(members) > MOST_ARRAYS:
            raise ValueError(f"it holds more than {MOST_ARRAYS:,} arrays")
        declared = {}
        for name, info in members.items():
            with _opened(archive, info) as stream:
                declared[name] = _read_header(stream)
        found = {}
        for name in choose(declared):
            if declared[name].nbytes > MOST_BYTES:
                raise ValueError(f"{name} has more than {MOST_BYTES >> 20} megabytes")
            with _opened(archive, members[name]) as stream:
                found[name] = _read_array(stream, members[name].file_size)
        return found


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn whatever a wrong file makes the readers raise into a ValueError of one line."""
    try:
        yield
    except (
        OSError,
        EOFError,
        LookupError,
        MemoryError,
        OverflowError,
        RuntimeError,  # encrypted, packed in an unknown way, or nested too deeply
        TypeError,
        struct.error,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ValueError(" ".join(reason.split())[:200]) from error


@contextmanager
def _opened(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    if info.compress_type not in _METHODS:
        raise ValueError(f"{info.filename!r} is packed in a way that NumPy does not use")
    with archive.open(info) as stream:
        yield stream


def _read_header(stream: IO[bytes]) -> Declared:
    """Read what an array declares; the stream is then at its first entry."""
    # no more than this of it, since a header may say that it has gigabytes
    head = io.BytesIO(stream.read(_LONGEST_HEADER))
    version = np.lib.format.read_magic(head)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"the version {version} of its format is not for arrays of numbers")
    try:
        _check_literal(head.getvalue()[head.tell() :], version)
        shape, fortran_order, dtype = readers[version](head)
    # NumPy takes it for a Python literal, and Python's parser has many ways to refuse one.
    except Exception as error:
        raise ValueError("the header of an array cannot be read") from error
    if dtype.kind not in _KINDS or not dtype.itemsize:
        raise ValueError(f"it holds {str(dtype)[:80]}, not numbers")
    if not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("the shape of an array is not one")
    stream.seek(head.tell())
    return Declared(shape, dtype, fortran_order)


def _check_literal(head: bytes, version: tuple[int, int]) -> None:
    """Refuse what is no plain literal: Python's parser would print a warning of it."""
    size = int.from_bytes(head[: 2 * version[0]], "little")
    text = head[2 * version[0] :][:size].decode("latin-1")
    if _LITERAL.sub("", text):
        raise ValueError("not a literal")


def _read_array(stream: IO[bytes], size: int) -> NDArray[Any]:
    """Read an array from a stream of `size` bytes, no more and no fewer."""
    declared = _read_header(stream)
    if stream.tell() + declared.nbytes != size:
        raise ValueError(
            f"the array of shape {str(declared.shape)[:80]} should have {declared.nbytes} bytes, "
            f"but has {size - stream.tell()}"
        )
    # bytes, since np.empty would make the strings of no letters longer
    data = np.empty(declared.nbytes, np.uint8)
    for start in range(0, declared.nbytes, _PIECE):
        piece = data[start : start + _PIECE]
        read = stream.read(piece.size)
        if len(read) != piece.size:
            raise ValueError("the array is cut short")
        piece[:] = np.frombuffer(read, np.uint8)
    order = "F" if declared.fortran_order else "C"
    return data.view(declared.dtype).reshape(declared.shape, order=order)  # type: ignore[call-overload, no-any-return]
