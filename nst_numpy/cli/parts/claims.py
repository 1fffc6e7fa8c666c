"""One run a file: a second one that would write there as well is refused.

The system's own lock says that a run is under way, on a small file beside the output. Its
lock goes with the process, also with one that is killed.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from nst_numpy.errors import OutputError
from nst_numpy.files import BESIDE, name_beside, real_place, remove_leftovers

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def claimed_file(path: Path) -> Iterator[None]:
    """Be the only run that writes a file; remove what one that was killed left beside it.

    Raises
    ------
    OutputError
        Another run is writing it.
    """
    place = real_place(path)
    beside = name_beside(place)
    with _claimed(place.with_name(f"{beside}.lock"), path):
        remove_leftovers(place.parent, beside)
        yield


@contextlib.contextmanager
def claimed_folder(folder: Path) -> Iterator[None]:
    """Be the only run that writes into a folder, likewise."""
    with _claimed(folder / f"{BESIDE}folder.lock", folder):
        remove_leftovers(folder)
        yield


@contextlib.contextmanager
def _claimed(lock: Path, what: Path) -> Iterator[None]:
    handle = _open_locked(lock, what)
    try:
        yield
    finally:
        if os.name == "posix":  # elsewhere an open file cannot be removed
            lock.unlink(missing_ok=True)
        os.close(handle)
        if os.name != "posix":
            with contextlib.suppress(OSError):
                lock.unlink()


def _open_locked(lock: Path, what: Path) -> int:
    while True:
        try:
            handle = os.open(lock, os.O_CREAT | os.O_RDWR, 0o666)
        except OSError as error:
            raise OutputError(f"{lock} cannot be written: choose another place") from error
        try:
            _lock(handle)
        except (BlockingIOError, PermissionError) as error:
            os.close(handle)
            raise OutputError(
                f"another run is writing {what}: wait for its end, or choose another name"
            ) from error
        except OSError:
            return handle  # a disk without locks
        if _is_there(lock, handle):
            return handle
        os.close(handle)  # the run that had it has just ended, and removed it


def _is_there(lock: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(lock), os.fstat(handle))
    except FileNotFoundError:
        return False
