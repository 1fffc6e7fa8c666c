"""Mistakes in the derivative of single entries, or in taking a layer for one of single entries."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from nst_numpy.gradcheck.evidence import Case
from nst_numpy.gradcheck.hypotheses.guess import Guess, axis_name


def diagonal_only(case: Case) -> Iterator[Guess]:
    """Analytic = what comes from outputs at an entry's own place, along some axes or all."""
    shape = case.shape
    if case.columns is None or case.out.ndim != len(shape) or case.study.pair.scalar:
        return
    shared = [a for a in range(len(shape)) if case.out.shape[a] == shape[a] > 1]
    outputs = np.unravel_index(np.arange(case.out.size), case.out.shape)
    sent = case.upstream.ravel()[:, None] * case.columns
    for axes in dict.fromkeys([tuple(range(len(shape))), *((a,) for a in shared)]):
        if len(axes) > 1 and case.out.shape != shape:
            continue
        # (M, 1) == (1, k) -> (M, k)
        own = [outputs[a][:, None] == case.places[a] for a in axes if shape[a] > 1]
        predicted = np.where(np.logical_and.reduce(own), sent, 0.0).sum(axis=0)
        if len(axes) > 1:
            says = (
                "Only the diagonal of the Jacobian is there: how an entry changes the other "
                "outputs is left out."
            )
        else:
            says = (
                f"Only outputs at the same index along {axis_name(case, axes[0])} count: what an "
                "entry does to others, to later times, say, is left out."
            )
        yield Guess(
            says,
            predicted=predicted,
            evidence="each entry has what the outputs at its own place send back, and no more",
        )


def passed_through(case: Case) -> Iterator[Guess]:
    """Analytic = grad_out, and the layer stops nothing."""
    if case.out.shape == case.shape and (case.n != 0).all() and not case.study.pair.scalar:
        yield Guess(
            "grad_out is passed on as it came: the layer's own derivative is missing.",
            predicted=case.at(case.upstream),
            evidence="it is grad_out, entry by entry",
            certainty=0.94,  # that a known factor is missing says more
        )


def input_for_output(case: Case) -> Iterator[Guess]:
    """Take a derivative that is written in terms of out, at x."""
    if case.out.shape != case.shape or case.study.pair.scalar:
        return
    g, x = case.at(case.upstream), case.at(case.x)
    for derivative, text in ((x * (1 - x), "x·(1 − x)"), (1 - x**2, "1 − x²")):
        yield Guess(
            f"The derivative is taken at {case.name}, as {text}, where out belongs.",
            predicted=g * derivative,
            evidence=f"it is grad_out · {text}",
        )


def masked_too_much(case: Case) -> Iterator[Guess]:
    """Analytic is 0 on one side of a threshold, and something passes there."""
    stopped, x = case.a == 0, case.at(case.x)
    if case.out.shape != case.shape or not stopped.any() or stopped.all():
        return
    apart = x[stopped].max() < x[~stopped].min() or x[stopped].min() > x[~stopped].max()
    if apart and (case.n[stopped] != 0).all():
        side = "below" if x[stopped].max() < x[~stopped].min() else "above"
        yield Guess(
            f"It is 0 {side} a threshold, where a part of the gradient passes: a leaky ReLU, say, "
            "has its small slope on the way back too.",
            repaired=np.where(stopped, case.n, case.a),
            evidence=f"all {int(stopped.sum())} entries that are 0 have an input {side} all others",
            certainty=0.97,
        )


def rounded(case: Case) -> Iterator[Guess]:
    """Analytic is whole, and numeric is not: a whole-number division."""
    if not np.array_equal(case.a, np.rint(case.a)) or not case.a.any():
        return
    for whole, how in ((np.floor, "rounded down"), (np.trunc, "cut"), (np.rint, "rounded")):
        yield Guess(
            f"It is {how} to whole numbers: // stands for /, or an array of integers took it up.",
            predicted=np.asarray(whole(case.n)),
            evidence="every entry is a whole number, and the numerical gradient lies beside it",
        )


def wrong_axis(case: Case) -> Iterator[Guess]:
    """Analytic = grad_out summed over other axes than those that were broadcast."""
    ndim, kept = case.out.ndim, len(case.shape)
    if not case.comparable or not 0 < kept < ndim:
        return
    sums = {
        axes: np.asarray(case.upstream.sum(axis=axes))
        for axes in combinations(range(ndim), ndim - kept)
    }
    sums = {axes: case.at(total) for axes, total in sums.items() if total.shape == case.shape}
    if any(np.allclose(total, case.n, rtol=1e-5) for total in sums.values()):
        for axes, total in sums.items():
            text = ("axis " if len(axes) == 1 else "axes ") + ", ".join(map(str, axes))
            yield Guess(
                f"grad_out is summed over {text}, and {case.name} was repeated along another. "
                "Equal sizes hide the mistake.",
                predicted=total,
                evidence=f"it is the sum of grad_out over {text}",
            )
