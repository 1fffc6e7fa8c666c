import numpy as np
import pytest

import nst_numpy as nst
from nst_numpy.errors import SettingError
from nst_numpy.live.painting import Painting
from nst_numpy.settings import Settings
from tests.live.scene import SETTINGS, tiny, wait


def painting_of(**more):
    return Painting(tiny(), "chelsea", "starry_night", Settings(**(SETTINGS | more)))


def painted(painting):
    wait(lambda: painting.phase in ("done", "failed"))
    assert painting.phase == "done", painting.message
    return painting.result


@pytest.mark.parametrize("more", [{}, {"scales": 2}, {"margin": 4}])
def test_it_paints_what_transfer_paints_however_often_it_is_paused(more):
    painting = painting_of(**more)
    painting.go(until=1)
    wait(lambda: painting.phase == "paused")
    painting.moment()
    painting.step()
    wait(lambda: painting.phase == "paused" and len(painting.history) == 2)
    painting.moment()
    painting.go()
    expected = nst.transfer("chelsea", "starry_night", vgg=tiny(), **(SETTINGS | more))
    np.testing.assert_array_equal(painted(painting).image, expected.image)
    assert painting.iterations == len(painting.history) == len(expected.history)
    np.testing.assert_array_equal(painting.full_image, expected.image)


@pytest.mark.parametrize("margin", [0, 3])
def test_a_moment_has_the_j_of_the_run(margin):
    painting = painting_of(margin=margin)
    painting.go(until=2)
    wait(lambda: painting.phase == "paused")
    moment = painting.moment()
    assert moment.value == pytest.approx(painting.history[-1]["loss"], rel=1e-6)
    assert moment.terms == pytest.approx(painting.history[-1]["terms"], rel=1e-5)
    assert moment.x.shape[1] == painting.image.shape[0] + 2 * margin
    assert painting.moment() is moment
    painting.step()
    wait(lambda: painting.phase == "paused" and len(painting.history) == 3)
    assert painting.moment() is not moment
    painting.stop()


def test_before_the_first_iteration_the_start_can_be_asked_about():
    painting = painting_of()
    moment = painting.moment()
    assert moment.terms["content/relu2_1"] == 0
    assert painting.phase == "ready"


def test_a_strength_that_changes_goes_on_from_the_picture_so_far():
    painting = painting_of(iterations=6, scales=2)
    painting.go(until=2)
    wait(lambda: painting.phase == "paused")
    before = painting.history[-1]["loss"]
    painting.set_strength(75)
    assert len(painting.history) == 2
    painting.step()
    wait(lambda: painting.phase == "paused" and len(painting.history) == 3)
    assert painting.changes == [(0, 50.0), (2, 75.0)]
    assert painting.history[-1]["loss"] > 3 * before  # β is ten times as large
    painting.go()
    painted(painting)
    assert [entry["iteration"] for entry in painting.history] == list(range(1, 13))
    assert [entry["strength"] for entry in painting.history] == [50.0] * 2 + [75.0] * 10
    with pytest.raises(SettingError, match="this run has ended"):
        painting.set_strength(30)


def test_a_strength_that_cannot_be_changes_nothing():
    painting = painting_of()
    for strength in (101, -1, "much", None, float("nan")):
        with pytest.raises(SettingError):
            painting.set_strength(strength)
    assert painting.changes == [(0, 50.0)]


def test_stop_keeps_the_picture():
    painting = painting_of(iterations=1000, patience=0)
    painting.go()
    wait(lambda: painting.history)
    painting.stop()
    assert painting.phase == "done"
    assert painting.message == f"stopped after {len(painting.history)} iterations"
    assert painting.image.shape == painting.run.content.shape
    with pytest.raises(SettingError, match="start a new one"):
        painting.go()


def test_a_run_that_goes_wrong_says_so(monkeypatch):
    painting = painting_of()

    def no_memory(scale):
        raise MemoryError

    monkeypatch.setattr(painting.run, "objective", no_memory)
    painting.go()
    wait(lambda: painting.phase == "failed")
    assert "memory" in painting.message


def test_the_time_left_shrinks():
    painting = painting_of(scales=2)
    assert painting.seconds_left is None
    painting.go(until=1)
    wait(lambda: painting.phase == "paused")
    assert painting.seconds_left > 0
    painting.go()
    painted(painting)
    assert painting.seconds_left == 0
