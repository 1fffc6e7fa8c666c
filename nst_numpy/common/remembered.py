"""Dictionaries that remember the last few values."""

from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


def remember(known: dict[Key, Value], key: Key, value: Value, most: int) -> None:
    """Keep a value, and no more than `most` in all: the oldest go. Threads may do so at once.

    >>> known = {}
    >>> for n in range(5):
    ...     remember(known, n, n * n, most=2)
    >>> known
    {3: 9, 4: 16}
    """
    while len(known) >= most:
        known.pop(next(iter(list(known)), key), None)
    known[key] = value
