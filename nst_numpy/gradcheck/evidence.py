"""What is known of a gradient: as it was returned, as it was measured, and more on request."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array64, Shape
from nst_numpy.common.moved import keep_former_names
from nst_numpy.gradcheck.diagnosis import Complaint
from nst_numpy.gradcheck.numerical import SMALL, relative_errors, settled_slope
from nst_numpy.gradcheck.pair import FunctionPair
from nst_numpy.gradcheck.slopes import Prober

DOUBTED = 30  # entries that stay wrong when they are measured again, with other steps
BLIND = 0.1  # of its size: an entry with so much rounding is not seen
TINY = 1e3  # roundings of the largest entry: so small an entry is not known from 0
CLEARLY = 0.01  # of its size: by more, an entry is wrong even if others are far larger

FAR = 1e3  # a move that makes an entry the largest, or the smallest
_Result = TypeVar("_Result")


def random_upstream(shape: Shape, rng: np.random.Generator) -> Array64:
    """Draw an upstream gradient: both signs, no entry near 0."""
    return np.asarray(rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.5, shape))


class GradientStudy:
    """One check: the functions, what they gave, and a `Case` for each argument."""

    def __init__(self, pair: FunctionPair, tolerance: float, kinks: str) -> None:
        self.pair, self.tolerance, self.kinks = pair, tolerance, kinks
        self.eps = 0.0
        self.out: Array64 = np.empty(0)
        self.upstream: Array64 = np.empty(0)
        self.cases: dict[str, Case] = {}

    def backward(self, upstream: Array64) -> dict[str, Array64 | None]:
        """Ask backward about another upstream gradient; None where it fails."""
        try:
            return self.pair.backward(upstream)
        except Complaint:
            return dict.fromkeys(self.pair.names)

    @cached_property
    def other_upstream(self) -> Array64:
        """Another random upstream gradient."""
        rng = np.random.default_rng([1, 1])  # no seed of the first one gives these numbers
        return random_upstream(self.out.shape, rng)

    @cached_property
    def of_other_upstream(self) -> dict[str, Array64 | None]:
        """What backward says to it."""
        return self.backward(self.other_upstream)


class Case:
    """What is known of one argument's gradient.

    Parameters
    ----------
    study : GradientStudy
        Has out and the upstream gradient by now.
    name : str
        The argument.
    entries : ndarray of int, (m,)
        Flat indices of the entries to measure.
    raw : ndarray or None
        What backward returned for it.

    Notes
    -----
    Vectors (k,) have one item for each entry that was measured and is at no kink.

    Attributes
    ----------
    analytic : ndarray or None
        As backward returned it, of whatever shape.
    errors : ndarray, (m,)
        Relative errors of all measured entries, those at kinks included; 0 at a kink if the
        gradient lies between the two sides.
    """

    def __init__(
        self, study: GradientStudy, name: str, entries: NDArray[np.intp], raw: NDArray[Any] | None
    ) -> None:
        self.study, self.name = study, name
        self.x: Array64 = study.pair.inputs[name]
        self.prober = Prober(study.pair, name, study.out, study.eps)
        self.slopes = self.prober.measure(entries, study.upstream)
        self.analytic = None if raw is None else raw.astype(np.float64)
        # float32 carries seven digits; the smallest entries are a hundredth of the largest
        rough = raw is not None and raw.dtype.kind == "f" and raw.dtype.itemsize < 8
        self.tolerance = max(study.tolerance, 1e3 * float(np.finfo(raw.dtype).eps) if rough else 0)  # type: ignore[union-attr]
        self.errors = self._errors()
        self._once: dict[Callable[[Case], Any], Any] = {}

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the argument."""
        return self.x.shape

    @property
    def comparable(self) -> bool:
        """Whether backward gave an array of the argument's shape."""
        return self.analytic is not None and self.analytic.shape == self.shape

    @property
    def complete(self) -> bool:
        """Whether every entry was measured, and none is at a kink."""
        return len(self.entries) == self.x.size

    @property
    def first(self) -> bool:
        """Whether this is the first argument: the layer's input, by custom."""
        return self.name == self.study.pair.names[0]

    @property
    def wrong(self) -> bool:
        """Whether some entry is wrong."""
        return bool((self.errors > self.study.tolerance).any())

    @property
    def blind(self) -> int:
        """How many entries are less than ten times what rounding may be."""
        numeric, noise = np.abs(self.slopes.numeric), self.slopes.noise
        said = np.abs(self.spoken()) if self.comparable else numeric
        size = np.maximum(
            np.maximum(numeric, said), SMALL * np.append(numeric, said).max(initial=0.0)
        )
        if not size.any() and self._out_stays():
            return 0
        return int((noise > BLIND * size).sum())

    def spoken(self) -> Array64:
        """Return the analytic gradient of all measured entries, (m,)."""
        return np.asarray(self.analytic).reshape(-1)[self.slopes.entries]

    def _out_stays(self) -> bool:
        """Whether out stays as it is even if the whole argument moves far."""
        try:
            out = self.study.pair.forward(**{self.name: 2 * self.x + 1})
        except Complaint:
            return False
        return np.array_equal(out, self.out)

    @cached_property
    def entries(self) -> NDArray[np.intp]:
        """Flat indices, (k,)."""
        return self.slopes.entries[self.slopes.smooth]

    @cached_property
    def places(self) -> tuple[NDArray[np.intp], ...]:
        """The same as indices on each axis, (k,) each."""
        return np.unravel_index(self.entries, self.shape)

    @cached_property
    def a(self) -> Array64:
        """The analytic gradient, (k,)."""
        return self.at(self.analytic)

    @cached_property
    def n(self) -> Array64:
        """The numerical gradient, (k,)."""
        return self.slopes.numeric[self.slopes.smooth]

    @cached_property
    def columns(self) -> Array64 | None:
        """∂out/∂entry, (M, k); None if that was too large to keep."""
        columns = self.slopes.columns
        return None if columns is None else columns[:, self.slopes.smooth]

    @property
    def upstream(self) -> Array64:
        """grad_out, shaped like out."""
        return self.study.upstream

    @property
    def out(self) -> Array64:
        """Forward's out."""
        return self.study.out

    def at(self, array: Any) -> Array64:
        """Pick the measured entries: an array shaped like the argument -> (k,)."""
        return np.asarray(array, dtype=np.float64).reshape(-1)[self.entries]

    def right_for(self, upstream: Array64) -> Array64 | None:
        """Return what a right backward would say to another upstream gradient, (k,)."""
        return None if self.columns is None else upstream.ravel() @ self.columns

    def spread(self, values: Array64) -> Array64:
        """Put measured values at their places in an array shaped like the argument."""
        full = np.full(self.x.size, np.nan)
        full[self.slopes.entries] = values
        return full.reshape(self.shape)

    def once(self, function: Callable[["Case"], _Result]) -> _Result:
        """Return what a function says of this case; it is called the first time only."""
        if function not in self._once:
            self._once[function] = function(self)
        found: _Result = self._once[function]
        return found

    def said_to(self, upstream: Array64) -> Array64 | None:
        """Return what backward says to another upstream gradient, (k,)."""
        raw = self.study.backward(upstream)[self.name]
        return self.at(raw) if raw is not None and raw.shape == self.shape else None

    @cached_property
    def reach(self) -> NDArray[np.bool_] | None:
        """Which outputs an entry can change at all, if it moves far, (M, k)."""
        if self.columns is None:
            return None
        try:
            return self._reach()
        except Complaint:
            return None

    def _reach(self) -> NDArray[np.bool_]:
        assert self.columns is not None
        reach = np.zeros(self.columns.shape, dtype=bool)
        far = FAR * (1 + float(np.abs(self.x).max()))
        for j, i in enumerate(self.entries):
            place = np.unravel_index(i, self.shape)
            for value in (far, -far):
                x = self.x.copy()
                x[place] = value
                out = self.study.pair.forward(**{self.name: x}).ravel()
                if out.size == self.out.size:
                    reach[:, j] |= out != self.out.ravel()
        return reach

    def measured_with(self, few: NDArray[np.intp], /, **changed: Array64) -> Array64 | None:
        """Measure a few of the k entries for other values of other arguments; NaN elsewhere."""
        pair = self.study.pair
        try:
            out = pair.forward(**changed)
            if out.shape != self.out.shape:
                return None
            prober = Prober(pair, self.name, out, self.study.eps, **changed)
            measured = np.full(len(self.entries), np.nan)
            measured[few] = prober.measure(self.entries[few], self.upstream).numeric
            return measured
        except Complaint:
            return None

    def _errors(self) -> Array64:
        slopes = self.slopes
        if not self.comparable:
            return np.full(len(slopes.entries), np.nan)
        a = self.spoken()
        least = slopes.noise / self.tolerance
        # at a kink, every slope between the two sides is right
        target = np.where(slopes.smooth, slopes.numeric, np.clip(a, slopes.low, slopes.high))
        errors = self._relative(a, target, least)
        stay = 0
        for j in np.argsort(-errors):
            if not errors[j] > self.study.tolerance or stay == DOUBTED:
                break
            if slopes.smooth[j]:
                target[j], doubt = self._settled(int(j))
                least[j] += doubt / self.tolerance
                stay += self._relative(a, target, least)[j] > self.study.tolerance
        return self._beside_larger(a, target, self._relative(a, target, least))

    def _beside_larger(self, a: Array64, target: Array64, errors: Array64) -> Array64:
        """Mark the entries that are clearly wrong, but small beside the largest (1/x near 0)."""
        size = np.maximum(np.abs(a), np.abs(target))
        largest = size.max(initial=0.0, where=np.isfinite(size))
        known = TINY * float(np.finfo(self.study.pair.precision).eps) * largest
        off = np.abs(a - target)
        passed = self.slopes.smooth & (size < SMALL * largest) & (errors <= self.study.tolerance)
        doubted = passed & (off > CLEARLY * size) & (off > np.maximum(self.slopes.noise, known))
        for j in np.flatnonzero(doubted)[:DOUBTED]:
            slope, doubt = self._settled(int(j))
            own, most = abs(a[j] - slope), max(abs(a[j]), abs(slope))
            if own > max(CLEARLY * most, doubt, known):
                errors[j] = own / most
        return errors

    def _relative(self, a: Array64, target: Array64, least: Array64) -> Array64:
        errors = relative_errors(a, target, least) * (self.study.tolerance / self.tolerance)
        return np.where(np.isfinite(a) & np.isfinite(target), errors, np.inf)

    def _settled(self, j: int) -> tuple[float, float]:
        """Measure again: the numerical gradient, and how far it may be off."""
        i, g = int(self.slopes.entries[j]), self.upstream.ravel()
        longest = float(self.prober.steps[i])
        _, _, slopes, least = self.prober.at_step(i, longest)

        def slope_at(step: float) -> tuple[float, float]:
            _, _, slope, rounding = self.prober.at_step(i, step)
            # an output that the longest step did not move is known as well from then on
            return float(g @ slope), float(np.abs(g) @ np.where(slopes == 0, least, rounding))

        slope, doubt = settled_slope(slope_at, longest)
        if abs(slope - self.slopes.numeric[j]) > doubt:
            self.slopes.numeric[j] = slope
        return float(self.slopes.numeric[j]), doubt


keep_former_names(__name__, {"Study": "GradientStudy"})
