"""What a hypothesis says, and how well it explains what was found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array64
from nst_numpy.gradcheck.evidence import Case

FEWEST = 2  # entries that must be explained before anything is said


@dataclass(frozen=True)
class Guess:
    """One mistake that may have been made, with its numbers.

    Either `predicted` says what the gradient would be with that mistake, or `repaired` what
    it becomes when the mistake is undone. (k,) each, one item for each entry of the case that
    was measured; NaN where the hypothesis says nothing.

    Attributes
    ----------
    says : str
        What the mistake is.
    predicted, repaired : ndarray, (k,), or None
    evidence : str
    certainty : float
        How much a perfect fit proves, from 0 to 1.
    """

    says: str
    predicted: Array64 | None = None
    repaired: Array64 | None = None
    evidence: str = ""
    certainty: float = 1.0

    @property
    def claim(self) -> Array64:
        """What is predicted, or repaired, (k,)."""
        return np.asarray(self.repaired if self.predicted is None else self.predicted)

    def explains(self, case: Case) -> float:
        """Return the part of the error that is gone with this explanation, 0 to 1."""
        left = case.n - self.claim if self.predicted is None else case.a - self.claim
        known = np.isfinite(left)
        # an array of another shape says nothing at any entry
        wrong = case.a - case.n if case.comparable else case.n
        error = float(np.linalg.norm(wrong[known]))
        # a prediction that is all 0, where all is 0, explains nothing
        if error == 0 or (self._telling(case, known) < FEWEST and known.size > FEWEST):
            return 0.0
        return max(0.0, 1 - float(np.linalg.norm(left[known])) / error)

    def confidence(self, case: Case) -> float:
        """Return how sure this is: the better the fit and the more entries, the surer."""
        share = self.explains(case)
        fit = next((c for least, c in FITS if share >= least), 0.0)
        entries = self._telling(case, np.isfinite(self.claim))
        return float(fit * self.certainty * (1 - 0.5 ** max(entries, 1)))

    def _telling(self, case: Case, known: NDArray[np.bool_]) -> int:
        """Count the entries that are known and not 0 on both sides."""
        a = case.a if case.comparable else case.n
        return int((known & ((a != 0) | (case.n != 0))).sum())


# share of the error that is explained -> confidence
FITS = ((0.9999, 0.99), (0.999, 0.95), (0.99, 0.8), (0.95, 0.5), (0.8, 0.25))


@dataclass(frozen=True)
class Hypothesis:
    """A kind of mistake.

    Attributes
    ----------
    name : str
        Short; what `Diagnosis.name` is.
    lesson : str
        The line of thought that leads to the repair.
    guesses : callable
        Takes a `Case` and yields a `Guess` for each variant of the mistake.
    """

    name: str
    lesson: str
    guesses: Callable[[Case], Iterator[Guess]]


def axis_name(case: Case, axis: int, *, of_out: bool = False) -> str:
    """Name an axis, as the convention (channels last) has it for arrays of this rank.

    Weights and other arguments have numbers alone.
    """
    ndim = case.out.ndim if of_out else len(case.shape)
    names = AXES.get(ndim, ()) if case.first or of_out else ()
    names = names if channels_last(case) else ()
    return f"axis {axis}" + (f" ({names[axis]})" if names else "")


def channels_last(case: Case) -> bool:
    """Whether nothing speaks against channels last: a kernel would be (*kernel, C_in, C_out)."""
    pair = case.study.pair
    first, *others = (pair.inputs[name] for name in pair.names)
    kernels = [w for w in others if w.ndim == first.ndim > 2]
    return all(w.shape[-2] == first.shape[-1] for w in kernels)


AXES = {
    4: ("N", "H", "W", "C"),
    5: ("N", "D", "H", "W", "C"),
}
