"""ReLU, forward and backward."""

import numpy as np
from numpy.typing import NDArray

from nst_numpy.errors import ShapeError

Array = NDArray[np.floating]


def relu_forward(x: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return max(x, 0), and the mask x > 0 as cache.

    Parameters
    ----------
    x : ndarray, any shape

    Returns
    -------
    out : ndarray, shaped like x
    cache : ndarray of bool, shaped like x
        Where x > 0: all that the backward pass needs, in a quarter of float32's memory.

    Examples
    --------
    >>> import numpy as np
    >>> relu_forward(np.array([-1.0, 0.0, 2.0]))[0]
    array([0., 0., 2.])
    """
    return np.maximum(x, 0), x > 0


def relu_backward(grad_out: Array, cache: NDArray[np.bool_]) -> Array:
    """Pass the gradient where x > 0; the kink at 0 counts as 0.

    Parameters
    ----------
    grad_out : ndarray, shaped like the output
    cache : ndarray of bool, from `relu_forward`

    Raises
    ------
    ShapeError
        If grad_out is not shaped like the output.
    """
    if grad_out.shape != cache.shape:
        raise ShapeError(
            f"relu_backward: grad_out must have the output's shape {cache.shape}, "
            f"not {grad_out.shape}"
        )
    return grad_out * cache
