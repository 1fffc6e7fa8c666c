"""The folder of a run: made when it begins, opened again to go on with it."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from nst_numpy.callbacks import Callback, Progress, snapshot_saver
from nst_numpy.common.text import counted
from nst_numpy.errors import OutputError, SettingError
from nst_numpy.files import PathLike, check_folder, write_json
from nst_numpy.paintings import MASKS
from nst_numpy.result import Result
from nst_numpy.runs.journal import FolderJournal, Journal
from nst_numpy.runs.record import (
    FILES,
    PICTURES,
    RUN,
    Record,
    changed_inputs,
    digest_of_array,
    made_by,
    make_record,
    read_record,
)
from nst_numpy.runs.saved import PICTURES as SAVED
from nst_numpy.runs.saved import RECORD, SOURCE, Painted, writers
from nst_numpy.settings import Settings

HISTORY, STATE, SNAPSHOTS = "history.json", "state", "snapshots"
WRITTEN = (*SAVED, RECORD, SOURCE, RUN, HISTORY)  # at the end of a run
EVERY = 25  # iterations between two snapshots
OFTEN = 5.0  # seconds between two versions of history.json
MAY_CHANGE = ("iterations", "minutes", "patience")  # of a run that is resumed


class Job(Painted, Protocol):
    """What the folder asks of a run."""

    history: list[dict[str, Any]]
    passes: list[tuple[int, int]]
    done: list[tuple[int, int]]

    def canvas_shape(self, scale: int, /) -> tuple[int, int, int, int]:
        """Shape of what is painted at a scale."""

    def go(
        self, callbacks: Sequence[Callback], *, progress: bool, journal: Journal | None
    ) -> Result:
        """Paint."""


class RunFolder(NamedTuple):
    """A folder that a run is kept in while it goes.

    Attributes
    ----------
    place : Path
    record : Record
    journal : FolderJournal
        What the run's `go` takes.
    """

    place: Path
    record: Record
    journal: FolderJournal

    def paint(self, job: Job, callbacks: Sequence[Callback], *, progress: bool) -> Result:
        """Do a run from where it is, and write all of it into the folder.

        Raises
        ------
        OutputError
            Something cannot be written.
        """
        result = self.go(job, callbacks, progress=progress)
        for name, write in self.writers(job, result, {}).items():
            write(self.place / name)
        return result

    def go(
        self, job: Job, callbacks: Sequence[Callback], *, progress: bool, every: int = EVERY
    ) -> Result:
        """Do a run from where it is, and keep what it takes to go on; `every` is of snapshots."""
        told = [*callbacks, *self.callbacks(job, every)]
        try:
            return job.go(told, progress=progress, journal=self.journal)
        finally:
            self.journal.close()

    def most_bytes(self, job: Job) -> int:
        """Size of what the journal keeps of a run, if each iteration takes one evaluation."""
        return max(
            math.prod(job.canvas_shape(scale)) * 4 * (iterations + 1)
            for scale, iterations in job.passes
        )

    def callbacks(self, job: Job, every: int) -> list[Callback]:
        """Make what is told of each iteration: keep the history, and a snapshot now and then."""
        written = -OFTEN

        def keep_history(progress: Progress) -> None:
            nonlocal written
            if time.monotonic() - written >= OFTEN:
                written = time.monotonic()
                with suppress(OutputError):  # what is missing at the end is said there
                    write_json(self.place / HISTORY, job.history)

        return [keep_history, snapshot_saver(every, self.place / SNAPSHOTS)]

    def writers(
        self, job: Job, result: Result, more: Mapping[str, Any]
    ) -> dict[str, Callable[[Path], object]]:
        """List what is to be written at the end, each name with a function that writes it.

        Parameters
        ----------
        job : Run
        result : Result
        more : mapping
            What is to stand in run.json beside the settings.
        """
        files: dict[str, Callable[[Path], object]] = {}
        files |= writers(job, result, {"settings": result.settings} | dict(more))
        files[HISTORY] = partial(write_json, data=result.history)
        return files | {RUN: ended(self.record, job, result).write}


def first_settings(inputs: Mapping[str, Any], given: Mapping[str, Any]) -> Settings:
    """Return the settings of a run that begins; what a network says of itself counts."""
    for name in ("content", "style"):
        if inputs[name] is None:
            raise SettingError(f"transfer needs a {name} picture, or resume, the folder of a run")
    vgg = inputs["vgg"]
    said = {name: getattr(vgg, name) for name in ("pool", "engine") if hasattr(vgg, name)}
    return Settings(**{**given, **said})


def begin_folder(path: PathLike, settings: Settings, given: Mapping[str, Any]) -> RunFolder:
    """Make the folder of a run that begins.

    Parameters
    ----------
    path : path
    settings : Settings
    given : mapping
        As `make_record` takes it.

    Raises
    ------
    OutputError
        It holds a run already, or cannot be written.
    """
    refuse_full(Path(path))
    place = check_folder(path)
    record = make_record(settings, given)
    record.write(place / RUN)
    return RunFolder(place, record, FolderJournal(place / STATE))


def ended(record: Record, job: Job, result: Result) -> Record:
    """Add to a record how its run ended, and what its settings came to."""
    used = {
        name: value for name, value in result.settings.items()
        # masks stand at the top, with the other files
        if value is not None and value != record.settings.get(name) and name != "masks"
    }  # fmt: skip
    how = {
        "reason": result.reason,
        "message": result.message,
        "iterations": result.iterations,
        "passes": [list(each) for each in job.done],
        "seconds": result.seconds,
        "loss": result.loss,
        "image": digest_of_array(result.image),
    }
    return replace(record, result=how, used=used)


def refuse_full(place: Path) -> None:
    """Refuse a folder that holds a run already."""
    if (place / RUN).exists():
        raise OutputError(
            f"{place} holds a run already: go on with it by --resume, or name another folder"
        )


def resume_folder(
    path: PathLike, given: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[RunFolder, dict[str, Any], Settings]:
    """Open the folder of a run to go on with it.

    Parameters
    ----------
    path : path
    given : mapping
        What is given anew of `FILES` and "init"; None is not given.
    settings : mapping
        Settings that are given anew: more iterations, more minutes, another patience.

    Returns
    -------
    folder : RunFolder
    given : dict
        All that the run reads.
    settings : Settings

    Raises
    ------
    SettingError
        It is not the folder of a run; an input has changed or is missing; a setting would change
        what was done already.
    OutputError
        The folder cannot be written.
    """
    record = read_record(path)
    place = check_folder(path)
    chosen = continued(record, settings)
    found = {name: record.files.get(name) for name in (*FILES, "vgg")} | {"init": chosen.init}
    found |= {name: value for name, value in given.items() if _is_given(name, value)}
    for name in PICTURES:
        if found[name] is None:
            raise SettingError(f"the {name} picture of {place} was an array: give it again")
    if any(name.startswith(MASKS) for name in record.inputs) and not any(map(found.get, MASKS)):
        raise SettingError(f"a mask of {place} was an array: give masks again")
    if "vgg" in record.inputs and found["vgg"] is None:
        raise SettingError(f"{place} was painted by a network of yours: give it again as vgg")
    changed = changed_inputs(record, found)
    if changed:
        raise SettingError(
            f"{' and '.join(changed)} of {place} is not what it was when the run began: put it "
            "back, or begin a new run"
        )
    fresh = make_record(chosen, found)
    # what came out before is not what will come out
    record = replace(record, settings=fresh.settings, made_by=made_by(), result={}, used={})
    record = replace(record, files=record.files | fresh.files)
    record.write(place / RUN)
    return RunFolder(place, record, FolderJournal(place / STATE)), found, chosen


def continued(record: Record, changes: Mapping[str, Any]) -> Settings:
    """Return the settings of a run that goes on: as they were, but for what may change.

    Raises
    ------
    SettingError
        Another setting is not what it was, or there are more iterations behind the run already.
    """
    before = Settings(**record.settings)
    after = replace(before, **changes)
    for name in changes:
        old, new = getattr(before, name), getattr(after, name)
        if old != new and name not in MAY_CHANGE:
            raise SettingError(
                f"a run that is resumed keeps its settings, and {name} was {old}, not {new}: leave "
                "it out, or begin a new run"
            )
    if after.iterations == before.iterations:
        return after
    done = max((n for _, n in record.result.get("passes", [])[-1:]), default=0)
    if after.iterations is not None and after.iterations < done:
        raise SettingError(
            f"the run has done {counted(done, 'iteration')} at its last size: ask for more than "
            f"that, not for {after.iterations}"
        )
    # iterations to the letter would have no margin; the run has one
    has_own = "layers" in record.files or before.margin is not None
    return after if has_own else replace(after, margin=before.used_margin)


def _is_given(name: str, value: Any) -> bool:
    """Whether an input is more than its default."""
    by_default = name == "init" and isinstance(value, str) and value == Settings.init
    return value is not None and not by_default
