"""Make a page in which every number of the first layers can be asked where it comes from.

PICTURE is a file, or a name from 'nst samples'; its middle, a square, is used:

  nst explore neuschwanstein -o explore.html

The page is one file and opens from disk. It holds a small picture and VGG's layers up to
relu2_1, and computes them, forward and backward: point at a number and see the products that
it is the sum of, change a pixel and see what changes.
"""

import argparse

from nst_numpy.cli.parts.options import add_output, add_quiet, add_size, add_weights
from nst_numpy.cli.parts.outputs import claim
from nst_numpy.files import check_output
from nst_numpy.pictures.samples import resolve_picture
from nst_numpy.report.explore import LEAST, MOST, SIZE, explore_page
from nst_numpy.vgg import POOLS, VGG


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("picture", metavar="PICTURE", help="a file or a sample")
    add_output(parser, "page to write: .html", required=True)
    add_size(parser, SIZE, f"from {LEAST} to {MOST}")
    parser.add_argument("--pool", default="avg", choices=list(POOLS), help="kind of pooling")
    add_weights(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Find out first whether the page can be written; then make it."""
    picture = resolve_picture(args.picture)
    output = check_output(args.output)
    claim(args, [picture, args.weights], page=output)
    page = explore_page(picture, VGG.load(args.weights, args.pool), size=args.size)
    page.save(output)
    if not args.quiet:
        print(f"{output}: {len(page.text) / 1000:.0f} kB; open it in a browser")
    return 0
