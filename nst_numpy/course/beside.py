"""Modules that an answer brings along: those it imports, from the folder that it lies in."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from nst_numpy.course.tree import Entry, is_junk

LARGEST = 4 << 20  # bytes of all modules of an answer
MOST = 200  # files
IMPORTED = re.compile(
    r"(?m)(?:^|;)[ \t]*(?:from[ \t]+(\w[\w.]*)[ \t]+import\b|import[ \t]+([\w., \t]+))"
)
BY_NAME = re.compile(r"(?:import_module|__import__)\(\s*[\"'](\w+)")
RUN = re.compile(r"run_line_magic\(\s*[\"']run[\"'],\s*[\"']([\w./]+)\.py")
Modules = dict[str, Path]  # where it goes in the answer's folder: where it is


class Cells(list[tuple[str, int, str]]):
    """An answer: name, first line and source of each cell; and the modules that it imports."""

    def __init__(
        self, cells: Iterable[tuple[str, int, str]] = (), modules: Mapping[str, Path] | None = None
    ) -> None:
        super().__init__(cells)
        self.modules: Modules = dict(modules or {})


def modules_beside(path: Path, sources: Iterable[str]) -> Modules:
    """Find the modules that a file imports in its own folder; nothing that a link leads out to.

    If it speaks of `sys.path`, they may also lie in the folders in there.
    """
    root, sources = os.path.realpath(path.parent), list(sources)
    places = [path.parent]
    if any("sys.path" in source for source in sources):
        places += [p for p in sorted(path.parent.iterdir())[:MOST] if p.is_dir()]

    def find(name: str) -> Modules:
        return next((found for place in places if (found := find_in(place, name))), {})

    def find_in(place: Path, name: str) -> Modules:
        file, folder = place / f"{name}.py", place / name
        if (folder / "__init__.py").is_file():
            found = sorted(folder.rglob("*.py"))[:MOST]
        else:
            found = [file] if file.is_file() else sorted(folder.glob("*.py"))[:MOST]
        return {
            inner.relative_to(path.parent).as_posix(): inner
            for inner in found
            if os.path.realpath(inner).startswith(root + os.sep)
        }

    return _reached(find, sources)


def modules_in(folder: Entry, sources: Iterable[str], above: Iterable[Entry] = ()) -> Modules:
    """Find the modules that a file imports, in the folder of a tree that it lies in.

    If it speaks of `sys.path`, they may also lie in the folders in there, or in those above.
    """
    sources, above = list(sources), list(above)
    elsewhere = any("sys.path" in source for source in sources)

    def find(name: str) -> Modules:
        found = _module_in(folder, name)
        for inner in folder.folders if elsewhere else ():
            if not found and not inner.zipped:
                modules = _module_in(inner, name).items()
                found = {f"{inner.name}/{place}": path for place, path in modules}
        for outer in above if elsewhere else ():
            found = found or _module_in(outer, name)
        return found

    return _reached(find, sources)


def _module_in(folder: Entry, name: str) -> Modules:
    for entry in folder.folders:
        if entry.name == name and not entry.zipped:
            return _python_in(entry, name)
    for entry in folder.files:
        if entry.name == f"{name}.py" and entry.path is not None:
            return {entry.name: entry.path}
    return {}


def _python_in(entry: Entry, above: str) -> Modules:
    found = {
        f"{above}/{inner.name}": inner.path
        for inner in entry.files
        if inner.name.endswith(".py") and inner.path is not None
    }
    for inner in entry.folders:
        if not inner.zipped:
            found |= _python_in(inner, f"{above}/{inner.name}")
    return found


def _reached(find: Callable[[str], Modules], sources: Iterable[str]) -> Modules:
    """Follow imports from module to module, as long as there are not too many."""
    found: Modules = {}
    seen: set[str] = set()
    waiting, size = list(sources), 0
    while waiting:
        for name in imported_by(waiting.pop()) - seen:
            seen.add(name)
            for place, path in find(name).items():
                if place in found or is_junk(path.name) or len(found) >= MOST:
                    continue
                try:
                    size += path.stat().st_size
                    data = path.read_bytes() if size <= LARGEST else b""
                except OSError:
                    continue
                if size > LARGEST:
                    return found
                found[place] = path
                waiting.append(data.decode("utf-8", errors="replace"))
    return found


def imported_by(source: str) -> set[str]:
    r"""Return the first names of what a source imports.

    >>> sorted(imported_by("import numpy as np, mine\nfrom parts.conv import f"))
    ['mine', 'numpy', 'parts']
    """
    names = [*BY_NAME.findall(source), *(name.split("/")[0] for name in RUN.findall(source))]
    for before, after in IMPORTED.findall(source):
        names += (
            [before] if before else [word.split()[0] for word in after.split(",") if word.split()]
        )
    return {name.partition(".")[0] for name in names}
