"""What a network that learns is asked for: the right class, or the right numbers."""

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array
from nst_numpy.errors import SettingError, ShapeError


def softmax_cross_entropy(
    scores: Array, labels: NDArray[np.integer], weights: Array | None = None
) -> tuple[float, Array]:
    """How surprised the scores are by the true classes, and the gradient.

    J = −1/N Σ_n λ_n log p_n,labels[n]   with   p_nk = exp(scores_nk) / Σ_k' exp(scores_nk'),
    ∂J/∂scores_nk = λ_n (p_nk − [k = labels[n]]) / N.

    The largest score of each row is subtracted first: p stays as it is, and no exp overflows.

    Parameters
    ----------
    scores : ndarray, (N, K)
        One score a class, of any size; `softmax` turns them into probabilities.
    labels : ndarray of int, (N,)
        The true class of each sample, 0 … K − 1.
    weights : ndarray, (N,), optional
        λ_n, how much each sample counts; 1 where none are given.

    Returns
    -------
    value : float
    grad_scores : ndarray, shaped like scores

    Raises
    ------
    ShapeError
        scores are not (N, K), or labels or weights not (N,), or labels are no integers.
    SettingError
        A label is not among the classes.

    Notes
    -----
    Equations (12) and (13) in docs/mathematics.

    Examples
    --------
    >>> import numpy as np
    >>> value, grad = softmax_cross_entropy(np.array([[0.0, 0.0]]), np.array([1]))
    >>> round(value, 4), grad
    (0.6931, array([[ 0.5, -0.5]]))
    """
    who = "softmax_cross_entropy"
    _check_labels(who, scores, labels)
    share = _sample_shares(who, scores, weights)
    rows = np.arange(len(scores))
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    value = -float(np.dot(share.astype(np.float64), log_p[rows, labels]))  # equation (12)
    grad = np.exp(log_p)
    grad[rows, labels] -= 1
    return value, grad * share[:, None]  # equation (13)


def softmax(scores: Array) -> Array:
    """Turn scores (N, K) into probabilities that add up to 1 in each row.

    >>> import numpy as np
    >>> softmax(np.array([[1000.0, 1000.0]]))
    array([[0.5, 0.5]])
    """
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: Array = e / e.sum(axis=-1, keepdims=True)
    return shares


def mean_squared_error(
    out: Array, target: Array, weights: Array | None = None
) -> tuple[float, Array]:
    """Mean of the squared differences over all entries, and the gradient.

    J = 1/(N K) Σ_n λ_n Σ_k (out_nk − target_nk)²,
    ∂J/∂out_nk = 2 λ_n (out_nk − target_nk) / (N K); k runs over all entries of a sample.

    Parameters
    ----------
    out, target : ndarray, (N, …), of one shape
    weights : ndarray, (N,), optional
        λ_n, how much each sample counts; 1 where none are given.

    Returns
    -------
    value : float
    grad_out : ndarray, shaped like out

    Raises
    ------
    ShapeError
        The shapes differ, or weights are not (N,).

    Notes
    -----
    Equations (14) and (15) in docs/mathematics.

    Examples
    --------
    >>> import numpy as np
    >>> mean_squared_error(np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]]))
    (2.0, array([[ 0., -2.]]))
    """
    who = "mean_squared_error"
    if out.shape != target.shape or out.size == 0:
        raise ShapeError(
            f"{who}: out {out.shape} and target {target.shape} must have one shape, "
            "with no empty axis"
        )
    share = _sample_shares(who, out, weights) / out[0].size
    difference = (out - target).astype(out.dtype, copy=False)
    # (N,) -> (N, 1, …, 1)
    grad = difference * share.astype(out.dtype).reshape(-1, *(1 for _ in out.shape[1:]))
    # equation (14)
    value = float(np.einsum("i,i->", grad.ravel(), difference.ravel(), dtype=np.float64))
    return value, 2 * grad  # equation (15)


def _check_labels(who: str, scores: Array, labels: NDArray[np.integer]) -> None:
    if scores.ndim != 2 or 0 in scores.shape:
        raise ShapeError(
            f"{who}: scores must be (N, K), one score a class, with no empty axis, "
            f"not of shape {scores.shape}"
        )
    if labels.shape != scores.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise ShapeError(
            f"{who}: labels must be {len(scores)} whole numbers, one a row of scores "
            f"{scores.shape}, not {labels.dtype} of shape {labels.shape}"
        )
    wrong = labels[(labels < 0) | (labels >= scores.shape[1])]
    if wrong.size:
        raise SettingError(
            f"{who}: label {wrong[0]} is not among the {scores.shape[1]} classes "
            f"0 … {scores.shape[1] - 1}: number the classes from 0, or give the last layer "
            "one output a class"
        )


def _sample_shares(who: str, scores: Array, weights: Array | None) -> Array:
    """λ_n / N, of the dtype of the scores."""
    n = len(scores)
    if weights is None:
        return np.full(n, 1 / n, dtype=scores.dtype)
    if weights.shape != (n,):
        raise ShapeError(f"{who}: weights must be ({n},), one a sample, not {weights.shape}")
    return (weights / n).astype(scores.dtype)
