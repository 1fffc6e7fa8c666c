import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nst_numpy.errors import ShapeError
from nst_numpy.gradcheck import assert_gradients
from nst_numpy.layers import dense, dense_backward, dense_forward, reference


def make(rng, n, c_in, c_out):
    return (rng.standard_normal(shape) for shape in ((n, c_in), (c_in, c_out), (c_out,)))


def test_a_case_by_hand():
    x, w, b = np.array([[1.0, 2]]), np.array([[3.0, 0], [4, 1]]), np.array([10.0, 20])
    out, cache = dense_forward(x, w, b)
    assert out.tolist() == [[1 * 3 + 2 * 4 + 10, 1 * 0 + 2 * 1 + 20]]
    grad_x, grad_w, grad_b = dense_backward(np.array([[1.0, 5]]), cache)
    assert grad_x.tolist() == [[3 * 1 + 0 * 5, 4 * 1 + 1 * 5]]
    assert grad_w.tolist() == [[1, 5], [2, 10]]
    assert grad_b.tolist() == [1, 5]


@settings(max_examples=30)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), st.integers(0, 99))
def test_equals_the_reference(n, c_in, c_out, seed):
    rng = np.random.default_rng(seed)
    x, w, b = make(rng, n, c_in, c_out)
    out, cache = dense_forward(x, w, b)
    np.testing.assert_allclose(out, reference.dense_forward(x, w, b), atol=1e-12)
    grad_out = rng.standard_normal(out.shape)
    expected = reference.dense_backward(grad_out, x, w)
    for got, want in zip(dense_backward(grad_out, cache), expected, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-12)


def test_gradients(monkeypatch):
    monkeypatch.setattr(dense, "ROWS", 2)  # several pieces
    rng = np.random.default_rng(1)
    x, w, b = make(rng, 5, 4, 3)
    assert_gradients(dense_forward, dense_backward, {"x": x, "w": w, "b": b})


@pytest.mark.parametrize(
    ("x_shape", "w_shape", "b_shape", "dtype", "message"),
    [
        ((2, 3, 4), (4, 5), (5,), float, "not (2, 3, 4) and (4, 5): flatten or average"),
        ((2, 3), (4, 5), (5,), float,
         "x has 3 channels, w expects 4: x (2, 3) is (N, C_in), w (4, 5) is (C_in, C_out)"),
        ((2, 4), (4, 5), (4,), float, "b must have one entry an output, (5,), not (4,)"),
        ((0, 4), (4, 5), (5,), float, "an axis is empty: x (0, 4) is (N, C_in)"),
        ((2, 4), (4, 5), (5,), np.float32, "x is float64, w float32 and b float32"),
        ((2, 4), (4, 5), (5,), int, "give all three the same floating dtype"),
    ],
)  # fmt: skip
def test_what_it_says_of_bad_input(x_shape, w_shape, b_shape, dtype, message):
    with pytest.raises(ShapeError) as caught:
        dense_forward(np.zeros(x_shape), np.zeros(w_shape, dtype), np.zeros(b_shape, dtype))
    assert str(caught.value).startswith("dense_forward: ")
    assert message in str(caught.value)


def test_grad_out_of_another_shape_is_refused():
    out, cache = dense_forward(np.zeros((2, 4)), np.zeros((4, 5)), np.zeros(5))
    with pytest.raises(ShapeError, match=r"grad_out must have the output's shape \(2, 5\)"):
        dense_backward(out[:, 1:], cache)
