"""Write the zoo's table into a page: python -m nst_numpy.gradcheck.zoo docs/gradcheck.md."""

import sys
from pathlib import Path

from nst_numpy.files import atomic_write
from nst_numpy.gradcheck.zoo import zoo_table

BEGIN, END = "<!-- zoo -->\n", "\n<!-- end of zoo -->"


def main() -> None:
    """Replace what stands between the two marks of the page."""
    page = Path(sys.argv[1])
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    with atomic_write(page) as temporary:
        temporary.write_text(before + BEGIN + zoo_table() + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
