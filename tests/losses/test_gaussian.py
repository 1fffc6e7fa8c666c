import re

import numpy as np
import pytest

from nst_numpy.errors import ShapeError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.kernels.threads import set_threads
from nst_numpy.losses import (
    MeanAndCovariance,
    gaussian_distance,
    mean_and_covariance,
    positions,
    wasserstein_loss,
    wasserstein_pull,
)
from nst_numpy.losses.gaussian import RIDGE

SHAPES = [(1, 9, 3), (1, 4, 5, 3), (2, 3, 4, 2, 3)]


def mixed(seed, *shape):
    """Activations whose channels vary together, with a mean that is not 0."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) @ rng.standard_normal((shape[-1], shape[-1])) + 2


def moments(mean, covariance):
    return MeanAndCovariance(np.array(mean, float), np.array(covariance, float))


def square_root(matrix, steps=60):
    """Denman and Beavers' iteration: no eigenvectors."""
    root, inverse = matrix, np.eye(len(matrix))
    for _ in range(steps):
        root, inverse = (
            (root + np.linalg.inv(inverse)) / 2,
            (inverse + np.linalg.inv(root)) / 2,
        )
    return root


@pytest.mark.parametrize("shape", SHAPES)
def test_mean_and_covariance_by_loops(shape):
    a = mixed(0, *shape)
    m, mean, covariance = a.size // 3, np.zeros(3), np.zeros((3, 3))
    for place in np.ndindex(*shape[:-1]):
        mean += a[place] / m
    for place in np.ndindex(*shape[:-1]):
        for k in range(3):
            for k2 in range(3):
                covariance[k, k2] += (a[place][k] - mean[k]) * (a[place][k2] - mean[k2]) / m
    got = mean_and_covariance(a)
    np.testing.assert_allclose(got.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(got.covariance, covariance, rtol=1e-10)


def test_mean_and_covariance_add_up_their_pieces(monkeypatch):
    a = mixed(1, 1, 9, 5, 4)
    whole = mean_and_covariance(a)
    monkeypatch.setattr(positions, "PIECE_VALUES", 28)
    for got, want in zip(mean_and_covariance(a), whole, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_float32_keeps_its_digits_far_from_zero():
    # E[a²] − E[a]² would leave nothing: 1000² in float32 is known to 0.06
    a = np.random.default_rng(2).normal(1000, 0.1, (1, 300, 200, 2)).astype(np.float32)
    got, want = mean_and_covariance(a), np.cov(a.reshape(-1, 2).astype(np.float64).T, ddof=0)
    assert got.mean.dtype == got.covariance.dtype == np.float64
    np.testing.assert_allclose(got.covariance, want, atol=1e-5 * want[0, 0])


def test_the_distance_by_hand():
    # 3² + 4², and along each axis (2 − 1)² and (3 − 5)²
    first, second = moments([0, 0], [[4, 0], [0, 9]]), moments([3, 4], [[1, 0], [0, 25]])
    assert gaussian_distance(first, second) == pytest.approx(9 + 16 + 1 + 4)


def test_the_distance_of_covariances_that_commute():
    # one set of eigenvectors: Σ (√λ − √λ')²
    vectors = np.linalg.qr(np.random.default_rng(3).standard_normal((5, 5)))[0]
    one, two = np.array([1.0, 4, 9, 0, 2]), np.array([4.0, 4, 1, 3, 0])
    first, second = (moments(np.zeros(5), vectors * v @ vectors.T) for v in (one, two))
    want = ((np.sqrt(one) - np.sqrt(two)) ** 2).sum()
    # a variance of 0 that is rounded to 1e-16 has a root of 1e-8
    assert gaussian_distance(first, second) == pytest.approx(want, rel=1e-7)


def test_the_distance_by_another_square_root():
    first, second = (mean_and_covariance(mixed(seed, 1, 50, 4)) for seed in (4, 5))
    root = square_root(second.covariance)
    cross = square_root(root @ first.covariance @ root)
    want = np.sum((first.mean - second.mean) ** 2)
    want += np.trace(first.covariance + second.covariance - 2 * cross)
    assert gaussian_distance(first, second) == pytest.approx(want, rel=1e-9)


def test_it_is_a_distance():
    one, two, three = (mean_and_covariance(mixed(seed, 1, 3, 6)) for seed in range(3))
    assert gaussian_distance(one, one) == pytest.approx(0, abs=1e-12)
    assert gaussian_distance(one, two) == pytest.approx(gaussian_distance(two, one), rel=1e-10)
    direct, by_two = (
        gaussian_distance(one, three),
        (gaussian_distance(one, two), gaussian_distance(two, three)),
    )
    assert np.sqrt(direct) <= np.sqrt(by_two).sum()


def test_what_is_only_moved_is_as_far_as_it_was_moved():
    a, d = mixed(6, 1, 40, 3), np.array([1.0, -2, 3])
    value, grad = wasserstein_loss(a + d, mean_and_covariance(a))
    assert value == pytest.approx(1 + 4 + 9)
    np.testing.assert_allclose(grad, np.broadcast_to(2 / 40 * d, grad.shape), atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_vanishes_at_its_target(dtype):
    a = mixed(7, 1, 12, 10, 5).astype(dtype)
    target = mean_and_covariance(a)
    value, grad = wasserstein_loss(a, target)
    assert 0 <= value < 1e-9 * np.trace(target.covariance)
    assert grad.dtype == dtype
    assert np.abs(grad).max() < 1e-6 * np.abs(a).max() / 120


def test_the_value_is_the_distance_of_both_with_the_ridge():
    a, target = mixed(8, 1, 6, 7, 4), mean_and_covariance(mixed(9, 1, 3, 4))
    ridge = RIDGE * np.trace(target.covariance) * np.eye(4)
    first, second = (
        moments(mean, covariance + ridge) for mean, covariance in (mean_and_covariance(a), target)
    )
    assert wasserstein_loss(a, target)[0] == pytest.approx(gaussian_distance(first, second))


def test_the_gradient_leads_to_where_optimal_transport_sends_each_position():
    a, style = mixed(10, 1, 30, 4), mean_and_covariance(mixed(11, 1, 8, 5, 4))
    there = a - 30 / 2 * wasserstein_loss(a, style)[1]
    for got, want in zip(mean_and_covariance(there), style, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-3)


TARGETS = {
    "full": mixed(12, 1, 6, 7, 5),
    "of rank 1": mixed(13, 1, 2, 5),
    "constant": np.full((1, 4, 5), 3.0),
    "zero": np.zeros((1, 4, 5)),
}
ACTIVATIONS = {
    "many positions": mixed(14, 1, 5, 4, 5),
    "volume": mixed(15, 1, 2, 3, 2, 5),
    "fewer positions than channels": mixed(16, 1, 3, 5),
    "one position": mixed(17, 1, 1, 5),
    "constant": np.full((1, 3, 5), 2.0),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("a", ACTIVATIONS)
def test_gradient(a, target):
    a, target = ACTIVATIONS[a], mean_and_covariance(TARGETS[target])
    report = check_gradient(
        lambda v: wasserstein_loss(v, target)[0], a, wasserstein_loss(a, target)[1]
    )
    assert report.ok, str(report)


def test_any_pair_of_a_mean_and_a_covariance_is_a_target():
    a, target = mixed(26, 1, 7, 3), mean_and_covariance(mixed(27, 1, 9, 3))
    value, grad = wasserstein_loss(a, (target.mean, target.covariance))
    assert value == wasserstein_loss(a, target)[0]
    np.testing.assert_array_equal(grad, wasserstein_loss(a, target)[1])


def test_units_do_not_matter():
    a, style = mixed(18, 1, 3, 5), mixed(19, 1, 4, 5)
    value, grad = wasserstein_loss(a, mean_and_covariance(style))
    large, large_grad = wasserstein_loss(1000 * a, mean_and_covariance(1000 * style))
    assert large == pytest.approx(1e6 * value)
    np.testing.assert_allclose(large_grad, 1000 * grad, rtol=1e-6, atol=1e-6)


def test_in_float32_it_is_nearly_what_it_is_in_float64():
    a, target = mixed(20, 1, 3, 3, 16), mean_and_covariance(mixed(21, 1, 3, 4, 16))
    value, grad = wasserstein_loss(a, target)
    rough, rough_grad = wasserstein_loss(a.astype(np.float32), target)
    assert rough_grad.dtype == np.float32
    assert rough == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(rough_grad, grad, atol=1e-3 * np.abs(grad).max())


def test_the_pull_makes_the_gradient():
    a, target = mixed(22, 1, 4, 5, 3), mean_and_covariance(mixed(23, 1, 30, 3))
    value, (mean, pull, shift) = wasserstein_pull(a, target)
    assert value == wasserstein_loss(a, target)[0]
    np.testing.assert_allclose((a - mean) @ pull + shift, wasserstein_loss(a, target)[1])


def test_threads_change_no_bit(monkeypatch):
    monkeypatch.setattr(positions, "PIECE_VALUES", 100)
    a, target = mixed(24, 1, 20, 15, 8), mean_and_covariance(mixed(25, 1, 30, 8))
    results = []
    for threads in (1, 3):
        set_threads(threads)
        results.append(wasserstein_loss(a, target))
    set_threads(None)
    assert results[0][0] == results[1][0]
    assert np.array_equal(results[0][1], results[1][1])


def test_the_target_is_decomposed_once():
    target = mean_and_covariance(mixed(26, 1, 30, 3))
    root = target.root
    wasserstein_loss(mixed(27, 1, 30, 3), target)
    assert target.root is root
    want = target.covariance + target.ridge * np.eye(3)
    np.testing.assert_allclose(root @ root, want, rtol=1e-9)


def test_what_is_not_finite_is_told_by_the_value():
    a = mixed(28, 1, 5, 3)
    a[0, 0, 0] = np.inf
    with np.errstate(invalid="ignore"):
        value, grad = wasserstein_loss(a, mean_and_covariance(mixed(29, 1, 5, 3)))
    assert np.isnan(value)
    assert np.isnan(grad).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_and_covariance(np.zeros(3)), "not of shape (3,)"),
        (
            lambda: wasserstein_loss(np.zeros((1, 4, 3)), mean_and_covariance(np.zeros((4, 2)))),
            "wasserstein_loss: of 3 channels, the target must be a mean (3,) and a covariance "
            "(3, 3), not (2,) and (2, 2)",
        ),
        (
            lambda: wasserstein_loss(np.zeros((1, 4, 3)), np.zeros((3, 3))),
            "a covariance (3, 3), not (3, 3): make it by mean_and_covariance",
        ),
        (
            lambda: gaussian_distance(*(mean_and_covariance(np.zeros((4, c))) for c in (2, 3))),
            "gaussian_distance: of 2 channels, the target must be a mean (2,)",
        ),
    ],
)  # fmt: skip
def test_what_it_says_of_bad_input(call, message):
    with pytest.raises(ShapeError, match=re.escape(message)):
        call()


# with a mask


def test_a_mask_of_noughts_and_ones_cuts_positions_out(monkeypatch):
    monkeypatch.setattr(positions, "PIECE_VALUES", 28)
    a, target = mixed(20, 1, 5, 6, 3), mean_and_covariance(mixed(21, 1, 5, 6, 3))
    mask = np.random.default_rng(22).integers(0, 2, (5, 6))
    masked, cut = mean_and_covariance(a, mask), mean_and_covariance(a[:, mask == 1])
    np.testing.assert_allclose(masked.mean, cut.mean, rtol=1e-12)
    np.testing.assert_allclose(masked.covariance, cut.covariance, rtol=1e-10)
    value, grad = wasserstein_loss(a, target, mask)
    want, want_grad = wasserstein_loss(a[:, mask == 1], target)
    assert value == pytest.approx(want, rel=1e-10)
    np.testing.assert_allclose(grad[:, mask == 1], want_grad, rtol=1e-9)
    assert not grad[:, mask == 0].any()


def test_a_mask_weighs_positions():
    # half of one position and a quarter of another are two of one and one of the other
    a = mixed(23, 1, 2, 3)
    masked = mean_and_covariance(a, np.array([0.5, 0.25]))
    twice = mean_and_covariance(a[:, [0, 0, 1]])
    np.testing.assert_allclose(masked.mean, twice.mean, rtol=1e-12)
    np.testing.assert_allclose(masked.covariance, twice.covariance, rtol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_gradient_with_a_soft_mask(shape):
    a, target = mixed(24, *shape), mean_and_covariance(mixed(25, *shape))
    mask = np.random.default_rng(26).uniform(0, 1, shape[1:-1])
    grad = wasserstein_loss(a, target, mask)[1]
    check_gradient(lambda v: wasserstein_loss(v, target, mask)[0], a, grad).raise_if_wrong()
