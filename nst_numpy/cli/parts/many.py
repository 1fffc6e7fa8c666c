"""nst transfer with a folder or a pattern of photographs: one run after the other.

What a run is, the command itself says; here is only what several of them need. A picture is known
by all options and files that it was painted from, so that a new option counts as well.
"""

import argparse
import copy
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from nst_numpy.cli.parts.options import about, use_threads
from nst_numpy.cli.parts.outputs import claim_folder, results
from nst_numpy.cli.parts.picture_files import PictureFile
from nst_numpy.cli.parts.settings import read_settings
from nst_numpy.common.text import counted
from nst_numpy.errors import OutputError, SettingError
from nst_numpy.files import PathLike, expand
from nst_numpy.pictures.images import FORMATS
from nst_numpy.style_transfer import Run
from nst_numpy.sweeps.jobs import Done, paint_each, survey
from nst_numpy.sweeps.photographs import find_photographs, output_names
from nst_numpy.sweeps.shelf import LIST, Shelf
from nst_numpy.weights.digests import sha256

# What is of one run; and what does not change a picture.
OF_ONE = ("snapshot_every", "snapshot_folder", "save_run", "run_folder", "resume", "json", "report")
WITHOUT_EFFECT = (
    *(*OF_ONE, "content", "output", "quiet", "threads", "debug", "run", "until_the_end"),
    *("as_given", "given", "preset", "config"),  # they have come to settings
)
Inputs = Callable[[argparse.Namespace], Iterable[PathLike | None]]


@dataclass
class _Work:
    """The photographs of a command, and what came of them."""

    args: argparse.Namespace
    shelf: Shelf
    each: dict[str, argparse.Namespace]  # by the name of the result
    made_by: dict[str, dict[str, Any]]
    failed: dict[str, str] = field(default_factory=dict)  # by the name of the photograph
    painted: int = 0
    stopped: bool = False


def paint_many(
    args: argparse.Namespace,
    inputs: Inputs,
    load_network: Callable[[argparse.Namespace], Any],
    prepare: Callable[..., Run],
) -> int:
    """Paint every photograph that a folder or a pattern stands for.

    Parameters
    ----------
    args : Namespace
        Of `nst transfer`.
    inputs, load_network, prepare : callable
        What lists the files of a run, loads what all runs share, and makes a run of both.

    Returns
    -------
    int
        The exit code: 1 if a photograph failed, 130 after Ctrl-C.
    """
    _check_options(args)
    use_threads(args)
    read_settings(args)
    work = _plan(args, inputs)
    to_do = {
        name: one for name, one in work.each.items()
        if not work.shelf.has(name, work.made_by[name])
    }  # fmt: skip
    shared = load_network(args) if to_do else None
    jobs = {name: partial(prepare, one, network=shared) for name, one in to_do.items()}
    seconds, troubles = survey(jobs, progress=not args.quiet)
    work.failed |= {str(work.each[name].content): text for name, text in troubles.items()}
    _announce(work, len(to_do), sum(seconds.values()))
    try:
        for done in paint_each({name: jobs[name] for name in seconds}, seconds,
                               progress=not args.quiet):  # fmt: skip
            _keep(work, done)
    except KeyboardInterrupt:
        work.stopped = True
    _report(work, len(seconds))
    return 130 if work.stopped else 1 if work.failed else 0


def _check_options(args: argparse.Namespace) -> None:
    """Refuse what is of one picture only."""
    for name in OF_ONE:
        if getattr(args, name, None):
            raise SettingError(
                f"--{name.replace('_', '-')} is of one photograph, and {args.content} stands for "
                f"several: leave it out; settings and losses of all are in {LIST}"
            )
    if Path(args.output).suffix.lower() in FORMATS and not Path(args.output).is_dir():
        raise OutputError(
            f"{args.output} is a picture, and {args.content} stands for several: name a folder"
        )


def _plan(args: argparse.Namespace, inputs: Inputs) -> _Work:
    """Find the photographs, name the results, and make sure of the folder."""
    names = output_names(find_photographs(args.content), expand(args.output))
    each = {}
    for name, photograph in names.items():
        # one of its own, but what is open until the end is there once
        each[name] = copy.copy(args)
        each[name].content = str(photograph)
    files = {name: [file for file in inputs(one) if file] for name, one in each.items()}
    written = "|".join(map(re.escape, (*names, LIST)))
    every = {str(file) for some in files.values() for file in some}
    folder = claim_folder(args, args.output, sorted(every), written)
    shelf = Shelf(folder)
    digests = {file: _digest(file) for file in every}
    options = _options(args)
    made_by = {
        name: {"options": options, "files": [digests[str(file)] for file in some]}
        for name, some in files.items()
    }
    return _Work(args, shelf, each, made_by)


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """Collect all options that may change a picture, ready for JSON."""
    kinds = (str, int, float, list, tuple, dict, type(None))
    return {
        name: value if isinstance(value, kinds) else str(value)
        for name, value in sorted(vars(args).items()) if name not in WITHOUT_EFFECT
    }  # fmt: skip


def _digest(file: str) -> str:
    """Return a file's SHA-256; what cannot be read is found when it is to be painted."""
    try:
        return sha256(expand(file))
    except OSError:
        return ""


def _announce(work: _Work, to_do: int, seconds: float) -> None:
    """Say what there is to do, and how long it will take."""
    if work.args.quiet:
        return
    there = len(work.each) - to_do
    parts = [counted(len(work.each), "photograph")]
    parts += [f"{there} painted already with these settings"] if there else []
    parts += [f"{len(work.failed)} cannot be painted"] if work.failed else []
    most = "up to " if read_settings(work.args).used_patience else ""
    cost = f": {most}{about(seconds)} to paint" if seconds else ""
    print(", ".join(parts) + cost, file=sys.stderr)


def _keep(work: _Work, done: Done) -> None:
    """Save what came of a run, the picture so far too; OutputError ends the work."""
    if done.error:
        work.failed[str(work.each[done.name].content)] = done.error
    work.painted += done.finished
    work.stopped = done.stopped
    result = done.result
    if result is None:
        return
    about_it = {
        "content": str(work.each[done.name].content), "loss": result.loss,
        "terms": result.terms, "iterations": result.iterations, "seconds": result.seconds,
        "stopped": result.message, "settings": result.settings,
    }  # fmt: skip
    one = work.each[done.name]
    file = PictureFile(one, one.content)
    with results() as keep:
        keep(work.shelf.folder / done.name, lambda place: file.save_result(place, result))
        if (work.shelf.folder / done.name).exists():
            work.shelf.add(done.name, work.made_by[done.name], about_it, finished=done.finished)


def _report(work: _Work, to_do: int) -> None:
    """Name what failed, also if it is to be quiet; say where the pictures are."""
    for photograph, text in work.failed.items():
        said = text if photograph in text else f"{photograph}: {text}"
        print(f"nst: {said}", file=sys.stderr)
    if work.args.quiet:
        return
    if work.stopped:
        print(
            f"stopped: {work.painted} of {to_do} are painted; the same command goes on from there",
            file=sys.stderr,
        )
    print(work.shelf.folder)
