import numpy as np
import pytest

from nst_numpy.fused.gradients import (
    GradientInParts,
    style_loss_in_parts,
    wasserstein_loss_in_parts,
)
from nst_numpy.losses import gram_matrix, mean_and_covariance, style_loss, wasserstein_loss


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_style_loss_in_parts_is_the_style_loss(dtype, masked):
    rng = np.random.default_rng(0)
    a, other = rng.standard_normal((2, 1, 9, 7, 5)).astype(dtype)
    target = gram_matrix(other)
    mask = rng.uniform(0, 1, (9, 7)) if masked else None
    value, grad = style_loss_in_parts(a, target, coefficient=3, mask=mask)
    want, want_grad = style_loss(a, target, mask)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    assert value == pytest.approx(3 * want, rel=tolerance)
    assert (grad.shape, grad.dtype) == (a.shape, a.dtype)
    scale = np.abs(3 * want_grad).max()
    np.testing.assert_allclose(np.asarray(grad), 3 * want_grad, rtol=0, atol=tolerance * scale)
    place = (0, slice(2, 5), slice(1, 4))
    part = np.ones((3, 3, 5), dtype)
    grad.add_to(part, place)
    np.testing.assert_allclose(part, 1 + 3 * want_grad[place], rtol=0, atol=10 * tolerance)


def test_a_gradient_in_parts_adds_up_with_arrays_and_others():
    def add_two(part, place):
        part += 2

    two = GradientInParts((1, 3, 2), np.dtype(float), add_two)
    array = np.arange(6.0).reshape(1, 3, 2)
    for total in (two + array + two, array + two + two):
        assert np.asarray(total).tolist() == (array + 4).tolist()
    assert np.asarray(two, dtype=np.float32).dtype == np.float32


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_gaussian_loss_in_parts_is_the_gaussian_loss(dtype, masked):
    rng = np.random.default_rng(1)
    a, other = (3 + rng.standard_normal((2, 1, 9, 7, 5))).astype(dtype)
    target = mean_and_covariance(2 * other)
    mask = rng.uniform(0, 1, (9, 7)) if masked else None
    value, grad = wasserstein_loss_in_parts(a, target, coefficient=3, mask=mask)
    want, want_grad = wasserstein_loss(a, target, mask)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    assert value == pytest.approx(3 * want, rel=tolerance)
    assert (grad.shape, grad.dtype) == (a.shape, a.dtype)
    scale = np.abs(3 * want_grad).max()
    np.testing.assert_allclose(np.asarray(grad), 3 * want_grad, rtol=0, atol=tolerance * scale)
    place = (0, slice(2, 5), slice(1, 4))
    part = np.ones((3, 3, 5), dtype)
    grad.add_to(part, place)
    np.testing.assert_allclose(part, 1 + 3 * want_grad[place], rtol=0, atol=10 * tolerance)
