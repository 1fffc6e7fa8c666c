"""Paint a photograph with several settings, and show all results on one sheet.

CONTENT and STYLE are picture files, or names from 'nst samples'. Options with several values span
the sheet, and so do several paintings; one to four of them:

  nst grid neuschwanstein starry_night -o sheet.png --size 256 --strength 30,50,70
  nst grid me.jpg starry_night cafe_terrace -o sheet.png --style-loss gram,wasserstein --folder all

Each picture has its numbers from 'nst judge' below it. All settings and numbers are written as JSON
beside the sheet. With --folder each picture is saved too, and the same command goes on where it was
stopped. Ctrl-C ends the work early, and the sheet shows what there is.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from nst_numpy.cli.parts.options import (
    FIGURE,
    about,
    add_output,
    add_quiet,
    add_threads,
    add_weights,
    use_threads,
)
from nst_numpy.cli.parts.outputs import claim, claim_folder, results
from nst_numpy.cli.parts.settings import NAMES, add_axes, add_preset_axis, add_setting_options
from nst_numpy.cli.parts.stopping import held
from nst_numpy.common.text import counted
from nst_numpy.files import check_output
from nst_numpy.pictures.samples import resolve_picture
from nst_numpy.pictures.starts import is_start
from nst_numpy.sweeps.cells import AXES, FILES
from nst_numpy.sweeps.combinations import Grid


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("content", metavar="CONTENT", help="the photograph: a file or a sample")
    parser.add_argument(
        "style", metavar="STYLE", nargs="+", help="the painting: a file or a sample; or several"
    )
    add_output(parser, f"sheet, {FIGURE}", "OUT", required=True)
    parser.add_argument(
        "--folder", metavar="DIR",
        help="save each picture there; what is there already is not painted again",
    )  # fmt: skip
    parser.add_argument(
        "--json", metavar="FILE",
        help="write all settings and numbers there (default: OUT's name with .json)",
    )  # fmt: skip
    add_axes(parser, AXES)
    add_preset_axis(parser)
    add_setting_options(parser, [name for name in NAMES if name not in AXES])
    add_weights(parser)
    add_threads(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Find out first whether the sheet can be written; then paint, judge and draw."""
    from nst_numpy.figures import check_figure_output  # matplotlib takes a second to load

    sheet = check_figure_output(args.output)
    numbers = check_output(args.json or sheet.with_suffix(".json"))
    inputs = _inputs(args)
    claim(args, inputs, sheet=sheet, JSON=numbers)
    folder = args.folder and claim_folder(args, args.folder, inputs, FILES)
    use_threads(args)
    grid = Grid(
        args.content, args.style, folder=folder, weights=args.weights, progress=not args.quiet,
        **_settings(args),
    )  # fmt: skip
    if not args.quiet:
        print(_announcement(grid), file=sys.stderr)
    grid.paint(progress=not args.quiet, held=held)
    with results() as keep:
        keep(sheet, lambda place: _draw(grid, place))
        keep(numbers, grid.save_json)
    _report(args, grid, sheet)
    return 130 if grid.stopped else 1 if grid.count("failed") else 0


def _inputs(args: argparse.Namespace) -> list[Path | str | None]:
    """List the files that are read."""
    starts = [resolve_picture(init) for init in args.init or () if not is_start(init)]
    return [*map(resolve_picture, (args.content, *args.style)), *starts, args.weights]


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """Collect the settings that were given; an axis is a list."""
    given = {*AXES, *getattr(args, "given", ())}  # a default would count more than a preset
    said = {name: getattr(args, name) for name in NAMES if name in given}
    said["preset"] = args.presets
    return {name: value for name, value in said.items() if value is not None}


def _announcement(grid: Grid) -> str:
    """Say what there is to do, and how long it will take."""
    there, failed = grid.count("kept"), grid.count("failed")
    parts = [counted(len(grid.cells), "picture")]
    parts += [f"{there} are there already, of the same settings"] if there else []
    parts += [f"{failed} cannot be painted"] if failed else []
    seconds = grid.expected_seconds
    most = "up to " if any(cell.settings.used_patience for cell in grid.cells) else ""
    return ", ".join(parts) + (f": {most}{about(seconds)} to paint" if seconds else "")


def _draw(grid: Grid, place: Path) -> None:
    """Draw the sheet into a file."""
    from nst_numpy.figures import save_figure, sheet_figure

    save_figure(sheet_figure(grid), place)


def _report(args: argparse.Namespace, grid: Grid, sheet: Path) -> None:
    """Say what failed, also if it is to be quiet; which is best, and where the sheet is."""
    for cell in grid.cells:
        if cell.error:
            print(f"nst: {cell.label}: {cell.error}", file=sys.stderr)
    if args.quiet:
        return
    if grid.stopped:
        again = "; the same command goes on from there" if grid.shelf else ""
        done = grid.count("painted") + grid.count("kept")
        print(f"stopped: {done} of {len(grid.cells)} are done{again}", file=sys.stderr)
    best = grid.best
    if best and best.judgement:
        print(f"best score {best.judgement.score:.2f}: {best.label}", file=sys.stderr)
    print(sheet)
