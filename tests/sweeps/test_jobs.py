import re
from functools import partial

import numpy as np
import pytest

from nst_numpy.errors import ImageError, SettingError, UnknownNameError
from nst_numpy.settings import Settings
from nst_numpy.style_transfer import Run
from nst_numpy.sweeps import jobs
from nst_numpy.sweeps.jobs import paint_each, survey
from tests.sweeps.conftest import CONTENT, LAYERS, STYLE, TINY


def make(**settings):
    return Run(
        Settings(**(LAYERS | {"size": 32, "iterations": 2} | settings)), TINY, CONTENT, STYLE
    )


def fails(error):
    raise error


def test_a_survey_says_what_each_will_take_or_what_is_wrong_with_it(monkeypatch):
    timed = []
    monkeypatch.setattr(
        Run, "expected_seconds",
        property(lambda run: timed.append(run) or float(run.settings.size)),
    )  # fmt: skip
    each = {
        "a": make,
        "bad": partial(fails, ImageError("it is torn")),
        "b": partial(make, size=24),
        "c": partial(make, strength=90),
    }
    seconds, troubles = survey(each)
    assert seconds == {"a": 32.0, "b": 24.0, "c": 32.0}
    assert troubles == {"bad": "it is torn"}
    assert len(timed) == 2  # runs of one kind take equal times


def test_what_is_wrong_with_all_is_wrong_with_the_command():
    bad = partial(fails, SettingError("the painting is torn"))
    with pytest.raises(SettingError, match="the painting is torn"):
        survey({"a": bad, "b": bad})
    assert survey({"a": bad})[1] == {"a": "the painting is torn"}
    other = partial(fails, SettingError("the photograph is torn"))
    assert len(survey({"a": bad, "b": other})[1]) == 2


def test_an_unknown_name_is_refused_at_once():
    with pytest.raises(UnknownNameError, match="relu9_1"):
        survey({"a": make, "b": partial(make, style_layers={"relu9_1": 1.0})})


def test_one_that_fails_does_not_end_the_others():
    each = {
        "a": partial(fails, MemoryError()),
        "b": partial(fails, RuntimeError("can't start new thread")),
        "c": make,
    }
    done = list(paint_each(each, dict.fromkeys(each, 1.0)))
    assert [one.error for one in done[:2]] == [
        "there is not enough memory: use a smaller size", "can't start new thread",
    ]  # fmt: skip
    assert done[2].finished
    np.testing.assert_array_equal(done[2].result.image, make().go().image)


def test_a_mistake_of_ours_is_not_hidden():
    with pytest.raises(RuntimeError, match="a bug"):
        list(paint_each({"a": partial(fails, RuntimeError("a bug"))}, {"a": 1.0}))


def test_a_run_that_went_wrong_has_a_picture_and_an_error():
    diverges = partial(make, optimizer="gd", learning_rate=1e6, iterations=9)
    done, after = paint_each({"a": diverges, "b": make}, {"a": 1.0, "b": 1.0})
    assert done.result.image.shape == CONTENT.shape
    assert done.error == done.result.message
    assert not done.finished
    assert after.finished


def test_ctrl_c_ends_all_with_the_picture_so_far(stop_in_run):
    stop_in_run(2, evaluation=9)
    run = partial(make, iterations=20)
    done = list(paint_each({"a": run, "b": run, "c": run}, dict.fromkeys("abc", 1.0)))
    assert [(each.name, each.stopped, each.finished) for each in done] == [
        ("a", False, True), ("b", True, False),
    ]  # fmt: skip
    assert 0 < done[1].result.iterations < 20


class Bar:
    """A bar that notes where it was."""

    def __init__(self, unit, *, total, shown, counted):
        self.total, self.n, self.name = total, 0.0, ""
        self.was = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def set_description_str(self, text, refresh):
        self.name = text

    def update(self, n):
        self.n += n
        self.was.append((self.name, round(self.n, 6)))


def test_one_bar_goes_over_all_and_counts_a_run_by_its_time(monkeypatch):
    bars = []
    monkeypatch.setattr(jobs, "bar", lambda *a, **b: bars.append(Bar(*a, **b)) or bars[-1])
    each = {"short": make, "long": partial(make, scales=2, iterations=3)}
    list(paint_each(each, {"short": 1.0, "long": 15.0}, progress=True))
    (one,) = bars
    assert one.total == 16
    assert [n for name, n in one.was if name == "1 of 2, short "] == [0.5, 1, 1]
    # three iterations at a quarter of the pixels, three at all of them: 15 parts of a quarter
    assert [n for name, n in one.was if name == "2 of 2, long "] == [2, 3, 4, 8, 12, 16, 16]


def test_a_run_that_settles_has_done_its_part(monkeypatch):
    bars = []
    monkeypatch.setattr(jobs, "bar", lambda *a, **b: bars.append(Bar(*a, **b)) or bars[-1])
    list(paint_each({"a": partial(make, patience=1, iterations=150)}, {"a": 10.0}))
    assert len(bars[0].was) < 150
    assert bars[0].n == 10


def test_the_bar_of_a_log_tells_share_and_time_and_no_count(capsys):
    list(paint_each({"a": make}, {"a": 3.5}, progress=True))
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"1 of 1, a 100% \[[\d:]+<00:00\]", line)
    list(paint_each({}, {}, progress=True))
    assert capsys.readouterr().err == ""
