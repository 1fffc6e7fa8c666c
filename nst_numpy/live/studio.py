"""All that one server keeps: the pictures that were given, the run, the question under way."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from nst_numpy.common.arrays import Image
from nst_numpy.errors import ImageError, NstError, SettingError, TooLargeError
from nst_numpy.kernels.memory import gives_memory_back
from nst_numpy.live.asked import Question
from nst_numpy.live.channels import Cancelled
from nst_numpy.live.painting import WAKES, Painting
from nst_numpy.live.questions import answer
from nst_numpy.pictures.images import as_image, load_image
from nst_numpy.pictures.samples import samples
from nst_numpy.settings import Settings
from nst_numpy.vgg import VGG

MOST_BYTES = 64 << 20  # of a picture that is dropped
ROLES = ("content", "style")
# What the page may say of a run; everything else is as by default.
CHOICES = ("size", "iterations", "strength", "tv_weight", "style_loss", "content_layers",
           "style_layers")  # fmt: skip
BUSY = "a run is under way, here or in another tab: stop it first"


class Job:
    """One question and how far its answer is."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.part, self.words = 0.0, ""
        self.cancelled = False
        self.future: Future[dict[str, Any]] | None = None

    def told(self, part: float, words: str) -> None:
        """Note how far it is; end it if nobody waits any more."""
        if self.cancelled:
            raise Cancelled
        self.part, self.words = part, words

    def as_dict(self) -> dict[str, Any]:
        """Say how far it is: the answer, an error, or the part that is done."""
        assert self.future is not None
        if self.future.cancelled():
            return {"job": self.number, "cancelled": True}
        if not self.future.done():
            return {"job": self.number, "part": self.part, "words": self.words}
        error = self.future.exception()
        if isinstance(error, Cancelled):
            return {"job": self.number, "cancelled": True}
        if isinstance(error, MemoryError) and not isinstance(error, NstError):
            error = TooLargeError("there is not enough memory for this answer: use a smaller size")
        if isinstance(error, NstError):
            return {"job": self.number, "error": str(error)}
        if error is not None:
            raise error
        return {"job": self.number, "answer": self.future.result()}


class Studio:
    """Two pictures, a network, and at most one run.

    Parameters
    ----------
    vgg : VGG
    content, style : path or name of a sample
    here : bool
        Whether runs are painted by the thread that calls `paint`; otherwise each has its own.
    """

    def __init__(
        self, vgg: VGG, content: str | Path, style: str | Path, *, here: bool = False
    ) -> None:
        self.vgg = vgg
        self.names = {"content": str(content), "style": str(style)}
        self._given: dict[str, str | Path] = {"content": content, "style": style}
        self._samples = {each.name for each in samples()}
        self._folder = TemporaryDirectory(prefix="nst-live-")
        self.painting: Painting | None = None
        self.scans: dict[str, Any] = {}
        self.runs = 0
        self.saved = 0  # the version of the picture that was saved last
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._hand = self._work.put if here else None
        self._lock = threading.Lock()
        self._answers = ThreadPoolExecutor(1, "nst-answer")
        self._job: Job | None = None
        self._jobs = 0

    # ---- pictures

    def choose(self, role: str, name: str) -> None:
        """Take a sample.

        Raises
        ------
        ImageError
            It is none: files of this machine are not read because a page asks for them.
        """
        if name not in self._samples and name != str(self._given[role]):
            raise ImageError(f"there is no sample {name[:60]!r}: drop a file to use your own")
        self._refuse_while_busy()
        self.names[role], self._given[role] = name, name

    def take(self, role: str, name: str, data: bytes) -> None:
        """Take a picture that was dropped.

        Raises
        ------
        ImageError
            It is none, or too large.
        """
        self._refuse_while_busy()
        file = Path(self._folder.name) / f"{role}-new"
        file.write_bytes(data)
        try:
            load_image(file)
        except NstError as error:
            said = str(error).removeprefix("load_image: ").replace(str(file), name[:60])
            raise ImageError(said) from error
        place = file.with_name(role)
        file.replace(place)
        self.names[role], self._given[role] = name[:120], place

    def picture(self, which: str) -> Image:
        """Return "content", "style", or the picture "now", uint8 (H, W, 3)."""
        painting = self.painting
        if which == "now" and painting is not None:
            return painting.image
        if painting is not None and which == "content":
            return painting.content
        return as_image(self._given[which if which in ROLES else "content"])

    # ---- the run

    def start(self, given: Mapping[str, Any], until: int | None = None) -> Painting:
        """Begin a run.

        Raises
        ------
        SettingError
            A run is under way, or a setting cannot be; other errors as of `Run`.
        """
        with self._lock:
            self._refuse_while_busy()
            unknown = set(given) - set(CHOICES)
            if unknown:
                raise SettingError(f"the page cannot set {sorted(unknown)[0][:40]!r}")
            settings = Settings(**given)
            self._cancel()
            self.painting = None  # its memory is free for the new one
            self._make(settings)
        assert self.painting is not None
        if until != 0:
            self.painting.go(until)
        return self.painting

    @gives_memory_back
    def _make(self, settings: Settings) -> None:
        pictures = self._given["content"], self._given["style"]
        self.painting = Painting(self.vgg, *pictures, settings, self._hand)
        self.runs, self.saved = self.runs + 1, 0

    def paint(self, over: Callable[[], bool]) -> None:
        """Paint what is asked for, on this thread, until it is over.

        Raises
        ------
        KeyboardInterrupt
            Ctrl-C; the picture so far is there.
        """
        while not over():
            try:
                work = self._work.get(timeout=WAKES)
            except Empty:
                continue
            work()
            result = self.painting and self.painting.result
            if result and result.reason == "interrupted":
                raise KeyboardInterrupt

    def _refuse_while_busy(self) -> None:
        if self.painting is not None and self.painting.phase in ("painting", "paused"):
            raise SettingError(BUSY)

    def running(self) -> Painting:
        """Return the run.

        Raises
        ------
        SettingError
            There is none.
        """
        if self.painting is None:
            raise SettingError("there is no run yet: press Start")
        return self.painting

    def state(self, since: int = 0) -> dict[str, Any]:
        """Say how it all stands; of the history what is new since an iteration."""
        painting = self.painting
        state: dict[str, Any] = {"names": dict(self.names), "run": self.runs, "phase": "empty"}
        if painting is None:
            return state
        history = painting.history[max(0, since) :]
        s = painting.run.settings
        height, width = painting.size
        return state | {
            "phase": painting.phase, "version": painting.version, "message": painting.message,
            "iteration": len(painting.history), "iterations": painting.iterations,
            "secondsLeft": painting.seconds_left, "height": height, "width": width,
            "strength": s.strength, "size": s.size, "styleLoss": s.style_loss,
            "steps": s.iterations,
            "changes": painting.changes, "saved": self.saved == painting.version,
            "history": [_entry(each) for each in history], "since": max(0, since),
            "margin": painting.run.margin,
        }  # fmt: skip

    # ---- questions

    def ask(self, given: Any) -> Job:
        """Begin to answer a question; the one before it is cancelled.

        Raises
        ------
        SettingError, UnknownNameError
            It is no question, or there is no run.
        """
        question, painting = Question.read(given), self.running()
        with self._lock:
            self._cancel()
            self._jobs += 1
            job = self._job = Job(self._jobs)
            job.future = self._answers.submit(self._answer, job, question, painting)
        return job

    def job(self, number: int) -> Job:
        """Return a question under way.

        Raises
        ------
        SettingError
            Another has taken its place.
        """
        job = self._job
        if job is None or job.number != number:
            raise SettingError("another question has been asked since")
        return job

    def _answer(self, job: Job, question: Question, painting: Painting) -> dict[str, Any]:
        job.told(0.0, "waiting for the iteration under way")
        moment = painting.moment(lambda: job.told(0.05, "the network, up and down"))
        job.told(0.1, "the sums")
        aids = painting.aids()
        aids.scans = self.scans
        found = answer(moment, question, aids, job.told).as_dict()
        return found | {"question": question.as_dict(), "iteration": len(painting.history)}

    def _cancel(self) -> None:
        if self._job is not None:
            self._job.cancelled = True
            if self._job.future is not None:
                self._job.future.cancel()

    def close(self) -> None:
        """End the run and the question under way; the picture stays."""
        self._cancel()
        if self.painting is not None:
            self.painting.stop()
        self._answers.shutdown(wait=False, cancel_futures=True)
        self._folder.cleanup()

    @property
    def unsaved(self) -> Image | None:
        """The picture that would be lost, at its full size; None where there is none."""
        painting = self.painting
        if painting is None or not painting.history or self.saved == painting.version:
            return None
        return painting.full_image


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the curve needs of an iteration; what is not finite is no number in JSON."""
    terms = {name: value if np.isfinite(value) else None for name, value in entry["terms"].items()}
    loss = entry["loss"] if np.isfinite(entry["loss"]) else None
    return {"iteration": entry["iteration"], "loss": loss, "terms": terms}
