r"""F(m, r): m outputs of an r-tap filter with m + r − 1 multiplications, by three small matrices.

The outputs of a filter g over a tile of inputs d are coefficients of a product of polynomials. A
polynomial of degree n − 1 is known from its values at n points, and there the product is just n
multiplications ⊙. Turned round, so that it slides instead of spreading (Winograd 1980; Lavin and
Gray 2016, section 4),

    y = Aᵀ [(G g) ⊙ (Bᵀ d)]                                                        (W1)

G evaluates the filter at the points, Aᵀ and Bᵀ do the rest of the translation. With n − 1 points
p, and ∞ as the last, whose row is the highest coefficient alone,

    Aᵀ  has the columns  1, p, p², …, pᵐ⁻¹
    Bᵀ  has the rows     the coefficients of M_p(z) = Π (z − q) over the other points q
    G   has the rows     1, p, p², …, pʳ⁻¹,  divided by N_p = M_p(p)

and a row of Bᵀ may be multiplied by what that of G is divided by: |p|ᵐᐟ²⁻¹, and the sign of N_p.

**The points** are 0, ∞ and pairs ±p, ±1/p, and for eight points and more ±1. Of the sets tried they
round least: for six points ±2/3, ±3/2 have about half the error of the usual ±1, ±2. And flipping
the filter end to end exchanges the rows of p and 1/p, of 0 and ∞.                  (W3)
"""

import math
from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from typing import NamedTuple

import numpy as np

from nst_numpy.common.arrays import Array

# beside 0 and ∞, by how many points there are in all
POINTS: dict[int, tuple[Fraction, ...]] = {
    n: tuple(map(Fraction, text.split()))
    for n, text in {
        6: "2/3 -2/3 -3/2 3/2",
        8: "1/2 -1/2 1 -1 -2 2",
        10: "2/5 -2/5 4/5 -4/5 -5/4 5/4 -5/2 5/2",
    }.items()
}


class Filtering(NamedTuple):
    """F(tile, taps) along one axis.

    Attributes
    ----------
    tile, taps : int
        Outputs, m, and taps of the filter, r. Points, and inputs, are n = m + r − 1.
    G : ndarray, float64 (n, r)
    B_T : ndarray, float32 (n, n)
    A_T : ndarray, float32 (m, n)
    """

    tile: int
    taps: int
    G: Array
    B_T: Array
    A_T: Array

    @property
    def points(self) -> int:
        """How many multiplications a tile takes."""
        return self.tile + self.taps - 1

    @property
    def pairs(self) -> bool:
        """Whether the rows of G, read backwards, belong to the filter read backwards (W3)."""
        return 1 not in POINTS[self.points]


@cache
def filtering(tile: int, taps: int) -> Filtering:
    """Return F(tile, taps), for an even tile; computed in fractions and rounded once.

    Examples
    --------
    Four outputs of a three-tap filter, with six multiplications instead of twelve.

    >>> f = filtering(4, 3)
    >>> d, g = np.arange(6.0), np.array([1.0, 0.0, 2.0])
    >>> (f.A_T @ ((f.G @ g) * (f.B_T @ d))).round(4)
    array([ 4.,  7., 10., 13.])
    """
    n = tile + taps - 1
    points = (Fraction(0), *POINTS[n])
    G, B, A = ([[Fraction(0)] * size for _ in range(n)] for size in (taps, n, tile))
    for row, p in enumerate(points):
        others = [q for q in points if q != p]
        N = math.prod(p - q for q in others)
        scale = (abs(p) ** (tile // 2 - 1) if p else 1) * (1 if N > 0 else -1)
        G[row] = [p**k * scale / N for k in range(taps)]
        B[row] = [coefficient / scale for coefficient in _with_roots(others)] + [Fraction(0)]
        A[row] = [p**k for k in range(tile)]
    G[-1][-1] = A[-1][-1] = Fraction(1)
    B[-1] = _with_roots(points)
    g, b_t, a = (np.array(matrix, dtype=float) for matrix in (G, B, A))
    a_t = np.ascontiguousarray(a.T, np.float32)
    return Filtering(tile, taps, g, b_t.astype(np.float32), a_t)


def _with_roots(roots: Iterable[Fraction]) -> list[Fraction]:
    """Return the coefficients of Π (z − q), the constant one first.

    >>> [int(c) for c in _with_roots([Fraction(2), Fraction(3)])]
    [6, -5, 1]
    """
    coefficients = [Fraction(1)]
    for q in roots:
        times_z = [Fraction(0), *coefficients]
        times_q = [q * c for c in coefficients] + [Fraction(0)]
        coefficients = [a - b for a, b in zip(times_z, times_q, strict=True)]
    return coefficients
