"""Content: the activations of two pictures, entry by entry."""

from nst_numpy.common.arrays import Array
from nst_numpy.errors import ShapeError
from nst_numpy.losses.positions import sum_of_squares


def content_loss(a: Array, target: Array) -> tuple[float, Array]:
    """Half the squared distance of two activations, and its gradient.

    J_content = ½ Σ (a − target)²,   ∂J_content/∂a = a − target.

    Parameters
    ----------
    a : ndarray, (N, *sizes, C)
        Activation a^[l](G) of the generated picture.
    target : ndarray, shaped like a
        Activation a^[l](C) of the content picture.

    Returns
    -------
    value : float
    grad_a : ndarray, shaped like a

    Raises
    ------
    ShapeError
        If the shapes differ.

    Notes
    -----
    Equations (2) and (3) in docs/mathematics; lecture, "Content cost function"; Gatys et al.
    (2015), equations 1 and 2. The paper writes its equation 2 for the input of the ReLU, hence
    its second case; here the ReLU's own backward pass does that part.

    Examples
    --------
    >>> import numpy as np
    >>> content_loss(np.array([[1.0, 2.0]]), np.array([[1.0, 5.0]]))
    (4.5, array([[ 0., -3.]]))
    """
    if a.shape != target.shape:
        raise ShapeError(f"content_loss: a {a.shape} and target {target.shape} must have one shape")
    grad_a = a - target  # equation (3)
    return 0.5 * sum_of_squares(grad_a), grad_a  # equation (2)
