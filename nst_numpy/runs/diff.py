"""Why two runs differ: what they were given, what they were made by, and where they part.

Two runs that are given the same begin with the same J. The terms of J are compared iteration by
iteration, in the order in which the network computes them: the first that differs, and its layer,
say where the difference comes in.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nst_numpy.common.text import counted, table
from nst_numpy.errors import SettingError
from nst_numpy.files import PathLike, expand_input
from nst_numpy.runs.folder import HISTORY
from nst_numpy.runs.journal import is_entry
from nst_numpy.runs.record import Record, read_record

MOST_BYTES = 2**26  # of a history
Pair = tuple[Any, Any]


class KeptRun(NamedTuple):
    """What a folder says of a run: its record, and its history so far."""

    record: Record
    history: list[dict[str, Any]]


class Parting(NamedTuple):
    """Where a term of J differs for the first time.

    Attributes
    ----------
    iteration : int
    size : str
        Of the picture there: "256×171".
    term, layer : str
        "style/relu1_1" and "relu1_1"; layer is "" for a term of none.
    values : (float, float)
    """

    iteration: int
    size: str
    term: str
    layer: str
    values: tuple[float, float]

    @property
    def relative(self) -> float:
        """The difference, by the larger of the two."""
        one, other = self.values
        return abs(one - other) / (max(abs(one), abs(other)) or 1.0)


@dataclass(frozen=True)
class RunDifference:
    """In what two runs differ.

    Attributes
    ----------
    settings, used, files, inputs, made_by, ended : dict of str to (value, value)
        Names, and both values; None where one has none. `used` is what the settings came to.
    partings : list of Parting
        For each term of J that differs, where it does so first; by iteration, and from the lowest
        layer upwards.
    compared : int
        Iterations that both have.
    same_picture : bool or None
        None where one has no picture yet.
    """

    settings: dict[str, Pair] = field(default_factory=dict)
    used: dict[str, Pair] = field(default_factory=dict)
    files: dict[str, Pair] = field(default_factory=dict)
    inputs: dict[str, Pair] = field(default_factory=dict)
    made_by: dict[str, Pair] = field(default_factory=dict)
    ended: dict[str, Pair] = field(default_factory=dict)
    partings: list[Parting] = field(default_factory=list)
    compared: int = 0
    same_picture: bool | None = None

    @property
    def is_none(self) -> bool:
        """Whether the two gave the same, to the bit, all the way."""
        return not self.partings and not self.ended and self.same_picture is not False

    def as_text(self) -> str:
        """Write it in lines: what was given, what it was made by, where J parts."""
        lines = [
            *_section("settings", self.settings | self.used),
            *_section("inputs", {name: self._named(name) for name in self.inputs}),
            *_section("made by", self.made_by),
            *_section("ended", self.ended),
            f"J: {self._about_terms()}",
        ]
        if self.partings:
            rows = [("term", "iteration", "here", "there", "apart")]
            rows += [
                (p.term, str(p.iteration), f"{p.values[0]:.9g}", f"{p.values[1]:.9g}",
                 f"{p.relative:.1e}")
                for p in self.partings
            ]  # fmt: skip
            lines += ["", table(rows, right="-rrrr"), ""]
        said = {None: "one of them is missing", True: "the same to the bit", False: "not the same"}
        return "\n".join([*lines, f"picture: {said[self.same_picture]}"])

    def _named(self, name: str) -> Pair:
        """Return what two inputs are called, and the beginnings of their SHA-256."""
        names = self.files.get(name, ("", ""))
        one, other = (
            f"{n or ''} {str(d)[:12]}…".strip()
            for n, d in zip(names, self.inputs[name], strict=True)
        )
        return one, other

    def _about_terms(self) -> str:
        if not self.partings:
            return f"the same to the bit in {counted(self.compared, 'iteration')}"
        first = self.partings[0]
        where = f" in layer {first.layer}" if first.layer else ""
        same = first.iteration - 1
        before = f"the same to the bit in {counted(same, 'iteration')}, then " if same else ""
        return (
            f"{before}{first.term} differs first{where}, iteration {first.iteration} at "
            f"{first.size}"
        )


def read_run(folder: PathLike) -> KeptRun:
    """Read a run's folder: its record, and its history so far.

    Raises
    ------
    SettingError
        It is not the folder of a run, or cannot be read.
    """
    record = read_record(folder)
    file = expand_input(folder, SettingError) / HISTORY
    try:
        if not file.exists():
            return KeptRun(record, [])
        if file.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES >> 20} megabytes")
        history = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(history, list) or not all(map(is_entry, history)):
            raise ValueError("it has entries that are none")
        return KeptRun(record, history)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise SettingError(f"{file} cannot be read ({reason[:200]}): run it again") from error


def diff_runs(one: KeptRun, other: KeptRun) -> RunDifference:
    """Say in what two runs differ.

    Examples
    --------
    >>> entry = {"iteration": 1, "height": 8, "width": 9, "loss": 3.0, "terms": {"tv": 3.0}}
    >>> runs = [KeptRun(Record(settings={"tv_weight": w}), [entry | {"terms": {"tv": 3.0 * w}}])
    ...         for w in (1, 2)]
    >>> difference = diff_runs(*runs)
    >>> difference.settings, difference.partings[0].term, difference.partings[0].iteration
    ({'tv_weight': (1, 2)}, 'tv', 1)
    """
    a, b = one.record, other.record
    images = [record.result.get("image") for record in (a, b)]
    settings = _unlike(a.settings, b.settings)
    used = {n: p for n, p in _unlike(a.used, b.used).items() if n not in settings}
    ended = _unlike(*({"passes": record.result.get("passes")} for record in (a, b)))
    return RunDifference(
        settings,
        used,
        _unlike(a.files, b.files),
        _unlike(a.inputs, b.inputs),
        _unlike(a.made_by, b.made_by),
        ended,
        partings(one.history, other.history),
        min(len(one.history), len(other.history)),
        images[0] == images[1] if all(images) else None,
    )


def partings(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> list[Parting]:
    """Find for each term of J the iteration in which two histories differ first.

    Examples
    --------
    >>> a = [{"iteration": n, "height": 8, "width": 9, "terms": {"tv": 3.0}} for n in (1, 2)]
    >>> b = [a[0], a[1] | {"terms": {"tv": 4.0}}]
    >>> [(each.term, each.iteration, each.values) for each in partings(a, b)]
    [('tv', 2, (3.0, 4.0))]
    """
    found: dict[str, Parting] = {}
    for entry, beside in zip(one, other, strict=False):
        if (entry["height"], entry["width"]) != (beside["height"], beside["width"]):
            break  # from here on they are not about the same
        size = f"{entry['width']}×{entry['height']}"
        for term in dict.fromkeys([*entry["terms"], *beside["terms"]]):
            values = entry["terms"].get(term, 0.0), beside["terms"].get(term, 0.0)
            if values[0] != values[1] and term not in found:
                layer = term.partition("/")[2]
                found[term] = Parting(int(entry["iteration"]), size, term, layer, values)
    return list(found.values())


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Pair]:
    """Return what differs, by its name; tables within tables name by name."""
    found: dict[str, Pair] = {}
    for name in dict.fromkeys([*one, *other]):
        a, b = one.get(name), other.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            found |= {f"{name}.{inner}": pair for inner, pair in _unlike(a, b).items()}
        elif a != b:
            found[name] = (a, b)
    return found


def _section(title: str, pairs: Mapping[str, Pair]) -> list[str]:
    if not pairs:
        return [f"{title}: the same"]
    return [f"{title}:", *(f"  {name}: {_show(a)}, {_show(b)}" for name, (a, b) in pairs.items())]


def _show(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.9g}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_show, value)) + "]"
    return str(value)
