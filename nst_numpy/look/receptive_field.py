"""Which pixels a unit sees.

A unit of a deep layer is computed from a square of input pixels: its receptive field.
Going up, a window of k positions widens the field by (k − 1) steps, and a stride of s
makes every later step s times as long.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nst_numpy.errors import ShapeError, UnknownNameError
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


class Box(NamedTuple):
    """A rectangle of pixels, half-open: `image[top:bottom, left:right]` cuts it out."""

    top: int
    left: int
    bottom: int
    right: int


def receptive_field(layer: str, table: Sequence[Layer] = TABLES["vgg16"]) -> ReceptiveField:
    """Return size, stride and start of a layer's receptive fields.

    >>> receptive_field("relu3_1")
    ReceptiveField(size=24, stride=4, start=-10)
    """
    size, step, start = 1, 1, 0
    for row in _up_to(layer, table):
        kernel, stride, pad = GEOMETRY[row.kind]
        size += (kernel - 1) * step
        start -= pad * step
        step *= stride
    return ReceptiveField(size, step, start)


def receptive_box(
    layer: str,
    row: int,
    col: int,
    image_shape: Sequence[int],
    table: Sequence[Layer] = TABLES["vgg16"],
) -> Box:
    """Return the pixels that one unit sees, clipped at the picture's borders.

    Parameters
    ----------
    layer : str
    row, col : int
        Position in the layer's map, from 0.
    image_shape : sequence of int
        (H, W), or anything that begins so, as `image.shape` does.
    table : sequence of Layer
        The network; default VGG-16.

    Returns
    -------
    Box
        top, left, bottom, right in pixels, half-open.

    Raises
    ------
    UnknownNameError
        For a layer that is not there.
    ShapeError
        If the position is not on the layer's map.

    Examples
    --------
    >>> receptive_box("relu3_1", 10, 0, (224, 224))
    Box(top=30, left=0, bottom=54, right=14)
    """
    height, width = image_shape[:2]
    rows, columns = map_size(layer, height, table), map_size(layer, width, table)
    if not (0 <= row < rows and 0 <= col < columns):
        raise ShapeError(
            f"receptive_box: {layer} of a picture of {height}×{width} pixels has {rows}×{columns} "
            f"positions, rows from 0 and columns from 0: there is no ({row}, {col})"
        )
    top, bottom = seen_interval(layer, row, height, table)
    left, right = seen_interval(layer, col, width, table)
    return Box(int(top), int(left), int(bottom), int(right))


def map_size(layer: str, pixels: int, table: Sequence[Layer] = TABLES["vgg16"]) -> int:
    """Return how many positions a layer has along a side of so many pixels.

    >>> map_size("relu3_1", 227)
    56
    """
    for row in _up_to(layer, table):
        kernel, stride, pad = GEOMETRY[row.kind]
        pixels = (pixels + 2 * pad - kernel) // stride + 1
    return pixels


def seen_interval(layer: str, index: Any, pixels: Any, table: Sequence[Layer]) -> tuple[Any, Any]:
    """Return the first pixel, and the one after the last, that positions see along one side.

    Parameters
    ----------
    layer : str
    index, pixels : int or ndarray of int
        Positions, and the length of the picture's side of each.
    table : sequence of Layer
    """
    field = receptive_field(layer, table)
    first = field.start + index * field.stride
    # A pool drops the last row of an odd map, but the convolution below it reads that row
    # from the one before. So what is clipped is at the picture's border only.
    return np.maximum(first, 0), np.minimum(first + field.size, pixels)


def _up_to(layer: str, table: Sequence[Layer]) -> Sequence[Layer]:
    """Return the rows of the table from the image up to a layer."""
    names = [row.name for row in table]
    if layer not in names:
        raise UnknownNameError.of("layer", layer, names)
    return table[: names.index(layer) + 1]
