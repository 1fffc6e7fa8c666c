import inspect
from dataclasses import fields

import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError, UnknownNameError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.losses import Losses, content_loss, gram_matrix, style_loss, total_variation_loss
from nst_numpy.objective import CONTENT_LAYERS, Coefficients, Objective
from nst_numpy.vgg import VGG

CONTENT = {"relu2_2": 1.0, "conv1_1": 0.5}
STYLE = {"relu1_1": 0.3, "relu2_2": 0.6, "pool2": 0.1}
OPTIONS = {
    "alpha": 0.7,
    "beta": 300.0,
    "content_layers": CONTENT,
    "style_layers": STYLE,
    "tv_weight": 0.01,
}


def pictures(seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    shapes = ((1, 9, 11, 3), (1, 8, 7, 3), (1, 9, 11, 3))
    return [rng.uniform(-1, 1, shape).astype(dtype) for shape in shapes]


def tiny(pool="avg", dtype=np.float64):
    rng = np.random.default_rng(9)
    return VGG.random((3, 4), rng, convolutions=(2, 2), pool=pool, dtype=dtype)


@pytest.mark.parametrize("pool", ["avg", "max"])
def test_the_whole_gradient(pool):
    content, style, x = pictures()
    objective = Objective(tiny(pool), content, style, **OPTIONS)
    _, grad = objective(x)
    check_gradient(lambda v: objective(v)[0], x, grad).raise_if_wrong()


def test_terms_are_the_formulas_and_add_up_exactly():
    content, style, x = pictures(1)
    vgg = tiny()
    objective = Objective(vgg, content, style, **OPTIONS)
    value, _ = objective(x)
    names = {**CONTENT, **STYLE}
    of_c, of_s, of_x = (dict(vgg.forward(p, names)) for p in (content, style, x))
    expected = {"tv": 0.01 * total_variation_loss(x)[0]}
    for name, weight in CONTENT.items():
        expected[f"content/{name}"] = 0.7 * weight * content_loss(of_x[name], of_c[name])[0]
    for name, weight in STYLE.items():
        positions = np.prod(of_x[name].shape[1:3]) / np.prod(of_s[name].shape[1:3])
        target = gram_matrix(of_s[name]) * positions
        expected[f"style/{name}"] = 300 * weight * style_loss(of_x[name], target)[0]
    assert objective.terms == pytest.approx(expected)
    assert value == sum(objective.terms.values())


def test_style_of_the_same_size_is_the_lectures_formula():
    content, _, x = pictures(2)
    vgg = tiny()
    objective = Objective(vgg, content, content, alpha=0, beta=1, style_layers={"relu1_1": 1})
    a, target = (vgg.forward(p, ["relu1_1"])["relu1_1"] for p in (x, content))
    n_h, n_w, n_c = a.shape[1:]
    difference = gram_matrix(a) - gram_matrix(target)
    expected = (difference**2).sum() / (2 * n_h * n_w * n_c) ** 2
    assert objective(x)[0] == pytest.approx(expected, rel=1e-12)


def test_loss_is_zero_at_the_target():
    content, *_ = pictures(3)
    value, grad = Objective(tiny(), content, content, **(OPTIONS | {"tv_weight": 0}))(content)
    assert value == 0
    assert not grad.any()


def test_terms_of_weight_zero_cost_nothing():
    content, style, x = pictures(4)
    objective = Objective(
        tiny(), content, style, alpha=0, beta=1, style_layers={"relu1_1": 1, "pool2": 0}
    )
    objective(x)
    assert list(objective.terms) == ["style/relu1_1"]
    assert objective.names == ["relu1_1"]


def test_total_variation_alone():
    content, style, x = pictures(5)
    objective = Objective(tiny(), content, style, alpha=0, beta=0, tv_weight=2)
    value, grad = objective(x)
    expected, expected_grad = total_variation_loss(x)
    assert value == 2 * expected
    np.testing.assert_allclose(grad, 2 * expected_grad)


def test_precision_is_the_networks():
    content, style, x = pictures(6, np.float32)
    value, grad = Objective(tiny(dtype=np.float32), content, style, **OPTIONS)(x)
    assert grad.dtype == np.float32
    assert isinstance(value, float)
    exact, _ = Objective(tiny(), *(p.astype(float) for p in (content, style)), **OPTIONS)(
        x.astype(float)
    )
    assert value == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"alpha": -1}, SettingError, "alpha must be a finite number of at least 0, not -1"),
        ({"beta": np.nan}, SettingError, "beta must be a finite number"),
        ({"tv_weight": np.inf}, SettingError, "tv_weight must be a finite number"),
        ({"style_layers": {"relu1_1": -0.2}}, SettingError, "the weight of relu1_1 must be"),
        ({"alpha": 0, "beta": 0}, SettingError, "every weight is 0"),
        ({"alpha": "1"}, SettingError, "alpha must be a finite number of at least 0, not '1'"),
        ({"beta": True}, SettingError, "beta must be a finite number of at least 0, not True"),
        ({"style_layers": {"relu1_1": "0.2"}}, SettingError,
         "the weight of relu1_1 must be a finite number of at least 0, not '0.2'"),
        ({"style_layers": {"relu1_1": None}}, SettingError, "0, not None"),
        ({"style_layers": {"relu1_1": True}}, SettingError, "0, not True"),
        ({"style_layers": ["relu1_1", "relu2_1"]}, SettingError,
         "style_layers must map layers to weights, not ['relu1_1', 'relu2_1']: "
         'write {"relu1_1": 1.0, "relu2_1": 1.0}'),
        ({"content_layers": "relu1_1"}, SettingError,
         "content_layers must map layers to weights, not 'relu1_1': write {\"relu1_1\": 1.0}"),
        ({"content_layers": 3}, SettingError, 'not 3: write {"relu1_1": 1.0}'),
        ({"content_layers": {1: 1.0}}, SettingError, 'not {1: 1.0}: write {"relu1_1": 1.0}'),
        ({"content_layers": {"relu1_9": 1}}, UnknownNameError, "unknown layer 'relu1_9'"),
    ],
)  # fmt: skip
def test_what_it_says_of_bad_coefficients(options, error, message):
    content, style, _ = pictures()
    defaults = {"content_layers": {"relu1_1": 1}, "style_layers": {"relu1_1": 1}}
    with pytest.raises(error) as caught:
        Objective(tiny(), content, style, **(defaults | options))
    assert message in str(caught.value)


def test_coefficients_are_products_and_leave_out_what_is_0():
    coefficients = Coefficients(
        2.0, 10.0, {"a": 0.5, "b": 0.0}, {"c": np.float32(0.25), "a": np.int64(3)}, tv_weight=0
    )
    assert (coefficients.content, coefficients.style) == (
        {"a": 2.0 * 0.5},
        {"c": 10 * 0.25, "a": 10 * 3},
    )
    assert coefficients.names == {"a", "c"}
    assert [type(v) for v in coefficients.style_layers.values()] == [float, int]
    assert Coefficients(0.0, 1.0).content == {}
    assert Coefficients(1.0, 0.0).names == {"relu4_2"}


def test_without_layers_those_of_gatys_are_meant():
    coefficients = Coefficients()
    assert coefficients.content == {"relu4_2": 1.0}
    assert coefficients.style == {f"relu{block}_1": 1e4 * 0.2 for block in (1, 2, 3, 4, 5)}
    # an own copy: nobody's change reaches the next run
    assert coefficients.content_layers is not CONTENT_LAYERS
    signature = inspect.signature(Objective).parameters
    for field in fields(Coefficients):
        assert signature[field.name].default == field.default


def test_x_of_another_shape_is_refused():
    content, style, x = pictures()
    objective = Objective(tiny(), content, style, **OPTIONS)
    with pytest.raises(ShapeError, match="shaped like content_x"):
        objective(x[:, 1:])


def test_gradient_terms_add_up_to_the_gradient():
    content, style, x = pictures(7)
    objective = Objective(tiny(), content, style, **OPTIONS)
    parts = objective.gradient_terms(x)
    _, grad = objective(x)
    assert list(parts) == list(objective.terms)
    np.testing.assert_allclose(sum(parts.values()), grad, rtol=1e-10, atol=1e-10)
    # each is the gradient of its own term
    direction = np.random.default_rng(8).standard_normal(x.shape)
    up, down = x + 1e-6 * direction, x - 1e-6 * direction
    objective(up)
    above = dict(objective.terms)
    objective(down)
    for term, part in parts.items():
        slope = (above[term] - objective.terms[term]) / 2e-6
        assert slope == pytest.approx((part * direction).sum(), rel=1e-5), term


@pytest.mark.parametrize("pool", ["avg", "max"])
def test_the_gradient_of_the_real_network_along_random_directions(pool):
    rng = np.random.default_rng(10)
    content, style, x = (rng.uniform(-120, 130, (1, 33, 40, 3)) for _ in range(3))
    vgg = VGG.load(pool=pool, dtype=np.float64)
    objective = Objective(vgg, content, style, alpha=1, beta=1e3, tv_weight=10)
    _, grad = objective(x)
    for _ in range(3):
        direction = rng.standard_normal(x.shape)
        slope = (objective(x + 1e-6 * direction)[0] - objective(x - 1e-6 * direction)[0]) / 2e-6
        assert slope == pytest.approx((grad * direction).sum(), rel=1e-5)


def test_a_loss_may_not_run_the_network_that_it_is_measured_with():
    vgg = VGG.random((4, 8), np.random.default_rng(0))
    x = np.random.default_rng(1).standard_normal((1, 8, 8, 3))

    def own_loss(a, target):
        vgg.forward(x + 1, ["relu1_1"])
        return content_loss(a, target)

    losses = Losses(content_loss=own_loss)
    objective = Objective(vgg, x, x, beta=0.0, content_layers={"relu1_1": 1.0}, losses=losses)
    with pytest.raises(SettingError, match="a loss has called forward of the network that it is"):
        objective(x)
