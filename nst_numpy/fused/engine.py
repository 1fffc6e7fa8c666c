"""The fused engine: the network's two loops, over blocks instead of rows."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np

from nst_numpy.common.arrays import Array, Shape
from nst_numpy.common.remembered import remember
from nst_numpy.fused.blocks import KeptKernels, WayDown
from nst_numpy.fused.plan import Plan, make_plan
from nst_numpy.kernels.memory import ReusedMemory
from nst_numpy.kernels.parts import WHOLE
from nst_numpy.kernels.threads import OfThisThread
from nst_numpy.layers.activation import ReluRule
from nst_numpy.rows import LayerParams, Row

MOST_PLANS = 8  # that are remembered


class Passed(NamedTuple):
    """What a forward pass leaves: its plan, and what each block keeps for the way down."""

    plan: Plan
    kept: list[Any]


class _OfThisThread(OfThisThread):
    """The last plan of each thread that uses a network, and memory to use again for it."""

    last: Plan | None = None
    memory: ReusedMemory | None = None


class Fused:
    """Runs a network's rows by a plan; see `fused.plan`."""

    def __init__(
        self, layers: Mapping[str, Row], params: Mapping[str, LayerParams], dtype: np.dtype[Any]
    ) -> None:
        self.layers, self.dtype = layers, dtype
        self._kernels = KeptKernels(params)
        self._plans: dict[tuple[Shape, tuple[str, ...]], Plan] = {}
        self._own = _OfThisThread()

    def plan(self, shape: Shape, names: Sequence[str]) -> Plan:
        """Return the plan for an input of `shape` and these layers, the deepest of them last."""
        key = (tuple(shape), tuple(names))
        plan = self._plans.get(key)
        if plan is None:
            itemsize = self.dtype.itemsize
            plan = make_plan(self.layers, shape, names, self._kernels, itemsize)
            remember(self._plans, key, plan, MOST_PLANS)
        return plan

    def forward(self, x: Array, names: Sequence[str]) -> tuple[dict[str, Array], Passed]:
        """Return the named activations, and what the way down needs."""
        plan = self.plan(x.shape, names)
        features: dict[str, Array] = {}

        def keep(name: str, a: Array) -> None:
            if name in names:
                features[name] = a

        a, passed = x, Passed(plan, [])
        self._prepare_memory(plan)
        with self._memory_in_use():
            for block in plan.blocks:
                a, kept = block.up(a, keep)
                keep(block.names[-1], a)
                passed.kept.append(kept)
        return features, passed

    def backward(
        self, grads: Mapping[str, Any], passed: Passed, relu: ReluRule = "gradient"
    ) -> Array:
        """Return ∂J/∂x, given ∂J/∂a^[l] of some of the layers that were reached."""
        steps = list(zip(passed.plan.blocks, passed.kept, strict=True))
        while not any(name in grads for name in steps[-1][0].names):
            steps.pop()
        way = WayDown(grads, relu)
        del grads
        block, kept = steps[-1]
        with self._memory_in_use():
            grad = np.zeros(block.out_shape, dtype=self.dtype)
            arrive = block.arrival(kept, way)
            if arrive is not None:
                arrive(grad, WHOLE)
            while steps:
                block, kept = steps.pop()
                arrive = steps[-1][0].arrival(steps[-1][1], way) if steps else None
                grad = block.down(grad, kept, way, arrive)
        return grad

    def kept_bytes(self, shape: Shape, names: Sequence[str], itemsize: int) -> int:
        """Bytes that a forward pass keeps for the way down, features aside."""
        return self.plan(shape, names).kept_bytes

    def _prepare_memory(self, plan: Plan) -> None:
        """Use memory again from the second pass on, as long as one pass is like the other."""
        own = self._own
        if plan is not own.last:
            own.last, own.memory = plan, None
        elif own.memory is None:
            own.memory = ReusedMemory()

    def _memory_in_use(self) -> AbstractContextManager[None]:
        memory = self._own.memory
        return nullcontext() if memory is None else memory.in_use()
