import numpy as np
import pytest

from nst_numpy.errors import NonFiniteError, SettingError, ShapeError
from nst_numpy.look import full_gradient, pull_maps
from nst_numpy.objective import Objective
from nst_numpy.training.sequential import AvgPool, Conv, ReLU, Sequential
from nst_numpy.vgg import VGG

TINY = VGG.random((4, 6), np.random.default_rng(3))


def scene(seed=0, tv_weight=0.02):
    """Make an objective of four terms, and a picture that none of them is content with."""
    rng = np.random.default_rng(seed)
    content, style, x = rng.uniform(-100, 100, (3, 1, 12, 10, 3))
    objective = Objective(
        TINY, content, style, beta=50.0, content_layers={"relu2_1": 1.0},
        style_layers={"relu1_1": 1.0, "relu2_1": 0.5}, tv_weight=tv_weight,
    )  # fmt: skip
    return objective, x


def relative(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


# the terms


def test_the_terms_add_up_to_the_full_gradient():
    objective, x = scene()
    gradients = objective.gradient_terms(x)
    _, grad = objective(x)
    assert list(gradients) == ["style/relu1_1", "content/relu2_1", "style/relu2_1", "tv"]
    assert relative(full_gradient(gradients), grad) < 1e-13


def test_a_pull_is_measured_by_its_definitions():
    objective, x = scene(1)
    gradients = objective.gradient_terms(x)
    full = sum(gradients.values())
    for term, pull in pull_maps(gradients).items():
        g = gradients[term]
        assert pull.gradient is g
        assert pull.size.shape == pull.along.shape == (12, 10)
        assert pull.size[3, 4] == pytest.approx(np.linalg.norm(g[0, 3, 4]))
        unit = full[0, 3, 4] / np.linalg.norm(full[0, 3, 4])
        assert pull.along[3, 4] == pytest.approx(g[0, 3, 4] @ unit)
        assert pull.norm == pytest.approx(np.linalg.norm(g))
        cosine = (g * full).sum() / np.linalg.norm(g) / np.linalg.norm(full)
        assert pull.cosine == pytest.approx(cosine)
        assert pull.share == pytest.approx(cosine * pull.norm / np.linalg.norm(full))


def test_shares_add_up_to_1_and_maps_to_the_length_of_the_full_gradient():
    objective, x = scene(2)
    gradients = objective.gradient_terms(x)
    pulls = pull_maps(gradients).values()
    assert sum(pull.share for pull in pulls) == pytest.approx(1, abs=1e-12)
    lengths = np.linalg.norm(full_gradient(gradients)[0], axis=-1)
    assert relative(sum(pull.along for pull in pulls), lengths) < 1e-12


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ([1, 0, 0], [1, 0, 0], ["along", "along"]),
        ([-1, 0, 0], [3, 0, 0], ["against", "along"]),
        ([0, 0.01, 0], [3, 0, 0], ["across", "along"]),
        ([0, 0, 0], [3, 0, 0], ["none", "along"]),
        ([0, 0, 0], [0, 0, 0], ["none", "none"]),
        ([1, 2, 3], [-1, -2, -3], ["across", "across"]),  # they cancel: there is no direction
    ],
)
def test_the_direction_in_a_word(a, b, words):
    gradients = {"a": np.reshape(a, (1, 1, 1, 3)) * 1.0, "b": np.reshape(b, (1, 1, 1, 3)) * 1.0}
    pulls = pull_maps(gradients)
    assert [pull.direction for pull in pulls.values()] == words
    assert all(np.isfinite([p.share, p.cosine, p.along[0, 0]]).all() for p in pulls.values())


def test_at_the_content_picture_content_does_not_pull():
    objective, _ = scene(4)
    x = np.random.default_rng(4).uniform(-100, 100, (3, 1, 12, 10, 3))[0]
    pull = pull_maps(objective.gradient_terms(x))["content/relu2_1"]
    assert (pull.norm, pull.direction) == (0, "none")


def test_float32_gradients_are_measured_in_float64():
    gradients = {"a": np.full((1, 2, 2, 3), 1e30, np.float32)}
    pull = pull_maps(gradients)["a"]
    assert pull.norm == pytest.approx(1e30 * np.sqrt(12))
    assert pull.size.dtype == np.float64


def test_gradients_that_do_not_belong_together_are_refused():
    with pytest.raises(SettingError, match="at least one term"):
        pull_maps({})
    a, b = np.zeros((1, 2, 3, 3)), np.zeros((1, 3, 2, 3))
    with pytest.raises(ShapeError, match="must have one shape"):
        pull_maps({"a": a, "b": b})
    with pytest.raises(ShapeError, match=r"\(1, \*sizes, C\)"):
        pull_maps({"a": a[0, 0]})


# the figure


@pytest.mark.parametrize("sizes", [(30,), (8, 9, 10)])
def test_the_terms_pull_at_signals_and_volumes_too(sizes):
    rows = [Conv(4, 3, pad=1), ReLU(), AvgPool(2), Conv(5, 3), ReLU()]
    net = Sequential(rows, (*sizes, 2), np.random.default_rng(0), np.float64)
    content, style, x = np.random.default_rng(1).standard_normal((3, 1, *sizes, 2))
    objective = Objective(
        net, content, style, beta=10.0, tv_weight=0.1,
        content_layers={"relu2": 1.0}, style_layers={"relu1": 1.0},
    )  # fmt: skip
    pulls = pull_maps(objective.gradient_terms(x))
    assert list(pulls) == ["style/relu1", "content/relu2", "tv"]
    full = objective(x)[1]
    assert sum(pull.share for pull in pulls.values()) == pytest.approx(1)
    along = sum(pull.along for pull in pulls.values())
    np.testing.assert_allclose(along, np.sqrt((full[0] ** 2).sum(axis=-1)), atol=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_is_named(value):
    gradients = {"content/a": np.ones((1, 2, 2, 3)), "style/b": np.full((1, 2, 2, 3), value)}
    with pytest.raises(NonFiniteError, match=r"^pull_maps: the gradient of style/b is not finite"):
        pull_maps(gradients)
