"""What a command writes: made sure of before its work, and lost by nothing after it."""

import argparse
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

from nst_numpy.cli.parts.claims import claimed_file, claimed_folder
from nst_numpy.cli.parts.stopping import held
from nst_numpy.errors import OutputError
from nst_numpy.files import PathLike, check_folder, check_output, expand, is_same_file
from nst_numpy.pictures.images import FORMATS

Write = Callable[[Path], object]


# before the work


def check_outputs(
    args: argparse.Namespace, *inputs: PathLike | None
) -> tuple[Path | None, Path | None]:
    """Make sure of the figure of -o and the numbers of --json; return where they go."""
    from nst_numpy.figures import check_figure_output  # matplotlib takes a second to load

    figure = check_figure_output(args.output) if args.output else None
    numbers = check_output(args.json) if args.json else None
    claim(args, inputs, figure=figure, JSON=numbers)
    return figure, numbers


def claim(
    args: argparse.Namespace, inputs: Iterable[PathLike | None], **files: Path | None
) -> None:
    """Make sure of a command's files until its end.

    Raises
    ------
    OutputError
        Two of them have one name, one is read as well, or another run is writing it.
    """
    check_distinct(**files)
    given = [file for file in files.values() if file is not None]
    for path in inputs:
        for file in given:
            if path and is_same_file(_expanded(path), file):
                raise OutputError(f"{file} is read by this command: choose another name to write")
    for file in given:
        args.until_the_end.enter_context(claimed_file(file))


def claim_folder(
    args: argparse.Namespace, folder: PathLike, inputs: Iterable[PathLike | None] = (),
    names: str = r"(?!)",
) -> Path:  # fmt: skip
    """Make a folder, and make sure of it until the command's end.

    Parameters
    ----------
    folder : path
    inputs : iterable of path or None
        What the command reads.
    names : str
        What it writes into the folder, as a regular expression: no input may be one of these.
    """
    place = check_folder(folder)
    for path in inputs:
        file = None if path is None else _expanded(path)
        if file and re.fullmatch(names, file.name) and is_same_file(file.parent, place):
            raise OutputError(f"{file} is read by this command: choose another folder to write to")
    args.until_the_end.enter_context(claimed_folder(place))
    return place


def check_distinct(**files: Path | None) -> None:
    """Refuse one name for two of a command's files.

    >>> check_distinct(picture=Path("a.png"), JSON=Path("a.png"))
    Traceback (most recent call last):
    nst_numpy.errors.OutputError: a.png cannot hold both the picture and the JSON: name two files
    """
    given = {what: file for what, file in files.items() if file is not None}
    for (one, file), (other, same) in combinations(given.items(), 2):
        if is_same_file(file, same):
            raise OutputError(f"{file} cannot hold both the {one} and the {other}: name two files")


def _expanded(path: PathLike) -> Path:
    try:
        return expand(path)
    except OSError:
        return Path(path)


# after it


@contextmanager
def results() -> Iterator[Callable[[Path | None, Write], None]]:
    """Write what a command has found, whatever happens.

    Ctrl-C waits until all is written. What cannot be written in its place is kept in the
    current folder, the home or the temporary folder, and the error at the end says where.

    Yields
    ------
    callable
        keep(path, write) calls write(path); it does nothing where path is None.

    Raises
    ------
    OutputError
        Something is not where it should be.
    """
    troubles: list[str] = []

    def keep(path: Path | None, write: Write) -> None:
        if path is None:
            return
        try:
            write(path)
        except OutputError as error:
            place = _written_elsewhere(path, write)
            troubles.append(f"{error}; " + (f"it is kept as {place}" if place else "it is lost"))

    with held():
        yield keep
        if troubles:
            raise OutputError("; ".join(troubles))


def _written_elsewhere(path: Path, write: Write) -> Path | None:
    """Write a result where there is room for it; a picture that its format cannot hold as PNG."""
    suffix = ".png" if path.suffix.lower() in FORMATS else path.suffix
    for known in (Path.cwd, Path.home, lambda: Path(tempfile.gettempdir())):
        try:
            place = free_name(known() / f"{path.stem[:100]}-kept{suffix}")
            write(place)
        except (OSError, RuntimeError):  # no such folder, no home, no room
            continue
        return place.absolute()
    return None


def free_name(first: Path) -> Path:
    """Return name, name-2, name-3, …: the first that does not exist yet."""
    place, number = first, 1
    while place.exists():
        number += 1
        place = first.with_name(f"{first.stem}-{number}{first.suffix}")
    return place
