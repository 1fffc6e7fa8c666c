import pytest

from nst_numpy.errors import SettingError
from nst_numpy.runs import clock as clock_file
from nst_numpy.runs.clock import Clock, Deadline, plan_scales
from nst_numpy.runs.record import read_record
from tests.runs.small_runs import paint, terms


class Hands:
    """A clock that is moved by hand."""

    seconds = 0.0


class Slow:
    """A system's time in which each look takes a second."""

    now = 0.0

    def perf_counter(self):
        Slow.now += 1.0
        return Slow.now


@pytest.fixture
def slow(monkeypatch):
    Slow.now = 0.0
    monkeypatch.setattr(clock_file, "time", Slow())


def iterate(deadline, hands, seconds):
    """Do iterations of so many seconds until the pass must end."""
    for done in range(1, 1000):
        hands.seconds += seconds
        if deadline.after_iteration():
            return done
    return None


def test_each_scale_has_the_share_that_its_iterations_cost():
    deadline = Deadline(1.05, [(0, 10), (1, 10), (2, 10)], Hands())
    assert deadline.ends == pytest.approx([3, 15, 63])
    neighbours = Deadline(1, [(0, 10), (1, 5), (1, 5)], Hands())
    assert neighbours.ends == pytest.approx([12, 36, 60])


def test_a_pass_ends_before_the_iteration_that_would_be_late():
    hands = Hands()
    deadline = Deadline(1, [(0, 100), (1, 100)], hands)
    assert deadline.begin(0)
    assert iterate(deadline, hands, 0.5) == 24
    assert hands.seconds == 12
    assert deadline.begin(1)
    assert not deadline.passed
    assert iterate(deadline, hands, 5.0) == 9  # 57 s; the next would be over
    assert deadline.passed


def test_what_a_coarse_scale_leaves_is_given_to_the_finer():
    hands = Hands()
    deadline = Deadline(1, [(0, 100), (1, 100)], hands)
    deadline.begin(0)
    hands.seconds += 1
    assert not deadline.after_iteration()
    assert deadline.begin(1)
    assert iterate(deadline, hands, 1.0) == 59


def test_a_size_for_which_there_is_no_time_is_not_begun():
    hands = Hands()
    deadline = Deadline(0.1, [(0, 100), (1, 100)], hands)
    deadline.begin(0)
    hands.seconds += 1.0
    assert deadline.after_iteration()
    assert not deadline.begin(1)  # four times a second, thrice, is more than the five left
    assert deadline.passed


def test_without_minutes_nothing_ends():
    hands = Hands()
    deadline = Deadline(None, [(0, 5)], hands)
    assert deadline.begin(0)
    assert iterate(deadline, hands, 1e9) is None


def test_a_run_ends_at_its_time_and_reaches_its_size(slow):
    result = paint(iterations=500, minutes=4)
    assert result.reason == "time"
    assert result.message.startswith("the 4 minutes are up; of the time 20×15 had ")
    assert ", 40×30 had " in result.message
    assert result.seconds <= 240
    sizes = {entry["width"] for entry in result.history}
    assert sizes == {20, 40}
    assert result.settings["minutes"] == 4


def test_a_run_that_has_time_is_what_it_is_without():
    result, other = paint(minutes=60), paint()
    assert (result.image == other.image).all()
    assert terms(result) == terms(other)
    assert result.reason == "iterations"


def test_where_time_is_short_a_run_begins_smaller():
    assert plan_scales(1, 1.5, 200, 1) == 1  # time for 40
    assert plan_scales(1, 1.6, 200, 1) == 2
    assert plan_scales(1, 6.1, 200, 1) == 3
    assert plan_scales(1, 1e9, 200, 1) == 3  # 25 pixels would be too few
    assert plan_scales(1, 1e9, 20, 2) == 2


def test_the_sizes_that_were_chosen_are_kept(tmp_path):
    def run(**changes):
        return paint(scales=None, iterations=None, size=160, minutes=1e-5, **changes)

    result = run(run_folder=tmp_path)
    assert result.settings["scales"] == 2
    assert read_record(tmp_path).settings["scales"] == 2
    assert {entry["width"] for entry in result.history} == {80}
    assert result.image.shape == (120, 160, 3)


def test_more_minutes_go_on(tmp_path, slow):
    first = paint(iterations=500, minutes=2, run_folder=tmp_path)
    again = paint(resume=tmp_path)
    assert again.iterations == first.iterations  # its time is up
    more = paint(resume=tmp_path, minutes=4)
    assert more.iterations > first.iterations
    assert terms(more)[: first.iterations] == terms(first)


@pytest.mark.parametrize("minutes", [0, -1, "5", float("inf")])
def test_minutes_that_are_none_are_refused(minutes):
    with pytest.raises(SettingError, match="minutes must be a finite number above 0"):
        paint(minutes=minutes)


def test_the_clock_goes_on_from_where_it_was_set():
    clock = Clock()
    clock.set(50.0)
    assert 50 <= clock.seconds <= clock.seconds < 60
