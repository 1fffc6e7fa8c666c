from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nst_numpy.errors import SettingError
from nst_numpy.kernels import products

LIMITS = {"SMALL_PRODUCT": 500, "SMALL_RESULT": 40, "COLUMNS": 8, "FEWEST_ROWS": 2}
sizes = st.integers(1, 30)


def make(front, m, k, n, transposed):
    rng = np.random.default_rng(m * k * n)
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((m, k), (k, n)))
    if front:
        a, b = np.stack([a, -a, 2 * a]), np.stack([b, b + 1, b])
    if transposed:
        b = np.ascontiguousarray(b.swapaxes(-1, -2)).swapaxes(-1, -2)
    return a, b, np.full((*a.shape[:-1], n), np.nan, np.float32)


@given(st.booleans(), sizes, sizes, sizes, st.booleans())
def test_equals_matmul(front, m, k, n, transposed):
    a, b, out = make(front, m, k, n, transposed)
    with mock.patch.multiple(products, **LIMITS, has_small_products=lambda: True):
        products.multiply(a, b, out)
    np.testing.assert_allclose(out, a @ b, rtol=1e-4, atol=1e-4)


@given(st.booleans(), sizes, sizes, sizes)
def test_blocks_laid_out_beforehand_give_the_same(front, m, k, n):
    a, b, out = make(front, m, k, n, False)
    with mock.patch.multiple(products, **LIMITS, has_small_products=lambda: True):
        blocks = products.in_blocks(b)
        assert blocks.flags.c_contiguous
        assert (blocks.ndim > b.ndim) == (n % 8 == 0 and k * 16 <= 500)
        products.multiply(a, blocks, out)
    np.testing.assert_allclose(out, a @ b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", [(128, 256, 256), (257, 64, 64), (27, 64, 5000), (60, 512, 512)])
def test_no_block_is_larger_than_what_blas_takes_as_it_is(shape, transposed):
    a, b, out = make(False, *shape, transposed)
    with (
        mock.patch.object(products, "has_small_products", return_value=True),
        mock.patch.object(products.np, "matmul", wraps=np.matmul) as matmul,
    ):
        products.multiply(a, b, out)
    for call in matmul.call_args_list:
        left, right = call.args
        rows, columns = left.shape[-2], right.shape[-1]
        assert rows * left.shape[-1] * columns <= products.SMALL_PRODUCT
        assert rows * columns <= products.SMALL_RESULT or not transposed


def test_float64_and_other_blas_are_left_whole():
    a, b, out = make(False, 128, 256, 256, False)
    for fast, dtype in ((False, np.float32), (True, np.float64)):
        with (
            mock.patch.object(products, "has_small_products", return_value=fast),
            mock.patch.object(products.np, "matmul", wraps=np.matmul) as matmul,
        ):
            products.multiply(a.astype(dtype), b.astype(dtype), out.astype(dtype))
            assert products.in_blocks(b.astype(dtype)).shape == b.shape
        assert matmul.call_args_list[0].args[0].shape == a.shape


@pytest.mark.parametrize(("chosen", "expected"), [("blocks", True), ("whole", False)])
def test_how_products_are_done_can_be_chosen(chosen, expected, monkeypatch):
    monkeypatch.setenv("NST_PRODUCTS", chosen)
    products.has_small_products.cache_clear()
    assert products.has_small_products() is expected
    assert products.products_are().endswith(f"(NST_PRODUCTS={chosen})")
    products.has_small_products.cache_clear()


def test_no_other_word_is_taken(monkeypatch):
    monkeypatch.setenv("NST_PRODUCTS", "fast")
    products.has_small_products.cache_clear()
    with pytest.raises(SettingError, match="NST_PRODUCTS must be auto, blocks, whole, not 'fast'"):
        products.has_small_products()


def test_many_rows_with_a_deep_kernel_are_left_whole():
    rng = np.random.default_rng(0)
    with mock.patch.object(products, "has_small_products", return_value=True):
        for rows, k, whole in ((128, 512, 1), (127, 512, 0), (128, 511, 0)):
            a, b = (rng.standard_normal(s, dtype=np.float32) for s in ((rows, k), (k, 64)))
            out = np.empty((rows, 64), np.float32)
            with mock.patch.object(products.np, "matmul", wraps=np.matmul) as matmul:
                products.multiply(a, b, out)
            assert (matmul.call_args[0][0] is a) == bool(whole)
            np.testing.assert_allclose(out, a @ b, rtol=1e-3, atol=1e-3)
