"""Gradients without calculus: move one number a little and see what happens.

The definition of a derivative, with a step h that is small but not 0:

    central   (f(x + h) − f(x − h)) / 2h      wrong by about h²·f'''/6, and by rounding/h
    complex   Im f(x + ih) / h                no difference, so no rounding: h may be 1e-20

The larger h, the more the curve bends inside the step; the smaller h, the fewer digits of
the difference are left. Central differences are best where both are equal, at h about
the cube root of the precision: 6e-6 in float64, and 10 or 11 digits of the gradient are right.
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nst_numpy.common.arrays import Array64
from nst_numpy.errors import GradientError, SettingError, ShapeError

DifferenceMethod = Literal["central", "complex"]
METHODS: tuple[DifferenceMethod, ...] = get_args(DifferenceMethod)
COMPLEX_STEP = 1e-20
LEAST_STEP = 1e-16  # of the usual one, on the way back into a function's domain
WELL_INSIDE = 100.0  # so much shorter than the way to the domain's end
FINER_STEP = 8.0
FINEST = 16  # times that a step is made finer
LIKE_STEPS = (0.77, 0.9, 1.13)
OUTSIDE = Exception  # functions raise what they like outside of their domain
SMALL = 0.01  # entries smaller than this, in units of the largest, count as that large


def numerical_gradient(
    f: Callable[[NDArray[Any]], Any],
    x: NDArray[np.floating],
    *,
    eps: float | None = None,
    method: DifferenceMethod = "central",
) -> Array64:
    """Return ∂f/∂x, one entry at a time.

    Parameters
    ----------
    f : callable
        Takes an array shaped like x and returns one number. It gets a copy each time.
    x : ndarray of float, any shape
        Computed with in float64. Not modified.
    eps : float, optional
        The step, in units of an entry's size (or of x's root mean square, if that is
        larger). Default: 6e-6 for "central", 1e-20 for "complex". Where it leaves f's domain, as
        a logarithm's below 0, it is shortened.
    method : {"central", "complex"}
        "complex" is exact to rounding, but f must be analytic and take complex arrays:
        no max, no abs, no comparison, no conjugate.

    Returns
    -------
    gradient : ndarray, float64, shaped like x

    Raises
    ------
    ShapeError
        f does not return one number.
    SettingError
        eps or method cannot work.
    GradientError
        With "complex": f loses the imaginary part.

    Notes
    -----
    "central" is equation (25) in docs/mathematics.

    Examples
    --------
    >>> import numpy as np
    >>> numerical_gradient(lambda x: (x**2).sum(), np.array([1.0, -2.0])).round(6)
    array([ 2., -4.])
    >>> numerical_gradient(lambda x: np.exp(x).sum(), np.array([0.0]), method="complex")
    array([1.])
    """
    if method not in METHODS:
        raise SettingError(f"numerical_gradient: method must be central or complex, not {method!r}")
    at: Array64 = np.array(x, dtype=np.float64)
    if eps is None:
        eps = COMPLEX_STEP if method == "complex" else best_eps(np.float64)
    eps = check_eps("numerical_gradient", eps)
    if method == "complex":
        return _complex_gradient(f, at, eps)
    steps = step_sizes(at, eps)
    gradient = np.empty_like(at)
    for i in np.ndindex(*at.shape):
        gradient[i] = _central_slope(f, at, i, float(steps[i]))
    if not np.isfinite(gradient).all():
        _repair_at_the_edge(f, at, steps, gradient)
    return gradient


def _central_slope(f: Callable[[NDArray[Any]], Any], at: Array64, i: Any, step: float) -> Any:
    up, down = moved(at, i, step), moved(at, i, -step)
    length = up[i] - down[i]  # the one really made: x + h is rounded
    return (value_inside(f, up) - value_inside(f, down)) / length  # equation (25)


def _repair_at_the_edge(
    f: Callable[[NDArray[Any]], Any], at: Array64, steps: Array64, gradient: Array64
) -> None:
    """Measure anew, with a shorter step, where a step has left the domain of f."""
    if not np.isfinite(one_number(f(at.copy()))):
        return
    for i in map(tuple, np.argwhere(~np.isfinite(gradient))):

        def is_inside(step: float, i: Any = i) -> bool:
            return bool(np.isfinite(_central_slope(f, at, i, step)))

        gradient[i] = _central_slope(f, at, i, step_inside(is_inside, float(steps[i])))


def value_inside(f: Callable[[NDArray[Any]], Any], x: NDArray[Any]) -> Any:
    """Return f(x); NaN where f raises, as `math.log` does below 0."""
    try:
        value = f(x)
    except OUTSIDE:
        return np.nan
    return one_number(value)


def step_inside(is_inside: Callable[[float], bool], step: float) -> float:
    """Shorten a step that leaves a function's domain until it is well inside.

    Near the domain's end a curve is steep and bent: a step as long as the way there would be wrong.
    Where no step is inside, the given one is returned.
    """
    shorter = step
    while shorter > LEAST_STEP * step:
        shorter /= 10
        if is_inside(shorter):
            # one too short for the number that it moves is none
            return next((s for s in (shorter / WELL_INSIDE, shorter / 10) if is_inside(s)), shorter)
    return step


def settled_slope(
    slope_at: Callable[[float], tuple[float, float]], step: float
) -> tuple[float, float]:
    """Return the surest of the slopes that finer and finer steps give, and how far it may be off.

    Where a function's second derivative jumps, as that of x·|x| at 0, a central difference is wrong
    by a multiple of the step, or of its square near the jump. A step that is 8 times as long is
    then wrong by at least 8 times as much, so the difference of the two is a bound.

    Parameters
    ----------
    slope_at : callable
        Takes a step and returns the slope, and how much of it may be rounding.
    step : float
        The longest.
    """
    before, _ = slope_at(step)
    surest, doubt, at = before, float("inf"), step
    seen: list[tuple[float, float, float, float]] = []
    for _ in range(FINEST):
        step /= FINER_STEP
        slope, rounding = slope_at(step)
        if not rounding < doubt:
            break
        seen.append((step, slope, rounding, abs(slope - before)))
        before, doubt, largest = slope, float("inf"), 0.0
        # a slope that changes more with a finer step had not settled before
        for own_step, value, rounded, change in reversed(seen):
            largest = max(largest, change)
            if rounded + 2 * largest < doubt:
                surest, doubt, at = value, rounded + 2 * largest, own_step
    # what is lost inside of f, as in 1 − cos x, shows in how slopes of like steps differ
    spread = max(abs(slope_at(part * at)[0] - surest) for part in LIKE_STEPS)
    return surest, max(doubt, 4 * spread)


def relative_error(a: Any, b: Any) -> float:
    """Return the largest difference of two arrays, relative to what is compared.

    Each difference is divided by the larger of the two entries, but by no less than a
    hundredth of the largest entry of all: what rounding leaves of a 0 is no error.

    Parameters
    ----------
    a, b : array_like of one shape

    Returns
    -------
    float
        0 for equal arrays; inf where only one is NaN or infinite, or they differ in that.

    Raises
    ------
    ShapeError
        The shapes differ.

    Examples
    --------
    >>> relative_error([1.0, 2.0], [1.0, 2.5])
    0.2
    >>> relative_error([1.0, 1e-17], [1.0, 0.0]) < 1e-14
    True
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        raise ShapeError(f"relative_error: a {a.shape} and b {b.shape} must have one shape")
    finite = np.isfinite(a) & np.isfinite(b)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if not np.all(finite | same):
        return float("inf")
    return float(relative_errors(a[finite], b[finite]).max(initial=0.0))


def relative_errors(a: Array64, b: Array64, noise: Array64 | float = 0.0) -> Array64:
    """Return the relative error of every entry; `noise` is a further least size."""
    with np.errstate(over="ignore", invalid="ignore"):
        size = np.maximum(np.abs(a), np.abs(b))
        size = np.maximum(size, SMALL * size.max(initial=0.0, where=np.isfinite(size)))
        size = np.maximum(np.maximum(size, noise), np.finfo(np.float64).tiny)
        return np.where(a == b, 0.0, np.abs(a - b) / size)


def best_eps(dtype: DTypeLike) -> float:
    """Return the relative step at which bending and rounding spoil as much as each other.

    >>> print(f"{best_eps(np.float64):.1e}, {best_eps(np.float32):.1e}")
    6.1e-06, 4.9e-03
    """
    return float(np.cbrt(np.finfo(dtype).eps))


def is_rounded(a: Array64) -> bool:
    """Whether all numbers are float32's, and some of them need all the digits of one.

    >>> x = np.array([0.1, 0.7])
    >>> is_rounded(x), is_rounded(x.astype(np.float32).astype(np.float64))
    (False, True)
    >>> is_rounded(np.array([1.0, -0.5]))
    False
    """
    with np.errstate(over="ignore"):
        short = a.astype(np.float32)
    last_digits = short.view(np.uint32) & 0xFF
    return bool(np.array_equal(short, a, equal_nan=True) and last_digits.any())


def check_eps(who: str, eps: float, name: str = "eps") -> float:
    """Return a usable eps, or another number of that kind, or say what is wrong with it."""
    if not isinstance(eps, (int, float, np.number)) or not 0 < eps < np.inf:
        raise SettingError(f"{who}: {name} must be a finite number above 0, not {eps!r}")
    return float(eps)


def step_sizes(x: Array64, eps: float) -> Array64:
    """Return the step of each entry: eps times its size, or the array's typical size."""
    finite = np.abs(x[np.isfinite(x)])
    typical = float(np.sqrt(np.mean(finite**2))) if finite.size else 0.0
    return np.asarray(eps * np.maximum(np.abs(x), typical or 1.0))


def moved(x: Array64, i: Any, by: float) -> Array64:
    """Return a copy of x with one entry moved."""
    x = x.copy()
    x[i] += by
    return x


def one_number(value: Any) -> Any:
    """Take the number out of what a scalar function returned."""
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "biufc":
        shown = f"an array {array.shape}" if array.dtype.kind in "biufc" else repr(value)[:60]
        raise ShapeError(f"numerical_gradient: f must return one number, not {shown}")
    return array.reshape(())[()]


def _complex_gradient(f: Callable[[NDArray[Any]], Any], x: Array64, eps: float) -> Array64:
    gradient = np.empty_like(x)
    constant = True
    for i in np.ndindex(*x.shape):
        z = x.astype(np.complex128)
        z[i] += 1j * eps
        value = one_number(f(z))
        constant = constant and not np.iscomplexobj(value)
        gradient[i] = np.imag(value) / eps
    if constant and x.size:
        raise GradientError(
            "numerical_gradient: f gave real numbers for complex x, so the imaginary part was "
            "lost on the way: use method='central'"
        )
    return gradient
