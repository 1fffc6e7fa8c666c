import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.look import (
    compare_grams,
    fires_together,
    gram_report,
    similar_order,
)
from nst_numpy.losses import gram_matrix, style_loss
from nst_numpy.objective import Objective
from nst_numpy.vgg import VGG


def activation(seed=0, shape=(1, 7, 9, 6)):
    return np.maximum(np.random.default_rng(seed).standard_normal(shape), 0)


def test_the_map_of_two_channels_adds_up_to_their_entry_of_the_gram_matrix():
    a = activation()
    gram = gram_matrix(a)
    for first, second in ((0, 1), (5, 2), (3, 3)):
        together = fires_together(a, first, second)
        assert together.shape == (7, 9)
        assert together.sum() == pytest.approx(gram[first, second], rel=1e-12)
    np.testing.assert_array_equal(fires_together(a, 0, 1)[2, 3], a[0, 2, 3, 0] * a[0, 2, 3, 1])


def test_independent_channels_are_as_expected():
    # every value of one channel meets every value of the other equally often
    one, other = np.meshgrid([1.0, 2.0, 6.0], [0.0, 5.0])
    report = gram_report(np.stack([one, other, one + other], axis=-1)[None])
    assert report.expected[0, 1] == pytest.approx(report.gram[0, 1])
    assert report.correlation[0, 1] == pytest.approx(0, abs=1e-12)
    assert report.correlation[0, 2] > 0.5


def test_the_report_agrees_with_its_formulas_and_with_numpy():
    a = activation()
    report = gram_report(a)
    f = a.reshape(-1, 6)
    np.testing.assert_allclose(report.gram, f.T @ f)
    np.testing.assert_allclose(report.expected, 63 * np.outer(f.mean(axis=0), f.mean(axis=0)))
    np.testing.assert_allclose(report.correlation, np.corrcoef(f.T), atol=1e-12)
    std = f.std(axis=0)
    formula = (report.gram - report.expected) / (63 * np.outer(std, std))
    np.testing.assert_allclose(report.correlation, formula, atol=1e-12)
    assert report.positions == 63


def test_pairs_are_ranked_and_each_appears_once():
    report = gram_report(activation())
    upper = np.triu_indices(6, k=1)
    strongest = report.strongest(100)
    assert [p.gram for p in strongest] == sorted(report.gram[upper], reverse=True)
    assert all(p.first < p.second for p in strongest)
    assert len({(p.first, p.second) for p in strongest}) == 15
    assert strongest[0].ratio == pytest.approx(strongest[0].gram / strongest[0].expected)
    above, below = report.more_than_chance(2), report.less_than_chance(2)
    assert [p.correlation for p in above] == sorted(report.correlation[upper])[:-3:-1]
    assert [p.correlation for p in below] == sorted(report.correlation[upper])[:2]
    with pytest.raises(SettingError, match="at least 1, not 0"):
        report.strongest(0)


def test_a_channel_that_never_fires_is_correlated_with_nothing():
    a = activation()
    a[..., 2] = 0
    report = gram_report(a)
    assert not report.correlation[2].any()
    pair = next(p for p in report.strongest(15) if 2 in (p.first, p.second))
    assert np.isnan(pair.ratio)
    assert sorted(similar_order(report)) == list(range(6))


def test_channels_that_fire_together_become_neighbours():
    a = activation()
    a[..., 4] = 2 * a[..., 1] + 0.01 * a[..., 4]
    order = similar_order(gram_report(a))
    assert abs(order.index(4) - order.index(1)) == 1
    assert similar_order(gram_report(a[..., :1])) == [0]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_parts_of_all_pairs_add_up_to_the_style_loss(dtype):
    a, other = activation().astype(dtype), activation(1, (1, 5, 4, 6)).astype(dtype)
    difference = compare_grams(a, other)
    value, _ = style_loss(a, gram_matrix(other) * dtype(63 / 20))
    assert difference.value == pytest.approx(value, rel=1e-13)
    pairs = difference.largest(1000)
    assert len(pairs) == 21
    assert sum(p.loss for p in pairs) == pytest.approx(value, rel=1e-13)
    assert sum(p.share for p in pairs) == pytest.approx(1)
    assert [p.loss for p in pairs] == sorted((p.loss for p in pairs), reverse=True)
    own = sum(p.share for p in pairs if p.first == p.second)
    assert difference.diagonal_share == pytest.approx(own)


def test_the_comparison_is_what_the_objective_computes():
    vgg = VGG.random((3, 4), np.random.default_rng(0))
    rng = np.random.default_rng(1)
    x, style = rng.standard_normal((1, 12, 10, 3)), rng.standard_normal((1, 9, 14, 3))
    objective = Objective(vgg, x, style, beta=1.0, alpha=0.0, style_layers={"relu2_1": 1.0})
    value, _ = objective(x)
    maps = [vgg.forward(p, ["relu2_1"])["relu2_1"] for p in (x, style)]
    assert compare_grams(*maps).value == pytest.approx(value, rel=1e-12)


def test_a_picture_does_not_differ_from_itself():
    difference = compare_grams(activation(), activation())
    assert difference.value == difference.diagonal_share == 0
    assert difference.largest(1)[0].share == 0


def test_what_does_not_fit_is_refused():
    a = activation()
    with pytest.raises(SettingError, match="channels 0 to 5: there is no channel 6"):
        fires_together(a, 0, 6)
    with pytest.raises(SettingError, match="no channel -1"):
        fires_together(a, -1, 0)
    with pytest.raises(ShapeError, match="one picture"):
        fires_together(activation(shape=(2, 4, 4, 3)), 0, 1)
    with pytest.raises(ShapeError, match="no empty axis"):
        gram_report(np.zeros((1, 0, 4, 3)))
    with pytest.raises(ShapeError, match="as many channels"):
        compare_grams(a, activation(shape=(1, 7, 9, 5)))
