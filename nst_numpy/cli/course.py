"""Run a course: hand out the assignments, check an answer, grade what comes back.

  nst course list                               the assignments, their tasks and points
  nst course release handout                    the students' version: notebook and .py of each
  nst course convert otter --to otter           the same for otter-grader, and its autograder
  nst course check a4_style.py                  the public tests, as students run them
  nst course grade submissions -o grades        all tests; a file, a folder, or a class of them
  nst course report grades -o class.html        a page for the teacher, from what grade wrote

docs/course.md is the instructor's page.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from nst_numpy.cli.parts.options import add_output, add_quiet, prints, table
from nst_numpy.cli.parts.outputs import claim, claim_folder, results
from nst_numpy.cli.parts.parser import add_debug
from nst_numpy.common.progress import bar
from nst_numpy.course import (
    Assignment,
    Grade,
    Submission,
    as_csv,
    as_gradescope,
    as_junit,
    as_text,
    find_isolation,
    find_submissions,
    grade_submission,
    load_assignment,
    load_assignments,
    release,
    release_otter,
    release_source,
    view_class,
)
from nst_numpy.course.assignment import MANIFEST, choose
from nst_numpy.course.grade import check_seconds
from nst_numpy.course.results import folder_names, number, write_pictures, write_results
from nst_numpy.errors import CourseError, OutputError, SettingError
from nst_numpy.files import check_folder, check_output, expand_input, write_json, write_text

FORMS = {"otter": release_otter}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the actions and their arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, text: str) -> argparse.ArgumentParser:
        sub = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        sub.add_argument(
            "--assignments", metavar="FOLDER", help="your own assignments (default: bundled)"
        )
        add_debug(sub, default=argparse.SUPPRESS)
        add_quiet(sub)
        return sub

    action("list", "list the assignments, their tasks and points")
    sub = action("release", "write the students' version: no solutions, no hidden tests")
    sub.add_argument("folder", metavar="FOLDER", help="where to; made if it is not there")
    sub.add_argument("names", nargs="*", metavar="NAME", help="assignments (default: all)")
    sub.add_argument(
        "--instructor", action="store_true",
        help="write notebooks with solutions and hidden tests, as nbgrader's FOLDER/source",
    )  # fmt: skip
    sub = action("convert", "write the assignments for another grader, with hidden tests")
    sub.add_argument("folder", metavar="FOLDER", help="where to; made if it is not there")
    sub.add_argument("names", nargs="*", metavar="NAME", help="assignments (default: all)")
    sub.add_argument("--to", choices=list(FORMS), default="otter", help="whose form")
    for name, text in (
        ("check", "run the public tests on an answer"),
        ("grade", "run all tests on an answer, a student's folder, or a class's folder"),
    ):
        sub = action(name, text)
        sub.add_argument("submission", metavar="SUBMISSION", help=".py, .ipynb or folder")
        sub.add_argument(
            "--seconds", type=float, metavar="S", help="time for each task (default: its own)"
        )
        sub.add_argument(
            "--isolate", metavar="HOW", nargs="?", const="any",
            help="shut each answer in: bubblewrap, docker or podman (default: what there is)",
        )  # fmt: skip
        sub.add_argument(
            "--image", metavar="IMAGE", default="",
            help="for docker and podman: one with Python, NumPy and SciPy",
        )  # fmt: skip
        if name == "grade":
            add_output(sub, "folder to write the results to as well", metavar="FOLDER")
            sub.add_argument("--out", dest="output", help=argparse.SUPPRESS)  # its former name
            sub.add_argument(
                "--only", metavar="NAMES", help="grade, and count, these only, as a1,a4"
            )
            sub.add_argument("--junit-xml", metavar="FILE", help="write JUnit's XML of all there")
    sub = action("report", "write a page about a class for its teacher")
    sub.add_argument("grades", metavar="GRADES", help="the folder of nst course grade … -o")
    add_output(sub, "page to write: .html", default="class.html")


def run(args: argparse.Namespace) -> int:
    """Do what is asked."""
    actions = {"list": _list, "release": _release, "check": _grade, "grade": _grade}
    return (actions | {"report": _report, "convert": _convert})[args.action](args)


def _list(args: argparse.Namespace) -> int:
    rows = [("assignment", "task", "points")]
    for assignment in load_assignments(args.assignments).values():
        rows.append((assignment.long_name, assignment.title, number(assignment.points)))
        rows += [("", task.name, number(task.points)) for task in assignment.tasks]
    print(table(rows, right="llr"))
    return 0


def _release(args: argparse.Namespace) -> int:
    chosen = choose(load_assignments(args.assignments), args.names)
    write = release_source if args.instructor else release
    for place in write(chosen, args.folder):
        if not args.quiet:
            print(place)
    return 0


def _convert(args: argparse.Namespace) -> int:
    chosen = choose(load_assignments(args.assignments), args.names)
    for place in FORMS[args.to](chosen, args.folder):
        if not args.quiet:
            print(place)
    return 0


def _grade(args: argparse.Namespace) -> int:
    """Grade, print the table, write the files; what is asked for is checked before."""
    assignments = _assignments_for(args)
    counted = {a.name: a for a in choose(assignments, _only(args))}
    seconds = None if args.seconds is None else check_seconds(args.seconds)
    out = claim_folder(args, args.output) if getattr(args, "output", None) else None
    junit = check_output(args.junit_xml) if getattr(args, "junit_xml", None) else None
    claim(args, [args.submission], JUnit=junit)
    try:
        found = _counted(args.submission, assignments, counted)
    except CourseError as error:
        if out is not None and expand_input(args.submission, CourseError).exists():
            write_json(out / "results.json", as_gradescope([], str(error)))
        raise
    isolation = None if args.isolate is None else find_isolation(args.isolate, args.image)
    many = isinstance(found, list)
    students = found if isinstance(found, list) else [found]
    names = folder_names(student.student for student in students)
    graded: list[tuple[str, list[Grade]]] = []
    lost: list[str] = []
    total = sum(
        len(assignments[name].tasks) * len(files)
        for student in students
        for name, files in student.files.items()
    )
    with bar("task", total=total, shown=not args.quiet) as tasks:
        for student, name in zip(students, names, strict=True):
            grades = grade_submission(
                student, assignments, hidden=args.action == "grade", seconds=seconds,
                progress=lambda name: tasks.update() and None, isolation=isolation,
            )  # fmt: skip
            graded.append((student.student, grades))
            lost += _write(out, name if many else "", student, grades)
    notes = [student.notes for student in students] + [getattr(found, "notes", ())] * many
    table_of_class = as_csv(graded, counted.values(), notes)
    with results() as keep:
        if out is not None and many:
            keep(out / "grades.csv", lambda place: write_text(place, table_of_class))
        if out is not None and many and len(graded) == 1:  # Gradescope looks for it here
            scope = as_gradescope(graded[0][1], "; ".join(notes[0] * (not graded[0][1])), notes[0])
            keep(out / "results.json", lambda place: write_json(place, scope))
        keep(junit, lambda place: write_text(place, as_junit(graded)))
    if prints(args, out, junit):
        print(table_of_class if many else as_text(graded[0][1], students[0].notes), end="")
    if args.action == "check" and not many:
        painted = write_pictures(_beside(args.submission), graded[0][1])
        if painted and not args.quiet:
            print("\n".join(f"painted: {place}" for place in painted))
    if lost:
        raise OutputError("; ".join(lost))
    return 0


def _only(args: argparse.Namespace) -> list[str]:
    """Return the assignments of --only; nothing where all count."""
    if getattr(args, "only", None) is None:
        return []
    names = [name for name in (part.strip() for part in args.only.split(",")) if name]
    if not names:
        raise SettingError(f"--only: {args.only!r} names no assignment: write them as a1,a4")
    return names


def _counted(
    path: str, assignments: dict[str, Assignment], counted: dict[str, Assignment]
) -> list[Submission] | Submission:
    """Find what was handed in, for any assignment, and leave what does not count."""
    found = find_submissions(path, assignments)
    students = found if isinstance(found, list) else [found]
    kept = [
        replace(student, files={n: files for n, files in student.files.items() if n in counted})
        for student in students
    ]
    if isinstance(found, list):
        found[:] = kept
        return found
    if found.files and not kept[0].files:
        raise CourseError(
            f"no answer to {' or '.join(counted)} found in {path}, only to "
            f"{', '.join(found.files)}: give another folder, or leave --only out"
        )
    return kept[0]


def _report(args: argparse.Namespace) -> int:
    output = check_output(args.output)
    claim(args, [], page=output)
    view = view_class(args.grades)
    from nst_numpy.report import write_class_page  # matplotlib takes a second to load

    with results() as keep:
        keep(output, lambda place: write_class_page(place, view))
    if not args.quiet:
        print(output)
    return 0


def _write(out: Path | None, name: str, student: Submission, grades: list[Grade]) -> list[str]:
    """Write a student's grades; return what is not where it should be: the others are graded."""
    if out is None:
        return []
    try:
        with results() as keep:
            keep(
                out / name,
                lambda place: write_results(
                    check_folder(place), student.student, grades, student.notes
                ),
            )
    except OutputError as error:
        return [str(error)]
    return []


def _assignments_for(args: argparse.Namespace) -> dict[str, Assignment]:
    """Read the assignments; to check an answer, those that lie beside it in the release."""
    beside = _beside(args.submission)
    if args.action == "check" and not args.assignments and (beside / MANIFEST).is_file():
        own = load_assignment(beside)
        return {own.name: own}
    return load_assignments(args.assignments)


def _beside(submission: str) -> Path:
    """Return the folder that an answer lies in, or that is one."""
    path = expand_input(submission, CourseError)
    return path if path.is_dir() else path.parent
