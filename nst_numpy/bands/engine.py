"""The engine that works in bands: each layer is a stream of rows, which the next one reads."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nst_numpy.bands.arrays import InBands, Stream
from nst_numpy.bands.gradients import GradientInBands
from nst_numpy.bands.steps import Step, Way, first_two, steps_of
from nst_numpy.bands.store import Bands, Kept, Store
from nst_numpy.common.arrays import Array, Shape
from nst_numpy.errors import SettingError
from nst_numpy.fused.blocks import ConvAlone, ConvReLUPool, FirstTwo
from nst_numpy.fused.engine import Fused
from nst_numpy.fused.gradients import GradientInParts, adds
from nst_numpy.fused.plan import Plan
from nst_numpy.kernels.memory import ReusedMemory
from nst_numpy.kernels.parts import WHOLE, EachPart
from nst_numpy.kernels.threads import OfThisThread, chunks
from nst_numpy.kernels.winograd import TILE
from nst_numpy.layers.activation import ReluRule
from nst_numpy.rows import LayerParams, Row

Read = Callable[[slice], Array]  # rows -> (N, rows, …)


class Passed(NamedTuple):
    """What a forward pass leaves: its plan's blocks as steps, each with what it has kept."""

    plan: Plan
    steps: list[Step]
    shape: Shape


class _OfThisThread(OfThisThread):
    """Memory to use again, of each thread that uses a network."""

    memory: ReusedMemory | None = None


class Banded:
    """Runs a network's rows in bands, by the plan of the fused engine.

    Up: the deepest layer is asked for one band after the other. It asks the layer below for the
    rows that its windows see, and so on down to the picture. Down: the picture's gradient is asked
    for, and asks upwards.

    Kept in between, in memory or in a file: of each ReLU one bit a number, of each max pool which
    position won, and the activations that losses look at. That of the first convolution, the
    largest, is made again from the pixels whenever rows of it are read.
    """

    def __init__(
        self,
        layers: Mapping[str, Row],
        params: Mapping[str, LayerParams],
        dtype: np.dtype[Any],
        bands: Bands,
    ) -> None:
        self.bands, self.dtype = bands, dtype
        self._fused = Fused(layers, params, dtype)
        self._own = _OfThisThread()

    def forward(self, x: Array, names: Sequence[str]) -> tuple[dict[str, Any], Passed]:
        """Return the named activations in bands, and what the way down needs."""
        if len(x) != 1:
            raise SettingError(
                f"band_rows: one picture is computed in bands, not {len(x)} together"
            )
        plan = self._fused.plan(x.shape, names)
        steps = steps_of(plan.blocks, x.shape)
        store = Store(self.bands.in_file)
        with self._memory_in_use():
            features = _Up(x, steps, names, store, self.bands.rows).go()
        return features, Passed(plan, steps, x.shape)

    def backward(
        self, grads: Mapping[str, Any], passed: Passed, relu: ReluRule = "gradient"
    ) -> Array:
        """Return ∂J/∂x, given ∂J/∂a^[l] of some of the layers that were reached."""
        with self._memory_in_use():
            return _Down(grads, passed, relu, self.bands.rows, self.dtype).go()

    def kept_bytes(self, shape: Shape, names: Sequence[str], itemsize: int) -> int:
        """Bytes that a forward pass keeps for the way down, features aside."""
        return self._fused.plan(shape, names).kept_bytes

    def _memory_in_use(self) -> Any:
        self._own.memory = self._own.memory or ReusedMemory()
        return self._own.memory.in_use()


class _Up:
    """One forward pass."""

    def __init__(
        self, x: Array, steps: Sequence[Step], names: Sequence[str], store: Store, rows: int
    ) -> None:
        self.x, self.steps, self.rows = x, steps, rows
        self.kept: dict[str, Kept] = {}
        self.features: dict[str, Any] = dict.fromkeys(names)
        lowest = steps[0]
        again = isinstance(lowest.block, ConvAlone) and not isinstance(lowest.block, ConvReLUPool)
        for number, step in enumerate(steps):
            step.begin(store)
            for name, shape in _shapes(step).items():
                if name not in self.features:
                    continue
                if number == 0 and again:
                    read: Any = self._make_again
                else:
                    read = self._keep(store, name, shape)
                height = max(1, rows * shape[1] // x.shape[1])
                self.features[name] = InBands(shape, x.dtype, read, height)

    def _keep(self, store: Store, name: str, shape: Shape) -> Any:
        self.kept[name] = store.room(shape, self.x.dtype)
        return self.kept[name].read

    def _make_again(self, rows: slice) -> Array:
        """Compute some rows of the lowest block once more."""
        local, seen = self.steps[0].local(rows)
        return local.up(self.x[:, seen], _nothing)[0]

    def go(self) -> dict[str, Any]:
        """Ask the deepest layer for all its rows."""
        step = _common_step(self.steps)
        below: Read = self._pixels
        for each in self.steps:
            below = Stream(each.height, step, self._makes(each, below)).read
        top = self.steps[-1]
        for rows in chunks(top.height, max(1, self.rows * top.height // self.x.shape[1])):
            below(rows)
        return self.features

    def _pixels(self, rows: slice) -> Array:
        return self.x[:, rows]

    def _makes(self, step: Step, read: Read) -> Read:
        def make(rows: slice) -> Array:
            def keep(name: str, a: Array) -> None:
                if name in self.kept:
                    inner = name != step.names[-1]
                    self.kept[name].write(step.below_pool(rows) if inner else rows, a)

            out = step.up(rows, read, keep)
            keep(step.names[-1], out)
            return out

        return make


class _Down:
    """One backward pass."""

    def __init__(
        self,
        grads: Mapping[str, Any],
        passed: Passed,
        relu: ReluRule,
        rows: int,
        dtype: np.dtype[Any],
    ) -> None:
        self.grads, self.rows, self.dtype = grads, rows, dtype
        self.shape, self.plan = passed.shape, passed.plan
        self.steps = list(passed.steps)
        while not any(name in grads for name in self.steps[-1].names):
            self.steps.pop()
        self.way = Way(self._own, relu)

    def _own(self, name: str, rows: slice) -> EachPart | None:
        grad = self.grads.get(name)
        if grad is None:
            return None
        if isinstance(grad, GradientInBands):
            return grad.in_band(rows)
        if isinstance(grad, GradientInParts):
            grad = np.asarray(grad)
        return adds(grad[:, rows])

    def go(self) -> Array:
        """Ask for all rows of ∂J/∂x."""
        step = _common_step(self.steps)
        read: Read = Stream(self.steps[-1].height, step, self._begin).read
        both = len(self.steps) > 1 and isinstance(self.plan.blocks[0], FirstTwo)
        for above, below in zip(self.steps[:0:-1], self.steps[-2::-1], strict=True):
            if both and below is self.steps[0]:
                break
            read = Stream(below.height, step, self._makes(above, below, read)).read
        height = -(-self.rows // step) * step
        if both:
            return self._add_first_two(read, height)
        grad_x = np.empty(self.shape, self.dtype)
        for rows in _aligned(self.shape[1], height):
            grad_x[:, rows] = self.steps[0].down(rows, read, self.way, None)
        return grad_x

    def _add_first_two(self, read: Read, height: int) -> Array:
        """Collect what the rows above the first convolution give to the pixels."""
        grad_x = np.zeros(self.shape, self.dtype)
        lower, upper = self.steps[:2]
        for rows in _aligned(lower.height, height):
            part, x_rows = first_two(lower, upper, rows, read, self.way)
            grad_x[:, x_rows] += part
        return grad_x

    def _begin(self, rows: slice) -> Array:
        """Make the gradient at the output of the highest step: that of the losses alone."""
        top = self.steps[-1]
        items, _, *others = top.block.out_shape
        grad = np.zeros((items, rows.stop - rows.start, *others), self.dtype)
        arrive = top.arrival(rows, self.way)
        if arrive is not None:
            arrive(grad, WHOLE)
        return grad

    def _makes(self, above: Step, below: Step, read: Read) -> Read:
        def make(rows: slice) -> Array:
            return above.down(rows, read, self.way, below.arrival(rows, self.way))

        return make


def _common_step(steps: Sequence[Step]) -> int:
    """Rows that are cut alike in bands and in the whole: by tiles, and by windows of pools."""
    return math.lcm(TILE, *(step.side for step in steps))


def _aligned(total: int, height: int) -> list[slice]:
    """Cut so many rows into bands that begin at multiples of `height`."""
    return [slice(first, min(first + height, total)) for first in range(0, total, height)]


def _shapes(step: Step) -> dict[str, Shape]:
    """Return the shape of each layer of a step."""
    block, out = step.block, step.block.out_shape
    below = block.conv_shape if isinstance(block, ConvReLUPool) else out
    return dict.fromkeys(step.names[:-1], below) | {step.names[-1]: out}


def _nothing(name: str, a: Array) -> None:
    """Keep nothing."""
