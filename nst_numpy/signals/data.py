"""Recordings that are no pictures: one of an EKG, one CT volume, one short movie.

They come along in `recordings/`; LICENCES.tsv beside them says of each whose it is, under
which licence, and where it comes from. An EKG of your own is read by `read_signal`.
"""

import math
import os
from array import array
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.array_files import Declared, read_npy, read_npz
from nst_numpy.errors import NonFiniteError, ShapeError, SignalError, UnknownSignalError
from nst_numpy.files import PathLike, expand, has_separator

RECORDINGS = Path(__file__).resolve().parent / "recordings"
SIGNALS = {"ekg": "ecg_mitbih_208.npz"}  # the name of each sample that is a signal: its file
SAMPLES, RATE = "millivolt", "sampling_rate_hz"  # the names of the two arrays in an .npz

MOST_LETTERS = 200  # of names, in a message

Signal = NDArray[np.float32]
Read = tuple[NDArray[Any], Any]  # samples, and the rate if the file says it


def load_ecg() -> tuple[Signal, float]:
    """Load five minutes of an EKG: one lead of record 208 of the MIT-BIH Arrhythmia Database.

    Returns
    -------
    millivolt : ndarray, float32 (108000,)
    rate : float
        Samples a second, 360.

    Notes
    -----
    Moody and Mark (2001). The copy has no cardiologist's labels.

    Examples
    --------
    >>> millivolt, rate = load_ecg()
    >>> len(millivolt) / rate
    300.0
    """
    return read_signal(RECORDINGS / SIGNALS["ekg"])


def load_ct() -> NDArray[np.int16]:
    """Load a CT volume of an abdomen with a metal stent.

    Returns
    -------
    ndarray, int16 (256, 128, 128)
        (D, H, W), from 0 to 2000: the brighter, the denser.

    Examples
    --------
    >>> load_ct().shape
    (256, 128, 128)
    """
    return _recording("ct_stent.npz", "volume")


def load_movie() -> NDArray[np.uint8]:
    """Load a short movie: a camera, held by hand, turns.

    Returns
    -------
    ndarray, uint8 (36, 120, 160, 3)
        (frames, H, W, 3), RGB.

    Examples
    --------
    >>> load_movie().shape
    (36, 120, 160, 3)
    """
    return _recording("movie_realshort.npz", "frames")


def read_signal(path: PathLike, rate: float | None = None) -> tuple[Signal, float]:
    """Read an EKG from a file, or the one that comes along.

    Parameters
    ----------
    path
        `.npz` with an array `millivolt`, or with one array of one axis; `.npy`; or `.csv`,
        one number a line, where a first line that is no number is taken for a heading. Or
        "ekg", the sample, unless a file has that name.
    rate
        Samples a second. None takes `sampling_rate_hz` of an .npz; other files have no place
        for it.

    Returns
    -------
    samples : ndarray, float32 (L,)
    rate : float

    Raises
    ------
    SignalError
        The file is missing, of another kind or damaged, or nothing says the sampling rate.
    UnknownSignalError
        Neither a file nor a sample has that name. It is a SignalError too.
    ShapeError
        The samples are not real numbers along one axis.
    NonFiniteError
        A sample is NaN or infinite.
    """
    path = _existing(path)
    if path.suffix.lower() not in _READERS:
        raise SignalError(f"read_signal: {path} is not one of {', '.join(_READERS)}: convert it")
    try:
        samples, stored_rate = _READERS[path.suffix.lower()](path)
        if rate is None and stored_rate is not None:
            rate = float(stored_rate.item())
    except SignalError:
        raise
    except (OSError, ValueError, TypeError, MemoryError) as error:
        reason = " ".join(str(error).split())[:200]
        raise SignalError(f"read_signal: {path} cannot be read as numbers ({reason})") from error
    if rate is None:
        raise SignalError(f"read_signal: {path} does not say its sampling rate: give it in hertz")
    return check_signal("read_signal", samples, rate)


def check_signal(name: str, samples: NDArray[Any], rate: float) -> tuple[Signal, float]:
    """Refuse what is no signal of one axis with finite samples and a positive sampling rate.

    `name` is the function that asks. Returns the samples in float32, and the rate.
    """
    if samples.ndim != 1 or samples.dtype.kind not in "fiu" or samples.size == 0:
        raise ShapeError(
            f"{name}: a signal must be real numbers of shape (L,), one lead, "
            f"not {samples.dtype} of shape {samples.shape}: choose one lead, signal[:, 0]"
        )
    bad = np.flatnonzero(~np.isfinite(samples))
    if bad.size:
        raise NonFiniteError(
            f"{name}: {bad.size} of the {samples.size} samples of the signal (L,) are NaN or "
            f"infinite, the first at index {bad[0]}: cut them out or fill them in"
        )
    if not (np.isfinite(rate) and rate > 0):
        raise SignalError(f"{name}: the sampling rate must be above 0 hertz, not {rate}")
    return samples.astype(np.float32), float(rate)


def _existing(path: PathLike) -> Path:
    try:
        found = expand(path)
        if found.is_file():
            return found
        text = os.fspath(path)
        if text in SIGNALS:
            return RECORDINGS / SIGNALS[text]
        if not (found.exists() or found.suffix or has_separator(text)):
            raise UnknownSignalError.of("file or sample", text, SIGNALS)
        raise SignalError(f"read_signal: there is no file {found}: check the path")
    except OSError as error:
        raise SignalError(f"read_signal: {path} cannot be opened: {error}") from error


def _recording(file: str, name: str) -> NDArray[Any]:
    return read_npz(RECORDINGS / file, lambda _: [name])[name]


def _names(path: Path, declared: Mapping[str, Declared]) -> list[str]:
    """Return the name of the array of samples, and that of the rate if it is there."""
    rates = [RATE] if RATE in declared and math.prod(declared[RATE].shape) == 1 else []
    if SAMPLES in declared:
        return [SAMPLES, *rates]
    lines = [name for name, each in declared.items() if each.shape and name != RATE]
    if len(lines) != 1:
        names = ", ".join(declared) or "nothing"
        if len(names) > MOST_LETTERS or not names.isprintable():
            names = f"{len(declared)} arrays"
        raise SignalError(f"read_signal: {path} holds {names}: name the array of samples {SAMPLES}")
    return [*lines, *rates]


def _read_npz(path: Path) -> Read:
    found = read_npz(path, partial(_names, path))
    rate = found.pop(RATE, None)
    (samples,) = found.values()
    return samples, rate


def _read_npy(path: Path) -> Read:
    return read_npy(path), None


def _read_csv(path: Path) -> Read:
    """Read rows of numbers, all of one length; eight bytes each, however they are written."""
    numbers, width, lines = array("d"), 0, 0
    read: Callable[[str], float] = float  # a first line with a gap is a heading
    with path.open(encoding="utf-8-sig") as file:
        for place, line in enumerate(file):
            try:
                numbers.extend(map(read, line.strip().split(",")))
            except ValueError:
                if place:
                    raise
                del numbers[:]  # a heading
                continue
            finally:
                read = _number
            lines += 1
            width = width or len(numbers)
            if len(numbers) != lines * width:
                raise ValueError(f"line {place + 1} has not {width} numbers, as those before it")
    samples = np.array(numbers)
    return (samples.reshape(lines, width).squeeze() if lines else samples), None


def _number(cell: str) -> float:
    return float(cell or "nan")


_READERS = {".npz": _read_npz, ".npy": _read_npy, ".csv": _read_csv}
