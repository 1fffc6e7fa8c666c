from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings

from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.gradcheck import assert_gradients
from nst_numpy.layers import conv_backward, conv_forward
from tests.drawn import convolutions


def make(rng, x_shape, w_shape):
    return (rng.standard_normal(shape) for shape in (x_shape, w_shape, w_shape[-1:]))


def test_a_case_by_hand():
    # [1 2 3 4] with the filter [1 0 -1], not flipped: 1 - 3 = -2, 2 - 4 = -2; bias 10
    x = np.array([1.0, 2, 3, 4]).reshape(1, 4, 1)
    w = np.array([1.0, 0, -1]).reshape(3, 1, 1)
    out, cache = conv_forward(x, w, np.array([10.0]))
    assert out.ravel().tolist() == [8, 8]
    grad_x, grad_w, grad_b = conv_backward(np.array([1.0, 2]).reshape(1, 2, 1), cache)
    assert grad_x.ravel().tolist() == [1, 2, -1, -2]
    assert grad_w.ravel().tolist() == [1 * 1 + 2 * 2, 2 * 1 + 3 * 2, 3 * 1 + 4 * 2]
    assert grad_b.tolist() == [3]


@pytest.mark.parametrize(
    ("x_shape", "w_shape", "out_shape"),
    [
        ((1, 14, 1), (5, 1, 16), (1, 10, 16)),
        ((1, 10, 16), (5, 16, 32), (1, 6, 32)),
        ((1, 14, 14, 3), (5, 5, 3, 16), (1, 10, 10, 16)),
        ((1, 14, 14, 14, 1), (5, 5, 5, 1, 16), (1, 10, 10, 10, 16)),
        ((1, 10, 10, 10, 16), (5, 5, 5, 16, 32), (1, 6, 6, 6, 32)),
    ],
)
def test_shapes_of_the_lecture(x_shape, w_shape, out_shape):
    out, _ = conv_forward(np.zeros(x_shape), np.zeros(w_shape), np.zeros(w_shape[-1]))
    assert out.shape == out_shape


@settings(max_examples=40)
@given(convolutions())
def test_equals_the_reference(case):
    x_shape, w_shape, options, seed = case
    rng = np.random.default_rng(seed)
    x, w, b = make(rng, x_shape, w_shape)
    expected, reference_cache = conv_forward(x, w, b, method="reference", **options)
    grad_out = rng.standard_normal(expected.shape)
    out, cache = conv_forward(x, w, b, **options)
    grads, expected_grads = (conv_backward(grad_out, each) for each in (cache, reference_cache))
    for got, want in zip((out, *grads), (expected, *expected_grads), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("x_shape", "w_shape", "options"),
    [
        ((2, 9, 3), (3, 3, 2), {"stride": 2, "pad": 1}),
        ((2, 5, 6, 2), (3, 2, 2, 3), {"stride": (2, 1), "pad": (1, 0), "dilation": (1, 2)}),
        ((1, 4, 3, 5, 2), (2, 3, 2, 2, 2), {"pad": "same"}),
    ],
)
def test_gradients(x_shape, w_shape, options):
    rng = np.random.default_rng(1)
    x, w, b = make(rng, x_shape, w_shape)
    assert_gradients(partial(conv_forward, **options), conv_backward, {"x": x, "w": w, "b": b})


def conv(x_shape=(1, 8, 8, 3), w_shape=(3, 3, 3, 16), b_shape=(16,), dtype=np.float32, **options):
    return conv_forward(
        np.zeros(x_shape, np.float32), np.zeros(w_shape, dtype), np.zeros(b_shape, dtype), **options
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            {"x_shape": (1, 8, 8, 4)}, ShapeError,
            "conv_forward: x has 4 channels, w expects 3: "
            "x (1, 8, 8, 4) is (N, H, W, C), w (3, 3, 3, 16) is (kh, kw, C_in, C_out)",
        ),
        ({"x_shape": (8, 8, 3)}, ShapeError, "x has rank 3, w expects rank 4"),
        ({"w_shape": (3, 16)}, ShapeError, "w must be (*kernel, C_in, C_out)"),
        ({"b_shape": (3,)}, ShapeError, "b must have one entry a filter, (16,), not (3,)"),
        ({"x_shape": (0, 8, 8, 3)}, ShapeError, "an axis is empty: x (0, 8, 8, 3) is (N, H, W, C)"),
        ({"w_shape": (0, 3, 3, 16)}, ShapeError, "an axis is empty"),
        ({"w_shape": (3, 3, 3, 3, 3, 16)}, ShapeError, "with 1, 2 or 3 kernel axes, not of shape"),
        ({"x_shape": (1, 2, 8, 3)}, ShapeError, "the kernel spans 3 positions of axis H"),
        ({"dtype": np.float64}, ShapeError, "x is float32, w float64 and b float64"),
        ({"stride": 0}, SettingError, "stride must be a whole number of at least 1"),
        ({"pad": -1}, SettingError, "pad must be a whole number of at least 0"),
        ({"dilation": 0.5}, SettingError, "dilation must be a whole number"),
        ({"method": "fft"}, SettingError, "method must be one of auto, "),
    ],
)  # fmt: skip
def test_what_it_says_of_bad_input(call, error, message):
    with pytest.raises(error) as caught:
        conv(**call)
    assert message in str(caught.value)


def test_grad_out_of_another_shape_is_refused():
    out, cache = conv()
    with pytest.raises(ShapeError, match=r"grad_out must have the output's shape \(1, 6, 6, 16\)"):
        conv_backward(out[:, 1:], cache)
