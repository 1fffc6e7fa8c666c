import numpy as np
import pytest

from nst_numpy import losses
from nst_numpy.errors import ShapeError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.losses import (
    content_loss,
    gram_matrix,
    style_loss,
    total_variation_loss,
)

SHAPES = [(1, 7, 3), (1, 4, 5, 3), (1, 3, 4, 2, 3)]


@pytest.mark.parametrize("shape", SHAPES)
def test_gram_matrix_is_the_lectures_double_sum(shape):
    a = np.random.default_rng(0).standard_normal(shape)
    gram = np.zeros((3, 3))
    for position in np.ndindex(*shape[:-1]):
        for k in range(3):
            for k2 in range(3):
                gram[k, k2] += a[(*position, k)] * a[(*position, k2)]
    np.testing.assert_allclose(gram_matrix(a), gram, rtol=1e-12)


def test_gram_matrix_adds_up_its_pieces(monkeypatch):
    monkeypatch.setattr(losses, "PIECE_VALUES", 28)
    a = np.random.default_rng(1).standard_normal((1, 9, 5, 4))
    np.testing.assert_allclose(gram_matrix(a), np.einsum("nijk,nijl->kl", a, a), rtol=1e-12)


def test_style_loss_by_hand():
    # one position, two channels: G = [[1, 2], [2, 4]], target 0, M = 1, C = 2
    value, grad = style_loss(np.array([[[[1.0, 2.0]]]]), np.zeros((2, 2)))
    assert value == pytest.approx((1 + 4 + 4 + 16) / 16)
    # 4 c a (G - 0) = 4/16 [1, 2] @ [[1, 2], [2, 4]]
    assert grad.ravel().tolist() == [5 / 4, 10 / 4]


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients(shape):
    rng = np.random.default_rng(2)
    a, target = rng.standard_normal(shape), rng.standard_normal(shape)
    skewed = rng.standard_normal((3, 3))  # a target need not be symmetric
    for loss, arguments in (
        (content_loss, (target,)),
        (style_loss, (gram_matrix(target),)),
        (style_loss, (skewed,)),
        (total_variation_loss, ()),
    ):
        grad = loss(a, *arguments)[1]
        report = check_gradient(lambda v, f=loss, t=arguments: f(v, *t)[0], a, grad)
        assert report.ok, f"{loss.__name__}: {report}"


def test_losses_vanish_at_their_targets():
    a = np.random.default_rng(3).standard_normal((1, 4, 5, 3)).astype(np.float32)
    for value, grad in (content_loss(a, a), style_loss(a, gram_matrix(a))):
        assert value == 0
        assert not grad.any()
        assert grad.dtype == np.float32
    value, grad = total_variation_loss(np.ones((1, 4, 5, 3)))
    assert value == 0
    assert not grad.any()


def test_sum_of_squares_keeps_small_terms():
    # in float32 the sum would stop growing at 2**24
    d = np.ones(2**24 + 1000, np.float32)
    assert losses.sum_of_squares(d) == 2**24 + 1000


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: content_loss(np.zeros((1, 2)), np.zeros((2, 1))), "must have one shape"),
        (lambda: style_loss(np.zeros((1, 2, 3)), np.zeros((2, 2))), "must be (3, 3), not (2, 2)"),
        (lambda: gram_matrix(np.zeros(3)), "not of shape (3,)"),
        (lambda: total_variation_loss(np.zeros((3, 3))), "not of shape (3, 3)"),
    ],
)
def test_what_it_says_of_bad_input(call, message):
    with pytest.raises(ShapeError) as caught:
        call()
    assert message in str(caught.value)
