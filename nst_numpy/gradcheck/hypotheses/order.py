"""Mistakes of order: the numbers are right, but not in their places."""

from collections.abc import Callable, Iterator
from itertools import combinations, permutations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array64, Shape
from nst_numpy.gradcheck.evidence import Case
from nst_numpy.gradcheck.hypotheses import kernel
from nst_numpy.gradcheck.hypotheses.guess import Guess, axis_name

MEASURED = 16  # entries that are measured again for other weights
FARTHEST = 2  # positions that a shift is looked for
POSITIONS = 400  # of windows that are moved one by one


def arguments_swapped(case: Case) -> Iterator[Guess]:
    """Analytic of one argument = numeric of another."""
    for other in case.study.cases.values():
        if other is case or (other.comparable and not other.wrong):
            continue
        if (
            np.asarray(case.analytic).shape == other.shape
            and other.complete
            and not case.comparable
            and np.allclose(
                np.asarray(case.analytic), other.spread(other.slopes.numeric), rtol=1e-4
            )
        ):
            yield Guess(
                f"This is the gradient of {other.name}: the gradients are returned in another "
                "order than the arguments.",
                repaired=case.n,
                evidence=f"it equals the numerical gradient of {other.name}",
            )
        elif other.shape == case.shape and case.complete and other.complete:
            yield Guess(
                f"This is the gradient of {other.name}: the gradients are returned in another "
                "order than the arguments.",
                predicted=case.at(other.spread(other.slopes.numeric)),
                evidence=f"it equals the numerical gradient of {other.name}",
            )


def transposed(case: Case) -> Iterator[Guess]:
    """Analytic with its axes in another order = numeric."""
    analytic = np.asarray(case.analytic)
    if analytic.size != case.x.size:
        return
    yield from _transposed_result(case, analytic)
    if not case.comparable:
        return
    untransposed = case.columns is not None and case.complete and case.out.size == case.x.size
    if untransposed and case.once(kernel.seen_kernel) is None:
        assert case.columns is not None
        yield Guess(
            "A matrix is used untransposed: grad_out has to go back through its transpose.",
            predicted=case.at(case.columns @ case.upstream.ravel()),
            evidence="it equals (∂out/∂x) · grad_out instead of (∂out/∂x)ᵀ · grad_out",
        )
    yield from _other_way_round(case, _swaps, lambda w, axes: w.swapaxes(*axes), "with {} swapped")
    yield from kernel.axes_swapped(case)


def reshaped(case: Case) -> Iterator[Guess]:
    """Analytic = the gradient at x read as reshape(n_C, −1), where a transpose belongs."""
    shape = case.shape
    for batch in (1, shape[0]) if len(shape) > 2 else (1,):
        # (batch, M, C) read as (batch, C, M) and turned back
        other = _turned(case.x.reshape(batch, shape[-1], -1)).reshape(shape)
        if not case.complete or np.array_equal(other, case.x):
            continue
        # (batch, M, C) -> where (batch, C, M) has them
        back = _turned(np.arange(case.x.size).reshape(batch, -1, shape[-1])).ravel()
        for order in (np.arange(case.x.size), back):
            for predicted in (
                _at_other(case, other, order),
                _of_product(case, other, batch, order),
            ):
                if predicted is not None:
                    yield Guess(
                        f"It is the gradient for {case.name} taken apart by reshape(n_C, -1). That "
                        "gives rows of numbers that are no channels: reshape(-1, n_C).T keeps "
                        "channels together.",
                        predicted=predicted,
                        evidence=f"{case.name} read in that order gives this gradient",
                    )


def _turned(array: NDArray[Any]) -> NDArray[Any]:
    """(batch, A, B) -> (batch, B, A)."""
    return np.ascontiguousarray(array.transpose(0, 2, 1))


def _at_other(case: Case, other: Array64, order: NDArray[np.intp]) -> Array64 | None:
    """Measure a few entries at other values of the argument, and put them in an order."""
    few = np.arange(min(len(case.entries), MEASURED))
    measured = case.measured_with(order[few], **{case.name: other})
    if measured is None:
        return None
    here = order[few]
    if np.allclose(measured[here], case.n[here], rtol=1e-5):
        return None  # a linear layer: its gradient does not tell how x was read
    predicted = np.full(len(case.entries), np.nan)
    predicted[few] = measured[here]
    return predicted


def _of_product(case: Case, other: Array64, batch: int, order: NDArray[np.intp]) -> Array64 | None:
    """Where the gradient is x times a matrix, as of Gram matrices: the other x times it."""
    # (batch, M, C)
    x, n, y = (
        array.reshape(batch, -1, case.shape[-1])
        for array in (case.x, case.spread(case.slopes.numeric), other)
    )
    if x.shape[1] <= x.shape[2]:
        return None
    # (batch, C, M) @ (batch, M, C) -> (batch, C, C)
    matrix = np.linalg.pinv(x) @ n
    if not np.allclose(x @ matrix, n, rtol=1e-5, atol=1e-6 * float(np.abs(n).max())):
        return None
    return case.at((y @ matrix).ravel()[order])


def _transposed_result(case: Case, analytic: Array64) -> Iterator[Guess]:
    for order in sorted(permutations(range(len(case.shape))), key=_moved_axes):
        moved = tuple(case.shape[a] for a in order)
        axes = [a for a, b in enumerate(order) if a != b]
        if not axes:
            continue
        back = tuple(int(a) for a in np.argsort(order))
        text = "axes " + " and ".join([", ".join(map(str, axes[:-1])), str(axes[-1])])
        # what is there has the shape `moved`, by itself or forced into the right one
        forced = analytic.shape == case.shape and moved != case.shape
        if analytic.shape not in (moved, case.shape):
            continue
        how = " and then reshaped, which keeps the wrong order" if forced else ""
        yield Guess(
            f"It is transposed: {text} are in another order{how}.",
            repaired=case.at(analytic.reshape(moved).transpose(back)),
            evidence=f"transposing {text} makes it right",
        )


def _moved_axes(order: tuple[int, ...]) -> int:
    return sum(a != b for a, b in enumerate(order))


def kernel_not_flipped(case: Case) -> Iterator[Guess]:
    """Analytic = the gradient of the layer with its kernel the other way round."""
    if not case.first:
        for axes, text in _flips(case.shape):
            yield Guess(
                f"It is flipped along {text}.",
                repaired=case.at(np.flip(np.asarray(case.analytic), axes)),
                evidence=f"flipping {text} makes it right",
            )
    yield from _other_way_round(case, _flips, np.flip, "flipped along {}")
    yield from kernel.flipped(case)


def reversed_axis(case: Case) -> Iterator[Guess]:
    """Analytic, read backwards along some axes, = numeric."""
    kernels = [] if case.first else [axes for axes, _ in _flips(case.shape)]
    for count in range(1, len(case.shape) + 1):
        for axes in combinations(range(len(case.shape)), count):
            if axes in kernels:
                continue  # that is `kernel_not_flipped`
            names = ", ".join(axis_name(case, axis) for axis in axes)
            yield Guess(
                f"It runs backwards along {names}.",
                repaired=case.at(np.flip(np.asarray(case.analytic), axes)),
                evidence=f"reversing {names} makes it right",
            )
    for axes, names in _flips(case.out.shape) if case.out.ndim and case.out.size > 1 else ():
        predicted = case.right_for(np.flip(case.upstream, axes))
        if predicted is not None:
            yield Guess(
                f"grad_out is taken backwards along {names} of out: np.convolve turns what it is "
                "given, np.correlate does not.",
                predicted=predicted,
                evidence=f"it is the gradient for grad_out reversed along {names}",
            )


def shifted(case: Case) -> Iterator[Guess]:
    """Analytic, moved by a few positions, = numeric; or each window moved by its number."""
    analytic = np.asarray(case.analytic)
    for offsets in _offsets(case.shape):
        moved = np.full(case.shape, np.nan)
        here, there = _overlap(case.shape, offsets)
        moved[here] = analytic[there]
        repaired = case.at(moved)
        covered = float(np.isfinite(repaired).mean())
        text = ", ".join(
            f"{o:+d} along {axis_name(case, axis)}" for axis, o in enumerate(offsets) if o
        )
        yield Guess(
            f"It is shifted by {text}: the padding, or where a window starts, is off by "
            f"{max(map(abs, offsets))}.",
            repaired=repaired,
            evidence=f"moving it back makes the {100 * covered:.0f} % that overlap right",
            certainty=0.7 + 0.3 * covered if covered > 0.2 else 0.0,
        )
    yield from _stretched(case)


def _stretched(case: Case) -> Iterator[Guess]:
    """Let window number o land at o·(stride + δ)."""
    if case.columns is None or not case.complete or case.out.ndim != len(case.shape):
        return
    spatial = range(1, len(case.shape) - 1)
    sets = [tuple(spatial)] if len(spatial) > 1 else []
    for axes in [*sets, *((a,) for a in spatial)]:
        if np.prod([case.out.shape[a] for a in axes]) > POSITIONS:
            continue
        for delta in (-1, 1, -2, 2):
            yield Guess(
                f"The stride is off by {delta:+d} along "
                f"{', '.join(axis_name(case, a) for a in axes)}: the windows land at other places "
                "than they came from.",
                predicted=_moved_windows(case, axes, delta),
                evidence=f"moving window number o by {delta:+d}·o positions gives this gradient",
            )


def _moved_windows(case: Case, axes: tuple[int, ...], delta: int) -> Array64:
    total = np.zeros(case.shape)
    assert case.columns is not None
    for position in product(*(range(case.out.shape[a]) for a in axes)):
        chosen = [slice(None)] * case.out.ndim
        offsets = [0] * len(case.shape)
        for a, o in zip(axes, position, strict=True):
            chosen[a], offsets[a] = slice(o, o + 1), delta * o
        upstream = np.zeros_like(case.upstream)
        upstream[tuple(chosen)] = case.upstream[tuple(chosen)]
        part = (upstream.ravel() @ case.columns).reshape(case.shape)
        here, there = _overlap(case.shape, tuple(offsets))
        total[there] += part[here]
    return case.at(total)


def _offsets(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield shifts, near ones first: of any one axis, or of several spatial axes at once."""
    found = []
    for offsets in product(range(-FARTHEST, FARTHEST + 1), repeat=len(shape)):
        axes = [a for a, o in enumerate(offsets) if o]
        near = all(abs(offsets[a]) < shape[a] for a in axes)
        # several axes: only those that can be spatial, next to each other, by one or all alike
        alike = len({abs(offsets[a]) for a in axes}) == 1
        if near and axes and (len(axes) == 1 or (alike and axes[-1] - axes[0] == len(axes) - 1)):
            found.append(offsets)
    yield from sorted(found, key=lambda o: sum(map(abs, o)))


def _overlap(
    shape: tuple[int, ...], offsets: tuple[int, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return where an array and the same array moved by offsets have entries in common."""
    here = tuple(
        slice(max(-o, 0), max(n - max(o, 0), 0)) for n, o in zip(shape, offsets, strict=True)
    )
    there = tuple(
        slice(max(o, 0), max(n - max(-o, 0), 0)) for n, o in zip(shape, offsets, strict=True)
    )
    return here, there


def _other_way_round(
    case: Case, changes: Callable[[Shape], Iterator[tuple[Shape, str]]],
    turn: Callable[[Array64, Shape], Array64], text: str,
) -> Iterator[Guess]:  # fmt: skip
    """Measure the gradient again with another argument turned round, and compare."""
    inputs = case.study.pair.inputs
    few = np.argsort(-np.abs(case.a - case.n))[:MEASURED]
    for other in case.study.pair.names:
        if other == case.name:
            continue
        for axes, their_names in changes(inputs[other].shape):
            turned, how = turn(inputs[other], axes), text.format(their_names)
            if np.array_equal(turned, inputs[other]):
                continue
            measured = case.measured_with(few, **{other: np.ascontiguousarray(turned)})
            if measured is not None:
                yield Guess(
                    f"It is the gradient for {other} {how}.",
                    predicted=measured,
                    evidence=f"{len(few)} entries measured again with {other} {how} agree with it",
                )


def _flips(shape: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], str]]:
    """Yield the sets of axes that can be a kernel's: all of them first, then one by one.

    Two axes may be channels, behind or before; one may be; or none, as in a plain (k, k).
    """
    ndim = len(shape)
    kernels = [tuple(range(max(ndim - 2, 1))), tuple(range(2, ndim))]
    kernels += [tuple(range(ndim)), tuple(range(ndim - 1)), tuple(range(1, ndim))]
    sets = list(dict.fromkeys(axes for axes in kernels if axes))
    sets += [(a,) for axes in list(sets) if len(axes) > 1 for a in axes]
    for axes in dict.fromkeys(sets):
        if any(shape[a] > 1 for a in axes):
            yield axes, ("axis " if len(axes) == 1 else "axes ") + ", ".join(map(str, axes))


def _swaps(shape: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], str]]:
    for axes in combinations(range(len(shape)), 2):
        if shape[axes[0]] == shape[axes[1]] > 1:
            yield axes, f"axes {axes[0]} and {axes[1]}"
