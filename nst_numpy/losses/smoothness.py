"""Total variation: how much neighbouring pixels differ."""

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.errors import ShapeError
from nst_numpy.losses.positions import sum_of_squares


def total_variation_loss(x: Array) -> tuple[float, Array]:
    """Sum of squared differences between neighbouring pixels, and its gradient.

    J_tv = Σ (x_{i+1,j} − x_{i,j})² + Σ (x_{i,j+1} − x_{i,j})²: small for smooth pictures.

    Parameters
    ----------
    x : ndarray, (N, *sizes, C)
        Usually the picture itself; any number of spatial axes.

    Returns
    -------
    value : float
    grad_x : ndarray, shaped like x

    Notes
    -----
    Equation (9) in docs/mathematics. Not in the lecture; Mahendran and Vedaldi (2015), the
    regulariser with β = 2.

    Examples
    --------
    >>> import numpy as np
    >>> value, grad = total_variation_loss(np.array([1.0, 4.0, 4.0]).reshape(1, 3, 1))
    >>> value, grad.ravel()
    (9.0, array([-6.,  6.,  0.]))
    """
    if x.ndim < 3:
        raise ShapeError(f"total_variation_loss: x must be (N, *sizes, C), not of shape {x.shape}")
    value, grad_x = 0.0, np.zeros_like(x)
    for axis in range(1, x.ndim - 1):
        step = np.diff(x, axis=axis)
        value += sum_of_squares(step)  # equation (9)
        after = (slice(None),) * axis + (slice(1, None),)
        before = (slice(None),) * axis + (slice(None, -1),)
        step *= 2
        grad_x[after] += step
        grad_x[before] -= step
    return value, grad_x
