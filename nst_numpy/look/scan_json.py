"""The results of a scan as they come from a file that is not trusted.

Every value is looked at before it is used: its type, its size, and whether it fits the others.
What is wrong raises a ValueError that says where.
"""

import json
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

import numpy as np

from nst_numpy.common.arrays import Array, Integers
from nst_numpy.common.checks import is_whole
from nst_numpy.look.ranking import Ranking
from nst_numpy.vgg import PoolKind

MOST_BYTES = 2**26  # of a file; nine patches for each channel of each ReLU of VGG-19 are 6 MB
MOST_BLOCKS, MOST_IN_BLOCK = 7, 100  # of convolutions; seven pools leave one of 224 pixels
LARGEST = 2**31 - 1  # of whole numbers: k, channels, pixels
_MOST_DIGITS = 20  # of a whole number: Python takes the square of them as time

T = TypeVar("T")


class Parsed(NamedTuple):
    """A scan, checked: the arguments of `ScanSettings`, `Scanned`, `Skipped`, and rankings."""

    settings: dict[str, Any]
    pictures: list[tuple[Any, ...]]
    skipped: list[tuple[Any, ...]]
    rankings: dict[str, Ranking]


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    ValueError, OSError
        If it is no file of JSON, or is larger than `MOST_BYTES`.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is not a file")
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES >> 20} megabytes")
    try:
        return json.loads(content.decode("utf-8"), parse_int=_short_int)
    except (RecursionError, MemoryError) as error:
        raise ValueError("it is nested too deeply") from error


def parse(data: Any, version: str) -> Parsed:
    """Check what `TopPatches.to_json` returned.

    Raises
    ------
    ValueError
        With what is wrong, if it is something else.
    """
    whole = _fields(data, "it", ("format", "settings", "pictures", "skipped", "layers"))
    if whole["format"] != version:
        raise ValueError(f"its format is not {version!r}")
    settings = _settings(whole["settings"])
    sides: dict[str, Check] = {"height": _count, "width": _count}
    pictures = _records(whole["pictures"], "pictures", {"path": _text, **sides})
    skipped = _records(whole["skipped"], "skipped", {"path": _text, "reason": _text})
    if len({path for path, *_ in pictures}) < len(pictures):
        raise ValueError("a picture is listed twice")
    if not isinstance(whole["layers"], dict) or not whole["layers"]:
        raise ValueError("layers: no object with layers in it")
    rankings = {
        _text(name, "the name of a layer"): _ranking(layer, settings, len(pictures))
        for name, layer in whole["layers"].items()
    }
    return Parsed(settings, pictures, skipped, rankings)


def _short_int(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"it has a whole number of {len(digits)} digits")
    return int(digits)


# Checks of one value: they are given it and its place, and return it.
Check = Callable[[Any, str], Any]


def _settings(data: Any) -> dict[str, Any]:
    checks: dict[str, Check] = {
        "k": _count,
        "size": lambda value, place: None if value is None else _count(value, place),
        "one_per_picture": _one_of((True, False)),
        "convolutions": _convolutions,
        "pool": _one_of(get_args(PoolKind)),
        "dtype": _one_of(("float32", "float64")),
        "network": _text,
    }
    return _record(data, "settings", checks)


def _convolutions(value: Any, place: str) -> tuple[int, ...]:
    counts = tuple(_count(each, place) for each in _list(value, place))
    if not 1 <= len(counts) <= MOST_BLOCKS or max(counts) > MOST_IN_BLOCK:
        raise ValueError(f"{place}: no network has so many blocks or layers")
    return counts


def _ranking(data: Any, settings: Mapping[str, Any], pictures: int) -> Ranking:
    """Read a layer's ranking; a patch of a picture that is not listed is an error."""
    layer = _fields(data, "a layer", ("channels", "patches"))
    channels = tuple(_index(each, "channels") for each in _list(layer["channels"], "channels"))
    rows = [_list(each, "patches") for each in _list(layer["patches"], "patches")]
    widths = {len(patches) for patches in rows}
    if len(widths) != 1 or len(rows) != len(channels) or len(set(channels)) < len(channels):
        raise ValueError("the lists of patches differ in length, or are not one for each channel")
    (width,) = widths
    if width > settings["k"]:
        raise ValueError(f"a channel has {width} patches, more than {settings['k']}")
    checks: dict[str, Check] = {
        "value": _number, "picture": _index, "row": _index, "col": _index, "box": _list,
    }  # fmt: skip
    patches = [_record(each, "a patch", checks) for patches in rows for each in patches]

    def column(key: str, dtype: Any) -> Any:
        # (channels * n,) -> (channels, n)
        with np.errstate(over="ignore"):  # seen by `_check_ranks`
            values = np.array([patch[key] for patch in patches], dtype)
        return values.reshape(len(channels), width)

    value, item = column("value", settings["dtype"]), column("picture", np.intp)
    _check_ranks(value, item, pictures)
    position = np.stack([column("row", np.intp), column("col", np.intp)], axis=-1)
    return Ranking(channels, value, item, position)


def _check_ranks(value: Array, item: Integers, pictures: int) -> None:
    if item.size and item.max() >= pictures:
        raise ValueError("a patch is of a picture that is not listed")
    if not np.isfinite(value).all() or (value[:, 1:] > value[:, :-1]).any():
        raise ValueError("the values of a channel are not finite numbers, largest first")


def _fields(value: Any, place: str, names: Sequence[str]) -> dict[str, Any]:
    """Refuse what is no object with exactly these fields."""
    if not isinstance(value, dict):
        raise ValueError(f"{place}: no object")
    missing = [name for name in names if name not in value]
    if missing:
        raise ValueError(f"{place}: {', '.join(missing)} missing")
    if len(value) > len(names):
        raise ValueError(f"{place}: has more than {', '.join(names)}")
    return value


def _record(value: Any, place: str, checks: Mapping[str, Check]) -> dict[str, Any]:
    fields = _fields(value, place, tuple(checks))
    return {name: check(fields[name], f"{place}: {name}") for name, check in checks.items()}


def _records(value: Any, place: str, checks: Mapping[str, Check]) -> list[tuple[Any, ...]]:
    return [tuple(_record(each, place, checks).values()) for each in _list(value, place)]


def _list(value: Any, place: str) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{place}: no list")
    return value


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(f"{place}: no text")
    try:
        os.fsencode(value)  # half a letter is none, unless a file's name has it
    except UnicodeEncodeError as error:
        raise ValueError(f"{place}: no text") from error
    return value


def _index(value: Any, place: str) -> int:
    if not is_whole(value, 0) or value > LARGEST:
        raise ValueError(f"{place}: no whole number from 0 to {LARGEST}")
    return int(value)


def _count(value: Any, place: str) -> int:
    if _index(value, place) < 1:
        raise ValueError(f"{place}: must be at least 1")
    return int(value)


def _number(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        raise ValueError(f"{place}: no finite number")
    return value


def _one_of(choices: Sequence[T]) -> Callable[[Any, str], T]:
    def check(value: Any, place: str) -> T:
        for choice in choices:
            if type(value) is type(choice) and value == choice:
                return choice
        raise ValueError(f"{place}: not one of {', '.join(map(str, choices))}")

    return check
