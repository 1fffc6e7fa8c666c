"""Show which channels fire together in a picture.

PICTURE and OTHER are files, or names from 'nst samples'.

  nst gram starry_night -o gram.png
  nst gram neuschwanstein --with starry_night -o difference.png

The Gram matrix G of a layer has one number for each pair of channels: large where both
fire at the same places. Chance is what independent channels would give, M mean mean'.
With OTHER, the style loss of the layer between the two is split into what each pair adds.
A channel with itself is then a pair too: how strongly it fires at all.

A figure shows, for each channel, the nine patches of PHOTOS that excite it most.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

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
from nst_numpy.common.arrays import Array
from nst_numpy.common.arrays import Image as ImageArray
from nst_numpy.figures import (
    gram_difference_figure,
    gram_figure,
    save_figure,
    unit_image,
)
from nst_numpy.figures.channels import Patches
from nst_numpy.figures.style import Figure
from nst_numpy.figures.units import reader
from nst_numpy.files import write_json
from nst_numpy.look.channels import (
    GramDifference,
    Pair,
    PairLoss,
    compare_grams,
    gram_report,
)
from nst_numpy.look.units import top_patches
from nst_numpy.pictures.images import load_image, preprocess
from nst_numpy.pictures.samples import photo_paths, picture_files, resolve_picture
from nst_numpy.receptive_field import ReceptiveField, receptive_field
from nst_numpy.vgg import VGG


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add = parser.add_argument
    add("picture", metavar="PICTURE", help="a file or a sample")
    add("--layer", metavar="LAYER", default="relu3_1", help="which layer's channels")
    add("--with", dest="other", metavar="OTHER", help="compare with this picture")
    add("--pairs", type=whole_number, default=6, metavar="N", help="how many pairs to show")
    add_size(parser, 256, "of both pictures")
    add(
        "--patches", action=argparse.BooleanOptionalAction, default=True,
        help="draw each channel's nine patches, default: yes; the scan takes about half a minute",
    )  # fmt: skip
    add("--photos", metavar="FOLDER", help="where patches come from (default: the 184 photographs)")
    add("--json", metavar="FILE", help="write the numbers there")
    add_output(parser, FIGURE)
    add_network(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Find out first whether everything is there; then measure, print and draw."""
    use_threads(args)
    paths = [resolve_picture(text) for text in (args.picture, args.other) if text is not None]
    photos = picture_files(args.photos or photo_paths()) if args.output and args.patches else None
    output, numbers = check_outputs(args, *paths, args.weights, *(photos or ()))
    vgg = VGG.load(args.weights, args.pool)
    vgg.check_names([args.layer])
    images = [load_image(path, args.size) for path in paths]
    inputs = [preprocess(image, dtype=vgg.dtype) for image in images]
    maps = [vgg.forward(x, [args.layer])[args.layer] for x in inputs]
    field = receptive_field(args.layer, vgg)
    page = (show if args.other is None else compare)(args, field, images, maps)
    if prints(args, output, numbers):
        print(page.text)
    if output:
        channels = sorted({k for pair in page.pairs for k in (pair.first, pair.second)})
        drawn = page.draw(patches(vgg, args.layer, channels, photos, quiet=args.quiet))
    with results() as keep:
        keep(numbers, lambda place: write_json(place, page.record))
        keep(output, lambda place: save_figure(drawn, place))
    if output and not args.quiet:
        print(f"\n{output}")
    return 0


class Page(NamedTuple):
    """What a command has to say: as text, for JSON, and as a picture."""

    text: str
    record: dict[str, Any]
    pairs: Sequence[Pair | PairLoss]  # those in the picture
    draw: Callable[[Patches | None], Figure]


def show(
    args: argparse.Namespace,
    field: ReceptiveField,
    images: Sequence[ImageArray],
    maps: Sequence[Array],
) -> Page:
    """Describe one picture."""
    report = gram_report(maps[0])
    strong, above = report.strongest(args.pairs), report.more_than_chance(args.pairs)
    below = report.less_than_chance(args.pairs)
    groups = {"strongest pairs": strong, "furthest above chance": above}
    listed = groups | {"furthest below chance": below}
    record = {
        "picture": args.picture,
        **about(args),
        "positions": report.positions,
        "pairs": {heading: [asdict(pair) for pair in pairs] for heading, pairs in listed.items()},
        "gram": report.gram.tolist(),
    }
    blocks = [f"{heading}:\n{pair_table(pairs)}" for heading, pairs in listed.items()]
    # pairs below chance have no place where they fire together, so nothing to draw
    draw = partial(gram_figure, images[0], maps[0], field, report, groups)
    return Page("\n\n".join([title(args, maps[0]), *blocks]), record, [*strong, *above], draw)


def compare(
    args: argparse.Namespace,
    field: ReceptiveField,
    images: Sequence[ImageArray],
    maps: Sequence[Array],
) -> Page:
    """Split the style loss between two pictures."""
    difference = compare_grams(*maps)
    pairs = difference.largest(args.pairs)
    record = {
        "picture": args.picture,
        "with": args.other,
        **about(args),
        "style_loss": difference.value,
        "diagonal_share": difference.diagonal_share,
        "pairs": [asdict(pair) for pair in pairs],
        "parts": difference.parts.tolist(),
    }
    text = [
        f"{title(args, maps[0])}, compared with {args.other}",
        f"style loss {difference.value:.5g}, of which channels alone "
        f"carry {100 * difference.diagonal_share:.1f} %",
        loss_table(difference, pairs),
    ]
    names = [args.picture, args.other]
    named = [(Path(name).stem, image) for name, image in zip(names, images, strict=True)]
    draw = partial(gram_difference_figure, named, maps, field, difference, pairs)
    return Page("\n\n".join(text), record, pairs, draw)


def patches(
    vgg: VGG, layer: str, channels: Sequence[int], photos: Sequence[str] | None, *,
    quiet: bool = False,
) -> Patches | None:  # fmt: skip
    """Find each channel's nine patches, with a progress bar."""
    if photos is None:
        return None
    top = top_patches(vgg, photos, {layer: channels}, progress=not quiet)
    for skipped in () if quiet else top.skipped:
        print(f"skipped {skipped.path}: {skipped.reason}", file=sys.stderr)
    read = reader(top)
    return {channel: unit_image(top, layer, channel, read=read) for channel in channels}


def about(args: argparse.Namespace) -> dict[str, Any]:
    """Collect for JSON what was asked for."""
    weights = args.weights or "bundled"
    return {"layer": args.layer, "size": args.size, "pool": args.pool, "weights": weights}


def title(args: argparse.Namespace, a: Array) -> str:
    """Say what is looked at."""
    _, height, width, channels = a.shape
    return f"{args.picture}, {args.layer}: {channels} channels, {height}×{width} positions"


def pair_table(pairs: Sequence[Pair]) -> str:
    """Write pairs of channels of one picture."""
    rows: list[tuple[str, ...]] = [("  channels", "G", "by chance", "ratio", "correlation")]
    for pair in pairs:
        channels, ratio = f"  {pair.first} and {pair.second}", f"{pair.ratio:.2f}"
        numbers = (f"{pair.gram:.4g}", f"{pair.expected:.4g}", ratio, f"{pair.correlation:.3f}")
        rows.append((channels, *numbers))
    return table(rows, right="lrrrr")


def loss_table(difference: GramDifference, pairs: Sequence[PairLoss]) -> str:
    """Write what pairs of channels add to the loss; the rows add up to it."""
    rows: list[tuple[str, ...]] = [("  channels", "adds", "share", "G here", "G there, scaled")]
    for pair in pairs:
        alone = pair.first == pair.second
        channels = f"  {pair.first} alone" if alone else f"  {pair.first} and {pair.second}"
        share = f"{100 * pair.share:.2f} %"
        rows.append((channels, f"{pair.loss:.4e}", share, f"{pair.gram:.4g}", f"{pair.target:.4g}"))
    count = len(difference.parts) * (len(difference.parts) + 1) // 2 - len(pairs)
    if count:
        rest = difference.value - sum(pair.loss for pair in pairs)
        share = f"{100 * (1 - sum(pair.share for pair in pairs)):.2f} %"
        rows.append((f"  the other {count:,}", f"{rest:.4e}", share, "", ""))
    rows.append(("  sum", f"{difference.value:.4e}", "", "", ""))
    return table(rows, right="lrrrr")
