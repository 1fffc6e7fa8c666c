from itertools import product
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings

from nst_numpy.kernels import im2col
from nst_numpy.kernels.windows import make_window
from nst_numpy.layers import conv_backward, conv_forward, reference
from tests.drawn import convolutions


def make(rng, x_shape, w_shape):
    return tuple(rng.standard_normal(shape) for shape in (x_shape, w_shape, w_shape[-1:]))


def close(got, want):
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def by_hand():
    """Make [[1 2] [3 4]] within a border of zeros, and a filter with a power of 10 a tap."""
    x = np.array([[1.0, 2], [3, 4]]).reshape(1, 2, 2, 1)
    w = np.array([[1.0, 10], [100, 1000]]).reshape(2, 2, 1, 1)
    return x, w, make_window("test", (2, 2), (2, 2), 1, 1)


def test_correlate_by_hand():
    x, w, window = by_hand()
    out = im2col.correlate(x, w, np.array([7.0]), window)
    # each digit is the input below one tap: 1000 the lower right, 100 the lower left, …
    assert out[0, ..., 0].tolist() == [
        [7 + 1000 * 1, 7 + 100 * 1 + 1000 * 2, 7 + 100 * 2],
        [7 + 10 * 1 + 1000 * 3, 7 + 1 * 1 + 10 * 2 + 100 * 3 + 1000 * 4, 7 + 1 * 2 + 100 * 4],
        [7 + 10 * 3, 7 + 1 * 3 + 10 * 4, 7 + 1 * 4],
    ]
    assert (im2col.correlate(x, w, None, window) == out - 7).all()


def test_the_gradients_of_the_parameters_by_hand():
    x, w, window = by_hand()
    grad_out = np.array([[1.0, 0, 0], [0, 10, 0], [0, 0, 100]]).reshape(1, 3, 3, 1)
    grad_w, grad_b = im2col.param_gradients(grad_out, x, w, window)
    # at (0, 0) the lower right tap saw 1, at (1, 1) each tap its own, at (2, 2) the first saw 4
    assert grad_w[..., 0, 0].tolist() == [[10 * 1 + 100 * 4, 10 * 2], [10 * 3, 10 * 4 + 1 * 1]]
    assert grad_b.tolist() == [1 + 10 + 100]


# Which way im2col goes depends on sizes that are too large for plain loops. So the limits
# are moved: no window slides; every window does; the same in small pieces and blocks.
LIMITS = {
    "never sliding": {"SHORT_RUN": 10**6, "FEWEST_CHANNELS": 10**6},
    "sliding": {"SHORT_RUN": 1, "FEWEST_CHANNELS": 1},
    "sliding, in pieces": {
        "SHORT_RUN": 1, "FEWEST_CHANNELS": 1, "FEWEST_ROWS": 1, "SMALL_PRODUCT": 60,
        "COLS_BYTES": 200, "SLIDING_BYTES": 200,
    },
}  # fmt: skip


@pytest.mark.parametrize("limits", LIMITS)
@settings(max_examples=60)
@given(convolutions())
def test_equals_the_reference(limits, case):
    x_shape, w_shape, options, seed = case
    rng = np.random.default_rng(seed)
    x, w, b = make(rng, x_shape, w_shape)
    window = make_window("test", x_shape[1:-1], w_shape[:-2], **options)
    expected = reference.conv_forward(x, w, b, window)
    grad_out = rng.standard_normal(expected.shape)
    expected_grads = reference.conv_backward(grad_out, x, w, window)
    with mock.patch.multiple(im2col, **LIMITS[limits]):
        close(im2col.correlate(x, w, b, window), expected)
        param_gradients = im2col.param_gradients(grad_out, x, w, window)
        # the gradient of the input is a correlation too
        _, cache = conv_forward(x, w, b, method="im2col", **options)
        grad_x, *_ = conv_backward(grad_out, cache)
    for got, want in zip((grad_x, *param_gradients), expected_grads, strict=True):
        close(got, want)


@pytest.mark.parametrize("cols_bytes", [1, 400, 1 << 20])  # a row a piece, some, all of it
@pytest.mark.parametrize(
    ("x_shape", "w_shape", "options"),
    [
        ((2, 9, 1), (3, 1, 7), {"pad": 1}),
        ((2, 7, 6, 1), (3, 2, 1, 8), {"pad": ((2, 0), (1, 3)), "dilation": (1, 2)}),
        ((1, 8, 5, 2), (2, 2, 2, 9), {"stride": (2, 3)}),
        ((1, 4, 5, 3, 1), (2, 1, 3, 1, 6), {"pad": "same"}),
    ],
)
def test_filters_so_many_that_the_way_back_multiplies_first(
    monkeypatch, x_shape, w_shape, options, cols_bytes
):
    monkeypatch.setattr(im2col, "COLS_BYTES", cols_bytes)
    rng = np.random.default_rng(5)
    x, w, b = make(rng, x_shape, w_shape)
    out, cache = conv_forward(x, w, b, method="im2col", **options)
    grad_out = rng.standard_normal(out.shape)
    expected = reference.conv_backward(grad_out, x, w, cache.window)
    for got, want in zip(conv_backward(grad_out, cache), expected, strict=True):
        close(got, want)


@pytest.mark.parametrize("rubbish", [np.nan, np.inf])  # infinity also warns where it is used
@pytest.mark.parametrize(
    ("x_shape", "w_shape", "options"),
    [
        ((2, 40, 9), (4, 9, 8), {"pad": "same"}),
        ((2, 13, 11, 8), (3, 3, 8, 9), {"pad": 1}),
        ((2, 13, 11, 8), (3, 3, 8, 9), {"stride": (2, 1), "dilation": (2, 1), "pad": 2}),
        ((2, 7, 6, 9, 8), (3, 2, 3, 8, 8), {"pad": (0, 1, 2)}),
        ((2, 7, 6, 9, 8), (3, 2, 3, 8, 8), {"stride": (2, 1, 1), "dilation": (1, 2, 1), "pad": 1}),
    ],
)
def test_sliding_windows_and_cols_agree_whatever_scratch_memory_held(
    monkeypatch, x_shape, w_shape, options, rubbish
):
    def full_of_rubbish(name, shape, dtype):
        return np.full(shape, rubbish, dtype)

    monkeypatch.setattr(im2col, "scratch_array", full_of_rubbish)
    rng = np.random.default_rng(8)
    x, w, b = make(rng, x_shape, w_shape)
    out, cache = conv_forward(x, w, b, **options)
    grad_out = rng.standard_normal(out.shape)
    grads = conv_backward(grad_out, cache)
    with mock.patch.multiple(im2col, SHORT_RUN=10**6, FEWEST_CHANNELS=10**6):
        expected, cache = conv_forward(x, w, b, **options)
        expected_grads = conv_backward(grad_out, cache)
    for got, want in zip((out, *grads), (expected, *expected_grads), strict=True):
        close(got, want)


def test_bands_join_without_a_seam(monkeypatch):
    monkeypatch.setattr("nst_numpy.kernels.im2col.COLS_BYTES", 1000)
    rng = np.random.default_rng(2)
    for x_shape, w_shape in product([(3, 17, 11, 2), (1, 6, 5, 2)], [(3, 3, 2, 4)]):
        x, w, b = make(rng, x_shape, w_shape)
        out, cache = conv_forward(x, w, b, stride=2, pad=1)
        expected, reference_cache = conv_forward(x, w, b, stride=2, pad=1, method="reference")
        np.testing.assert_allclose(out, expected, atol=1e-12)
        grads, expected_grads = (conv_backward(out, c) for c in (cache, reference_cache))
        for got, want in zip(grads, expected_grads, strict=True):
            np.testing.assert_allclose(got, want, atol=1e-11)


@pytest.mark.parametrize("channels", [3, 16])  # too few to slide, and enough
@pytest.mark.parametrize(
    "view",
    [lambda a: a[:, ::-1, 1:], lambda a: a[:, ::2, ::-2], lambda a: a.swapaxes(1, 2)],
    ids=["cut and reversed", "every other", "turned"],
)
def test_an_input_may_be_a_view_and_is_not_written_to(channels, view):
    rng = np.random.default_rng(3)
    x = view(rng.standard_normal((2, 13, 14, channels)))
    x.flags.writeable = False
    w, b = rng.standard_normal((3, 3, channels, 8)), np.zeros(8)
    window = make_window("test", x.shape[1:-1], (3, 3), 1, 0)
    close(im2col.correlate(x, w, b, window), im2col.correlate(x.copy(), w, b, window))
    grad_out = rng.standard_normal((2, *window.out_sizes, 8))
    grads = [im2col.param_gradients(grad_out, each, w, window) for each in (x, x.copy())]
    for got, want in zip(*grads, strict=True):
        close(got, want)


@pytest.mark.parametrize("channels", [3, 16])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_stays(channels, dtype):
    x, w = np.ones((1, 9, 9, channels), dtype), np.ones((3, 3, channels, 8), dtype)
    window = make_window("test", (9, 9), (3, 3), 1, 1)
    out = im2col.correlate(x, w, np.ones(8, dtype), window)
    assert out.dtype == dtype
    assert out[0, 4, 4, 0] == 3 * 3 * channels + 1
    assert out[0, 0, 0, 0] == 2 * 2 * channels + 1  # in a corner five taps see padding
    assert [grad.dtype for grad in im2col.param_gradients(out, x, w, window)] == [dtype] * 2
