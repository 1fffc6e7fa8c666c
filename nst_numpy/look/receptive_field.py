"""Which pixels a unit sees.

A unit of a deep layer is computed from a square of input pixels: its receptive field.
Going up, a window of k positions widens the field by (k − 1) steps, and a stride of s
makes every later step s times as long.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from nst_numpy.errors import UnknownNameError
from nst_numpy.vgg import TABLES, Layer

# kernel, stride and pad of each kind of layer in a VGG
GEOMETRY = {"conv": (3, 1, 1), "relu": (1, 1, 0), "pool": (2, 2, 0)}


@dataclass(frozen=True)
class ReceptiveField:
    """The receptive field of a layer's units, in pixels.

    The field of unit (i, j) covers, in each direction, the pixels from
    `start + i·stride` to `start + i·stride + size − 1`; a negative start is padding.
    """

    size: int
    stride: int
    start: int

    @property
    def centre(self) -> float:
        """Centre of the first unit's field, in pixels; 0 is the middle of the first pixel."""
        return self.start + (self.size - 1) / 2


def receptive_field(layer: str, table: Sequence[Layer] = TABLES["vgg16"]) -> ReceptiveField:
    """Return size, stride and start of a layer's receptive fields.

    >>> receptive_field("relu3_1")
    ReceptiveField(size=24, stride=4, start=-10)
    """
    size, step, start = 1, 1, 0
    for row in table:
        kernel, stride, pad = GEOMETRY[row.kind]
        size += (kernel - 1) * step
        start -= pad * step
        step *= stride
        if row.name == layer:
            return ReceptiveField(size, step, start)
    raise UnknownNameError.of("layer", layer, [row.name for row in table])
