"""How every output answers when one input entry moves, up and down.

Both directions are looked at. Where a function is smooth they agree; at a kink (a ReLU at 0, a
tie in a max-pool) they do not, however small the step, and there is no one right gradient:
any slope between the two is one (a subgradient).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array64
from nst_numpy.gradcheck.diagnosis import Complaint, Diagnosis
from nst_numpy.gradcheck.numerical import OUTSIDE, moved, step_inside, step_sizes
from nst_numpy.gradcheck.pair import FunctionPair

COLUMN_VALUES = 1 << 23  # outputs times entries that are kept for the diagnosis
ROUNDINGS = 50  # how many roundings of an output one evaluation is allowed
BENDS = 1e-3  # the two slopes differ by more than this part: bent, or broken
FINER = (10.0, 1000.0)  # steps this much smaller tell one from the other
# of a small entry beside large ones: steps that do not leave its surroundings
OWN_SIZE = (0.5, 1e-3, 1e-5)


@dataclass
class Kink:
    """One entry at which some outputs have one slope below and another above."""

    outputs: NDArray[np.intp]
    below: Array64
    above: Array64


@dataclass
class Slopes:
    """What was measured of one argument; one item for each entry that was moved.

    Attributes
    ----------
    entries : ndarray of int, (m,)
        Flat indices.
    numeric : ndarray, (m,)
        ∂J/∂entry with J = Σ upstream·out.
    noise : ndarray, (m,)
        How much of `numeric` may be rounding.
    low, high : ndarray, (m,)
        The slopes that a right gradient may have: different only at kinks.
    columns : ndarray, (M, m), or None if that would be too large
        ∂out/∂entry for each of the M outputs.
    kinks : dict of int to Kink
        By place in `entries`.
    """

    entries: NDArray[np.intp]
    numeric: Array64
    noise: Array64
    low: Array64
    high: Array64
    columns: Array64 | None
    kinks: dict[int, Kink] = field(default_factory=dict)

    @property
    def smooth(self) -> NDArray[np.bool_]:
        """Which entries are not at a kink, (m,)."""
        mask = np.ones(len(self.entries), dtype=bool)
        mask[list(self.kinks)] = False
        return mask


class Prober:
    """Moves entries of one argument and looks at the outputs.

    Parameters
    ----------
    pair : FunctionPair
    name : str
        The argument.
    out : ndarray
        forward's out where nothing has moved.
    eps : float
        Relative step, as in `numerical_gradient`.
    changed : mapping, optional
        Other values for some inputs.
    """

    def __init__(
        self, pair: FunctionPair, name: str, out: Array64, eps: float, /, **changed: Any
    ) -> None:
        self.pair, self.name, self.out, self.changed = pair, name, out, changed
        self.x = changed.get(name, pair.inputs[name])
        self.steps = step_sizes(self.x, eps).ravel()
        self.rounding = ROUNDINGS * float(np.finfo(pair.precision).eps)
        self.outside: Complaint | None = None  # what forward raised when an entry had moved

    def measure(self, entries: NDArray[np.intp], upstream: Array64) -> Slopes:
        """Move the entries one by one."""
        m, g = len(entries), upstream.ravel()
        columns = np.empty((g.size, m)) if g.size * m <= COLUMN_VALUES else None
        numeric, noise, low, high = np.empty((4, m))
        kinks = {}
        for j, i in enumerate(entries):
            slope, rounding, kink = self._slope(int(i))
            numeric[j], noise[j] = g @ slope, np.abs(g) @ rounding
            low[j] = high[j] = numeric[j]
            if kink is not None:
                kinks[j] = kink
                weights = g[kink.outputs]
                ends = np.stack([kink.below * weights, kink.above * weights])
                rest = numeric[j] - weights @ slope[kink.outputs]
                low[j], high[j] = rest + ends.min(0).sum(), rest + ends.max(0).sum()
            if columns is not None:
                columns[:, j] = slope
        if self.outside and not np.isfinite(numeric).any():
            raise self.outside
        return Slopes(entries, numeric, noise, low, high, columns, kinks)

    def both_sides(self, direction: Array64, step: float) -> tuple[Array64, Array64]:
        """Return ∂out along a direction, from below and from above, (M,) each."""
        up = self._out(self.x + step * direction)
        down = self._out(self.x - step * direction)
        here = self.out.ravel()
        return (here - down) / step, (up - here) / step

    def at_step(self, i: int, step: float) -> tuple[Array64, Array64, Array64, Array64]:
        """Return the slopes below, above and between, and their rounding, (M,) each."""
        place = np.unravel_index(i, self.x.shape)
        above_x, below_x = moved(self.x, place, step), moved(self.x, place, -step)
        up, down, here = self._out(above_x), self._out(below_x), self.out.ravel()
        over, under = above_x[place] - self.x[place], self.x[place] - below_x[place]
        rounding = self.rounding * (np.abs(up) + np.abs(down)) / (over + under)
        # what did not move at all is known to the last digit
        rounding[(up == down) & (up == here)] /= ROUNDINGS
        below, above = (here - down) / under, (up - here) / over
        slope = (up - down) / (over + under)
        # x ± h is rounded as well, and so is what forward makes of it on the way (x − mean)
        steepest = np.abs(above - below) + np.abs(slope)
        rounding += steepest * self.rounding * abs(self.x[place]) / step
        return below, above, slope, rounding

    def _out(self, x: Array64) -> Array64:
        try:
            out = self.pair.forward(**{**self.changed, self.name: x})
        except Complaint as complaint:
            if not isinstance(complaint.__cause__, OUTSIDE):
                raise
            self.outside = complaint  # math.log raises where np.log gives NaN
            return np.full(self.out.size, np.nan)
        if out.shape != self.out.shape:
            raise Complaint(
                Diagnosis(
                    "forward-result",
                    f"forward's out changes its shape with the values of {self.name}, from "
                    f"{self.out.shape} to {out.shape}: such a function has no gradient.",
                    1.0,
                    self.name,
                )
            )
        return out.ravel()

    def _slope(self, i: int) -> tuple[Array64, Array64, Kink | None]:
        below, above, slope, rounding = self.at_step(i, self.steps[i])
        if not self._is_inside(below, above):
            self.steps[i] = step_inside(
                lambda step: self._is_inside(*self.at_step(i, step)[:2]), float(self.steps[i])
            )
            below, above, slope, rounding = self.at_step(i, self.steps[i])
        jump = np.abs(above - below)
        with np.errstate(invalid="ignore"):
            bent = jump > BENDS * np.maximum(np.abs(above), np.abs(below)) + 4 * rounding
        if not bent.any():
            return slope, rounding, None
        # a kink keeps its jump in any step; a bend shrinks with the step, sooner or later
        largest = jump
        for step in self._finer_steps(i):
            ends = below, above
            below, above, fine, rough = self.at_step(i, step)
            left = np.abs(above - below)
            still = bent & (left > largest / 2) & (jump > 4 * rough)
            # slopes may be larger so near to the entry, and their difference with them
            still &= left > BENDS * np.maximum(np.abs(above), np.abs(below)) + 4 * rough
            settled = bent & ~still
            slope[settled], rounding[settled] = fine[settled], rough[settled]
            bent, largest = still, np.maximum(largest, left)
            if not bent.any():
                if step < self.steps[i] / FINER[-1]:
                    self.steps[i] = step  # longer ones say nothing about this entry
                return slope, rounding, None
            if step == self.steps[i] / FINER[0]:
                # one-sided slopes are wrong by a multiple of the step: take that away
                first = tuple(
                    (10 * new - old) / 9 for new, old in zip((below, above), ends, strict=True)
                )
        places = np.flatnonzero(bent)
        return slope, rounding, Kink(places, first[0][places], first[1][places])

    def _is_inside(self, below: Array64, above: Array64) -> bool:
        """Whether a step left no output of the function's domain that was there."""
        return bool(np.isfinite((below + above)[np.isfinite(self.out.ravel())]).all())

    def _finer_steps(self, i: int) -> Iterator[float]:
        for divisor in FINER:
            yield self.steps[i] / divisor
        size = abs(self.x.ravel()[i])
        if 0 < size < self.steps[i] / FINER[-1]:
            for part in OWN_SIZE:  # do not cross 0, where most kinks are
                yield part * size
