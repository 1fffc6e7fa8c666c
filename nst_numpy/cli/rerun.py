"""Repeat a run, and say whether the picture is the same to the bit.

RUN is a folder that nst transfer --run-folder has written; nothing in it is changed:

  nst rerun run
  nst rerun run -o again.png

The pictures and weights must be what they were. What was stopped, by Ctrl-C or by --minutes, is
repeated as far as it came. If the picture is not the same, what differs is printed as nst diff
does it, and the exit code is 1.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from nst_numpy.cli.parts.options import PICTURE, add_output, add_quiet, add_threads
from nst_numpy.cli.parts.outputs import claim, results
from nst_numpy.cli.parts.runs import fill
from nst_numpy.cli.transfer import inputs, paint, prepare
from nst_numpy.errors import SettingError
from nst_numpy.files import expand_input
from nst_numpy.pictures.images import check_image_output, save_image
from nst_numpy.result import Result
from nst_numpy.runs.diff import KeptRun, RunDifference, diff_runs, read_run
from nst_numpy.runs.folder import WRITTEN, ended
from nst_numpy.runs.record import (
    FILES,
    PICTURES,
    RUN,
    Record,
    changed_inputs,
    made_by,
)
from nst_numpy.style_transfer import Run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("folder", metavar="RUN", help="what nst transfer --run-folder has written")
    add_output(parser, f"{PICTURE} (default: none)")
    add_threads(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Read what was done, do it again, and compare."""
    kept = read_run(args.folder)
    record = kept.record
    _check(args.folder, record)
    output = check_image_output(args.output) if args.output else None
    fill(args, record)
    args.minutes = None  # what was done in the time is done again, whatever it takes
    folder = expand_input(args.folder, SettingError)
    claim(args, [*inputs(args), *(folder / name for name in WRITTEN)], picture=output)
    job = prepare(args)
    job.repeat(record.passes(job.settings.most_iterations) or job.passes)
    result = paint(args, job)
    with results() as keep:
        keep(output, lambda place: save_image(place, result.image))
    difference = _difference(kept, job, result)
    if not args.quiet:
        if output:
            print(output)
        print("the picture is the same to the bit" if difference.same_picture
              else f"the picture is not the same\n\n{difference.as_text()}")  # fmt: skip
    return 0 if difference.same_picture else 1


def _check(folder: str, record: Record) -> None:
    """Refuse a run that cannot be repeated."""
    if not record.result:
        raise SettingError(
            f"{folder} has no picture to compare with yet: finish it by nst transfer --resume"
        )
    if "vgg" in record.inputs or not all(record.files.get(name) for name in PICTURES):
        raise SettingError(
            f"{folder} is of a run in Python, with arrays or a network of its own: repeat it there"
        )
    given = {name: record.files.get(name) for name in FILES}
    changed = changed_inputs(record, given | {"init": record.settings.get("init")})
    if changed:
        raise SettingError(
            f"{' and '.join(changed)} of {folder} is not what the run read: put it back, or begin "
            f"a new run by nst transfer --config {Path(folder) / RUN}"
        )


def _difference(kept: KeptRun, job: Run, result: Result) -> RunDifference:
    now = ended(replace(kept.record, made_by=made_by()), job, result)
    return diff_runs(kept, KeptRun(now, result.history))
