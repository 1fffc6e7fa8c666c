"""Paint, from noise, a picture that excites a unit.

  nst dream relu4_1 77 -o dream.png

CHANNEL's mean activation grows, while the picture is kept smooth and within black and white.
Ctrl-C ends a run early and writes the picture so far.
"""

import argparse

from nst_numpy.cli.parts.options import (
    PICTURE,
    add_network,
    add_output,
    add_quiet,
    add_seed,
    add_size,
    use_threads,
    whole_number,
)
from nst_numpy.cli.parts.outputs import claim, results
from nst_numpy.cli.parts.picture_files import PictureFile, add_file_options
from nst_numpy.cli.transfer import exit_code, say_failure
from nst_numpy.common.progress import bar
from nst_numpy.look.dream import ITERATIONS, SIZE, TV_WEIGHT, paint_dream
from nst_numpy.optimize import OPTIMIZERS, Step
from nst_numpy.vgg import VGG


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add = parser.add_argument
    add("layer", metavar="LAYER", help="relu4_1, for example")
    add("channel", type=int, metavar="CHANNEL", help="its number, from 0")
    add_output(parser, PICTURE, required=True)
    add_size(parser, SIZE, "of the square picture")
    add("--iterations", type=whole_number, default=ITERATIONS, metavar="N", help="steps")
    add_seed(parser, "the noise")
    add("--tv-weight", type=float, metavar="W", default=TV_WEIGHT, help="weight of smoothness")
    add(
        "--position", type=int, nargs=2, metavar=("ROW", "COL"),
        help="excite the channel there only (default: its mean everywhere)",
    )  # fmt: skip
    add("--optimizer", default="lbfgs", choices=list(OPTIMIZERS), help="how J is minimised")
    add_network(parser, pool="max")
    add_file_options(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Find out first whether the picture can be written; then paint it."""
    picture = PictureFile(args)
    output = picture.check()
    claim(args, [args.weights], picture=output)
    use_threads(args)
    vgg = VGG.load(args.weights, args.pool)
    with bar("it", total=args.iterations, shown=not args.quiet) as steps:

        def update(step: Step) -> None:
            steps.update()

        image, minimum = paint_dream(
            vgg, args.layer, args.channel, size=args.size, iterations=args.iterations,
            seed=args.seed, tv_weight=args.tv_weight,
            position=tuple(args.position) if args.position else None,
            optimizer=args.optimizer, callback=update,
        )  # fmt: skip
    with results() as keep:
        keep(output, lambda place: picture.save(place, image))
    say_failure(minimum)
    if not args.quiet:
        print(output)
    return exit_code(minimum)
