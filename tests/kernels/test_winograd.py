import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nst_numpy.errors import SettingError
from nst_numpy.kernels import products
from nst_numpy.kernels import winograd as wg
from nst_numpy.kernels.parts import MadeInParts
from nst_numpy.kernels.windows import make_window
from nst_numpy.layers import conv_backward, conv_forward, set_threads
from nst_numpy.layers.convolution import choose_method


def test_the_matrices_compute_four_outputs_of_three_taps():
    rng = np.random.default_rng(0)
    d, g = rng.standard_normal(6), rng.standard_normal(3)
    y = wg.A_T.astype(float) @ ((wg.G @ g) * (wg.B_T.astype(float) @ d))
    np.testing.assert_allclose(y, np.correlate(d, g), rtol=1e-6)


def test_flipping_the_filter_reverses_its_transform():
    g = np.random.default_rng(1).standard_normal(3)
    np.testing.assert_allclose(wg.G @ g[::-1], (wg.G @ g)[::-1], rtol=1e-12)


def make(seed, shape, filters):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape).astype(np.float32)
    w = (rng.standard_normal((3, 3, shape[-1], filters)) / np.sqrt(9 * shape[-1])).astype("f")
    return x, w, rng.standard_normal(filters).astype(np.float32)


@settings(max_examples=40)
@given(
    st.integers(1, 2), st.integers(1, 19), st.integers(1, 19), st.integers(1, 5),
    st.integers(1, 5), st.integers(0, 99),
)  # fmt: skip
def test_equals_im2col_at_every_size(items, height, width, c_in, c_out, seed):
    x, w, b = make(seed, (items, height, width, c_in), c_out)
    out, cache = conv_forward(x, w, b, pad=1, method="winograd")
    expected, other = conv_forward(
        x.astype(float), w.astype(float), b.astype(float), pad=1, method="im2col"
    )
    np.testing.assert_allclose(out, expected, atol=1e-5)
    assert out.dtype == np.float32
    for got, want in zip(
        conv_backward(out, cache), conv_backward(out.astype(float), other), strict=True
    ):
        np.testing.assert_allclose(got, want, atol=2e-5 * max(1, np.abs(want).max()))


@pytest.mark.parametrize("limits", [(1, 1), (3, 3), (7, 7), (1, 1000)])
def test_pieces_join_without_a_seam(limits, monkeypatch):
    monkeypatch.setattr(wg, "FEWEST_TILES", limits[0])
    monkeypatch.setattr(wg, "MOST_TILES", limits[1])
    x, w, b = make(2, (2, 21, 30, 8), 8)
    out, _ = conv_forward(x, w, b, pad=1, method="winograd")
    expected, _ = conv_forward(x, w, b, pad=1, method="im2col")
    np.testing.assert_allclose(out, expected, atol=1e-5)


def test_each_part_is_seen_once():
    x, w, b = make(3, (1, 37, 70, 8), 8)
    u = wg.transform_kernel(w)
    seen = np.zeros((1, 37, 70, 8), int)
    places = []

    def each_part(part, place):
        seen[place] += 1
        places.append(place)
        part *= 2

    out = wg.winograd_forward(x, u, b, each_part)
    assert (seen == 1).all()
    assert len(places) > 1
    np.testing.assert_array_equal(out, 2 * wg.winograd_forward(x, u, b))


def test_parts_that_are_not_kept_make_the_same_whole():
    x, w, b = make(6, (2, 21, 35, 3), 4)
    u = wg.transform_kernel(w)
    whole = np.full((2, 21, 35, 4), np.nan, dtype=np.float32)
    wg.winograd_in_parts(x, u, b, lambda part, place: whole.__setitem__(place, part))
    assert np.array_equal(whole, wg.winograd_forward(x, u, b))


def test_an_input_that_is_read_in_parts_gives_the_same(monkeypatch):
    monkeypatch.setattr(wg, "FEWEST_TILES", 3)
    monkeypatch.setattr(wg, "MOST_TILES", 3)
    x, w, _ = make(7, (2, 21, 35, 3), 4)
    u = wg.flip_kernel(wg.transform_kernel(w.swapaxes(2, 3)))
    parts = MadeInParts(x.shape, x.dtype, lambda *place: x[place].copy())
    assert np.array_equal(wg.winograd_input_gradient(parts, u), wg.winograd_input_gradient(x, u))


@pytest.mark.parametrize("copied_bytes", [0, 10**9])
@pytest.mark.parametrize("channels", [(64, 128), (40, 48)])
def test_prepared_kernels_give_the_same(copied_bytes, channels, monkeypatch):
    monkeypatch.setattr(products, "has_small_products", lambda: True)
    monkeypatch.setattr(wg, "COPIED_BYTES", copied_bytes)
    x, w, b = make(8, (2, 21, 35, channels[0]), channels[1])
    u, u_flipped = wg.prepare_kernels(w)
    assert np.shares_memory(u, u_flipped) == (copied_bytes == 0)
    plain = wg.transform_kernel(w)
    out = wg.winograd_forward(x, u, b)
    assert np.array_equal(out, wg.winograd_forward(x, plain, b))
    np.testing.assert_allclose(
        wg.winograd_input_gradient(out, u_flipped),
        wg.winograd_input_gradient(out, wg.flip_kernel(plain)),
        rtol=1e-5, atol=1e-4,
    )  # fmt: skip


def test_kernel_bytes_is_what_prepared_kernels_take(monkeypatch):
    w = np.ones((3, 3, 64, 128), np.float32)
    u, u_flipped = wg.prepare_kernels(w)
    assert wg.kernel_bytes(w) == u.nbytes + u_flipped.nbytes
    monkeypatch.setattr(wg, "COPIED_BYTES", 0)
    assert wg.kernel_bytes(w) == wg.prepare_kernels(w)[0].nbytes


def test_results_do_not_depend_on_the_number_of_threads():
    x, w, b = make(4, (1, 45, 90, 40), 48)
    results = []
    try:
        for threads in (1, 2, 3):
            set_threads(threads)
            out, cache = conv_forward(x, w, b, pad=1, method="winograd")
            results.append((out, conv_backward(out, cache)[0]))
    finally:
        set_threads(None)
    for other in results[1:]:
        np.testing.assert_array_equal(other[0], results[0][0])
        np.testing.assert_array_equal(other[1], results[0][1])


def test_which_method_auto_takes():
    def auto(sizes=(32, 32), w_shape=(3, 3, 64, 64), dtype=np.float32, stride=1, pad=1):
        window = make_window("test", sizes, w_shape[:-2], stride, pad)
        return choose_method("auto", dtype, w_shape, window)

    assert auto() == "winograd"
    assert auto(dtype=np.float64) == "im2col"
    assert auto(stride=2) == "im2col"
    assert auto(pad=0) == "im2col"
    assert auto(w_shape=(5, 5, 64, 64), pad=2) == "im2col"
    assert auto(w_shape=(3, 3, 3, 64)) == "im2col"
    assert auto(sizes=(7, 7)) == "im2col"
    assert auto(sizes=(32,), w_shape=(3, 64, 64)) == "im2col"


def test_winograd_refuses_what_it_cannot_do():
    x, w, b = make(5, (1, 8, 8, 4), 4)
    with pytest.raises(SettingError, match="'winograd' is for float32, 3×3 kernels, stride 1"):
        conv_forward(x, w, b, pad=0, method="winograd")
    with pytest.raises(SettingError, match="use 'im2col' or 'auto'"):
        conv_forward(*(v.astype(float) for v in (x, w, b)), pad=1, method="winograd")
