"""Memory that is used again, because fresh memory costs more than the arithmetic on it.

The system clears fresh memory before it hands it out. For the largest arrays of a step
that takes longer than filling them. `ReusedMemory` keeps the memory of such an array when the
array is gone, and gives it to the next one of the same size. What is needed only for a moment,
inside one piece of work, is a thread's own: `scratch_array`.
"""

import ctypes
import functools
import math
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nst_numpy.common.moved import keep_former_names

LARGE = 16 << 20  # bytes: smaller arrays gain less than the memory kept for them is worth
MOST_IDLE = 192 << 20  # bytes that are kept without use, at most

P = ParamSpec("P")
R = TypeVar("R")
_local, _scratch = threading.local(), threading.local()


class _Lent(weakref.ref[NDArray[Any]]):
    """An array that is in use, and its memory, which outlives it."""

    __slots__ = ("memory",)
    memory: NDArray[np.uint8]


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
        self._kept: list[NDArray[np.uint8]] = []
        self._lent: dict[int, _Lent] = {}
        self._gone: deque[_Lent] = deque()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let `empty_array` take from here, on this thread."""
        outer = getattr(_local, "reused", None)
        _local.reused = self
        try:
            self._take_back()
            yield
        finally:
            _local.reused = outer
            self._take_back()

    def take(self, shape: tuple[int, ...], dtype: np.dtype) -> NDArray[Any]:
        """Return an uninitialised array. Its memory comes back when no view of it is left."""
        count = math.prod(shape)
        size = count * dtype.itemsize
        memory = next((m for m in self._idle if m.nbytes == size), None)
        if memory is None:
            memory = np.empty(size, np.uint8)
        else:
            self._kept = [m for m in self._kept if m is not memory]
        # every view refers to this array, and not to the memory behind it
        owner: Any = memory
        array = np.frombuffer(memoryview(owner), dtype, count)
        # Called when the array goes. It must not be a function of Python's: Ctrl-C can arrive in
        # one of those, and where an array goes nobody could pass it on.
        lent = _Lent(array, self._gone.append)
        lent.memory = memory
        self._lent[id(lent)] = lent
        return array.reshape(shape)

    @property
    def _idle(self) -> list[NDArray[np.uint8]]:
        self._take_back()
        return self._kept

    def _take_back(self) -> None:
        """Take back the memory of arrays that are gone; free what is too much."""
        while self._gone:
            lent = self._gone.popleft()
            del self._lent[id(lent)]
            if sum(m.nbytes for m in self._kept) + lent.memory.nbytes <= MOST_IDLE:
                self._kept.append(lent.memory)


def empty_array(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Do what `np.empty` does, for a large array with memory that is used again."""
    dtype = np.dtype(dtype)
    reused: ReusedMemory | None = getattr(_local, "reused", None)
    if reused is None or math.prod(shape) * dtype.itemsize < LARGE:
        return np.empty(shape, dtype)
    return reused.take(shape, dtype)


def gives_memory_back(function: Callable[P, R]) -> Callable[P, R]:
    """Let the system have the memory that a long piece of work has used, when it is done.

    The C library keeps freed memory below a small block that is still in use: after many runs in
    one process that is more than a hundred megabytes.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        finally:
            _trim()

    return wrapper


def _trim() -> None:
    """Call `malloc_trim`, where the C library has it: that of GNU."""
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", lambda _: 0)(0)


@contextmanager
def scratch_of_its_own() -> Iterator[None]:
    """Mark a piece of work; work inside it leaves its scratch memory alone, and uses other.

    Work that is inside no other shares its memory with what is around it: the names differ.
    """
    outer = getattr(_local, "depth", -1)
    _local.depth = outer + 1
    try:
        yield
    finally:
        _local.depth = outer


def scratch_array(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an uninitialised array that belongs to this thread and is reused by `name`.

    The content is lost at the next call with the same name on the same thread: an `EachPart`,
    or the reading of `MadeInParts`, must not use a name of the layer that calls it.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    buffers = _scratch.__dict__
    depth = getattr(_local, "depth", 0)
    if depth > 0:
        name = f"{depth} {name}"
    if name not in buffers or buffers[name].size < size:
        buffers[name] = np.empty(size, dtype=np.uint8)
    return np.ndarray(shape, dtype, buffers[name])


keep_former_names(__name__, {"Reserve": "ReusedMemory", "empty": "empty_array"})
