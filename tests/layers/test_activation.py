import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.gradcheck import assert_gradients
from nst_numpy.layers import reference, relu_backward, relu_forward


def test_equals_the_reference_at_the_kink_too():
    x = np.array([[-2.0, -0.0, 0.0, 3.0]])
    grad_out = np.array([[1.0, 2, 3, 4]])
    out, cache = relu_forward(x)
    expected, expected_grad = reference.relu(x, grad_out)
    assert out.tolist() == expected.tolist() == [[0, 0, 0, 3]]
    assert relu_backward(grad_out, cache).tolist() == expected_grad.tolist() == [[0, 0, 0, 4]]


def test_gradient():
    rng = np.random.default_rng(4)
    for x in (rng.standard_normal((2, 3, 4)), rng.integers(-2, 3, (2, 3, 4))):
        assert_gradients(relu_forward, relu_backward, {"x": x})


def test_grad_out_of_another_shape_is_refused():
    _, cache = relu_forward(np.zeros((1, 2)))
    with pytest.raises(ShapeError, match=r"grad_out must have the output's shape \(1, 2\)"):
        relu_backward(np.zeros((2, 1)), cache)


def test_the_three_rules_for_the_way_back():
    _, cache = relu_forward(np.array([-1.0, -1, 1, 1]))
    grad_out = np.array([-5.0, 6, -7, 8])
    expected = {
        "gradient": [0, 0, -7, 8],
        "deconvolution": [0, 6, 0, 8],
        "guided": [0, 0, 0, 8],
    }
    for rule, values in expected.items():
        assert relu_backward(grad_out, cache, rule=rule).tolist() == values
    with pytest.raises(SettingError, match="must be one of gradient, guided, deconvolution, not"):
        relu_backward(grad_out, cache, rule="guide")
