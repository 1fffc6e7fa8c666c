"""Run a course: hand out the assignments, check an answer, grade what comes back.

  nst course list                               the assignments, their tasks and points
  nst course release handout                    the students' version: notebook and .py of each
  nst course check a4_style.py                  the public tests, as students run them
  nst course grade submissions --out grades     all tests; a file, a folder, or a class of them
  nst course report grades -o class.html        a page for the teacher, from what grade wrote

docs/course.md is the instructor's page.
"""

import argparse
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
    as_text,
    find_isolation,
    find_submissions,
    grade_submission,
    load_assignment,
    load_assignments,
    release,
    release_source,
    view_class,
)
from nst_numpy.course.assignment import MANIFEST, choose
from nst_numpy.course.grade import check_seconds
from nst_numpy.course.results import folder_names, number, write_pictures, write_results
from nst_numpy.errors import CourseError, OutputError
from nst_numpy.files import check_folder, check_output, expand_input, write_json, write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the actions and their arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, text: str) -> argparse.ArgumentParser:
        sub = actions.add_parser(name, help=text, description=text)
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
    for name, text in (
        ("check", "run the public tests on an answer"),
        ("grade", "run all tests on an answer, a student's folder, or a class's folder"),
    ):
        sub = action(name, text)
        sub.add_argument("submission", metavar="SUBMISSION", help=".py, .ipynb or folder")
        sub.add_argument("--seconds", type=float, help="time for each task (default: its own)")
        sub.add_argument(
            "--isolate", metavar="HOW", nargs="?", const="any",
            help="shut each answer in: bubblewrap, docker or podman (default: what there is)",
        )  # fmt: skip
        sub.add_argument(
            "--image", metavar="IMAGE", default="",
            help="for docker and podman: one with Python, NumPy and SciPy",
        )  # fmt: skip
        if name == "grade":
            sub.add_argument("--out", metavar="FOLDER", help="write the results there as well")
    sub = action("report", "write a page about a class for its teacher")
    sub.add_argument("grades", metavar="GRADES", help="the folder of nst course grade … --out")
    add_output(sub, "page to write: .html", default="class.html")


def run(args: argparse.Namespace) -> int:
    """Do what is asked."""
    actions = {"list": _list, "release": _release, "check": _grade, "grade": _grade}
    return (actions | {"report": _report})[args.action](args)


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


def _grade(args: argparse.Namespace) -> int:
    """Grade, print the table, write the files; what is asked for is checked before."""
    assignments = _assignments_for(args)
    seconds = None if args.seconds is None else check_seconds(args.seconds)
    out = claim_folder(args, args.out) if getattr(args, "out", None) else None
    try:
        found = find_submissions(args.submission, assignments)
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
    table_of_class = as_csv(graded, assignments.values())
    with results() as keep:
        if out is not None and many:
            keep(out / "grades.csv", lambda place: write_text(place, table_of_class))
    if prints(args, out):
        print(table_of_class if many else as_text(graded[0][1]), end="")
    if args.action == "check" and not many:
        painted = write_pictures(_beside(args.submission), graded[0][1])
        if painted and not args.quiet:
            print("\n".join(f"painted: {place}" for place in painted))
    if lost:
        raise OutputError("; ".join(lost))
    return 0


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
                lambda place: write_results(check_folder(place), student.student, grades),
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
