"""A run that was stopped or killed goes on to the picture that it would have had."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from nst_numpy.errors import SettingError
from nst_numpy.runs import journal
from nst_numpy.runs.clock import Clock
from nst_numpy.runs.journal import Answer, AnswersFile, FolderJournal, Remembered
from tests.runs.small_runs import paint, stop_at, terms

ROOT = Path(__file__).resolve().parents[2]
SLOW = pytest.mark.slow
KINDS = [
    {},
    {"optimizer": "adam"},
    {"optimizer": "gd"},
    {"optimizer": "gd", "learning_rate": 1.0},
    {"style_loss": "neighbours", "scales": 1},
    {"tv_weight": 0.1, "margin": 3},
    {"iterations": None, "patience": 4},
]


class Counted:
    """J, and how often it was computed."""

    def __init__(self, scale=1.0):
        self.calls, self.scale, self.terms = 0, scale, {}

    def __call__(self, x):
        self.calls += 1
        value = self.scale * float((x * x).sum())
        self.terms = {"style/relu1_1": value / 3, "tv": value - value / 3}
        return value, (2 * self.scale * x).astype(x.dtype)


def pictures(count):
    return np.random.default_rng(0).standard_normal((count, 1, 4, 5, 3)).astype(np.float32)


@pytest.mark.parametrize("changes", KINDS, ids=str)
@pytest.mark.parametrize("iteration", [*(pytest.param(n, marks=SLOW) for n in (1, 5)), 11])
def test_a_run_that_was_stopped_gives_the_picture_of_one_that_was_not(tmp_path, changes, iteration):
    whole = paint(**changes)
    if iteration >= whole.iterations:
        pytest.skip("it ends before")
    part = paint(**changes, run_folder=tmp_path / "run", callback=stop_at(iteration))
    assert part.iterations == iteration
    resumed = paint(resume=tmp_path / "run")
    assert (resumed.image == whole.image).all()
    assert terms(resumed) == terms(whole)
    assert (resumed.reason, resumed.message) == (whole.reason, whole.message)
    assert not (part.image == whole.image).all()


KILLED = """
import os, signal
from tests.runs.small_runs import paint

def die(progress):
    if progress.iteration == ITERATION:
        os.kill(os.getpid(), signal.SIGKILL) if hasattr(signal, "SIGKILL") else os._exit(9)

paint(run_folder=FOLDER, callback=die)
"""


@pytest.mark.parametrize("iteration", [pytest.param(5, marks=SLOW), 13])
def test_a_run_that_was_killed_gives_the_picture_of_one_that_was_not(tmp_path, iteration):
    script = KILLED.replace("ITERATION", str(iteration)).replace(
        "FOLDER", repr(str(tmp_path / "r"))
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False, timeout=120)
    assert done.returncode != 0
    resumed, whole = paint(resume=tmp_path / "r"), paint()
    assert (resumed.image == whole.image).all()
    assert terms(resumed) == terms(whole)


def test_a_run_may_be_stopped_again_and_again(tmp_path):
    paint(run_folder=tmp_path, callback=stop_at(3))
    for iteration in (4, 7, 9, 14):
        assert paint(resume=tmp_path, callback=stop_at(iteration)).iterations == iteration
    assert (paint(resume=tmp_path).image == paint().image).all()


def test_more_iterations_go_on_at_the_last_size(tmp_path):
    paint(run_folder=tmp_path / "stopped", callback=stop_at(14))
    paint(run_folder=tmp_path / "whole")
    more = [paint(resume=tmp_path / name, iterations=12) for name in ("stopped", "whole")]
    assert (more[0].image == more[1].image).all()
    assert more[0].iterations == 8 + 12
    assert terms(more[0])[:16] == terms(paint())
    with pytest.raises(SettingError, match="has done 12 iterations at its last size"):
        paint(resume=tmp_path / "whole", iterations=9)


@pytest.mark.parametrize("cut", [1, 100, 2000, 5000])
def test_a_file_that_is_cut_off_anywhere_gives_the_same_picture(tmp_path, cut):
    paint(run_folder=tmp_path, callback=stop_at(14))
    file = tmp_path / "state" / "answers-1.bin"
    file.write_bytes(file.read_bytes()[:-cut])
    assert (paint(resume=tmp_path).image == paint().image).all()


@pytest.mark.parametrize("place", [0, 40, 200, 20_000, 40_000])
def test_a_file_with_a_wrong_byte_gives_the_same_picture(tmp_path, place):
    paint(run_folder=tmp_path, callback=stop_at(14))
    file = tmp_path / "state" / "answers-1.bin"
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)
    assert (paint(resume=tmp_path).image == paint().image).all()


def test_kept_answers_are_given_without_computing_them_again(tmp_path):
    xs, clock = pictures(5), Clock()
    first = Counted()
    file = AnswersFile(tmp_path / "answers")
    clock.set(70.0)
    told = [Remembered(first, file, clock)]
    answers = [told[0](x) for x in xs[:4]]
    file.close()
    clock.set(0.0)
    second = Counted()
    file = AnswersFile(tmp_path / "answers")
    again = Remembered(second, file, clock)
    for x, (value, grad) in zip(xs[:4], answers, strict=True):
        kept = again(x)
        assert kept[0] == value
        np.testing.assert_array_equal(kept[1], grad)
        assert again.terms == {"style/relu1_1": value / 3, "tv": value - value / 3}
    assert second.calls == 1  # the first, to find out whether it is the same here
    assert 70 <= clock.seconds < 75
    again(xs[4])
    assert second.calls == 2
    file.close()
    file = AnswersFile(tmp_path / "answers")
    assert len([1 for _ in iter(file.read, None)]) == 5
    file.close()


def test_an_optimiser_that_asks_for_something_else_is_answered_anew(tmp_path):
    xs, clock = pictures(5), Clock()
    file = AnswersFile(tmp_path / "answers")
    told = Remembered(Counted(), file, clock)
    for x in xs[:4]:
        told(x)
    file.close()
    file = AnswersFile(tmp_path / "answers")
    function = Counted()
    again = Remembered(function, file, clock)
    again(xs[0])
    again(xs[1])
    with pytest.warns(RuntimeWarning, match="will not be the same to the bit"):
        again(xs[4])
    again(xs[2])  # what was kept after that is forgotten, not mixed in
    assert function.calls == 3
    file.close()
    file = AnswersFile(tmp_path / "answers")
    sums = [kept.x_sum for kept in iter(file.read, None)]
    assert len(sums) == len(set(sums)) == 4
    file.close()


def test_a_machine_that_computes_otherwise_is_told_of(tmp_path):
    xs, clock = pictures(2), Clock()
    file = AnswersFile(tmp_path / "answers")
    told = Remembered(Counted(), file, clock)
    told(xs[0]), told(xs[1])
    file.close()
    file = AnswersFile(tmp_path / "answers")
    function = Counted(1 + 1e-7)
    again = Remembered(function, file, clock)
    with pytest.warns(RuntimeWarning, match="computes other last digits"):
        again(xs[0])
    again(xs[1])
    assert function.calls == 2
    file.close()


def test_a_full_disk_ends_no_run(tmp_path, monkeypatch):
    added = []

    def add(self, answer, real=AnswersFile.add):
        added.append(answer)
        if len(added) == 12:
            raise OSError(28, "No space left on device")
        real(self, answer)

    monkeypatch.setattr(AnswersFile, "add", add)
    with pytest.warns(RuntimeWarning, match="no space left on device"):
        result = paint(run_folder=tmp_path)
    assert (result.image == paint().image).all()
    assert len(added) == 12
    monkeypatch.undo()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (paint(resume=tmp_path).image == result.image).all()


def test_terms_that_change_their_names_are_not_kept_under_others(tmp_path):
    file = AnswersFile(tmp_path / "answers")
    grad = np.zeros((1, 2, 2, 3), np.float32)
    file.add(Answer(1, 2.0, 3.0, {"tv": 2.0}, grad))
    with pytest.raises(OSError, match="have changed"):
        file.add(Answer(1, 2.0, 3.0, {"style": 2.0}, grad))
    file.close()


def no_picture(state):
    (state / "picture-1.npy").unlink()


def wrong(**changes):
    def spoil(state):
        said = json.loads((state / "passes.json").read_text("utf-8"))
        (state / "passes.json").write_text(json.dumps(said | changes), "utf-8")

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        no_picture,
        lambda state: (state / "picture-1.npy").write_bytes(b"\x93NUMPY"),
        lambda state: np.save(state / "picture-1.npy", np.zeros((2, 3))),
        lambda state: (state / "passes.json").write_text("{", "utf-8"),
        lambda state: (state / "passes.json").write_text("[" * 10**5, "utf-8"),
        lambda state: (state / "passes.json").write_bytes(b"\xff\xfe\x00"),
        wrong(format=7),
        wrong(passes=[]),
        wrong(passes="x"),
        wrong(history=[{"iteration": 1}]),
        wrong(history=[3]),
        wrong(seconds=None),
    ],
)
def test_a_damaged_state_is_one_sentence(tmp_path, spoil):
    paint(run_folder=tmp_path, callback=stop_at(10))
    spoil(tmp_path / "state")
    with pytest.raises(SettingError, match="does not say how far its run had come") as caught:
        paint(resume=tmp_path)
    assert "\n" not in str(caught.value)


def test_what_a_pass_leaves(tmp_path):
    paint(run_folder=tmp_path)
    names = {path.name for path in (tmp_path / "state").iterdir()}
    assert names == {"answers-1.bin", "passes.json", "picture-1.npy"}
    found = FolderJournal(tmp_path / "state").begin(Clock())
    assert found.passes == [(0, 8)]
    assert len(found.history) == 8
    assert found.x.shape == (1, 15, 20, 3)


def test_without_a_folder_nothing_is_kept():
    function = Counted()
    assert journal.Journal().answers(function, Clock()) is function
    assert journal.Journal().begin(Clock()) == ([], [], None)
