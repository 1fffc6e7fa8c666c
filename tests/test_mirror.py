"""A file in tests/ stands for one in nst_numpy/."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
PACKAGE = TESTS.parent / "nst_numpy"

# What has no file of its own, and the files that test it, with the reason. A name that ends in a
# slash stands for all that is in the folder.
ELSEWHERE = {
    # what is in a result is what a run has left there
    "result.py": ["test_style_transfer.py"],
    # what a run paints with is seen in what it paints
    "scales.py": ["test_style_transfer.py"],
    # what several commands share is seen in what they do
    "cli/parts/rivals.py": ["cli/test_movie.py", "cli/test_volume.py"],
    # an assignment goes through all of these on its way to a grade, in processes of their own
    "course/": ["course/test_release.py", "course/test_grade.py"],
    # a check is one piece of work: it is right or wrong, and says what it found
    "gradcheck/check.py": ["gradcheck/test_right.py", "gradcheck/test_blind.py"],
    "gradcheck/pair.py": ["gradcheck/test_blind.py", "gradcheck/test_nested.py"],
    "gradcheck/returned.py": ["gradcheck/test_blind.py", "gradcheck/test_nested.py"],
    # an answer is a sum that adds up, whatever it is about
    "live/asked.py": ["live/test_questions.py"],
    "live/channels.py": ["live/test_questions.py"],
    "live/drawn.py": ["live/test_questions.py"],
    "live/moment.py": ["live/test_questions.py"],
    "live/pixels.py": ["live/test_questions.py"],
    "live/units.py": ["live/test_questions.py"],
    # the page and what one server keeps are met through its addresses
    "live/page.py": ["live/test_server.py"],
    "live/studio.py": ["live/test_server.py"],
    # every mistake of the zoo must be named, and each of these names some
    "gradcheck/diagnosis.py": ["gradcheck/test_zoo.py"],
    "gradcheck/evidence.py": ["gradcheck/test_zoo.py"],
    "gradcheck/explain.py": ["gradcheck/test_zoo.py"],
    "gradcheck/hypotheses/": ["gradcheck/test_zoo.py"],
    "gradcheck/zoo/": ["gradcheck/test_zoo.py"],
}


def has_functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) for node in ast.walk(tree))


# An __init__ passes on the names of its room, a __main__ calls one function.
MODULES = sorted(
    str(path.relative_to(PACKAGE))
    for path in PACKAGE.rglob("*.py")
    if path.name not in ("__init__.py", "__main__.py") and has_functions(path)
)
COMMANDS = [module for module in MODULES if Path(module).parent == Path("cli")]


def own_file(module):
    path = TESTS / module
    return path.with_name(f"test_{path.name}")


def exceptions(module):
    """Return the entries of `ELSEWHERE` that stand for a module."""
    return [e for e in ELSEWHERE if module == e or (e.endswith("/") and module.startswith(e))]


@cache
def first_words():
    """Find what stands first in a list or a call in each file of tests that runs commands."""
    found = set()
    for path in TESTS.rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        if re.search(r"^from (nst_numpy\.cli|tests\.cli\.conftest) import", text, re.MULTILINE):
            for node in ast.walk(ast.parse(text)):
                words = getattr(node, "elts", None) or getattr(node, "args", None)
                if isinstance(words, list) and words and isinstance(words[0], ast.Constant):
                    found.add(words[0].value)
    return found


@pytest.mark.parametrize("module", [module for module in MODULES if module not in COMMANDS])
def test_every_module_with_functions_has_its_file_of_tests(module):
    own = own_file(module)
    assert own.exists() or exceptions(module), f"write {own.relative_to(TESTS.parent)}"


@pytest.mark.parametrize("module", COMMANDS)
def test_every_command_is_run_by_a_test(module):
    # what a command does is tested beside what it calls, so this may be in any file
    assert Path(module).stem in first_words()


@pytest.mark.parametrize("exception", ELSEWHERE)
def test_no_exception_is_out_of_date(exception):
    without = [
        module for module in MODULES
        if exception in exceptions(module) and not own_file(module).exists()
    ]  # fmt: skip
    assert without, f"remove {exception}: all that it stands for has tests, or is gone"
    for name in ELSEWHERE[exception]:
        assert (TESTS / name).exists(), name
