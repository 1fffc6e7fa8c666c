"""A convolution's kernel, read off ∂out/∂x: the kernel need not be among the arguments."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from nst_numpy.common.arrays import Array64, Shape
from nst_numpy.gradcheck.evidence import Case
from nst_numpy.gradcheck.hypotheses.guess import Guess

LARGEST = 5000  # entries of an item that are moved once more


@dataclass
class SeenKernel:
    """What every output of a convolution sees of x.

    Attributes
    ----------
    array : ndarray, (*kernel, C, F)
    starts : dict
        By position in out, the first position in x that its window covers; outside of x too.
    shape, out : tuple of int
        x and out read as (N, *sizes, C) and (N, *positions, F).
    """

    array: Array64
    starts: dict[Shape, Shape]
    shape: Shape
    out: Shape

    def gradient(self, upstream: Array64, array: Array64) -> Array64:
        """Return the gradient of x for a kernel in the place of this one."""
        sizes, upstream = array.shape[:-2], upstream.reshape(self.out)
        grad = np.zeros(self.shape)
        for o, start in self.starts.items():
            seen, part = _inside(start, sizes, self.shape[1:-1])
            # (N, F) · (*part, C, F) -> (N, *part, C)
            at: tuple[Any, ...] = (slice(None), *o)
            grad[(slice(None), *seen)] += np.tensordot(upstream[at], array[part], (1, -1))
        return grad


def flipped(case: Case) -> Iterator[Guess]:
    """Analytic = the gradient for the kernel flipped along some axes."""
    kernel = case.once(seen_kernel)
    if kernel is None:
        return
    axes = range(kernel.array.ndim - 2)
    for count in reversed(range(1, len(axes) + 1)):
        for some in combinations(axes, count):
            text = f"{'axis' if count == 1 else 'axes'} {', '.join(map(str, some))}"
            yield Guess(
                f"It is the gradient for the kernel flipped along {text}.",
                predicted=_predicted(case, kernel, np.flip(kernel.array, some)),
                evidence=f"the kernel, read off ∂out/∂x, flipped along {text} gives it",
            )


def axes_swapped(case: Case) -> Iterator[Guess]:
    """Analytic = the gradient for the kernel with two axes of one size exchanged."""
    kernel = case.once(seen_kernel)
    if kernel is None:
        return
    shape = kernel.array.shape
    for a, b in combinations(range(len(shape)), 2):
        if shape[a] == shape[b] > 1:
            names = {len(shape) - 2: "input channels", len(shape) - 1: "output channels"}
            text = f"{names.get(a, f'axis {a}')} and {names.get(b, f'axis {b}')}"
            yield Guess(
                f"It is the gradient for the kernel with {text} exchanged.",
                predicted=_predicted(case, kernel, kernel.array.swapaxes(a, b)),
                evidence="the kernel, read off ∂out/∂x, with these axes exchanged gives it",
            )
    # where channels do not mix, only the flip is missing
    if shape[-1] == shape[-2] and not np.array_equal(kernel.array, kernel.array.swapaxes(-1, -2)):
        turned = np.flip(kernel.array.swapaxes(-1, -2), tuple(range(len(shape) - 2)))
        yield Guess(
            "The layer itself is applied to grad_out: its kernel is neither flipped, nor are input "
            "and output channels exchanged.",
            predicted=_predicted(case, kernel, turned),
            evidence="the kernel, read off ∂out/∂x, turned twice gives it",
        )


def seen_kernel(case: Case) -> SeenKernel | None:
    """Read the kernel off the way from x to out; None if there is none, or it is an argument."""
    pair = case.study.pair
    others = [pair.inputs[name].ndim for name in pair.names if name != case.name]
    if not case.first or max([0, *others]) > 1:
        return None
    found = (_read(case, shape, out) for shape, out in _layouts(case.shape, case.out.shape))
    return next((kernel for kernel in found if kernel is not None), None)


def _layouts(shape: Shape, out: Shape) -> Iterator[tuple[Shape, Shape]]:
    """Yield x and out as (N, *sizes, C) and (N, *positions, F), with an axis for what has none.

    Channels come last: with rows of a picture for channels, a matrix would do for a kernel.

    >>> list(_layouts((5, 5), (3, 3)))
    [((1, 5, 5, 1), (1, 3, 3, 1)), ((1, 5, 5), (1, 3, 3))]
    """
    if not 0 < len(shape) == len(out):
        return
    of_items = shape[0] == out[0]
    if len(shape) > 2 and of_items:
        yield shape, out
    yield (1, *shape, 1), (1, *out, 1)
    if len(shape) > 1 and of_items:
        yield (*shape, 1), (*out, 1)
    if len(shape) > 1:
        yield (1, *shape), (1, *out)


def _read(case: Case, shape: Shape, out: Shape) -> SeenKernel | None:
    columns = _of_first_item(case, int(np.prod(shape[1:])))
    if columns is None:
        return None
    # (M, k) -> of the first item: (*positions, F, *sizes, C)
    slopes = columns.reshape(*out, *shape[1:])[0]
    windows = {o: _window(slopes[o]) for o in np.ndindex(*out[1:-1])}
    sizes = tuple(max(w[1][a] for w in windows.values()) for a in range(len(shape) - 2))
    whole = [o for o, (_, size) in windows.items() if size == sizes]
    if not whole or max(sizes) < 2:
        return None
    # a running sum is no convolution, though a window as long as x would make it one
    moves = [len({o[a] for o in whole}) > 1 for a, size in enumerate(sizes) if size > 1]
    if shape != case.shape and not all(moves):
        return None
    first, last = whole[0], whole[-1]
    strides = [
        (windows[last][0][a] - windows[first][0][a]) // (last[a] - first[a])
        if last[a] > first[a] else 1
        for a in range(len(sizes))
    ]  # fmt: skip
    starts = {
        o: tuple(windows[first][0][a] + strides[a] * (o[a] - first[a]) for a in range(len(sizes)))
        for o in windows
    }
    seen, _ = _inside(starts[first], sizes, shape[1:-1])
    # (F, *kernel, C) -> (*kernel, C, F)
    array = np.moveaxis(slopes[first][(slice(None), *seen)], 0, -1)
    kernel = SeenKernel(array, starts, shape, out)
    again = case.at(kernel.gradient(case.upstream, kernel.array))
    near = np.allclose(again, case.n, rtol=1e-4, atol=1e-5 * float(np.abs(case.n).max(initial=0.0)))
    return kernel if near else None


def _of_first_item(case: Case, size: int) -> Array64 | None:
    """Return ∂out/∂x of the first item alone, measured anew if only a sample is known."""
    if case.columns is not None and case.complete:
        return case.columns[:, :size]
    if not 0 < size <= LARGEST or len(case.entries) < len(case.slopes.entries):
        return None
    return case.prober.measure(np.arange(size), case.upstream).columns


def _predicted(case: Case, kernel: SeenKernel, array: Array64) -> Array64:
    return case.at(kernel.gradient(case.upstream, np.ascontiguousarray(array)))


def _window(slopes: Array64) -> tuple[Shape, Shape]:
    """Return start and size of what one position sees, of slopes (F, *sizes, C)."""
    seen = (slopes != 0).any(axis=(0, -1))
    start, size = [], []
    for axis in range(seen.ndim):
        others = tuple(a for a in range(seen.ndim) if a != axis)
        places = np.flatnonzero(seen.any(axis=others))
        start.append(int(places[0]) if places.size else 0)
        size.append(int(places[-1] - places[0]) + 1 if places.size else 0)
    return tuple(start), tuple(size)


def _inside(
    start: Shape, sizes: Shape, shape: Shape
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return where a window lies in x, and which part of the window that is."""
    ends = [(max(s, 0), min(s + k, n)) for s, k, n in zip(start, sizes, shape, strict=True)]
    ends = [(lo, max(lo, hi)) for lo, hi in ends]
    seen = tuple(slice(lo, hi) for lo, hi in ends)
    part = tuple(slice(lo - s, hi - s) for (lo, hi), s in zip(ends, start, strict=True))
    return seen, part
