"""Networks on signals: heartbeats, a CT volume, a movie, a texture in time."""

from nst_numpy.signals.beats import find_beats
from nst_numpy.signals.classifiers import Study, study
from nst_numpy.signals.data import load_ct, load_ecg, load_movie, read_signal
from nst_numpy.signals.heartbeats import Heartbeats, prepare

__all__ = [
    "Heartbeats",
    "Study",
    "find_beats",
    "load_ct",
    "load_ecg",
    "load_movie",
    "prepare",
    "read_signal",
    "study",
]
