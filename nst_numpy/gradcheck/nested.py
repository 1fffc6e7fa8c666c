"""Dicts, lists and tuples that hold arrays: taken apart, put together, and copied.

What holds several arrays is a form with a `Leaf` in the place of each value, and the values by
name: {"w": w, "b": [b]} as an argument params has the leaves params['w'] and params['b'][0].
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Leaf:
    """The place of one value in a form."""

    name: str


def holds_arrays(value: Any) -> bool:
    """Whether a value is a dict, list or tuple with an array somewhere in it.

    >>> holds_arrays({"w": np.ones(2), "stride": 1}), holds_arrays([1.0, 2.0]), holds_arrays((2, 2))
    (True, False, False)
    """
    return any(isinstance(inner, np.ndarray) or holds_arrays(inner) for _, inner in _items(value))


def take_apart(value: Any, name: str, values: dict[str, Any], inside: bool = False) -> Any:
    """Put the values that are in it into `values`, by name; return the form.

    What holds no array is one value, but not inside of what holds some.

    >>> values = {}
    >>> take_apart({"w": np.ones(2), "sizes": (3, [4])}, "p", values)
    {'w': Leaf(name="p['w']"), 'sizes': (Leaf(name="p['sizes'][0]"), \
[Leaf(name="p['sizes'][1][0]")])}
    >>> take_apart((3, [4]), "sizes", values)
    Leaf(name='sizes')
    >>> values["sizes"]
    (3, [4])
    """
    if not holds_arrays(value) and not (inside and _items(value)):
        values[name] = value
        return Leaf(name)
    inner = [take_apart(one, f"{name}[{key!r}]", values, True) for key, one in _items(value)]
    return _like(value, inner)


def put_together(form: Any, value_of: Callable[[str], Any]) -> Any:
    """Return what has a form, with the values that `value_of` gives for the leaves' names."""
    if isinstance(form, Leaf):
        return value_of(form.name)
    return _like(form, [put_together(inner, value_of) for _, inner in _items(form)])


def collect(form: Any, value: Any, found: dict[str, Any]) -> None:
    """Put what stands in the places of a form's leaves into `found`; None where it is gone."""
    if isinstance(form, Leaf):
        found[form.name] = value
        return
    held = dict(_items(value))
    for key, inner in _items(form):
        collect(inner, held.get(key), found)


def leaves(form: Any) -> list[str]:
    """List the names of the leaves, in order."""
    if isinstance(form, Leaf):
        return [form.name]
    return [name for _, inner in _items(form) for name in leaves(inner)]


def copied(value: Any) -> Any:
    """Copy arrays, and all dicts, lists, tuples and sets around them; other objects stay."""
    if isinstance(value, (np.ndarray, set, bytearray)):
        return value.copy()
    if isinstance(value, (Mapping, list, tuple)):
        return _like(value, [copied(inner) for _, inner in _items(value)])
    return value


def _items(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, (list, tuple)) else []


def _like(value: Any, inner: list[Any]) -> Any:
    """Return a dict, list or tuple of the same kind, with other things in it."""
    if isinstance(value, Mapping):
        mapping = dict(zip(value, inner, strict=True))
        if type(value) is dict or not isinstance(value, dict):
            return mapping
        same = copy.copy(value)  # an OrderedDict, a defaultdict
        same.update(mapping)
        return same
    if isinstance(value, tuple) and hasattr(value, "_make"):
        return value._make(inner)  # a NamedTuple
    return tuple(inner) if isinstance(value, tuple) else list(inner)
