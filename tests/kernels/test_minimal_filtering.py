import numpy as np
import pytest

from nst_numpy.kernels.minimal_filtering import POINTS, filtering

CASES = [(4, 3), (2, 5), (4, 5), (4, 7), (6, 3)]


@pytest.mark.parametrize(("tile", "taps"), CASES)
def test_the_matrices_compute_a_tile_of_outputs(tile, taps):
    rng = np.random.default_rng(0)
    f = filtering(tile, taps)
    d, g = rng.standard_normal(f.points), rng.standard_normal(taps)
    y = f.A_T.astype(float) @ ((f.G @ g) * (f.B_T.astype(float) @ d))
    assert y.shape == (tile,)
    np.testing.assert_allclose(y, np.correlate(d, g), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("tile", "taps"), CASES)
def test_flipping_the_filter_reverses_its_transform_where_points_come_in_pairs(tile, taps):
    f = filtering(tile, taps)
    g = np.random.default_rng(1).standard_normal(taps)
    assert np.allclose(f.G @ g[::-1], (f.G @ g)[::-1], rtol=1e-9) == f.pairs
    assert f.pairs == (f.points != 8)


def test_four_outputs_of_three_taps_by_hand():
    """a = 2/3 and b = 3/2, whose product is 1; s = a² + b² and c = 1 / (2b² − 2a²)."""
    a, b = 2 / 3, 3 / 2
    s, c = a**2 + b**2, 1 / (2 * b**2 - 2 * a**2)
    f = filtering(4, 3)
    assert list(map(float, POINTS[6])) == [a, -a, -b, b]
    np.testing.assert_allclose(f.G[1], [c * b, c, c * a])
    np.testing.assert_allclose(f.G[4], [c * a, c, c * b])
    np.testing.assert_allclose(f.B_T[0], [1, 0, -s, 0, 1, 0], rtol=1e-6)
    np.testing.assert_allclose(f.B_T[1], [0, b**2, b**3, -1, -b, 0], rtol=1e-6)
    np.testing.assert_allclose(f.A_T[3], [0, a**3, -(a**3), -(b**3), b**3, 1], rtol=1e-6)
