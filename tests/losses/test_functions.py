import numpy as np
import pytest

from nst_numpy.errors import NstError
from nst_numpy.losses import Losses, gram_matrix, style_loss
from nst_numpy.losses.functions import with_masks


def own(a, target):
    return style_loss(a, target)


def test_functions_without_masks_get_them_from_weighted_activations():
    rng = np.random.default_rng(0)
    a, mask = rng.standard_normal((1, 4, 5, 3)), rng.uniform(0, 1, (4, 5))
    mask[0] = 0
    target = gram_matrix(rng.standard_normal((1, 4, 5, 3)))
    masked = with_masks(Losses(gram_matrix=lambda a: gram_matrix(a), style_loss=own))
    np.testing.assert_allclose(masked.gram_matrix(a, mask), gram_matrix(a, mask), rtol=1e-12)
    value, grad = masked.style_loss(a, target, mask)
    wanted, wanted_grad = style_loss(a, target, mask)
    assert value == pytest.approx(wanted, rel=1e-12)
    np.testing.assert_allclose(grad, wanted_grad, rtol=1e-10, atol=1e-16)
    assert masked.style_loss(a, target)[0] == style_loss(a, target)[0]


def test_the_dtype_stays():
    a = np.ones((1, 2, 2, 3), np.float32)
    masked = with_masks(Losses(style_loss=own))
    _, grad = masked.style_loss(a, np.eye(3, dtype=np.float32), np.full((2, 2), 0.5))
    assert grad.dtype == np.float32


def test_an_answer_that_is_none_is_refused():
    masked = with_masks(Losses(style_loss=lambda a, target: None))
    with pytest.raises(NstError, match="style_loss"):
        masked.style_loss(np.ones((1, 2, 2, 3)), np.eye(3), np.ones((2, 2)))
