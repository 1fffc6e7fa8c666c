"""Networks on signals: heartbeats, a CT volume, a movie, a texture in time."""

from nst_numpy.signals.data import load_ct, load_ecg, load_movie, read_signal

__all__ = ["load_ct", "load_ecg", "load_movie", "read_signal"]
