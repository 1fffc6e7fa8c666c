"""Where rows are kept that come again: in memory, or in a file that nobody else sees.

The file is in the folder that the system gives for such files, and is gone when it is no longer
needed, also if the process is killed. It is read and written, not mapped: what the system keeps of
it in memory, it takes back when need be.
"""

import math
import os
import shutil
import tempfile
import weakref
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nst_numpy.common.arrays import Shape
from nst_numpy.common.checks import check_count
from nst_numpy.errors import TooLargeError
from nst_numpy.kernels.memory import empty_array


@dataclass(frozen=True)
class Bands:
    """How a network is run in bands.

    Parameters
    ----------
    rows : int
        Of the picture in a band; deeper layers have fewer. It is rounded up as the layers need it.
    in_file : bool
        Whether what is kept between bands goes into a file.

    Raises
    ------
    SettingError
        `rows` is no whole number of 1 or more.
    """

    rows: int
    in_file: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        object.__setattr__(self, "rows", check_count("Objective", "band_rows", self.rows))


class Kept(Protocol):
    """Rows of an array (N, H, …), written once and read in any order."""

    def write(self, rows: slice, a: NDArray[Any]) -> None:
        """Keep some rows: a is (N, rows, …)."""

    def read(self, rows: slice) -> NDArray[Any]:
        """Return some rows, (N, rows, …); they are for reading."""


class InMemory:
    """Rows in an array."""

    def __init__(self, shape: Shape, dtype: DTypeLike) -> None:
        self._a = empty_array(shape, dtype)

    def write(self, rows: slice, a: NDArray[Any]) -> None:
        """Keep some rows."""
        self._a[:, rows] = a

    def read(self, rows: slice) -> NDArray[Any]:
        """Return some rows."""
        return self._a[:, rows]


class InFile:
    """Rows in a file, row after row: (H, N, …)."""

    def __init__(self, file: "ScratchFile", shape: Shape, dtype: DTypeLike) -> None:
        items, height, *others = shape
        self._file, self._dtype, self._row = file, np.dtype(dtype), (items, *others)
        self._bytes = math.prod(self._row) * self._dtype.itemsize
        self._begin = file.reserve(height * self._bytes)

    def write(self, rows: slice, a: NDArray[Any]) -> None:
        """Keep some rows."""
        by_row = np.ascontiguousarray(np.moveaxis(a, 1, 0), self._dtype)
        self._file.write(self._begin + rows.start * self._bytes, by_row)

    def read(self, rows: slice) -> NDArray[Any]:
        """Return some rows."""
        by_row = np.empty((rows.stop - rows.start, *self._row), self._dtype)
        self._file.read(self._begin + rows.start * self._bytes, by_row)
        return np.moveaxis(by_row, 0, 1)


class ScratchFile:
    """A file without a name, in which arrays have their places."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115, it lives with the object
        self._close = weakref.finalize(self, self._file.close)
        self._end = 0

    def reserve(self, count: int) -> int:
        """Return where so many bytes may stand."""
        begin, self._end = self._end, self._end + count
        return begin

    def write(self, begin: int, a: NDArray[Any]) -> None:
        """Write an array that lies in memory in one piece."""
        try:
            self._file.seek(begin)
            left = a.data.cast("B")
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise TooLargeError(
                f"{tempfile.gettempdir()} cannot take what is kept between bands ({error}): make "
                "room there, set TMPDIR to a folder that has some, or use a smaller size"
            ) from error

    def read(self, begin: int, a: NDArray[Any]) -> None:
        """Fill an array that lies in memory in one piece."""
        self._file.seek(begin)
        left = a.data.cast("B")
        while left:
            left = left[self._file.readinto(left) :]


class Store:
    """Makes room for what is kept during one pass, in memory or in one file."""

    def __init__(self, in_file: bool) -> None:
        self._file = ScratchFile() if in_file else None

    def room(self, shape: Shape, dtype: DTypeLike) -> Kept:
        """Make room for an array."""
        if self._file is None:
            return InMemory(shape, dtype)
        return InFile(self._file, shape, dtype)


def free_on_disk() -> int:
    """Bytes that are free in the folder of such files."""
    return shutil.disk_usage(os.path.realpath(tempfile.gettempdir())).free
