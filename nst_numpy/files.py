"""Writing without losing anything.

Two habits do it. A path is tried before the work that it waits for, so that a spelling mistake
costs a second and not an hour. And a file is written beside its place and then moved there in
one step, so that whatever breaks, the name holds the old file or the new one, never half of it.
A process that is killed may leave the file beside; its name begins with `.nst-`, and the next run
of the command that writes there removes it.

What a path is, and what its `~` stands for, is said here for those who read files as well.
"""

import json
import os
import re
import secrets
import stat
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nst_numpy.errors import NstError, OutputError

PathLike = str | os.PathLike[str]
BESIDE = ".nst-"  # what the names of our own files begin with, beside those of users
NO_PATH = "a path is a str or a pathlib.Path"


def expand(path: PathLike) -> Path:
    """Put the home folder in the place of a leading `~`; OSError where it is unknown."""
    if not _is_path(path):
        raise OSError(f"{NO_PATH}, not {type(path).__name__}")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise OSError("the home folder is unknown") from error


def _is_path(value: object) -> bool:
    return isinstance(value, (str, os.PathLike))


def expand_input(path: PathLike, refuse: type[NstError]) -> Path:
    """Expand a path that is to be read; one that can be none is refused with that error."""
    try:
        found = expand(path)
        found.exists()
        return found
    except OSError as error:
        raise refuse(f"{path} cannot be opened: {error.strerror or error}") from error


def has_separator(text: str) -> bool:
    """Whether a text is a path by its looks: no name has a separator of folders in it.

    >>> has_separator("starry_night"), has_separator("pictures/starry_night")
    (False, True)
    """
    return os.sep in text or (os.altsep is not None and os.altsep in text)


def check_output(path: PathLike, *, overwrite: bool = True) -> Path:
    """Find out, before long work, whether a file can be written.

    Parameters
    ----------
    path
        The file to be; a leading `~` is the home folder.
    overwrite
        Whether the file may exist already.

    Returns
    -------
    Path
        The path, with `~` expanded. Nothing has been written.

    Raises
    ------
    OutputError
        The path is empty or a folder, its folder is missing or not writable, or the file
        exists and is write-protected, not an ordinary file, or not to be overwritten.

    Examples
    --------
    >>> check_output("missing/painted.png")
    Traceback (most recent call last):
    nst_numpy.errors.OutputError: the folder missing does not exist: make it first
    """
    target = _named(path)
    try:
        if target.is_dir():
            raise OutputError(f"{target} is a folder: add a file name")
        if target.exists():
            _check_existing(target, overwrite)
        _check_parent(real_place(target).parent)
    except OutputError:
        raise
    except OSError as error:
        raise _cannot_write(target, error) from error
    return target


def check_folder(path: PathLike) -> Path:
    """Make a folder, and those above it, and find out whether files can be written there.

    Parameters
    ----------
    path
        The folder; it may exist already. A leading `~` is the home folder.

    Returns
    -------
    Path
        The folder, with `~` expanded. It exists.

    Raises
    ------
    OutputError
        The path is a file, or the folder cannot be made or written to.
    """
    folder = _named(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _try_to_write(folder)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputError(
            f"{folder} cannot be a folder, because a file is in its place: choose another name"
        ) from error
    except OSError as error:
        raise _cannot_write(folder, error) from error
    return folder


@contextmanager
def atomic_write(path: PathLike) -> Iterator[Path]:
    """Write a file completely or not at all.

    Parameters
    ----------
    path
        The file to be. An existing one is replaced at the end, and keeps its permissions.

    Yields
    ------
    Path
        An empty file to write to, in the same folder and with the same suffix. It takes the
        place of `path` when the block ends, and is removed when the block fails.

    Raises
    ------
    OutputError
        The file cannot be written: see `check_output`. An `OSError` in the block (no space
        left, no permission) becomes one too. Other errors pass unchanged.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_write(f"{folder}/note.txt") as temporary:
    ...         _ = temporary.write_text("all or nothing", "utf-8")
    ...     os.listdir(folder)
    ['note.txt']
    """
    target = check_output(path)
    place = real_place(target)
    temporary = place.with_name(f"{name_beside(place)}-{secrets.token_hex(6)}{place.suffix}")
    try:
        _create_like(temporary, place)
        yield temporary
        _flush(temporary)
        os.replace(temporary, place)
    except BaseException as error:  # KeyboardInterrupt too must leave nothing behind
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, NstError):
            raise _cannot_write(target, error) from error
        raise


def write_json(path: PathLike, data: Any) -> None:
    """Write data as JSON: UTF-8, two spaces of indent, a newline at the end.

    Parameters
    ----------
    path
        The file to be; an existing one is replaced.
    data
        What `json.dumps` takes: dicts, lists, strings, numbers, booleans and None.

    Raises
    ------
    OutputError
        The file cannot be written.
    ValueError
        A number is NaN or infinite, which JSON cannot say. The old file stays.
    TypeError
        Something has no form in JSON, a NumPy array for example. The old file stays.
    """
    write_text(path, json.dumps(data, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def write_text(path: PathLike, text: str) -> None:
    """Write a text as UTF-8, completely or not at all; OutputError where it cannot be written."""
    with atomic_write(path) as temporary:
        # A file name that is not UTF-8 reaches Python as lone surrogates. Those become
        # \udcXX escapes, which JSON reads back as they were.
        temporary.write_bytes(text.encode("utf-8", errors="backslashreplace"))


def real_place(target: Path) -> Path:
    """Follow a link: a file is replaced where it lies, as open() would do."""
    return Path(os.path.realpath(target)) if target.is_symlink() else target


def name_beside(place: Path) -> str:
    """Begin the name of a file of our own that belongs to the one at `place`.

    It is short, because the other may already be as long as the disk allows.

    >>> name_beside(Path("painted.png"))
    '.nst-8e39b0f4'
    """
    return f"{BESIDE}{zlib.crc32(os.fsencode(place.name)):08x}"


def is_same_file(one: PathLike, other: PathLike) -> bool:
    """Whether two paths lead to one file, also through links, or would if it were there."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        real = (os.path.normcase(os.path.realpath(path)) for path in (one, other))
        return next(real) == next(real)


def remove_leftovers(folder: Path, beginning: str = BESIDE) -> None:
    """Remove what a process left that was killed while it wrote; nobody else may be writing."""
    ours = re.compile(rf"{re.escape(beginning)}.*-[0-9a-f]{{12}}(\..*)?")
    for path in folder.iterdir():
        if ours.fullmatch(path.name):
            with suppress(OSError):
                path.unlink()


def _named(path: PathLike) -> Path:
    if not _is_path(path):
        raise OutputError(f"{path!r:.40} is no file name: {NO_PATH}, not {type(path).__name__}")
    text = os.fspath(path)
    if not text or "\0" in text:
        raise OutputError(f"{text!r} is no file name: give the path of a file")
    try:
        return expand(text)
    except OSError as error:
        raise OutputError(f"the home folder of {text} is unknown: write it out") from error


def _check_parent(folder: Path) -> None:
    if not folder.exists():
        raise OutputError(f"the folder {folder} does not exist: make it first")
    if not folder.is_dir():
        raise OutputError(f"{folder} is not a folder: choose another place")
    _try_to_write(folder)


def _check_existing(path: Path, overwrite: bool) -> None:
    if not path.is_file():
        raise OutputError(f"{path} is not an ordinary file: choose another name")
    if not overwrite:
        raise OutputError(f"{path} exists already: choose another name, or remove it first")
    if not os.access(path, os.W_OK):
        raise OutputError(f"{path} is write-protected: choose another name")


def _try_to_write(folder: Path) -> None:
    # Only the attempt is sure: permission bits say nothing to root, nor on a read-only disk.
    with tempfile.TemporaryFile(dir=folder):
        pass


def _create_like(temporary: Path, place: Path) -> None:
    # 0o666 less the umask is what open() gives; tempfile would give 0o600.
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    if place.exists():
        temporary.chmod(stat.S_IMODE(place.stat().st_mode))


def _flush(path: Path) -> None:
    # Some disks report that they are full only now. The old file must still be there then.
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _cannot_write(path: Path, error: OSError) -> OutputError:
    reason = (error.strerror or str(error)).lower()
    return OutputError(f"{path} cannot be written ({reason}): choose another place or make room")
