"""Narrow heartbeats and broad ones: a network on a signal of one dimension.

A heartbeat that starts in the wrong place, in the muscle of a ventricle, takes a slower way
through the heart: its spike in the EKG, the QRS complex, is broader. Five steps, a function
each: find the beats, measure their width, cut windows, split them in time, train and count.

The labels are derived: a rule measures the width, and no cardiologist has seen them. So what
is measured here is how well a network learns a rule from examples, and not how well it
finds a disease.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from nst_numpy.arrays import Array, Integers
from nst_numpy.checks import check_at_least
from nst_numpy.errors import SignalError
from nst_numpy.network import Conv, Dense, Flatten, MaxPool, ReLU, Row, Sequential
from nst_numpy.signals.data import check_signal
from nst_numpy.training import Adam, History, balanced_weights, fit

CLASSES = ("narrow", "broad")
PARTS = {"train": 0.5, "validation": 0.2, "test": 0.3}  # of the time, in this order

BAND = (0.5, 40.0)  # hertz: what an EKG monitor shows; wander and the mains are outside
FOOT = 0.8  # how far down from the top the width is measured, as a part of the height
BROAD_ABOVE = 120.0  # ms: the width from which physicians call a QRS complex broad
LONGEST = 200.0  # ms: what is wider, or lasts longer, is no beat
REFRACTORY = 0.25  # s: so soon after a beat the heart cannot beat again
BEFORE, AFTER = 0.2, 0.3  # s: of a window, around the top of the spike

EPOCHS, BATCH, LEARNING_RATE = 60, 32, 3e-3  # chosen on the validation part


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


@dataclass(frozen=True, eq=False)
class Heartbeats:
    """A signal, its beats, and the windows that a network sees.

    Attributes
    ----------
    millivolt : ndarray, float32 (L,)
    rate : float
    beats : Beats
        Those whose window lies in one part of the time altogether.
    labels : ndarray of int, (B,)
        0 for narrow, 1 for broad.
    part : ndarray of str, (B,)
        "train", "validation" or "test".
    x : ndarray, float32 (B, L, 1)
        The windows: the signal as it was recorded, less the window's median, divided by the
        standard deviation of the training windows.
    before : int
        Samples of a window before the top of the spike.
    dropped : int
        Beats whose window crosses the end of a part or of the signal.
    """

    millivolt: Array
    rate: float
    beats: Beats
    labels: Integers
    part: NDArray[np.str_]
    x: Array
    before: int
    dropped: int

    def of(self, part: str) -> tuple[Array, Integers]:
        """Return windows and labels of "train", "validation" or "test"."""
        chosen = self.part == part
        return self.x[chosen], self.labels[chosen]


def prepare(millivolt: Array, rate: float, broad_above: float = BROAD_ABOVE) -> Heartbeats:
    """Find the beats of an EKG, label them, cut windows, and split them in time.

    The first half of the time is for training, the next fifth for validation, the rest for
    the test. A window belongs to a part only if it lies in it altogether, so that no sample
    is in two parts.

    Parameters
    ----------
    millivolt : ndarray, (L,)
    rate : float
    broad_above : float
        Width in ms above which a beat is broad.

    Raises
    ------
    ShapeError, NonFiniteError, SignalError
        As `find_beats`, and if a part lacks one of the two classes.
    """
    millivolt, rate = check_signal("prepare", millivolt, rate)
    beats = find_beats(millivolt, rate)
    before, length = round(BEFORE * rate), round((BEFORE + AFTER) * rate)
    first = beats.at - before
    part = split_in_time(first, length, len(millivolt))
    kept = part != ""
    beats, part = Beats(beats.at[kept], beats.width[kept]), part[kept]
    labels = beats.labels(broad_above)
    _check_classes(labels, part, broad_above)
    # (B, 1) + (L,) -> (B, L)
    windows = millivolt[first[kept][:, None] + np.arange(length)]
    windows -= np.median(windows, axis=1, keepdims=True)
    windows /= windows[part == "train"].std()
    # (B, L) -> (B, L, 1)
    x = windows[..., None]
    return Heartbeats(
        millivolt, rate, beats, labels, part, x, before, dropped=int(np.sum(~kept))
    )  # fmt: skip


def split_in_time(first: Integers, length: int, total: int) -> NDArray[np.str_]:
    """Name the part of the time in which each window lies; "" if in no part altogether.

    Parameters
    ----------
    first : ndarray of int, (B,)
        Where the windows start.
    length, total : int
        Samples of a window, and of the signal.

    Examples
    --------
    Training ends at 50, validation at 70:

    >>> split_in_time(np.array([-1, 40, 45, 50, 65, 90]), 10, 100).tolist()
    ['', 'train', '', 'validation', '', 'test']
    """
    ends = np.rint(np.cumsum(list(PARTS.values())) * total).astype(np.intp)
    part = np.full(len(first), "", dtype=f"<U{max(map(len, PARTS))}")
    for name, start, end in zip(PARTS, (0, *ends), ends, strict=False):
        part[(first >= start) & (first + length <= end)] = name
    return part


def _check_classes(labels: Integers, part: NDArray[np.str_], broad_above: float) -> None:
    for name in PARTS:
        for label, kind in enumerate(CLASSES):
            if not np.any(labels[part == name] == label):
                raise SignalError(
                    f"prepare: the {name} part of the signal has no {kind} beat "
                    f"(the limit is {broad_above:g} ms): give a longer signal or another limit"
                )


# ---- what is trained, and how it is counted


def lecture_network() -> list[Row]:
    """Return the lecture's network on signals: 16 filters of 5 taps, then 32."""
    return [
        *(Conv(16, 5), ReLU(), MaxPool(4)),
        *(Conv(32, 5), ReLU(), MaxPool(4)),
        *(Flatten(), Dense(2)),
    ]


def linear_model() -> list[Row]:
    """Return a weighted sum of the window's samples for each class: logistic regression."""
    return [Flatten(), Dense(2)]


NETWORK, LINEAR, ALWAYS = "network", "linear model", f"always {CLASSES[0]}"
TRAINED: dict[str, Callable[[], Sequence[Row]]] = {NETWORK: lecture_network, LINEAR: linear_model}


@dataclass(frozen=True, eq=False)
class Result:
    """How a model did on some beats.

    Attributes
    ----------
    confusion : ndarray of int, (2, 2)
        Beats by true class (row) and by the class that the model gave (column).
    """

    confusion: Integers

    @property
    def balanced_accuracy(self) -> float:
        """Mean over the classes of the share that was found; 0.5 is what guessing gives.

        >>> Result(np.array([[90, 10], [5, 5]])).balanced_accuracy
        0.7
        """
        return float(np.mean(np.diag(self.confusion) / self.confusion.sum(axis=1)))

    @property
    def accuracy(self) -> float:
        """Share of all beats that were given their class."""
        return float(np.trace(self.confusion) / self.confusion.sum())


def count(labels: Integers, given: Integers) -> Result:
    """Count beats by true and by given class.

    >>> count(np.array([0, 0, 1]), np.array([0, 1, 1])).confusion.tolist()
    [[1, 1], [0, 1]]
    """
    confusion = np.zeros((len(CLASSES), len(CLASSES)), dtype=np.intp)
    np.add.at(confusion, (labels, given), 1)
    return Result(confusion)


def log_odds(net: Sequential, x: Array) -> Array:
    """How sure a model is that beats are broad: ln(p/(1 − p)), above 0 for "broad".

    (B, L, 1) -> (B,)
    """
    scores = net.predict(x)
    odds: Array = scores[:, 1] - scores[:, 0]
    return odds


@dataclass(frozen=True, eq=False)
class Study:
    """The network and its two baselines, trained and counted.

    Attributes
    ----------
    networks : dict of str to Sequential
        "network" and "linear model".
    histories : dict of str to History
        How they were trained.
    results : dict of str to dict of str to Result
        For each of these and for "always narrow": on "train", "validation" and "test".
    interrupted : bool
        Whether Ctrl-C ended a training; the counts are those of what was learnt until then.
    """

    networks: dict[str, Sequential]
    histories: dict[str, History]
    results: dict[str, dict[str, Result]]

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended a training."""
        return any(history.interrupted for history in self.histories.values())


def study(
    data: Heartbeats,
    *,
    epochs: int = EPOCHS,
    seed: int = 0,
    models: Mapping[str, Callable[[], Sequence[Row]]] = TRAINED,
) -> Study:
    """Train the network and the linear model in the same way, and count all three.

    Every class counts the same in the loss, however rare. A beat gets the class with the
    higher score: no threshold is chosen. Nothing is decided here by the validation part;
    it is there for whoever changes the network, the rate or the epochs.

    Parameters
    ----------
    data : Heartbeats
        From `prepare`.
    epochs : int
    seed : int
        Of the first filters, and of the order of the beats.
    models : mapping of str to callable
        What makes the layers of each model that is trained; give others to compare them.

    Raises
    ------
    SettingError
        If epochs or seed cannot be.
    NonFiniteError
        If the training breaks down.
    """
    check_at_least("study: seed", seed, 0)
    x, labels = data.of("train")
    networks, histories = {}, {}
    for name, rows in models.items():
        rng = np.random.default_rng(seed)
        networks[name] = net = Sequential(rows(), input_shape=x.shape[1:], rng=rng)
        histories[name] = fit(
            net, x, labels,
            epochs=epochs, batch_size=BATCH, optimizer=Adam(LEARNING_RATE), rng=rng,
            validation=data.of("validation"), sample_weights=balanced_weights(labels),
        )  # fmt: skip
    results = {name: _count_parts(data, net) for name, net in networks.items()}
    return Study(networks, histories, results | {ALWAYS: _count_parts(data, None)})


def _count_parts(data: Heartbeats, net: Sequential | None) -> dict[str, Result]:
    """Count each part's beats; None is the model that says "narrow" whatever comes."""
    counted = {}
    for part in PARTS:
        x, labels = data.of(part)
        given = np.zeros_like(labels) if net is None else (log_odds(net, x) > 0).astype(np.intp)
        counted[part] = count(labels, given)
    return counted
