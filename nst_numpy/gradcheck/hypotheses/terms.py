"""Mistakes of terms: one is left out, or taken for a constant."""

from collections.abc import Iterator
from itertools import combinations
from math import prod

import numpy as np

from nst_numpy.common.arrays import Array64
from nst_numpy.gradcheck.evidence import Case
from nst_numpy.gradcheck.hypotheses.guess import Guess, axis_name

FEWEST = 4  # entries on which a term has to fit
SINGLE, MANY = 3, 10  # wrong entries, and how many right ones beside each
POWERS = (1.0, -1.0, 0.5, -0.5)
TIMES = (1.0, 2.0, 0.5, 4.0, 0.25, 2**0.5, 0.5**0.5)
EXACT = 1e-6
NEARLY = 1e-8  # where there are many numbers to compare with
FEW_LINES = 0.3  # along which nothing is missing, where statistics are constants


def missing_square(case: Case) -> Iterator[Guess]:
    """Tell a norm from its square, and a sum from a sum of squares, by the value of f."""
    size = float(case.n @ case.n)
    if case.out.size != 1 or size == 0:
        return
    c, value = float(case.a @ case.n) / size, abs(float(case.out.ravel()[0]))
    if value > 0 and _is_power(case, abs(c), value):
        yield Guess(
            "f is a root of what was differentiated, or its square: of the two, one has the square "
            "of a norm and the other has not.",
            predicted=c * case.n,
            evidence="the factor changes with the value of f, as where a square is missing",
        )
    squares = case.n**2
    yield Guess(
        "The gradient has the square of what it should have.",
        predicted=float(case.a @ squares) / float(squares @ squares) * squares,
        evidence="entry by entry it is proportional to the square of the numerical gradient",
    )
    few = np.arange(min(len(case.entries), FEWEST))
    elsewhere = case.measured_with(few, **{case.name: 2 * case.x + 1})
    if elsewhere is not None and len(few) == FEWEST and np.ptp(case.a) > EXACT * abs(case.a).max():
        far, near = elsewhere[few], case.n[few]
        if np.allclose(far, near, rtol=1e-5, atol=EXACT * size**0.5):
            yield Guess(
                "f is linear, and the gradient is that of something else: a square is missing in "
                "f.",
                repaired=case.n,
                evidence="far away from x the numerical gradient is the same as at x",
            )


def missing_term(case: Case) -> Iterator[Guess]:
    """Numeric − analytic = one number times the argument."""
    if _is_multiple(case) or len(case.entries) < FEWEST:
        return
    yield from _fitted(
        case, case.at(case.x), f"A term proportional to {case.name} is missing, or has another "
        "factor, as that of weight decay, λ·Σ w².", f"a multiple of {case.name} added makes it "
        "right",
    )  # fmt: skip


def branch_missing(case: Case) -> Iterator[Guess]:
    """Numeric − analytic = grad_out: out = x + f(x), and the x is forgotten."""
    if case.out.shape != case.shape or case.study.pair.scalar or _is_multiple(case):
        return
    g = case.at(case.upstream)
    for sign, says in ((1.0, "is missing"), (-1.0, "is there once too often")):
        yield Guess(
            f"grad_out itself {says}: {case.name} also goes to the output past the layer.",
            repaired=case.a + sign * g,
            evidence=f"{'adding' if sign > 0 else 'subtracting'} grad_out makes it right",
        )


def statistics_constant(case: Case) -> Iterator[Guess]:
    """Numeric − analytic lies, along an axis, in what mean and variance send back."""
    if not case.complete or not case.comparable or _is_multiple(case) or case.x.ndim < 2:
        return
    rest = case.spread(case.slopes.numeric) - np.asarray(case.analytic)
    for axis in (0, case.x.ndim - 1):
        x = np.moveaxis(case.x, axis, -1)
        size = x.shape[-1]
        for columns, what in (
            ([np.ones_like(x)], "the mean is treated as a constant"),
            ([x], "the length, or the variance, is treated as a constant"),
            ([np.ones_like(x), x], "mean and variance are treated as constants"),
        ):  # fmt: skip
            if size < 2 * len(columns) + 1:
                continue
            fit = _fit_along(np.stack(columns, axis=-1), np.moveaxis(rest, axis, -1))
            if (np.abs(fit).max(axis=-1) <= EXACT * np.abs(fit).max()).mean() > FEW_LINES:
                continue
            yield Guess(
                f"Along {axis_name(case, axis)}, {what}. That depends on every entry, "
                "and sends a gradient back to each.",
                repaired=case.at(np.asarray(case.analytic) + np.moveaxis(fit, -1, axis)),
                evidence="what is missing is, along that axis, a combination of "
                f"{'1 and x' if len(columns) > 1 else 'x' if columns[0] is x else '1'}",
                certainty=0.9,
            )


def one_hot(case: Case) -> Iterator[Guess]:
    """Analytic is off at one entry of each row, and everywhere by the same number."""
    if not case.complete or not case.comparable or case.x.ndim != 2 or min(case.shape) < 2:
        return
    rest = case.spread(case.slopes.numeric) - np.asarray(case.analytic)
    off = np.abs(rest) > EXACT * float(np.abs(rest).max())
    if (off.sum(axis=1) == 1).all() and np.ptp(rest[off]) < 1e-4 * np.abs(rest[off]).max():
        yield Guess(
            "One entry of each row is off, all of them by the same amount, as where the one-hot "
            "label is not subtracted: softmax minus 1 at the right class.",
            repaired=case.n,
            evidence=f"{len(rest)} rows, one wrong entry in each, all off by the same number",
        )


def one_entry(case: Case) -> Iterator[Guess]:
    """All is right but a single entry, or two or three of many."""
    wrong = case.errors[case.slopes.smooth] > case.study.tolerance
    count, right = int(wrong.sum()), int((~wrong & (case.n != 0)).sum())
    if 0 < count <= SINGLE and right >= max(FEWEST, MANY * (count - 1)):
        places = zip(*(axis[wrong] for axis in case.places), strict=True)
        shown = " and ".join(f"{case.name}[{', '.join(map(str, place))}]" for place in places)
        which = "A single entry is wrong" if count == 1 else f"Only {count} entries are wrong"
        yield Guess(
            f"{which}, {shown}; all others that were measured are right.",
            repaired=np.where(wrong, case.n, case.a),
            evidence=f"{right} others are right, and not 0",
            certainty=0.9,
        )


def _is_power(case: Case, c: float, value: float) -> bool:
    """Whether c is f, its root or 1 by them, times a number that formulas have."""
    if abs(2 * value - round(2 * value)) < EXACT * value:
        return False  # then f is such a number itself
    for power in POWERS:
        rest = c / value**power
        if any(abs(rest / times - 1) < EXACT for times in TIMES):
            return True
        # as of ‖G − S‖ / (2 n_H n_W n_C)²
        for count in range(1, len(case.shape) + 1):
            for axes in combinations(case.shape, count):
                constants = [(times * prod(axes)) ** p for times in (1, 2) for p in (1, 2)]
                sizes = [c**sign for c in constants for sign in (power, -power)]
                if any(abs(rest / (t * s) - 1) < NEARLY for s in sizes for t in TIMES):
                    return True
    return False


def _is_multiple(case: Case) -> bool:
    """Whether one factor explains it: then no term is missing."""
    size = float(case.n @ case.n)
    rest = case.a - (float(case.a @ case.n) / size if size else 0.0) * case.n
    return float(np.abs(rest).max(initial=0.0)) < EXACT * float(np.abs(case.a).max(initial=0.0))


def _fitted(case: Case, term: Array64, says: str, evidence: str) -> Iterator[Guess]:
    size = float(term @ term)
    if size and np.ptp(np.abs(term)) > 0:
        times = float((case.n - case.a) @ term) / size
        yield Guess(says, repaired=case.a + times * term, evidence=evidence)


def _fit_along(columns: Array64, rest: Array64) -> Array64:
    """Fit, for each line along the last axis, the rest by the columns."""
    # (…, L, k)ᵀ (…, L, k) -> (…, k, k); (…, L, k)ᵀ (…, L) -> (…, k)
    across = np.swapaxes(columns, -1, -2)
    inverse = np.linalg.pinv(across @ columns)
    weights = inverse @ (across @ rest[..., None])
    # (…, L, k) (…, k, 1) -> (…, L)
    return np.asarray((columns @ weights)[..., 0])
