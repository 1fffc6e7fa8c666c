"""Content, style and total variation: what the picture is asked to be, as numbers.

The formulas are the lecture's. In Gatys, Ecker and Bethge (2015) they are equations 1, 3
and 4, and the gradients 2 and 6; in docs/mathematics all have numbers in brackets, (2) to
(6) and (9). An activation `a` has its channels last; every other axis counts as position, so
the same functions serve signals (N, L, C), pictures (N, H, W, C) and volumes
(N, D, H, W, C). M stands for the number of positions, n_H·n_W of a picture.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.common.moved import former_names
from nst_numpy.errors import ShapeError
from nst_numpy.kernels.products import multiply
from nst_numpy.kernels.threads import chunks, for_each

PIECE_VALUES = 1 << 18  # positions times channels at a time: what a core's own cache holds


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
    grad_a = a - target
    return 0.5 * sum_of_squares(grad_a), grad_a


def gram_matrix(a: Array) -> Array:
    """Multiply every channel with every other and sum over all positions.

    G_kk' = Σ_i Σ_j a_ijk a_ijk': large where channels k and k' fire together. Where
    in the picture they do is summed away: this is why it describes style.

    Parameters
    ----------
    a : ndarray, (N, *sizes, C) or (*sizes, C)

    Returns
    -------
    gram : ndarray, (C, C), symmetric

    Notes
    -----
    Equation (4) in docs/mathematics; lecture, "Style cost function", where it is called the
    style matrix; Gatys et al. (2015), equation 3.

    Examples
    --------
    >>> import numpy as np
    >>> gram_matrix(np.array([[[[1.0, 2.0], [3.0, 0.0]]]]))
    array([[10.,  2.],
           [ 2.,  4.]])
    """
    f = _positions("gram_matrix", a)
    pieces = _pieces(f)
    sums = np.empty((len(pieces), f.shape[1], f.shape[1]), dtype=a.dtype)

    def work(i: int) -> None:
        # (C, M') @ (M', C) -> (C, C)
        np.matmul(f[pieces[i]].T, f[pieces[i]], out=sums[i])

    for_each(work, range(len(pieces)))
    gram: Array = sums.sum(axis=0)
    return gram


def style_loss(a: Array, target_gram: Array) -> tuple[float, Array]:
    """Compare two Gram matrices, and return the gradient for the activation.

    J_style = c Σ_kk' (G_kk'(S) − G_kk'(G))²   with   c = 1 / (2 M C)²,
    ∂J_style/∂a_ik = 4 c Σ_k' a_ik' (G_k'k(G) − G_k'k(S)).

    Parameters
    ----------
    a : ndarray, (N, *sizes, C)
        Activation a^[l](G) of the generated picture; M = N·n_H·n_W positions.
    target_gram : ndarray, (C, C)
        Gram matrix G(S) of the style picture. If that picture has another number of
        positions, scale its Gram matrix by M(G)/M(S) first; `Objective` does.

    Returns
    -------
    value : float
    grad_a : ndarray, shaped like a

    Raises
    ------
    ShapeError
        If target_gram is not (C, C).

    Notes
    -----
    Equations (5) and (6) in docs/mathematics; lecture, "Style cost function"; Gatys et al.
    (2015), equations 4 and 6.
    """
    value, pull = style_pull(a, target_gram)
    f = _positions("style_loss", a)
    grad = np.empty_like(f)

    def work(rows: slice) -> None:
        multiply(f[rows], pull, grad[rows])  # (M', C) @ (C, C) -> (M', C)

    for_each(work, _pieces(f))
    return value, grad.reshape(a.shape)


def style_pull(a: Array, target_gram: Array) -> tuple[float, Array]:
    """Return J_style and the matrix that turns the activation into its gradient.

    The gradient of `style_loss` is the same linear map at every position:
    ∂J_style/∂a_i = a_i @ pull with pull = 4 c (G(G) − G(S)).

    Parameters and errors are those of `style_loss`.

    Returns
    -------
    value : float
    pull : ndarray, (C, C)
    """
    m, c = _positions("style_loss", a).shape
    if target_gram.shape != (c, c):
        raise ShapeError(
            f"style_loss: a has {c} channels, so target_gram must be ({c}, {c}), "
            f"not {target_gram.shape}"
        )
    scale = 1.0 / (2.0 * m * c) ** 2
    difference = gram_matrix(a) - target_gram
    # both halves of the symmetric pair (k, k'), (k', k) contain a_ik
    pull = (difference + difference.T) * np.asarray(2 * scale, dtype=a.dtype)
    return scale * sum_of_squares(difference), pull


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
        value += sum_of_squares(step)
        after = (slice(None),) * axis + (slice(1, None),)
        before = (slice(None),) * axis + (slice(None, -1),)
        step *= 2
        grad_x[after] += step
        grad_x[before] -= step
    return value, grad_x


class Losses(NamedTuple):
    """The functions that J is made of; somebody may put others in their place.

    Attributes
    ----------
    content_loss, style_loss : callable
        (a, target) -> value, gradient for a.
    gram_matrix : callable
        a -> (C, C).
    compares_activations : bool
        Whether `style_loss` takes the style picture's activation, of a's shape, as its target.
        The lecture writes it so; else it takes that activation's Gram matrix.
    """

    content_loss: Callable[..., Any] = content_loss
    gram_matrix: Callable[..., Any] = gram_matrix
    style_loss: Callable[..., Any] = style_loss
    compares_activations: bool = False


def sum_of_squares(d: Array) -> float:
    """Σ d², added up in float64: millions of float32 terms would lose digits."""
    flat = d.reshape(-1)
    pieces = chunks(flat.size, PIECE_VALUES)
    sums = np.empty(len(pieces))

    def work(i: int) -> None:
        sums[i] = np.square(flat[pieces[i]], dtype=np.float64).sum()

    for_each(work, range(len(pieces)))
    return float(sums.sum())


def _positions(who: str, a: Array) -> Array:
    """(N, *sizes, C) -> (M, C)."""
    if a.ndim < 2:
        raise ShapeError(f"{who}: a must be (N, *sizes, C) or (*sizes, C), not of shape {a.shape}")
    return a.reshape(-1, a.shape[-1])


def _pieces(f: Array) -> list[slice]:
    """Cut (M, C) into rows that stay in cache."""
    return chunks(len(f), PIECE_VALUES // f.shape[1])


# The losses of networks that learn are in `nst_numpy.training`; here under their former names.
__getattr__ = former_names(
    __name__, "nst_numpy.training", "mean_squared_error", "softmax", "softmax_cross_entropy"
)
