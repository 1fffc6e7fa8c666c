"""Spread independent pieces of work over the cores.

NumPy's own element-wise loops use one core, and BLAS spreads only its products. So the
layers cut their work into pieces that fit in cache, and this module hands the pieces to
a few threads, with BLAS held to one thread each. How the work is cut never depends on
the number of threads: the results are equal, bit for bit, for any number of them.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

from nst_numpy.common.checks import check_at_least, read_count
from nst_numpy.common.moved import keep_former_names
from nst_numpy.common.out_of_memory import ROOM, is_room_left
from nst_numpy.errors import SettingError
from nst_numpy.kernels.memory import scratch_of_its_own

Piece = TypeVar("Piece")

_chosen: int | None = None
_local = threading.local()
_holding, _holders = threading.Lock(), 0  # who holds BLAS to one thread now
_limit: Any = None


class OfThisThread(threading.local):
    """What each thread has for itself; a copy, pickled or not, begins without it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()


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
    threads = read_count(text)
    if threads is None:
        raise SettingError(f"NST_NUM_THREADS must be a whole number of at least 1, not {text!r}")
    return threads


def set_threads(threads: int | None) -> None:
    """Choose the number of threads; None goes back to NST_NUM_THREADS or all cores."""
    global _chosen
    _chosen = None if threads is None else check_at_least("set_threads: threads", threads, 1)


class _Libraries(ThreadpoolController):  # type: ignore[misc]  # it has no types
    """The loaded libraries, also where the locale has no letters for the names of folders."""

    def _make_controller_from_path(self, filepath: str) -> None:
        # threadpoolctl takes each path for UTF-8; Python opens it as the locale says
        named = os.fsdecode(filepath.encode("utf-8", "surrogateescape"))
        super()._make_controller_from_path(named if os.name == "posix" else filepath)


def blas() -> ThreadpoolController:
    """Find every BLAS of the process: SciPy brings its own, often later than NumPy's."""
    return _blas_of("scipy.linalg" in sys.modules)


@cache
def _blas_of(scipy_too: bool) -> ThreadpoolController:
    """Look through the loaded libraries; that takes some milliseconds."""
    return _Libraries().select(user_api="blas")


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


@cache
def reserve_blas_memory() -> None:
    """Let BLAS take the memory that it keeps for its work, as long as there is some.

    It takes it with the first call. NumPy's ends the process where it gets none; SciPy's tries
    again for ever, in code that no signal reaches.

    Raises
    ------
    MemoryError
        If there is none.
    """
    from scipy.linalg import lapack

    if not is_room_left((1 + get_threads()) * ROOM):
        raise MemoryError("no memory for BLAS")
    large = np.ones((256, 256), np.float32)  # a small product does without
    large @ large
    lapack.dpotrf([[1.0]])


def for_each(work: Callable[[Piece], object], pieces: Iterable[Piece]) -> None:
    """Call work(piece) for every piece, on as many threads as `get_threads` says.

    The calling thread takes its share. The first error stops the rest and is raised. A
    `for_each` inside the work of another one may run on its own thread alone.
    """
    queue = list(pieces)
    queue.reverse()  # pop() then takes the pieces in order; it is atomic
    # what NumPy is to warn of is said for a thread: a helper would not know
    heeded: dict[str, Any] = {**np.geterr(), "call": np.geterrcall()}

    def drain() -> None:
        # work may itself do work on this thread: what it was made for must still be there then
        with scratch_of_its_own(), np.errstate(**heeded):
            while queue:
                try:
                    piece = queue.pop()
                except IndexError:
                    return
                try:
                    work(piece)
                except BaseException:
                    queue.clear()  # let the others stop early
                    raise

    with single_threaded_blas():
        futures = _helpers.submit(drain, len(queue) - 1)
        try:
            drain()
        finally:
            queue.clear()  # Ctrl-C may come between two pieces
            # a helper that was busy elsewhere until now need not begin
            errors = [future.exception() for future in futures if not future.cancel()]
    for error in errors:
        if error is not None:
            raise error


class _Helpers:
    """The threads that help: one pool for the process, as large as `get_threads` asks for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._size = 0

    def submit(self, task: Callable[[], None], most: int) -> list["Future[None]"]:
        """Let up to `most` helpers do the task, each once."""
        size = get_threads() - 1
        # a helper that waits for helpers could wait for ever: it works alone
        count = 0 if _local.__dict__.get("helps") else min(size, most)
        if count < 1:
            return []
        with self._lock:
            if self._pool is None or self._size != size:
                if self._pool is not None:
                    self._pool.shutdown(wait=False)  # what it has begun, it ends
                self._pool = ThreadPoolExecutor(size, "nst", initializer=_say_that_this_helps)
                self._size = size
            return [self._pool.submit(task) for _ in range(count)]


def _say_that_this_helps() -> None:
    _local.helps = True


def _begin_anew() -> None:
    """Forget the threads of the process that this one was forked from: they are not here."""
    global _helpers, _holding
    _helpers, _holding = _Helpers(), threading.Lock()


_helpers = _Helpers()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_begin_anew)


def chunks(total: int, length: int) -> list[slice]:
    """Cut range(total) into slices of at most `length`, evenly.

    >>> chunks(10, 4)
    [slice(0, 3, None), slice(3, 6, None), slice(6, 10, None)]
    """
    count = max(1, -(-total // max(length, 1)))
    edges = [total * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in pairwise(edges)]


keep_former_names(
    __name__,
    {
        "Finish": "nst_numpy.kernels.parts.EachPart",
        "Parts": "nst_numpy.kernels.parts.MadeInParts",
        "in_turn": "nst_numpy.kernels.parts.one_after_the_other",
        "scratch": "nst_numpy.kernels.memory.scratch_array",
    },
)
