"""The dense layer: every output is a weighted sum of all inputs."""

from typing import NamedTuple

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.errors import ShapeError
from nst_numpy.kernels.threads import chunks, for_each
from nst_numpy.layers.checks import check_dtypes, check_grad_out

ROWS = 256  # rows of a product that a thread takes at a time


class DenseCache(NamedTuple):
    """What `dense_backward` needs of the forward pass."""

    x: Array
    w: Array


def dense_forward(x: Array, w: Array, b: Array) -> tuple[Array, DenseCache]:
    """Return x @ w + b.

    Parameters
    ----------
    x : ndarray, (N, C_in)
    w : ndarray, (C_in, C_out)
    b : ndarray, (C_out,)

    Returns
    -------
    out : ndarray, (N, C_out)
    cache : DenseCache

    Raises
    ------
    ShapeError
        Ranks, sizes or dtypes do not fit, or an axis is empty.

    Notes
    -----
    Equation (11) in docs/mathematics.

    Examples
    --------
    >>> import numpy as np
    >>> dense_forward(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([5.0]))[0]
    array([[16.]])
    """
    _check_dense(x, w, b)
    # (N, C_in) @ (C_in, C_out) -> (N, C_out)
    return _product(x, w) + b, DenseCache(x, w)  # equation (11)


def dense_backward(grad_out: Array, cache: DenseCache) -> tuple[Array, Array, Array]:
    """Return the gradients of a dense layer's input, matrix and bias.

    Parameters
    ----------
    grad_out : ndarray, (N, C_out)
    cache : DenseCache, from `dense_forward`

    Returns
    -------
    grad_x, grad_w, grad_b : ndarrays shaped like x, w and b

    Raises
    ------
    ShapeError
        If grad_out is not shaped like the output.
    """
    return dense_input_gradient(grad_out, cache), *dense_param_gradients(grad_out, cache)


def dense_input_gradient(grad_out: Array, cache: DenseCache) -> Array:
    """Return only ∂J/∂x = grad_out @ wᵀ."""
    check_grad_out("dense_backward", grad_out, (cache.x.shape[0], cache.w.shape[1]))
    # (N, C_out) @ (C_out, C_in) -> (N, C_in)
    return _product(grad_out, cache.w.T)  # equation (11)


def dense_param_gradients(grad_out: Array, cache: DenseCache) -> tuple[Array, Array]:
    """Return only ∂J/∂w = xᵀ @ grad_out and ∂J/∂b = Σ_n grad_out."""
    check_grad_out("dense_backward", grad_out, (cache.x.shape[0], cache.w.shape[1]))
    # (C_in, N) @ (N, C_out) -> (C_in, C_out)
    return _product(cache.x.T, grad_out), grad_out.sum(axis=0)  # equation (11)


def _product(left: Array, right: Array) -> Array:
    """Multiply some rows at a time, so that threads share the work and not the rounding."""
    out = np.empty((left.shape[0], right.shape[1]), dtype=left.dtype)
    for_each(lambda rows: np.matmul(left[rows], right, out=out[rows]), chunks(len(left), ROWS))
    return out


def _check_dense(x: Array, w: Array, b: Array) -> None:
    who = "dense_forward"
    shapes = f"x {x.shape} is (N, C_in), w {w.shape} is (C_in, C_out)"
    if x.ndim != 2 or w.ndim != 2:
        raise ShapeError(
            f"{who}: x must be (N, C_in) and w (C_in, C_out), not {x.shape} and {w.shape}: "
            "flatten or average over positions first"
        )
    if x.shape[1] != w.shape[0]:
        raise ShapeError(f"{who}: x has {x.shape[1]} channels, w expects {w.shape[0]}: {shapes}")
    if b.shape != w.shape[1:]:
        raise ShapeError(f"{who}: b must have one entry an output, {w.shape[1:]}, not {b.shape}")
    if 0 in x.shape or 0 in w.shape:
        raise ShapeError(f"{who}: an axis is empty: {shapes}")
    check_dtypes(who, x, w, b)
