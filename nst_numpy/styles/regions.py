"""Which places of a picture count, and how much: a mask, brought to the grid of each layer.

A mask has a number from 0 to 1 for each pixel, sample or voxel. A unit of a layer counts as much
as the mask does around the centre of its receptive field: the mean over one step of the layer, so
that neighbouring units share what lies between them, and no thin line falls through. Soft edges
stay soft, and hard ones get as soft as the layer is coarse.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from nst_numpy.common.arrays import Array, Array64, Shape
from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.losses.columns import resizing_matrix
from nst_numpy.network import Network
from nst_numpy.receptive_field import ReceptiveField, receptive_fields

Counts: TypeAlias = "Array | None"  # (*sizes,): how much each position counts; None: all count 1


class Regions(NamedTuple):
    """Where the generated picture takes its style, and from where in the painting.

    Attributes
    ----------
    content : ndarray, (*sizes,), or None
        How much each pixel of the generated picture counts, 0 to 1; None: all of it.
    style : ndarray, (*sizes',), or None
        The same of the painting.
    """

    content: Counts = None
    style: Counts = None

    @property
    def whole(self) -> bool:
        """Whether both pictures count everywhere."""
        return self.content is None and self.style is None


WHOLE = Regions()


def on_layers(network: Any, mask: Counts, shape: Shape, names: Iterable[str]) -> dict[str, Counts]:
    """Bring a mask to the grids of some layers.

    Parameters
    ----------
    network : Network, or any object with `feature_shapes`
        Of one that is no Network nothing is known of receptive fields: each layer then divides
        the picture evenly.
    mask : ndarray, (*sizes,), or None
    shape : tuple of int, (N, *sizes, C)
        Of the picture.
    names : iterable of str

    Returns
    -------
    dict of str to ndarray, (*sizes_l,)
        None for each layer where the mask is None.

    Raises
    ------
    ShapeError
        The mask has not the sizes of the picture.
    SettingError
        A layer has no unit that counts.

    Notes
    -----
    Equation (68) in docs/mathematics.
    """
    names = list(names)
    if mask is None or not names:
        return dict.fromkeys(names)
    check_sizes(mask, shape)
    found: dict[str, Counts] = {}
    for name, layer in network.feature_shapes(shape, names).items():
        counts = mask
        for axis, matrix in enumerate(_matrices(network, name, shape[1:-1], layer[1:-1])):
            counts = np.moveaxis(np.tensordot(matrix, counts, (1, axis)), 0, axis)  # equation (68)
        if not counts.any():
            raise SettingError(
                f"the region of a mask has no place in {name}: draw it larger, or further from "
                "the edge"
            )
        found[name] = np.clip(counts, 0, 1)  # rounding
    return found


def on_grid(mask: Counts, grid: Shape) -> Counts:
    """Bring a mask to a grid that divides the picture evenly: the mean over each place.

    >>> on_grid(np.array([0.0, 1.0, 1.0, 1.0]), (2,))
    array([0.5, 1. ])
    """
    if mask is None:
        return None
    counts = mask
    for axis, n in enumerate(grid):
        matrix = resizing_matrix(mask.shape[axis], n)
        counts = np.moveaxis(np.tensordot(matrix, counts, (1, axis)), 0, axis)
    return np.clip(counts, 0, 1)


def check_sizes(mask: Array, shape: Shape) -> None:
    """Refuse a mask that is not one of a picture of `shape`, (N, *sizes, C)."""
    if mask.shape != shape[1:-1]:
        raise ShapeError(
            f"a mask of shape {mask.shape} is none of a picture of sizes {shape[1:-1]}: "
            "it needs a number for each place"
        )


def _matrices(network: Any, name: str, sizes: Shape, layer: Shape) -> list[Array64]:
    """Make for each axis the matrix (n_l, n) that takes a mask to the layer."""
    if not isinstance(network, Network):
        return [resizing_matrix(n, n_layer) for n, n_layer in zip(sizes, layer, strict=True)]
    fields = receptive_fields(network, name, sizes)
    return [sampling_matrix(*each) for each in zip(fields, sizes, layer, strict=True)]


@lru_cache(maxsize=64)
def sampling_matrix(field: ReceptiveField, n: int, n_layer: int) -> Array64:
    """Make the matrix (n_layer, n) that averages over one step around each unit's centre.

    Each row adds up to 1. What a unit sees beyond the edge does not count; one whose centre is
    out there takes the pixel at the edge.

    Examples
    --------
    >>> sampling_matrix(ReceptiveField(size=6, stride=2, start=-2), 4, 2)
    array([[0.5, 0.5, 0. , 0. ],
           [0. , 0. , 0.5, 0.5]])
    """
    # pixel p reaches from p − ½ to p + ½
    centres = np.clip(field.centre + field.stride * np.arange(n_layer), 0, n - 1)[:, None]
    left, right = centres - field.stride / 2, centres + field.stride / 2
    pixels = np.arange(n)
    shared = np.minimum(pixels + 0.5, right) - np.maximum(pixels - 0.5, left)
    matrix: Array64 = np.maximum(shared, 0)
    matrix /= matrix.sum(axis=1, keepdims=True)
    matrix.flags.writeable = False
    return matrix
