import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError, UnknownNameError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.look import dream
from nst_numpy.look.dream import UnitExcitement, bound_loss, paint_dream
from nst_numpy.losses import total_variation_loss
from nst_numpy.optimize import OPTIMIZERS
from nst_numpy.pictures.images import preprocess
from nst_numpy.vgg import VGG

QUICK = {"size": 12, "iterations": 8}


@pytest.fixture(scope="module")
def vgg():
    return VGG.random((3, 5), np.random.default_rng(0))


def activation(vgg, image, layer, channel):
    a = vgg.forward(preprocess(image, dtype=vgg.dtype), [layer])[layer]
    return float(a[..., channel].mean())


@pytest.mark.parametrize("position", [None, (1, 2)])
@pytest.mark.parametrize("layer", ["relu2_1", "pool1"])
def test_the_gradient_is_that_of_the_value(vgg, layer, position):
    rng = np.random.default_rng(1)
    start = 30 * rng.standard_normal((1, 6, 7, 3))
    objective = UnitExcitement(vgg, layer, 1, start, tv_weight=0.3, position=position)
    x = 100 * rng.standard_normal(start.shape)  # some of it beyond black and white
    _, grad = objective(x)
    check_gradient(lambda x: objective(x)[0], x, grad).raise_if_wrong()


def test_the_activations_part_is_the_mean_or_the_position(vgg):
    x = np.random.default_rng(2).standard_normal((1, 6, 6, 3))
    a = vgg.forward(x, ["conv2_1"])["conv2_1"][0, ..., 3]
    for position, expected in ((None, a.mean()), ((2, 0), a[2, 0])):
        objective = UnitExcitement(vgg, "relu2_1", 3, x, position=position)
        assert objective.activation(x)[0] == pytest.approx(expected)


def test_j_is_the_sum_of_its_terms(vgg):
    rng = np.random.default_rng(4)
    objective = UnitExcitement(vgg, "relu2_1", 2, rng.standard_normal((1, 6, 6, 3)), tv_weight=0.7)
    x = 150 * rng.standard_normal((1, 6, 6, 3))
    tv, bound = total_variation_loss(x)[0], bound_loss(x)[0]
    assert bound > 0
    expected = -objective.activation(x)[0] * objective.scale + (0.7 * tv + bound) / x.size
    assert objective(x)[0] == pytest.approx(expected)


def test_at_the_start_the_activations_gradient_has_length_1_a_pixel_value(vgg):
    x = np.random.default_rng(3).standard_normal((1, 8, 8, 3))
    objective = UnitExcitement(vgg, "relu2_1", 0, x, tv_weight=0.0)
    _, grad = objective(x)
    assert np.sqrt(np.mean((grad * x.size) ** 2)) == pytest.approx(1)


def test_a_pixel_is_bound_to_black_and_white():
    x = np.zeros((1, 1, 1, 3))
    x[0, 0, 0] = [255 - 103.939 + 3, 0, -123.68 - 4]
    value, grad = bound_loss(x)
    assert value == pytest.approx((9 + 16) / 2)
    np.testing.assert_allclose(grad[0, 0, 0], [3, 0, -4])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("channel", range(5))
def test_a_dream_excites_its_unit(vgg, optimizer, channel):
    before = dream(vgg, "conv2_1", channel, size=12, iterations=1, optimizer="gd",
                   learning_rate=1e-9)  # fmt: skip
    after = dream(vgg, "conv2_1", channel, **QUICK, optimizer=optimizer)
    assert after.shape == (12, 12, 3)
    assert activation(vgg, after, "conv2_1", channel) > activation(vgg, before, "conv2_1", channel)


def test_the_seed_decides_the_picture(vgg):
    first, again = (dream(vgg, "relu2_1", 1, **QUICK, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (dream(vgg, "relu2_1", 1, **QUICK, seed=5) != first).any()


def test_a_larger_tv_weight_makes_it_smoother(vgg):
    def roughness(tv_weight):
        image = dream(vgg, "relu2_1", 1, **QUICK, tv_weight=tv_weight).astype(float)
        return np.square(np.diff(image, axis=0)).sum() + np.square(np.diff(image, axis=1)).sum()

    assert roughness(0) > 2 * roughness(0.1) > 4 * roughness(10)


def test_a_callback_can_end_it(vgg):
    steps = []
    dream(vgg, "relu2_1", 1, **QUICK, callback=lambda step: steps.append(step) or len(steps) == 3)
    assert [step.iteration for step in steps] == [1, 2, 3]


@pytest.mark.parametrize(
    ("unit", "more", "error", "message"),
    [
        (("relu9_1", 0), {}, UnknownNameError, "unknown layer 'relu9_1'"),
        (("relu2_1", 5), {}, SettingError, "relu2_1 has channels 0 to 4, not 5"),
        (("relu2_1", 0), {"size": 0}, SettingError, "size must be at least 1"),
        (("relu2_1", 0), {"iterations": 0}, SettingError, "iterations must be at least 1"),
        (("relu2_1", 0), {"seed": -1}, SettingError, "seed must be at least 0"),
        (("relu2_1", 0), {"tv_weight": -1.0}, SettingError, "tv_weight must be"),
        (("relu2_1", 0), {"tv_weight": np.nan}, SettingError, "tv_weight must be"),
        (("relu2_1", 0), {"position": (6, 0)}, ShapeError, r"there is no \(6, 0\)"),
        (("relu2_1", 0), {"optimizer": "newton"}, SettingError, "not 'newton'"),
        (("relu2_1", 0), {"size": 1}, ShapeError, "too small for conv2_1"),
    ],
)
def test_what_cannot_be_is_refused(vgg, unit, more, error, message):
    with pytest.raises(error, match=message):
        dream(vgg, *unit, **(QUICK | more))


def test_a_dream_that_diverges_says_so_and_keeps_the_best_picture(vgg):
    words = {"optimizer": "adam", "learning_rate": 1e6}
    image, minimum = paint_dream(vgg, "relu2_1", 1, **QUICK, **words)
    assert (minimum.reason, minimum.kept) == ("diverged", 0)
    start = dream(vgg, "relu2_1", 1, size=12, iterations=1, optimizer="gd", learning_rate=1e-6)
    np.testing.assert_array_equal(image, start)
