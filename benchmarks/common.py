"""What the benchmarks share: memory, and tables in the documentation."""

import re
from pathlib import Path

from nst_numpy.files import atomic_write

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"


def memory_megabytes(what):
    """Memory of this process in MB (Linux): "VmRSS" resident now, "VmHWM" at its peak."""
    status = Path("/proc/self/status").read_text("utf-8")
    line = next(line for line in status.splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024 / 1e6


def write_table(name, lines, page=PAGE):
    """Put lines between <!-- name --> and <!-- /name --> on a page of the documentation."""
    text = page.read_text(encoding="utf-8")
    block = f"<!-- {name} -->\n" + "\n".join(lines) + f"\n<!-- /{name} -->"
    pattern = f"<!-- {name} -->.*?<!-- /{name} -->"
    if not re.search(pattern, text, flags=re.S):
        raise SystemExit(f"{page} has no place for {name}")
    with atomic_write(page) as temporary:
        temporary.write_text(re.sub(pattern, lambda _: block, text, flags=re.S), encoding="utf-8")
