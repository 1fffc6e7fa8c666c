"""Write one activation out as the sum that it is.

PICTURE is a file, or a name from 'nst samples'. UNIT says which activation: the layer,
its channel, and row and column in the layer's map, all counted from 0:

  nst trace neuschwanstein relu3_1:203@15,24
  nst trace neuschwanstein relu3_1:203@15,24 --deep -o trace.png

The parts that are printed add up to the activation. A share is a part's |contribution|
over the sum of |contributions| of all parts of its kind.
"""

import argparse
import re
from collections.abc import Sequence

import numpy as np

from nst_numpy.cli.parts.options import (
    FIGURE,
    add_network,
    add_output,
    add_quiet,
    add_size,
    prints,
    table,
    use_threads,
    whole_number,
)
from nst_numpy.cli.parts.outputs import check_outputs, results
from nst_numpy.errors import SettingError
from nst_numpy.figures import save_figure, trace_figure, trace_path_figure
from nst_numpy.files import write_json
from nst_numpy.look.terms import Part, Trace
from nst_numpy.look.trace import COLOURS, PIXELS, trace, trace_deep
from nst_numpy.pictures.images import load_image, preprocess
from nst_numpy.pictures.samples import resolve_picture
from nst_numpy.vgg import VGG


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add = parser.add_argument
    add("picture", metavar="PICTURE", help="a file or a sample")
    add("unit", metavar="UNIT", help="LAYER:CHANNEL@ROW,COL, as relu3_1:17@20,30")
    add("--deep", action="store_true", help="go on with the largest input, down to the pixels")
    add("--top", type=whole_number, default=8, metavar="N", help="how many inputs to print")
    add_size(parser, 256)
    add("--json", metavar="FILE", help="write every number there")
    add_output(parser, FIGURE)
    add_network(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Trace, print, and write what was asked for."""
    use_threads(args)
    layer, channel, row, col = read_unit(args.unit)
    path = resolve_picture(args.picture)
    output, numbers = check_outputs(args, path, args.weights)
    image = load_image(path, args.size)
    vgg = VGG.load(args.weights, args.pool)
    x = preprocess(image, dtype=vgg.dtype)
    if args.deep:
        units = trace_deep(vgg, x, layer, channel, row, col)
    else:
        units = [trace(vgg, x, layer, channel, row, col)]
    height, width = image.shape[:2]
    if prints(args, output, numbers):
        print(f"{args.picture}, {width}×{height} pixels\n")
        print("\n\n".join(describe(unit, args.top) for unit in units))
    with results() as keep:
        keep(numbers, lambda place: write_json(place, record(args, image.shape, units)))
        if output:
            draw = trace_path_figure(units, image) if args.deep else trace_figure(units[0], image)
            keep(output, lambda place: save_figure(draw, place))
    if output and not args.quiet:
        print(f"\n{output}")
    return 0


def read_unit(text: str) -> tuple[str, int, int, int]:
    """Read LAYER:CHANNEL@ROW,COL.

    >>> read_unit("relu3_1:17@20,30")
    ('relu3_1', 17, 20, 30)
    """
    found = re.fullmatch(r"\s*([^:@,\s]+):(-?[0-9]{1,9})@(-?[0-9]{1,9}),(-?[0-9]{1,9})\s*", text)
    if found is None:
        raise SettingError(
            f"cannot read the unit {text!r}: write it as LAYER:CHANNEL@ROW,COL, "
            "for example relu3_1:17@20,30"
        )
    layer, channel, row, col = found.groups()
    return layer, int(channel), int(row), int(col)


def record(
    args: argparse.Namespace, shape: Sequence[int], units: Sequence[Trace]
) -> dict[str, object]:
    """Collect everything for JSON."""
    return {
        "picture": str(args.picture),
        "height": shape[0],
        "width": shape[1],
        "pool": args.pool,
        "weights": args.weights or "bundled",
        "traces": [unit.as_dict() for unit in units],
    }


def describe(unit: Trace, top: int) -> str:
    """Write a trace as text."""
    box = unit.box
    sees = (
        f"sees rows {box.top} to {box.bottom - 1}, "
        f"columns {box.left} to {box.right - 1} of the picture"
    )
    blocks = [f"{unit.name} = {number(unit.activation)}\n{sees}"]
    if unit.kind == "pool":
        how = "winner" if unit.kernel.max() == 1 else "mean of four"
        blocks.append(f"the {how} in channel {unit.channel} of {unit.input_layer}:")
        blocks.append(positions(unit))
        return "\n".join(blocks)
    blocks.append(f"\nby input channel:\n{channels(unit, top)}")
    blocks.append(f"\nby position in {unit.input_layer}, all channels added up:\n{positions(unit)}")
    blocks.append(f"\nlargest single terms:\n{terms(unit, top)}")
    return "\n".join(blocks)


def channels(unit: Trace, top: int) -> str:
    """Write bias and input channels, which add up to the activation."""
    count = unit.contributions.shape[-1]
    parts = unit.largest_inputs(top).channels
    rows: list[tuple[str, ...]] = [("", "adds", "share"), ("  bias", number(unit.bias), "")]
    for part in parts:
        rows.append((f"  {input_name(unit, part)}", number(part.contribution), percent(part.share)))
    if len(parts) < count:
        rest = unit.sum - unit.bias - sum(part.contribution for part in parts)
        share = max(0.0, 1 - sum(part.share for part in parts))
        rows.append((f"  the other {count - len(parts)}", number(rest), percent(share)))
    rows.append(("  sum", number(unit.sum), ""))
    if unit.kind == "relu":
        rows.append(("  after the ReLU", number(max(unit.sum, 0.0)), ""))
    rows.append(("  the network itself has", number(unit.activation), ""))
    return table(rows, right="lrr")


def positions(unit: Trace) -> str:
    """Write the window as a grid of what each position adds, and one of the shares."""
    kh, kw = unit.inside.shape
    parts = {(p.row, p.col): p for p in unit.largest_inputs(kh * kw).positions}
    columns = [f"col {unit.left + j}" for j in range(kw)]
    rows: list[tuple[str, ...]] = [("", *columns, "  share", *[""] * (kw - 1))]
    for i in range(kh):
        places = [(unit.top + i, unit.left + j) for j in range(kw)]
        adds = (
            number(parts[place].contribution) if inside else "padding"
            for place, inside in zip(places, unit.inside[i], strict=True)
        )
        rows.append((f"  row {places[0][0]}", *adds, *(percent(parts[p].share) for p in places)))
    return table(rows, right="lrrrrrr")


def terms(unit: Trace, top: int) -> str:
    """Write the largest products."""
    rows: list[tuple[str, ...]] = [("", "weight", "× input", "adds", "share")]
    for part in unit.largest_inputs(top).terms:
        place = ((part.row or 0) - unit.top, (part.col or 0) - unit.left, part.channel or 0)
        rows.append(
            (
                f"  {input_name(unit, part)} @ {part.row},{part.col}",
                number(float(unit.kernel[place])),
                number(float(unit.window[place])),
                number(part.contribution),
                percent(part.share),
            )
        )
    return table(rows, right="lrrrr")


def input_name(unit: Trace, part: Part) -> str:
    """Name an input channel: a colour where the window looks at pixels."""
    channel = part.channel or 0
    if unit.input_layer == PIXELS:
        return f"{COLOURS[channel]}, minus its mean"
    return f"{unit.input_layer}:{channel}"


def number(value: float) -> str:
    """Write a number with four decimals, and no minus before zeros."""
    return f"{np.round(value, 4) + 0.0:.4f}"


def percent(share: float) -> str:
    """Write a share."""
    return f"{100 * share:.1f} %"
