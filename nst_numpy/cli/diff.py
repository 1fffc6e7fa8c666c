"""Say why two runs differ: in settings, inputs, versions, and where J parts.

RUN_A and RUN_B are folders that nst transfer --run-folder has written:

  nst diff run other

The terms of J are compared iteration by iteration, to the last bit: the first that differs, and
its layer, say where the difference comes in. The exit code is 0 if nothing came out otherwise, 1 if
something did.
"""

import argparse

from nst_numpy.cli.parts.options import add_quiet, prints
from nst_numpy.cli.parts.outputs import claim, results
from nst_numpy.errors import SettingError
from nst_numpy.files import check_output, expand_input, write_json
from nst_numpy.runs.diff import RunDifference, diff_runs, read_run
from nst_numpy.runs.folder import HISTORY
from nst_numpy.runs.record import RUN


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("one", metavar="RUN_A", help="what nst transfer --run-folder has written")
    parser.add_argument("other", metavar="RUN_B", help="another one")
    parser.add_argument("--json", metavar="FILE", help="write the differences there")
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Find out first whether the result can be written; then read and compare."""
    numbers = check_output(args.json) if args.json else None
    folders = [expand_input(folder, SettingError) for folder in (args.one, args.other)]
    claim(args, [folder / name for folder in folders for name in (RUN, HISTORY)], JSON=numbers)
    difference = diff_runs(*map(read_run, folders))
    with results() as keep:
        keep(numbers, lambda place: write_json(place, _record(difference)))
    if prints(args, numbers):
        print(difference.as_text())
    return 0 if difference.is_none else 1


def _record(difference: RunDifference) -> dict[str, object]:
    """Collect the differences, for JSON."""
    return vars(difference) | {
        "partings": [each._asdict() for each in difference.partings],
    }
