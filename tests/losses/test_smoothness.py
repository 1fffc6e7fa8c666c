import re

import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.losses import joint_variation_loss, total_variation_loss


@pytest.mark.parametrize("shape", [(1, 7, 3), (1, 4, 5, 3), (1, 3, 4, 2, 3)])
def test_gradient(shape):
    x = np.random.default_rng(2).standard_normal(shape)
    report = check_gradient(lambda v: total_variation_loss(v)[0], x, total_variation_loss(x)[1])
    assert report.ok, str(report)


@pytest.mark.parametrize("power", [1.0, 1.25, 2.0])
@pytest.mark.parametrize("shape", [(1, 7, 3), (1, 4, 5, 3), (1, 3, 4, 2, 3)])
def test_gradient_of_the_joint_variation(shape, power):
    x = np.random.default_rng(3).standard_normal(shape)
    _, grad = joint_variation_loss(x, power)
    report = check_gradient(lambda v: joint_variation_loss(v, power)[0], x, grad)
    assert report.ok, str(report)


def test_with_power_1_the_last_row_and_column_are_left_out():
    x = np.random.default_rng(4).standard_normal((1, 5, 6, 3))
    edges = np.sum(np.diff(x[:, -1], axis=1) ** 2) + np.sum(np.diff(x[:, :, -1], axis=1) ** 2)
    assert joint_variation_loss(x, 1.0)[0] == pytest.approx(total_variation_loss(x)[0] - edges)
    assert joint_variation_loss(x.astype(np.float32), 1.25)[1].dtype == np.float32


def test_of_one_row_there_is_no_joint_variation():
    value, grad = joint_variation_loss(np.ones((1, 1, 5, 3)) * np.arange(5.0)[:, None], 1.25)
    assert (value, grad.any()) == (0, False)


def test_it_vanishes_where_all_pixels_are_alike():
    value, grad = total_variation_loss(np.ones((1, 4, 5, 3)))
    assert value == 0
    assert not grad.any()


def test_what_it_says_of_bad_input():
    with pytest.raises(ShapeError, match=re.escape("not of shape (3, 3)")):
        total_variation_loss(np.zeros((3, 3)))
    with pytest.raises(ShapeError, match=re.escape("joint_variation_loss: x must be (N, *sizes")):
        joint_variation_loss(np.zeros((3, 3)), 1.0)
    with pytest.raises(SettingError, match="power must be at least 1, not 0"):
        joint_variation_loss(np.zeros((1, 3, 3)), 0.5)
