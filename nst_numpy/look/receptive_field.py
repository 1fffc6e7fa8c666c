"""Which part of its input a unit sees: pixels, samples, voxels.

A unit of a deep layer is computed from a box of the input: its receptive field. Each axis
is on its own. Going up, a window that spans k positions widens the field by (k − 1) steps,
and a stride of s makes every later step s times as long.

A network says how its windows slide, for each layer and axis (`Slide`). VGG's are alike on
both axes and in all sizes of picture, so its functions need only the table of its layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nst_numpy.errors import ShapeError, UnknownNameError
from nst_numpy.network import Sequential
from nst_numpy.objective import Network
from nst_numpy.rows import Flatten, GlobalAvgPool
from nst_numpy.vgg import TABLES, VGG, Layer


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
# of each kind of layer in a VGG, along both axes
GEOMETRY = {"conv": Slide(3, 1, 1, 1), "relu": STILL, "pool": Slide(2, 2, 0, 0)}


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


def receptive_field(layer: str, table: Sequence[Layer] = TABLES["vgg16"]) -> ReceptiveField:
    """Return size, stride and start of a layer's receptive fields.

    >>> receptive_field("relu3_1")
    ReceptiveField(size=24, stride=4, start=-10)
    """
    return _field(vgg_slides(layer, table))


def receptive_fields(
    network: Network, layer: str, sizes: Sequence[int]
) -> tuple[ReceptiveField, ...]:
    """Return the receptive field of a layer's units along each axis of the input.

    Parameters
    ----------
    network : VGG or Sequential
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
    >>> from nst_numpy.network import Conv, MaxPool
    >>> net = Sequential([Conv(16, 5), MaxPool(4), Conv(32, 5)], input_shape=(180, 1))
    >>> receptive_fields(net, "conv2", (180,))
    (ReceptiveField(size=24, stride=4, start=0),)
    """
    return tuple(_field(slides) for slides in network_slides(network, layer, sizes))


def _field(slides: Slides) -> ReceptiveField:
    """Put windows on each other, from the input upwards."""
    size, step, start = 1, 1, 0
    for slide in slides:
        size += (slide.span - 1) * step
        start -= slide.before * step
        step *= slide.stride
    return ReceptiveField(size, step, start)


def network_slides(network: Network, layer: str, sizes: Sequence[int]) -> tuple[Slides, ...]:
    """Say how the windows slide in the layers up to the one named, for each axis of the input.

    Parameters and errors are those of `receptive_fields`.
    """
    network.check_names([layer])
    if isinstance(network, VGG):
        return (vgg_slides(layer, network.table),) * 2
    if not isinstance(network, Sequential):
        raise ShapeError(f"receptive_fields: network must be VGG or Sequential, not {network!r}")
    if isinstance(network.layers[layer], Flatten):
        raise ShapeError(
            f"receptive_fields: a unit of {layer} is one position of the layer below it: "
            "ask for that layer"
        )
    shape = (1, *sizes, network.input_shape[-1])
    shapes = network.feature_shapes(shape)
    slides = []
    for name in network.layer_names[: network.layer_names.index(layer) + 1]:
        slides.append(_row_slides(f"receptive_fields, {name}", network, name, shape, len(sizes)))
        shape = shapes[name]
    # one an axis for each layer -> one a layer for each axis
    return tuple(zip(*slides, strict=True))


def _row_slides(
    who: str, network: Sequential, name: str, shape: tuple[int, ...], axes: int
) -> Slides:
    """Say how a layer's window slides over an input of `shape`: one Slide an axis."""
    row = network.layers[name]
    window = row.window(who, shape)
    if window is not None:
        columns = (window.span, window.stride, window.pad)
        return [Slide(span, stride, *pad) for span, stride, pad in zip(*columns, strict=True)]
    if isinstance(row, (GlobalAvgPool, Flatten)):
        return [Slide(size, 1, 0, 0) for size in shape[1:-1]]
    return [STILL] * axes


def vgg_slides(layer: str, table: Sequence[Layer] = TABLES["vgg16"]) -> Slides:
    """Say how the windows of a VGG slide, along either axis, up to a layer."""
    return [GEOMETRY[row.kind] for row in _up_to(layer, table)]


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
    slides = vgg_slides(layer, table)
    top, bottom = seen_interval(slides, row, height)
    left, right = seen_interval(slides, col, width)
    return Box(int(top), int(left), int(bottom), int(right))


def map_size(layer: str, pixels: int, table: Sequence[Layer] = TABLES["vgg16"]) -> int:
    """Return how many positions a layer has along a side of so many pixels.

    >>> map_size("relu3_1", 227)
    56
    """
    for slide in vgg_slides(layer, table):
        pixels = slide.outputs(pixels)
    return pixels


def _up_to(layer: str, table: Sequence[Layer]) -> Sequence[Layer]:
    """Return the rows of the table from the image up to a layer."""
    names = [row.name for row in table]
    if layer not in names:
        raise UnknownNameError.of("layer", layer, names)
    return table[: names.index(layer) + 1]
