"""Which channels fire together: the Gram matrix, explained.

The lecture's intuition of style: the detector of orange goes with the detector of vertical
lines. G_kk' says how strongly channels k and k' fire at the same places. Two
questions go with it. Is that more than chance would give? And what does a pair of channels
cost when two pictures are compared?
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array
from nst_numpy.common.checks import is_whole
from nst_numpy.common.shown import Shown
from nst_numpy.common.text import counted
from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.losses import gram_matrix


@dataclass(frozen=True)
class Pair:
    """Two channels of one picture.

    Attributes
    ----------
    first, second : int
        The channels, first < second.
    gram : float
        G_kk'.
    expected : float
        What G_kk' would be if the channels were independent: M mean_k mean_k'.
    correlation : float
        How far from independent they are, from −1 to 1.
    """

    first: int
    second: int
    gram: float
    expected: float
    correlation: float

    @property
    def ratio(self) -> float:
        """G_kk' / E_kk': how many times as much as by chance; NaN where E_kk' is 0.

        Of little use where activations may be negative, so for convX_Y layers.
        """
        return self.gram / self.expected if self.expected != 0 else float("nan")


@dataclass(frozen=True, eq=False, repr=False)
class GramReport(Shown):
    """The Gram matrix of a layer, beside what independent channels would give.

    Attributes
    ----------
    gram : ndarray, (C, C)
        G_kk' = Σ_i a_ik a_ik' over the M positions i.
    expected : ndarray, (C, C)
        E_kk' = M mean_k mean_k'.
    correlation : ndarray, (C, C)
        (G_kk' − E_kk') / (M std_k std_k'): 0 for channels that know nothing of each other,
        1 for channels that always fire together. 0 where a channel is constant.
    positions : int
        M.
    """

    gram: Array
    expected: Array
    correlation: Array
    positions: int

    def _in_words(self) -> str:
        return f"{counted(len(self.gram), 'channel')} at {counted(self.positions, 'position')}"

    def strongest(self, n: int) -> list[Pair]:
        """Return the n pairs of channels with the largest G_kk', largest first."""
        return self._pairs(self.gram, n)

    def more_than_chance(self, n: int) -> list[Pair]:
        """Return the n pairs with the largest correlation, largest first."""
        return self._pairs(self.correlation, n)

    def less_than_chance(self, n: int) -> list[Pair]:
        """Return the n pairs with the smallest correlation, smallest first."""
        return self._pairs(-self.correlation, n)

    def _pairs(self, order_by: Array, n: int) -> list[Pair]:
        first, second = np.triu_indices(len(self.gram), k=1)
        best = _first_largest(order_by[first, second], n)
        return [
            Pair(
                int(k), int(m), float(self.gram[k, m]), float(self.expected[k, m]),
                float(self.correlation[k, m]),
            )
            for k, m in zip(first[best], second[best], strict=True)
        ]  # fmt: skip


def gram_report(a: Array) -> GramReport:
    """Compare the Gram matrix of an activation with that of independent channels.

    Parameters
    ----------
    a : ndarray, (N, *sizes, C)
        Activation of one layer.

    Returns
    -------
    GramReport
        Matrices in float64.

    Raises
    ------
    ShapeError
        If a has no positions.

    Notes
    -----
    Equation (4) in docs/mathematics. For channels that are independent of each other, the
    mean of the product is the product of the means; hence E_kk' = M mean_k mean_k'.
    Neighbouring positions are alike in every picture, so a correlation is a description, not
    a test.

    Examples
    --------
    Channels 0 and 1 fire together, channel 2 where they do not:

    >>> a = np.array([[1.0, 2.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    >>> report = gram_report(a.reshape(1, 2, 2, 3))
    >>> report.strongest(1)
    [Pair(first=0, second=1, gram=4.0, expected=2.0, correlation=1.0)]
    >>> report.less_than_chance(1)
    [Pair(first=0, second=2, gram=0.0, expected=1.0, correlation=-1.0)]
    """
    if a.ndim < 2 or 0 in a.shape:
        raise ShapeError(
            f"gram_report: a must be (N, *sizes, C), with no empty axis, not {a.shape}"
        )
    f = a.reshape(-1, a.shape[-1]).astype(np.float64)
    m = len(f)
    mean = f.mean(axis=0)
    deviation = f - mean
    # (C, M) @ (M, C) -> (C, C)
    covariance = deviation.T @ deviation / m
    std = np.sqrt(np.diag(covariance))
    scale = np.outer(std, std)
    correlation = np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0)
    return GramReport(gram_matrix(f), m * np.outer(mean, mean), np.clip(correlation, -1, 1), m)


def fires_together(a: Array, first: int, second: int) -> Array:
    """Map where in the picture two channels fire together: a_ijk a_ijk'.

    Parameters
    ----------
    a : ndarray, (1, *sizes, C)
        Activation of one layer for one picture.
    first, second : int
        The channels k and k'.

    Returns
    -------
    ndarray, (*sizes)
        Its sum is G_kk'.

    Raises
    ------
    ShapeError
        If a is not of one picture.
    SettingError
        If there is no such channel.

    Examples
    --------
    >>> fires_together(np.array([[[[1.0, 2.0], [3.0, 0.0]]]]), 0, 1)
    array([[2., 0.]])
    """
    if a.ndim < 3 or a.shape[0] != 1:
        raise ShapeError(f"fires_together: a must be of one picture (1, *sizes, C), not {a.shape}")
    for channel in (first, second):
        if not 0 <= channel < a.shape[-1]:
            raise SettingError(
                f"fires_together: a has the channels 0 to {a.shape[-1] - 1}: "
                f"there is no channel {channel}"
            )
    product: Array = a[0, ..., first] * a[0, ..., second]
    return product


@dataclass(frozen=True)
class PairLoss:
    """What one pair of channels adds to the style loss of a layer.

    Attributes
    ----------
    first, second : int
        The channels, first ≤ second. A channel with itself is a pair too: how strongly it
        fires at all.
    loss : float
        2 c (G_kk'(S) − G_kk'(G))², since (k, k') and (k', k) both count; without the 2 for
        first = second.
    share : float
        `loss` as a share of the layer's style loss.
    gram : float
        G_kk' of the picture.
    target : float
        That of the other picture, scaled to the picture's number of positions.
    """

    first: int
    second: int
    loss: float
    share: float
    gram: float
    target: float


@dataclass(frozen=True, eq=False)
class GramDifference:
    """The style loss of a layer between two pictures, pair by pair.

    Attributes
    ----------
    parts : ndarray, (C, C)
        c (G_kk'(S) − G_kk'(G))² with c = 1 / (2 M C)².
    gram, target : ndarray, (C, C)
        G(G), and G(S) scaled by M(G)/M(S).
    """

    parts: Array
    gram: Array
    target: Array

    @property
    def value(self) -> float:
        """J_style of the layer: the sum of the parts."""
        return float(self.parts.sum())

    @property
    def diagonal_share(self) -> float:
        """The share of J_style that channels with themselves carry; 0 for equal styles."""
        return float(np.trace(self.parts)) / self.value if self.value > 0 else 0.0

    def largest(self, n: int) -> list[PairLoss]:
        """Return the n pairs that carry most of the loss, largest first.

        All C (C + 1) / 2 pairs together are the loss.
        """
        first, second = np.triu_indices(len(self.parts))
        losses = np.where(first == second, 1, 2) * self.parts[first, second]
        whole = self.value
        return [
            PairLoss(
                first=int(first[i]),
                second=int(second[i]),
                loss=float(losses[i]),
                share=float(losses[i]) / whole if whole > 0 else 0.0,
                gram=float(self.gram[first[i], second[i]]),
                target=float(self.target[first[i], second[i]]),
            )
            for i in _first_largest(losses, n)
        ]


def compare_grams(a: Array, other: Array) -> GramDifference:
    """Split the style loss between two pictures into what each pair of channels adds.

    Parameters
    ----------
    a : ndarray, (N, *sizes, C)
        Activation a^[l](G) of the picture.
    other : ndarray, (N, *sizes', C)
        Activation a^[l](S), of the same layer, of the picture that it is compared with. Its
        Gram matrix is scaled by M(G)/M(S), as `Objective` does.

    Returns
    -------
    GramDifference
        Its parts add up to the value of `losses.style_loss`.

    Raises
    ------
    ShapeError
        If the two have different numbers of channels.

    Notes
    -----
    Equation (5) in docs/mathematics, before its sum over k and k' is taken.

    Examples
    --------
    >>> a, other = np.array([[[2.0, 0.0]]]), np.array([[[2.0, 1.0]]])
    >>> difference = compare_grams(a, other)
    >>> difference.value
    0.5625
    >>> [(p.first, p.second, p.loss) for p in difference.largest(2)]
    [(0, 1, 0.5), (1, 1, 0.0625)]
    """
    if a.ndim < 2 or other.ndim < 2 or a.shape[-1] != other.shape[-1] or 0 in a.shape + other.shape:
        raise ShapeError(
            "compare_grams: a and other must be (N, *sizes, C) with as many channels, "
            f"not {a.shape} and {other.shape}"
        )
    m, m_other, c = np.prod(a.shape[:-1]), np.prod(other.shape[:-1]), a.shape[-1]
    gram = gram_matrix(a)
    target = gram_matrix(other) * other.dtype.type(m / m_other)
    scale = 1.0 / (2.0 * m * c) ** 2
    return GramDifference(scale * np.square(gram - target, dtype=np.float64), gram, target)


def similar_order(report: GramReport) -> list[int]:
    """Order channels so that those which fire together are neighbours.

    Average linkage on the distance 1 − correlation. For drawing: in the network's own order
    a Gram matrix looks like noise.

    Returns
    -------
    list of int
        Every channel once.

    Examples
    --------
    >>> a = np.array([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.1]])
    >>> order = similar_order(gram_report(a))
    >>> abs(order.index(0) - order.index(2)), abs(order.index(1) - order.index(3))
    (1, 1)
    """
    from scipy.cluster.hierarchy import leaves_list, linkage

    c = len(report.gram)
    if c < 2:
        return list(range(c))
    first, second = np.triu_indices(c, k=1)
    tree = linkage(1 - report.correlation[first, second], method="average")
    return [int(k) for k in leaves_list(tree)]


def _first_largest(values: Array, n: int) -> NDArray[np.intp]:
    """Return the indices of the n largest values, largest first; of equal ones the first."""
    if not is_whole(n):
        raise SettingError(f"the number of pairs must be a whole number of at least 1, not {n!r}")
    return np.argsort(-values, kind="stable")[:n]
