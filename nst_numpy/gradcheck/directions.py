"""The gradient of something large: not entry by entry, but along random directions."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array64
from nst_numpy.common.checks import is_whole
from nst_numpy.errors import SettingError
from nst_numpy.gradcheck.diagnosis import Diagnosis, not_finite_slopes, nothing_compared
from nst_numpy.gradcheck.numerical import (
    WELL_INSIDE,
    check_eps,
    one_number,
    relative_errors,
    settled_slope,
    step_inside,
    value_inside,
)
from nst_numpy.gradcheck.report import ArgumentReport, GradientReport, percent
from nst_numpy.gradcheck.returned import as_numbers

ROUNDINGS = 50
PRECISION = float(np.finfo(np.float64).eps)
ANOTHER = 1e-9  # of f: what changes by more is no rounding
BLIND = 0.1  # of the gradient's length: so much rounding hides it


def check_directions(
    f: Callable[[Array64], Any],
    x: NDArray[np.floating],
    grad: NDArray[np.floating],
    *,
    directions: int = 5,
    tolerance: float = 1e-5,
    step: float = 1e-6,
    seed: int = 0,
    name: str = "gradient",
) -> GradientReport:
    """Check a gradient by the slopes of f along random directions.

    With a direction d of entries ±1, the slope is (f(x + h·d) − f(x − h·d)) / 2h, and it should
    be Σ grad·d. Two evaluations check all entries at once, but do not say which one is wrong.

    Parameters
    ----------
    f : callable
        Takes an array shaped like x and returns one number.
    x, grad : ndarrays of one shape
    directions : int
        With 0 nothing is compared, and the report says so.
    tolerance : float
        Largest difference of the two slopes that passes, in units of the gradient's length
        (the typical slope of such a direction).
    step : float
        h, absolute. Small, so that few of a network's ReLUs change sides on the way. Where it
        leaves f's domain, it is shortened.
    seed : int
    name : str

    Returns
    -------
    GradientReport
        Its one argument has an entry for each direction. It says how large an error of a single
        entry has to be to be noticed.

    Raises
    ------
    SettingError
        An option cannot work.
    ShapeError
        f does not return one number.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(0, 1, 1000)
    >>> check_directions(lambda x: (x**3).sum(), x, 3 * x**2).ok
    True
    """
    if not is_whole(directions, least=0):
        raise SettingError(
            f"check_directions: directions must be a whole number of at least 0, not {directions!r}"
        )
    check_eps("check_directions", tolerance, "tolerance")
    check_eps("check_directions", step, "step")
    at: Array64 = np.array(x, dtype=np.float64)
    said = _as_floats(grad)
    unusable = _unusable(at, said, directions)
    if said is None or unusable:
        blank = np.full(directions, np.nan)
        row = ArgumentReport("directions", (directions,), None, blank, blank, 0, 0, tolerance)
        return GradientReport({"directions": row}, unusable, name)
    rng = np.random.default_rng(seed)
    signs = (rng.choice([-1.0, 1.0], at.shape) for _ in range(directions))
    with np.errstate(all="ignore"):  # f may give anything
        row, seen = _slopes(f, at, said, signs, directions, step, tolerance)
        found: tuple[Diagnosis, ...] = () if row.ok else (_diagnosis(row),)
        found = _unsteady(f, at) or found
    notes = (_chance(row, said.size, seen),) if np.isfinite(seen) else ()
    return GradientReport({"directions": row}, found, name, notes=notes)


def _slopes(
    f: Callable[[Array64], Any], x: Array64, grad: Array64, signs: Iterator[Array64],
    directions: int, step: float, tolerance: float,
) -> tuple[ArgumentReport, float]:  # fmt: skip
    """Measure; return the row, and the least error of one entry that some direction shows."""
    length = float(np.linalg.norm(grad))
    analytic, numeric, noise = np.empty((3, directions))
    # with a shorter step, too much of the slope is lost because x ± h is rounded
    shortest = PRECISION * float(np.abs(grad * x).sum()) / (tolerance * (length or 1.0))
    for i, direction in enumerate(signs):

        def slope_at(h: float, direction: Array64 = direction) -> tuple[float, float]:
            up, down = (float(value_inside(f, x + by * direction)) for by in (h, -h))
            rounding = ROUNDINGS * PRECISION * (abs(up) + abs(down)) / (2 * h)
            return (up - down) / (2 * h), rounding

        analytic[i] = float((grad * direction).sum())
        longest, (numeric[i], noise[i]) = step, slope_at(step)
        if not np.isfinite(numeric[i]) and np.isfinite(one_number(f(x.copy()))):
            longest = _inside(slope_at, step, shortest)
            if longest < step:
                numeric[i], noise[i] = slope_at(longest)
        off = abs(analytic[i] - numeric[i])
        if not off <= max(tolerance * length, noise[i]):
            slope, doubt = settled_slope(slope_at, longest)
            if abs(slope - numeric[i]) > doubt:
                numeric[i] = slope
            noise[i] += doubt if np.isfinite(doubt) else 0.0
    least = np.maximum(length, noise / tolerance)
    errors = relative_errors(analytic, numeric, least)
    errors[~np.isfinite(analytic + numeric)] = np.inf
    row = ArgumentReport(
        "directions", (directions,), analytic, numeric, errors, 0,
        int((noise > BLIND * length).sum()), tolerance,
    )  # fmt: skip
    seen = np.maximum(np.maximum(np.abs(analytic), np.abs(numeric)), least)
    return row, tolerance * float(seen.min())


def _inside(
    slope_at: Callable[[float], tuple[float, float]], step: float, shortest: float
) -> float:
    """Shorten a step that leaves the domain of f: not where f is NaN only now and then."""

    def is_inside(h: float) -> bool:
        return h / WELL_INSIDE > shortest and bool(np.isfinite(slope_at(h)[0]))

    return step if np.isfinite(slope_at(step)[0]) else step_inside(is_inside, step)


def _unsteady(f: Callable[[Array64], Any], x: Array64) -> tuple[Diagnosis, ...]:
    """Say so if f gives another number for the same x."""
    first, second = (float(one_number(f(x.copy()))) for _ in range(2))
    if first == second or not abs(first - second) > ANOTHER * abs(first):
        return ()
    return (
        Diagnosis(
            "random",
            "f gives another number for the same x: fix its random numbers (dropout, noise) for "
            "the check.",
            1.0,
            evidence=f"f is {first:.10g}, then {second:.10g}",
        ),
    )


def _as_floats(grad: Any) -> Array64 | None:
    array = as_numbers(grad)
    return None if array is None or array.dtype.kind == "c" else array.astype(np.float64)


def _unusable(x: Array64, grad: Array64 | None, directions: int) -> tuple[Diagnosis, ...]:
    """Say why nothing can be compared, if so."""
    if grad is None:
        return (Diagnosis("not-an-array", "grad must be an array of real numbers.", 1.0),)
    if grad.shape != x.shape:
        says = f"The gradient has shape {grad.shape}, but x has {x.shape}."
        return (Diagnosis("shape", says, 1.0),)
    if not (directions and x.size):
        what = "x is empty" if directions else "directions is 0"
        return (nothing_compared(f"{what}, so there is no slope to compare: give at least one."),)
    if not (np.isfinite(x).all() and np.isfinite(grad).all()):
        which = "gradient" if np.isfinite(x).all() else "x"
        return (Diagnosis("not-finite", f"The {which} has entries that are NaN or infinite.", 1.0),)
    return ()


def _chance(row: ArgumentReport, size: int, seen: float) -> str:
    """Say which error of one entry every direction shows, and what may cancel.

    One entry that is off by e changes each slope by ±e. The sum of several such, each larger than
    `seen`, is smaller than that for half of all signs at most (Littlewood and Offord, 1943).
    """
    return (
        f"{row.name}: one wrong entry of the {size} is noticed if it is off by more than "
        f"{seen:.2g}; several of that size, which can cancel each other, with probability "
        f"{percent(100 * (1 - 0.5**row.entries))} % or more."
    )


def _diagnosis(row: ArgumentReport) -> Diagnosis:
    """Say all that slopes can tell: whether it is one factor."""
    assert row.analytic_map is not None
    if not np.isfinite(row.numeric_map).all():
        return not_finite_slopes("", int((~np.isfinite(row.numeric_map)).sum()), row.entries)
    with np.errstate(divide="ignore", invalid="ignore"):  # a slope may be 0
        ratios = row.analytic_map / row.numeric_map
        alike = np.ptp(ratios) < 1e-3 * abs(ratios.mean())
    evidence = f"analytic / numeric is {', '.join(f'{r:.4g}' for r in ratios)}"
    if alike:
        says = f"Every slope is {ratios.mean():.6g} times what it should be: a constant factor."
        return Diagnosis("factor", says, 0.9, "", evidence)
    return Diagnosis(
        "unknown",
        "The slopes differ. Check a small case entry by entry, with check_gradient, to learn more.",
        0.1,
        "",
        evidence,
    )
