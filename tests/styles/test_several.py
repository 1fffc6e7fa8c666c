import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.losses import Losses, find_neighbours, gaussian, gram_matrix, style_loss
from nst_numpy.objective import Objective
from nst_numpy.styles import Painting, Regions, kinds
from nst_numpy.styles.kinds import coarse_grid
from nst_numpy.training.sequential import Conv
from tests.small_networks import net_of, samples
from tests.styles.test_kinds import KINDS, OPTIONS, objective_of, pictures, tiny

SIZES, STYLE_SIZES = (9, 11), (16, 15)


@pytest.fixture
def small_units(monkeypatch):
    """Let no term drown in another's digits; let few positions not curve J too much to measure."""
    monkeypatch.setattr(gaussian, "RIDGE", 1e-2)
    monkeypatch.setattr(kinds, "GAUSSIAN_UNIT", 3.0)
    monkeypatch.setattr(kinds, "COSINE_UNIT", 2.0)


def masks(seed=0):
    """Soft masks of the generated picture and of the painting, with a part where nothing counts."""
    rng = np.random.default_rng(seed)
    content, style = rng.uniform(0, 1, SIZES), rng.uniform(0, 1, STYLE_SIZES)
    content[:, :5], style[:6] = 0, 0
    return content, style


def two_paintings(style, seed=3):
    """One with both masks, the other whole in half of the picture."""
    content_mask, style_mask = masks()
    other = np.random.default_rng(seed).uniform(-1, 1, (1, 12, 10, 3)).astype(style.dtype)
    return [
        Painting(style, 0.7, Regions(content_mask, style_mask)),
        Painting(other, 0.3, Regions(1 - content_mask)),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_with_several_paintings_and_soft_masks(kind, small_units):
    content, style, x = pictures()
    objective = objective_of(kind, content, two_paintings(style))
    value, grad = objective(x)
    assert value == sum(objective.terms.values())
    check_gradient(lambda v: objective(v)[0], x, grad).raise_if_wrong()
    alone = sum(objective.gradient_terms(x).values())
    np.testing.assert_allclose(alone, grad, rtol=0, atol=1e-12 * np.abs(grad).max())


@pytest.mark.parametrize("kind", KINDS)
def test_signals_have_regions_too(kind, small_units):
    shape = (13, 2)
    net = net_of(input_shape=shape)
    content, style, x = (samples(net, 1, seed) for seed in (1, 2, 3))
    mask = np.random.default_rng(4).uniform(0, 1, shape[:-1])
    paintings = [Painting(style, 1.0, Regions(mask, 1 - mask)), Painting(content + 1)]
    objective = Objective(
        net, content, paintings, content_layers={"relu2": 1}, beta=1e2,
        style_layers={"relu1": 1, "relu2": 2}, style_loss=kind,
    )  # fmt: skip
    check_gradient(lambda v: objective(v)[0], x, objective(x)[1]).raise_if_wrong()


@pytest.mark.parametrize("kind", KINDS)
def test_one_whole_painting_is_what_it_was_to_the_bit(kind):
    content, style, x = pictures(dtype=np.float32)
    plain = objective_of(kind, content, style, "fused")
    several = objective_of(kind, content, [Painting(style)], "fused")
    (value, grad), (other, other_grad) = plain(x), several(x)
    assert (value, list(plain.terms)) == (other, list(several.terms))
    np.testing.assert_array_equal(grad, other_grad)


@pytest.mark.parametrize("kind", KINDS)
def test_j_is_the_weighted_sum_over_the_paintings(kind):
    content, style, x = pictures()
    other = pictures(5)[1]
    both = objective_of(kind, content, [Painting(style, 0.7), Painting(other, 0.3)])
    both(x)
    for number, painting, weight in ((1, style, 0.7), (2, other, 0.3)):
        alone = objective_of(kind, content, painting)
        alone(x)
        expected = {
            name.replace("style/", f"style/{number}/"): weight * value
            for name, value in alone.terms.items()
            if name.startswith("style/")
        }
        found = {name: v for name, v in both.terms.items() if name.startswith(f"style/{number}/")}
        assert found == pytest.approx(expected, rel=1e-12)


def test_a_painting_of_weight_nought_keeps_its_number_and_costs_nothing():
    content, style, x = pictures()
    objective = objective_of("gram", content, [Painting(style, 0.0), Painting(style, 1.0)])
    objective(x)
    assert {name.split("/")[1] for name in objective.terms if name.startswith("style/")} == {"2"}
    assert list(objective.style_targets) == [2]


def test_masked_gram_matrices_by_hand():
    # relu1_1 has the grid of the pixels: the mask counts there as it is
    content, style, x = pictures()
    content_mask, style_mask = masks()
    painting = Painting(style, 0.5, Regions(content_mask, style_mask))
    objective = objective_of("gram", content, [painting], beta=7.0, style_layers={"relu1_1": 1.0})
    objective(x)
    of_s, of_x = (tiny().forward(p, ["relu1_1"])["relu1_1"] for p in (style, x))
    difference = (
        gram_matrix(of_x, content_mask) / content_mask.sum()
        - gram_matrix(of_s, style_mask) / style_mask.sum()
    )
    expected = 0.5 * content_mask.mean() * 7 * (difference**2).sum() / (4 * of_x.shape[-1] ** 2)
    assert objective.terms["style/relu1_1"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", ["gram", "wasserstein"])
def test_a_place_is_drawn_as_strongly_in_a_small_region_as_in_the_whole(kind):
    # a picture of two equal halves: in one of them alone, the statistics are those of both
    rng = np.random.default_rng(8)
    half, style = rng.uniform(-1, 1, (1, 8, 8, 3)), rng.uniform(-1, 1, (1, 16, 16, 3))
    x = np.concatenate([half, half], axis=2)
    mask = np.zeros((8, 16))
    mask[:, :8] = 1
    layers = {"style_layers": {"relu1_1": 1.0}, "alpha": 0, "tv_weight": 0}
    grads = []
    for regions in (Regions(), Regions(mask)):
        objective = objective_of(kind, x, [Painting(style, 1.0, regions)], **layers)
        features = objective.vgg.forward(x, ["relu1_1"])
        [(_, _, grad)] = objective.measured_style.terms(features)
        grads.append(grad["relu1_1"])
    # but for the columns where relu1_1 sees the other half or the edge
    tolerance = 0.2 * np.abs(grads[0]).max()
    np.testing.assert_allclose(grads[1][:, :, 1:7], grads[0][:, :, 1:7], rtol=0, atol=tolerance)
    assert not grads[1][:, :, 8:].any()


def test_neighbours_are_found_among_what_counts():
    content, style, x = pictures(4)
    content_mask, style_mask = np.ones(SIZES), np.zeros(STYLE_SIZES)
    style_mask[4:12, 4:12] = 1  # four of the painting's sixteen places
    content_mask[:, :4] = 0
    painting = Painting(style, 1.0, Regions(content_mask, style_mask))
    objective = objective_of("neighbours", content, [painting])
    objective(x)
    measured = objective.measured_style.styles[1]
    places = measured.matches.indices[0]
    assert {*places.ravel()} <= {5, 6, 9, 10}
    # the same by hand, for the places that count: two of three columns
    columns = measured._columns(dict(objective.vgg.forward(x, OPTIONS["style_layers"])), (2, 3))
    painted = measured._measure((4, 4)).reshape(16, -1)[[5, 6, 9, 10]]
    counting = columns[0, :, 1:].reshape(4, -1)
    indices, _ = find_neighbours(counting, painted)
    assert places[:, 1:].ravel().tolist() == np.array([5, 6, 9, 10])[indices].tolist()
    assert coarse_grid((1, *STYLE_SIZES, 3)) == (4, 4)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-11), (np.float32, 1e-3)])
@pytest.mark.parametrize("kind", KINDS)
def test_the_engines_agree(kind, dtype, tolerance):
    content, style, x = pictures(3, dtype)
    plain, fused = (
        objective_of(kind, content, two_paintings(style), engine) for engine in ("plain", "fused")
    )
    (value, grad), (other, other_grad) = plain(x), fused(x)
    assert grad.dtype == other_grad.dtype == dtype
    assert value == pytest.approx(other, rel=tolerance)
    np.testing.assert_allclose(grad, other_grad, rtol=0, atol=tolerance * np.abs(grad).max())


def of_grams(a, target):
    return style_loss(a, target)


def of_activations(a, other):
    return style_loss(a, gram_matrix(other))


@pytest.mark.parametrize(
    "own",
    [
        Losses(gram_matrix=lambda a: gram_matrix(a), style_loss=of_grams),
        Losses(style_loss=of_activations, compares_activations=True),
    ],
)
@pytest.mark.parametrize("given", [(True, False), (False, True), (True, True)])
def test_losses_of_ones_own_need_not_know_of_masks(own, given):
    content, _, x = pictures()
    style, other, _ = (pictures(seed)[0] for seed in (5, 6, 7))  # of the content's sizes
    both = masks()[0], masks(1)[0]
    first = Regions(*(mask if here else None for mask, here in zip(both, given, strict=True)))
    paintings = [Painting(style, 0.6, first), Painting(other, 0.4)]
    value, grad = objective_of("gram", content, paintings)(x)
    mine, my_grad = objective_of("gram", content, paintings, losses=own)(x)
    assert mine == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(my_grad, grad, rtol=0, atol=1e-12 * np.abs(grad).max())


def test_what_is_refused():
    content, style, _ = pictures()
    with pytest.raises(SettingError, match="no painting counts: give one of them a weight above"):
        objective_of("gram", content, [Painting(style, 0.0)])
    with pytest.raises(ShapeError, match=r"a mask of shape \(3, 3\) is none of a picture"):
        objective_of("gram", content, [Painting(style, 1.0, Regions(np.ones((3, 3))))])


# what J cannot fall below


@pytest.mark.parametrize("kind", ["gram", "wasserstein"])
def test_no_picture_is_below_the_floor(kind):
    content, style, x = pictures()
    paintings = [Painting(style, 0.7), Painting(pictures(5)[1], 0.3)]
    objective = objective_of(kind, content, paintings, alpha=0, tv_weight=0)
    assert objective.floor > 0
    for picture in (x, content):
        assert objective(picture)[0] > objective.floor
    assert objective_of(kind, content, style).floor == 0
    assert objective_of(kind, content, two_paintings(style)).floor == 0


def test_the_floor_of_gram_matrices_is_reached_at_their_mean():
    # at a picture that is half one painting and half the other, seen by a layer of single pixels
    net = net_of([Conv(3, 1)], input_shape=(12, 3))
    one, two = (samples(net, 1, seed) for seed in (1, 2))
    x = np.concatenate([one, two], axis=1)
    objective = Objective(
        net, x, [Painting(one), Painting(two)], alpha=0, content_layers={"conv1": 1},
        style_layers={"conv1": 1},
    )  # fmt: skip
    assert objective(x)[0] == pytest.approx(objective.floor, rel=1e-9)


def test_neighbours_have_no_floor_that_is_known():
    content, style, _ = pictures()
    assert objective_of("neighbours", content, [Painting(style), Painting(-style)]).floor == 0
