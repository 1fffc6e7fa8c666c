"""What was handed in: whose files, for which assignment, and what else there was."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from nst_numpy.course.assignment import MANIFEST, README, TESTS, Assignment, assignments_folder
from nst_numpy.course.beside import Cells, Modules, imported_by, modules_in
from nst_numpy.course.plain import one_line
from nst_numpy.course.recognise import (
    SUFFIXES,
    assignment_of,
    defines_any,
    functions_in,
    named_after,
    named_first,
    read_answer,
    says_who,
    split_name,
)
from nst_numpy.course.tree import Entry, by_student, read_tree, walk
from nst_numpy.errors import CourseError
from nst_numpy.files import PathLike, expand_input

__all__ = ["SUFFIXES", "Cells", "Class", "Submission", "assignment_of", "find_submissions",
           "read_answer"]  # fmt: skip

MOST_ANSWERS = 4  # to one assignment, that are graded
SHOWN = 20  # names of what was not recognised
HANDED_OUT = (TESTS, README, MANIFEST)
COPY = re.compile(r"[ _-]+\(?\d+\)?$")  # what a browser adds: "a1 (2)"
# A folder of a class's answers to one assignment, by no name of ours: "Homework 4".
NUMBERED = re.compile(
    r"(?:assignments?|homework|hw|exercises?|ex|sheet|problems?|problem[\s_-]?set|ps|labs?|task|"
    r"project|week|unit|aufgaben?|übung|uebung|blatt|serie|abgabe)[\s_-]*\d+",
    re.I,
)
FEWEST_OWNERS = 3  # of answers in the folder of one assignment, to be a class
Assignments = dict[str, Assignment]


@dataclass(frozen=True)
class Submission:
    """What one student handed in.

    Attributes
    ----------
    student : str
    files : dict of str to list of Path
        For each assignment, by short name: the answers. Those nearer to the top of the student's
        folder stand before others.
    unrecognised : tuple of str
        Other files, as they were called, with the reason where there is one.
    remarks : tuple of str
        Sentences on what was left out.
    modules : dict of Path to dict
        For each answer, the modules that it imports from beside it.
    names : dict of Path to str
        What each answer was called, from the top of the student's folder on.
    """

    student: str
    files: dict[str, list[Path]] = field(default_factory=dict)
    unrecognised: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    modules: dict[Path, Modules] = field(default_factory=dict)
    names: dict[Path, str] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the report says of the files: why there is no answer, and what was left out."""
        nothing = () if self.files else ("no answer was found",)
        return (*nothing, *self.remarks, *_not_recognised(self.unrecognised))


class Class(list[Submission]):
    """The submissions of a class, and the names of files that are nobody's."""

    unrecognised: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is said of the files that are nobody's."""
        return _not_recognised(self.unrecognised)


def find_submissions(path: PathLike, assignments: Assignments) -> list[Submission] | Submission:
    """Find out what a path is: one student's file, folder or zip, or those of a class.

    An answer is recognised by its name or by what it defines, in folders and zips within too.
    docs/course.md says how students are told apart.

    Returns
    -------
    Submission, or list of Submission
        A folder is one student's if an answer, or a folder named like an assignment, lies in
        it; otherwise each of its folders is a student's. The list is a `Class`.

    Raises
    ------
    CourseError
        Nothing in it can be an answer.
    """
    root = expand_input(path, CourseError)
    if root.is_file() and root.suffix.lower() != ".zip":
        return Submission(root.stem, {assignment_of(root, assignments): [root]})
    if not root.exists():
        raise CourseError(f"{root} does not exist: give a file, or a folder with answers")
    secret = [a.folder for a in assignments.values()]
    tree = read_tree(root, [*secret, assignments_folder()] if secret else [])
    if tree.inside is None:
        raise CourseError(f"{root} cannot be opened: {tree.trouble or 'it is no ordinary file'}")
    found = _Finder(assignments).find(tree)
    if found is None:
        names = _not_recognised(_names(walk(tree), assignments))
        raise CourseError(
            f"no answer found in {root}: a file's name begins with its assignment's, as in "
            f"{next(iter(assignments.values())).long_name}.py" + "".join(f"; {n}" for n in names)
        )
    return found


class _Finder:
    """Tells students apart, and collects what each handed in."""

    def __init__(self, assignments: Assignments) -> None:
        self.assignments = assignments
        self._known: dict[int, str | None] = {}

    def find(self, tree: Entry) -> list[Submission] | Submission | None:
        """Find out whose work a tree is; None if there is no answer in it."""
        top = self._unwrapped(tree)
        if students := by_student(top.inside or []):
            return self._class(Entry(top.name, None, students), sure=True)
        if entries := self._by_assignment(top):
            return self._class(Entry(top.name, None, entries), sure=True)
        if self._is_one_students(top):
            return self._submission(tree.name, [top])
        recognised = [entry for entry in top.files if self._answers(entry)]
        imported = {name for entry in recognised for name in self._imported(entry)}
        if (
            any(self._answered(folder) for folder in top.folders if folder.name not in imported)
            or any(self._split(entry.name)[1] for entry in top.files if entry.is_answer)
            or self._rivals(recognised)
        ):
            return self._class(top)
        return self._submission(tree.name, [top]) if recognised else None

    def _unwrapped(self, tree: Entry) -> Entry:
        """Leave out folders that have nothing but one folder in them, around a class or in a zip.

        `class.zip` has a folder `class` in it. But `class/ada/a1.py` is the class of one student.
        """
        top = tree
        while len(top.inside or []) == 1 and (inner := top.folders):
            shared = self._share_one(inner[0].folders)
            of_a_class = shared and not self._is_one_students(inner[0])
            if not (top.zipped or tree.zipped or of_a_class or by_student(inner[0].inside or [])):
                break
            top = inner[0]
        return top

    def _is_one_students(self, top: Entry) -> bool:
        """Whether an answer named like its assignment, or a folder named so, lies in it.

        It is not if two others answer the same assignment: a class has a template in it, or a
        student whose login is "a1".
        """
        others = [e for e in top.folders if not self._named_folder(e)]
        if self._share_one(others) or self._rivals(
            [e for e in top.files if self._answers(e) and self._split(e.name)[1]]
        ):
            return False
        if self._named_after(top.files) or self._repositories(top.folders):
            return False
        if any(
            name == named_first(_stem(e.name), self.assignments)
            for e in top.files
            if (name := self._answers(e))
        ):
            return True
        named = [(name, e) for e in top.folders if (name := self._named_folder(e))]
        exactly = [
            name for name, e in named if COPY.sub("", e.name.lower()) in self._own_names(name)
        ]
        zips = [name for name, e in named if e.zipped]
        answering = any(self._answered(e) for e in others)
        if not exactly and (answering or len(zips) > len(set(zips))):  # a1_ada.zip, a1_bob.zip
            return False
        return bool(named)

    def _repositories(self, folders: list[Entry]) -> bool:
        """Whether names after an assignment's tell students apart: a4-style-ada, a4-style-bob."""
        owners: dict[str, set[str]] = {}
        for entry in folders:
            name, who = self._named_folder(entry), named_after(entry.name, self.assignments)
            if name and who and name in self._answered(entry):
                owners.setdefault(name, set()).add(who)
        return any(len(names) > 1 for names in owners.values())

    def _named_folder(self, entry: Entry) -> str | None:
        """Return the assignment that a folder is named like, unless others are answered in it."""
        name = named_first(entry.name, self.assignments)
        answered = self._answered(entry)
        return name if not answered or name in answered else None

    def _own_names(self, name: str) -> tuple[str, str]:
        return name, self.assignments[name].long_name.lower()

    def _class(self, top: Entry, *, sure: bool = False) -> Class:
        """Make a submission of each folder, and of loose files by what their names begin with."""
        owned: dict[str, list[Entry]] = {}
        nobodys: list[str] = []
        for entry in top.folders:
            if not sure and (students := by_student(entry.inside or [])):
                for student in students:
                    owned.setdefault(student.name, []).append(student)
                continue
            owned.setdefault(self._owner(entry), []).append(entry)
        for entry in top.files:
            owner = None
            if entry.is_answer or (entry.trouble and entry.name.lower().endswith(".zip")):
                owner = self._owner_of_file(entry)
            if entry.is_answer and entry.name in (*HANDED_OUT, *self._given()):
                continue
            if owner is None:
                nobodys += _names([((entry.name,), entry)], self.assignments)
            else:
                # alone in a folder: beside it lie other students' files
                owned.setdefault(owner, []).append(Entry("", None, [entry]))
        found = Class(self._submission(student, own) for student, own in owned.items())
        found.unrecognised = tuple(nobodys)
        return found

    def _owner(self, entry: Entry) -> str:
        """Name the student of a folder or zip by its name, without that of an assignment."""
        if not entry.zipped:
            who = named_after(entry.name, self.assignments) if self._named_folder(entry) else None
            return who or entry.name
        if name := named_first(entry.name, self.assignments):
            for start in reversed(self._own_names(name)):
                rest = entry.name[len(start) :].strip("_- ")
                if entry.name.lower().startswith(start) and rest:
                    return rest
        return self._split(f"{entry.name}.zip")[0]

    def _owner_of_file(self, entry: Entry) -> str:
        owner, name = self._split(entry.name)
        return owner if name else named_after(owner, self.assignments) or owner

    def _submission(self, student: str, places: list[Entry]) -> Submission:
        """Collect a student's files from the places where they are."""
        files: dict[str, list[tuple[Path, Modules]]] = {name: [] for name in self.assignments}
        other: list[tuple[tuple[str, ...], Entry]] = []
        used: set[Path] = set()
        names: dict[Path, str] = {}
        left_out: list[str] = []
        contents: set[tuple[str, bytes]] = set()
        for place in places:
            for where, entry in walk(place):
                name = self._answers(entry)
                if name is None or entry.path is None:
                    other.append((where, entry))
                    continue
                if (content := (name, _content(entry.path))) in contents:
                    continue
                contents.add(content)
                if len(files[name]) == MOST_ANSWERS:
                    left_out.append("/".join(where))
                    continue
                modules = self._modules(place, where, entry.path)
                files[name].append((entry.path, modules))
                names[entry.path] = one_line("/".join(where))
                used |= set(modules.values())
        taken = {name: _without_modules(found, self.assignments[name])
                 for name, found in files.items() if found}  # fmt: skip
        earlier = [name for place in places for name in place.earlier]
        remarks = [f"an earlier attempt, which does not count: {', '.join(earlier)}"] * bool(
            earlier
        )
        if left_out:
            remarks.append(f"not graded, after {MOST_ANSWERS} others: {', '.join(left_out)}")
        rest = [(where, entry) for where, entry in other if entry.path not in used]
        return Submission(
            student,
            {name: [path for path, _ in found] for name, found in taken.items()},
            tuple(_names(rest, self.assignments)),
            tuple(one_line(remark) for remark in remarks),
            {path: modules for found in taken.values() for path, modules in found},
            names,
        )

    def _modules(self, place: Entry, where: tuple[str, ...], path: Path) -> Modules:
        way = [place]
        for part in where[:-1]:
            way.append(next(inner for inner in way[-1].folders if inner.name == part))
        try:
            cells = read_answer(path, {})
        except CourseError:
            return {}
        found = modules_in(way[-1], [source for *_, source in cells], way[-2::-1])
        return {name: module for name, module in found.items() if name not in self._given()}

    def _answers(self, entry: Entry) -> str | None:
        """Return the assignment that a file answers, if it does."""
        if not entry.is_answer or entry.name in self._given():
            return None
        if id(entry) not in self._known:
            assert entry.path is not None
            try:
                found = assignment_of(entry.path, self.assignments, entry.name)
            except CourseError:
                found = None
            self._known[id(entry)] = found
        return self._known[id(entry)]

    def _answered(self, folder: Entry) -> set[str]:
        return {name for _, entry in walk(folder) if (name := self._answers(entry))}

    def _share_one(self, folders: list[Entry]) -> bool:
        """Whether two of these folders answer the same assignment."""
        answered = [name for folder in folders for name in self._answered(folder)]
        return len(answered) > len(set(answered))

    def _imported(self, entry: Entry) -> set[str]:
        assert entry.path is not None
        try:
            return imported_by("\n".join(source for *_, source in read_answer(entry.path, {})))
        except CourseError:
            return set()

    def _rivals(self, recognised: list[Entry]) -> bool:
        """Whether files of several owners answer one assignment: each is a student's."""
        by_name: dict[str | None, set[str]] = {}
        for entry in recognised:
            by_name.setdefault(self._answers(entry), set()).add(self._split(entry.name)[0])
        return any(len(stems) > 1 for stems in by_name.values())

    def _by_assignment(self, top: Entry) -> list[Entry] | None:
        """Return what lies in folders of assignments, if the same students are in several of them.

        a1/ada.py, a1/bob.py and a4/ada.py are a class; a1/old/a1.py and a1/new/a1.py are not. Nor
        is one folder, unless three in it or more answer the same.
        """
        places = [e for e in top.folders if self._place(e)]
        owners = [self._owners_in(place) for place in places]
        several = any(len(names) > 1 for names in owners)
        shared = any(a & b for a, b in combinations(owners, 2))
        if not (several and shared) and not (len(top.folders) == 1 and self._rivals_in(places)):
            return None
        rest = [e for e in top.inside or [] if not any(e is place for place in places)]
        return [*rest, *(entry for place in places for entry in place.inside or [])]

    def _place(self, entry: Entry) -> str | None:
        """Return the assignment whose folder it is, by our name or by "Homework 4"."""
        name = self._named_folder(entry)
        if name and COPY.sub("", entry.name.lower()) in self._own_names(name):
            return name
        answered = self._answered(entry) if NUMBERED.fullmatch(entry.name) else set()
        return next(iter(answered)) if len(answered) == 1 else None

    def _rivals_in(self, places: list[Entry]) -> bool:
        """Whether so many in one of these folders write the same functions that it is a class."""
        for place in places:
            name, owners = self._place(place), self._owners_in(place)
            if name is None or len(owners) < FEWEST_OWNERS:
                continue
            own = self.assignments[name]
            found = [
                functions_in(e.path, own)
                for _, e in walk(place)
                if e.path and self._answers(e) == name
            ]
            if all(a is None or b is None or a & b for a, b in combinations(found, 2)):
                return True
        return False

    def _owners_in(self, place: Entry) -> set[str]:
        """Name whose the answers in an assignment's folder may be, by names that say it."""
        name = self._place(place)
        if name is None:
            return set()
        files = [e for e in place.files if self._answers(e) == name]
        imported = {module for e in files for module in self._imported(e)}
        owners = [self._owner_of_file(e) for e in files if _stem(e.name) not in imported]
        owners += [e.name for e in place.folders if name in self._answered(e)]
        own = self.assignments[name]
        return {o for o in owners if not named_first(o, self.assignments) and says_who(o, own)}

    def _named_after(self, files: list[Entry]) -> bool:
        """Whether names after an assignment's, as in a1_ada.py and a1_bob.py, tell students apart.

        Parts of one answer have no function in common, and modules of one are imported.
        """
        answers = [(e, name) for e in files if (name := self._answers(e))]
        imported = {name for entry, _ in answers for name in self._imported(entry)}
        known: dict[str, dict[str, set[str] | None]] = {}
        for entry, name in answers:
            stem = _stem(entry.name)
            if stem not in imported and entry.path and (who := named_after(stem, self.assignments)):
                defined = functions_in(entry.path, self.assignments[name])
                known.setdefault(name, {})[who] = defined
        return any(
            a is None or b is None or a & b
            for found in known.values()
            for a, b in combinations(found.values(), 2)
        )

    def _split(self, name: str) -> tuple[str, str | None]:
        return split_name(_stem(name), self.assignments)

    def _given(self) -> set[str]:
        return {name for a in self.assignments.values() for name in a.files}


def _without_modules(
    found: list[tuple[Path, Modules]], assignment: Assignment
) -> list[tuple[Path, Modules]]:
    """Leave out what is named like an answer, and is only a module of another one."""
    used = {path for _, modules in found for path in modules.values()}
    own = [(p, m) for p, m in found if p not in used or defines_any(p, assignment)]
    return own or found


def _content(path: Path) -> bytes:
    """Tell files apart: a copy is no second answer. One that cannot be read is like no other."""
    try:
        return path.read_bytes() if path.stat().st_size < 1 << 20 else str(path).encode()
    except OSError:
        return str(path).encode()


def _names(entries: Iterable[tuple[tuple[str, ...], Entry]], assignments: Assignments) -> list[str]:
    """Name files as they were called, without what was handed out; say why, where it is known."""
    given = {*HANDED_OUT, *(name for a in assignments.values() for name in a.files)}
    return [
        one_line("/".join(where)) + (f" ({entry.trouble})" if entry.trouble else "")
        for where, entry in entries
        if entry.name not in given
    ]


def _not_recognised(names: Iterable[str]) -> tuple[str, ...]:
    names = list(names)
    if not names:
        return ()
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (f"not recognised as an answer: {', '.join(names[:SHOWN])}{more}",)


def _stem(name: str) -> str:
    return Path(name).stem if name not in (".", "..") else name
