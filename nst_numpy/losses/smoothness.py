"""Total variation: how much neighbouring pixels differ."""

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.errors import SettingError, ShapeError
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


def joint_variation_loss(x: Array, power: float) -> tuple[float, Array]:
    """Sum of powers of how much a pixel differs from its neighbours along all axes together.

    J = Σ (Σ_axes (x_after − x)²)^p over the positions that have a neighbour after them along each
    axis, and over channels.

    Parameters
    ----------
    x : ndarray, (N, *sizes, C)
    power : float
        p, at least 1. With 1 it is `total_variation_loss`, less the differences along the last
        row and the last column; with 1.25 what Keras's example has.

    Returns
    -------
    value : float
    grad_x : ndarray, shaped like x

    Raises
    ------
    ShapeError, SettingError
        x has no spatial axis; the power is below 1, where the slope has no bound.

    Notes
    -----
    Equation (72) in docs/mathematics; Mahendran and Vedaldi (2015), the regulariser with β = 2p.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 4.0], [5.0, 0.0]]).reshape(1, 2, 2, 1)
    >>> value, grad = joint_variation_loss(x, 1.0)
    >>> value, grad[0, :, :, 0].tolist()
    (25.0, [[-14.0, 6.0], [8.0, 0.0]])
    """
    if x.ndim < 3:
        raise ShapeError(f"joint_variation_loss: x must be (N, *sizes, C), not of shape {x.shape}")
    if not power >= 1:
        raise SettingError(f"joint_variation_loss: power must be at least 1, not {power!r}")
    axes = range(1, x.ndim - 1)
    before = (slice(None), *(slice(None, -1) for _ in axes))
    after = [
        (slice(None), *(slice(1, None) if a == axis else slice(None, -1) for a in axes))
        for axis in axes
    ]
    steps = [x[place] - x[before] for place in after]
    squares = np.sum([step * step for step in steps], axis=0)
    slope = 2 * power * squares ** (power - 1)
    grad_x = np.zeros_like(x)
    for place, step in zip(after, steps, strict=True):
        grad_x[place] += slope * step
        grad_x[before] -= slope * step
    return float(np.sum(squares**power, dtype=np.float64)), grad_x  # equation (72)
