"""Mistakes of adding up: a part is left out, overwritten, or sent where nothing belongs."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array64
from nst_numpy.gradcheck.evidence import Case
from nst_numpy.gradcheck.hypotheses.guess import Guess, axis_name

GROUPS = 4096  # of outputs that a loop may go through


def one_item(case: Case) -> Iterator[Guess]:
    """Analytic = the gradient from one item of the batch alone."""
    items = case.out.shape[0] if case.out.ndim else 0
    for item in range(items) if items > 1 else ():
        predicted = case.right_for(_only(case.upstream, 0, item))
        if predicted is not None:
            yield _one_item_guess(item, items, predicted)
    if case.first and len(case.shape) > 1 and case.shape[0] > 1 and items <= 1:
        for item in range(case.shape[0]):
            yield _one_item_guess(
                item, case.shape[0], np.where(case.places[0] == item, case.n, 0.0)
            )


def _one_item_guess(item: int, items: int, predicted: Array64) -> Guess:
    which = {0: "first", items - 1: "last"}.get(item, f"({item})")
    return Guess(
        f"Only the {which} item of the batch counts, of {items}.",
        predicted=predicted,
        evidence=f"it is the gradient of item {item} alone (axis 0 of out)",
    )


def overwritten(case: Case) -> Iterator[Guess]:
    """Analytic = for each entry, only what the last (or first) window sends."""
    several = len(case.study.pair.outputs.arrays) > 1
    if case.columns is None or case.out.ndim < 1 or several or case.reach is None:
        return
    sent = case.upstream.ravel()[:, None] * case.columns
    for axes in _loops(case.out.ndim):
        groups = _group_numbers(case.out.shape, axes)
        count = int(groups.max()) + 1
        if not 1 < count <= GROUPS:
            continue
        parts = np.zeros((count, sent.shape[1]))
        np.add.at(parts, groups, sent)
        for touched in (case.reach, case.columns != 0):
            members = np.zeros(parts.shape, dtype=bool)
            np.logical_or.at(members, groups, touched)
            if (members.sum(axis=0) < 2).all():
                continue
            last = count - 1 - np.argmax(members[::-1], axis=0)
            for which, chosen in (("last", last), ("first", np.argmax(members, axis=0))):
                yield Guess(
                    "Where windows overlap, one overwrites the other, and only one of them is "
                    "left.",
                    predicted=parts[chosen, np.arange(parts.shape[1])],
                    evidence=f"each entry has only what the {which} output that it reaches sends "
                    "back",
                )


def _loops(ndim: int) -> Iterator[tuple[int, ...]]:
    """Yield the axes of out that a loop may go over; the others are done at once."""
    sets = [tuple(range(1, ndim - 1)), tuple(range(ndim - 1)), tuple(range(ndim))]
    sets += [tuple(range(2, ndim)), (0, *range(2, ndim)), *((a,) for a in range(ndim))]
    yield from dict.fromkeys(axes for axes in sets if axes)


def _group_numbers(shape: tuple[int, ...], axes: Sequence[int]) -> NDArray[np.intp]:
    """Return each output's number in a loop over some axes, (M,)."""
    indices = np.indices(shape).reshape(len(shape), -1)
    numbers = np.ravel_multi_index(tuple(indices[a] for a in axes), tuple(shape[a] for a in axes))
    return np.asarray(numbers, dtype=np.intp)


def left_out(case: Case) -> Iterator[Guess]:
    """Analytic = the gradient without the first or last outputs along an axis."""
    for axis, size in enumerate(case.out.shape):
        for index, which in ((size - 1, "last"), (0, "first")):
            upstream = case.upstream - _only(case.upstream, axis, index)
            predicted = case.right_for(upstream) if size > 1 else None
            if predicted is not None:
                yield Guess(
                    f"The {which} outputs along {axis_name(case, axis, of_out=True)} send nothing "
                    "back.",
                    predicted=predicted,
                    evidence=f"it is the gradient without them (index {index} of {size})",
                )
    spatial = range(1, case.out.ndim - 1)
    if len(spatial) > 1 and min(case.out.shape[1:-1]) > 1:
        inner = (slice(None), *(slice(0, -1) for _ in spatial), slice(None))
        upstream = np.zeros_like(case.upstream)
        upstream[inner] = case.upstream[inner]
        predicted = case.right_for(upstream)
        if predicted is not None:
            yield Guess(
                "The last outputs along every spatial axis send nothing back.", predicted=predicted
            )


def border(case: Case) -> Iterator[Guess]:
    """Everything is right but the first or last entries along an axis."""
    wrong = case.errors[case.slopes.smooth] > case.study.tolerance
    right = ~wrong & (case.n != 0)
    for axis, size in enumerate(case.shape):
        ends = (case.places[axis] == 0) | (case.places[axis] == size - 1)
        for place, text in (
            (case.places[axis] == 0, "first"),
            (case.places[axis] == size - 1, "last"),
            (ends, "first and last"),
        ):
            inner = right & ~place
            only = wrong.any() and not (wrong & ~place).any()
            # a few entries that happen to be there are no border
            if size > 2 and only and 2 * wrong.sum() >= place.sum() and inner.sum() > 2:
                yield Guess(
                    f"It is wrong at the border alone: at the {text} entries along "
                    f"{axis_name(case, axis)}.",
                    repaired=np.where(place, case.n, case.a),
                    evidence=f"all {int(wrong.sum())} wrong entries are there, and "
                    f"{int(inner.sum())} others are right",
                    certainty=0.8,
                )


def not_summed(case: Case) -> Iterator[Guess]:
    """Analytic has an axis too many, or only one position of an axis that is summed over."""
    analytic = np.asarray(case.analytic)
    if case.comparable:
        for axis in range(1, case.out.ndim):
            for index in {0, case.out.shape[axis] - 1} if case.out.shape[axis] > 1 else ():
                predicted = case.right_for(_only(case.upstream, axis, index))
                if predicted is not None:
                    yield Guess(
                        f"Only index {index} along {axis_name(case, axis, of_out=True)} of "
                        "grad_out counts: the sum over that axis is missing.",
                        predicted=predicted,
                    )
        return
    for count in range(1, analytic.ndim + 1):
        for axes in combinations(range(analytic.ndim), count):
            total = analytic.sum(axis=axes)
            if total.size == case.x.size < analytic.size:
                text = ("axis " if count == 1 else "axes ") + ", ".join(map(str, axes))
                yield Guess(
                    f"A sum over {text} is missing: the gradient has shape {analytic.shape}, "
                    f"{case.name} has {case.shape}.",
                    repaired=case.at(total),
                    evidence=f"summing over {text} makes it right",
                )


def summed_too_much(case: Case) -> Iterator[Guess]:
    """Analytic = numeric, summed over an axis that it should keep."""
    if not case.complete:
        return
    numeric = case.spread(case.slopes.numeric)
    analytic = np.asarray(case.analytic)
    for count in range(1, len(case.shape) + 1):
        for axes in combinations(range(len(case.shape)), count):
            total = numeric.sum(axis=axes, keepdims=True)
            if analytic.size != total.size and analytic.shape != numeric.shape:
                continue
            whole = analytic.reshape(total.shape) if analytic.size == total.size else analytic
            if total.size == numeric.size:
                continue
            text = ("axis " if count == 1 else "axes ") + ", ".join(map(str, axes))
            if np.allclose(whole, total, rtol=1e-5, atol=1e-7 * np.abs(total).max()):
                yield Guess(
                    f"It is summed over {text} of {case.name}, which it should keep.",
                    repaired=case.n,
                    evidence=f"it equals the numerical gradient, summed over {text}",
                )


def not_masked(case: Case) -> Iterator[Guess]:
    """Analytic is right where something passes, and not 0 where nothing does."""
    stopped = case.n == 0
    if not (stopped.any() and case.n.any()):
        return
    leaks = stopped & (case.a != 0)
    yield Guess(
        "The gradient is not masked: it passes where the output does not depend on the input.",
        repaired=np.where(stopped, 0.0, case.a),
        evidence=f"at {int(leaks.sum())} entries nothing can pass (the numerical gradient is 0), "
        "but the gradient is not 0; the others are right",
        certainty=0.97,
    )
    if case.reach is not None and (case.reach.sum(axis=1) > 1).any():
        yield Guess(
            "Every input of a window receives the whole gradient, not only the one that counts.",
            predicted=case.upstream.ravel() @ case.reach.astype(np.float64),
            evidence="each entry has the sum of grad_out over all outputs that could see it",
        )


def mask_inverted(case: Case) -> Iterator[Guess]:
    """Analytic passes exactly where numeric does not."""
    if case.out.shape == case.shape and (case.n == 0).any():
        yield Guess(
            "The mask is the wrong way round: what should pass is stopped, and the other way.",
            predicted=np.where(case.n == 0, case.at(case.upstream), 0.0),
            evidence="it is grad_out exactly where the numerical gradient is 0",
        )


def mask_of_upstream(case: Case) -> Iterator[Guess]:
    """Take the mask from grad_out and not from the input."""
    if case.out.shape != case.shape:
        return
    g = case.at(case.upstream)
    yield Guess(
        "The mask is taken from grad_out: where it is negative, nothing passes.",
        predicted=np.where(g > 0, g, 0.0),
        evidence="it is max(grad_out, 0)",
    )
    yield Guess(
        "There is a second mask, of grad_out: where it is negative, nothing passes.",
        predicted=np.where(g > 0, case.n, 0.0),
        evidence="it is right where grad_out > 0, and 0 elsewhere",
    )


def max_as_average(case: Case) -> Iterator[Guess]:
    """Numeric goes to one input of each window, analytic to all of them alike."""
    if case.columns is None or not case.complete or case.reach is None:
        return
    if ((case.columns != 0).sum(axis=1) > 1).any():
        return
    seen = case.reach.sum(axis=1)
    if seen.max(initial=0) < 2:
        return
    for share in (np.maximum(seen, 1), np.full(seen.shape, max(int(seen.max()), 1))):
        yield Guess(
            "A maximum is sent back as an average: every input of a window receives the same part.",
            predicted=(case.upstream.ravel() / share) @ case.reach.astype(np.float64),
            evidence=f"each entry has 1/{int(share.max())} of grad_out from every window that sees "
            "it, but only one input of a window counts",
        )


def _only(upstream: Array64, axis: int, index: int) -> Array64:
    """Keep one index of an axis; 0 elsewhere."""
    kept = np.zeros_like(upstream)
    place = (slice(None),) * axis + (index,)
    kept[place] = upstream[place]
    return kept
