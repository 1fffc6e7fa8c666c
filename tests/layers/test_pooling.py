from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.gradcheck import assert_gradients
from nst_numpy.kernels.windows import make_window
from nst_numpy.layers import (
    avg_pool_backward,
    avg_pool_forward,
    global_avg_pool_backward,
    global_avg_pool_forward,
    max_pool_backward,
    max_pool_forward,
    reference,
)

POOLS = {
    "max": (max_pool_forward, max_pool_backward, reference.max_pool),
    "avg": (avg_pool_forward, avg_pool_backward, reference.avg_pool),
}


def test_a_case_by_hand():
    x = np.array([[1.0, 2, 5], [4, 3, 6], [7, 8, 9]]).reshape(1, 3, 3, 1)
    out, cache = max_pool_forward(x)
    assert out.ravel().tolist() == [4]
    assert max_pool_backward(np.array([[[[2.0]]]]), cache)[0, ..., 0].tolist() == [
        [0, 0, 0], [2, 0, 0], [0, 0, 0],
    ]  # fmt: skip
    out, cache = avg_pool_forward(x)
    assert out.ravel().tolist() == [2.5]
    assert avg_pool_backward(np.array([[[[2.0]]]]), cache)[0, ..., 0].tolist() == [
        [0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 0],
    ]  # fmt: skip


@st.composite
def cases(draw):
    n = draw(st.integers(1, 3))
    size = tuple(draw(st.integers(1, 3)) for _ in range(n))
    stride = draw(st.none() | st.tuples(*[st.integers(1, 3)] * n))
    pad = tuple(draw(st.integers(0, k - 1)) for k in size)
    sizes = tuple(k + draw(st.integers(0, 4)) for k in size)
    shape = (draw(st.integers(1, 2)), *sizes, draw(st.integers(1, 3)))
    return shape, {"size": size, "stride": stride, "pad": pad}, draw(st.integers(0, 99))


@pytest.mark.parametrize("kind", POOLS)
@settings(max_examples=40)
@given(cases())
def test_equals_the_reference(kind, case):
    shape, options, seed = case
    forward, backward, oracle = POOLS[kind]
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 4, shape).astype(float)  # small integers: many ties
    out, cache = forward(x, **options)
    grad_out = rng.standard_normal(out.shape)
    stride = options["stride"] or options["size"]
    window = make_window("test", shape[1:-1], options["size"], stride, options["pad"])
    expected, expected_grad = oracle(x, grad_out, window)
    np.testing.assert_allclose(out, expected, rtol=1e-13)
    np.testing.assert_allclose(backward(grad_out, cache), expected_grad, atol=1e-13)


@pytest.mark.parametrize("kind", POOLS)
def test_gradient(kind):
    forward, backward, _ = POOLS[kind]
    rng = np.random.default_rng(3)
    forward = partial(forward, size=3, stride=2, pad=1)
    assert_gradients(forward, backward, {"x": rng.standard_normal((2, 7, 5, 2))})
    tied = rng.integers(0, 3, (2, 7, 5, 2)).astype(float)
    assert_gradients(forward, backward, {"x": tied})


def test_of_tied_inputs_the_first_receives_the_gradient():
    out, cache = max_pool_forward(np.ones((1, 2, 2, 1)))
    assert max_pool_backward(np.ones_like(out), cache).ravel().tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("shape", "options", "error", "message"),
    [
        ((4, 4), {}, ShapeError, "x must be (N, L, C), (N, H, W, C) or (N, D, H, W, C)"),
        ((1, 0, 4, 1), {}, ShapeError, "no empty axis"),
        ((1, 1, 4, 1), {}, ShapeError, "spans 2 positions of axis H"),
        ((1, 4, 4, 1), {"size": 0}, SettingError, "size must be a whole number of at least 1"),
        ((1, 4, 4, 1), {"pad": 2}, ShapeError, "must be smaller than the window"),
    ],
)
def test_what_it_says_of_bad_input(shape, options, error, message):
    with pytest.raises(error) as caught:
        max_pool_forward(np.zeros(shape), **options)
    assert message in str(caught.value)


def test_integers_are_refused():
    with pytest.raises(ShapeError, match="floating dtype, not int"):
        avg_pool_forward(np.zeros((1, 4, 4, 1), int))


@pytest.mark.parametrize("kind", POOLS)
def test_grad_out_of_another_shape_is_refused(kind):
    forward, backward, _ = POOLS[kind]
    out, cache = forward(np.zeros((1, 4, 4, 1)))
    with pytest.raises(ShapeError, match="grad_out must have the output's shape"):
        backward(out[:, 1:], cache)


@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 3, 4, 2), (1, 2, 3, 2, 2), (1, 1, 1)])
def test_global_average_equals_the_reference_and_its_gradient(shape):
    rng = np.random.default_rng(6)
    x = rng.standard_normal(shape)
    out, cache = global_avg_pool_forward(x)
    upstream = rng.standard_normal(out.shape)
    expected, expected_grad = reference.global_avg_pool(x, upstream)
    grad = global_avg_pool_backward(upstream, cache)
    np.testing.assert_allclose(out, expected, atol=1e-14)
    np.testing.assert_allclose(grad, expected_grad, atol=1e-14)
    assert grad.flags.writeable
    assert_gradients(global_avg_pool_forward, global_avg_pool_backward, {"x": x})


def test_global_average_keeps_float32():
    out, cache = global_avg_pool_forward(np.ones((1, 4, 2), np.float32))
    assert out.dtype == global_avg_pool_backward(out, cache).dtype == np.float32


def test_what_global_average_says_of_bad_input():
    with pytest.raises(ShapeError, match=r"global_avg_pool_forward: x must be \(N, L, C\)"):
        global_avg_pool_forward(np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="no empty axis"):
        global_avg_pool_forward(np.zeros((0, 3, 3)))
    with pytest.raises(ShapeError, match=r"the output's shape \(1, 3\), not \(1, 2\)"):
        global_avg_pool_backward(np.zeros((1, 2)), (1, 4, 3))
