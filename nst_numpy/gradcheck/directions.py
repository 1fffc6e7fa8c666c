"""The gradient of something large: not entry by entry, but along random directions."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array64
from nst_numpy.gradcheck.diagnosis import Diagnosis
from nst_numpy.gradcheck.numerical import one_number, relative_errors
from nst_numpy.gradcheck.report import ArgumentReport, GradientReport

ROUNDINGS = 50


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
    tolerance : float
        Largest difference of the two slopes that passes, in units of the gradient's length
        (the typical slope of such a direction).
    step : float
        h, absolute. Small, so that few of a network's ReLUs change sides on the way.
    seed : int
    name : str

    Returns
    -------
    GradientReport
        Its one argument has an entry for each direction.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(0, 1, 1000)
    >>> check_directions(lambda x: (x**3).sum(), x, 3 * x**2).ok
    True
    """
    x = np.asarray(x, dtype=np.float64)
    rng = np.random.default_rng(seed)
    length = float(np.linalg.norm(grad))
    analytic, numeric, noise = np.empty((3, directions))
    for i in range(directions):
        direction = rng.choice([-1.0, 1.0], x.shape)
        up, down = (float(one_number(f(x + h * direction))) for h in (step, -step))
        numeric[i] = (up - down) / (2 * step)
        analytic[i] = float((np.asarray(grad, dtype=np.float64) * direction).sum())
        noise[i] = ROUNDINGS * np.finfo(np.float64).eps * (abs(up) + abs(down)) / (2 * step)
    least = np.maximum(length, noise / tolerance)
    errors = relative_errors(analytic, numeric, least)
    row = ArgumentReport(
        "directions", (directions,), analytic, numeric, errors, 0,
        int((noise > 0.1 * length).sum()), tolerance,
    )  # fmt: skip
    return GradientReport({"directions": row}, () if row.ok else (_diagnosis(row),), name)


def _diagnosis(row: ArgumentReport) -> Diagnosis:
    """Say all that slopes can tell: whether it is one factor."""
    assert row.analytic_map is not None
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
