import numpy as np
import pytest

from nst_numpy.errors import NonFiniteError, ShapeError, SignalError
from nst_numpy.signals import prepare
from nst_numpy.signals.heartbeats import PARTS, split_in_time
from tests.signals.conftest import RATE, synthetic


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
