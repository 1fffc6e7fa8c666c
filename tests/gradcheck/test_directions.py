import numpy as np
import pytest

from nst_numpy.errors import ShapeError
from nst_numpy.gradcheck import check_directions


def cubes(v):
    return (v**3).sum()


def test_directions():
    x = np.random.default_rng(0).standard_normal((20, 30))
    right = check_directions(cubes, x, 3 * x**2)
    assert right.ok
    assert right.arguments["directions"].checked == 5
    wrong = check_directions(cubes, x, x**2)
    assert wrong.diagnosis.name == "factor"
    assert "0.333333 times" in wrong.diagnosis.sentence
    assert check_directions(cubes, x, x**3).diagnosis.name == "unknown"


def test_slopes_by_hand():
    # f = 3 x0 - 2 x1, of one length in all directions (±1, ±1): slopes are ±3 ±2
    grad = np.array([3.0, -2.0])
    report = check_directions(lambda v: v @ grad, np.array([5.0, 7.0]), grad, directions=20)
    row = report.arguments["directions"]
    assert row.shape == (20,)
    assert set(np.abs(row.analytic_map)) == {1.0, 5.0}
    np.testing.assert_allclose(row.numeric_map, row.analytic_map, rtol=1e-8)


def test_errors_are_in_units_of_the_gradients_length_or_of_a_larger_slope():
    # of four entries, all 1, the last is said to be 2: every slope is wrong by 1
    grad = np.array([1.0, 1, 1, 2])
    report = check_directions(lambda v: v.sum(), np.ones(4), grad, directions=20)
    row = report.arguments["directions"]
    np.testing.assert_allclose(np.abs(row.analytic_map - row.numeric_map), 1, rtol=1e-6)
    length = np.sqrt(1 + 1 + 1 + 4)
    larger = np.maximum(np.abs(row.analytic_map), np.abs(row.numeric_map))
    np.testing.assert_allclose(row.error_map, 1 / np.maximum(larger, length), rtol=1e-6)
    assert larger.min() < length < larger.max()
    assert row.wrong == row.checked == 20


def test_where_f_does_not_change_no_factor_is_found_and_nothing_warned_of():
    report = check_directions(lambda v: 1.0, np.ones(3), np.ones(3))
    assert report.diagnosis.name == "unknown"
    assert "inf" in report.diagnosis.evidence


@pytest.mark.parametrize("tolerance", [1e-4, 1e-2])
def test_the_tolerance_decides(tolerance):
    x = np.random.default_rng(0).standard_normal(50)
    assert check_directions(cubes, x, 3 * x**2 * (1 + 1e-3), tolerance=tolerance).ok is (
        tolerance > 1e-3
    )


def test_one_wrong_entry_of_many_is_seen_from_every_direction():
    x = np.linspace(1, 2, 100)
    grad = 3 * x**2
    grad[17] += 1
    report = check_directions(cubes, x, grad, name="cubes")
    assert report.name == "cubes"
    assert report.arguments["directions"].wrong == 5
    assert report.diagnosis.name == "unknown"


def test_the_seed_decides_and_float32_is_followed_in_float64():
    x = np.linspace(0, 1, 30, dtype=np.float32)
    seen = []

    def f(v):
        seen.append(v.dtype)
        return cubes(v)

    once, again, other = (
        check_directions(f, x, 3 * x**2, seed=seed).arguments["directions"].numeric_map.tolist()
        for seed in (1, 1, 2)
    )
    assert once == again != other
    assert set(seen) == {np.dtype(np.float64)}


def test_a_slope_that_rounding_hides_is_called_blind():
    report = check_directions(lambda v: 1e15 + v.sum(), np.ones(3), np.ones(3))
    assert report.ok
    assert report.arguments["directions"].blind == 5


def test_what_is_no_number_is_refused():
    with pytest.raises(ShapeError, match=r"f must return one number, not an array \(3,\)"):
        check_directions(lambda v: v, np.ones(3), np.ones(3))
