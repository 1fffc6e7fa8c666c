"""Pools: one routine each way, and two ways to share.

A max pool gives an output's whole gradient to the input that won, an average pool an equal
share to each input of the window. All else is the same for both, and stands here once: a loop
over the few positions inside the window, each of which is one strided slice of the input.
"""

import dataclasses
import math
from collections.abc import Iterator
from itertools import repeat
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nst_numpy.common.arrays import Array
from nst_numpy.kernels.memory import empty_array, scratch_array
from nst_numpy.kernels.parts import EachPart, MadeInParts
from nst_numpy.kernels.threads import chunks, for_each
from nst_numpy.kernels.windows import Window, offset_slices, pad_for

BAND_BYTES = 1 << 18  # of output at a time: what a core's own cache holds


class MaxPoolCache(NamedTuple):
    """For each output, which position in its window (counted in C order) was the largest."""

    winner: NDArray[np.integer]
    window: Window

    @classmethod
    def prepare(cls, out: Array, window: Window) -> "MaxPoolCache":
        """Make room for what the way back needs."""
        kind = np.min_scalar_type(math.prod(window.kernel) - 1)
        return cls(np.empty(out.shape, dtype=kind), window)

    @staticmethod
    def padded(x: Array, window: Window) -> Array:
        """Pad x with what never wins."""
        return pad_for(x, window, fill=-np.inf)

    def gather(
        self, seen: Array, window: Window, rows: slice, out: Array, place: tuple[Any, ...]
    ) -> None:
        """Find the largest value that each window of some rows sees, and its number."""
        winner = self.winner[place]
        for number, offset in enumerate(np.ndindex(*window.kernel)):
            candidate = seen[offset_slices(window, offset, rows)]
            if number == 0:
                out[...] = candidate
                winner[...] = 0
            else:
                # strictly larger: of equal values the first one wins
                winner[candidate > out] = number
                np.maximum(out, candidate, out=out)

    def shares(self, grad_out: Array, place: tuple[Any, ...]) -> Iterator[Array]:
        """Yield, of the outputs at `place`, what each position in the window receives."""
        for number in range(math.prod(self.window.kernel)):
            yield grad_out[place] * (self.winner[place] == number)


class AvgPoolCache(NamedTuple):
    """How many inputs, padding left out, each output averages: (1, *out_sizes, 1)."""

    inputs: Array
    window: Window

    @classmethod
    def prepare(cls, out: Array, window: Window) -> "AvgPoolCache":
        """Count the inputs of each output."""
        ones = pad_for(np.ones((1, *window.sizes, 1), dtype=out.dtype), window)
        inputs = np.empty((1, *window.out_sizes, 1), dtype=out.dtype)
        _add_up(ones, window, slice(0, window.out_sizes[0]), inputs)
        return cls(inputs, window)

    @staticmethod
    def padded(x: Array, window: Window) -> Array:
        """Pad x with zeros: they add nothing."""
        return pad_for(x, window)

    def gather(
        self, seen: Array, window: Window, rows: slice, out: Array, place: tuple[Any, ...]
    ) -> None:
        """Take the mean of what each window of some rows sees."""
        _add_up(seen, window, rows, out)
        out /= self.inputs[(slice(None), *place[1:])]

    def shares(self, grad_out: Array, place: tuple[Any, ...]) -> Iterator[Array]:
        """Yield, of the outputs at `place`, what each position in the window receives."""
        share = grad_out[place] / self.inputs[(slice(None), *place[1:])]
        return repeat(share, math.prod(self.window.kernel))


PoolCache = MaxPoolCache | AvgPoolCache
Cache = TypeVar("Cache", MaxPoolCache, AvgPoolCache)


def pool(x: Array, window: Window, kind: type[Cache]) -> tuple[Array, Cache]:
    """Pool x: (N, *sizes, C) -> (N, *out_sizes, C)."""
    out = empty_array((x.shape[0], *window.out_sizes, x.shape[-1]), x.dtype)
    cache = kind.prepare(out, window)
    padded = cache.padded(x, window)

    def work(rows: slice) -> None:
        place = (slice(None), rows)
        cache.gather(padded, window, rows, out[place], place)

    for_each(work, _bands(out))
    return out, cache


def pool_in_parts(
    x_shape: tuple[int, ...], dtype: DTypeLike, window: Window, kind: type[PoolCache]
) -> tuple[Array, PoolCache, EachPart]:
    """Prepare to pool an array that is computed in parts, each while it is in cache.

    For windows side by side without padding; parts begin between windows.

    Returns
    -------
    out, cache : as `pool` returns them, complete once every part has come
    each_part : callable
        Pools a part x[n, rows, …], given its place (n, rows, …).
    """
    out = empty_array((x_shape[0], *window.out_sizes, x_shape[-1]), dtype)
    cache = kind.prepare(out, window)

    def each_part(part: Array, place: tuple[Any, ...]) -> None:
        item, *cuts = place
        # slices of the input -> slices of the output; what no window sees is at the end
        kernel = window.kernel
        target = (slice(c.start // k, c.stop // k) for c, k in zip(cuts, kernel, strict=True))
        place = (slice(item, item + 1), *target)
        if out[place].size > 0:
            seen = dataclasses.replace(window, sizes=part.shape[:-1])
            cache.gather(part[None], seen, slice(0, seen.out_sizes[0]), out[place], place)

    return out, cache, each_part


def send_back(grad_out: Array, cache: PoolCache, each_part: EachPart | None = None) -> Array:
    """Give each input its shares: ∂J/∂x, (N, *out_sizes, C) -> (N, *sizes, C).

    `each_part` is called with each part of the result as soon as it is computed.
    """
    window = cache.window
    before = [pair[0] for pair in window.pad]
    sizes = [n + sum(pair) for n, pair in zip(window.sizes, window.pad, strict=True)]
    grad_padded = empty_array((grad_out.shape[0], *sizes, grad_out.shape[-1]), grad_out.dtype)
    cuts = (slice(b, b + n) for b, n in zip(before, window.sizes, strict=True))
    grad_x = grad_padded[(slice(None), *cuts)]
    # bands of windows that share no input may be filled at the same time
    apart = window.stride[0] >= window.kernel[0] and grad_x.shape == grad_padded.shape
    # windows side by side, nothing between them: every input is seen once
    exact = apart and window.kernel == window.stride
    left_over = any(n % k for n, k in zip(window.sizes, window.kernel, strict=True))
    bands = _bands(grad_out) if apart else [slice(0, window.out_sizes[0])]

    def work(rows: slice) -> None:
        last = rows.stop == window.out_sizes[0]  # also takes the inputs that no window saw
        stop = sizes[0] if last else rows.stop * window.stride[0]
        band = slice(rows.start * window.stride[0], stop)
        if left_over or not exact:
            grad_padded[:, band] = 0
        shares = cache.shares(grad_out, (slice(None), rows))
        for offset, share in zip(np.ndindex(*window.kernel), shares, strict=True):
            seen = grad_padded[offset_slices(window, offset, rows)]
            if exact:
                seen[...] = share
            else:
                seen += share
        if each_part is not None:
            place = (slice(None), band if apart else slice(None))
            each_part(grad_x[place], place)

    for_each(work, bands)
    return grad_x


def send_back_in_parts(grad_out: Array, cache: PoolCache, each_part: EachPart) -> MadeInParts:
    """Give each input its share when the layer below reads it.

    For windows side by side without padding. `each_part` is called with each part that is
    read, and must do the same every time.
    """
    window = cache.window
    shape = (grad_out.shape[0], *window.sizes, grad_out.shape[-1])

    def read(item: int, *cuts: slice) -> Array:
        sizes = tuple(cut.stop - cut.start for cut in cuts)
        part: Array = scratch_array("spread", (1, *sizes, shape[-1]), grad_out.dtype)
        axes = list(zip(cuts, window.kernel, window.out_sizes, strict=True))
        if any(cut.stop > k * out for cut, k, out in axes):
            part[...] = 0  # no window saw the last inputs
        # the windows that these inputs lie in
        seen = [slice(cut.start // k, min(-(-cut.stop // k), out)) for cut, k, out in axes]
        shares = cache.shares(grad_out, (slice(item, item + 1), *seen))
        for offset, share in zip(np.ndindex(*window.kernel), shares, strict=True):
            target, source = [slice(None)], [slice(None)]
            for (cut, k, _), outputs, tap in zip(axes, seen, offset, strict=True):
                # the outputs o whose input o*k + tap is in the cut
                first = -((tap - cut.start) // k)
                last = min(-((tap - cut.stop) // k), outputs.stop)
                target.append(slice(first * k + tap - cut.start, max(last * k - cut.start, 0), k))
                source.append(slice(first - outputs.start, max(last - outputs.start, 0)))
            part[tuple(target)] = share[tuple(source)]
        read_part: Array = part[0]
        each_part(read_part, (item, *cuts))
        return read_part

    return MadeInParts(shape, grad_out.dtype, read)


def _bands(out: Array) -> list[slice]:
    """Cut the first spatial axis so that a band stays in cache."""
    return chunks(out.shape[1], BAND_BYTES * out.shape[1] // out.nbytes)


def _add_up(padded: Array, window: Window, rows: slice, out: Array) -> None:
    """Sum what the windows of some rows see."""
    first, *others = (offset_slices(window, k, rows) for k in np.ndindex(*window.kernel))
    out[...] = padded[first]
    for seen in others:
        out += padded[seen]
