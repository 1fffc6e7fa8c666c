"""Write what the solutions print into the assignments' pages, as the expected output.

    python docs/tools/expected_output.py

runs the lines `>>> …` of each README.md in tutorials/assignments/ with the names of its
solution.py, and writes below each what it prints.
"""

import contextlib
import doctest
import io
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ASSIGNMENTS = Path(__file__).resolve().parents[2] / "tutorials" / "assignments"
BLOCK = re.compile(r"(?s)(?<=```pycon\n).*?(?=```)")


def main() -> None:
    """Write the pages anew."""
    for folder in sorted(ASSIGNMENTS.glob("a*/")):
        page = folder / "README.md"
        page.write_text(filled(folder), encoding="utf-8")


def filled(folder: Path) -> str:
    """Return an assignment's page with what its solution prints; nothing is written."""
    names = solution(folder) | {"np": np}
    page = (folder / "README.md").read_text(encoding="utf-8")
    return BLOCK.sub(lambda block: "".join(lines(block[0], names)), page)


def solution(folder: Path) -> dict[str, Any]:
    """Run a solution beside the files that are given with it."""
    sys.path.insert(0, str(folder))
    try:
        return runpy.run_path(str(folder / "solution.py"))
    finally:
        sys.path.remove(str(folder))


def lines(block: str, names: dict[str, Any]) -> Iterator[str]:
    """Yield the examples of a block, each with what it prints; `names` get what it defines."""
    for example in doctest.DocTestParser().get_examples(block):
        first, *rest = example.source.splitlines()
        yield "".join(f"{line}\n" for line in [f">>> {first}", *(f"... {more}" for more in rest)])
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(example.source, "README.md", "single"), names)
        yield printed.getvalue()


if __name__ == "__main__":
    main()
