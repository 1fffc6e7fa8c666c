import numpy as np
import pytest

from nst_numpy import losses
from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.losses import (
    content_loss,
    gram_matrix,
    mean_squared_error,
    softmax,
    softmax_cross_entropy,
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


# ---- losses of networks that learn


def test_cross_entropy_by_hand():
    # p = (1/4, 3/4) for scores (0, log 3)
    scores = np.array([[0.0, np.log(3)], [0.0, np.log(3)]])
    value, grad = softmax_cross_entropy(scores, np.array([1, 0]))
    assert value == pytest.approx((-np.log(3 / 4) - np.log(1 / 4)) / 2)
    np.testing.assert_allclose(grad, [[1 / 8, -1 / 8], [-3 / 8, 3 / 8]])
    np.testing.assert_allclose(softmax(scores), [[1 / 4, 3 / 4]] * 2)


def test_mean_squared_error_by_hand():
    value, grad = mean_squared_error(
        np.array([[1.0, 2], [3, 4]]), np.array([[1.0, 0], [0, 4]]), np.array([1.0, 2])
    )
    assert value == (2**2 + 2 * 3**2) / 4
    assert grad.tolist() == [[0, 2 * 2 / 4], [2 * 2 * 3 / 4, 0]]


@pytest.mark.parametrize("weights", [None, np.array([0.5, 2, 0, 1])])
def test_gradients_of_both(weights):
    rng = np.random.default_rng(7)
    scores, labels = rng.standard_normal((4, 3)), np.array([0, 2, 1, 1])
    target = rng.standard_normal((4, 3))
    for loss, truth in ((softmax_cross_entropy, labels), (mean_squared_error, target)):
        grad = loss(scores, truth, weights)[1]
        report = check_gradient(lambda v, f=loss, t=truth: f(v, t, weights)[0], scores, grad)
        assert report.ok, f"{loss.__name__}: {report}"


def test_mean_squared_error_takes_signals_and_volumes():
    rng = np.random.default_rng(8)
    out, target = rng.standard_normal((2, 3, 2, 4)), rng.standard_normal((2, 3, 2, 4))
    value, grad = mean_squared_error(out, target)
    assert value == pytest.approx(np.mean((out - target) ** 2))
    np.testing.assert_allclose(grad, 2 * (out - target) / out.size)


def test_huge_scores_do_not_overflow():
    scores = np.array([[1e30, -1e30], [-3000, 0], [88.8, 0]], np.float32)
    value, grad = softmax_cross_entropy(scores, np.array([0, 0, 0]))
    assert value == pytest.approx(3000 / 3)
    assert np.isfinite(grad).all()
    assert grad.dtype == softmax(scores).dtype == np.float32


@pytest.mark.parametrize(
    ("loss", "arguments", "error", "message"),
    [
        (softmax_cross_entropy, (np.zeros(3), np.zeros(3, int)), ShapeError,
         "scores must be (N, K), one score a class, with no empty axis, not of shape (3,)"),
        (softmax_cross_entropy, (np.zeros((0, 3)), np.zeros(0, int)), ShapeError, "no empty axis"),
        (softmax_cross_entropy, (np.zeros((2, 3)), np.zeros(3, int)), ShapeError,
         "labels must be 2 whole numbers, one a row of scores (2, 3), not int64 of shape (3,)"),
        (softmax_cross_entropy, (np.zeros((2, 3)), np.zeros(2)), ShapeError, "not float64"),
        (softmax_cross_entropy, (np.zeros((2, 3)), np.array([0, 3])), SettingError,
         "label 3 is not among the 3 classes 0 … 2: number the classes from 0"),
        (softmax_cross_entropy, (np.zeros((2, 3)), np.array([-1, 0])), SettingError, "label -1"),
        (softmax_cross_entropy, (np.zeros((2, 3)), np.zeros(2, int), np.ones(3)), ShapeError,
         "weights must be (2,), one a sample, not (3,)"),
        (mean_squared_error, (np.zeros((2, 1)), np.zeros(2)), ShapeError,
         "out (2, 1) and target (2,) must have one shape"),
        (mean_squared_error, (np.zeros((2, 1)), np.zeros((2, 1)), np.ones((2, 1))), ShapeError,
         "weights must be (2,)"),
    ],
)  # fmt: skip
def test_what_they_say_of_bad_input(loss, arguments, error, message):
    with pytest.raises(error) as caught:
        loss(*arguments)
    assert str(caught.value).startswith(f"{loss.__name__}: ")
    assert message in str(caught.value)
