"""What a check found: a number for each argument, a table, and the diagnosis."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array64, Index, Shape
from nst_numpy.common.shown import Shown
from nst_numpy.common.text import table
from nst_numpy.errors import GradientError
from nst_numpy.gradcheck.diagnosis import Diagnosis


class WorstError(float):
    """The worst relative error of all arguments: a number that knows where it is.

    Attributes
    ----------
    argument : str
    index : tuple of int or None
    analytic, numeric : float
    """

    argument: str
    index: Index | None
    analytic: float
    numeric: float

    def __new__(cls, row: "ArgumentReport") -> "WorstError":
        """Take the number and its place from a row."""
        self = super().__new__(cls, row.worst)
        self.argument, self.index = row.name, row.index
        self.analytic, self.numeric = row.analytic, row.numeric
        return self


@dataclass(frozen=True)
class ArgumentReport:
    """What was found of one argument's gradient.

    Attributes
    ----------
    name : str
    shape : tuple of int
    analytic_map : ndarray or None
        The gradient that was checked; None if there was none.
    numeric_map : ndarray, shaped like the argument
        The numerical gradient; NaN where it was not computed.
    error_map : ndarray, shaped like the argument
        Relative errors; NaN where nothing was compared.
    kinks : int
        Entries at a kink: there, any slope between those of the two sides is right.
    blind : int
        Entries so small beside the output that rounding hides them: of these the check says
        little.
    tolerance : float
    """

    name: str
    shape: Shape
    analytic_map: NDArray[np.floating] | None
    numeric_map: Array64
    error_map: Array64
    kinks: int
    blind: int
    tolerance: float

    @property
    def entries(self) -> int:
        """How many entries the argument has."""
        return int(np.prod(self.shape))

    @property
    def checked(self) -> int:
        """How many of them were compared."""
        return int((~np.isnan(self.error_map)).sum())

    @property
    def wrong(self) -> int:
        """How many were wrong."""
        return int((self.error_map > self.tolerance).sum())

    @property
    def worst(self) -> float:
        """The largest relative error; NaN if nothing could be compared."""
        return float(np.nanmax(self.error_map)) if self.checked else float("nan")

    @property
    def index(self) -> Index | None:
        """Where the largest relative error is."""
        if not self.checked:
            return None
        place = np.unravel_index(np.nanargmax(self.error_map), self.shape)
        return tuple(int(i) for i in place)

    @property
    def analytic(self) -> float:
        """The checked gradient there."""
        if self.index is None or self.analytic_map is None:
            return float("nan")
        return float(self.analytic_map[self.index])

    @property
    def numeric(self) -> float:
        """The numerical gradient there."""
        return float("nan") if self.index is None else float(self.numeric_map[self.index])

    def chance_to_notice(self, share: float = 0.01) -> float:
        """Return the probability that this check would see `share` of all entries be wrong.

        Entries are drawn at random without repetition, so it is 1 minus the chance that none
        of the wrong ones was drawn (the hypergeometric distribution).

        Examples
        --------
        >>> ones = np.full(10_000, np.nan)
        >>> ones[:500] = 0.0
        >>> row = ArgumentReport("x", (10_000,), ones, ones, ones, 0, 0, 1e-6)
        >>> round(row.chance_to_notice(0.01), 4)
        0.9942
        """
        wrong = int(np.ceil(share * self.entries))
        # one wrong entry after the other escapes
        left = self.entries - np.arange(min(wrong, self.entries))
        return float(1 - np.prod(np.clip((left - self.checked) / left, 0, 1)))

    @property
    def ok(self) -> bool:
        """Whether every entry that was compared is right, and there was one."""
        return self.wrong == 0 and self.checked > 0


@dataclass(frozen=True, repr=False)
class GradientReport(Shown):
    """What `check_gradient` and `check_backward` found.

    Attributes
    ----------
    arguments : dict of str to ArgumentReport
    diagnoses : tuple of Diagnosis
        What is wrong, the most probable explanation first. Empty if nothing is.
    name : str
        What was checked.
    unchecked : tuple of str
        Arrays of whole numbers beside those of floats: labels, which have no gradient.
    notes : tuple of str
        What else there is to know, a sentence each.

    Notes
    -----
    `print(report)` shows a table, and so does a notebook; `figures.gradcheck_figure(report)` draws
    maps of the errors.
    """

    arguments: Mapping[str, ArgumentReport]
    diagnoses: tuple[Diagnosis, ...] = ()
    name: str = "gradient"
    unchecked: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything that was checked is right, and something was."""
        rows = self.arguments.values()
        return not self.diagnoses and bool(rows) and all(row.ok for row in rows)

    @property
    def worst(self) -> WorstError:
        """The worst relative error of all arguments, with its place."""
        rows = sorted(
            self.arguments.values(), key=lambda row: -1.0 if np.isnan(row.worst) else row.worst
        )
        return WorstError(rows[-1])

    @property
    def diagnosis(self) -> Diagnosis | None:
        """The most probable explanation; None if nothing is wrong."""
        return self.diagnoses[0] if self.diagnoses else None

    def raise_if_wrong(self) -> None:
        """Raise a `GradientError` that says what is wrong and where.

        Raises
        ------
        GradientError
            If `ok` is False.
        """
        if not self.ok:
            raise GradientError(self._message())

    def record(self) -> dict[str, Any]:
        """Return everything but the maps, for JSON."""
        rows = {
            row.name: {
                "shape": list(row.shape),
                "entries": row.entries,
                "checked": row.checked,
                "wrong": row.wrong,
                "worst_relative_error": _json_number(row.worst),
                "index": None if row.index is None else list(row.index),
                "analytic": _json_number(row.analytic),
                "numeric": _json_number(row.numeric),
                "kinks": row.kinks,
                "tolerance": row.tolerance,
            }
            for row in self.arguments.values()
        }
        diagnoses = [asdict(diagnosis) for diagnosis in self.diagnoses]
        return (
            {"name": self.name, "ok": self.ok, "arguments": rows, "diagnoses": diagnoses}
            | ({"unchecked": list(self.unchecked)} if self.unchecked else {})
            | ({"notes": list(self.notes)} if self.notes else {})
        )

    def _message(self) -> str:
        parts = [f"{self.name} {'is wrong' if self.verdict == 'WRONG' else 'was not checked'}"]
        worst = self.worst if self.arguments else None
        if worst is not None and worst.index is not None and self._is_wrong(worst):
            parts.append(
                f"{worst.argument}[{_show_index(worst.index)}] is {worst.analytic:.10g}, "
                f"should be {worst.numeric:.10g} (relative error {float(worst):.1e})"
            )
        parts.extend(str(diagnosis) for diagnosis in self.diagnoses[:2])
        return "\n".join(parts) if len(parts) > 2 else ": ".join(parts)

    @property
    def verdict(self) -> str:
        """Right, wrong, or not checked."""
        names = {diagnosis.name for diagnosis in self.diagnoses}
        if names == {"nothing-compared"} or not self.arguments:
            return "NOT CHECKED"
        return "right" if self.ok else "WRONG"

    def _is_wrong(self, worst: WorstError) -> bool:
        return bool(np.isfinite(worst.numeric) and worst > self.arguments[worst.argument].tolerance)

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.verdict}", "", self._table()]
        for row in self.arguments.values():
            if 0 < row.checked < row.entries:
                lines += ["", _sample_sentence(row)]
            if row.kinks:
                lines += ["", _kink_sentence(row)]
            if row.blind:
                lines += ["", _blind_sentence(row)]
        for argument in self.unchecked:
            lines += ["", f"{argument}: whole numbers, passed on and not checked; for a check give "
                      "floats"]  # fmt: skip
        for note in self.notes:
            lines += ["", note]
        for number, diagnosis in enumerate(self.diagnoses):
            lines += ["", f"{'diagnosis' if number == 0 else 'or, or also'}: {diagnosis}"]
        return "\n".join(lines)

    def _in_words(self) -> str:
        return f"{self.name} is {self.verdict}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def _table(self) -> str:
        head = ("", "shape", "checked", "wrong", "worst error", "at", "analytic", "numeric")
        rows = [head]
        for row in self.arguments.values():
            at = "" if row.index is None else _show_index(row.index)
            values = (f"{row.analytic:.6g}", f"{row.numeric:.6g}") if row.checked else ("–", "–")
            rows.append(
                (
                    f"  {row.name}",
                    "×".join(map(str, row.shape)) or "number",
                    f"{row.checked} of {row.entries}",
                    str(row.wrong) if row.checked else "–",
                    f"{row.worst:.1e}" if row.checked else "–",
                    at,
                    *values,
                )
            )
        return table(rows, right="llrrrlrr")


def _json_number(value: float) -> float | None:
    """JSON has no NaN and no infinity."""
    return value if np.isfinite(value) else None


def _show_index(index: Index) -> str:
    return ", ".join(map(str, index))


def _sample_sentence(row: ArgumentReport) -> str:
    share, one = 100 * row.chance_to_notice(0.01), 100 * row.checked / row.entries
    return (
        f"{row.name}: {row.checked} of {row.entries} entries, drawn at random. If 1 % of them "
        f"were wrong, this would have found one with probability {percent(share)} %; if a single "
        f"one were, with probability {percent(one)} %."
    )


def percent(chance: float) -> str:
    """Write a probability without rounding it up to certainty.

    >>> percent(99.99996), percent(97.2411), percent(100.0), percent(0.00123456)
    ('more than 99.99', '97.24', '100', '0.001235')
    """
    return "more than 99.99" if 99.99 < chance < 100 else f"{chance:.4g}"


def _blind_sentence(row: ArgumentReport) -> str:
    return (
        f"{row.name}: of {row.blind} entries the check says little. The output is so large beside "
        "what they change that the change is lost in rounding: choose other inputs."
    )


def _kink_sentence(row: ArgumentReport) -> str:
    one = row.kinks == 1
    return (
        f"{row.name}: {row.kinks} entr{'y is' if one else 'ies are'} at a kink, where any slope "
        "between those of the two sides is right."
    )
