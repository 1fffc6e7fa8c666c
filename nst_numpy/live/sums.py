"""A number as a sum: the largest parts, the rest, and whether they add up."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nst_numpy.common.arrays import Array64

MOST = 12  # parts that are shown
ENOUGH = 1e-6  # how well parts must add up, as a share of the number
Ask = dict[str, Any]


def number(value: float) -> str:
    """Write a number as the page does: four digits, and a minus as long as a plus.

    >>> number(-0.123456), number(-0.0)
    ('−0.1235', '0')
    """
    return f"{value + 0.0:.4g}".replace("-", "\N{MINUS SIGN}")


def plus(values: Sequence[float]) -> str:
    """Write a sum: what is negative is in brackets.

    >>> plus([1, -2.5])
    '1 + (−2.5)'
    """
    first, *others = map(number, values)
    return " + ".join([first, *(f"({w})" if w[0] == "\N{MINUS SIGN}" else w for w in others)])


@dataclass(frozen=True)
class Part:
    """A part of a sum.

    Attributes
    ----------
    name : str
    value : float
    how : str
        The product that it is, in numbers; empty where it is none.
    ask : dict, optional
        The question that takes it apart.
    """

    name: str
    value: float
    how: str = ""
    ask: Ask | None = None


@dataclass(frozen=True)
class Sum:
    """A number and its parts.

    Attributes
    ----------
    name : str
        In which way it is divided: "by channel".
    value : float
        The number, computed in another way than by adding up.
    parts : list of Part
        The largest, largest first.
    rest : float
        All others together.
    others : int
        How many they are.
    """

    name: str
    value: float
    parts: list[Part]
    rest: float = 0.0
    others: int = 0

    @property
    def total(self) -> float:
        """What the parts and the rest add up to."""
        return math.fsum([*(part.value for part in self.parts), self.rest])

    @property
    def error(self) -> float:
        """How far that is from the number, as a share of it; of 0 the distance itself."""
        return abs(self.total - self.value) / (abs(self.value) or 1.0)

    @property
    def adds_up(self) -> bool:
        """Whether it is as near as it must be."""
        return self.error <= ENOUGH

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            "name": self.name, "value": self.value, "total": self.total, "error": self.error,
            "addsUp": self.adds_up, "rest": self.rest, "others": self.others,
            "parts": [vars(part) for part in self.parts],
        }  # fmt: skip


def split(
    name: str, value: float, terms: Array64, describe: Callable[..., Part], most: int = MOST
) -> Sum:
    """Show the largest terms of a sum, and the rest as one number.

    Parameters
    ----------
    name : str
    value : float
        What they should add up to.
    terms : ndarray, float64
        Of any shape.
    describe : callable
        (index, value) -> Part.
    most : int

    Examples
    --------
    >>> found = split("by term", 6.0, np.array([1.0, 3.0, 2.0]), lambda i, v: Part(f"{i}", v), 2)
    >>> [part.name for part in found.parts], found.rest, found.others, found.adds_up
    (['(1,)', '(2,)'], 1.0, 1, True)
    """
    flat = np.asarray(terms, np.float64).ravel()
    order = np.argsort(-np.abs(flat), kind="stable")
    shown = [int(i) for i in order[:most] if flat[i] != 0]
    hidden = np.delete(flat, shown)
    parts = [
        describe(tuple(int(k) for k in np.unravel_index(i, terms.shape)), float(flat[i]))
        for i in shown
    ]
    return Sum(name, float(value), parts, math.fsum(hidden), int(np.count_nonzero(hidden)))


@dataclass
class Answer:
    """What the page shows of one question.

    Attributes
    ----------
    title : str
    say : list of str
        In plain words.
    value : float, optional
    formula : list of str
        First in letters, then with the numbers plugged in.
    sums : list of Sum
    pictures : list of dict
        name, uri, and what a click on it asks.
    links : list of dict
        name, ask: other questions about the same number.
    code : list of dict
        The lines that compute it: see `code.lines_of`.
    """

    title: str
    say: list[str] = field(default_factory=list)
    value: float | None = None
    formula: list[str] = field(default_factory=list)
    sums: list[Sum] = field(default_factory=list)
    pictures: list[dict[str, Any]] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)
    code: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return vars(self) | {"sums": [each.as_dict() for each in self.sums]}
