import re

import numpy as np
import pytest

from nst_numpy.errors import ShapeError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.losses import total_variation_loss


@pytest.mark.parametrize("shape", [(1, 7, 3), (1, 4, 5, 3), (1, 3, 4, 2, 3)])
def test_gradient(shape):
    x = np.random.default_rng(2).standard_normal(shape)
    report = check_gradient(lambda v: total_variation_loss(v)[0], x, total_variation_loss(x)[1])
    assert report.ok, str(report)


def test_it_vanishes_where_all_pixels_are_alike():
    value, grad = total_variation_loss(np.ones((1, 4, 5, 3)))
    assert value == 0
    assert not grad.any()


def test_what_it_says_of_bad_input():
    with pytest.raises(ShapeError, match=re.escape("not of shape (3, 3)")):
        total_variation_loss(np.zeros((3, 3)))
