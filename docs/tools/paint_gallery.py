"""Paint the pictures of docs/gallery.md again, each by the command that stands below it.

    python docs/tools/paint_gallery.py [NAME …]

A name is that of a file, as castle-cafe.jpg; without one all are painted.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE, FOLDER = ROOT / "docs" / "gallery.md", ROOT / "docs" / "pictures" / "gallery"
ENTRY = re.compile(r"\]\(pictures/gallery/(.+?)\)\n\n```sh\n([^`]+)\n```")


def entries() -> list[tuple[str, list[str]]]:
    """List the pictures of the page, each with the words of its command."""
    found = ENTRY.findall(PAGE.read_text(encoding="utf-8"))
    return [(name, shlex.split(command.replace("\\\n", " "))) for name, command in found]


def main(wanted: list[str]) -> None:
    """Paint those that are wanted, or all."""
    FOLDER.mkdir(exist_ok=True)
    for name, (_, *words) in entries():
        if not wanted or name in wanted:
            words[words.index("-o") + 1] = (FOLDER / name).relative_to(ROOT).as_posix()
            more = ["--quality", "88", "--quiet"]
            subprocess.run([sys.executable, "-m", "nst_numpy", *words, *more], cwd=ROOT, check=True)
            print(name, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
