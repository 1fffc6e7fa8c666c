"""The plan: which rows are done together; made once for a network, a shape and some layers."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nst_numpy.common.arrays import Shape
from nst_numpy.fused.blocks import (
    POOL_CACHES,
    Block,
    ConvAlone,
    ConvReLU,
    ConvReLUPool,
    FirstTwo,
    KeptKernels,
    OneRow,
    PoolAlone,
    Stage,
    can_be_first_two,
    can_be_pooled_in_parts,
)
from nst_numpy.rows import Conv, ReLU, Row, carry_shape


class Plan(NamedTuple):
    """The blocks, from the input upwards."""

    blocks: tuple[Block, ...]

    @property
    def kept_bytes(self) -> int:
        """Bytes that are kept for the way back, features aside."""
        return sum(block.kept_bytes for block in self.blocks)

    @property
    def kernel_bytes(self) -> int:
        """Bytes of transformed kernels, which stay from step to step."""
        return sum(block.kernel_bytes for block in self.blocks)


def make_plan(
    layers: Mapping[str, Row],
    shape: Shape,
    wanted: Sequence[str],
    kernels: KeptKernels,
    itemsize: int,
) -> Plan:
    """Decide, for an input of `shape`, which rows up to the deepest one wanted are done together.

    What is wanted as a feature must be there whole: the row above it begins a new block, but
    for a pool, which reads it once more.
    """
    stages = [
        Stage(name, row, x_shape, out_shape, row.cache_bytes(x_shape, itemsize))
        for name, row, x_shape, out_shape in carry_shape("plan", layers, shape, wanted[-1])
    ]
    blocks: list[Block] = []
    while stages:
        block = _first_block(stages, wanted, kernels)
        del stages[: len(block.names)]
        blocks.append(block)
    if len(blocks) > 1 and can_be_first_two(*blocks[:2]):
        blocks[:2] = [FirstTwo(*blocks[:2])]  # type: ignore[arg-type]
    return Plan(tuple(blocks))


def _first_block(stages: Sequence[Stage], wanted: Sequence[str], kernels: KeptKernels) -> Block:
    """Join the lowest rows as far as may be."""
    lowest, *above = stages[:3]
    if type(lowest.row) in POOL_CACHES:
        return PoolAlone(lowest, kernels.params)
    if type(lowest.row) is not Conv:
        return OneRow(lowest, kernels.params)
    if not above or type(above[0].row) is not ReLU or lowest.name in wanted:
        return ConvAlone(lowest, kernels)
    block = ConvReLU(lowest, above[0], kernels)
    if len(above) > 1 and can_be_pooled_in_parts(block, above[1]):
        relu_is_wanted = above[0].name in wanted
        return ConvReLUPool(lowest, above[0], above[1], kernels, relu_is_wanted)
    return block
