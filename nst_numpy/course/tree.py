"""What was handed in as a tree of names: folders and zips alike, junk left out.

Learning platforms give files names of their own, with the student in them. Here they are the
student's folders again.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from nst_numpy.course.unpack import Budget, UnpackError, unpack

JUNK = {
    *("__macosx", "__pycache__", "thumbs.db", "desktop.ini", "ehthumbs.db", "node_modules"),
    *("venv", "site-packages", "$recycle.bin", "lost+found"),
}
JUNK_NAME = re.compile(r"\._|~\$|.*~$|#.*#$|.*\.py[co]$|.*-checkpoint\.(py|ipynb)$", re.I)
ANSWERS = (".py", ".ipynb")
DEEPEST = 20  # folders in folders
MOST_ENTRIES = 10_000
ZIPS_IN_ZIPS = 3
A_CLASS = Budget(files=200_000, bytes=4 << 30)
MOODLE = re.compile(r"(?P<who>.+?)_assignsubmission_[a-z]+(?:_(?P<file>.*))?", re.I | re.S)
BLACKBOARD = re.compile(
    r"(?P<head>.+)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)", re.I | re.S
)


@dataclass
class Entry:
    """A file, or a folder (or zip) with `inside`; `path` is None where only the name is left."""

    name: str
    path: Path | None = None
    inside: list["Entry"] | None = None
    trouble: str = ""
    zipped: bool = False
    earlier: list[str] = field(default_factory=list)  # attempts that no longer count

    @property
    def folders(self) -> list["Entry"]:
        """The folders and zips directly in it."""
        return [entry for entry in self.inside or [] if entry.inside is not None]

    @property
    def files(self) -> list["Entry"]:
        """The files directly in it."""
        return [entry for entry in self.inside or [] if entry.inside is None]

    @property
    def is_answer(self) -> bool:
        """Whether it is a file of a kind that an answer has."""
        return self.inside is None and self.path is not None and _suffix(self.name) in ANSWERS


def read_tree(path: Path, forbidden: Iterable[Path] = ()) -> Entry:
    """Read a folder or a zip, and all in it.

    Parameters
    ----------
    path : Path
    forbidden : iterable of Path
        Folders with solutions: they are left out, unless it is one of them that is to be read.
    """
    real = os.path.realpath(path) + os.sep
    places = [os.path.realpath(place) for place in forbidden]
    reader = _Reader([place for place in places if not real.startswith(place + os.sep)])
    if path.is_dir():
        return Entry(path.resolve().name, path, reader.folder(path, 0, os.path.realpath(path)))
    return reader.zip(path, path.name, 0, Budget(A_CLASS.files, A_CLASS.bytes))


def walk(entry: Entry, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Entry]]:
    """Yield each file below an entry with its place: nearer ones first, then by name."""
    for inner in entry.files:
        yield (*above, inner.name), inner
    for inner in entry.folders:
        yield from walk(inner, (*above, inner.name))


def is_junk(name: str) -> bool:
    """Whether a name is no student's work: what systems and editors leave behind.

    >>> [is_junk(name) for name in ("__MACOSX", "._a1.py", ".DS_Store", ".git", "a1.py")]
    [True, True, True, True, False]
    """
    hidden = name.startswith(".") and _suffix(name) not in (*ANSWERS, ".zip")
    return hidden or name.lower() in JUNK or bool(JUNK_NAME.match(name))


def by_student(entries: list[Entry]) -> list[Entry] | None:
    """Return the students' folders, if these are names of Moodle or Blackboard; else None."""
    moodle = {id(e): match for e in entries if (match := MOODLE.fullmatch(e.name))}
    blackboard = [(e, match) for e in entries if (match := BLACKBOARD.fullmatch(e.name))]
    if not moodle and not blackboard:
        return None
    students: dict[str, Entry] = {}

    def add(student: str, *own: Entry) -> None:
        entry = students.setdefault(student, Entry(student, None, []))
        entry.inside = [*(entry.inside or []), *own]

    for entry in entries:
        if match := moodle.get(id(entry)):
            whole = match["file"] or entry.inside is None
            add(match["who"], *([_renamed(entry, match["file"])] if whole else entry.inside or []))
    for student, entry in _of_blackboard(blackboard).items():
        add(student, *(entry.inside or []))
        students[student].earlier += entry.earlier
    rest = [e for e in entries if id(e) not in moodle and not BLACKBOARD.fullmatch(e.name)]
    return [*students.values(), *rest]


def _of_blackboard(found: list[tuple[Entry, "re.Match[str]"]]) -> dict[str, Entry]:
    """Collect each student's last attempt: WORK_LOGIN_attempt_TIME_FILE, and a receipt .txt."""
    heads = {match["head"]: tuple(match["head"].split("_")) for _, match in found}
    shared = 0  # words of the work's name, where there are several students to tell it from
    columns = list(zip(*(parts[:-1] for parts in heads.values()), strict=False))
    while len(heads) > 1 and shared < len(columns) and len(set(columns[shared])) == 1:
        shared += 1
    logins = {
        head: "_".join(parts[shared:] if shared else parts[-1:]) for head, parts in heads.items()
    }
    last: dict[str, str] = {}
    for _, match in found:
        last[match["head"]] = max(last.get(match["head"], ""), match["when"])
    students: dict[str, Entry] = {}
    for entry, match in found:
        student = students.setdefault(logins[match["head"]], Entry("", None, []))
        if match["when"] < last[match["head"]]:
            student.earlier += [entry.name] if match["file"] else []
        elif match["file"]:
            student.inside = [*(student.inside or []), _renamed(entry, match["file"])]
    return students


def _renamed(entry: Entry, name: str | None) -> Entry:
    return replace(entry, name=name or entry.name)


class _Reader:
    def __init__(self, forbidden: list[str]) -> None:
        self.forbidden = forbidden
        self.left = MOST_ENTRIES  # in each folder of the one that is given

    def folder(self, path: Path, depth: int, root: str) -> list[Entry]:
        """Read a folder. A link leads out of the folder that was given only from its top."""
        try:
            places = sorted(path.iterdir())
        except OSError:
            return []
        found: list[Entry] = []
        for place in places:
            if is_junk(place.name):
                continue
            self.left = self.left - 1 if depth else MOST_ENTRIES
            if self.left < 0:
                return [*found, Entry(place.name, trouble="there are too many files")]
            real = os.path.realpath(place)
            if self._is_secret(real):
                continue
            if depth and place.is_symlink() and not real.startswith(root + os.sep):
                found.append(Entry(place.name, trouble="it is a link that leads elsewhere"))
                continue
            inner = root if depth else real  # a student's own folder is what a link must stay in
            found.append(self._entry(place, depth, inner if place.is_dir() else root))
        return found

    def _is_secret(self, real: str) -> bool:
        return any(real == place or real.startswith(place + os.sep) for place in self.forbidden)

    def _entry(self, place: Path, depth: int, root: str) -> Entry:
        if place.is_dir():
            if (place / "pyvenv.cfg").exists() or depth >= DEEPEST:
                return Entry(place.name)
            return Entry(place.name, place, self.folder(place, depth + 1, root))
        if _suffix(place.name) == ".zip":
            return self.zip(place, place.name, 1, Budget())
        return Entry(place.name, place if place.is_file() else None)

    def zip(self, path: Path, name: str, level: int, budget: Budget) -> Entry:
        """Read a zip. Of those in a class's zip each has a budget of its own."""
        if level > ZIPS_IN_ZIPS:
            return Entry(name, trouble="it is a zip in a zip in a zip")
        try:
            members = unpack(path, budget)
        except UnpackError as error:
            return Entry(name, trouble=str(error))
        top = Entry(re.sub(r"(?i)\.zip$", "", name), path, [], zipped=True)
        folders: dict[tuple[str, ...], Entry] = {(): top}
        for member in sorted(members, key=lambda member: member.parts):
            if any(map(is_junk, member.parts)) or len(member.parts) > DEEPEST:
                continue
            entry = Entry(member.parts[-1], member.path, trouble=member.trouble)
            if member.path is not None and _suffix(entry.name) == ".zip":
                own = budget if level else Budget()
                entry = self.zip(member.path, entry.name, level + 1, own)
            _folder_in(folders, member.parts[:-1]).append(entry)
        return top


def _folder_in(folders: dict[tuple[str, ...], Entry], parts: tuple[str, ...]) -> list[Entry]:
    if parts not in folders:
        folders[parts] = Entry(parts[-1], None, [])
        _folder_in(folders, parts[:-1]).append(folders[parts])
    inside = folders[parts].inside
    assert inside is not None
    return inside


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()
