"""Narrow heartbeats and broad ones: what a network on a signal of one dimension learns from.

A heartbeat that starts in the wrong place, in the muscle of a ventricle, takes a slower way
through the heart: its spike in the EKG, the QRS complex, is broader. The steps: find the beats
and measure their width (`beats`), cut windows and split them in time (here), train and count
(`classifiers`).

The labels are derived: a rule measures the width, and no cardiologist has seen them. So what
is measured here is how well a network learns a rule from examples, and not how well it
finds a disease.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array, Integers
from nst_numpy.common.moved import keep_former_names, now_in
from nst_numpy.errors import SignalError
from nst_numpy.signals.beats import BROAD_ABOVE, CLASSES, Beats, find_beats
from nst_numpy.signals.data import check_signal

PARTS = {"train": 0.5, "validation": 0.2, "test": 0.3}  # of the time, in this order
BEFORE, AFTER = 0.2, 0.3  # s: of a window, around the top of the spike


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


# Beats, and who is asked about them, have files of their own; here under former names.
_FORMER = now_in(
    "nst_numpy.signals",
    beats=("BAND", "FOOT", "LONGEST", "REFRACTORY"),
    classifiers=(
        "ALWAYS", "BATCH", "EPOCHS", "LEARNING_RATE", "LINEAR", "NETWORK", "TRAINED", "BeatCounts",
        "Study", "count", "lecture_network", "linear_model", "log_odds", "study",
    ),
)  # fmt: skip
keep_former_names(__name__, _FORMER | {"Result": "nst_numpy.signals.classifiers.BeatCounts"})
