import numpy as np
import pytest
from threadpoolctl import threadpool_info

from nst_numpy import optimize
from nst_numpy.errors import NonFiniteError, SettingError, TooLargeError
from nst_numpy.optimize import OPTIMIZERS, run_optimizer


def bowl(factor=1.0):
    """Return an ill-conditioned quadratic with its minimum 0 at x = 3."""
    curvature = np.logspace(0, 3, 30).reshape(1, 2, 5, 3)

    def function(x):
        d = x - 3
        return float(factor * 0.5 * (curvature * d * d).sum()), (factor * curvature * d)

    return function


START = np.full((1, 2, 5, 3), 100.0)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_loss_falls_and_every_iteration_is_recorded(name):
    seen = []
    result = run_optimizer(name, bowl(), START, 30, learning_rate=None, callback=seen.append)
    assert len(result.losses) == len(seen) == 30
    assert [step.iteration for step in seen] == list(range(1, 31))
    assert result.losses[-1] < 0.75 * bowl()(START)[0]
    assert result.losses[-1] == pytest.approx(bowl()(result.x)[0])
    assert (START == 100).all()
    assert result.reason == "iterations"


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_patience_ends_a_run_where_the_loss_hardly_falls_any_more(name):
    def valley(x):
        return float((x**4).sum()) + 1, 4 * x**3

    start = np.full(START.shape, 10.0)
    every = run_optimizer(name, valley, start, 200)
    assert every.reason == "iterations"
    result = run_optimizer(name, valley, start, 200, patience=3)
    n = len(result.losses)
    assert result.reason == "settled"
    assert result.losses == every.losses[:n]
    assert result.message == f"J fell by less than 5 % over the last 3 of {n} iterations"
    lowest = np.minimum.accumulate(result.losses)
    gains = 1 - lowest[3:] / lowest[:-3]
    assert gains[-1] < 0.05
    assert (gains[:-1] >= 0.05).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_patience_looks_at_what_is_above_the_floor(name):
    def valley(x):
        return float((x**4).sum()) + 1e9, 4 * x**3

    start = np.full(START.shape, 10.0)
    early, late = (
        run_optimizer(name, valley, start, 30, patience=3, floor=floor) for floor in (0, 1e9)
    )
    assert early.reason == "settled"
    assert len(early.losses) == 4  # it hardly falls from the start
    assert len(late.losses) > 8


def test_a_patient_run_that_diverges_says_so():
    result = run_optimizer("gd", bowl(), START, 200, learning_rate=1e4, patience=2)
    assert result.reason == "diverged"
    assert result.kept == 0


@pytest.mark.parametrize("factor", [1e-12, 1.0, 1e12])
def test_lbfgs_does_not_care_about_the_size_of_the_loss(factor):
    result = run_optimizer("lbfgs", bowl(factor), START, 60)
    assert result.losses[-1] < 1e-4 * bowl(factor)(START)[0]


@pytest.mark.parametrize("factor", [1e-30, 1e25])
def test_lbfgs_measures_a_gradient_whose_squares_float32_cannot_hold(factor):
    def in_float32(x):
        value, grad = bowl(factor)(x)
        return value, grad.astype(np.float32)

    result = run_optimizer("lbfgs", in_float32, START.astype(np.float32), 60)
    assert len(result.losses) == 60
    assert result.losses[-1] < 1e-4 * bowl(factor)(START)[0]


def test_lbfgs_moves_the_picture_with_its_first_step():
    result = run_optimizer("lbfgs", bowl(), START, 1)
    assert np.abs(result.x - START).max() > 1


def test_lbfgs_says_when_nothing_lowers_the_loss():
    result = run_optimizer("lbfgs", bowl(), np.full(START.shape, 3.0), 50)
    assert result.reason == "stalled"
    assert "nothing to lower" in result.message


def test_lbfgs_goes_on_where_float32_noise_ends_its_line_search():
    rng = np.random.default_rng(0)
    exact = bowl()

    def noisy(x):
        value, grad = exact(x)
        return value * (1 + 1e-5 * rng.standard_normal()), grad

    result = run_optimizer("lbfgs", noisy, START, 60)
    assert result.losses[-1] < 1e-3 * exact(START)[0]


def test_gradient_descent_is_the_lectures_step():
    exact = bowl()
    result = run_optimizer("gd", exact, START, 1, learning_rate=5.0)
    gradient = exact(START)[1]
    np.testing.assert_allclose(result.x, START - 5.0 / np.abs(gradient).max() * gradient)


def test_gradient_descent_finds_the_step_that_is_right_for_a_parabola():
    def parabola(x):
        return 3.5 * float(np.square(x).sum()), 7.0 * x

    seen = []
    run_optimizer("gd", parabola, START, 2, callback=lambda step: seen.append(step.x))
    gradient = parabola(START)[1]
    np.testing.assert_allclose(seen[0], START - gradient / np.abs(gradient).max())
    np.testing.assert_allclose(seen[1], 0, atol=1e-12)  # η = sᵀs / sᵀy = 1/7


def test_gradient_descent_without_a_rate_gets_further_than_with_one():
    found, given = (
        run_optimizer("gd", bowl(), START, 40, learning_rate=rate) for rate in (None, 1.0)
    )
    assert found.losses[-1] < 0.01 * given.losses[-1]


def test_a_step_that_leads_up_is_halved():
    def narrow(x):  # 1 pixel value, the first step, is far beyond the lowest point
        return float(np.square(100 * x).sum()), 2e4 * x

    seen = []
    run_optimizer("gd", narrow, np.full((1, 2, 2, 3), 0.3), 1, callback=lambda s: seen.append(s.x))
    np.testing.assert_allclose(seen[0], 0.3 - 0.5)


def test_gradient_descent_says_where_no_step_lowers_j():
    calls = iter(range(10**6))

    def noise(x):
        return 1.0 + next(calls), np.ones_like(x)

    result = run_optimizer("gd", noise, START, 5)
    assert (result.reason, result.losses) == ("stalled", [])


def test_adam_moves_a_large_picture_a_part_at_a_time(monkeypatch):
    whole = run_optimizer("adam", bowl(), START, 5)
    monkeypatch.setattr(optimize, "ADAM_NUMBERS", 4)
    np.testing.assert_array_equal(run_optimizer("adam", bowl(), START, 5).x, whole.x)


def test_lbfgs_remembers_as_many_pairs_as_it_may(monkeypatch):
    given = []
    real = optimize.minimize
    monkeypatch.setattr(optimize, "minimize", lambda *a, **k: given.append(k) or real(*a, **k))
    run_optimizer("lbfgs", bowl(), START, 3, pairs=4)
    run_optimizer("lbfgs", bowl(), START, 3)
    assert [each["options"]["maxcor"] for each in given] == [4, 10]


def test_adams_first_step_has_the_length_of_the_learning_rate():
    result = run_optimizer("adam", bowl(), START, 1, learning_rate=0.5)
    np.testing.assert_allclose(result.x, START - 0.5, rtol=1e-6)


def test_lbfgs_holds_every_blas_to_one_thread():
    def threads():
        return max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")

    seen = []
    run_optimizer("lbfgs", bowl(), START, 2, callback=lambda step: seen.append(threads()))
    assert seen == [1, 1]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_ctrl_c_keeps_the_picture_so_far(name):
    def interrupt(step):
        if step.iteration == 3:
            raise KeyboardInterrupt

    result = run_optimizer(name, bowl(), START, 30, callback=interrupt)
    assert result.reason == "interrupted"
    assert len(result.losses) == 3
    assert result.losses[-1] == pytest.approx(bowl()(result.x)[0])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_callback_can_end_the_run(name):
    result = run_optimizer(name, bowl(), START, 30, callback=lambda step: step.iteration == 2)
    assert result.reason == "stopped"
    assert len(result.losses) == 2


def test_a_comparison_with_a_numpy_number_ends_the_run_too():
    goal = np.float64(np.inf)
    result = run_optimizer("gd", bowl(), START, 30, callback=lambda step: goal > step.loss)
    assert result.reason == "stopped"
    assert len(result.losses) == 1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_nan_on_the_way_keeps_the_last_good_picture(name):
    calls = []

    def breaks(x):
        calls.append(1)
        value, grad = bowl()(x)
        return (np.nan if len(calls) > 6 else value), grad

    result = run_optimizer(name, breaks, START, 30)
    assert result.reason == "not finite"
    assert "not finite after" in result.message
    assert np.isfinite(result.x).all()
    assert result.losses[-1] == pytest.approx(bowl()(result.x)[0])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_nan_at_the_start_is_an_error(name):
    with pytest.raises(NonFiniteError, match="not finite after 0 iterations"):
        run_optimizer(name, lambda x: (np.inf, x), START, 3)


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(SettingError, match="must be one of lbfgs, gd, adam, not 'sgd'"):
        run_optimizer("sgd", bowl(), START, 1)


# what goes wrong on the way


@pytest.mark.parametrize("name", ["gd", "adam"])
def test_where_j_has_risen_the_best_picture_is_kept(name):
    pictures = []

    def rises_after(step):
        pictures.append(step.x.copy())

    calls = []

    def function(x):
        calls.append(1)
        value, grad = bowl()(x)
        return value * (1.0 if len(calls) < 4 else 1e6), grad  # the start, two steps, then more

    result = run_optimizer(name, function, START, 5, learning_rate=0.1, callback=rises_after)
    assert (result.reason, result.kept) == ("diverged", 2)
    assert result.message.startswith("J rose from ")
    assert result.message.endswith("the picture of iteration 2, which has the lowest J, is kept")
    np.testing.assert_array_equal(result.x, pictures[1])
    assert len(result.losses) == 5


@pytest.mark.parametrize("rate", [1e3, 1e100])
def test_gradient_descent_that_only_climbs_keeps_the_start(rate):
    with np.errstate(all="ignore"):
        result = run_optimizer("gd", bowl(), START, 6, learning_rate=rate)
    assert (result.reason, result.kept) == ("diverged" if rate < 1e9 else "not finite", 0)
    assert "the picture at the start is kept" in result.message
    np.testing.assert_array_equal(result.x, START)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_memory_that_is_used_up_keeps_the_last_picture(name):
    pictures = []

    def breaks(x):
        if len(pictures) == 3:
            raise MemoryError
        return bowl()(x)

    result = run_optimizer(name, breaks, START, 30, callback=lambda step: pictures.append(step.x))
    assert (result.reason, len(result.losses)) == ("memory", 3)
    np.testing.assert_array_equal(result.x, pictures[-1])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_memory_that_is_not_there_at_all_is_an_error(name):
    def breaks(x):
        raise MemoryError

    with pytest.raises(TooLargeError, match="not enough memory for the first iteration: use a"):
        run_optimizer(name, breaks, START, 30)
