"""Style as a Gaussian: mean and covariance of a layer, and how far two Gaussians are apart.

A Gram matrix mixes how strong the channels are with how they vary together. Here both are apart.
The distance is that of optimal transport, the 2-Wasserstein distance, squared: how far, on
average over the positions, vectors must be moved to turn one Gaussian into the other.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from nst_numpy.common.arrays import Array, Array64
from nst_numpy.errors import ShapeError
from nst_numpy.kernels.memory import scratch_array
from nst_numpy.kernels.products import multiply
from nst_numpy.kernels.threads import for_each, single_threaded_blas
from nst_numpy.losses.positions import as_counts, as_rows, counted_positions, row_pieces

SAMPLE = 1024  # rows whose mean is near that of all
RIDGE = 1e-6  # of the style's variance, all channels together, is added to each direction


class _Moments(NamedTuple):
    mean: Array64
    covariance: Array64


class MeanAndCovariance(_Moments):
    """The mean and the covariance of a layer's channels over its positions.

    Attributes
    ----------
    mean : ndarray of float64, (C,)
    covariance : ndarray of float64, (C, C), symmetric
        Of all M positions: divided by M, not by M − 1.

    Notes
    -----
    What `wasserstein_loss` needs of a target is computed when it is first asked for, and kept.
    """

    @cached_property
    def ridge(self) -> float:
        """ε, `RIDGE` times tr Σ: what the loss adds to each direction's variance."""
        return RIDGE * float(np.trace(self.covariance))

    @cached_property
    def root(self) -> Array64:
        """(Σ + ε I)^½, (C, C)."""
        return _root(self.covariance, self.ridge)


class TransportPull(NamedTuple):
    """What turns an activation into the gradient of `wasserstein_loss`.

    At every position ∂J/∂a_i = (a_i − mean) @ pull + shift.

    Attributes
    ----------
    mean, shift : ndarray, (C,)
    pull : ndarray, (C, C)
    """

    mean: Array
    pull: Array
    shift: Array


def mean_and_covariance(a: Array, mask: Array | None = None) -> MeanAndCovariance:
    """Measure the mean of every channel, and the covariance of every two, over all positions.

    μ = 1/M Σ_i a_i,   Σ = 1/M Σ_i (a_i − μ)ᵀ (a_i − μ).

    Parameters
    ----------
    a : ndarray, (N, *sizes, C) or (*sizes, C)
    mask : ndarray, (*sizes,), optional
        How much each position counts, 0 to 1: both are then means with these weights, and M the
        mask's sum. Default: all count 1.

    Returns
    -------
    MeanAndCovariance
        In float64, whatever a is.

    Raises
    ------
    ShapeError
        The mask has not the sizes of a, or its numbers are none from 0 to 1, or all 0.

    Notes
    -----
    Equation (26) in docs/mathematics, with a mask (63). Done in one pass: from all rows a vector
    near μ, the mean of a thousand of them, is subtracted, and its distance to μ is taken off at
    the end. So float32 loses no digits to a large mean. Pieces are added up in float64.

    Examples
    --------
    >>> import numpy as np
    >>> mean, covariance = mean_and_covariance(np.array([[[1.0, 5.0], [3.0, 5.0]]]))
    >>> mean, covariance
    (array([2., 5.]), array([[1., 0.],
           [0., 0.]]))
    """
    f, counts = as_rows("mean_and_covariance", a), as_counts("mean_and_covariance", a, mask)
    near = near_the_mean(f[:: sampled(len(f))])
    sums, products = moment_sums(f, counts, row_pieces(f), near)
    m = len(f) if mask is None else counted_positions(mask, len(f))
    first, second = (part.sum(axis=0, dtype=np.float64) for part in (sums, products))
    return moments_of_sums(near, first, second, m)


def moment_sums(
    f: Array, counts: Array | None, pieces: Sequence[slice], near: Array
) -> tuple[Array, Array]:
    """Return of each of some pieces of rows Σ (a_i − near) and Σ (a_i − near)ᵀ (a_i − near)."""
    sums = np.empty((len(pieces), f.shape[1]), dtype=f.dtype)
    products = np.empty((len(pieces), f.shape[1], f.shape[1]), dtype=f.dtype)

    def work(i: int) -> None:
        centred = _minus(f[pieces[i]], near)
        counted = centred if counts is None else centred * counts[pieces[i]]
        counted.sum(axis=0, out=sums[i])
        # (C, M') @ (M', C) -> (C, C)
        np.matmul(centred.T, counted, out=products[i])

    for_each(work, range(len(pieces)))
    return sums, products


def moments_of_sums(near: Array, sums: Array64, products: Array64, m: float) -> MeanAndCovariance:
    """Make the moments of m positions of the sums of `moment_sums`."""
    beside, second = sums / m, products / m
    covariance = second - np.outer(beside, beside)
    return MeanAndCovariance(near + beside, covariance)  # equations (26), (63)


def gaussian_distance(first: MeanAndCovariance, second: MeanAndCovariance) -> float:
    """Return the squared 2-Wasserstein distance of two Gaussians.

    W² = ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₂^½ Σ₁ Σ₂^½)^½).

    Parameters
    ----------
    first, second : MeanAndCovariance
        Or any pair of a mean (C,) and a covariance (C, C).

    Returns
    -------
    float
        In squared units of the activations, or of whatever they are the moments of.

    Raises
    ------
    ShapeError
        If the numbers of channels differ.

    Notes
    -----
    Equation (27) in docs/mathematics; Dowson and Landau (1982). Nothing is regularised here:
    Σ₁^½ Σ₂^½ has the singular values whose sum is the last trace, and needs no inverse. So the
    distance is symmetric, and there for covariances of any rank.

    Examples
    --------
    >>> import numpy as np
    >>> narrow = MeanAndCovariance(np.array([0.0]), np.array([[1.0]]))
    >>> wide = MeanAndCovariance(np.array([3.0]), np.array([[4.0]]))
    >>> gaussian_distance(narrow, wide)  # 3² + (2 − 1)²
    10.0
    """
    for each in (first, second):
        _check_moments("gaussian_distance", np.size(first[0]), each)
    (mean, covariance), (other_mean, other) = first, second
    with single_threaded_blas():
        singular = np.linalg.svd(_root(covariance) @ _root(other), compute_uv=False)
    spread = np.trace(covariance) + np.trace(other) - 2 * singular.sum()
    return float(((mean - other_mean) ** 2).sum() + max(spread, 0.0))  # equation (27)


def wasserstein_loss(
    a: Array, target: MeanAndCovariance | tuple[Array, Array], mask: Array | None = None
) -> tuple[float, Array]:
    """Compare two layers as Gaussians, and return the gradient for the activation.

    J = ‖μ − μ_S‖² + tr(Σ + Σ_S − 2 (Σ_S^½ Σ Σ_S^½)^½),
    ∂J/∂a_i = 2/M ((a_i − μ)(I − T) + μ − μ_S)   with   T = Σ_S^½ (Σ_S^½ Σ Σ_S^½)^−½ Σ_S^½.

    x ↦ μ_S + (x − μ) T is where optimal transport sends x: so the gradient is 2/M times x minus
    the place that x is sent to.

    Parameters
    ----------
    a : ndarray, (N, *sizes, C)
        Activation a^[l](G) of the generated picture; M = N·n_H·n_W positions.
    target : MeanAndCovariance
        Of the style picture's activation, which may have another number of positions. Any pair of
        a mean (C,) and a covariance (C, C) will do, but what is computed of it is then not kept.
    mask : ndarray, (*sizes,), optional
        How much each position of a counts, 0 to 1, as in `mean_and_covariance`. M is then the sum
        of the mask, and the gradient of position i is m_i times as large.

    Returns
    -------
    value : float
    grad_a : ndarray, shaped like a

    Raises
    ------
    ShapeError
        If the target is not of C channels, or the mask does not fit.

    Notes
    -----
    Equations (27) to (29) in docs/mathematics, with a mask (64). In place of Σ and Σ_S stand
    Σ + ε I and Σ_S + ε I, with ε = 10⁻⁶ tr Σ_S: then there is an inverse, also with fewer
    positions than channels, and the value is the function whose gradient is returned. A style
    without any variance has ε = 0 and T = 0.

    An eigendecomposition in float64 is what it costs: 25 to 50 ms for 512 channels on one core.
    That of the target is done once, and kept in it.

    Examples
    --------
    >>> import numpy as np
    >>> constant = mean_and_covariance(np.ones((1, 4, 1)))
    >>> wasserstein_loss(np.array([[[2.0], [4.0]]]), constant)  # (3 − 1)² + 1, then 2/2 (a − 1)
    (5.0, array([[[1.],
            [3.]]]))
    """
    value, (mean, pull, shift) = wasserstein_pull(a, target, mask)
    f, counts = as_rows("wasserstein_loss", a), as_counts("wasserstein_loss", a, mask)
    grad = np.empty_like(f)

    def work(rows: slice) -> None:
        multiply(_minus(f[rows], mean), pull, grad[rows])  # (M', C) @ (C, C) -> (M', C)
        grad[rows] += shift
        if counts is not None:
            grad[rows] *= counts[rows]  # equation (64)

    for_each(work, row_pieces(f))
    return value, grad.reshape(a.shape)


def wasserstein_pull(
    a: Array, target: MeanAndCovariance | tuple[Array, Array], mask: Array | None = None
) -> tuple[float, TransportPull]:
    """Return the value of `wasserstein_loss`, and what turns the activation into its gradient.

    Parameters and errors are those of `wasserstein_loss`.

    Returns
    -------
    value : float
    pull : TransportPull
        In a's dtype.
    """
    m, c = as_rows("wasserstein_loss", a).shape
    _check_moments("wasserstein_loss", c, target)
    if not isinstance(target, MeanAndCovariance):
        target = MeanAndCovariance(*(np.asarray(part, np.float64) for part in target))
    if mask is not None:
        m = counted_positions(mask, m)
    return pull_of_moments(mean_and_covariance(a, mask), target, m, a.dtype)


def pull_of_moments(
    moments: MeanAndCovariance, target: MeanAndCovariance, positions: float, dtype: DTypeLike
) -> tuple[float, TransportPull]:
    """Return what `wasserstein_pull` does, given the moments of so many positions."""
    (mean, covariance), m = moments, positions
    with single_threaded_blas():
        spread, transport = _transport(covariance, target)
    away = mean - target.mean
    one = np.eye(len(mean))
    pull = TransportPull(mean, 2 / m * (one - transport), 2 / m * away)  # equation (29)
    return float((away**2).sum() + spread), TransportPull(*(v.astype(dtype) for v in pull))


def sampled(positions: int) -> int:
    """Say which rows are sampled: every so many."""
    return max(1, positions // SAMPLE)


def near_the_mean(some: Array) -> Array:
    """Return the mean of some rows: (M, C) -> (C,)."""
    near: Array = some.mean(axis=0, dtype=np.float64).astype(some.dtype)
    return near


def _minus(rows: Array, vector: Array) -> Array:
    """Subtract a vector from each row, in memory of this thread that the next call takes again."""
    centred: Array = scratch_array("centred", rows.shape, rows.dtype)
    np.subtract(rows, vector, out=centred)
    return centred


def _transport(covariance: Array64, target: MeanAndCovariance) -> tuple[float, Array64]:
    """Return tr(Σ + Σ_S − 2 (Σ_S^½ Σ Σ_S^½)^½) and T, with ε I added to both covariances."""
    one, ridge, root = np.eye(len(covariance)), target.ridge, target.root
    if not np.isfinite(covariance).all():  # LAPACK would refuse; a run says better what happened
        return np.nan, np.full_like(covariance, np.nan)
    inner = root @ (covariance + ridge * one) @ root
    values, vectors = np.linalg.eigh((inner + inner.T) / 2)
    # both factors are at least ε I: what is less is rounding
    roots = np.sqrt(np.maximum(values, ridge**2))
    inverse = np.divide(1, roots, out=np.zeros_like(roots), where=roots > 0)
    half = root @ vectors
    total = np.trace(covariance) + np.trace(target.covariance) + 2 * len(one) * ridge
    return max(float(total - 2 * roots.sum()), 0.0), (half * inverse) @ half.T  # equation (28)


def _root(covariance: Array, ridge: float = 0.0) -> Array64:
    """Return (Σ + ε I)^½ of a symmetric Σ without negative eigenvalues."""
    with single_threaded_blas():
        values, vectors = np.linalg.eigh(covariance.astype(np.float64))
        root: Array64 = (vectors * np.sqrt(np.maximum(values, 0) + ridge)) @ vectors.T
    return root


def _check_moments(who: str, c: int, target: tuple[Array, Array]) -> None:
    """Refuse moments that are not those of c channels, and what is no pair, as a Gram matrix."""
    parts = target if isinstance(target, tuple) else (target,)
    shapes = tuple(np.shape(part) for part in parts)
    if shapes != ((c,), (c, c)):
        raise ShapeError(
            f"{who}: of {c} channels, the target must be a mean ({c},) and a covariance "
            f"({c}, {c}), not {' and '.join(map(str, shapes))}: make it by mean_and_covariance"
        )
