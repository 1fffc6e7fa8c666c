"""SHA-256 of files: a file that was right is read again only when its size or time has changed.

What was right is noted in the user's cache folder. Where nothing can be noted, or the note makes
no sense, a file is read once in each process.
"""

import hashlib
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from nst_numpy.common.remembered import remember
from nst_numpy.errors import OutputError
from nst_numpy.files import check_folder, expand, write_json

NOTE = "checked_files.json"
MOST = 20  # files that a note names

_known: dict[str, list[Any]] = {}  # what this process has found: path to size, time, SHA-256


def sha256(path: Path) -> str:
    """Read a file, and return its SHA-256 in hexadecimal digits.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def has_sha256(path: Path, expected: str) -> bool:
    """Whether a file has this SHA-256, or had it when it was of this size and time.

    Parameters
    ----------
    path : Path
    expected : str
        64 hexadecimal digits.

    Raises
    ------
    OSError
        The file cannot be read.

    Notes
    -----
    This finds a file that is damaged or another one. It is no guard against somebody who may
    write the file, its time, or the user's cache.
    """
    state = path.stat()  # before it is read: what changes meanwhile is found the next time
    key, entry = os.path.abspath(path), [state.st_size, state.st_mtime_ns, expected]
    if _known.get(key) == entry:
        return True
    folder = cache_folder()
    notes = _read(folder)
    if notes.get(key) != entry:
        if sha256(path) != expected:
            return False
        remember(notes, key, entry, MOST)
        _write(folder, notes)
    remember(_known, key, entry, MOST)
    return True


def cache_folder() -> Path | None:
    """Name the folder for what can be made again; None where there is no home.

    It is `nst_numpy` in XDG_CACHE_HOME where that is set; else in `~/.cache`, in `~/Library/Caches`
    on macOS, in LOCALAPPDATA on Windows.
    """
    usual = {
        "darwin": "~/Library/Caches",
        "win32": os.environ.get("LOCALAPPDATA") or "~/AppData/Local",
    }
    given = os.environ.get("XDG_CACHE_HOME") or usual.get(sys.platform, "~/.cache")
    with suppress(OSError):
        folder = expand(given)
        if folder.is_absolute():
            return folder / "nst_numpy"
    return None


def _read(folder: Path | None) -> dict[str, Any]:
    """Read what was noted; a note that cannot be read says nothing."""
    notes = None
    with suppress(OSError, ValueError, RecursionError):
        if folder and (folder / NOTE).is_file():
            notes = json.loads((folder / NOTE).read_bytes())
    return notes if isinstance(notes, dict) else {}


def _write(folder: Path | None, notes: dict[str, Any]) -> None:
    with suppress(OutputError, ValueError):  # ValueError: the old note held NaN
        if folder:
            write_json(check_folder(folder) / NOTE, notes)
