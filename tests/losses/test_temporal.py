import re

import numpy as np
import pytest

from nst_numpy.errors import ShapeError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.losses import expected_difference, temporal_loss


@pytest.mark.parametrize("shape", [(1, 7, 3), (1, 4, 5, 3), (2, 3, 4, 2, 3)])
@pytest.mark.parametrize("masked", [False, True])
def test_gradient(shape, masked):
    rng = np.random.default_rng(4)
    x, expected = rng.standard_normal((2, *shape))
    mask = rng.uniform(0, 1, (*shape[:-1], 1)) if masked else None
    _, grad = temporal_loss(x, expected, mask)
    report = check_gradient(lambda v: temporal_loss(v, expected, mask)[0], x, grad)
    assert report.ok, str(report)


def test_the_loss_by_hand():
    x, expected = np.array([[[3.0, 1.0], [5.0, 0.0]]]), np.array([[[1.0, 1.0], [1.0, 3.0]]])
    mask = np.array([[[1.0], [0.5]]])
    value, grad = temporal_loss(x, expected, mask)
    assert value == (1 * 2**2 + 1 * 0**2 + 0.5 * 4**2 + 0.5 * 3**2) / 4
    assert grad.tolist() == [[[2 * 2 / 4, 0.0], [2 * 0.5 * 4 / 4, 2 * 0.5 * -3 / 4]]]


def test_a_mask_of_ones_is_none_and_the_dtype_stays():
    x, expected = np.random.default_rng(5).standard_normal((2, 1, 4, 5, 3)).astype(np.float32)
    ones = np.ones((1, 4, 5, 1), dtype=np.float32)
    value, grad = temporal_loss(x, expected)
    masked_value, masked_grad = temporal_loss(x, expected, ones)
    assert value == pytest.approx(masked_value, rel=1e-6)
    np.testing.assert_array_equal(grad, masked_grad)
    assert grad.dtype == masked_grad.dtype == np.float32


def test_the_difference_loss_is_that_of_the_two_differences():
    x, before, source, source_before = np.random.default_rng(6).standard_normal((4, 1, 4, 5, 3))
    value, _ = temporal_loss(x, expected_difference(before, source_before, source))
    apart = (x - before) - (source - source_before)
    assert value == pytest.approx((apart**2).mean(), rel=1e-12)


def test_what_it_says_of_bad_input():
    x = np.zeros((1, 4, 5, 3))
    with pytest.raises(ShapeError, match="must have one shape"):
        temporal_loss(x, x[:, 1:])
    with pytest.raises(ShapeError, match=re.escape("mask (4, 5) must be (N, *sizes, 1)")):
        temporal_loss(x, x, np.ones((4, 5)))
