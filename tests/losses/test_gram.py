import numpy as np
import pytest

from nst_numpy.errors import ShapeError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.losses import gram_matrix, positions, style_loss

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
    monkeypatch.setattr(positions, "PIECE_VALUES", 28)
    a = np.random.default_rng(1).standard_normal((1, 9, 5, 4))
    np.testing.assert_allclose(gram_matrix(a), np.einsum("nijk,nijl->kl", a, a), rtol=1e-12)


def test_style_loss_by_hand():
    # one position, two channels: G = [[1, 2], [2, 4]], target 0, M = 1, C = 2
    value, grad = style_loss(np.array([[[[1.0, 2.0]]]]), np.zeros((2, 2)))
    assert value == pytest.approx((1 + 4 + 4 + 16) / 16)
    # 4 c a (G - 0) = 4/16 [1, 2] @ [[1, 2], [2, 4]]
    assert grad.ravel().tolist() == [5 / 4, 10 / 4]


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient(shape):
    rng = np.random.default_rng(2)
    a, other = rng.standard_normal(shape), rng.standard_normal(shape)
    skewed = rng.standard_normal((3, 3))  # a target need not be symmetric
    for target in (gram_matrix(other), skewed):
        grad = style_loss(a, target)[1]
        report = check_gradient(lambda v, t=target: style_loss(v, t)[0], a, grad)
        assert report.ok, str(report)


def test_it_vanishes_at_its_target():
    a = np.random.default_rng(3).standard_normal((1, 4, 5, 3)).astype(np.float32)
    value, grad = style_loss(a, gram_matrix(a))
    assert value == 0
    assert not grad.any()
    assert grad.dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: style_loss(np.zeros((1, 2, 3)), np.zeros((2, 2))), "must be (3, 3), not (2, 2)"),
        (lambda: gram_matrix(np.zeros(3)), "not of shape (3,)"),
    ],
)
def test_what_it_says_of_bad_input(call, message):
    with pytest.raises(ShapeError) as caught:
        call()
    assert message in str(caught.value)


# with a mask


@pytest.mark.parametrize("shape", SHAPES)
def test_a_masked_gram_matrix_counts_each_position_as_the_mask_says(shape, monkeypatch):
    monkeypatch.setattr(positions, "PIECE_VALUES", 28)  # in pieces too
    rng = np.random.default_rng(4)
    a, mask = rng.standard_normal(shape), rng.uniform(0, 1, shape[1:-1])
    gram = np.zeros((3, 3))
    for place in np.ndindex(*shape[1:-1]):
        gram += mask[place] * np.outer(a[(0, *place)], a[(0, *place)])
    np.testing.assert_allclose(gram_matrix(a, mask), gram, rtol=1e-12)
    np.testing.assert_allclose(gram_matrix(a[0], mask), gram, rtol=1e-12)


def test_a_mask_of_noughts_and_ones_cuts_positions_out():
    rng = np.random.default_rng(5)
    a, target, mask = rng.standard_normal((1, 5, 6, 3)), np.eye(3), rng.integers(0, 2, (5, 6))
    value, grad = style_loss(a, target, mask)
    cut, cut_grad = style_loss(a[:, mask == 1], target)
    assert value == pytest.approx(cut, rel=1e-12)
    np.testing.assert_allclose(grad[:, mask == 1], cut_grad, rtol=1e-12)
    assert not grad[:, mask == 0].any()


@pytest.mark.parametrize("shape", [*SHAPES, (2, 4, 5, 3)])
def test_the_gradient_with_a_soft_mask(shape):
    rng = np.random.default_rng(6)
    a, mask = rng.standard_normal(shape), rng.uniform(0, 1, shape[1:-1])
    target = gram_matrix(rng.standard_normal(shape))
    grad = style_loss(a, target, mask)[1]
    check_gradient(lambda v: style_loss(v, target, mask)[0], a, grad).raise_if_wrong()


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((2, 3)), "but a (1, 2, 2, 3) has the positions (1, 2, 2): give one number for"),
        (np.zeros((2, 2)), "must have numbers from 0 to 1, and one that is not 0"),
        (np.full((2, 2), 1.5), "must have numbers from 0 to 1"),
        (np.full((2, 2), np.nan), "must have numbers from 0 to 1"),
    ],
)
def test_masks_that_are_none(mask, message):
    with pytest.raises(ShapeError) as caught:
        gram_matrix(np.ones((1, 2, 2, 3)), mask)
    assert message in str(caught.value)
