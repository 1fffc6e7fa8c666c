"""Time: how far a frame of a movie is from what is expected of it.

What is expected is the frame before, carried along by the optical flow (Ruder et al.), or the frame
before and what has changed in the source (Xu et al.).
"""

from nst_numpy.common.arrays import Array
from nst_numpy.errors import ShapeError
from nst_numpy.losses.positions import sum_of_squares


def temporal_loss(x: Array, expected: Array, mask: Array | None = None) -> tuple[float, Array]:
    """Mean squared distance of a frame from what is expected of it, and its gradient.

    J_temporal = 1/D Σ c (x − expected)²,   ∂J_temporal/∂x = 2/D c (x − expected).

    Parameters
    ----------
    x : ndarray, (N, *sizes, C)
        The frame; D is the number of its values.
    expected : ndarray, shaped like x
        The frame before, carried along: `video.carry`, or `expected_difference`.
    mask : ndarray, (N, *sizes, 1), optional
        c of each position: 1 where the frame before says what is to be seen, 0 where it does not.
        Without a mask it is 1 everywhere.

    Returns
    -------
    value : float
        In squared grey levels, if x is a picture.
    grad_x : ndarray, shaped like x

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Notes
    -----
    Equations (80) and (81) in docs/mathematics; Ruder, Dosovitskiy and Brox (2016), "Artistic
    Style Transfer for Videos", the temporal consistency loss.

    Examples
    --------
    >>> import numpy as np
    >>> x, expected = np.array([[[3.0], [5.0]]]), np.array([[[1.0], [1.0]]])
    >>> value, grad = temporal_loss(x, expected, mask=np.array([[[1.0], [0.0]]]))
    >>> value, grad.ravel()
    (2.0, array([2., 0.]))
    """
    _check(x, expected, mask)
    apart = x - expected
    grad_x = apart if mask is None else mask * apart  # (N, *sizes, 1) * (N, *sizes, C)
    value = sum_of_squares(apart) if mask is None else float((grad_x * apart).sum())
    return value / x.size, grad_x * (2 / x.size)  # equations (80), (81)


def expected_difference(before: Array, source_before: Array, source: Array) -> Array:
    """Expect of a frame that it changes as the source does.

    With this, (80) is the frame difference loss ‖(x − before) − (source − source_before)‖².

    Parameters
    ----------
    before : ndarray, (N, *sizes, C)
        The frame before, painted.
    source_before, source : ndarray, shaped like before
        What both frames are painted from.

    Returns
    -------
    ndarray, shaped like before

    Notes
    -----
    Equation (85) in docs/mathematics; Xu, Xiong and Hu (2021), "Frame Difference-Based Temporal
    Loss for Video Stylization", in pixel space.
    """
    expected: Array = before + (source - source_before)  # equation (85)
    return expected


def _check(x: Array, expected: Array, mask: Array | None) -> None:
    if x.shape != expected.shape:
        raise ShapeError(
            f"temporal_loss: x {x.shape} and expected {expected.shape} must have one shape"
        )
    if mask is not None and mask.shape != (*x.shape[:-1], 1):
        raise ShapeError(
            f"temporal_loss: mask {mask.shape} must be (N, *sizes, 1), here {(*x.shape[:-1], 1)}"
        )
