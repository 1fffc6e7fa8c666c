"""Memory for large arrays, kept from one step to the next.

The system clears fresh memory before it hands it out. For the largest arrays of a step
that takes longer than filling them. A `Reserve` keeps the memory of such an array when the
array is gone, and gives it to the next one of the same size.
"""

import math
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

LARGE = 16 << 20  # bytes: smaller arrays gain less than the memory kept for them is worth
MOST_IDLE = 192 << 20  # bytes that a reserve keeps at most

_local = threading.local()


class Reserve:
    """Memory of arrays that are gone, for new ones.

    Examples
    --------
    >>> reserve = Reserve()
    >>> with reserve.in_use():
    ...     place = empty((LARGE,), np.uint8).ctypes.data
    ...     empty((LARGE // 4,), np.float32).ctypes.data == place
    True
    """

    def __init__(self) -> None:
        self._idle: list[NDArray[np.uint8]] = []

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let `empty` take from this reserve, on this thread."""
        outer = getattr(_local, "reserve", None)
        _local.reserve = self
        try:
            yield
        finally:
            _local.reserve = outer

    def take(self, shape: tuple[int, ...], dtype: np.dtype) -> NDArray[Any]:
        """Return an uninitialised array. Its memory comes back when no view of it is left."""
        count = math.prod(shape)
        size = count * dtype.itemsize
        memory = next((m for m in self._idle if m.nbytes == size), None)
        if memory is None:
            memory = np.empty(size, np.uint8)
        else:
            self._idle = [m for m in self._idle if m is not memory]
        # every view refers to this array, and not to the memory behind it
        array = np.frombuffer(memoryview(memory), dtype, count)  # type: ignore[arg-type]
        weakref.finalize(array, self._keep, memory).atexit = False
        return array.reshape(shape)

    def _keep(self, memory: NDArray[np.uint8]) -> None:
        if sum(m.nbytes for m in self._idle) + memory.nbytes <= MOST_IDLE:
            self._idle.append(memory)


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Do what `np.empty` does, for a large array with memory of the reserve in use, if any."""
    dtype = np.dtype(dtype)
    reserve: Reserve | None = getattr(_local, "reserve", None)
    if reserve is None or math.prod(shape) * dtype.itemsize < LARGE:
        return np.empty(shape, dtype)
    return reserve.take(shape, dtype)
