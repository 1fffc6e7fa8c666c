"""One block of the plan, for some rows at a time.

Which rows of its input a band of the output sees, and on the way down which rows of ∂J/∂out a band
of ∂J/∂x comes from. What the block computes is its own business: it is told of a smaller picture,
with padding only where the whole one has some.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nst_numpy.bands.store import Kept, Store
from nst_numpy.common.arrays import Array, Shape
from nst_numpy.errors import SettingError
from nst_numpy.fused.blocks import (
    POOL_CACHES,
    Block,
    ConvAlone,
    ConvReLU,
    ConvReLUPool,
    FirstTwo,
    Keep,
    OneRow,
    PoolAlone,
)
from nst_numpy.kernels.methods import way_back
from nst_numpy.kernels.parts import WHOLE, EachPart
from nst_numpy.kernels.pools import AvgPoolCache, MaxPoolCache, PoolCache
from nst_numpy.kernels.windows import Window
from nst_numpy.layers.activation import ReluRule
from nst_numpy.rows import ReLU


class BandWay:
    """What `fused.blocks.WayDown` is, for the rows of a band: layer by layer, which rows."""

    def __init__(
        self,
        own: Callable[[str, slice], EachPart | None],
        relu: ReluRule,
        rows: Mapping[str, slice],
    ) -> None:
        self._own, self.relu, self._rows = own, relu, rows

    def own(self, name: str) -> EachPart | None:
        """Return what adds the losses' gradient of a layer."""
        return self._own(name, self._rows[name])


class Step:
    """A block, its sizes, and what it keeps for the way down.

    Attributes
    ----------
    names : tuple of str
    height : int
        Rows of the output.
    side : int
        Rows of a window of the block's pool; 1 if it has none.
    """

    def __init__(self, block: ConvAlone | OneRow, x_shape: Shape) -> None:
        self.block, self.names = block, block.names
        self.x_shape, self.x_height, self.height = x_shape, x_shape[1], block.out_shape[1]
        self.window = block.window if isinstance(block, ConvAlone) else None
        self.pool_window = _pool_window(block, x_shape)
        self.side = 1 if self.pool_window is None else self.pool_window.kernel[0]
        self._refuse_what_cannot_be()
        height = self.x_height if self.window is None else self.window.out_sizes[0]
        self.conv_height = height  # below the pool
        self.masks: Kept | None = None
        self.winners: Kept | None = None

    def _refuse_what_cannot_be(self) -> None:
        block, pool = self.block, self.pool_window
        if self.window is not None:
            fits = set(self.window.stride) == {1}
        elif pool is not None:
            fits = pool.kernel == pool.stride and not any(map(any, pool.pad))
        else:
            fits = isinstance(block, OneRow) and type(block.row) is ReLU
        if not fits:
            raise SettingError(
                f"band_rows: {block.names[0]} cannot be computed in bands, which are for "
                "convolutions of stride 1, ReLUs, and pools whose windows lie side by side without "
                "padding: leave band_rows out, and use a size that fits into memory"
            )

    # ---- upwards

    def begin(self, store: Store) -> None:
        """Make room for what the way down needs."""
        block = self.block
        if isinstance(block, ConvReLU):
            self.masks = store.room(block.mask_shape, np.uint8)
        elif self.window is None and self.pool_window is None:
            self.masks = store.room(block.out_shape, np.bool_)
        if _pool_kind(block) is MaxPoolCache:
            self.winners = store.room(block.out_shape, np.uint8)

    def below_pool(self, rows: slice) -> slice:
        """Return the rows that the pool sees for rows of its output; the last ones to the end."""
        stop = self.conv_height if rows.stop == self.height else rows.stop * self.side
        return slice(rows.start * self.side, stop)

    def up(self, rows: slice, read: Callable[[slice], Array], keep: Keep) -> Array:
        """Return some rows of the output; keep what the way down needs of them."""
        local, seen = self.local(rows)
        out, kept = local.up(read(seen), keep)
        mask, cache = _parts(local, kept)
        if self.masks is not None:
            self.masks.write(self.below_pool(rows), mask)
        if self.winners is not None:
            self.winners.write(rows, cache.winner)
        return out

    def local(self, rows: slice) -> tuple[ConvAlone | OneRow, slice]:
        """Return the block for some rows of its output, and the rows of the input that it sees."""
        below = self.below_pool(rows)
        if self.window is None:
            return self.block, below
        local: Any = copy.copy(self.block)
        local.window, seen = _window_of(self.window, self.x_height, below)
        count = below.stop - below.start
        if isinstance(local, ConvReLU):
            local.mask_shape = _with_height(local.mask_shape, count)
        if isinstance(local, ConvReLUPool):
            local.conv_shape = _with_height(local.conv_shape, count)
            sizes = (count, *local.pool_window.sizes[1:])
            local.pool_window = replace(local.pool_window, sizes=sizes)
        return local, seen

    # ---- downwards

    def arrival(self, rows: slice, way: "Way") -> EachPart | None:
        """Return what is done with ∂J/∂out of some rows; see `blocks.ConvReLU.arrival`."""
        mask = None
        if isinstance(self.block, ConvReLU) and self.masks is not None and self.side == 1:
            mask = self.masks.read(rows)
        return self.block.arrival(mask, way.at(dict.fromkeys(self.names, rows)))  # type: ignore[arg-type]

    def down(
        self, rows: slice, read: Callable[[slice], Array], way: "Way", arrive: EachPart | None
    ) -> Array:
        """Return ∂J/∂x for some rows of the input, each part of which has gone through `arrive`."""
        if self.window is None and rows.start >= self.height * self.side:
            return self._unseen(rows, read, arrive)
        local, out_rows, kept, places = self.local_down(rows, read)
        grad_x: Array = local.down(read(out_rows), kept, way.at(places), arrive)
        return grad_x

    def local_down(
        self, rows: slice, read: Callable[[slice], Array]
    ) -> tuple[Any, slice, Any, dict[str, slice]]:
        """Return the block for some rows of ∂J/∂x: what it reads, has kept, and which rows."""
        if self.window is None:
            out_rows = self._pooled(rows)
            kept: Any = self._cache(out_rows, rows.stop - rows.start, read)
            if self.pool_window is None:
                assert self.masks is not None
                kept = self.masks.read(rows)
            return self.block, out_rows, kept, dict.fromkeys(self.names, out_rows)
        local: Any = copy.copy(self.block)
        local.back, grads = _window_of(way_back(self.window), self.conv_height, rows)
        if not isinstance(local, ConvReLUPool):
            return local, grads, None, dict.fromkeys(self.names, grads)
        out_rows = self._pooled(grads)
        below = self.below_pool(out_rows)
        local.cut = slice(grads.start - below.start, grads.stop - below.start)
        assert self.masks is not None
        mask = self.masks.read(below)
        kept = mask, self._cache(out_rows, below.stop - below.start, read)
        places = dict.fromkeys(self.names[:2], below) | {self.names[-1]: out_rows}
        return local, out_rows, kept, places

    def _unseen(
        self, rows: slice, read: Callable[[slice], Array], arrive: EachPart | None
    ) -> Array:
        """Return ∂J/∂x of the last rows, which no window of a pool saw."""
        dtype = read(slice(self.height - 1, self.height)).dtype
        grad_x = np.zeros(_with_height(self.x_shape, rows.stop - rows.start), dtype)
        if arrive is not None:
            arrive(grad_x, WHOLE)
        return grad_x

    def _pooled(self, rows: slice) -> slice:
        """Return the rows of the pool's output whose windows lie in some rows of its input."""
        return slice(
            min(rows.start // self.side, self.height - 1),
            min(-(-rows.stop // self.side), self.height),
        )

    def _cache(self, rows: slice, height: int, read: Callable[[slice], Array]) -> PoolCache | None:
        """Return the pool's cache for some rows of its output, whose windows see `height` rows."""
        if self.pool_window is None:
            return None
        window = replace(self.pool_window, sizes=(height, *self.pool_window.sizes[1:]))
        if self.winners is not None:
            return MaxPoolCache(self.winners.read(rows), window)
        return AvgPoolCache.prepare(read(rows), window)


class Way:
    """The losses' gradients, and what a ReLU does on this way down."""

    def __init__(self, own: Callable[[str, slice], EachPart | None], relu: ReluRule) -> None:
        self._own, self._relu = own, relu

    def at(self, rows: Mapping[str, slice]) -> BandWay:
        """Return those of some rows of each layer."""
        return BandWay(self._own, self._relu, rows)


def steps_of(blocks: Sequence[Block], x_shape: Shape) -> list[Step]:
    """Turn the blocks of a plan into steps; the first two are taken apart."""
    apart: list[ConvAlone | OneRow] = []
    for block in blocks:
        apart += [block.lower, block.upper] if isinstance(block, FirstTwo) else [block]
    steps = []
    for single in apart:
        steps.append(Step(single, x_shape))
        x_shape = single.out_shape
    return steps


def first_two(
    lower: Step, upper: Step, rows: slice, read: Callable[[slice], Array], way: Way
) -> tuple[Array, slice]:
    """Return what some rows of the lower block's output give to ∂J/∂x, and which rows of x.

    Others may give to the same rows of x: it is for adding.
    """
    low, x_rows = lower.local(rows)
    high, out_rows, kept, places = upper.local_down(rows, read)
    assert lower.masks is not None
    both = FirstTwo(low, high)  # type: ignore[arg-type]
    both.lower.out_shape = _with_height(both.lower.out_shape, rows.stop - rows.start)
    ways = way.at(places | dict.fromkeys(lower.names, rows))
    kept_of_both = (lower.masks.read(rows), kept)
    return both.down(read(out_rows), kept_of_both, ways, None), x_rows  # type: ignore[arg-type]


def _window_of(window: Window, height: int, rows: slice) -> tuple[Window, slice]:
    """Return the window, of stride 1, for some rows of the output, and the input's rows it sees."""
    (before, _), *others = window.pad
    first, stop = rows.start - before, rows.stop - 1 - before + window.span[0]
    seen = slice(max(0, first), min(height, stop))
    pad = (max(0, -first), max(0, stop - height))
    sizes = (seen.stop - seen.start, *window.sizes[1:])
    return replace(window, sizes=sizes, pad=(pad, *others)), seen


def _with_height(shape: Shape, height: int) -> Shape:
    return shape[0], height, *shape[2:]


def _parts(block: Any, kept: Any) -> tuple[Any, Any]:
    """Take apart what a block keeps: a mask, a pool's cache."""
    if isinstance(block, ConvReLUPool):
        mask, cache = kept
        return mask, cache
    return (None, kept) if isinstance(block, PoolAlone) else (kept, None)


def _pool_window(block: Any, x_shape: Shape) -> Window | None:
    if isinstance(block, ConvReLUPool):
        return block.pool_window
    return block.row.window(block.names[0], x_shape) if isinstance(block, PoolAlone) else None


def _pool_kind(block: Any) -> Any:
    if isinstance(block, ConvReLUPool):
        return block.pool_kind
    return POOL_CACHES[type(block.row)] if isinstance(block, PoolAlone) else None
