import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nst_numpy.errors import SettingError
from nst_numpy.kernels import lines, products, sheets
from nst_numpy.kernels import winograd as wg
from nst_numpy.kernels.methods import input_gradient
from nst_numpy.kernels.parts import MadeInParts
from nst_numpy.kernels.windows import make_window
from nst_numpy.layers import conv_backward, conv_forward, set_threads


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


# the largest error, in standard deviations of what is computed, of the large cases below
MOST_ERROR = 5e-5


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(sorted(wg.TILES)), st.integers(0, 99))
def test_all_three_products_in_any_number_of_dimensions(data, kernel, seed):
    """Whatever sizes and pads: outputs and both gradients are those of im2col in float64."""
    pad = tuple((data.draw(st.integers(0, 3)), data.draw(st.integers(0, 3))) for _ in kernel)
    most = {1: 60, 2: 20, 3: 9}[len(kernel)]
    sizes = tuple(
        max(1, taps - sum(around)) + data.draw(st.integers(0, most))
        for taps, around in zip(kernel, pad, strict=True)
    )
    rng = np.random.default_rng(seed)
    channels = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    x = rng.standard_normal((data.draw(st.integers(1, 2)), *sizes, channels[0]))
    w, b = rng.standard_normal((*kernel, *channels)), rng.standard_normal(channels[1])
    out, cache = conv_forward(x, w, b, pad=pad, method="im2col")
    grad_out = rng.standard_normal(out.shape)
    grad_x, grad_w, _ = conv_backward(grad_out, cache)
    x, w, b, grad_out = (a.astype(np.float32) for a in (x, w, b, grad_out))
    window = make_window("test", sizes, kernel, 1, pad)
    for got, want in (
        (wg.winograd_forward(x, wg.transform_kernel(w), b, None, window), out),
        (input_gradient(grad_out, w, window, "winograd"), grad_x),
        (wg.winograd_kernel_gradient(x, grad_out, window), grad_w),
    ):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, want, atol=1e-4 * max(1, np.abs(want).max()))


def cut_into_pieces_of(limit, monkeypatch):
    """Of so many tiles: pictures, and all else."""
    monkeypatch.setattr(wg, "TILES_A_PIECE", limit)
    monkeypatch.setattr(sheets, "ROW_BYTES", {1: 1, 3: 4000, 1000: 1 << 20}[limit])


@pytest.mark.parametrize("limit", [1, 1000])
@pytest.mark.parametrize("kernel", sorted(wg.TILES))
def test_a_padding_in_which_whole_pieces_lie(kernel, limit, monkeypatch):
    cut_into_pieces_of(limit, monkeypatch)
    rng = np.random.default_rng(4)
    sizes, pad = (3,) * len(kernel), ((13, 11),) * len(kernel)
    x, w = rng.standard_normal((1, *sizes, 2)), rng.standard_normal((*kernel, 2, 3))
    out, cache = conv_forward(x, w, np.zeros(3), pad=pad, method="im2col")
    grad_out = rng.standard_normal(out.shape)
    _, grad_w, _ = conv_backward(grad_out, cache)
    x, w, grad_out = (a.astype(np.float32) for a in (x, w, grad_out))
    window = make_window("test", sizes, kernel, 1, pad)
    for got, want in (
        (wg.winograd_forward(x, wg.transform_kernel(w), None, None, window), out),
        (wg.winograd_kernel_gradient(x, grad_out, window), grad_w),
    ):
        np.testing.assert_allclose(got, want, atol=1e-4 * max(1, np.abs(want).max()))


@pytest.mark.parametrize("kernel", sorted(wg.TILES))
def test_the_error_is_small(kernel):
    """In float32, with sizes as networks have them, beside the same in float64."""
    rng = np.random.default_rng(0)
    sizes = {1: (400,), 2: (40, 40), 3: (16, 16, 16)}[len(kernel)]
    x, w = rng.standard_normal((1, *sizes, 16)), rng.standard_normal((*kernel, 16, 32))
    out, cache = conv_forward(x, w, np.zeros(32), method="im2col")
    grad_out = rng.standard_normal(out.shape)
    grad_x, grad_w, _ = conv_backward(grad_out, cache)
    x, w, grad_out = (a.astype(np.float32) for a in (x, w, grad_out))
    window = make_window("test", sizes, kernel, 1, 0)
    for got, want in (
        (wg.winograd_forward(x, wg.transform_kernel(w), None, None, window), out),
        (input_gradient(grad_out, w, window, "winograd"), grad_x),
        (wg.winograd_kernel_gradient(x, grad_out, window), grad_w),
    ):
        assert np.abs(got - want).max() < MOST_ERROR * want.std()


@pytest.mark.parametrize(
    ("kernel", "share"),
    [
        ((3,), 6 / 12),
        ((5,), 8 / 20),
        ((7,), 10 / 28),
        ((3, 3), 36 / 144),
        ((3, 3, 3), 36 * 4 * 3 / 1728),
        ((5, 5, 5), 64 * 4 * 5 / 8000),
    ],
)
def test_how_many_multiplications_it_takes(kernel, share, monkeypatch):
    """Those of the products over channels, counted as they are done.

    The last windows of a line reach into the next one, and are multiplied in vain.
    """
    done = []

    def counted(a, b, out):
        done.append(math.prod(a.shape[:-1]) * a.shape[-1] * out.shape[-1])
        return small_products(a, b, out)

    small_products = products.small_products
    monkeypatch.setattr(products, "small_products", counted)
    monkeypatch.setattr(lines, "small_products", counted)
    sizes = tuple(7 + taps for taps in kernel)  # eight outputs: whole tiles
    x, w = np.ones((1, *sizes, 3), np.float32), np.ones((*kernel, 3, 5), np.float32)
    window = make_window("test", sizes, kernel, 1, 0)
    wg.winograd_forward(x, wg.transform_kernel(w), None, None, window)
    direct = 8 ** len(kernel) * np.prod(kernel) * 3 * 5
    rows = 1 if len(kernel) == 2 else 2  # of tiles, which use the same arrays
    taps, line = kernel[-1], 8 + kernel[-1] - 1
    in_vain = 2 * line // taps * taps / 16 if len(kernel) == 3 else 1
    assert rows * sum(done) == pytest.approx(share * direct * in_vain)


@pytest.mark.parametrize("limit", [1, 3])
@pytest.mark.parametrize("kernel", sorted(wg.TILES))
def test_pieces_of_any_size_join_without_a_seam(kernel, limit, monkeypatch):
    rng = np.random.default_rng(3)
    sizes = tuple({1: 60, 2: 23, 3: 13}[len(kernel)] + axis for axis in range(len(kernel)))
    x = rng.standard_normal((2, *sizes, 3)).astype(np.float32)
    w = rng.standard_normal((*kernel, 3, 4)).astype(np.float32)
    window = make_window("test", sizes, kernel, 1, 1)
    u = wg.transform_kernel(w)
    whole = wg.winograd_forward(x, u, None, None, window)
    cut_into_pieces_of(limit, monkeypatch)
    np.testing.assert_allclose(
        wg.winograd_forward(x, u, None, None, window), whole, atol=1e-5 * whole.std()
    )


@pytest.mark.parametrize("limit", [1, 3, 7, 1000])
def test_pieces_join_without_a_seam(limit, monkeypatch):
    monkeypatch.setattr(wg, "TILES_A_PIECE", limit)
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
    monkeypatch.setattr(wg, "TILES_A_PIECE", 3)
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


def test_winograd_refuses_what_it_cannot_do():
    x, w, b = make(5, (1, 8, 8, 4), 4)
    of = "kernels of 3, 5, 7, 3×3, 3×3×3, 5×5×5 only"
    with pytest.raises(SettingError, match=f"'winograd' is for float32, stride 1, .* {of}"):
        conv_forward(x, w, b, stride=2, method="winograd")
    with pytest.raises(SettingError, match="use 'im2col' or 'auto'"):
        conv_forward(*(v.astype(float) for v in (x, w, b)), pad=1, method="winograd")
