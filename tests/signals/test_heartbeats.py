import json

import numpy as np
import pytest

from nst_numpy.cli import main
from nst_numpy.errors import NonFiniteError, SettingError, ShapeError, SignalError
from nst_numpy.figures.heartbeat import filters_figure
from nst_numpy.network import Sequential
from nst_numpy.signals import find_beats, load_ecg, prepare, study
from nst_numpy.signals.heartbeats import ALWAYS, LINEAR, NETWORK, PARTS, count, split_in_time

RATE = 200


def synthetic(seconds=40, every=0.8, rate=RATE, broad_each=4):
    """Make an EKG of bell-shaped spikes, each fourth of them broad; return tops and classes.

    A bell of standard deviation s is 2 s √(2 ln 5) = 3.59 s wide at a fifth of its height.
    """
    rng = np.random.default_rng(0)
    time = np.arange(seconds * rate) / rate
    tops = np.arange(0.5, seconds - 0.5, every)
    broad = np.arange(len(tops)) % broad_each == broad_each - 1
    signal = 0.02 * rng.standard_normal(len(time))
    for top, is_broad in zip(tops, broad, strict=True):
        signal += np.exp(-0.5 * ((time - top) / (0.045 if is_broad else 0.012)) ** 2)
    return signal, np.rint(tops * rate).astype(int), broad


@pytest.fixture(scope="module")
def ecg():
    return prepare(*load_ecg())


@pytest.fixture(scope="module")
def small():
    return prepare(synthetic()[0], RATE)


def test_beats_are_found_and_measured():
    signal, tops, broad = synthetic()
    for offset, scale in ((0, 1), (5, 1000)):  # any baseline, any unit
        beats = find_beats(scale * (signal + offset), RATE)
        assert np.abs(beats.at - tops).max() <= 2  # of broad ones the noise moves the top
        np.testing.assert_array_equal(beats.labels(), broad)
        assert beats.width[~broad] == pytest.approx(3.59 * 12, rel=0.15)
        assert beats.width[broad] == pytest.approx(3.59 * 45, rel=0.15)
    assert beats.labels(10).all()
    assert not beats.labels(500).any()


def test_what_is_too_wide_for_a_beat_is_none():
    signal, tops, _ = synthetic()
    time = np.arange(len(signal)) / RATE
    slow = signal + 2 * np.exp(-0.5 * ((time - 0.9) / 0.2) ** 2)
    assert len(find_beats(slow, RATE).at) <= len(tops)


def test_the_bundled_signal_has_about_455_narrow_and_44_broad_beats(ecg):
    assert len(ecg.labels) == 497
    assert int(ecg.labels.sum()) == 50
    assert ecg.dropped == 1
    assert np.diff(ecg.beats.at).min() >= 0.25 * 360


@pytest.mark.parametrize("which", ["ecg", "small"])
def test_no_sample_is_in_two_parts(which, request):
    data = request.getfixturevalue(which)
    length, first = data.x.shape[1], data.beats.at - data.before
    ends = 0
    for part in PARTS:
        own = first[data.part == part]
        assert own.min() >= ends
        ends = own.max() + length
    assert ends <= len(data.millivolt)


def test_a_window_is_the_signal_around_its_beat(small):
    for beat in (0, 17, -1):
        at = small.beats.at[beat]
        raw = small.millivolt[at - small.before : at - small.before + small.x.shape[1]]
        ours = small.x[beat, :, 0]
        assert np.corrcoef(raw, ours)[0, 1] > 0.999999
        assert np.median(ours) == pytest.approx(0, abs=1e-6)
    assert small.x.dtype == np.float32
    assert small.x[small.part == "train"].std() == pytest.approx(1, rel=1e-5)


def test_the_scale_knows_the_training_part_only():
    signal, *_ = synthetic()
    louder = signal.copy()
    louder[len(signal) * 7 // 10 :] *= 1.5
    one, other = prepare(signal, RATE), prepare(louder, RATE)
    np.testing.assert_array_equal(one.of("train")[0], other.of("train")[0])


def test_split_in_time_drops_what_crosses_an_end():
    first = np.array([-1, 0, 490, 491, 499, 500, 690, 691, 700, 990, 991])
    assert split_in_time(first, 10, 1000).tolist() == [
        "", "train", "train", "", "", "validation", "validation", "", "test", "test", "",
    ]  # fmt: skip


def test_counting_by_hand():
    result = count(np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 0]))
    assert result.confusion.tolist() == [[3, 1], [1, 1]]
    assert result.balanced_accuracy == (3 / 4 + 1 / 2) / 2
    assert result.accuracy == 4 / 6


def test_the_network_learns_what_is_easy_and_always_narrow_does_not(small):
    found = study(small, epochs=15)
    assert found.results[NETWORK]["test"].balanced_accuracy == 1.0
    assert found.results[LINEAR]["test"].balanced_accuracy == 1.0
    assert found.results[ALWAYS]["test"].balanced_accuracy == 0.5
    assert found.networks[NETWORK].params["conv1"][0].shape == (5, 1, 16)
    assert found.networks[NETWORK].params["conv2"][0].shape == (5, 16, 32)
    assert found.histories[NETWORK].epochs == 15
    for parts in found.results.values():
        for part, result in parts.items():
            assert result.confusion.sum() == np.sum(small.part == part)


def test_shuffled_labels_cannot_be_learnt(ecg):
    rng = np.random.default_rng(0)
    shuffled = ecg.labels.copy()
    for part in PARTS:  # as many of each class in each part
        shuffled[ecg.part == part] = rng.permutation(shuffled[ecg.part == part])
    data = type(ecg)(**{**vars(ecg), "labels": shuffled})
    results = [study(data, epochs=5, seed=seed).results[NETWORK]["test"] for seed in range(3)]
    assert np.mean([result.balanced_accuracy for result in results]) < 0.65


def test_equal_seeds_give_equal_networks_and_others_do_not(small):
    one, same, other = (study(small, epochs=1, seed=seed).networks[NETWORK] for seed in (3, 3, 4))
    w, w_same, w_other = (net.params["conv1"][0] for net in (one, same, other))
    np.testing.assert_array_equal(w, w_same)
    assert not np.array_equal(w, w_other)


def bad_signal(index):
    signal = synthetic()[0]
    signal[index] = np.nan
    return signal


@pytest.mark.parametrize(
    ("signal", "rate", "error", "message"),
    [
        (bad_signal(7), RATE, NonFiniteError,
         r"^prepare: 1 of the 8000 samples of the signal \(L,\) are NaN or infinite, the first at "
         r"index 7: cut them out or fill them in$"),
        (np.zeros((10, 2)), RATE, ShapeError, r"prepare: .* not float64 of shape \(10, 2\)"),
        (np.zeros(8000), RATE, SignalError, "find_beats: 0 beats are in 40.0 s of signal"),
        (np.zeros(100), RATE, SignalError, "100 samples are less than a second"),
        (synthetic()[0], 60, SignalError, "60 samples a second are too few"),
        (synthetic()[0], -1, SignalError, "above 0 hertz, not -1"),
        (synthetic(broad_each=1000)[0], RATE, SignalError,
         r"the train part of the signal has no broad beat \(the limit is 120 ms\)"),
    ],
)  # fmt: skip
def test_what_cannot_be_studied_is_refused(signal, rate, error, message):
    with pytest.raises(error, match=message):
        prepare(signal, rate)


def test_a_seed_below_0_is_refused(small):
    with pytest.raises(SettingError, match="seed must be at least 0, not -1"):
        study(small, seed=-1)


def test_filters_are_drawn_one_a_panel():
    figure = filters_figure(np.ones((5, 1, 10)), 360)
    assert sum(bool(axes.get_title()) for axes in figure.axes) == 10


def test_the_command_writes_everything(tmp_path, capsys):
    np.save(tmp_path / "mine.npy", synthetic()[0])
    files = {name: str(tmp_path / name) for name in ("a.png", "a.json", "a.h5")}
    code = main(
        ["heartbeat", "--signal", str(tmp_path / "mine.npy"), "--rate", str(RATE), "--epochs", "2",
         "--runs", "2", "-o", files["a.png"], "--json", files["a.json"], "--save", files["a.h5"]]
    )  # fmt: skip
    assert code == 0
    out = capsys.readouterr().out
    assert "Labels by a rule, not by a cardiologist" in out
    assert "always narrow" in out
    for figure in ("signal", "training", "filters", "beats"):
        assert (tmp_path / f"a-{figure}.png").stat().st_size > 10_000
    record = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    assert np.sum(record["runs"][0]["models"]["network"]["test"]["confusion"]) == record["beats"][
        "part"
    ].count("test")
    net = Sequential.load(files["a.h5"])
    assert net.predict(np.zeros((1, 100, 1), dtype=np.float32)).shape == (1, 2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rate", "250"], "--rate belongs to --signal"),
        (["--broad-above", "0"], "--broad-above must be above 0 ms"),
        (["--broad-above", "nan"], "--broad-above must be above 0 ms"),
        (["--broad-above", "500"], "has no broad beat"),
        (["--seed", "-1"], "--seed must be at least 0"),
        (["--signal", "none.csv"], "there is no file none.csv"),
        (["-o", "a.doc"], "a figure is written as"),
        (["-o", "missing/a.png"], "the folder missing does not exist"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(words, message, capsys):
    assert main(["heartbeat", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("nst: ")
    assert message in line


def test_ctrl_c_keeps_what_was_learnt(monkeypatch, capsys):
    from nst_numpy.training import fitting as training

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_batches", stop)
    assert main(["heartbeat", "--quiet", "--runs", "3"]) == 130
    assert capsys.readouterr().out == ""
