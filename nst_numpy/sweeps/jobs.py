"""Many runs, one after the other: what they cost, one bar over all, and none that ends the others.

A job is a name and a function that makes its run, so that of many runs one is in memory.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nst_numpy.callbacks import Callback, Progress
from nst_numpy.common.out_of_memory import tells_of_memory
from nst_numpy.common.progress import bar
from nst_numpy.errors import NstError, UnknownNameError
from nst_numpy.optimize import FAILED
from nst_numpy.result import Result
from nst_numpy.style_transfer import Run

Jobs = Mapping[str, Callable[[], Run]]


@dataclass
class Done:
    """What came of a job.

    Attributes
    ----------
    name : str
    result : Result, optional
        There is none where the run could not begin.
    error : str, optional
        What went wrong, in a sentence. There may be a picture all the same.
    """

    name: str
    result: Result | None = None
    error: str | None = None

    @property
    def stopped(self) -> bool:
        """Whether Ctrl-C ended it; the result is then the picture so far."""
        return self.result is not None and self.result.reason == "interrupted"

    @property
    def finished(self) -> bool:
        """Whether the picture is what was asked for."""
        return self.error is None and not self.stopped


def survey(jobs: Jobs, *, progress: bool = False) -> tuple[dict[str, float], dict[str, str]]:
    """Find out, without painting, how long each run will take, or what is wrong with it.

    Parameters
    ----------
    jobs : mapping of str to callable
        What makes a run, by its name.
    progress : bool
        Show a bar.

    Returns
    -------
    seconds : dict of str to float
        Of each run that can begin, expected; a run that settles takes less.
    troubles : dict of str to str
        Of each other one, what is wrong.

    Raises
    ------
    NstError
        A name is unknown, or all of several jobs fail for one reason: then it is not theirs.
    """
    seconds: dict[str, float] = {}
    troubles: dict[str, NstError] = {}
    known: dict[Any, float] = {}
    for name, make in bar("picture", jobs.items(), desc="reading", leave=False, shown=progress):
        try:
            run = make()
        except UnknownNameError:
            raise
        except NstError as error:
            troubles[name] = error
            continue
        kind = _kind(run)
        if kind not in known:
            known[kind] = run.expected_seconds
        seconds[name] = known[kind]
    if len(troubles) > 1 and not seconds and len(set(map(str, troubles.values()))) == 1:
        raise next(iter(troubles.values()))
    return seconds, {name: str(error) for name, error in troubles.items()}


def _kind(run: Run) -> tuple[Any, ...]:
    """Collect what the time of a run depends on: equal kinds take equal times."""
    last = run.scales - 1
    return (run.canvas_shape(last), run.style_shape(last), tuple(run.passes), tuple(run.names),
            run.settings.style_loss, run.settings.optimizer)  # fmt: skip


def paint_each(
    jobs: Jobs, seconds: Mapping[str, float], *, progress: bool = False
) -> Iterator[Done]:
    """Paint one picture after the other; what goes wrong with one is told, and the next begins.

    Parameters
    ----------
    jobs : mapping of str to callable
        What makes a run, by its name.
    seconds : mapping of str to float
        What each is expected to take, from `survey`. Only their proportions count.
    progress : bool
        Show one bar over all, with the time left.

    Yields
    ------
    Done
        The last one may be `stopped`: nothing follows.
    """
    whole, shown = sum(seconds[name] for name in jobs), progress and bool(jobs)
    with bar("", total=whole, shown=shown, counted=False) as all_:
        for number, (name, make) in enumerate(jobs.items(), start=1):
            all_.set_description_str(f"{number} of {len(jobs)}, {name:.40} ", refresh=False)
            before = all_.n
            done = _paint(name, make, seconds[name], all_)
            if not done.stopped:  # a run that settled has done all the same what it had to
                all_.update(before + seconds[name] - all_.n)
            yield done
            if done.stopped:
                return


def _paint(name: str, make: Callable[[], Run], seconds: float, all_: Any) -> Done:
    """Do one job."""
    try:
        run = make()
        result = run.go([_updater(run, seconds, all_)])
    except (NstError, MemoryError, OSError, RuntimeError) as error:
        if not isinstance(error, NstError) and not tells_of_memory(error):
            raise
        return Done(name, error=str(error) or "there is not enough memory: use a smaller size")
    return Done(name, result, result.message if result.reason in FAILED else None)


def _updater(run: Run, seconds: float, all_: Any) -> Callback:
    """Make a callback that moves the bar over all: an iteration counts by its pixels."""
    whole = sum(n * math.prod(run.shape(scale)[1:3]) for scale, n in run.passes)

    def update(progress: Progress) -> None:
        all_.update(seconds * math.prod(progress.x.shape[1:3]) / whole)

    return update
