"""Spread independent pieces of work over the cores.

NumPy's own element-wise loops use one core, and BLAS spreads only its products. So the
layers cut their work into pieces that fit in cache, and this module hands the pieces to
a few threads, with BLAS held to one thread each. How the work is cut never depends on
the number of threads: the results are equal, bit for bit, for any number of them.
"""

import math
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray
from threadpoolctl import ThreadpoolController

from nst_numpy.errors import SettingError

Piece = TypeVar("Piece")

# finish(part, place): called with a part of an array that was just computed, while it is
# in cache, and its place in that array, so that part is array[place]
Finish = Callable[[NDArray[Any], tuple[Any, ...]], None]


class Parts(NamedTuple):
    """An array that is made a part at a time, by the layer that reads it, while it is in cache.

    read(item, rows, columns) returns array[item, rows, columns].
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[..., NDArray[Any]]


_chosen: int | None = None
_local = threading.local()
_holding, _holders = threading.Lock(), 0  # who holds BLAS to one thread now
_limit: Any = None


def available_cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def get_threads() -> int:
    """Return the number of threads in use: `set_threads`, else NST_NUM_THREADS, else all cores."""
    if _chosen is not None:
        return _chosen
    text = os.environ.get("NST_NUM_THREADS", "").strip()
    if not text:
        return available_cores()
    if not text.isdigit() or int(text) < 1:
        raise SettingError(f"NST_NUM_THREADS must be a whole number of at least 1, not {text!r}")
    return int(text)


def set_threads(threads: int | None) -> None:
    """Choose the number of threads; None goes back to NST_NUM_THREADS or all cores."""
    global _chosen
    if threads is not None and threads < 1:
        raise SettingError(f"set_threads: threads must be at least 1, not {threads}")
    _chosen = threads


def blas() -> ThreadpoolController:
    """Find every BLAS of the process: SciPy brings its own, often later than NumPy's."""
    return _blas_of("scipy.linalg" in sys.modules)


@cache
def _blas_of(scipy_too: bool) -> ThreadpoolController:
    """Look through the loaded libraries; that takes some milliseconds."""
    return ThreadpoolController().select(user_api="blas")


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="nst")


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Hold BLAS to one thread: a product inside gives the same bits on every machine size.

    May be nested: the outermost holds, and the inner ones cost nothing.
    """
    global _holders, _limit
    with _holding:
        if _holders == 0:
            _limit = blas().limit(limits=1)
        _holders += 1
    try:
        yield
    finally:
        with _holding:
            _holders -= 1
            if _holders == 0:
                _limit.restore_original_limits()


def for_each(work: Callable[[Piece], object], pieces: Iterable[Piece]) -> None:
    """Call work(piece) for every piece, on as many threads as `get_threads` says.

    The calling thread takes its share. The first error stops the rest and is raised.
    """
    queue = list(pieces)
    queue.reverse()  # pop() then takes the pieces in order; it is atomic

    def drain() -> None:
        while queue:
            try:
                piece = queue.pop()
            except IndexError:
                return
            work(piece)

    helpers = min(get_threads(), len(queue)) - 1
    with single_threaded_blas():
        futures = [_pool(helpers).submit(drain) for _ in range(helpers)]
        try:
            drain()
        finally:
            queue.clear()  # after an error or Ctrl-C: let the others stop early
            errors = [future.exception() for future in futures]
    for error in errors:
        if error is not None:
            raise error


def in_turn(first: Finish, second: Finish) -> Finish:
    """Make one `Finish` of two: first the one, then the other."""

    def finish(part: NDArray[Any], place: tuple[Any, ...]) -> None:
        first(part, place)
        second(part, place)

    return finish


def scratch(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an uninitialised array that belongs to this thread and is reused by `name`.

    Fresh memory costs more than the arithmetic on it. The content is lost at the next
    call with the same name on the same thread: what a `Finish` or the reading of `Parts`
    uses must not have a name of the layer that calls it.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    buffers = _local.__dict__
    if name not in buffers or buffers[name].size < size:
        buffers[name] = np.empty(size, dtype=np.uint8)
    array: NDArray[Any] = buffers[name][:size].view(dtype).reshape(shape)
    return array


def chunks(total: int, length: int) -> list[slice]:
    """Cut range(total) into slices of at most `length`, evenly.

    >>> chunks(10, 4)
    [slice(0, 3, None), slice(3, 6, None), slice(6, 10, None)]
    """
    count = max(1, -(-total // max(length, 1)))
    edges = [total * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in pairwise(edges)]
