"""Whose code is like whose: a reason to look, and no more.

Fingerprints of k-grams, winnowed, after Schleimer, Wilkerson and Aiken (2003), "Winnowing: local
algorithms for document fingerprinting", as MOSS has them.
"""

import io
import keyword
import tokenize
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import NamedTuple

GRAM = 10  # tokens
WINDOW = 4  # grams, of which the least hash is kept
FEWEST = 12  # fingerprints in common, below which nothing is said
LEAST = 0.8  # of the shorter one's rare fingerprints
COMMON = 0.2  # of the class: what more of it have is how one writes it
_LEFT_OUT = (
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING),
    *(tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
)


class Alike(NamedTuple):
    """Two students whose code is nearly the same, and what share of it."""

    one: str
    other: str
    share: float
    common: int


def fingerprint(sources: Iterable[str]) -> tuple[int, ...]:
    r"""Take the fingerprints of code: the same whatever names, comments and spaces it has.

    Parameters
    ----------
    sources : iterable of str
        The pieces of one answer; of one that is not Python, what comes before the fault.

    Returns
    -------
    tuple of int
        32-bit hashes, in order, each once.

    Examples
    --------
    >>> one = "def f(x):\n    return [v * v + 1 for v in x]\n"
    >>> other = "def f(row):  # squares\n  return [item * item + 1 for item in row]\n"
    >>> fingerprint([one]) == fingerprint([other])
    True
    """
    found: set[int] = set()
    for source in sources:
        words = _words(source)
        grams = [
            zlib.crc32(" ".join(words[i : i + GRAM]).encode("utf-8"))
            for i in range(len(words) - GRAM + 1)
        ]
        found |= {min(grams[i : i + WINDOW]) for i in range(max(len(grams) - WINDOW + 1, 0))}
    return tuple(sorted(found))


def find_alike(prints: Mapping[str, Iterable[int]]) -> list[Alike]:
    """Find pairs of students with nearly the same code, the most alike first.

    Parameters
    ----------
    prints : mapping of str to iterable of int
        The fingerprints of each student's answer to one assignment.

    Notes
    -----
    What more than a fifth of the class has, and more than two, does not count. So a group that
    is larger is not found, and short answers never are.
    """
    sets = {student: set(own) for student, own in prints.items()}
    having = Counter(mark for own in sets.values() for mark in own)
    most = max(2, int(COMMON * len(sets)))
    rare = {student: {m for m in own if having[m] <= most} for student, own in sets.items()}
    found = []
    for one, other in combinations(rare, 2):
        common = len(rare[one] & rare[other])
        if common >= FEWEST:
            share = common / min(len(rare[one]), len(rare[other]))
            if share >= LEAST:
                found.append(Alike(one, other, share, common))
    return sorted(found, key=lambda pair: (-pair.share, -pair.common))


def _words(source: str) -> list[str]:
    """List the tokens; a name of one's own becomes "n", a text "s"."""
    words: list[str] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in _LEFT_OUT:
                continue
            own = token.type == tokenize.NAME and not keyword.iskeyword(token.string)
            if own and words[-1:] != ["."]:  # .sum and .reshape are not the student's own
                words.append("n")
            else:
                words.append("s" if token.type == tokenize.STRING else token.string)
    except (tokenize.TokenError, SyntaxError):
        pass
    return words
