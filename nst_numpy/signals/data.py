"""Recordings that are no pictures: one of an EKG, one CT volume, one short movie.

They come along in `recordings/`; LICENCES.tsv beside them says of each whose it is, under
which licence, and where it comes from. An EKG of your own is read by `read_signal`.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.errors import NonFiniteError, ShapeError, SignalError
from nst_numpy.files import PathLike, expand

RECORDINGS = Path(__file__).resolve().parent / "recordings"
SAMPLES, RATE = "millivolt", "sampling_rate_hz"  # the names of the two arrays in an .npz

Signal = NDArray[np.float32]


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
    return read_signal(RECORDINGS / "ecg_mitbih_208.npz")


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
    volume: NDArray[np.int16] = _read_npz(RECORDINGS / "ct_stent.npz")["volume"]
    return volume


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
    frames: NDArray[np.uint8] = _read_npz(RECORDINGS / "movie_realshort.npz")["frames"]
    return frames


def read_signal(path: PathLike, rate: float | None = None) -> tuple[Signal, float]:
    """Read an EKG from a file.

    Parameters
    ----------
    path
        `.npz` with an array `millivolt`, or with one array of one axis; `.npy`; or `.csv`,
        one number a line, where a first line that is no number is taken for a heading.
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
    ShapeError
        The samples are not real numbers along one axis.
    NonFiniteError
        A sample is NaN or infinite.
    """
    path = _existing(path)
    readers = {".npz": _read_npz, ".npy": _read_npy, ".csv": _read_csv}
    if path.suffix.lower() not in readers:
        raise SignalError(f"read_signal: {path} is not one of {', '.join(readers)}: convert it")
    try:
        arrays = readers[path.suffix.lower()](path)
        samples = arrays[_name_of_samples(path, arrays)]
        if rate is None and RATE in arrays:
            rate = float(arrays[RATE])
    except (OSError, EOFError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        if isinstance(error, SignalError):
            raise
        raise SignalError(f"read_signal: {path} cannot be read as numbers ({error})") from error
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
        if not found.is_file():
            raise SignalError(f"read_signal: there is no file {found}: check the path")
    except OSError as error:
        raise SignalError(f"read_signal: {path} cannot be opened: {error}") from error
    return found


def _name_of_samples(path: Path, arrays: dict[str, NDArray[Any]]) -> str:
    lines = [name for name, array in arrays.items() if array.ndim > 0]
    if SAMPLES in arrays:
        return SAMPLES
    if len(lines) != 1:
        raise SignalError(
            f"read_signal: {path} holds {', '.join(arrays) or 'nothing'}: "
            f"name the array of samples {SAMPLES}"
        )
    return lines[0]


def _read_npz(path: Path) -> dict[str, NDArray[Any]]:
    # Pickled objects are refused: they could run anything.
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def _read_npy(path: Path) -> dict[str, NDArray[Any]]:
    return {SAMPLES: np.load(path, allow_pickle=False)}


def _read_csv(path: Path) -> dict[str, NDArray[Any]]:
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    try:
        [float(cell) for cell in lines[0].split(",")] if lines else None
    except ValueError:
        lines = lines[1:]  # a heading
    return {SAMPLES: np.array([_numbers(line) for line in lines]).squeeze()}


def _numbers(line: str) -> list[float]:
    return [float(cell or "nan") for cell in line.strip().split(",")]
