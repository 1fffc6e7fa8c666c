"""Matrix products in blocks so small that BLAS takes them as they are.

Before a large product BLAS copies both matrices into an order that suits the core, which
pays where each number is used many times. A convolution's products are small, and there
the copying takes a fifth of the time or more. For up to a million multiplications
OpenBLAS has code that does without; so larger products are cut to that size here.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

SMALL_PRODUCT = 10**6  # multiplications: up to so many OpenBLAS does without copying first
COLUMNS = 64  # of a block: four of the widest registers, and what its code is written for
FEWEST_ROWS = 16  # of a block: fewer are slow


def multiply(a: Array, b: Array, out: Array) -> None:
    """Compute out = a @ b, stack by stack.

    Parameters
    ----------
    a : ndarray, (P, M, K)
    b : ndarray, (P, K, N), or (K, N) for all of them
    out : ndarray, (P, M, N)
    """
    stacks, m, k = a.shape
    n = b.shape[-1]
    columns = COLUMNS if n % COLUMNS == 0 else n
    rows = min(m, SMALL_PRODUCT // (k * columns))
    if rows < min(m, FEWEST_ROWS):
        np.matmul(a, b, out=out)
        return
    rows = _even(m, rows)
    whole = m - m % rows
    # (…, K, N) -> (…, 1, N/columns, K, columns), a view
    b_blocks = b.reshape(*b.shape[:-1], -1, columns).swapaxes(-2, -3)[..., None, :, :, :]
    for part, height in ((slice(0, whole), rows), (slice(whole, m), m - whole)):
        if height:
            # (P, M, K) -> (P, M/rows, 1, rows, K), a view
            a_blocks = a[:, part].reshape(stacks, -1, 1, height, k)
            # (P, M, N) -> (P, M/rows, N/columns, rows, columns), a view
            blocks = out[:, part].reshape(stacks, -1, height, n // columns, columns)
            np.matmul(a_blocks, b_blocks, out=blocks.swapaxes(2, 3))


def _even(total: int, most: int) -> int:
    """Return the size of blocks of at most `most`, equal ones if that takes few more."""
    count = -(-total // most)
    for more in range(count, 2 * count):
        if total % more == 0:
            return total // more
    return -(-total // count)
