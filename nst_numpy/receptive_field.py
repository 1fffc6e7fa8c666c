"""Which part of its input a unit sees: pixels, samples, voxels.

A unit of a deep layer is computed from a box of the input: its receptive field. Each axis
is on its own. Going up, a window that spans k positions widens the field by (k − 1) steps,
and a stride of s makes every later step s times as long.

A network's rows say how their windows slide, for each layer and axis (`Slide`). VGG's are
alike on both axes and in all sizes of picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nst_numpy.common.arrays import Shape
from nst_numpy.errors import ShapeError, UnknownNameError
from nst_numpy.network import Network
from nst_numpy.rows import Flatten, GlobalAvgPool, Row, carry_shape
from nst_numpy.vgg import SIZE, VGG16

Rows = Mapping[str, Row]


class Slide(NamedTuple):
    """How a layer's window slides along one axis.

    `span` counts the input positions from the window's first to its last, `before` and
    `after` those of the padding.
    """

    span: int
    stride: int
    before: int
    after: int

    def outputs(self, length: Any) -> Any:
        """Return the number of outputs, given that of the inputs."""
        return (length + self.before + self.after - self.span) // self.stride + 1


Slides = Sequence[Slide]  # of one axis, from the input upwards
STILL = Slide(span=1, stride=1, before=0, after=0)


@dataclass(frozen=True)
class ReceptiveField:
    """The receptive field of a layer's units along one axis, in positions of the input.

    The field of unit i covers the pixels, or samples, from `start + i·stride` to
    `start + i·stride + size − 1`; a negative start is padding.
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


def receptive_field(layer: str, network: Network | Rows = VGG16) -> ReceptiveField:
    """Return size, stride and start of a layer's receptive fields, along the first axis.

    Parameters
    ----------
    layer : str
    network : Network, or its rows
        Default: VGG-16. See `receptive_fields` for networks whose axes differ.

    Examples
    --------
    >>> receptive_field("relu3_1")
    ReceptiveField(size=24, stride=4, start=-10)
    """
    return _field(typical_slides(layer, network))


def receptive_fields(
    network: Network, layer: str, sizes: Sequence[int]
) -> tuple[ReceptiveField, ...]:
    """Return the receptive field of a layer's units along each axis of the input.

    Parameters
    ----------
    network : Network
        VGG, Sequential or another.
    layer : str
        Of `Flatten` the units have no one place; ask for the layer below it.
    sizes : sequence of int
        Of the input: (L,), (H, W) or (D, H, W). Layers above a `GlobalAvgPool` or `Flatten`
        see all of it.

    Raises
    ------
    UnknownNameError
        For a layer that is not there.
    ShapeError
        If the input does not fit, or the layer is a `Flatten`.

    Examples
    --------
    >>> from nst_numpy.training.sequential import Conv, MaxPool, Sequential
    >>> net = Sequential([Conv(16, 5), MaxPool(4), Conv(32, 5)], input_shape=(180, 1))
    >>> receptive_fields(net, "conv2", (180,))
    (ReceptiveField(size=24, stride=4, start=0),)
    """
    return tuple(_field(slides) for slides in network_slides(network, layer, sizes))


def _field(slides: Slides) -> ReceptiveField:
    """Put windows on each other, from the input upwards."""
    size, step, start = 1, 1, 0
    for slide in slides:
        size += (slide.span - 1) * step  # equation (24)
        start -= slide.before * step
        step *= slide.stride
    return ReceptiveField(size, step, start)


def network_slides(network: Network, layer: str, sizes: Sequence[int]) -> tuple[Slides, ...]:
    """Say how the windows slide in the layers up to the one named, for each axis of the input.

    Parameters and errors are those of `receptive_fields`.
    """
    if not isinstance(network, Network):
        raise ShapeError(f"receptive_fields: network must be a Network, not {network!r}")
    network.check_names([layer])
    if isinstance(network.layers[layer], Flatten):
        raise ShapeError(
            f"receptive_fields: a unit of {layer} is one position of the layer below it: "
            "ask for that layer"
        )
    shape = (1, *sizes, network.input_shape[-1])
    network.feature_shapes(shape, [layer])  # refuses what does not fit
    return row_slides(network.layers, layer, shape)


def row_slides(rows: Rows, layer: str, shape: Shape) -> tuple[Slides, ...]:
    """Say how the windows of the rows up to a layer slide, for each axis of an input of `shape`."""
    if layer not in rows:
        raise UnknownNameError.of("layer", layer, list(rows))
    slides = [
        _slides_of_row(name, row, x_shape, len(shape) - 2)
        for name, row, x_shape, _ in carry_shape("receptive_fields", rows, shape, layer)
    ]
    # one an axis for each layer -> one a layer for each axis
    return tuple(zip(*slides, strict=True))


def _slides_of_row(name: str, row: Row, shape: Shape, axes: int) -> Slides:
    """Say how a row's window slides over an input of `shape`: one Slide an axis."""
    window = row.window(f"receptive_fields, {name}", shape)
    if window is not None:
        columns = (window.span, window.stride, window.pad)
        return [Slide(span, stride, *pad) for span, stride, pad in zip(*columns, strict=True)]
    if isinstance(row, (GlobalAvgPool, Flatten)):
        return [Slide(size, 1, 0, 0) for size in shape[1:-1]]
    return [STILL] * axes


def typical_slides(layer: str, network: Network | Rows) -> Slides:
    """Say how windows slide along the first axis, for an input of the usual size."""
    if isinstance(network, Network):
        return row_slides(network.layers, layer, (1, *network.input_shape))[0]
    return row_slides(network, layer, (1, SIZE, SIZE, 3))[0]


def count_outputs(slides: Slides, length: Any) -> Any:
    """Return how many units there are, above an input of that length or of those lengths."""
    for slide in slides:
        length = slide.outputs(length)
    return length


def seen_interval(slides: Slides, index: Any, length: Any) -> tuple[Any, Any]:
    """Return the first position of the input, and the one after the last, that units see.

    Parameters
    ----------
    slides : sequence of Slide
    index, length : int or ndarray of int
        Of the units, and the length of each one's input.

    Examples
    --------
    >>> seen_interval([Slide(3, 1, 1, 1), Slide(2, 2, 0, 0)], np.array([0, 4]), 10)
    (array([0, 7]), array([ 3, 10]))
    """
    lengths = [length]
    for slide in slides:
        lengths.append(slide.outputs(lengths[-1]))
    first = last = index
    # Down again, clipped at each map: what a pool drops at its end, no unit above sees.
    for slide, inputs in zip(reversed(slides), reversed(lengths[:-1]), strict=True):
        first = np.maximum(first * slide.stride - slide.before, 0)
        last = np.minimum(last * slide.stride - slide.before + slide.span - 1, inputs - 1)
    return first, last + 1


def seen_box(
    slides: Sequence[Slides], position: Sequence[int], sizes: Sequence[int]
) -> tuple[slice, ...]:
    """Return the box of the input that a unit sees, clipped at its borders: one slice an axis.

    Parameters
    ----------
    slides : one sequence of Slide an axis
        From `network_slides`.
    position : sequence of int
        Of the unit on its layer's map; a map above a global pool has one position, 0.
    sizes : sequence of int
        Of the input.
    """
    axes = zip(slides, position, sizes, strict=True)
    ends = (seen_interval(each, index, size) for each, index, size in axes)
    return tuple(slice(int(start), int(stop)) for start, stop in ends)


def receptive_box(
    layer: str,
    row: int,
    col: int,
    image_shape: Sequence[int],
    network: Network | Rows = VGG16,
) -> Box:
    """Return the pixels that one unit sees, clipped at the picture's borders.

    Parameters
    ----------
    layer : str
    row, col : int
        Position in the layer's map, from 0.
    image_shape : sequence of int
        (H, W), or anything that begins so, as `image.shape` does.
    network : Network, or its rows
        Default: VGG-16.

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
    slides = typical_slides(layer, network)
    rows, columns = count_outputs(slides, height), count_outputs(slides, width)
    if not (0 <= row < rows and 0 <= col < columns):
        raise ShapeError(
            f"receptive_box: {layer} of a picture of {height}×{width} pixels has {rows}×{columns} "
            f"positions, rows from 0 and columns from 0: there is no ({row}, {col})"
        )
    down, across = seen_box([slides, slides], (row, col), (height, width))
    return Box(down.start, across.start, down.stop, across.stop)


def map_size(layer: str, pixels: int, network: Network | Rows = VGG16) -> int:
    """Return how many positions a layer has along a side of so many pixels.

    >>> map_size("relu3_1", 227)
    56
    """
    return int(count_outputs(typical_slides(layer, network), pixels))
