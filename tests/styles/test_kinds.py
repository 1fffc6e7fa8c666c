import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.losses import (
    Losses,
    find_neighbours,
    gaussian,
    hypercolumns,
    mean_and_covariance,
    neighbour_loss,
    wasserstein_loss,
)
from nst_numpy.objective import Objective
from nst_numpy.styles import Matches, kinds, squared_length
from nst_numpy.vgg import VGG
from tests.small_networks import net_of, samples

KINDS = ("gram", "wasserstein", "neighbours")
STYLE = {"relu1_1": 0.3, "relu1_2": 0.2, "relu2_2": 0.5}
OPTIONS = {
    "alpha": 0.7,
    "beta": 300.0,
    "content_layers": {"relu2_1": 1.0, "relu1_2": 0.5},
    "style_layers": STYLE,
    "tv_weight": 0.01,
}


@pytest.fixture
def small_units(monkeypatch):
    """Let no term drown in another's digits; let few positions not curve J too much to measure."""
    monkeypatch.setattr(gaussian, "RIDGE", 1e-2)
    monkeypatch.setattr(kinds, "GAUSSIAN_UNIT", 3.0)
    monkeypatch.setattr(kinds, "COSINE_UNIT", 2.0)


def pictures(seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    shapes = ((1, 9, 11, 3), (1, 16, 15, 3), (1, 9, 11, 3))
    return [rng.uniform(-1, 1, shape).astype(dtype) for shape in shapes]


def tiny(engine="plain", dtype=np.float64, seed=9):
    rng = np.random.default_rng(seed)
    made = VGG.random((3, 4), rng, convolutions=(2, 2), dtype=dtype)
    return VGG(made.params, engine=engine)


def objective_of(kind, content, style, engine="plain", **changes):
    vgg = tiny(engine, content.dtype)
    return Objective(vgg, content, style, style_loss=kind, **(OPTIONS | changes))


# each of them in J


@pytest.mark.parametrize("engine", ["plain", "fused"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_j_with_each_style_loss(kind, engine, small_units):
    content, style, x = pictures()
    objective = objective_of(kind, content, style, engine)
    value, grad = objective(x)
    assert value == sum(objective.terms.values())
    check_gradient(lambda v: objective(v)[0], x, grad).raise_if_wrong()
    alone = sum(objective.gradient_terms(x).values())
    np.testing.assert_allclose(alone, grad, rtol=0, atol=1e-12 * np.abs(grad).max())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_signals_pictures_and_volumes(kind, axes, small_units):
    shape = ((13, 2), (9, 8, 2), (5, 6, 7, 2))[axes - 1]
    net = net_of(input_shape=shape)
    content, style, x = (samples(net, 1, seed) for seed in (1, 2, 3))
    objective = Objective(
        net, content, style, content_layers={"relu2": 1}, style_layers={"relu1": 1, "relu2": 2},
        style_loss=kind, beta=1e2,
    )  # fmt: skip
    value, grad = objective(x)
    assert value == sum(objective.terms.values()) > 0
    check_gradient(lambda v: objective(v)[0], x, grad).raise_if_wrong()


@pytest.mark.parametrize("kind", KINDS)
def test_the_engines_agree_in_float32(kind):
    content, style, x = pictures(3, np.float32)
    plain, fused = (objective_of(kind, content, style, engine) for engine in ("plain", "fused"))
    (value, grad), (other, other_grad) = plain(x), fused(x)
    assert grad.dtype == other_grad.dtype == np.float32
    assert value == pytest.approx(other, rel=1e-4)
    np.testing.assert_allclose(grad, other_grad, rtol=0, atol=1e-3 * np.abs(grad).max())


@pytest.mark.parametrize("kind", KINDS)
def test_the_terms_have_their_names_from_the_input_upwards(kind):
    content, style, x = pictures()
    objective = objective_of(kind, content, style)
    objective(x)
    by_layer = [
        "style/relu1_1", "content/relu1_2", "style/relu1_2", "content/relu2_1", "style/relu2_2",
    ]  # fmt: skip
    at_once = ["content/relu1_2", "content/relu2_1", "style/neighbours"]
    assert list(objective.terms) == [*(at_once if kind == "neighbours" else by_layer), "tv"]


@pytest.mark.parametrize("engine", ["plain", "fused"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_painting(kind, engine):
    content, _, x = pictures()
    for colour in (0.0, 0.7):
        style = np.full((1, 16, 15, 3), colour)
        objective = objective_of(kind, content, style, engine)
        value, grad = objective(x)
        assert np.isfinite(value)
        assert np.isfinite(grad).all()
        # downhill is downhill
        step = 1e-4 / np.abs(grad).max()
        assert objective(x - step * grad)[0] < value


@pytest.mark.parametrize("kind", KINDS)
def test_without_style_there_is_no_style(kind):
    content, style, x = pictures()
    objective = objective_of(kind, content, style, beta=0)
    objective(x)
    assert list(objective.terms) == ["content/relu1_2", "content/relu2_1", "tv"]


# Gaussians


def test_gaussians_are_in_units_of_the_paintings_squared_length():
    content, style, x = pictures(1)
    objective = objective_of("wasserstein", content, style)
    objective(x)
    of_s, of_x = (dict(objective.vgg.forward(p, STYLE)) for p in (style, x))
    for name, weight in STYLE.items():
        target = mean_and_covariance(of_s[name])
        length = np.trace(target.covariance) + (target.mean**2).sum()
        expected = 300 * weight * 2e6 * wasserstein_loss(of_x[name], target)[0] / length
        assert objective.terms[f"style/{name}"] == pytest.approx(expected)


def test_the_squared_length_by_hand():
    assert squared_length(np.array([[[3.0, 4.0], [1.0, 0.0]]])) == (25 + 1) / 2
    assert squared_length(np.zeros((1, 4, 2))) == 1


def test_a_larger_layer_counts_no_more():
    # ten times the numbers of a layer, in both pictures, leave its term what it is
    content, style, x = pictures(2)
    vgg, loud = tiny(), tiny()
    w, b = loud.params["conv1_1"]
    loud = VGG({**loud.params, "conv1_1": (10 * w, 10 * b)}, engine="plain")
    for kind, tolerance in (("wasserstein", 1e-9), ("neighbours", 1e-9)):
        terms = []
        for network in (vgg, loud):
            layers = {"content_layers": {"relu1_1": 0}, "style_layers": {"relu1_1": 1.0}}
            objective = Objective(network, content, style, beta=1, style_loss=kind, **layers)
            objective(x)
            terms.append(objective.terms)
        assert terms[0] == pytest.approx(terms[1], rel=tolerance)


# neighbours


def columns_by_hand(features, of_style, grid):
    """Layers in units of the painting's root mean square length, each with its share."""
    whole = sum(STYLE.values())
    return hypercolumns(
        {
            name: features[name] * np.sqrt(weight / whole / squared_length(of_style[name]))
            for name, weight in STYLE.items()
        },
        grid,
    )


def test_neighbours_are_the_formulas():
    content, style, x = pictures(4)
    objective = objective_of("neighbours", content, style)
    objective(x)
    of_s, of_x = (dict(objective.vgg.forward(p, STYLE)) for p in (style, x))
    # 9×11 and 16×15 pixels, a place for 4×4
    a, s = columns_by_hand(of_x, of_s, (2, 3)), columns_by_hand(of_s, of_s, (4, 4))
    indices, _ = find_neighbours(a, s)
    targets = s.reshape(16, -1)[indices].reshape(a.shape)
    expected = 300 * 5e6 * neighbour_loss(a, targets)[0]
    assert objective.terms["style/neighbours"] == pytest.approx(expected)
    assert objective.matches.style_grid == (4, 4)
    assert objective.matches.indices.tolist() == indices.reshape(1, 2, 3).tolist()
    similarity = objective.measured_style.similarity(x)
    assert similarity.shape == (1, 2, 3)
    assert 1 - similarity.mean() == pytest.approx(neighbour_loss(a, targets)[0])


def test_layers_of_one_lambda_have_one_share():
    content, style, _ = pictures(5)
    equal = dict.fromkeys(STYLE, 0.25)
    measured = objective_of("neighbours", content, style, style_layers=equal).measured_style
    of_style = measured.vgg.forward(style, equal)
    ends = np.cumsum([of_style[name].shape[-1] for name in equal])[:-1]
    for name, factors in zip(equal, np.split(measured.factors, ends), strict=True):
        assert squared_length(of_style[name] * factors) == pytest.approx(1 / 3)


def test_neighbours_stay_until_there_is_a_new_objective():
    content, style, x = pictures(6)
    objective = objective_of("neighbours", content, style)
    assert objective.matches is None
    objective(content)
    first, value = objective.matches.indices.copy(), objective(x)[0]
    assert (objective.matches.indices == first).all()
    other = objective_of("neighbours", content, style)
    assert other(x)[0] != value
    assert (other.matches.indices != first).any()


def test_stored_matches_give_the_same_j():
    content, style, x = pictures(7)
    first, again = (objective_of("neighbours", content, style) for _ in range(2))
    first(content)
    again.measured_style.draw_to(first.matches)
    (value, grad), (other, other_grad) = first(x), again(x)
    assert value == other
    np.testing.assert_array_equal(grad, other_grad)


def test_matches_of_another_painting_are_refused():
    content, style, _ = pictures()
    measured = objective_of("neighbours", content, style).measured_style
    with pytest.raises(ShapeError, match="the painting has 6 places, and a match names number 6"):
        measured.draw_to(Matches(np.array([[[0, 6]]]), (2, 3)))


# what is refused


def test_a_style_loss_that_there_is_not():
    content, style, _ = pictures()
    with pytest.raises(SettingError) as caught:
        objective_of("grams", content, style)
    assert str(caught.value) == (
        "style_loss must be one of gram, wasserstein, neighbours, not 'grams': did you mean gram?"
    )


@pytest.mark.parametrize("kind", KINDS[1:])
def test_losses_of_ones_own_exclude_another_style_loss(kind):
    content, style, _ = pictures()
    with pytest.raises(SettingError, match=f"style_loss '{kind}' cannot be used with losses of"):
        objective_of(kind, content, style, losses=Losses())


def test_default_layers():
    layers = [kinds.STYLES[kind].layers for kind in KINDS]
    assert layers[0] is layers[1]
    assert list(layers[2]) == [
        "relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3",
        "relu4_1", "relu4_2", "relu4_3",
    ]  # fmt: skip
    assert sum(layers[2].values()) == pytest.approx(1)
