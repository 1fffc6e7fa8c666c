import numpy as np
import pytest

from nst_numpy.errors import ShapeError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.losses import content_loss


@pytest.mark.parametrize("shape", [(1, 7, 3), (1, 4, 5, 3), (1, 3, 4, 2, 3)])
def test_gradient(shape):
    a, target = np.random.default_rng(2).standard_normal((2, *shape))
    report = check_gradient(lambda v: content_loss(v, target)[0], a, content_loss(a, target)[1])
    assert report.ok, str(report)


def test_it_vanishes_at_its_target():
    a = np.random.default_rng(3).standard_normal((1, 4, 5, 3)).astype(np.float32)
    value, grad = content_loss(a, a)
    assert value == 0
    assert not grad.any()
    assert grad.dtype == np.float32


def test_what_it_says_of_bad_input():
    with pytest.raises(ShapeError, match="must have one shape"):
        content_loss(np.zeros((1, 2)), np.zeros((2, 1)))
