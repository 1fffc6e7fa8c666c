import numpy as np
import pytest

from nst_numpy.errors import SettingError
from nst_numpy.training import SGD, Adam, Optimizer


def one_number(optimizer, gradients, start=1.0):
    """Follow one parameter through steps with the gradients given."""
    params = {"a": (np.array([[start]]), np.zeros(1))}
    seen = []
    for grad in gradients:
        optimizer.step(params, {"a": (np.array([[grad]]), np.zeros(1))})
        seen.append(float(params["a"][0][0, 0]))
    return seen


def test_sgd_by_hand():
    assert one_number(SGD(0.1), [2.0, 1.0]) == pytest.approx([0.8, 0.7])
    # v = 2, then 0.5·2 + 1 = 2
    assert one_number(SGD(0.1, momentum=0.5), [2.0, 1.0]) == pytest.approx([0.8, 0.6])


def test_adam_by_hand():
    # the first step is η whatever the gradient's size
    assert one_number(Adam(0.1), [5.0]) == pytest.approx([0.9])
    assert one_number(Adam(0.1), [-0.01]) == pytest.approx([1.1], abs=1e-6)
    m, v = 0.1 * (0.9 * 2 + 1), 0.001 * (0.999 * 4 + 1)
    step = 0.1 * (m / (1 - 0.9**2)) / np.sqrt(v / (1 - 0.999**2))
    assert one_number(Adam(0.1), [2.0, 1.0])[1] == pytest.approx(0.9 - step)


def pairs(value):
    """Make the arrays of two layers."""
    return {
        name: (np.full(shape, value), np.full(shape[-1:], value))
        for name, shape in (("conv1", (3, 2, 4)), ("dense1", (4, 2)))
    }


@pytest.mark.parametrize("make", [lambda: SGD(0.1, momentum=0.5), lambda: Adam(0.1)])
def test_every_array_is_changed_in_place_and_remembers_for_itself(make):
    params, grads, optimizer = pairs(1.0), pairs(2.0), make()
    grads["conv1"][0][...] = -1.0
    rising, *others = [array for pair in params.values() for array in pair]
    for _ in range(2):
        optimizer.step(params, grads)
    assert params["conv1"][0] is rising
    np.testing.assert_allclose(rising, one_number(make(), [-1.0, -1.0])[-1])
    for array in others:
        np.testing.assert_allclose(array, one_number(make(), [2.0, 2.0])[-1])


@pytest.mark.parametrize("optimizer", [SGD(0.1, momentum=0.5), Adam(0.1)])
def test_start_forgets_what_was_before(optimizer):
    first = one_number(optimizer, [2.0, 1.0])
    assert one_number(optimizer, [2.0, 1.0]) != first
    optimizer.start()
    assert one_number(optimizer, [2.0, 1.0]) == first


def test_parameters_without_a_gradient_stay():
    params = pairs(1.0)
    SGD(0.1).step(params, {"dense1": pairs(1.0)["dense1"]})
    assert (params["conv1"][0] == 1).all()
    assert (params["dense1"][0] == 1 - 0.1).all()


def test_an_optimizer_says_how_an_array_changes():
    optimizer = Optimizer()
    optimizer.start()
    with pytest.raises(NotImplementedError):
        optimizer.step(pairs(1.0), pairs(1.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(0), "SGD: learning_rate must be above 0, not 0"),
        (lambda: SGD(np.nan), "SGD: learning_rate must be above 0, not nan"),
        (lambda: SGD(0.1, momentum=1), "SGD: momentum must be at least 0 and below 1, not 1"),
        (lambda: Adam(-1), "Adam: learning_rate must be above 0"),
        (lambda: Adam(beta1=1), "Adam: beta1 must be at least 0 and below 1"),
        (lambda: Adam(beta2=-0.1), "Adam: beta2 must be at least 0"),
        (lambda: Adam(epsilon=0), "Adam: epsilon must be above 0"),
    ],
)
def test_what_optimisers_say_of_bad_settings(make, message):
    with pytest.raises(SettingError) as caught:
        make()
    assert message in str(caught.value)
