"""Text of an answer as text: nothing in it moves a cursor, ends a line, or looks like a table."""

import re
import unicodedata

LONGEST = 1000  # characters of a line that is somebody else's
_STEERING = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # control, format, half characters, …


def one_line(text: object, longest: int = LONGEST) -> str:
    r"""Write a text in one line, with escapes for what steers a terminal.

    >>> print(one_line("a1\n  a1.size   1 / 1 \x1b[2K\u202e"))
    a1 a1.size 1 / 1 \x1b[2K\u202e
    """
    return _escaped(" ".join(str(text)[: 4 * longest].split()))[:longest]


def many_lines(text: str) -> str:
    r"""Write a text in lines that end as ours do; a carriage return ends one too.

    >>> many_lines("10%\r50%\r\n\x07done")
    '10%\n50%\n\\x07done'
    """
    lines = re.split("\r\n|\r|\n", text)
    return "\n".join(_escaped(line.replace("\t", "    ")) for line in lines)


def _escaped(text: str) -> str:
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in _STEERING
        else character
        for character in text
    )
