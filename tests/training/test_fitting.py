import numpy as np
import pytest

from nst_numpy.errors import NonFiniteError, SettingError, ShapeError
from nst_numpy.training import (
    SGD,
    Adam,
    accuracy,
    balanced_weights,
    fit,
    mean_squared_error,
    softmax_cross_entropy,
)
from nst_numpy.training.sequential import (
    Conv,
    Dense,
    Flatten,
    GlobalAvgPool,
    MaxPool,
    ReLU,
    Sequential,
)


def tones(n=80, seed=0, dtype=np.float32):
    """Slow and fast waves of 40 samples, and which of the two each is."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    t = np.arange(40)
    waves = np.sin((0.3 + 0.5 * labels)[:, None] * t + rng.uniform(0, 6, (n, 1)))
    return (waves + 0.2 * rng.standard_normal(waves.shape))[..., None].astype(dtype), labels


def small(seed=0, dtype=np.float32):
    rows = [Conv(6, 5), ReLU(), MaxPool(2), Conv(6, 3), ReLU(), GlobalAvgPool(), Dense(2)]
    return Sequential(rows, (40, 1), np.random.default_rng(seed), dtype)


@pytest.mark.parametrize("optimizer", [SGD(0.1, momentum=0.9), Adam(0.01)])
def test_a_network_learns_to_tell_two_tones(optimizer):
    x, labels = tones()
    net = small()
    history = fit(
        net, x, labels, epochs=12, batch_size=16, optimizer=optimizer, validation=tones(40, seed=1)
    )
    assert history.loss[-1] < 0.5 * history.loss[0]
    assert history.accuracy[-1] > 0.9
    assert history.validation_accuracy[-1] > 0.9
    assert history.validation_accuracy[-1] == accuracy(
        net.predict(tones(40, 1)[0]), tones(40, 1)[1]
    )
    assert history.epochs == 12
    assert len(history.batch_loss) == 12 * 5
    assert not history.interrupted
    assert history.seconds > 0


def test_volumes_are_learnt_too():
    rng = np.random.default_rng(2)
    labels = np.arange(24) % 2
    x = 0.3 * rng.standard_normal((24, 6, 6, 6, 1))
    x[labels == 1, 2:4, 2:4, 2:4] += 2
    net = Sequential([Conv(4, 3), ReLU(), GlobalAvgPool(), Dense(2)], (6, 6, 6, 1), dtype=float)
    history = fit(net, x, labels, epochs=20, batch_size=8, optimizer=Adam(0.03))
    assert history.accuracy[-1] == 1


def test_numbers_are_learnt_with_mean_squared_error():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((50, 3))
    y = x @ np.array([[1.0], [-2], [0.5]]) + 3
    net = Sequential([Dense(1)], (3,), dtype=float)
    history = fit(net, x, y, epochs=60, optimizer=SGD(0.1), loss=mean_squared_error)
    assert history.loss[-1] < 1e-4
    assert history.accuracy == history.validation_accuracy == history.validation_loss == []
    np.testing.assert_allclose(net.params["dense1"][0].ravel(), [1, -2, 0.5], atol=0.01)


def test_one_step_is_the_gradient_of_the_whole_batch():
    x, labels = tones(dtype=float)
    net, other = small(dtype=float), small(dtype=float)
    _, grads = other.gradients(x, lambda scores: softmax_cross_entropy(scores, labels))
    history = fit(net, x, labels, epochs=1, batch_size=len(x), optimizer=SGD(0.5))
    for name, pair in net.params.items():
        for new, old, grad in zip(pair, other.params[name], grads[name], strict=True):
            np.testing.assert_allclose(new, old - 0.5 * grad, atol=1e-12)
    assert history.loss == history.batch_loss


def test_every_sample_is_seen_once_an_epoch():
    seen = []

    def loss(out, target):
        seen.extend(target.ravel())
        return mean_squared_error(out, target)

    x = np.arange(10.0)[:, None]
    fit(Sequential([Dense(1)], (1,), dtype=float), x, x, epochs=2, batch_size=4, loss=loss,
        optimizer=SGD(1e-4))  # fmt: skip
    first, second = seen[-20:-10], seen[-10:]
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


def test_equal_seeds_give_equal_networks():
    x, labels = tones()
    optimizer = Adam()  # starts afresh each time
    nets = [small() for _ in range(2)]
    for net in nets:
        fit(net, x, labels, epochs=2, optimizer=optimizer, rng=np.random.default_rng(7))
    np.testing.assert_array_equal(nets[0].predict(x), nets[1].predict(x))


def test_losses_are_means_over_samples():
    # without learning, the mean over batches of unequal size is the loss of all samples
    x, labels = tones(10, dtype=float)
    net = small(dtype=float)
    history = fit(net, x, labels, epochs=1, batch_size=4, optimizer=SGD(1e-12))
    expected, _ = softmax_cross_entropy(net.predict(x), labels)
    assert history.loss[0] == pytest.approx(expected)
    assert history.accuracy[0] == accuracy(net.predict(x), labels)


def test_weights_count_in_proportion():
    x, labels = tones(6, dtype=float)
    doubled = np.concatenate([np.arange(6), [0]])
    weights = np.array([2.0, 1, 1, 1, 1, 1])
    nets = [small(dtype=float), small(dtype=float)]
    fit(nets[0], x[doubled], labels[doubled], epochs=1, batch_size=7, optimizer=SGD(0.1))
    fit(nets[1], x, labels, epochs=1, batch_size=6, optimizer=SGD(0.1), sample_weights=5 * weights)
    np.testing.assert_allclose(nets[0].predict(x), nets[1].predict(x))


def test_balanced_weights_make_classes_equal():
    labels = np.array([3, 0, 0, 0, 3, 0, 1, 0])
    weights = balanced_weights(labels)
    assert weights.sum() == pytest.approx(8)
    for label in (0, 1, 3):
        assert weights[labels == label].sum() == pytest.approx(8 / 3)


def test_ctrl_c_keeps_what_was_learnt():
    x, labels = tones()
    steps = []

    def loss(scores, labels):
        steps.append(len(labels))
        if len(steps) == 9:  # one call checks the labels; five steps are an epoch
            raise KeyboardInterrupt
        return softmax_cross_entropy(scores, labels)

    net = small()
    history = fit(net, x, labels, epochs=100, batch_size=16, loss=loss)
    assert history.interrupted
    assert history.epochs == 1
    assert len(history.batch_loss) == 7
    expected = small()
    fit(expected, x, labels, epochs=1, batch_size=16)
    assert not np.array_equal(net.predict(x), expected.predict(x))


def test_progress_shows_a_bar(capsys):
    x, labels = tones(8)
    fit(small(), x, labels, epochs=2, batch_size=4, progress=True)
    assert "4/4" in capsys.readouterr().err
    fit(small(), x, labels, epochs=2, batch_size=4)
    assert capsys.readouterr().err == ""


def with_nan(x):
    x = x.copy()
    x[3, 5], x[7, 0] = np.nan, np.inf
    return x


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, SettingError, "fit: epochs must be a whole number of at least 1, not 0"),
        ({"batch_size": 2.0}, SettingError, "fit: batch_size must be a whole number"),
        ({"y": np.zeros(7, int)}, ShapeError, "fit: x has 80 samples, its targets 7: give as many"),
        ({"y": np.zeros(80)}, ShapeError, "labels must be 80 whole numbers"),
        ({"y": np.full(80, 2)}, SettingError, "label 2 is not among the 2 classes 0 … 1"),
        ({"x": np.zeros((0, 40, 1), np.float32), "y": np.zeros(0, int)}, ShapeError,
         "fit: x has 0 samples, its targets 0: give as many, at least one"),
        ({"x": np.zeros((80, 40, 1))}, ShapeError, "x is float64, the network float32"),
        ({"x": with_nan(tones()[0])}, NonFiniteError, "fit: NaN or infinite entries in x, in 2 of "
         "80 samples, first in sample 3: remove or repair them"),
        ({"validation": (with_nan(tones()[0]), tones()[1])}, NonFiniteError,
         "entries in validation x, in 2 of 80 samples"),
        ({"validation": (tones()[0], np.full(80, 5))}, SettingError, "label 5 is not among"),
        ({"sample_weights": np.ones(3)}, ShapeError,
         "fit: sample_weights must be (80,), one a sample, not (3,)"),
        ({"sample_weights": np.zeros(80)}, SettingError, "sample_weights must be finite, not"),
        ({"sample_weights": np.full(80, -1)}, SettingError, "not negative"),
        ({"sample_weights": np.full(80, np.nan)}, SettingError, "must be finite"),
    ],
)  # fmt: skip
def test_what_fit_says_of_bad_input_before_it_learns(options, error, message):
    x, labels = tones()
    net = small()
    with pytest.raises(error) as caught:
        fit(net, **({"x": x, "y": labels} | options))
    assert message in str(caught.value)
    np.testing.assert_array_equal(net.predict(x), small().predict(x))


def test_nan_among_numbers_to_learn_is_found():
    y = np.array([[1.0], [np.nan], [2]])
    net = Sequential([Flatten(), Dense(1)], (2, 1), dtype=float)
    with pytest.raises(NonFiniteError, match="in the targets of x, in 1 of 3 samples, first in"):
        fit(net, np.zeros((3, 2, 1)), y, loss=mean_squared_error)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_a_learning_rate_too_large_is_an_error_with_a_remedy():
    x, labels = tones()
    with pytest.raises(NonFiniteError, match=r"not finite after \d+ steps: use a smaller learning"):
        fit(small(), 1e3 * x, labels, optimizer=SGD(1e12), epochs=20)
