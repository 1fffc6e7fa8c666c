"""Memory that is used again, because fresh memory costs more than the arithmetic on it.

The system clears fresh memory before it hands it out. For the largest arrays of a step
that takes longer than filling them. `ReusedMemory` keeps the memory of such an array when the
array is gone, and gives it to the next one of the same size. What is needed only for a moment,
inside one piece of work, is a thread's own: `scratch_array`.
"""

import math
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nst_numpy.common.moved import former_names

LARGE = 16 << 20  # bytes: smaller arrays gain less than the memory kept for them is worth
MOST_IDLE = 192 << 20  # bytes that are kept without use, at most

_local, _scratch = threading.local(), threading.local()


class ReusedMemory:
    """Memory of arrays that are gone, for new ones.

    Examples
    --------
    >>> reused = ReusedMemory()
    >>> with reused.in_use():
    ...     place = empty_array((LARGE,), np.uint8).ctypes.data
    ...     empty_array((LARGE // 4,), np.float32).ctypes.data == place
    True
    """

    def __init__(self) -> None:
        self._idle: list[NDArray[np.uint8]] = []

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let `empty_array` take from here, on this thread."""
        outer = getattr(_local, "reused", None)
        _local.reused = self
        try:
            yield
        finally:
            _local.reused = outer

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
        owner: Any = memory
        array = np.frombuffer(memoryview(owner), dtype, count)
        weakref.finalize(array, self._keep, memory).atexit = False
        return array.reshape(shape)

    def _keep(self, memory: NDArray[np.uint8]) -> None:
        if sum(m.nbytes for m in self._idle) + memory.nbytes <= MOST_IDLE:
            self._idle.append(memory)


def empty_array(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Do what `np.empty` does, for a large array with memory that is used again."""
    dtype = np.dtype(dtype)
    reused: ReusedMemory | None = getattr(_local, "reused", None)
    if reused is None or math.prod(shape) * dtype.itemsize < LARGE:
        return np.empty(shape, dtype)
    return reused.take(shape, dtype)


def scratch_array(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an uninitialised array that belongs to this thread and is reused by `name`.

    The content is lost at the next call with the same name on the same thread: an `EachPart`,
    or the reading of `MadeInParts`, must not use a name of the layer that calls it.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    buffers = _scratch.__dict__
    if name not in buffers or buffers[name].size < size:
        buffers[name] = np.empty(size, dtype=np.uint8)
    array: NDArray[Any] = buffers[name][:size].view(dtype).reshape(shape)
    return array


__getattr__ = former_names(__name__, {"Reserve": "ReusedMemory", "empty": "empty_array"})
