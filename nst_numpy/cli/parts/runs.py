"""Settings from a file, and runs that are kept: --config, --run-folder and --resume."""

import argparse
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nst_numpy.cli.parts.outputs import Write, claim_folder
from nst_numpy.cli.parts.settings import typed_settings
from nst_numpy.errors import SettingError
from nst_numpy.result import Result
from nst_numpy.runs.folder import (
    EVERY,
    HISTORY,
    RunFolder,
    begin_folder,
    refuse_full,
    resume_folder,
)
from nst_numpy.runs.record import (
    FILES,
    RUN,
    SETTINGS,
    SEVERAL,
    Record,
    read_config,
    read_record,
)
from nst_numpy.runs.saved import FILE_NAMES, PICTURES
from nst_numpy.settings import Settings
from nst_numpy.style_transfer import Run

NAMES = "|".join([FILE_NAMES, *map(re.escape, (RUN, HISTORY))])


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add --config, --run-folder and --resume."""
    parser.add_argument(
        "--config", metavar="FILE",
        help="take what is not given here from a TOML file, a run.toml for example",
    )  # fmt: skip
    parser.add_argument(
        "--run-folder", metavar="RUN",
        help=f"keep all about the run there, for --resume, rerun and diff; a snapshot every {EVERY}"
        " iterations",
    )  # fmt: skip
    parser.add_argument(
        "--resume", metavar="RUN", help="go on with a run that was stopped, killed or finished"
    )


def settle(args: argparse.Namespace) -> RunFolder | None:
    """Fill in what a file or a run's folder says, where no option says it; return the folder."""
    asked = [name for name in ("config", "resume", "run_folder") if getattr(args, name)]
    if "resume" in asked and len(asked) > 1:
        raise SettingError(
            "--resume goes on with a run in its own folder: leave --config and --run-folder out"
        )
    folder = _resume(args) if args.resume else None
    if args.config:
        fill(args, read_config(args.config))
    if args.run_folder:
        refuse_full(Path(args.run_folder).expanduser())
    for name, what in {"content": "CONTENT", "style": "STYLE", "output": "-o OUT"}.items():
        if not getattr(args, name):
            raise SettingError(
                f"transfer needs {what}: give it, or a file by --config, or a run by --resume"
            )
    return folder


def fill(args: argparse.Namespace, record: Record) -> None:
    """Fill in what a record says: settings that were not typed, files that were not named."""
    typed = typed_settings(args)
    for name in SETTINGS:
        if name not in typed:
            setattr(args, name, record.settings.get(name, getattr(Settings, name)))
    for name in FILES:
        if not getattr(args, name, None):
            _set(args, name, record.files.get(name))


def _set(args: argparse.Namespace, name: str, value: Any) -> None:
    """Set what an option reads; what may be there several times is a list."""
    several = name in SEVERAL and isinstance(value, str)
    setattr(args, name, [value] if several else value)


def _files(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the command names of files, as a record has it: one painting is no list."""
    given = {name: getattr(args, name) or None for name in FILES}
    if given["style"] and len(given["style"]) == 1:
        given["style"] = given["style"][0]
    return given


def _resume(args: argparse.Namespace) -> RunFolder:
    """Open the folder of --resume, make sure of it, and fill in what it says."""
    read_record(args.resume)  # before anything is made there
    place = claim_folder(args, args.resume)
    given = _files(args)
    folder, found, settings = resume_folder(place, given, typed_settings(args))
    for name in SETTINGS:
        setattr(args, name, getattr(settings, name))
    for name in FILES:
        _set(args, name, found[name])
    if args.output is None:
        args.output = str(place / PICTURES[0])
    return folder


def begin(
    args: argparse.Namespace, job: Run, inputs: Iterable[Path | str | None]
) -> RunFolder | None:
    """Make the folder of --run-folder, and make sure of it."""
    if args.run_folder is None:
        return None
    place = claim_folder(args, args.run_folder, inputs, NAMES)
    return begin_folder(place, job.settings, _files(args) | {"init": args.init})


def say_room(folder: RunFolder, job: Run) -> None:
    """Say what the folder will take of the disk; warn if that is more than there is."""
    most, free = folder.most_bytes(job), shutil.disk_usage(folder.place).free
    text = f"{folder.place}: up to {max(1.0, most / 1e6):.0f} MB, to go on with the run"
    if most > free:
        text += f"; only {free / 1e6:.0f} MB are free"
    print(text, file=sys.stderr)


def files_of(
    folder: RunFolder | None, job: Run, result: Result, written: Mapping[str, Any]
) -> dict[Path, Write]:
    """List what is to be written into a run's folder at its end, each file with how."""
    if folder is None:
        return {}
    files = folder.writers(job, result, written)
    return {folder.place / name: write for name, write in files.items()}
