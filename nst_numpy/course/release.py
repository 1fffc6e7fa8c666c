"""Write the students' version of the assignments, or the instructor's notebooks."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nst_numpy.course import submit
from nst_numpy.course.assignment import (
    MANIFEST,
    README,
    TESTS,
    Assignment,
    strip_solutions,
)
from nst_numpy.course.notebook import notebook
from nst_numpy.errors import OutputError
from nst_numpy.files import PathLike, check_folder, write_text

SUBMIT = "submit.py"


def release(assignments: list[Assignment], folder: PathLike) -> list[Path]:
    """Write what students get: no solutions, no hidden tests; notebook and .py of each.

    Beside each, and beside them all, stands submit.py, which makes the zip to hand in.

    Parameters
    ----------
    assignments : list of Assignment
    folder : path-like
        Made if it is not there. Each assignment becomes a new folder in it.

    Returns
    -------
    list of Path
        The new folders.

    Raises
    ------
    OutputError
        Something cannot be written, or a folder is there already: it may hold answers.
    CourseError
        An assignment's markers do not fit.
    """
    root = check_folder(folder)
    with new_folders(assignments, root) as places:
        for assignment, place in places:
            stub = strip_solutions(assignment.solution, str(assignment.folder))
            write_text(place / f"{assignment.long_name}.py", stub)
            _write_notebook(place / f"{assignment.long_name}.ipynb", assignment, instructor=False)
            write_text(place / README, assignment.readme)
            write_text(place / TESTS, public_tests(assignment))
            shutil.copy(assignment.folder / MANIFEST, place / MANIFEST)
            shutil.copy(submit.__file__, place / SUBMIT)
            copy_files(assignment, place)
    shutil.copy(submit.__file__, root / SUBMIT)  # for all that is handed in together
    for page in {a.folder.parent / README for a in assignments}:
        if page.is_file() and not (root / README).exists():
            write_text(root / README, page.read_text(encoding="utf-8"))
    return [root / assignment.long_name for assignment in assignments]


def release_source(assignments: list[Assignment], folder: PathLike) -> list[Path]:
    """Write the instructor's notebooks, as nbgrader wants them: FOLDER/source/a4_style/….

    They hold solutions and hidden tests. Parameters, result and errors are those of `release`.
    """
    root = check_folder(check_folder(folder) / "source")
    with new_folders(assignments, root) as places:
        for assignment, place in places:
            _write_notebook(place / f"{assignment.long_name}.ipynb", assignment, instructor=True)
            copy_files(assignment, place)
    return [root / assignment.long_name for assignment in assignments]


@contextmanager
def new_folders(
    assignments: list[Assignment], root: Path
) -> Iterator[list[tuple[Assignment, Path]]]:
    """Yield a folder for each assignment; they get their names when all are complete, or none."""
    for assignment in assignments:
        assignment.check()
        if (place := root / assignment.long_name).exists():
            raise OutputError(f"{place} exists already and may hold answers: choose another folder")
    with tempfile.TemporaryDirectory(prefix=".nst-release-", dir=root) as folder:
        places = [(a, check_folder(Path(folder, a.long_name))) for a in assignments]
        yield places
        for assignment, place in places:
            place.rename(root / assignment.long_name)


def public_tests(assignment: Assignment) -> str:
    """Return tests.py without hidden tests, for the students' own file."""
    header = assignment.header.replace(
        "from solution import", f"from {assignment.long_name} import"
    )
    parts = [f"{header.strip()}\n"]
    parts += [f"# %% {task.name}\n{task.public.strip()}\n" for task in assignment.tasks]
    return "\n".join(parts)


def _write_notebook(path: Path, assignment: Assignment, *, instructor: bool) -> None:
    data = notebook(assignment, instructor=instructor)
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def copy_files(assignment: Assignment, place: Path) -> None:
    """Copy what else students are given."""
    for name in (*assignment.files, *assignment.pictures):
        shutil.copy(assignment.folder / name, place / name)
