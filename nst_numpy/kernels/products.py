"""Matrix products in blocks so small that BLAS takes them as they are.

Before a product, BLAS copies both matrices into an order that suits the core. That pays
where each number is used very often; in a convolution's products it takes a tenth of the
time or more. For up to a million multiplications OpenBLAS has code that does without, on
processors with AVX-512. There a larger product is cut into blocks of that size.

Which it is follows a rule, not a measurement, so that results do not differ from one run to the
next: blocks where OpenBLAS runs its code for AVX-512, whole products elsewhere. `NST_PRODUCTS`
names one: "blocks" or "whole".
"""

import os
from functools import cache

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.errors import SettingError
from nst_numpy.kernels.threads import blas

SMALL_PRODUCT = 10**6  # multiplications: up to so many OpenBLAS does without copying first
SMALL_RESULT = 1200  # numbers: up to so many, if the right matrix is a transposed one
COLUMNS = 64  # of a block: four registers
FEWEST_ROWS = 16  # of a block: fewer are slow
MANY_ROWS, MANY_TERMS = 128, 512  # of a whole product: from here on copying pays
PRODUCTS = ("auto", "blocks", "whole")  # what NST_PRODUCTS may be
AVX512 = {"SkylakeX", "Cooperlake", "SapphireRapids"}  # OpenBLAS's names for those processors


def multiply(a: Array, b: Array, out: Array) -> None:
    """Compute out = a @ b.

    Parameters
    ----------
    a : ndarray, (…, M, K)
    b : ndarray, (…, K, N), with as many axes as a
        May be a transposed view. Or (…, N/64, K, 64), from `in_blocks`.
    out : ndarray, (…, M, N)
    """
    for left, right, to in small_products(a, b, out):
        np.matmul(left, right, out=to)


def small_products(a: Array, b: Array, out: Array) -> list[tuple[Array, Array, Array]]:
    """Return the products that `multiply` does: views of a, b and out.

    Who has many numbers for the same arrays keeps them.
    """
    m, k = a.shape[-2:]
    columns = min(b.shape[-1], COLUMNS)
    most = SMALL_PRODUCT // (k * columns)
    if b.strides[-1] != b.itemsize:
        most = min(most, SMALL_RESULT // columns)
    split = b.ndim > a.ndim
    copying_pays = m >= MANY_ROWS and k >= MANY_TERMS
    if not split and (
        a.dtype != np.float32
        or copying_pays
        or most < min(m, FEWEST_ROWS)
        or not has_small_products()
    ):
        return [(a, b, out)]
    products = []
    front = a.shape[:-2]
    for rows, height in _parts(m, _even(m, most)):
        # (…, M, K) -> (…, M/height, 1, height, K), a view
        a_blocks = a[..., rows, :].reshape(*front, -1, 1, height, k)
        for place, width in _parts(out.shape[-1], columns):
            # (…, K, N) -> (…, 1, N/width, K, width), a view
            b_blocks = b if split else _side_by_side(b[..., place], width)
            b_blocks = b_blocks[..., None, :, :, :]
            # (…, M, N) -> (…, M/height, N/width, height, width), a view
            blocks = out[..., rows, place].reshape(*front, -1, height, b_blocks.shape[-3], width)
            products.append((a_blocks, b_blocks, blocks.swapaxes(-2, -3)))
    return products


def in_blocks(b: Array) -> Array:
    """Copy b, (…, K, N), to where `multiply` reads it fastest, each block in one piece.

    Returns
    -------
    blocks : ndarray, (…, N/64, K, 64)
        If b may be cut so; else a copy like b.
    """
    *_, k, n = b.shape
    fits = n % COLUMNS == 0 and k * COLUMNS * FEWEST_ROWS <= SMALL_PRODUCT
    if b.dtype == np.float32 and fits and has_small_products():
        b = _side_by_side(b, COLUMNS)
    return np.ascontiguousarray(b)


def _side_by_side(b: Array, width: int) -> Array:
    """See b as blocks of columns: (…, K, N) -> (…, N/width, K, width), a view."""
    return b.reshape(*b.shape[:-1], -1, width).swapaxes(-2, -3)


@cache
def has_small_products() -> bool:
    """Say whether products are cut into blocks: by NST_PRODUCTS, else by this machine's BLAS.

    Raises
    ------
    SettingError
        NST_PRODUCTS is something else.
    """
    chosen = os.environ.get("NST_PRODUCTS", "").strip() or "auto"
    if chosen not in PRODUCTS:
        raise SettingError(f"NST_PRODUCTS must be {', '.join(PRODUCTS)}, not {chosen!r}")
    if chosen != "auto":
        return chosen == "blocks"
    return any(library.get("architecture") in AVX512 for library in blas().info())


def products_are() -> str:
    """Say in a line how products are done here, and why."""
    chosen = os.environ.get("NST_PRODUCTS", "").strip() or "auto"
    names = {str(library.get("architecture", "unknown")) for library in blas().info()}
    cause = f"BLAS runs its code for {', '.join(sorted(names))}"
    if chosen in PRODUCTS[1:]:
        cause = f"NST_PRODUCTS={chosen}"
    return f"matrix products: {'in blocks' if has_small_products() else 'whole'} ({cause})"


@cache
def _even(total: int, most: int) -> int:
    """Return the size of blocks of at most `most`, all equal if that leaves them large enough."""
    fewest = -(-total // most)
    for count in range(fewest, total // FEWEST_ROWS + 1):
        if total % count == 0:
            return total // count
    return -(-total // fewest)


@cache
def _parts(total: int, size: int) -> list[tuple[slice, int]]:
    """Cut range(total) into what blocks of this size fill, and the rest, with the blocks' sizes."""
    whole = total - total % size
    parts = [(slice(0, whole), size), (slice(whole, total), total - whole)]
    return [(part, width) for part, width in parts if part.stop > part.start]
