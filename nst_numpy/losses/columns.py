"""Several layers on one grid: at each position all that the network says of it, in one vector.

Layers of a network have grids of different size. Along each axis an activation is brought to the
size wanted by a matrix, so the way back is the matrix transposed.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product

import numpy as np

from nst_numpy.common.arrays import Array, Array64, Shape
from nst_numpy.errors import ShapeError
from nst_numpy.kernels.threads import chunks, for_each

COLUMNS = 4096  # of a matrix that is resized at a time


def hypercolumns(features: Mapping[str, Array], size: Sequence[int]) -> Array:
    """Bring layers to one grid, and put their channels behind one another.

    Parameters
    ----------
    features : mapping of str to ndarray, (N, *sizes, C_l)
        Activations of some layers, such as `network.forward` returns.
    size : sequence of int
        The grid, (n_H, n_W) of a picture; often that of one of the layers.

    Returns
    -------
    columns : ndarray, (N, *size, Σ C_l)
        Layers in the order of the mapping.

    Raises
    ------
    ShapeError
        There are no layers, or they have not one number of samples and the axes of `size`.

    Notes
    -----
    Equation (33) in docs/mathematics; Hariharan et al. (2015). An axis that is too long is
    averaged, each input counting by how much of it lies in the output's part; one that is too
    short is interpolated linearly between the inputs' centres. Layers are taken as they are: the
    one with the largest numbers and the most channels counts most in a cosine.

    Examples
    --------
    >>> import numpy as np
    >>> fine = np.array([[[1.0], [3.0], [5.0], [9.0]]])
    >>> coarse = np.array([[[10.0], [20.0]]])
    >>> hypercolumns({"fine": fine, "coarse": coarse}, (2,))
    array([[[ 2., 10.],
            [ 7., 20.]]])
    """
    size = tuple(size)
    shapes = {name: a.shape for name, a in features.items()}
    columns = np.empty(_joined(shapes, size), np.result_type(*features.values()))
    places = _places(shapes)
    for name, a in features.items():
        for axis, n in enumerate(size, start=1):
            a = _along(axis, resizing_matrix(a.shape[axis], n), a)  # equation (33)
        columns[..., places[name]] = a
    return columns


def hypercolumns_backward(grad_out: Array, shapes: Mapping[str, Shape]) -> dict[str, Array]:
    """Carry a gradient at hypercolumns back to the layers that they were made of.

    Parameters
    ----------
    grad_out : ndarray, (N, *size, Σ C_l)
    shapes : mapping of str to tuple of int
        The shape of each layer's activation, in the same order as they were given.

    Returns
    -------
    grads : dict of str to ndarray
        For each layer, of its shape.

    Raises
    ------
    ShapeError
        If hypercolumns of such layers have not the shape of grad_out.

    Notes
    -----
    Equation (33) in docs/mathematics.
    """
    size = grad_out.shape[1:-1]
    want, places = _joined(shapes, size), _places(shapes)
    if grad_out.shape != want:
        raise ShapeError(
            f"hypercolumns_backward: grad_out must be {want}, the sum of the layers' channels "
            f"last, not {grad_out.shape}"
        )
    grads = {}
    for name, shape in shapes.items():
        grad = grad_out[..., places[name]]
        for axis, n in enumerate(size, start=1):
            grad = _along(axis, resizing_matrix(shape[axis], n).T, grad)  # equation (33)
        grads[name] = grad.copy() if np.may_share_memory(grad, grad_out) else grad
    return grads


@lru_cache(maxsize=64)
def resizing_matrix(n_in: int, n_out: int) -> Array64:
    """Make the matrix (n_out, n_in) that resizes an axis: averages, or linear interpolation.

    Each row adds up to 1: what is constant stays so.

    Examples
    --------
    >>> resizing_matrix(4, 2)
    array([[0.5, 0.5, 0. , 0. ],
           [0. , 0. , 0.5, 0.5]])
    >>> resizing_matrix(2, 4)
    array([[1.  , 0.  ],
           [0.75, 0.25],
           [0.25, 0.75],
           [0.  , 1.  ]])
    """
    matrix: Array64
    step = n_in / n_out
    if step >= 1:
        left, right = np.arange(n_in), np.arange(1, n_in + 1)
        begin = np.arange(n_out)[:, None] * step
        shared = np.minimum(right, begin + step) - np.maximum(left, begin)
        matrix = np.maximum(shared, 0) / step
    else:
        centres = np.clip((np.arange(n_out) + 0.5) * step - 0.5, 0, n_in - 1)
        matrix = np.maximum(1 - np.abs(centres[:, None] - np.arange(n_in)), 0)
    matrix.flags.writeable = False
    return matrix


def _along(axis: int, matrix: Array64, a: Array) -> Array:
    """Multiply one axis of a by a matrix: (…, n, …) -> (…, n', …)."""
    n_out, n_in = matrix.shape
    return a if n_out == n_in else resize_axis(axis, matrix, a)  # that is the identity


def resize_axis(axis: int, matrix: Array64, a: Array) -> Array:
    """Do the same, also by a square matrix that is part of a larger one."""
    n_out, n_in = matrix.shape
    # (N, n_H, n_W, C), along n_H -> (N, n_H, n_W·C); along n_W -> (N·n_H, n_W, C)
    before = a.reshape(-1, n_in, int(np.prod(a.shape[axis + 1 :])))
    out = np.empty((len(before), n_out, before.shape[2]), a.dtype)
    factor = matrix.astype(a.dtype)

    def work(piece: tuple[int, slice]) -> None:
        i, columns = piece
        np.matmul(factor, before[i, :, columns], out=out[i, :, columns])

    for_each(work, product(range(len(before)), chunks(before.shape[2], COLUMNS)))
    return out.reshape(*a.shape[:axis], n_out, *a.shape[axis + 1 :])


def _places(shapes: Mapping[str, Shape]) -> dict[str, slice]:
    """Say where the channels of each layer are among all."""
    ends = np.cumsum([shape[-1] for shape in shapes.values()])
    return {
        name: slice(int(end) - shape[-1], int(end))
        for (name, shape), end in zip(shapes.items(), ends, strict=True)
    }


def _joined(shapes: Mapping[str, Shape], size: Shape) -> Shape:
    """Return the shape of the hypercolumns; refuse layers that no grid of this size can join."""
    samples = {shape[0] for shape in shapes.values()}
    if len(samples) != 1 or any(len(shape) != len(size) + 2 for shape in shapes.values()):
        raise ShapeError(
            f"hypercolumns: for the grid {size} every layer must be (N, {len(size)} sizes, C) with "
            f"one N, not {dict(shapes)}"
        )
    return (samples.pop(), *size, sum(shape[-1] for shape in shapes.values()))
