"""Tables, times and numbers in plain text, as commands and reports print them."""

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


def counted(number: int, noun: str) -> str:
    """Write how many there are of something.

    >>> counted(1, "iteration"), counted(12, "iteration")
    ('1 iteration', '12 iterations')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def rounded(value: float, digits: int = 3) -> str:
    """Write a number with a few digits, and up to a million without a power of ten.

    >>> rounded(0.04567), rounded(45.678), rounded(23456), rounded(99.7, 2)
    ('0.0457', '45.7', '23,456', '100')
    """
    whole = min(10**digits - 0.5, 1000) <= abs(value) < 1e6
    return f"{value:,.0f}" if whole else f"{value:.{digits}g}"


def duration(seconds: float) -> str:
    """Write a time for people.

    >>> duration(8.24), duration(75), duration(7261)
    ('8.2 s', '1 min 15 s', '2 h 1 min')
    """
    if round(seconds, 1) < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def step_duration(seconds: float) -> str:
    """Write the time of a step, which may be short.

    >>> step_duration(0.0426), step_duration(75)
    ('43 ms', '1 min 15 s')
    """
    return duration(seconds) if seconds > 1 else f"{1000 * seconds:.0f} ms"


def about(seconds: float) -> str:
    """Write a time that is only expected: no finer than it can be known.

    >>> about(8.24), about(197.3), about(1234), about(7261)
    ('about 8.2 s', 'about 3 min 20 s', 'about 21 min', 'about 2 h')
    """
    step = next((step for end, step in ((60, 0.1), (600, 10), (3600, 60)) if seconds < end), 600)
    text = duration(max(round(seconds / step), 1) * step)
    return f"about {text.removesuffix(' 0 s').removesuffix(' 0 min')}"
