import numpy as np
import pytest

from nst_numpy.kernels import sheets
from nst_numpy.kernels.lines import gradient_at_points, lines_forward
from nst_numpy.kernels.windows import make_window
from nst_numpy.kernels.winograd import filterings, transform_kernel
from nst_numpy.layers import set_threads

SIZES = {(7,): (90,), (3, 3): (13, 9), (3, 3, 3): (11, 9, 6), (5, 5, 5): (9, 8, 7)}


def make(kernel, seed=0):
    rng = np.random.default_rng(seed)
    window = make_window("test", SIZES[kernel], kernel, 1, 1)
    arrays = ((2, *window.sizes, 3), (*kernel, 3, 4), (4,), (2, *window.out_sizes, 4))
    x, w, b, grad_out = (rng.standard_normal(shape).astype(np.float32) for shape in arrays)
    return x, w, b, grad_out, window, filterings(kernel)


@pytest.fixture
def many_pieces(monkeypatch):
    monkeypatch.setattr(sheets, "ROW_BYTES", 20_000)
    monkeypatch.setattr(sheets, "FEWEST_BYTES", 20_000)


@pytest.mark.parametrize("kernel", sorted(SIZES))
def test_each_part_is_seen_once_when_it_is_done(kernel, many_pieces):
    x, w, b, _, window, axes = make(kernel)
    u = transform_kernel(w)
    whole = lines_forward(x, u, b, window, axes)
    seen = np.zeros(whole.shape[:-1], int)

    def each_part(part, place):
        np.testing.assert_array_equal(part, whole[place])
        seen[place] += 1
        part *= 2

    out = lines_forward(x, u, b, window, axes, each_part)
    assert (seen == 1).all()
    np.testing.assert_array_equal(out, 2 * whole)


@pytest.mark.parametrize("kernel", sorted(SIZES))
def test_results_do_not_depend_on_the_number_of_threads(kernel, many_pieces):
    x, w, b, grad_out, window, axes = make(kernel)
    u = transform_kernel(w)
    results = []
    try:
        for threads in (1, 3):
            set_threads(threads)
            results.append(
                (
                    lines_forward(x, u, b, window, axes),
                    gradient_at_points(x, grad_out, window, axes),
                )
            )
    finally:
        set_threads(None)
    for one, three in zip(*results, strict=True):
        np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("kernel", sorted(SIZES))
def test_both_sums_are_one_bilinear_form(kernel):
    """Σ ∂J/∂out · out is Σ ∂J/∂u · u, at the points as well as at the taps."""
    x, w, _, grad_out, window, axes = make(kernel)
    u = transform_kernel(w)
    out = lines_forward(x, u, None, window, axes)
    grad_u = gradient_at_points(x, grad_out, window, axes)
    assert (grad_u.reshape(u.shape) * u).sum() == pytest.approx((out * grad_out).sum(), rel=1e-4)


def test_what_is_left_in_memory_by_others_does_no_harm():
    """Behind the last values are zeros, also after a larger call with numbers that are none."""
    x, w, b, grad_out, window, axes = make((3, 3, 3))
    u = transform_kernel(w)
    expected = gradient_at_points(x, grad_out, window, axes)
    none = np.full((2, 11, 19, 6, 3), np.nan, np.float32)
    lines_forward(none, u, b, make_window("test", none.shape[1:-1], (3, 3, 3), 1, 1), axes)
    np.testing.assert_array_equal(gradient_at_points(x, grad_out, window, axes), expected)
