"""J of five programs, written again from their sources, and the way from one to another."""

import itertools

import numpy as np
import pytest

import nst_numpy as nst
from nst_numpy.conventions import CONTENT_LAYERS, CONVENTIONS, KINDS, convert, half_variation
from nst_numpy.errors import SettingError, ShapeError, UnknownNameError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.losses import Losses
from nst_numpy.objective import Coefficients, Objective
from nst_numpy.settings import Settings
from nst_numpy.style_transfer import Run
from nst_numpy.styles import STYLE_LAYERS
from nst_numpy.vgg import VGG

CONTENT, STYLE = "relu4_2", list(STYLE_LAYERS)
EQUAL = {"rel": 1e-6}


def tiny(pool="avg"):
    rng = np.random.default_rng(4)
    return VGG.random((3, 4, 5, 6, 7), rng, convolutions=(1, 1, 1, 2, 2), pool=pool)


def pictures(seed=0, style_shape=(37, 34)):
    """Photograph, painting and a picture: 37×34, so that pools round."""
    rng = np.random.default_rng(seed)
    shapes = ((37, 34), style_shape, (37, 34))
    return [rng.uniform(-110, 130, (1, *shape, 3)) for shape in shapes]


def activations(vgg, x, names):
    """Activations as Torch has them, (C, H, W)."""
    return {name: a[0].transpose(2, 0, 1) for name, a in vgg.forward(x, names).items()}


def our_j(convention, vgg, content, style, x, **options):
    return Objective(vgg, content, style, convention=convention, **options)(x)[0]


# the five programs. Activations of x, of the photograph c and of the painting s, by layer


def the_courses_j(x, c, s, alpha, beta):
    """deeplearning.ai, "Art generation with neural style transfer": its three cost functions."""
    n_c, n_h, n_w = x[CONTENT].shape
    j_content = np.sum((c[CONTENT] - x[CONTENT]) ** 2) / (4 * n_h * n_w * n_c)
    j_style = 0.0
    for name in STYLE:
        n_c, n_h, n_w = x[name].shape
        f_s, f_g = (a[name].reshape(n_c, n_h * n_w) for a in (s, x))
        squares = np.square(f_s @ f_s.T - f_g @ f_g.T)
        j_style += 0.2 * squares.sum() / (4 * n_c**2 * (n_h * n_w) ** 2)
    return alpha * j_content + beta * j_style


def the_papers_j(x, c, s, alpha, beta):
    """Gatys, Ecker and Bethge, arXiv 1508.06576v2, equations 1 and 3 to 5 and 7; w = 1/5."""
    f, p = x[CONTENT].ravel(), c[CONTENT].ravel()
    total = alpha * 0.5 * sum((f[i] - p[i]) ** 2 for i in range(len(f)))
    for name in STYLE:
        n = len(x[name])
        f, a = x[name].reshape(n, -1), s[name].reshape(n, -1)
        m = f.shape[1]
        e = sum(
            (f[i] @ f[j] - a[i] @ a[j]) ** 2 for i in range(n) for j in range(n)
        ) / (4 * n**2 * m**2)  # fmt: skip
        total += beta * e / 5
    return total


def neural_styles_j(x, c, s, content_weight, style_weight):
    """jcjohnson/neural-style, neural_style.lua at d58853c, and neural-style-pt at e3a099a.

    Its loss is what is printed; the total variation is in its gradient alone.
    """
    loss = content_weight * np.mean((x[CONTENT] - c[CONTENT]) ** 2)  # nn.MSECriterion
    for name in STYLE:
        grams = []
        for a in (x[name], s[name]):
            flat = a.reshape(a.shape[0], -1)
            grams.append(flat @ flat.T / a.size)  # div(input:nElement())
        loss += style_weight * np.mean((grams[0] - grams[1]) ** 2)
    return loss


def kerass_j(x, c, s, content_weight, style_weight, tv_weight, picture):
    """Keras, examples/generative/neural_style_transfer.py of keras-io at 0896b2e."""
    _, rows, columns, _ = picture.shape
    loss = content_weight * np.sum((x[CONTENT] - c[CONTENT]) ** 2)
    for name in STYLE:
        grams = [np.tensordot(a, a, axes=((1, 2), (1, 2))) for a in (s[name], x[name])]
        style = np.sum((grams[0] - grams[1]) ** 2) / (4.0 * 3**2 * (rows * columns) ** 2)
        loss += style_weight / len(STYLE) * style
    a = (picture[:, : rows - 1, : columns - 1] - picture[:, 1:, : columns - 1]) ** 2
    b = (picture[:, : rows - 1, : columns - 1] - picture[:, : rows - 1, 1:]) ** 2
    return loss + tv_weight * np.sum((a + b) ** 1.25)


def athalyes_j(x, c, s, content_weight, style_weight, blend=0.7, exponent=1.5):
    """anishathalye/neural-style, stylize.py at 45dd5c4, one style, without total variation."""
    loss = 0.0
    for name, share in (("relu4_2", blend), ("relu5_2", 1 - blend)):
        l2 = np.sum((x[name] - c[name]) ** 2) / 2  # tf.nn.l2_loss
        loss += share * content_weight * (2 * l2 / c[name].size)
    weights = exponent ** np.arange(5.0)
    for name, weight in zip(STYLE, weights / weights.sum(), strict=True):
        rows = [np.moveaxis(a[name], 0, -1).reshape(-1, len(a[name])) for a in (x, s)]
        ours, theirs = (f.T @ f / f.size for f in rows)
        l2 = np.sum((ours - theirs) ** 2) / 2
        loss += style_weight * weight * 2 * l2 / theirs.size
    return loss


@pytest.fixture(params=["tiny", pytest.param("VGG-16", marks=pytest.mark.slow)])
def network(request):
    return tiny() if request.param == "tiny" else VGG.load(dtype=np.float64)


def named(alpha, beta, tv_weight=0.0):
    return {"alpha": alpha, "beta": beta, "tv_weight": tv_weight}


def measured(vgg, *style_shape):
    content, style, x = pictures(1, style_shape or (37, 34))
    names = [*STYLE, CONTENT, "relu5_2"]
    return (content, style, x), [activations(vgg, p, names) for p in (x, content, style)]


# the defaults of each program, and each part alone: in a sum the larger would hide the smaller


@pytest.mark.parametrize("weights", [(10, 40), (10, 0), (0, 40)])
def test_the_j_of_the_courses_assignment(network, weights):
    of_pictures, of_layers = measured(network)
    j = our_j("coursera", network, *of_pictures, **named(*weights))
    assert j == pytest.approx(the_courses_j(*of_layers, *weights), **EQUAL)


@pytest.mark.parametrize("weights", [(1e-3, 1), (1e-3, 0), (0, 1)])
@pytest.mark.parametrize("convention", ["gatys", "lecture"])
def test_the_j_of_the_paper(convention, weights):
    vgg = tiny()
    of_pictures, of_layers = measured(vgg)
    j = our_j(convention, vgg, *of_pictures, **named(*weights))
    assert j == pytest.approx(the_papers_j(*of_layers, *weights), **EQUAL)


@pytest.mark.parametrize("weights", [(5, 100), (5, 0), (0, 100)])
@pytest.mark.parametrize("style_shape", [(37, 34), (33, 48)])
def test_the_j_of_neural_style(network, style_shape, weights):
    of_pictures, of_layers = measured(network, *style_shape)
    j = our_j("johnson", network, *of_pictures, **named(*weights))
    assert j == pytest.approx(neural_styles_j(*of_layers, *weights), **EQUAL)


@pytest.mark.parametrize("weights", [(2.5e-8, 1e-6, 1e-6), (1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_the_j_of_kerass_example(network, weights):
    of_pictures, of_layers = measured(network)
    j = our_j("keras", network, *of_pictures, **named(*weights))
    assert j == pytest.approx(kerass_j(*of_layers, *weights, of_pictures[2]), **EQUAL)


@pytest.mark.parametrize("weights", [(5, 500), (5, 0), (0, 500)])
def test_the_j_of_athalyes_neural_style(network, weights):
    of_pictures, of_layers = measured(network, 33, 48)
    shares = 1.5 ** np.arange(5.0)
    layers = {
        "content_layers": {"relu4_2": 0.7, "relu5_2": 0.3},
        "style_layers": dict(zip(STYLE, shares / shares.sum(), strict=True)),
    }
    j = our_j("johnson", network, *of_pictures, **named(*weights), **layers)
    assert j == pytest.approx(athalyes_j(*of_layers, *weights), **EQUAL)


def test_the_total_variation_of_neural_style_is_that_of_its_gradient():
    x = np.random.default_rng(3).standard_normal((1, 5, 6, 3))
    expected = np.zeros_like(x)
    for i, j in itertools.product(range(4), range(5)):
        x_diff, y_diff = x[:, i, j] - x[:, i, j + 1], x[:, i, j] - x[:, i + 1, j]
        expected[:, i, j] += x_diff + y_diff
        expected[:, i, j + 1] -= x_diff
        expected[:, i + 1, j] -= y_diff
    value, grad = half_variation(x)
    np.testing.assert_allclose(grad, expected, atol=1e-12)
    assert check_gradient(lambda v: half_variation(v)[0], x, expected).ok
    assert value > 0


# what it is for J


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_gradient_is_that_of_the_value(convention):
    content, style, x = pictures(5)
    layers = {"content_layers": {"relu2_1": 1.0}, "style_layers": {"relu1_1": 0.3, "relu2_1": 0.6}}
    weights = {"alpha": 1.0, "beta": 3.0, "tv_weight": 1e-3}
    cut = [p[:, :7, :8] / 100 for p in (content, style, x)]
    objective = Objective(tiny(), cut[0], cut[1], convention=convention, **layers, **weights)
    _, grad = objective(cut[2])
    check_gradient(lambda v: objective(v)[0], cut[2], grad).raise_if_wrong()


def test_the_factors_of_the_lecture_and_the_paper_are_1():
    assert {kind.content(6, 5, 80) for kind in (KINDS["lecture"], KINDS["gatys"])} == {1.0}
    assert {kind.style(6, 5, 80) for kind in (KINDS["lecture"], KINDS["gatys"])} == {1.0}


def test_style_weights_of_neural_style_are_not_shared_out():
    assert Coefficients(beta=100, convention="johnson").style == dict.fromkeys(STYLE, 100.0)
    given = Coefficients(beta=100, convention="johnson", style_layers={"relu1_1": 0.5})
    assert given.style == {"relu1_1": 50.0}
    assert Settings(convention="johnson").style_layers == dict.fromkeys(STYLE, 1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"convention": "jonson"}, "unknown convention 'jonson': did you mean johnson?"),
        ({"convention": "x"}, "unknown convention 'x': choose from lecture, gatys, coursera,"),
        ({"convention": 3}, "unknown convention 3: choose from lecture, "),
        ({"convention": "keras", "style_loss": "wasserstein"},
         "convention 'keras' says what Gram matrices are divided by, and cannot be used with "
         "style_loss 'wasserstein': leave out one of the two"),
    ],
)  # fmt: skip
def test_what_it_says_of_a_convention_that_cannot_be(options, message):
    for door in (Coefficients, Settings):
        with pytest.raises(SettingError) as caught:
            door(**options)
        assert str(caught.value).startswith(message)


def test_losses_of_your_own_have_their_own_factors():
    content, style, _ = pictures()
    layers = {"content_layers": {"relu1_1": 1}, "style_layers": {"relu1_1": 1}}
    Objective(tiny(), content, style, **layers, losses=Losses())
    with pytest.raises(SettingError, match="cannot be used with losses of your own"):
        Objective(tiny(), content, style, **layers, losses=Losses(), convention="gatys")


# β at a scale


def run(convention, **settings):
    rng = np.random.default_rng(6)
    images = [rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(2)]
    given = {"size": 64, "scales": 2, "margin": 0, "iterations": 2} | settings
    return Run(Settings(convention=convention, **given), tiny(), *images)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_beta_grows_with_the_picture_where_content_is_a_sum(convention):
    job = run(convention, beta=80.0)
    assert job.beta(1) == pytest.approx(80)
    assert job.beta(0) == pytest.approx(80 if convention in ("coursera", "johnson") else 20)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_strength_weighs_content_and_style_alike_in_each(convention):
    shares = []
    for name in ("lecture", convention):
        job = run(name, strength=50.0)
        for scale in (0, 1):
            x = (job.x(job.content, scale) + job.x(job.style, scale)) / 2
            terms = job.objective(scale).measure(x)
            styles = [value for term, value in terms.items() if term.startswith("style/")]
            shares.append(np.exp(np.mean(np.log(styles))) / terms[f"content/{CONTENT}"])
    np.testing.assert_allclose(shares[2:], shares[:2], rtol=1e-6)


# from one to another


@pytest.mark.parametrize(("source", "target"), list(itertools.product(CONVENTIONS, CONVENTIONS)))
def test_a_conversion_keeps_j_and_the_sum_of_lambda(source, target):
    vgg, (content, style, x) = tiny(), pictures(7, (33, 48))
    given = {
        "alpha": 0.7, "beta": 30.0,
        "content_layers": {"relu3_1": 0.4, "relu4_2": 1.0},
        "style_layers": {"relu1_1": 0.3, "relu3_1": 0.0, "relu5_1": 2.0},
    }  # fmt: skip
    found = convert(source, target, **given, size=(37, 34), network=vgg)
    assert our_j(source, vgg, content, style, x, **given) == pytest.approx(
        Objective(vgg, content, style, **found)(x)[0], rel=1e-12
    )
    for name in ("content_layers", "style_layers"):
        assert sum(found[name].values()) == pytest.approx(sum(given[name].values()))
    back = convert(target, source, **{k: found[k] for k in given}, size=(37, 34), network=vgg)
    assert back["beta"] == pytest.approx(30.0)


def test_neural_styles_defaults_at_512_pixels_by_hand():
    found = nst.conventions.convert("johnson", "lecture", alpha=5, beta=100, size=512)
    assert found["alpha"] == pytest.approx(5 * 2 / (64 * 64 * 512))
    assert found["content_layers"] == CONTENT_LAYERS
    expected = {n: 100 * (2 / c) ** 2 for n, c in zip(STYLE, (64, 128, 256, 512, 512), strict=True)}
    got = {name: found["beta"] * weight for name, weight in found["style_layers"].items()}
    assert got == pytest.approx(expected)
    assert Settings(**found).convention == "lecture"


def test_where_one_beta_exists_lambda_stay():
    found = convert("coursera", "gatys", alpha=10, beta=40, size=(300, 400))
    assert (found["beta"], found["style_layers"]) == (40.0, STYLE_LAYERS)
    assert found["alpha"] == pytest.approx(10 / (2 * 37 * 50 * 512))
    assert convert("keras", "keras", alpha=3, beta=4, size=64)["alpha"] == 3


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"source": "keras2"}, SettingError, "did you mean keras"),
        ({"alpha": -1}, SettingError, "alpha must be a finite number of at least 0, not -1"),
        ({"size": (3, 4, 5)}, SettingError, "size must be one number of pixels, or height and"),
        ({"size": 0}, SettingError, "size must be at least 1 pixels, not 0"),
        ({"size": 9.5}, SettingError, "size must be one number of pixels, or height and width"),
        ({"size": 8}, ShapeError, "use a larger input"),
        ({"style_layers": {"relu1_9": 1}}, UnknownNameError, "unknown layer 'relu1_9'"),
        ({"style_layers": {"relu1_1": None}}, SettingError, "the weight of relu1_1 must be"),
    ],
)
def test_what_it_says_of_bad_input(changed, error, message):
    given = {"source": "johnson", "target": "lecture", "alpha": 1, "beta": 1, "size": 64} | changed
    with pytest.raises(error) as caught:
        convert(given.pop("source"), given.pop("target"), **given)
    assert message in str(caught.value)
