"""The definitions: worked by hand, since nothing stands above them that they could be held to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nst_numpy.kernels.windows import Window, make_window
from nst_numpy.layers import reference
from tests.drawn import convolutions


def line(*values):
    """Make (1, L, 1)."""
    return np.array(values, dtype=float).reshape(1, -1, 1)


def square(*rows):
    """Make (1, H, W, 1)."""
    return np.array(rows, dtype=float)[None, ..., None]


def test_what_an_output_sees():
    # stride 2, dilation 2, one position of padding before: output 1 begins at 1·2 - 1 = 1
    window = Window((5,), (3,), (2,), (2,), ((1, 1),))
    assert list(reference.seen(window, (1,))) == [((0,), (1,)), ((1,), (3,))]  # then 5: outside
    assert list(reference.seen(window, (0,))) == [((1,), (1,)), ((2,), (3,))]  # first -1: outside


def test_what_an_output_sees_in_two_dimensions():
    window = make_window("f", (2, 2), (2, 2), 1, ((1, 0), (0, 1)))
    # above the first row is padding, and right of the last column
    assert list(reference.seen(window, (0, 1))) == [((1, 0), (0, 1))]
    assert list(reference.seen(window, (1, 0))) == [
        ((0, 0), (0, 0)), ((0, 1), (0, 1)), ((1, 0), (1, 0)), ((1, 1), (1, 1)),
    ]  # fmt: skip


def test_a_convolution_of_one_axis():
    # [1 2 3 4] in zeros, with the filter [1 10 100], not flipped; bias 0.5
    x, w = line(1, 2, 3, 4), np.array([1.0, 10, 100]).reshape(3, 1, 1)
    window = make_window("f", (4,), (3,), 1, 1)
    out = reference.conv_forward(x, w, np.array([0.5]), window)
    assert out.ravel().tolist() == [
        0.5 + 10 * 1 + 100 * 2,
        0.5 + 1 * 1 + 10 * 2 + 100 * 3,
        0.5 + 1 * 2 + 10 * 3 + 100 * 4,
        0.5 + 1 * 3 + 10 * 4,
    ]
    grad_out = line(1, 0, 0, 2)
    grad_x, grad_w, grad_b = reference.conv_backward(grad_out, x, w, window)
    # output 0 saw inputs 0 and 1 by the taps 10 and 100, output 3 inputs 2 and 3 by 1 and 10
    assert grad_x.ravel().tolist() == [10 * 1, 100 * 1, 1 * 2, 10 * 2]
    assert grad_w.ravel().tolist() == [3 * 2, 1 * 1 + 4 * 2, 2 * 1]
    assert grad_b.tolist() == [1 + 2]


def test_a_convolution_of_channels():
    # one position, two channels, three filters: out_f = b_f + Σ_c x_c w_cf
    x, w = np.array([[[2.0, 3]]]), np.array([[[1.0, 10, 0], [5, 0, 7]]])
    window = make_window("f", (1,), (1,), 1, 0)
    out = reference.conv_forward(x, w, np.array([1.0, 2, 3]), window)
    assert out.tolist() == [[[1 + 2 * 1 + 3 * 5, 2 + 2 * 10 + 3 * 0, 3 + 2 * 0 + 3 * 7]]]
    grad_x, grad_w, grad_b = reference.conv_backward(np.array([[[1.0, 2, 4]]]), x, w, window)
    assert grad_x.tolist() == [[[1 * 1 + 2 * 10 + 4 * 0, 1 * 5 + 2 * 0 + 4 * 7]]]
    assert grad_w.tolist() == [[[2 * 1, 2 * 2, 2 * 4], [3 * 1, 3 * 2, 3 * 4]]]
    assert grad_b.tolist() == [1, 2, 4]


def test_items_are_convolved_alone_and_share_their_gradients_of_parameters():
    x = np.concatenate([line(1, 2), line(3, 4)])
    w, window = np.array([10.0]).reshape(1, 1, 1), make_window("f", (2,), (1,), 1, 0)
    out = reference.conv_forward(x, w, np.zeros(1), window)
    assert out[..., 0].tolist() == [[10, 20], [30, 40]]
    _, grad_w, grad_b = reference.conv_backward(np.ones_like(x), x, w, window)
    assert grad_w.ravel().tolist() == [1 + 2 + 3 + 4]
    assert grad_b.tolist() == [4]


X = square([1, 2, 5], [4, 3, 6], [7, 8, 9])


def test_max_pool():
    window = make_window("f", (3, 3), (2, 2), 1, 0)
    out, grad_x = reference.max_pool(X, square([1, 10], [100, 1000]), window)
    assert out[0, ..., 0].tolist() == [[4, 6], [8, 9]]
    # each gradient goes to the place of its maximum, and overlapping windows do not share
    assert grad_x[0, ..., 0].tolist() == [[0, 0, 0], [1, 0, 10], [0, 100, 1000]]


def test_a_tie_goes_to_the_first_and_an_input_may_win_twice():
    window = make_window("f", (3,), (2,), 1, 0)
    out, grad_x = reference.max_pool(line(2, 5, 5), line(1, 10), window)
    assert out.ravel().tolist() == [5, 5]
    assert grad_x.ravel().tolist() == [0, 1 + 10, 0]


def test_padding_never_wins_and_is_not_counted():
    window = make_window("f", (2,), (2,), 2, 1)
    out, grad_x = reference.max_pool(line(-3, -4), line(1, 10), window)
    assert out.ravel().tolist() == [-3, -4]
    assert grad_x.ravel().tolist() == [1, 10]
    out, grad_x = reference.avg_pool(line(-3, -4), line(1, 10), window)
    assert out.ravel().tolist() == [-3 / 1, -4 / 1]
    assert grad_x.ravel().tolist() == [1, 10]


def test_avg_pool():
    window = make_window("f", (3, 3), (2, 2), 1, 0)
    out, grad_x = reference.avg_pool(X, square([4, 0], [0, 8]), window)
    assert out[0, ..., 0].tolist() == [
        [(1 + 2 + 4 + 3) / 4, (2 + 5 + 3 + 6) / 4], [(4 + 3 + 7 + 8) / 4, (3 + 6 + 8 + 9) / 4],
    ]  # fmt: skip
    assert grad_x[0, ..., 0].tolist() == [[4 / 4, 1, 0], [1, 4 / 4 + 8 / 4, 2], [0, 2, 8 / 4]]


@pytest.mark.parametrize("pool", [reference.max_pool, reference.avg_pool])
def test_channels_and_items_are_pooled_alone(pool):
    rng = np.random.default_rng(0)
    x, grad_out = rng.standard_normal((2, 4, 3)), rng.standard_normal((2, 2, 3))
    window = make_window("f", (4,), (2,), 2, 0)
    out, grad_x = pool(x, grad_out, window)
    for n, c in np.ndindex(2, 3):
        own = slice(n, n + 1), slice(None), slice(c, c + 1)
        alone, grad_alone = pool(x[own], grad_out[own], window)
        np.testing.assert_array_equal(out[own], alone)
        np.testing.assert_array_equal(grad_x[own], grad_alone)


def test_relu():
    out, grad_x = reference.relu(np.array([[-2.0, 0, 3]]), np.array([[1.0, 2, 4]]))
    assert out.tolist() == [[0, 0, 3]]
    assert grad_x.tolist() == [[0, 0, 4]]  # at 0 nothing passes


def test_global_avg_pool():
    x = np.array([[[1.0, 10], [2, 20], [6, 30]]])
    out, grad_x = reference.global_avg_pool(x, np.array([[3.0, 9]]))
    assert out.tolist() == [[(1 + 2 + 6) / 3, (10 + 20 + 30) / 3]]
    assert grad_x.tolist() == [[[3 / 3, 9 / 3]] * 3]


def test_dense():
    x, w = np.array([[1.0, 2], [3, 4]]), np.array([[10.0, 0, 1], [100, 5, 0]])
    out = reference.dense_forward(x, w, np.array([1.0, 2, 3]))
    assert out.tolist() == [
        [1 + 1 * 10 + 2 * 100, 2 + 2 * 5, 3 + 1 * 1],
        [1 + 3 * 10 + 4 * 100, 2 + 4 * 5, 3 + 3 * 1],
    ]
    grad_out = np.array([[1.0, 0, 0], [0, 2, 4]])
    grad_x, grad_w, grad_b = reference.dense_backward(grad_out, x, w)
    assert grad_x.tolist() == [[10 * 1, 100 * 1], [0 * 2 + 1 * 4, 5 * 2 + 0 * 4]]
    assert grad_w.tolist() == [[1 * 1, 3 * 2, 3 * 4], [2 * 1, 4 * 2, 4 * 4]]
    assert grad_b.tolist() == [1, 2, 4]


def test_without_a_gradient_only_the_output_is_computed():
    window = make_window("f", (3, 3), (2, 2), 1, 0)
    for call in (
        lambda g: reference.max_pool(X, g, window),
        lambda g: reference.avg_pool(X, g, window),
        lambda g: reference.relu(X, g),
        lambda g: reference.global_avg_pool(X, g),
    ):
        out, grad_x = call(None)
        assert out.any()
        assert not grad_x.any()
        np.testing.assert_array_equal(call(np.ones_like(out))[0], out)


# Each layer, its bias aside, is a sum of inputs times numbers. So Σ grad_out · out, taken the
# other way, is Σ grad_x · x: what a backward pass lost or sent to a wrong place is missing there.


@settings(max_examples=40)
@given(convolutions())
def test_the_way_back_of_a_convolution_is_the_way_there_reversed(case):
    x_shape, w_shape, options, seed = case
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal(x_shape), rng.standard_normal(w_shape)
    window = make_window("f", x_shape[1:-1], w_shape[:-2], **options)
    out = reference.conv_forward(x, w, np.zeros(w_shape[-1]), window)
    grad_out = rng.standard_normal(out.shape)
    grad_x, grad_w, grad_b = reference.conv_backward(grad_out, x, w, window)
    total = np.vdot(grad_out, out)
    assert np.vdot(grad_x, x) == pytest.approx(total, abs=1e-10)
    assert np.vdot(grad_w, w) == pytest.approx(total, abs=1e-10)
    np.testing.assert_allclose(grad_b, grad_out.reshape(-1, w_shape[-1]).sum(axis=0), atol=1e-12)


@settings(max_examples=40)
@given(convolutions(), st.sampled_from([reference.max_pool, reference.avg_pool]))
def test_the_way_back_of_a_pool_is_the_way_there_reversed(case, pool):
    x_shape, w_shape, options, seed = case
    rng = np.random.default_rng(seed)
    x = rng.integers(-3, 4, x_shape).astype(float)  # ties too
    size = w_shape[:-2]
    window = make_window("f", x_shape[1:-1], size, options["stride"], 0)
    grad_out = rng.standard_normal((x_shape[0], *window.out_sizes, x_shape[-1]))
    out, grad_x = pool(x, grad_out, window)
    assert np.vdot(grad_x, x) == pytest.approx(np.vdot(grad_out, out), abs=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_stays(dtype):
    x, window = X.astype(dtype), make_window("f", (3, 3), (2, 2), 1, 0)
    w, b = np.ones((2, 2, 1, 2), dtype), np.ones(2, dtype)
    out = reference.conv_forward(x, w, b, window)
    flat = x.reshape(3, 3)
    arrays = [
        out, *reference.conv_backward(out, x, w, window), *reference.max_pool(x, None, window),
        *reference.avg_pool(x, None, window), *reference.relu(x, None),
        *reference.global_avg_pool(x, None), reference.dense_forward(flat, flat, flat[0]),
        *reference.dense_backward(flat, flat, flat),
    ]  # fmt: skip
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}
