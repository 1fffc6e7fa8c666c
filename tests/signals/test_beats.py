import numpy as np
import pytest

from nst_numpy.signals import find_beats
from tests.signals.conftest import RATE, synthetic


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
