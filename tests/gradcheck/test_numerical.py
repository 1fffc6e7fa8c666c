import math

import numpy as np
import pytest

from nst_numpy.errors import GradientError, SettingError, ShapeError
from nst_numpy.gradcheck import numerical_gradient, relative_error


def test_by_hand():
    # f = x0² x1, so ∂f = (2 x0 x1, x0²) = (12, 4) at (2, 3)
    grad = numerical_gradient(lambda x: x[0] ** 2 * x[1], np.array([2.0, 3.0]))
    np.testing.assert_allclose(grad, [12, 4], rtol=1e-9)


def test_a_step_does_not_leave_the_domain():
    x = np.array([2.6e-6, 1.0, 2.0])
    with np.errstate(all="ignore"):
        grad = numerical_gradient(lambda v: np.log(v).sum(), x)
    np.testing.assert_allclose(grad, 1 / x, rtol=1e-5)


def test_a_function_that_is_nowhere_finite_gives_no_gradient():
    grad = numerical_gradient(lambda v: np.nan * v.sum(), np.ones(2))
    assert np.isnan(grad).all()


@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("method", ["central", "complex"])
def test_any_size_of_numbers(size, method):
    x = np.random.default_rng(0).standard_normal((3, 2)) * size
    grad = numerical_gradient(lambda v: np.exp(v / size).sum(), x, method=method)
    digits = 1e-14 if method == "complex" else 1e-8
    np.testing.assert_allclose(grad, np.exp(x / size) / size, rtol=digits)


def test_x_is_left_alone_and_any_shape_will_do():
    x = np.array(3.0)
    assert numerical_gradient(lambda v: v**2, x) == pytest.approx(6)
    assert x == 3
    assert numerical_gradient(lambda v: v.sum(), np.zeros((0, 2))).shape == (0, 2)

    def writes(v):
        v *= 2
        return v.sum()

    x = np.ones(3, np.float32)
    np.testing.assert_allclose(numerical_gradient(writes, x), 2, rtol=1e-9)
    assert x.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ({"f": lambda x: x}, ShapeError, "f must return one number, not an array (3,)"),
        ({"f": lambda x: None}, ShapeError, "f must return one number, not None"),
        ({"eps": 0}, SettingError, "eps must be a finite number above 0, not 0"),
        ({"eps": "small"}, SettingError, "eps must be a finite number above 0, not 'small'"),
        ({"method": "forward"}, SettingError, "method must be central or complex"),
        (
            {"f": lambda x: np.abs(x).sum(), "method": "complex"},
            GradientError,
            "the imaginary part was lost on the way: use method='central'",
        ),
    ],
)
def test_what_it_says_of_bad_calls(call, error, message):
    f = call.pop("f", lambda x: x.sum())
    with pytest.raises(error) as caught:
        numerical_gradient(f, np.ones(3), **call)
    assert message in str(caught.value)


def test_relative_error():
    assert relative_error([0.0], [0.0]) == 0
    assert relative_error([1.0, 2.0], [1.0, 1.0]) == 0.5
    # an entry of rounding beside a large one is no error
    assert relative_error([1e6, 1e-7], [1e6, 0]) < 1e-10
    # a wrong entry is not hidden by larger ones
    assert relative_error([1e3, 1e-3], [1e3, 2e-3]) > 1e-5
    assert relative_error([], []) == 0
    assert relative_error([np.nan, 1], [np.nan, 1]) == 0
    assert relative_error([np.nan], [1]) == np.inf
    assert relative_error([np.inf], [1e308]) == np.inf
    with pytest.raises(ShapeError, match="must have one shape"):
        relative_error([1.0], [[1.0]])


def test_a_step_out_of_the_domain_of_a_function_that_raises_is_shortened():
    x = np.array([1e-9, 0.5])
    numeric = numerical_gradient(lambda v: math.log(v[0]) + math.log(v[1]), x)
    np.testing.assert_allclose(numeric, 1 / x, rtol=1e-3)
    with pytest.raises(ValueError, match=r"math domain error|expected a positive"):
        numerical_gradient(lambda v: math.log(v[0]), np.array([-1.0]))
