"""Style as the Gram matrix: which channels fire together."""

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.errors import ShapeError
from nst_numpy.kernels.products import multiply
from nst_numpy.kernels.threads import for_each
from nst_numpy.losses.positions import as_rows, row_pieces, sum_of_squares


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
    f = as_rows("gram_matrix", a)
    pieces = row_pieces(f)
    sums = np.empty((len(pieces), f.shape[1], f.shape[1]), dtype=a.dtype)

    def work(i: int) -> None:
        # (C, M') @ (M', C) -> (C, C)
        np.matmul(f[pieces[i]].T, f[pieces[i]], out=sums[i])  # equation (4)

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
    f = as_rows("style_loss", a)
    grad = np.empty_like(f)

    def work(rows: slice) -> None:
        multiply(f[rows], pull, grad[rows])  # (M', C) @ (C, C) -> (M', C)

    for_each(work, row_pieces(f))
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
    m, c = as_rows("style_loss", a).shape
    if target_gram.shape != (c, c):
        raise ShapeError(
            f"style_loss: a has {c} channels, so target_gram must be ({c}, {c}), "
            f"not {target_gram.shape}"
        )
    scale = 1.0 / (2.0 * m * c) ** 2
    difference = gram_matrix(a) - target_gram
    # both halves of the symmetric pair (k, k'), (k', k) contain a_ik
    pull = (difference + difference.T) * np.asarray(2 * scale, dtype=a.dtype)  # equation (6)
    return scale * sum_of_squares(difference), pull  # equation (5)
