"""What an optimiser was told, kept on disk: told it again, it is where it was, to the bit.

SciPy keeps the memory of L-BFGS in arrays that no public function shows. But whatever an optimiser
has in mind follows from its start and from the answers it has got: J and ∂J/∂x at each x that it
asked for. So these answers are kept. To resume a run, the optimiser begins the pass anew and is
given the kept answers in place of the network's, until there are no more. That takes seconds, as no
network runs; it is exact; it needs nothing private of SciPy; and it does for every optimiser.

Answers are added to the end of a file, one after each evaluation, with a checksum, so a process
that is killed loses the evaluation under way and no other. Each has a checksum of its x as well: if
the optimiser asks for another x than it did, as another release of SciPy may, the rest no longer
applies. Then it is forgotten, the network answers, and a warning says that the picture will differ.

A file of answers belongs to one pass: when the pass is over, its picture is enough for the next.
"""

import json
import os
import struct
import warnings
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import numpy as np

from nst_numpy.common.array_files import read_npy
from nst_numpy.common.arrays import Array
from nst_numpy.errors import OutputError, SettingError
from nst_numpy.files import atomic_write, check_folder, write_json
from nst_numpy.runs.clock import Clock

FORMAT = 1
PASSES = "passes.json"
MOST_BYTES = 2**26  # of passes.json
_LONGEST_HEADER = 2**16
_HEAD = struct.Struct("<IIdd")  # checksums of the rest and of x, J, seconds


class Function(Protocol):
    """What a run minimises, and what is known of its last value."""

    terms: dict[str, float]

    def __call__(self, x: Array) -> tuple[float, Array]:
        """Return J(x) and ∂J/∂x."""


class Beginning(NamedTuple):
    """Where a run goes on.

    Attributes
    ----------
    passes : list of (int, int)
        Scale and iterations of each pass that is over.
    history : list of dict
        The entries of these.
    x : ndarray or None
        The picture after the last of them.
    """

    passes: list[tuple[int, int]]
    history: list[dict[str, Any]]
    x: Array | None


class Journal:
    """Keeps nothing: the journal of a run that has no folder."""

    def begin(self, clock: Clock) -> Beginning:
        """Say where the run begins, and set the clock to what it showed then."""
        return Beginning([], [], None)

    def answers(self, function: Function, clock: Clock) -> Function:
        """Return the function, with its answers kept."""
        return function

    def end_pass(self, beginning: Beginning, clock: Clock) -> None:
        """Keep that a pass is over, and with which picture."""


class FolderJournal(Journal):
    """Keeps in a folder what it takes to go on with a run.

    Parameters
    ----------
    folder : Path
        It is made if need be.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = check_folder(folder)
        self._done = 0
        self._full = False  # whether something could not be written: then nothing more is
        self._file: AnswersFile | None = None

    def begin(self, clock: Clock) -> Beginning:
        """Read how far the run has come.

        Raises
        ------
        SettingError
            What is in the folder cannot be read.
        """
        file = self.folder / PASSES
        if not file.exists():
            self._done = 0
            return Beginning([], [], None)
        try:
            found, seconds = _read_passes(file)
            x = read_npy(self._picture(len(found.passes)))
            if x.ndim != 4 or x.shape[-1] != 3 or x.dtype not in (np.float32, np.float64):
                raise ValueError("the picture is none")
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())
            raise SettingError(
                f"{self.folder} does not say how far its run had come ({reason}): run it again"
            ) from error
        self._done = len(found.passes)
        clock.set(seconds)
        return found._replace(x=x)

    def answers(self, function: Function, clock: Clock) -> Function:
        """Return the function, with its answers kept, and those given that it gave before."""
        if self._full:
            return function
        try:
            self._file = AnswersFile(self.folder / f"answers-{self._done}.bin")
        except OSError as error:
            warn_of_no_room(error)
            return function
        return Remembered(function, self._file, clock)

    def end_pass(self, beginning: Beginning, clock: Clock) -> None:
        """Keep the picture of a pass in the place of its answers."""
        number = len(beginning.passes)
        passes = {
            "format": FORMAT,
            "passes": beginning.passes,
            "seconds": clock.seconds,
            "history": beginning.history,
        }
        try:
            if not self._full:
                with atomic_write(self._picture(number)) as temporary, temporary.open("wb") as file:
                    np.save(file, beginning.x)  # type: ignore[arg-type]
                write_json(self.folder / PASSES, passes)  # from now on the new picture counts
                self._forget(number - 1)
                self._done = number
        except OutputError as error:
            self._full = True
            warn_of_no_room(error)

    def close(self) -> None:
        """Close the file of answers."""
        if self._file is not None:
            self._file.close()

    def _picture(self, number: int) -> Path:
        return self.folder / f"picture-{number}.npy"

    def _forget(self, number: int) -> None:
        self.close()
        for path in (self.folder / f"answers-{number}.bin", self._picture(number)):
            with suppress(OSError):
                path.unlink(missing_ok=True)


class Answer(NamedTuple):
    """J and its gradient at an x, as they were kept.

    Attributes
    ----------
    x_sum : int
        Checksum of x.
    seconds : float
        What the clock showed.
    """

    x_sum: int
    value: float
    seconds: float
    terms: dict[str, float]
    grad: Array


class AnswersFile:
    """A file of answers: read from its beginning, and then added to.

    Its first line says in JSON the shape and dtype of the gradients, and the names of J's terms.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: IO[bytes] = path.open("r+b" if path.exists() else "w+b")
        self.terms: list[str] = []
        self.shape: tuple[int, ...] = ()
        self.dtype: np.dtype[Any] = np.dtype(np.float32)
        self.is_new = not self._read_header()

    def read(self) -> Answer | None:
        """Return the next answer; None where there is no more that is whole."""
        if self.is_new:
            return None
        place = self.file.tell()
        numbers = 8 * len(self.terms)
        data = bytearray(_HEAD.size + numbers + int(np.prod(self.shape)) * self.dtype.itemsize)
        if self.file.readinto(data) == len(data):  # type: ignore[attr-defined]
            whole, x_sum, value, seconds = _HEAD.unpack_from(data)
            if zlib.crc32(memoryview(data)[4:]) == whole:
                terms = np.frombuffer(data, np.float64, len(self.terms), _HEAD.size).tolist()
                grad = np.frombuffer(data, self.dtype, offset=_HEAD.size + numbers)
                named = dict(zip(self.terms, terms, strict=True))
                return Answer(x_sum, value, seconds, named, grad.reshape(self.shape))
        self.file.seek(place)
        return None

    def forget_from(self, place: int) -> None:
        """Cut the file off at a place: what follows is half an answer, or no longer true."""
        self.file.seek(place)
        self.file.truncate()

    def add(self, answer: Answer) -> None:
        """Write an answer to the end; one of another form than the first is an error."""
        grad = np.ascontiguousarray(answer.grad)
        if self.is_new:
            self._write_header(list(answer.terms), grad)
        if (list(answer.terms), grad.shape, grad.dtype) != (self.terms, self.shape, self.dtype):
            raise OSError("the terms of J, or the shape of its gradient, have changed")
        head = _HEAD.pack(0, answer.x_sum, answer.value, answer.seconds)[4:]
        head += np.array(list(answer.terms.values()), np.float64).tobytes()
        whole = zlib.crc32(grad.data, zlib.crc32(head))
        self.file.write(struct.pack("<I", whole) + head)
        self.file.write(grad.data)
        self.file.flush()

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):
            self.file.close()

    def _read_header(self) -> bool:
        line = self.file.readline(_LONGEST_HEADER)
        try:
            said = json.loads(line)
            self.terms = [str(name) for name in said["terms"]]
            self.shape = tuple(int(size) for size in said["shape"])
            self.dtype = np.dtype({"float32": np.float32, "float64": np.float64}[said["dtype"]])
            size = int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize
            good = said["format"] == FORMAT and min(self.shape) > 0
            return good and size <= os.fstat(self.file.fileno()).st_size
        except (ValueError, LookupError, TypeError, RecursionError, OverflowError):
            return False

    def _write_header(self, terms: list[str], grad: Array) -> None:
        self.terms, self.shape, self.dtype, self.is_new = terms, grad.shape, grad.dtype, False
        said = {"format": FORMAT, "shape": self.shape, "dtype": str(self.dtype), "terms": terms}
        self.forget_from(0)
        self.file.write(json.dumps(said).encode() + b"\n")


class Remembered:
    """A function that gives the answers it gave before, while the same is asked.

    The first is computed all the same: neighbours are found at the first x, and it shows whether
    this machine computes what the other did.
    """

    def __init__(self, function: Function, file: AnswersFile, clock: Clock) -> None:
        self.function, self.clock = function, clock
        self.file: AnswersFile | None = file
        self.terms: dict[str, float] = {}
        self._replays, self._first = True, True

    def __call__(self, x: Array) -> tuple[float, Array]:
        """Return J(x) and ∂J/∂x."""
        x_sum = zlib.crc32(np.ascontiguousarray(x).data)
        kept = self._kept(x_sum, x.shape)
        if kept is not None and not self._first:
            return self._given(kept)
        value, grad = self.function(x)
        self.terms = dict(self.function.terms)
        now = Answer(x_sum, float(value), self.clock.seconds, self.terms, np.asarray(grad))
        if kept is None:
            self._keep(now)
        elif (kept.value, kept.grad.tobytes()) == (now.value, now.grad.tobytes()):
            self.clock.set(kept.seconds)
        else:
            self._depart(now)
        self._first = False
        return value, grad

    def _kept(self, x_sum: int, shape: tuple[int, ...]) -> Answer | None:
        """Return the next answer that was kept, if it is the one to what is asked now."""
        if not self._replays or self.file is None:
            return None
        place = self.file.file.tell()
        kept = self.file.read()
        if kept is not None and (kept.x_sum, kept.grad.shape) == (x_sum, shape):
            self._place = place
            return kept
        self._replays = False
        self._cut(place)
        if kept is not None:
            warn_of_other_numbers()
        return None

    def _given(self, kept: Answer) -> tuple[float, Array]:
        self.terms = kept.terms
        self.clock.set(kept.seconds)
        return kept.value, kept.grad

    def _depart(self, now: Answer) -> None:
        self._replays = False
        self._cut(self._place)
        self._keep(now)
        warn_of_other_numbers()

    def _cut(self, place: int) -> None:
        self._write(lambda file: file.forget_from(place))

    def _keep(self, answer: Answer) -> None:
        self._write(lambda file: file.add(answer))

    def _write(self, what: Callable[[AnswersFile], None]) -> None:
        """Write to the file; if that is not possible, warn, and keep no more."""
        if self.file is None:
            return
        try:
            what(self.file)
        except OSError as error:
            self.file.close()
            self.file = None
            warn_of_no_room(error)


def warn_of_no_room(error: OSError) -> None:
    """Warn that the rest of a run is not kept."""
    reason = (error.strerror or str(error)).lower()
    warnings.warn(
        f"the run goes on, but can be resumed only from here ({reason}): make room",
        RuntimeWarning,
        stacklevel=2,
    )


def warn_of_other_numbers() -> None:
    """Warn that a resumed run does not give what the run would have given."""
    warnings.warn(
        "this machine, or a release of NumPy or SciPy, computes other last digits than the run "
        "began with: it goes on from there, but the picture will not be the same to the bit",
        RuntimeWarning,
        stacklevel=2,
    )


def _read_passes(file: Path) -> tuple[Beginning, float]:
    if file.stat().st_size > MOST_BYTES:
        raise ValueError(f"{PASSES} has more than {MOST_BYTES >> 20} megabytes")
    said = json.loads(file.read_text(encoding="utf-8"))
    if said["format"] != FORMAT:
        raise ValueError(f"{PASSES} is of another version")
    passes = [(int(scale), int(iterations)) for scale, iterations in said["passes"]]
    history = [entry for entry in said["history"] if is_entry(entry)]
    if not passes or len(history) != len(said["history"]):
        raise ValueError(f"{PASSES} has entries that are none")
    return Beginning(passes, history, None), float(said["seconds"])


def is_entry(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of a history has the numbers that one has."""
    numbers = [entry[name] for name in ("iteration", "height", "width", "loss", "seconds")]
    return all(isinstance(n, (int, float)) for n in [*numbers, *entry["terms"].values()])
