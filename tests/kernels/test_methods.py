import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nst_numpy.errors import SettingError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.kernels import methods, winograd
from nst_numpy.kernels.methods import (
    GRADIENT_POSITIONS,
    choose_method,
    convolve,
    input_gradient,
    input_gradient_of_parts,
    param_gradients,
    product_first_is_smaller,
)
from nst_numpy.kernels.windows import make_window
from nst_numpy.layers import reference

RNG = np.random.default_rng(0)


def window_of(sizes=(8, 8), kernel=(3, 3), stride=1, pad=1, dilation=1):
    return make_window("test", sizes, kernel, stride, pad, dilation)


@pytest.mark.parametrize(
    ("w_shape", "window", "dtype", "expected"),
    [
        ((3, 3, 32, 32), window_of(), np.float32, "winograd"),
        ((3, 3, 32, 32), window_of((4, 16)), np.float32, "winograd"),
        ((3, 3, 32, 32), window_of((7, 9)), np.float32, "im2col"),
        ((3, 3, 31, 64), window_of(), np.float32, "im2col"),
        ((3, 3, 64, 31), window_of(), np.float32, "im2col"),
        ((3, 3, 32, 32), window_of(), np.float64, "im2col"),
        ((3, 3, 32, 32), window_of(pad=0), np.float32, "winograd"),
        ((3, 3, 32, 32), window_of(pad=((1, 0), (1, 1))), np.float32, "winograd"),
        ((3, 3, 32, 32), window_of(stride=2), np.float32, "im2col"),
        ((3, 3, 32, 32), window_of(dilation=2), np.float32, "im2col"),
        ((3, 1, 32, 32), window_of(kernel=(3, 1)), np.float32, "im2col"),
        ((3, 64, 64), window_of((4096,), (3,)), np.float32, "im2col"),
        ((7, 64, 64), window_of((2048,), (7,)), np.float32, "winograd"),
        ((7, 64, 63), window_of((2048,), (7,)), np.float32, "im2col"),
        ((5, 64, 64), window_of((2047,), (5,)), np.float32, "im2col"),
        ((3, 3, 3, 32, 64), window_of((16,) * 3, (3,) * 3), np.float32, "winograd"),
        ((3, 3, 3, 16, 64), window_of((16,) * 3, (3,) * 3), np.float32, "winograd"),
        ((3, 3, 3, 7, 64), window_of((16,) * 3, (3,) * 3), np.float32, "im2col"),
        ((5, 5, 5, 16, 32), window_of((16,) * 3, (5,) * 3), np.float32, "winograd"),
        ((5, 5, 5, 16, 32), window_of((14,) * 3, (5,) * 3), np.float32, "im2col"),
        ((3, 5, 5, 64, 64), window_of((16,) * 3, (3, 5, 5)), np.float32, "im2col"),
    ],
)
def test_auto_takes_winograd_where_it_can_be_used_and_is_faster(w_shape, window, dtype, expected):
    assert choose_method("auto", dtype, w_shape, window) == expected


def test_a_method_that_is_named_is_taken_if_it_can_be():
    for method in ("im2col", "reference", "winograd"):
        assert choose_method(method, np.float32, (3, 3, 1, 1), window_of()) == method
    with pytest.raises(SettingError, match="method must be one of auto, winograd, im2col, refer"):
        choose_method("fast", np.float32, (3, 3, 1, 1), window_of())
    with pytest.raises(SettingError, match="'winograd' is for float32, stride 1, dilation 1, and"):
        choose_method("winograd", np.float64, (3, 3, 1, 1), window_of())


def arrays(window, c_in, c_out, dtype=np.float64):
    x = RNG.standard_normal((2, *window.sizes, c_in)).astype(dtype)
    w = RNG.standard_normal((*window.kernel, c_in, c_out)).astype(dtype)
    return x, w, RNG.standard_normal(c_out).astype(dtype)


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("method", ["im2col", "winograd"])
def test_both_methods_are_the_definition(method, kept):
    window = window_of((13, 10))
    x, w, b = arrays(window, 5, 6, np.float32)
    u = winograd.prepare_kernels(w) if kept and method == "winograd" else (None, None)
    expected = reference.conv_forward(x.astype(float), w.astype(float), b.astype(float), window)
    got = convolve(x, w, b, window, method, u=u[0])
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
    grad_out = RNG.standard_normal(expected.shape)
    slope, direction = 0.0, RNG.standard_normal(x.shape)
    zero = np.zeros(6)
    slope = (reference.conv_forward(direction, w.astype(float), zero, window) * grad_out).sum()
    grad_x = input_gradient(grad_out.astype(np.float32), w, window, method, u_flipped=u[1])
    assert (grad_x * direction).sum() == pytest.approx(slope, rel=1e-4)


@settings(max_examples=60)
@given(st.data(), st.integers(1, 3), st.booleans())
def test_the_input_gradient_whatever_the_window(data, axes, many_filters):
    def each(low, high):
        return tuple(data.draw(st.integers(low, high)) for _ in range(axes))

    kernel = each(1, 3)
    pad = tuple((data.draw(st.integers(0, 2)), data.draw(st.integers(0, 2))) for _ in range(axes))
    window = make_window("test", each(5, 8), kernel, each(1, 3), pad, each(1, 2))
    # either of the two orders: products of the taps first, or patches first
    x, w, b = arrays(window, 1 if many_filters else 3, 28 if many_filters else 2)
    assert product_first_is_smaller(w) == many_filters
    out = reference.conv_forward(x, w, b, window)
    np.testing.assert_allclose(convolve(x, w, b, window, "im2col"), out, atol=1e-10)
    grad_out = RNG.standard_normal(out.shape)
    grad_x = input_gradient(grad_out, w, window, "im2col")
    direction = RNG.standard_normal(x.shape)
    moved = reference.conv_forward(x + direction, w, b, window)
    assert (grad_x * direction).sum() == pytest.approx(
        ((moved - out) * grad_out).sum(), rel=1e-9, abs=1e-9
    )


@pytest.mark.parametrize("taken", [False, True])
def test_the_gradient_of_the_filters_by_either_method(taken, monkeypatch):
    window = window_of((16, 16))
    x, w, _b = arrays(window, 64, 64, np.float32)
    positions = 2 * 16 * 16
    assert positions < GRADIENT_POSITIONS[2]
    if taken:
        monkeypatch.setitem(methods.GRADIENT_POSITIONS, 2, positions)
    used = []
    by_winograd = winograd.winograd_kernel_gradient
    monkeypatch.setattr(
        winograd, "winograd_kernel_gradient", lambda *a: used.append(1) or by_winograd(*a)
    )
    grad_out = RNG.standard_normal((2, 16, 16, 64)).astype(np.float32)
    got = param_gradients(grad_out, x, w, window, "winograd")
    assert bool(used) == taken
    wide = (a.astype(float) for a in (grad_out, x, w))
    for g, want in zip(got, param_gradients(*wide, window, "im2col"), strict=True):
        np.testing.assert_allclose(g, want, atol=1e-5 * want.std())


def test_the_input_gradient_number_by_number():
    window = window_of((5, 4), (2, 3), (2, 1), 1)
    x, w, b = arrays(window, 2, 3)
    grad_out = RNG.standard_normal((2, *window.out_sizes, 3))
    check_gradient(
        lambda v: float((reference.conv_forward(v, w, b, window) * grad_out).sum()),
        x,
        input_gradient(grad_out, w, window, "im2col"),
    ).raise_if_wrong()


@pytest.mark.parametrize("method", ["im2col", "winograd"])
@pytest.mark.parametrize(("c_in", "c_out"), [(3, 32), (8, 4)])
def test_each_part_is_seen_once_and_may_be_changed(method, c_in, c_out):
    window = window_of((70, 90))
    x, w, b = arrays(window, c_in, c_out, np.float32)
    out = convolve(x, w, b, window, method)
    for call, whole in (
        (lambda each: convolve(x, w, b, window, method, each_part=each), out),
        (lambda each: input_gradient(out, w, window, method, each_part=each),
         input_gradient(out, w, window, method)),
    ):  # fmt: skip
        seen = np.zeros(whole.shape[:-1], int)

        def each_part(part, place, seen=seen, whole=whole):
            np.testing.assert_array_equal(part, whole[place])
            seen[place] += 1
            part *= 2

        np.testing.assert_array_equal(call(each_part), 2 * whole)
        assert (seen == 1).all()


def test_an_input_gradient_of_parts_is_that_of_the_whole():
    window = window_of((20, 23))
    x, w, b = arrays(window, 3, 32)
    grad_out = convolve(x, w, b, window, "im2col")
    collected = input_gradient_of_parts(grad_out.shape, w, window)
    for item in (1, 0):
        for rows in (slice(8, 20), slice(0, 8)):
            for columns in (slice(0, 5), slice(5, 23)):
                place = (item, rows, columns)
                collected.add(grad_out[place].copy(), place)
    expected = input_gradient(grad_out, w, window, "im2col")
    np.testing.assert_allclose(collected.complete(), expected, rtol=1e-12, atol=1e-10)
