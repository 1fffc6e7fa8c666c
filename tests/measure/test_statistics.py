import numpy as np
import pytest

from nst_numpy.measure import statistics
from nst_numpy.pictures import load_image
from nst_numpy.pictures.samples import sample_path
from tests.pictures.made import picture_of


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def cat():
    return load_image(sample_path("chelsea"), size=128)


def test_feature_distance_looks_at_each_channel_about_its_mean(rng):
    a = rng.standard_normal((1, 6, 5, 3))
    assert statistics.feature_distance(a, a) == pytest.approx(0, abs=1e-12)
    assert statistics.feature_distance(a, 3 * a + [5, -2, 7]) == pytest.approx(0, abs=1e-12)
    assert statistics.feature_distance(a, -a) == pytest.approx(2)
    for seed in range(20):  # a rounding below 0 would be printed as -0.000
        same = np.random.default_rng(seed).standard_normal((1, 6, 5, 3))
        assert statistics.feature_distance(same, same) >= 0
    far = statistics.feature_distance(a, rng.standard_normal(a.shape))
    assert 0.6 < far < 1.4


def test_distances_of_what_is_constant_are_0_to_itself_and_1_to_all_else(rng):
    a, flat = rng.standard_normal((1, 6, 5, 3)), np.ones((1, 6, 5, 3))
    for distance in (statistics.feature_distance, statistics.self_similarity_distance):
        assert distance(flat, flat) == 0
        assert distance(flat, a) == 1


def test_structural_dissimilarity_by_hand(cat):
    assert statistics.structural_dissimilarity(cat, cat) == 0
    # constant pictures differ in their means alone: (2xy + c) / (x² + y² + c)
    dark, light = (np.full((64, 64, 3), value, np.uint8) for value in (100, 200))
    floor = (0.01 * 255) ** 2
    expected = 1 - (2 * 100 * 200 + floor) / (100**2 + 200**2 + floor)
    assert statistics.structural_dissimilarity(dark, light) == pytest.approx(expected)
    assert statistics.structural_dissimilarity(cat, 255 - cat) > 1


def test_self_similarity_stays_when_channels_change_places(rng):
    a = np.abs(rng.standard_normal((1, 12, 12, 6)))
    assert statistics.self_similarity_distance(a, 5 * a[..., ::-1]) == pytest.approx(0, abs=1e-12)
    moved = np.roll(a, 3, axis=1)
    assert statistics.self_similarity_distance(a, moved) > 0.5


def test_unit_length_keeps_the_direction_and_leaves_0(rng):
    a = np.abs(rng.standard_normal((1, 4, 5, 3))).astype(np.float32)
    a[0, 1, 2] = 0
    unit = statistics.unit_length(a)
    expected = np.ones((1, 4, 5))
    expected[0, 1, 2] = 0
    assert np.linalg.norm(unit, axis=-1) == pytest.approx(expected)
    assert unit[0, 0, 0] * np.linalg.norm(a[0, 0, 0]) == pytest.approx(a[0, 0, 0])
    assert unit.dtype == np.float32


def test_the_sliced_distance_by_hand(rng):
    points = rng.standard_normal((700, 4))
    directions = statistics.draw_directions(4, rng, points.dtype)
    assert np.linalg.norm(directions, axis=0) == pytest.approx(1)
    step = np.array([1.0, 0, 2, 0])
    # moved by a step, every quantile of a direction moves by the step's part along it
    expected = np.square(step @ directions).mean()
    assert statistics.sliced_distance(points, points + step, directions) == pytest.approx(expected)
    shuffled = rng.permutation(points)
    assert statistics.sliced_distance(points, shuffled, directions) == pytest.approx(0, abs=1e-12)


def test_quantiles_are_those_of_numpy(rng):
    values = rng.standard_normal((37, 3)).astype(np.float32)
    levels = (np.arange(512) + 0.5) / 512
    np.testing.assert_allclose(
        statistics._quantiles(values), np.quantile(values, levels, axis=0).T, rtol=1e-5, atol=1e-6
    )
    assert (statistics._quantiles(np.full((1, 2), 7.0)) == 7).all()


def test_the_pyramid_adds_up_to_the_picture(cat):
    *details, rest = statistics.laplacian_pyramid(cat)
    whole = rest
    for detail in reversed(details):
        sides = [large / small for large, small in zip(detail.shape, whole.shape, strict=True)]
        whole = detail + statistics.zoom(whole, sides, order=1)
    np.testing.assert_allclose(whole, cat, atol=1e-3)
    assert len(details) == 2  # patches of 7 pixels need more than the 21 of a third
    assert statistics.patches_of(rest).shape[1] == 7 * 7 * 3


def test_what_is_copied_is_found_and_plain_patches_do_not_count(cat, rng):
    assert statistics.copied_share(cat[10:60, 20:90], cat) == 1
    assert statistics.copied_share(cat[10:60, 20:90] // 2, cat) == 0
    assert statistics.copied_share(picture_of(rng, 50, 60), cat) == 0
    grey = np.full((40, 40, 3), 128, np.uint8)
    assert statistics.copied_share(grey, grey) == 0
