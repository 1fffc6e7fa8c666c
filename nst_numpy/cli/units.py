"""Find the patches of pictures that excite a unit most, and draw them.

LAYER is a layer, several with commas between, or 'all': every ReLU. A unit is a channel.

  nst units relu3_1 -o units.png
  nst units relu4_1 --channels 5,17 --drive guided -o units.png
  nst units all --channels all --photos ~/Pictures --json scan.json
  nst units relu3_1 --channels 40-48 --merge scan.json -o units.png

--merge draws from the results of earlier scans without a new one; with --photos too, the
pictures in the folder that those scans do not have are scanned and added, with the settings of
those scans. Ctrl-C ends a scan early and writes what was found so far. Several layers make
several sheets: units-relu3_1.png.
"""

import argparse
import sys
from functools import partial, reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nst_numpy.cli.parts.options import (
    FIGURE,
    add_network,
    add_output,
    add_quiet,
    add_size,
    channel_list,
    use_threads,
    whole_number,
)
from nst_numpy.cli.parts.outputs import claim, results
from nst_numpy.errors import ImageError, SettingError
from nst_numpy.figures import check_figure_output, save_figure, units_figure
from nst_numpy.figures.style import Figure
from nst_numpy.figures.units import Beside
from nst_numpy.files import check_output, expand, write_json
from nst_numpy.layers.activation import RELU_RULES, ReluRule
from nst_numpy.look import Patch, TopPatches, drive_image, top_patches, what_drove
from nst_numpy.look.scan_json import read_json
from nst_numpy.pictures.images import preprocess
from nst_numpy.pictures.samples import photo_paths, picture_files
from nst_numpy.vgg import VGG

MOST = 81  # units on a sheet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add = parser.add_argument
    add("layer", metavar="LAYER", help="relu3_1, or relu1_1,relu2_1, or all")
    add("--channels", type=channel_list, default="0-8", metavar="LIST", help="as 0-8,17, or all")
    add("--photos", metavar="FOLDER", help="pictures to scan (default: the 184 that come along)")
    add_size(parser, None, "when they are scanned (default: each its own, up to 1024)")
    add("-k", type=whole_number, metavar="N", default=9, help="patches for each unit")
    add("--several-per-picture", action="store_true", help="more than one patch of a picture")
    add("--merge", nargs="+", metavar="FILE", help="JSON files of earlier scans")
    add("--drive", choices=RELU_RULES, help="draw beside each patch what in it drove the unit")
    add("--json", metavar="FILE", help="write the results there")
    add_output(parser, FIGURE)
    add_network(parser, pool="max")
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Find out first whether the results can be written; then scan or merge, and draw."""
    if not (args.output or args.json):
        raise SettingError("name what to write: a sheet with -o, the results with --json, or both")
    output = check_figure_output(args.output) if args.output else None
    data = check_output(args.json) if args.json else None
    photos = picture_files(args.photos) if args.photos else []
    claim(args, [args.weights, *(args.merge or ()), *photos], sheet=output, JSON=data)
    use_threads(args)
    top = _merged(args) if args.merge else _scanned(args)
    if not top.pictures:
        reason = f"; the first: {top.skipped[0].reason}" if top.skipped else ""
        raise ImageError(f"none of the {len(top.skipped)} pictures could be scanned{reason}")
    with results() as keep:
        keep(data, lambda place: write_json(place, top.to_json()))
        sheets = _draw(args, top, output) if output else {}
        for sheet, figure in sheets.items():
            keep(sheet, partial(save_figure, figure))
    if not args.quiet:
        _report(top, [*([data] if data else []), *sheets])
    return 130 if top.interrupted else 0


def read_scan(path: str) -> TopPatches:
    """Read the results of an earlier scan.

    Raises
    ------
    SettingError
        If the file is missing or something else.
    """
    try:
        return TopPatches.from_json(read_json(expand(path)))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingError(f"{path} cannot be read as the results of a scan: {reason}") from error


def _scanned(args: argparse.Namespace) -> TopPatches:
    """Scan the pictures."""
    vgg = VGG.load(args.weights, args.pool)
    names = _layers(args, vgg.layer_names)
    _check_sheet(args)
    return top_patches(
        vgg,
        args.photos or photo_paths(),
        dict.fromkeys(names, args.channels),
        args.k,
        args.size,
        one_per_picture=not args.several_per_picture,
        progress=not args.quiet,
    )


def _merged(args: argparse.Namespace) -> TopPatches:
    """Merge earlier scans; then add the pictures of a folder that they lack."""
    top = reduce(TopPatches.merge, (read_scan(path) for path in args.merge))
    for name in _layers(args, list(top.channels)):
        for channel in args.channels or ():
            top.best(name, channel)  # refuses what was not scanned
    if args.photos:
        vgg = VGG.load(args.weights, args.pool)
        top = top.extend(vgg, args.photos, progress=not args.quiet)
    return top


def _layers(args: argparse.Namespace, names: list[str]) -> list[str]:
    """Return the layers that are asked for."""
    if args.layer == "all":
        return [name for name in names if name.startswith("relu")]
    return list(dict.fromkeys(name.strip() for name in args.layer.split(",")))


def _check_sheet(args: argparse.Namespace) -> None:
    if args.output and (args.channels is None or len(args.channels) > MOST):
        raise SettingError(f"a sheet has room for {MOST} units: choose --channels, or leave out -o")


def _draw(args: argparse.Namespace, top: TopPatches, output: Path) -> dict[Path, Figure]:
    """Draw a sheet for each layer."""
    _check_sheet(args)
    names = _layers(args, list(top.channels))
    vgg = VGG.load(args.weights, top.settings.pool) if args.drive else None
    if vgg:
        top.check_network(vgg)
    sheets = {}
    for name in names:
        beside = _driver(vgg, name, args.drive) if vgg else None
        path = output if len(names) == 1 else output.with_stem(f"{output.stem}-{name}")
        sheets[path] = units_figure(top, name, args.channels, beside=beside)
    return sheets


def _driver(vgg: VGG, layer: str, rule: ReluRule) -> Beside:
    """Make the function that draws what drove a unit."""

    def drive(image: NDArray[np.uint8], channel: int, patch: Patch) -> NDArray[np.uint8]:
        x = preprocess(image, dtype=vgg.dtype)
        grad_x = what_drove(vgg, x, layer, channel, patch.row, patch.col, rule)
        return drive_image(grad_x)

    return drive


def _report(top: TopPatches, written: list[Path]) -> None:
    """Say what was left out, and where the results are."""
    for skipped in top.skipped:
        print(f"skipped {skipped.path}: {skipped.reason}", file=sys.stderr)
    for path in written:
        print(path)
