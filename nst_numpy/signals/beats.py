"""Where the heartbeats of an EKG are, and how broad each is."""

from dataclasses import dataclass

import numpy as np
from scipy import signal

from nst_numpy.common.arrays import Array, Integers
from nst_numpy.errors import SignalError
from nst_numpy.signals.data import check_signal

CLASSES = ("narrow", "broad")

BAND = (0.5, 40.0)  # hertz: what an EKG monitor shows; wander and the mains are outside
FOOT = 0.8  # how far down from the top the width is measured, as a part of the height
BROAD_ABOVE = 120.0  # ms: the width from which physicians call a QRS complex broad
LONGEST = 200.0  # ms: what is wider, or lasts longer, is no beat
REFRACTORY = 0.25  # s: so soon after a beat the heart cannot beat again


@dataclass(frozen=True, eq=False)
class Beats:
    """Where the beats are, and how broad.

    Attributes
    ----------
    at : ndarray of int, (B,)
        Sample at which the spike has its top.
    width : ndarray, (B,)
        Of the spike at a fifth of its height, in ms.
    """

    at: Integers
    width: Array

    def labels(self, broad_above: float = BROAD_ABOVE) -> Integers:
        """Return 1 for what is wider than the limit in ms, 0 for the rest: `CLASSES`."""
        return (self.width > broad_above).astype(np.intp)


def find_beats(millivolt: Array, rate: float) -> Beats:
    """Find the spikes of an EKG, and measure their width.

    Parameters
    ----------
    millivolt : ndarray, (L,)
        In which spikes point up. Any unit will do.
    rate : float
        Samples a second.

    Returns
    -------
    Beats

    Raises
    ------
    ShapeError, NonFiniteError, SignalError
        For what is no signal, or a sampling rate below 100 Hz, or fewer than two beats.

    Notes
    -----
    The signal is filtered between 0.5 and 40 Hz, forwards and backwards, so that nothing
    moves. A beat is a peak that stands out by half of what the highest hundredth of the
    samples reaches, within 200 ms on each side and 250 ms after the beat before.

    Examples
    --------
    One spike a second, a triangle whose foot is 100 ms wide:

    >>> time = np.arange(1000) / 100
    >>> beats = find_beats(np.maximum(0, 1 - np.abs(time % 1 - 0.5) / 0.05), 100)
    >>> beats.at[:3]
    array([ 50, 150, 250])
    """
    samples, rate = check_signal("find_beats", millivolt, rate)
    smooth = _band_passed(samples, rate)
    about = round(2 * LONGEST * rate / 1000)
    tops, found = signal.find_peaks(
        smooth,
        distance=max(1, round(REFRACTORY * rate)),
        prominence=max(0.5 * np.percentile(smooth, 99), np.finfo(np.float32).tiny),
        wlen=about,
    )
    heights = (found["prominences"], found["left_bases"], found["right_bases"])
    width = signal.peak_widths(smooth, tops, FOOT, prominence_data=heights)[0] * 1000 / rate
    is_beat = width <= LONGEST
    if is_beat.sum() < 2:
        raise SignalError(
            f"find_beats: {is_beat.sum()} beats are in {len(samples) / rate:.1f} s of signal: "
            "check the sampling rate, and that the spikes point up"
        )
    return Beats(tops[is_beat], width[is_beat])


def _band_passed(samples: Array, rate: float) -> Array:
    if rate < 2.5 * BAND[1]:
        raise SignalError(
            f"find_beats: {rate:g} samples a second are too few for a QRS complex: "
            f"at least {2.5 * BAND[1]:g} are needed"
        )
    sos = signal.butter(2, BAND, "bandpass", fs=rate, output="sos")
    if len(samples) < rate:
        raise SignalError(f"find_beats: {len(samples)} samples are less than a second of signal")
    filtered: Array = signal.sosfiltfilt(sos, samples.astype(np.float64))
    return filtered
