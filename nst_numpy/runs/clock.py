"""The time of a run: what it has taken, over all its parts, and what it may take."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

RECENT = 5  # iterations whose time tells that of the next
# Iterations' worth of work before the first one of a size is done: the pictures are measured, J is
# computed at the start and once more.
FIRST = 3
ENOUGH = 40  # iterations for which there is to be time at the coarsest size
COARSEST = 32  # pixels of the shorter side, of a size that is added for lack of time


class Clock:
    """How long a run has been under way, not counting the time between its parts.

    >>> clock = Clock()
    >>> clock.set(100.0)
    >>> 100 <= clock.seconds < 101
    True
    """

    def __init__(self) -> None:
        self.set(0.0)

    def set(self, seconds: float) -> None:
        """Let the clock show so many seconds now."""
        self._zero = time.perf_counter() - seconds

    @property
    def seconds(self) -> float:
        """What the clock shows."""
        return time.perf_counter() - self._zero


class Deadline:
    """Says when a pass of a run must end, so that the finest size is reached in time.

    A pass may take the share of the time that its iterations cost: at a size twice as large an
    iteration costs four times as much. What one leaves, the others get.

    Parameters
    ----------
    minutes : float or None
        For all passes together; None is as long as they take.
    passes : sequence of (int, int)
        The scale of each pass, and its iterations.
    clock : Clock

    Examples
    --------
    >>> Deadline(10, [(0, 150), (1, 150)], Clock()).ends
    [120.0, 600.0]
    """

    def __init__(
        self, minutes: float | None, passes: Sequence[tuple[int, int]], clock: Clock
    ) -> None:
        self.minutes, self.clock, self.passes = minutes, clock, passes
        costs = [4.0**scale * iterations for scale, iterations in passes]
        parts = [sum(costs[: n + 1]) / sum(costs) for n in range(len(costs))]
        self.ends = [] if minutes is None else [60 * minutes * part for part in parts]
        self.passed = False  # whether it has ended the pass
        self._times: list[float] = []
        self._number = 0

    def begin(self, number: int) -> bool:
        """Begin a pass; return False where there is no time for one iteration of it."""
        expected = self._expected
        if self._times:
            expected *= 4.0 ** (self.passes[number][0] - self.passes[self._number][0])
        late = bool(self._times) and self._is_late(FIRST * expected, self.ends[-1:])
        self._number, self.passed, self._times = number, late, [self.clock.seconds]
        return not late

    def after_iteration(self) -> bool:
        """Whether the pass must end now: one more iteration would take too long."""
        self._times.append(self.clock.seconds)
        self.passed = self._is_late(self._expected, self.ends[self._number : self._number + 1])
        return self.passed

    def _is_late(self, seconds: float, ends: Sequence[float]) -> bool:
        return any(self.clock.seconds + seconds > end for end in ends)

    @property
    def _expected(self) -> float:
        """Time of an iteration, from the last few; the first of a pass has the start's J in it."""
        recent = self._times[-RECENT - 1 :]
        return (recent[-1] - recent[0]) / (len(recent) - 1) if len(recent) > 1 else 0.0


def plan_scales(minutes: float, step: float, shortest: int, scales: int) -> int:
    """Choose how many sizes a run of so many minutes begins with: more where time is short.

    At half the size four iterations take the time of one, so forms are found sooner.

    Parameters
    ----------
    minutes : float
    step : float
        Seconds of an iteration at the full size.
    shortest : int
        Shortest side of the pictures in pixels, at the full size.
    scales : int
        As many as without haste.

    Examples
    --------
    >>> [plan_scales(1, step, 300, 2) for step in (1.0, 10.0, 100.0)]
    [2, 3, 4]
    """
    while 60 * minutes < ENOUGH * step / 4 ** (scales - 1) and shortest >> scales >= COARSEST:
        scales += 1
    return scales


def time_is_up(minutes: float, history: Sequence[Mapping[str, Any]]) -> str:
    """Say that a run's time is up, and if it had several sizes, how much of it each had.

    >>> entries = [{"height": h, "width": 2 * h, "seconds": s} for h, s in ((9, 3), (18, 12))]
    >>> time_is_up(0.2, entries)
    'the 0.2 minutes are up; of the time 18×9 had 25 %, 36×18 had 75 %'
    """
    taken: dict[str, float] = {}
    before = 0.0
    for entry in history:
        size = f"{entry['width']}×{entry['height']}"
        taken[size] = taken.get(size, 0.0) + entry["seconds"] - before
        before = entry["seconds"]
    whole = sum(taken.values()) or 1.0
    shares = ", ".join(f"{size} had {100 * t / whole:.0f} %" for size, t in taken.items())
    up = f"the {minutes:g} minutes are up"
    return f"{up}; of the time {shares}" if len(taken) > 1 else up
