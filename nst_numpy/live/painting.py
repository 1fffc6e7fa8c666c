"""A run that can be paused, stepped, stopped, and made stronger while it paints.

It paints on one thread, and is told by others what to do between two iterations. A strength that
changes makes another J, so the optimiser begins afresh from the picture so far.

Which thread that is matters: on others than the main one GNU's C library asks the system anew for
each large array, and an iteration takes a quarter longer.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from nst_numpy.callbacks import Progress
from nst_numpy.common.arrays import Array, Image
from nst_numpy.errors import NstError, SettingError
from nst_numpy.live.channels import Aids
from nst_numpy.live.moment import Moment
from nst_numpy.objective import Objective
from nst_numpy.pictures.images import Picture, as_image, deprocess, resize_image, widen
from nst_numpy.result import Result
from nst_numpy.runs.clock import Clock
from nst_numpy.runs.journal import Beginning, Journal
from nst_numpy.settings import Settings
from nst_numpy.style_transfer import Run
from nst_numpy.vgg import VGG

Phase = Literal["ready", "painting", "paused", "done", "failed"]
UNTIL_IT_STOPS = 60.0  # seconds: an iteration of a large picture takes some
WAKES = 0.5  # seconds: on Windows what waits for longer hears of no Ctrl-C


class _Run(Run):
    """A run that shows the J it is at."""

    at: tuple[int, Objective] | None = None

    def objective(self, scale: int) -> Objective:
        """Make J at a scale, and keep it."""
        made = super().objective(scale)
        self.at = scale, made
        return made


class _FromHere(Journal):
    """Begins with a picture that is there, and the history that led to it."""

    def __init__(self, history: list[dict[str, Any]], x: Array, seconds: float) -> None:
        self.history, self.x, self.seconds = history, x, seconds

    def begin(self, clock: Clock) -> Beginning:
        """Return what was given."""
        clock.set(self.seconds)
        return Beginning([], list(self.history), self.x)


class Painting:
    """One run, and how it stands.

    Parameters
    ----------
    vgg : VGG
    content, style : path, name of a sample, or ndarray, uint8 (H, W, 3)
    settings : Settings
    hand : callable, optional
        Is given the work, a function, and has it done on another thread than the one that asks. By
        default a thread is started.

    Attributes
    ----------
    phase : {"ready", "painting", "paused", "done", "failed"}
    version : int
        Grows with each change of the picture.
    history : list of dict
        An entry an iteration, as of `Result`; with the strength.
    message : str
        Why it ended.
    changes : list of (int, float)
        The iteration from which each strength holds.

    Raises
    ------
    NstError
        As of `Run`.
    """

    def __init__(
        self,
        vgg: VGG,
        content: Picture,
        style: Picture,
        settings: Settings,
        hand: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        self.vgg, self.given = vgg, (content, style)
        self.run = _Run(settings, vgg, content, style)
        self.phase: Phase = "ready"
        self.version, self.message = 0, ""
        self.history: list[dict[str, Any]] = []
        self.changes = [(0, settings.strength)]
        self.result: Result | None = None
        self._x = self.run.x(self.run.init, 0)
        self._canvas = widen(self._x, self.run.margin)
        self._changed = threading.Condition()
        self._paused, self._stopped = False, False
        self._until: int | None = None
        self._strength: float | None = None
        self._hand = _on_a_thread if hand is None else hand
        self._handed, self._begun = False, False
        self._moment: tuple[int, Moment] | None = None
        self._aids: dict[int, Aids] = {}
        self._pace = 0.0  # seconds for an iteration and pixel

    # ---- what it is told

    def go(self, until: int | None = None) -> None:
        """Paint: to the end, or until so many iterations are done in all."""
        with self._changed:
            if self.phase in ("done", "failed"):
                raise SettingError("this run has ended: start a new one")
            self._until, self._paused = until, False
            self._moment = None  # its memory is the run's now
            self.phase = "painting"
            self._changed.notify_all()
            handed, self._handed = self._handed, True
        if not handed:
            self._hand(self._paint)

    def step(self) -> None:
        """Do one iteration."""
        self.go(len(self.history) + 1)

    def pause(self) -> None:
        """Pause after the iteration under way, and wait for that."""
        with self._changed:
            self._paused = True
            self._changed.wait_for(lambda: self.phase != "painting", UNTIL_IT_STOPS)

    def stop(self) -> None:
        """End the run after the iteration under way, and wait for that."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            if self._begun:
                self._changed.wait_for(lambda: self.phase in ("done", "failed"), UNTIL_IT_STOPS)
            elif self.phase not in ("done", "failed"):
                self.phase, self.message = "done", "stopped before the first iteration"

    def set_strength(self, strength: Any) -> None:
        """Let the style be stronger or weaker from the next iteration on.

        Raises
        ------
        SettingError
            It is not from 0 to 100, or the run has ended.
        """
        replace(self.run.settings, strength=strength, beta=None)  # refused at the door
        with self._changed:
            if self.phase in ("done", "failed"):
                raise SettingError("this run has ended: start a new one with that strength")
            self._strength = float(strength)
            self._changed.notify_all()
        if self.phase == "ready":
            self._begin_again()

    # ---- what it shows

    @property
    def image(self) -> Image:
        """The picture so far, uint8 (H, W, 3), at the size at which it is painted."""
        return deprocess(self._x) if self.result is None else self.result.image

    @cached_property
    def content(self) -> Image:
        """The photograph at the full size, uint8 (H, W, 3)."""
        return deprocess(self.run.x(self.run.content, self.run.scales - 1))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of `image`."""
        shape = self._x.shape[1:] if self.result is None else self.result.image.shape
        return shape[0], shape[1]

    @property
    def full_image(self) -> Image:
        """The picture so far at its full size, as it is saved."""
        sizes = self.run.content.shape[:2]
        image = self.image
        return image if image.shape[:2] == sizes else resize_image(image, sizes)

    @property
    def iterations(self) -> int:
        """How many iterations there are in all, at most."""
        done: int = sum(n for _, n in getattr(self.run, "done", []))
        return len(self.history) - done + self.run.iterations

    @property
    def seconds_left(self) -> float | None:
        """How long it may take yet; None before the first iteration."""
        if self.phase in ("done", "failed"):
            return 0.0
        return (
            self._pace
            * sum(n * np.prod(self.run.canvas_shape(scale)[1:3]) for scale, n in self._rest())
            or None
        )

    def moment(self, told: Callable[[], object] = lambda: None) -> Moment:
        """Pause, call `told`, and return the picture as it is for questions."""
        self.pause()
        told()
        if self._moment is None or self._moment[0] != self.version:
            self._moment = None
            if self.run.at is None:
                self.run.objective(0)
            assert self.run.at is not None
            self._moment = self.version, Moment(self.run.at[1], self._canvas, self.run.margin)
        return self._moment[1]

    def aids(self) -> Aids:
        """Return what questions about channels need beside it."""
        scale = self.run.at[0] if self.run.at else 0
        if scale not in self._aids:
            self._aids[scale] = Aids(
                self.run.x(self.run.content, scale), self.run.style_x(scale),
                self.content, as_image(self.given[1], max(self.run.content.shape)),
            )  # fmt: skip
        return self._aids[scale]

    # ---- the thread

    def _paint(self) -> None:
        with self._changed:
            if self._stopped:
                return
            self._begun = True
        journal = Journal()
        try:
            while True:
                result = self.run.go([self._after], journal=journal)
                if self._strength is None or self._stopped or result.reason == "interrupted":
                    break
                journal = self._begin_again()
            self.result, self.message = result, result.message
            if result.reason == "stopped":
                self.message = f"stopped after {len(self.history)} iterations"
            self._end("done")
        except NstError as error:
            self.message = str(error)
            self._end("failed")
        except MemoryError:
            self.message = "there is not enough memory: use a smaller size"
            self._end("failed")
        finally:
            if self.phase not in ("done", "failed"):
                self.message = "the run broke off, which is a fault of the program"
                self._end("failed")

    def _end(self, phase: Phase) -> None:
        with self._changed:
            self.phase = phase
            self.version += 1
            self._changed.notify_all()

    def _after(self, progress: Progress) -> bool:
        """Note an iteration; wait while the run is paused; say whether this J is done with."""
        height, width = progress.x.shape[1:3]
        with self._changed:
            before = self.history[-1]["seconds"] if self.history else 0.0
            self._pace = _mean(self._pace, (progress.seconds - before) / (height * width))
            self.history.append(progress.entry | {"strength": self.run.settings.strength})
            self._x = progress.x.copy()
            self._canvas = self._x if progress.canvas is None else progress.canvas.copy()
            self.version += 1
            if self._until is not None and len(self.history) >= self._until:
                self._paused = True
            began = time.perf_counter()
            while self._paused and not self._stopped:
                self.phase = "paused"
                self._changed.notify_all()
                self._changed.wait(WAKES)
            self.phase = "painting"
            self.run.clock.set(self.run.clock.seconds - (time.perf_counter() - began))
            return self._stopped or self._strength is not None

    def _begin_again(self) -> Journal:
        """Make the run that goes on from here with the new strength."""
        assert self._strength is not None
        before, rest = self.run, self._rest()
        settings = replace(before.settings, strength=self._strength, beta=None)
        self.run = _Run(settings, self.vgg, *self.given)
        self.run.repeat(rest)
        at = len(self.history)
        self.changes = [each for each in self.changes if each[0] != at] + [(at, self._strength)]
        self._strength = None
        if not self.history:
            return Journal()
        return _FromHere(self.history, self._x, self.history[-1]["seconds"])

    def _rest(self) -> list[tuple[int, int]]:
        """List the passes that are left: the scale of each, and its iterations."""
        done = getattr(self.run, "done", [])
        if not done:
            return list(self.run.passes)
        scale, most = self.run.passes[len(done) - 1]
        return [(scale, max(1, most - done[-1][1])), *self.run.passes[len(done) :]]


def _on_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="nst-live", daemon=True).start()


def _mean(before: float, now: float) -> float:
    """Weigh the last iteration as much as those before it together; the first counts alone."""
    return now if before == 0 else (before + now) / 2
