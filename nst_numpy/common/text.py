"""Tables of plain text, as commands and reports print them."""

from collections.abc import Sequence


def table(rows: Sequence[tuple[str, ...]], right: str = "") -> str:
    """Align rows in columns; `right` names, by 'r' and 'l', how each column is aligned.

    >>> print(table([("x", "12"), ("bias", "3")], right="lr"))
    x     12
    bias   3
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = (
            cell.rjust(width) if right[i : i + 1] == "r" else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
