import numpy as np
import pytest

from nst_numpy.errors import GradientError, SettingError, ShapeError
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


@pytest.mark.parametrize(
    ("x", "grad", "options", "name"),
    [
        (np.ones(3), np.ones(3), {"directions": 0}, "nothing-compared"),
        (np.ones((0, 3)), np.ones((0, 3)), {}, "nothing-compared"),
        (np.ones(3), np.array([1, np.nan, 1]), {}, "not-finite"),
        (np.array([1, np.inf, 1]), np.ones(3), {}, "not-finite"),
        (np.ones(3), 1.0, {}, "shape"),
        (np.ones(3), None, {}, "not-an-array"),
    ],
)
def test_what_cannot_be_compared_does_not_pass(x, grad, options, name):
    report = check_directions(lambda v: v.sum(), x, grad, **options)
    assert not report.ok
    assert report.diagnosis.name == name
    with pytest.raises(GradientError):
        report.raise_if_wrong()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_one_slope_that_is_nan_does_not_pass(value):
    calls = []

    def f(v):
        calls.append(v)
        return value if len(calls) == 3 else v.sum()

    report = check_directions(f, np.ones(4), np.ones(4))
    assert not report.ok
    assert report.diagnosis.name == "not-finite"
    assert report.diagnosis.evidence == "1 of 5 slopes are"
    assert "nan" not in report._message()


@pytest.mark.parametrize("bad", [-1, 2.5, None])
def test_options_that_cannot_work(bad):
    with pytest.raises(SettingError, match="directions must be a whole number of at least 0"):
        check_directions(cubes, np.ones(2), np.ones(2), directions=bad)
    with pytest.raises(SettingError, match="step must be"):
        check_directions(cubes, np.ones(2), np.ones(2), step=0)


def test_it_says_which_error_of_one_entry_it_notices():
    # the length of a gradient of 3s is 30 for 100 entries; each slope is a sum of ±3
    x = np.ones(100)
    report = check_directions(cubes, x, 3 * x**2)
    words = str(report)
    row = report.arguments["directions"]
    seen = 1e-5 * max(30, np.abs(row.analytic_map).min())
    assert f"one wrong entry of the 100 is noticed if it is off by more than {seen:.2g};" in words
    assert "with probability 96.88 % or more" in words  # 1 - 1/2⁵
    for factor, ok in ((0.8, True), (1.3, False)):
        grad = 3 * x**2
        grad[71] += factor * seen
        assert check_directions(cubes, x, grad).ok is ok


def test_a_jump_of_the_second_derivative_is_no_mistake():
    def f(v):
        return (np.maximum(v, 0) ** 2).sum()

    x = np.linspace(-1e-6, 1e-6, 1001)
    assert check_directions(f, x, 2 * np.maximum(x, 0)).ok
    assert not check_directions(f, x, 2.01 * np.maximum(x, 0)).ok


def test_a_step_that_leaves_the_domain_is_shortened():
    x = np.array([1e-9, 0.5, 2.0])
    assert check_directions(lambda v: np.log(v).sum(), x, 1 / x).ok
    wrong = check_directions(lambda v: np.log(v).sum(), x, 2 / x)
    assert wrong.diagnosis.name == "factor"


@pytest.mark.parametrize("at", [1.0, 300.0])
def test_where_no_step_is_inside_of_the_domain_nothing_passes(at):
    x = np.full(3, at)
    report = check_directions(lambda v: np.nan if (v != at).any() else 1.0, x, np.ones(3))
    assert report.diagnosis.name == "not-finite"
    assert "nan" not in "".join(report.notes)


def test_a_random_f_does_not_pass():
    rng = np.random.default_rng(0)
    report = check_directions(lambda v: rng.random(), np.ones(3), np.ones(3))
    assert report.diagnosis.name == "random"
