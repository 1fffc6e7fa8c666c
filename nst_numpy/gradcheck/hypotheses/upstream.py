"""Mistakes with grad_out: ignored, used twice, used instead of the input."""

from collections.abc import Iterator

import numpy as np

from nst_numpy.gradcheck.evidence import Case
from nst_numpy.gradcheck.hypotheses.guess import Guess


def upstream_ignored(case: Case) -> Iterator[Guess]:
    """Ask for two upstream gradients: a backward that ignores them says the same."""
    other = case.study.of_other_upstream[case.name]
    if case.study.pair.scalar or other is None or other.shape != case.shape or not case.a.any():
        return
    if np.array_equal(case.at(other), case.a):
        evidence = "backward gives the same gradient for two different grad_out"
        ones = case.right_for(np.ones_like(case.out))
        if ones is not None and np.allclose(ones, case.a, rtol=1e-5, atol=1e-8):
            evidence += ", and it is the right one for a grad_out of ones"
        yield Guess("grad_out is not used.", predicted=case.a, evidence=evidence)


def upstream_squared(case: Case) -> Iterator[Guess]:
    """Double grad_out: the gradient has to double, and grows four times if it is used twice."""
    predicted = case.right_for(case.upstream**2)
    if predicted is not None and not case.study.pair.scalar:
        yield Guess(
            "grad_out is multiplied in twice.",
            predicted=predicted,
            evidence="the gradient is the right one for grad_out²",
        )


def upstream_not_linear(case: Case) -> Iterator[Guess]:
    """Add two upstream gradients: a right backward adds its gradients."""
    first, second = case.upstream, case.study.other_upstream
    of_second, of_sum = case.said_to(second), case.said_to(first + second)
    if case.study.pair.scalar or of_second is None or of_sum is None:
        return
    if not np.allclose(case.a + of_second, of_sum, rtol=1e-6, atol=1e-9 * np.abs(of_sum).max()):
        yield Guess(
            "The gradient is not linear in grad_out.",
            predicted=case.a,
            evidence="for the sum of two grad_out it is not the sum of the two gradients",
            certainty=0.6,
        )


def one_half_of_symmetric(case: Case) -> Iterator[Guess]:
    """Add the gradient for grad_out transposed: a product A·A has two factors."""
    if case.out.ndim < 2 or case.out.shape[-1] != case.out.shape[-2] or case.out.shape[-1] < 2:
        return
    other = case.said_to(np.ascontiguousarray(case.upstream.swapaxes(-1, -2)))
    if other is not None:
        yield Guess(
            "Only one of the two halves of a symmetric product is there.",
            repaired=case.a + other,
            evidence="adding the gradient for grad_out transposed makes it right",
        )


def output_ignored(case: Case) -> Iterator[Guess]:
    """Take one of several outputs to send nothing back, or nothing by way of another."""
    outputs = case.study.pair.outputs
    for name in outputs.arrays if len(outputs.arrays) > 1 else ():
        others = {n: np.full(a.shape, n != name) for n, a in outputs.arrays.items()}
        mask = outputs.like_joined(others)
        rest = case.right_for(case.upstream * mask)
        if rest is None or case.columns is None:
            return
        # (M,) · (M, k) -> (k,): which entries change another output
        elsewhere = mask.ravel() @ np.abs(case.columns) > 0
        through = np.where(elsewhere, rest, case.n)
        for predicted, how in ((rest, ""), (through, ", where it comes by way of another")):
            yield Guess(
                f"The gradient of {name} is not used{how}.",
                predicted=predicted,
                evidence=f"it is the gradient without what {name} sends back{how}",
            )
