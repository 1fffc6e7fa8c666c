"""Make the zip to hand in, and say what is missing in it.

    python submit.py                      the assignment in this folder, or all below it
    python submit.py a1_convolution a4_style -o ada.zip

The zip is flat: a1_convolution.py or a1_convolution.ipynb, and modules of your own beside it. A
file that is as it was handed out stays out. `nst course release` puts a copy of this file beside
each assignment; it needs Python only.
"""

from __future__ import annotations  # for the Python that a student may have

import argparse
import json
import os
import re
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
MANIFEST = "assignment.json"
GIVEN = ("tests.py", "submit.py")
STUB = re.compile(r"(?m)^\s*raise NotImplementedError\(\)")
MARKER = re.compile(r"(?m)^# ?%%(.*)$")
LARGEST = 64  # MB, of a file: the grader reads no larger one


class Trouble(Exception):  # noqa: N818, it is said to a student
    """Something because of which no zip is made, in a sentence."""


class NotBegunError(Trouble):
    """The files of an assignment are as they were handed out."""


def main(words: Sequence[str] | None = None) -> int:
    """Make the zip; return 0, or 1 if something is in the way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help="of an assignment")
    parser.add_argument("-o", "--output", metavar="FILE", help="the zip to be")
    args = parser.parse_args(words)
    try:
        folders = find_folders(args.folders)
        files, notes = collect(folders, named=bool(args.folders) or len(folders) == 1)
        place = Path(args.output) if args.output else default_place(folders)
        if place.suffix.lower() != ".zip":
            raise Trouble(f"{place} is no name for a zip: let it end in .zip")
        write_zip(place, files)
    except Trouble as trouble:
        print(f"no zip was made:\n{trouble}", file=sys.stderr)
        return 1
    print("\n".join([*notes, f"{place} is made. In it: {', '.join(files)}"]))
    return 0


def find_folders(names: Sequence[str]) -> list[Path]:
    """Return the assignments' folders: those that are named, this one, or all below it."""
    places = [Path(name) for name in names]
    if not places:
        places = [HERE] if (HERE / MANIFEST).is_file() else sorted(HERE.glob("*/"))
        places = [place for place in places if (place / MANIFEST).is_file()]
        if not places:
            raise Trouble(f"{HERE} has no assignment in it: name the folder of one")
    for place in places:
        if not (place / MANIFEST).is_file():
            raise Trouble(f"{place} is no assignment's folder: it has no {MANIFEST}")
    return [place.resolve() for place in places]


def collect(folders: Sequence[Path], *, named: bool) -> tuple[dict[str, Path], list[str]]:
    """Return the files to hand in, by their name in the zip, and what to say of them.

    An assignment that is not begun is left out, unless it was asked for.
    """
    files: dict[str, Path] = {}
    notes: list[str] = []
    troubles: list[str] = []
    for folder in folders:
        try:
            found, said = collect_one(folder)
            notes += said
            for path in found:
                other = files.setdefault(path.name, path)
                if other.read_bytes() != path.read_bytes():
                    raise Trouble(f"{other} and {path} have one name: give one of them another")
        except OSError as error:
            troubles.append(f"{error.filename} cannot be read: {error.strerror}")
        except Trouble as trouble:
            left_out = isinstance(trouble, NotBegunError) and not named
            (notes if left_out else troubles).append(str(trouble))
    if not files and not troubles:
        troubles = notes
    if troubles:
        raise Trouble("\n".join(troubles))
    return files, notes


def collect_one(folder: Path) -> tuple[list[Path], list[str]]:
    """Return the files of one assignment, and what to say of them."""
    manifest = read_manifest(folder)
    tasks = list(manifest["points"])
    short = tasks[0].partition(".")[0]
    given = [*GIVEN, *manifest.get("files", [])]
    mine = [path for path in sorted(folder.iterdir())
            if path.is_file() and path.name not in given and path.name[0] != "."]  # fmt: skip
    beginning = re.compile(re.escape(short) + "(?![A-Za-z0-9])", re.IGNORECASE)
    named = [path for path in mine if beginning.match(path.name)]
    answers = [path for path in named if path.suffix.lower() in (".py", ".ipynb")]
    if not answers:
        names = f"{folder.name}.py nor {folder.name}.ipynb"
        raise Trouble(f"{short}: neither {names} is in {folder}")
    left = {path: not_written(path, tasks) for path in answers}
    written = [path for path in answers if len(left[path]) < len(tasks)]
    if not written:
        names = " and ".join(path.name for path in answers)
        raise NotBegunError(f"{short}: nothing is written yet in {names}")
    notes = [f"{path.name}: not written yet: {', '.join(left[path])}"
             for path in written if left[path]]  # fmt: skip
    notes += [note for path in written for note in not_python(path)]
    return [*written, *(p for p in mine if p.suffix.lower() == ".py" and p not in answers)], notes


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read which tasks an assignment has."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["points"] and all(isinstance(name, str) for name in manifest["points"]):
            return manifest
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise Trouble(f"{folder / MANIFEST} cannot be read: put the one that you were given there")


def not_written(path: Path, tasks: Sequence[str]) -> list[str]:
    """Return the tasks of which a file still has the stub; all of them, if it has none of them."""
    cells = dict.fromkeys(tasks, "")
    whole = ""
    for label, source in read_cells(path):
        whole += source
        if label in cells:
            cells[label] += source
    if not whole.strip():
        raise Trouble(f"{path.name} is empty: remove it, or write it again")
    marked = any(cells.values())
    return [
        task for task in tasks if STUB.search(cells[task]) or (marked and not cells[task].strip())
    ]


def read_cells(path: Path) -> list[tuple[str, str]]:
    """Return the pieces of a file or notebook, each with the name of its task."""
    try:
        if path.stat().st_size > LARGEST << 20:
            raise Trouble(f"{path.name} is larger than {LARGEST} MB: clear its outputs")
        data = path.read_bytes()
        if path.suffix.lower() == ".py":
            pieces = MARKER.split(data.decode("utf-8-sig", errors="replace"))
            names = ["", *(name.strip() for name in pieces[1::2])]
            return list(zip(names, pieces[::2]))  # noqa: B905, older Pythons know no strict
        sources = ["".join(cell["source"]) for cell in json.loads(data.decode("utf-8-sig"))["cells"]
                   if cell["cell_type"] == "code"]  # fmt: skip
        return [(source.partition("\n")[0].lstrip("# ").strip(), source) for source in sources]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Trouble(f"{path.name} cannot be read: {type(error).__name__}: {error}") from error


def not_python(path: Path) -> Iterator[str]:
    """Say where a .py file is not Python."""
    if path.suffix.lower() == ".py":
        try:
            compile(path.read_bytes(), path.name, "exec")
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            yield f"{path.name}{f', line {line}' if line else ''}: this is not Python: {error}"


def default_place(folders: Sequence[Path]) -> Path:
    """Return the zip's place: beside this file, named after the only assignment if it is one."""
    return HERE / (f"{folders[0].name}.zip" if len(folders) == 1 else "submission.zip")


def write_zip(place: Path, files: dict[str, Path]) -> None:
    """Write the zip under another name, and give it its own when it is complete."""
    temporary = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        try:
            with zipfile.ZipFile(
                temporary, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False
            ) as archive:
                for name, path in files.items():
                    archive.write(path, name)
            os.replace(temporary, place)
        finally:
            if temporary.exists():
                temporary.unlink()
    except (OSError, ValueError) as error:
        raise Trouble(f"{place} cannot be written: {error}; choose another with -o") from error


if __name__ == "__main__":
    sys.exit(main())
