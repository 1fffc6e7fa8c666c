"""Style as the Gram matrix: which channels fire together."""

from collections.abc import Sequence

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.errors import ShapeError
from nst_numpy.kernels.products import multiply
from nst_numpy.kernels.threads import for_each
from nst_numpy.losses.positions import (
    as_counts,
    as_rows,
    counted_positions,
    row_pieces,
    sum_of_squares,
)


def gram_matrix(a: Array, mask: Array | None = None) -> Array:
    """Multiply every channel with every other and sum over all positions.

    G_kk' = Σ_i Σ_j a_ijk a_ijk': large where channels k and k' fire together. Where
    in the picture they do is summed away: this is why it describes style.

    Parameters
    ----------
    a : ndarray, (N, *sizes, C) or (*sizes, C)
    mask : ndarray, (*sizes,), optional
        How much each position counts, 0 to 1: G_kk' = Σ_i m_i a_ik a_ik'. Default: all count 1.

    Returns
    -------
    gram : ndarray, (C, C), symmetric

    Raises
    ------
    ShapeError
        The mask has not the sizes of a, or its numbers are none from 0 to 1, or all 0.

    Notes
    -----
    Equation (4) in docs/mathematics; lecture, "Style cost function", where it is called the
    style matrix; Gatys et al. (2015), equation 3. With a mask equation (60); Gatys et al. (2017),
    section 3, whose guidance is the mask's square root.

    Examples
    --------
    >>> import numpy as np
    >>> gram_matrix(np.array([[[[1.0, 2.0], [3.0, 0.0]]]]))
    array([[10.,  2.],
           [ 2.,  4.]])
    >>> gram_matrix(np.array([[[[1.0, 2.0], [3.0, 0.0]]]]), np.array([[1.0, 0.5]]))
    array([[5.5, 2. ],
           [2. , 4. ]])
    """
    f, counts = as_rows("gram_matrix", a), as_counts("gram_matrix", a, mask)
    gram: Array = gram_sums(f, counts, row_pieces(f)).sum(axis=0)
    return gram


def gram_sums(f: Array, counts: Array | None, pieces: Sequence[slice]) -> Array:
    """Return the Gram matrix of each of some pieces of rows: (M, C) -> (pieces, C, C)."""
    sums = np.empty((len(pieces), f.shape[1], f.shape[1]), dtype=f.dtype)

    def work(i: int) -> None:
        rows = f[pieces[i]]
        counted = rows if counts is None else rows * counts[pieces[i]]
        # (C, M') @ (M', C) -> (C, C)
        np.matmul(rows.T, counted, out=sums[i])  # equations (4), (60)

    for_each(work, range(len(pieces)))
    return sums


def style_loss(a: Array, target_gram: Array, mask: Array | None = None) -> tuple[float, Array]:
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
    mask : ndarray, (*sizes,), optional
        How much each position of a counts, 0 to 1, as in `gram_matrix`. M is then the sum of the
        mask, and the gradient of position i is m_i times as large.

    Returns
    -------
    value : float
    grad_a : ndarray, shaped like a

    Raises
    ------
    ShapeError
        If target_gram is not (C, C), or the mask does not fit.

    Notes
    -----
    Equations (5) and (6) in docs/mathematics; lecture, "Style cost function"; Gatys et al.
    (2015), equations 4 and 6. With a mask equations (61) and (62).
    """
    value, pull = style_pull(a, target_gram, mask)
    f, counts = as_rows("style_loss", a), as_counts("style_loss", a, mask)
    grad = np.empty_like(f)

    def work(rows: slice) -> None:
        multiply(f[rows], pull, grad[rows])  # (M', C) @ (C, C) -> (M', C)
        if counts is not None:
            grad[rows] *= counts[rows]  # equation (62)

    for_each(work, row_pieces(f))
    return value, grad.reshape(a.shape)


def style_pull(a: Array, target_gram: Array, mask: Array | None = None) -> tuple[float, Array]:
    """Return J_style and the matrix that turns the activation into its gradient.

    The gradient of `style_loss` is the same linear map at every position:
    ∂J_style/∂a_i = a_i @ pull with pull = 4 c (G(G) − G(S)); with a mask m_i times that.

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
    positions = m if mask is None else counted_positions(mask, m)
    return pull_of_gram(gram_matrix(a, mask), target_gram, positions)


def pull_of_gram(gram: Array, target_gram: Array, positions: float) -> tuple[float, Array]:
    """Return what `style_pull` does, given the Gram matrix of so many positions."""
    scale = 1.0 / (2.0 * positions * len(gram)) ** 2
    difference = gram - target_gram
    # both halves of the symmetric pair (k, k'), (k', k) contain a_ik
    pull = (difference + difference.T) * np.asarray(2 * scale, dtype=gram.dtype)  # equation (6)
    return scale * sum_of_squares(difference), pull  # equations (5), (61)
