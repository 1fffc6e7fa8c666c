import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.training import mean_squared_error, softmax, softmax_cross_entropy


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
