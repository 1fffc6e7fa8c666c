"""What a mistake probably is, and how sure that is."""

from dataclasses import dataclass
from typing import Any

WORDS = ((0.9, "almost certainly"), (0.7, "very likely"), (0.4, "probably"), (0.0, "perhaps"))


@dataclass(frozen=True)
class Diagnosis:
    """One explanation of what is wrong.

    Attributes
    ----------
    name : str
        A short name: "factor", "sign", "transposed", … docs/gradcheck lists them.
    sentence : str
        What the mistake is, and where to look for it.
    confidence : float
        From 0 to 1.
    argument : str
        Whose gradient it explains; empty if it is about the functions as a whole.
    evidence : str
        What it was concluded from.
    """

    name: str
    sentence: str
    confidence: float
    argument: str = ""
    evidence: str = ""

    @property
    def certainty(self) -> str:
        """The confidence in words.

        >>> Diagnosis("sign", "The sign is wrong.", 0.97).certainty
        'almost certainly'
        """
        return next(word for least, word in WORDS if self.confidence >= least)

    def __str__(self) -> str:
        head = f"{self.name} ({self.certainty}, {100 * self.confidence:.0f} %)"
        where = f" in {self.argument}" if self.argument else ""
        tail = f"\n  because: {self.evidence}" if self.evidence else ""
        return f"{head}{where}: {self.sentence}{tail}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


class Complaint(Exception):  # noqa: N818 (it is caught, and becomes a diagnosis)
    """The functions cannot be checked any further; `diagnosis` says why."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        super().__init__(diagnosis.sentence)
        self.diagnosis = diagnosis


def nothing_compared(why: str, argument: str = "") -> Diagnosis:
    """Say that a check has not compared a single number: that is no pass."""
    return Diagnosis("nothing-compared", f"Nothing was compared: {why}", 1.0, argument)


def not_finite_slopes(argument: str, count: int, of: int) -> Diagnosis:
    """Say that forward itself gives no slope to compare with."""
    return Diagnosis(
        "not-finite",
        "The numerical slope is NaN or infinite, so nothing can be compared there: however short "
        "the step, it leaves the function's domain. Choose other inputs.",
        1.0,
        argument,
        f"{count} of {of} slopes are",
    )
