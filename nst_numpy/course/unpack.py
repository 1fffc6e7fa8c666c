"""Zip files that are not trusted: what may be an answer is unpacked, under names of our own.

So no name in a zip leads anywhere, two of them cannot clash, and nothing is a link. How much comes
out is counted while it comes out, whatever the zip says of itself.
"""

import atexit
import contextlib
import itertools
import lzma
import shutil
import struct
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from nst_numpy.course.notebook import LARGEST_FILE

WANTED = (".py", ".ipynb", ".zip")
BROKEN = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(OSError, ValueError, NotImplementedError, RuntimeError, struct.error, LookupError),
)
CHUNK = 1 << 20
_LINK, _KIND = 0o120000, 0o170000
_COUNT = itertools.count()


@dataclass
class Budget:
    """How much may still be unpacked: files, whatever they are, and bytes of those unpacked."""

    files: int = 10_000
    bytes: int = 256 << 20


class Member(NamedTuple):
    """Something in a zip: its name in parts, where it is now, or why it is nowhere."""

    parts: tuple[str, ...]
    path: Path | None
    trouble: str = ""


class UnpackError(Exception):
    """Nothing of a zip can be used; the message says why."""


def unpack(path: Path, budget: Budget) -> list[Member]:
    """Unpack a zip's Python files, notebooks and zips; name the rest.

    What comes out lies in a folder that is removed when the program ends. A damaged or encrypted
    member is named with its trouble, and costs the others nothing.

    Raises
    ------
    UnpackError
        It is no zip, or larger than the budget.
    """
    _check_directory(path, budget)
    try:
        with zipfile.ZipFile(path) as file:
            infos = file.infolist()
            budget.files -= len(infos)
            if budget.files < 0:
                raise UnpackError("it has too many files in it")
            return [_unpacked(file, info, budget) for info in infos if not info.is_dir()]
    except BROKEN as error:
        raise UnpackError(f"it is damaged, or no zip ({type(error).__name__})") from error


def _unpacked(file: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> Member:
    name = PurePosixPath(info.filename.replace("\\", "/"))
    parts = tuple(part for part in name.parts if part not in ("/", ".", ".."))
    if not parts:
        return Member((info.filename,), None, "it has no name")
    if info.external_attr >> 16 & _KIND == _LINK or name.suffix.lower() not in WANTED:
        return Member(parts, None)
    if info.flag_bits & 1:
        return Member(parts, None, "it is encrypted: hand it in without a password")
    place = _folder() / str(next(_COUNT)) / parts[-1][-100:]
    try:
        place.parent.mkdir()
        with file.open(info) as source, open(place, "xb") as target:
            for size in itertools.count(CHUNK, CHUNK):
                piece = source.read(CHUNK)
                budget.bytes -= len(piece)
                if budget.bytes < 0:
                    raise UnpackError("more comes out of it than may be handed in")
                if size > LARGEST_FILE:
                    return _removed(place, parts, f"it is larger than {LARGEST_FILE >> 20} MB")
                target.write(piece)
                if not piece:
                    break
    except BROKEN as error:
        return _removed(place, parts, f"it is damaged ({type(error).__name__})")
    return Member(parts, place)


def _removed(place: Path, parts: tuple[str, ...], trouble: str) -> Member:
    with contextlib.suppress(OSError):
        place.unlink()
    return Member(parts, None, trouble)


def _check_directory(path: Path, budget: Budget) -> None:
    """Refuse a list of files so long that reading it would fill the memory."""
    try:
        with open(path, "rb") as file:
            end = file.seek(0, 2)
            file.seek(max(0, end - (1 << 16) - 22))
            tail = file.read()
    except OSError as error:
        raise UnpackError(f"it cannot be read: {error.strerror}") from error
    place = tail.rfind(b"PK\5\6")
    size = int.from_bytes(tail[place + 12 : place + 16], "little") if place >= 0 else 0
    if size == 0xFFFFFFFF:  # what says it lies elsewhere, in a zip of more than 4 GB
        size = 0 if end >> 32 else size
    if size > 400 * max(budget.files, 0):
        raise UnpackError("it has too many files in it")


@cache
def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="nst-handed-in-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
