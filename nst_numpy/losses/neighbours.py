"""Style as a set of vectors: every position is drawn to its nearest neighbour in the painting.

Which neighbour is the nearest is found by `find_neighbours`, from time to time; between that,
`neighbour_loss` pulls each position towards the vector that it was given.
"""

import numpy as np

from nst_numpy.common.arrays import Array, Integers
from nst_numpy.errors import ShapeError
from nst_numpy.kernels.threads import chunks, for_each
from nst_numpy.losses.positions import as_counts, as_rows, counted_positions, row_pieces

BLOCK_BYTES = 16 << 20  # of similarities that a thread holds at a time


def neighbour_loss(a: Array, targets: Array, mask: Array | None = None) -> tuple[float, Array]:
    """Return the mean cosine distance of each position to its own target, and the gradient.

    J = 1/M Σ_i (1 − cos(a_i, t_i)),   cos(a, t) = a·t / (‖a‖ ‖t‖),
    ∂J/∂a_i = −1/(M ‖a_i‖) (t_i/‖t_i‖ − cos(a_i, t_i) a_i/‖a_i‖).

    The targets are held fixed. Where a_i or t_i is 0 there is no direction: the cosine counts
    as 0, and so does the gradient.

    Parameters
    ----------
    a : ndarray, (N, *sizes, C)
        Activation of the generated picture, usually several layers' `hypercolumns`.
    targets : ndarray, shaped like a
        For each position the vector that it is drawn to, such as
        `style_a.reshape(-1, C)[indices].reshape(a.shape)` with the indices of `find_neighbours`.
    mask : ndarray, (*sizes,), optional
        How much each position counts, 0 to 1. J is then the mean with these weights, and M the
        sum of the mask. Default: all count 1.

    Returns
    -------
    value : float
        From 0, all directions equal, to 2, all opposite.
    grad_a : ndarray, shaped like a
        At each position at a right angle to a_i: a cosine does not know lengths.

    Raises
    ------
    ShapeError
        If the shapes differ, or the mask does not fit.

    Notes
    -----
    Equations (30) and (31) in docs/mathematics, with a mask (65) and (66); Kolkin et al. (2022).
    Vectors are compared as they are given, as in the paper's code. For a cosine of centred
    vectors, subtract the style's mean from both: that is a constant, and the gradient stays what
    it is.

    Examples
    --------
    >>> import numpy as np
    >>> neighbour_loss(np.array([[2.0, 0.0]]), np.array([[0.0, 5.0]]))
    (1.0, array([[ 0. , -0.5]]))
    """
    _check_shapes("neighbour_loss", a, targets)
    f, t = as_rows("neighbour_loss", a), as_rows("neighbour_loss", targets)
    counts = as_counts("neighbour_loss", a, mask)
    m = len(f) if mask is None else counted_positions(mask, len(f))
    pieces = row_pieces(f)
    sums, grad = np.empty(len(pieces)), np.empty_like(f)

    def work(i: int) -> None:
        rows = pieces[i]
        unit, length = _directions(f[rows])
        wanted, _ = _directions(t[rows])
        cosine = np.einsum("ic,ic->i", unit, wanted)[:, None]
        lacking = 1 - cosine if counts is None else (1 - cosine) * counts[rows]
        sums[i] = np.sum(lacking, dtype=np.float64)  # equations (30), (65)
        np.subtract(unit * cosine, wanted, out=grad[rows])  # equation (31)
        grad[rows] *= _inverse(length) / a.dtype.type(m)
        if counts is not None:
            grad[rows] *= counts[rows]  # equation (66)

    for_each(work, range(len(pieces)))
    return float(sums.sum()) / m, grad.reshape(a.shape)


def cosines(a: Array, targets: Array) -> Array:
    """Return the cosine of each position to its own target; 0 where one of the two is 0.

    `neighbour_loss` is the mean of what they lack to 1.

    Parameters
    ----------
    a, targets : ndarray, (N, *sizes, C)

    Returns
    -------
    ndarray, (N, *sizes)

    Raises
    ------
    ShapeError
        If the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> cosines(np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([[7.0, 0.0], [5.0, 0.0]]))
    array([0.6, 0. ])
    """
    _check_shapes("cosines", a, targets)
    f, t = as_rows("cosines", a), as_rows("cosines", targets)
    found = np.empty(len(f), a.dtype)

    def work(rows: slice) -> None:
        found[rows] = np.einsum("ic,ic->i", _directions(f[rows])[0], _directions(t[rows])[0])

    for_each(work, row_pieces(f))
    return found.reshape(a.shape[:-1])


def find_neighbours(a: Array, style_a: Array, *, centre: bool = True) -> tuple[Integers, Array]:
    """Find for each position of a the one in style_a whose direction is most alike.

    Parameters
    ----------
    a : ndarray, (N, *sizes, C)
        M positions.
    style_a : ndarray, (N', *sizes', C)
        M' positions; any number.
    centre : bool
        Subtract from each of the two its own mean first. What all positions of a picture have in
        common, a bright channel or the light of the day, then does not decide.

    Returns
    -------
    indices : ndarray of int, (M,)
        Into the positions of style_a, as rows: `style_a.reshape(-1, C)`. Of equally similar ones
        the first.
    similarity : ndarray, (M,)
        The cosine, −1 to 1; 0 where a vector is 0.

    Raises
    ------
    ShapeError
        If the numbers of channels differ.

    Notes
    -----
    Equation (32) in docs/mathematics. Li and Wand (2016) match patches of 3×3 positions; Kolkin et
    al. (2022) hypercolumns, each set centred, as here.

    M·M' cosines are a matrix product, done in blocks of rows: of the result a thread holds 16 MB
    at a time. A copy of style_a is made. Time grows as M·M'·C; see docs/mathematics for how long.

    Examples
    --------
    >>> import numpy as np
    >>> style = np.array([[[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]]])
    >>> find_neighbours(np.array([[[5.0, 4.0], [0.0, 1.0]]]), style, centre=False)
    (array([2, 1]), array([0.99388373, 1.        ]))
    """
    f, s = as_rows("find_neighbours", a), as_rows("find_neighbours", style_a)
    if f.shape[1] != s.shape[1]:
        raise ShapeError(
            f"find_neighbours: a has {f.shape[1]} channels, style_a {s.shape[1]}: "
            "take both from the same layers"
        )
    mean, style_mean = (_mean(rows, centre) for rows in (f, s))
    style_unit = np.empty_like(s, dtype=a.dtype)

    def normalise(rows: slice) -> None:
        style_unit[rows] = _directions(s[rows] - style_mean)[0]

    indices, similarity = np.empty(len(f), np.intp), np.empty(len(f), a.dtype)

    def find(rows: slice) -> None:
        # (M'', C) @ (C, M') -> (M'', M')
        cosines = _directions(f[rows] - mean)[0] @ style_unit.T
        best = cosines.argmax(axis=1)  # equation (32)
        indices[rows] = best
        similarity[rows] = cosines[np.arange(len(best)), best]

    for_each(normalise, row_pieces(s))
    for_each(find, chunks(len(f), BLOCK_BYTES // (len(s) * a.itemsize)))
    return indices, similarity


def _check_shapes(who: str, a: Array, targets: Array) -> None:
    if a.shape != targets.shape:
        raise ShapeError(
            f"{who}: a {a.shape} and targets {targets.shape} must have one shape: "
            f"one target a position"
        )


def _mean(rows: Array, centre: bool) -> Array:
    """(M, C) -> (C,), in the dtype of the rows."""
    if not centre:
        return np.zeros(rows.shape[1], rows.dtype)
    mean: Array = rows.mean(axis=0, dtype=np.float64).astype(rows.dtype)
    return mean


def _directions(rows: Array) -> tuple[Array, Array]:
    """Divide each row by its length; a row of zeros stays. (M, C) -> (M, C), (M, 1)."""
    length = np.sqrt(np.einsum("ic,ic->i", rows, rows))[:, None]
    return rows * _inverse(length), length


def _inverse(length: Array) -> Array:
    """1/length, and 0 where that is 0."""
    return np.divide(1, length, out=np.zeros_like(length), where=length > 0)
