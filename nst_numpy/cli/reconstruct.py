"""Paint from noise what a layer still knows of a picture.

PICTURE is a file, or a name from 'nst samples'. --content asks for the layer's activation,
place by place; --style for its Gram matrix only, that is, for texture:

  nst reconstruct chelsea --content relu4_2 -o cat.png
  nst reconstruct starry_night --style relu1_1,relu2_1 -o texture.png

Given more than once, they make one reconstruction each, and FILE becomes a figure of them
beside the picture. Ctrl-C ends a reconstruction early and keeps the picture so far.
"""

import argparse
import sys
from typing import Any

import numpy as np

from nst_numpy.cli.parts.options import (
    PICTURE,
    add_network,
    add_output,
    add_quiet,
    add_seed,
    add_size,
    duration,
    layer_weights,
    show_layer_weights,
    use_threads,
    whole_number,
)
from nst_numpy.cli.parts.outputs import claim, results
from nst_numpy.cli.parts.picture_files import PictureFile, add_file_options
from nst_numpy.cli.transfer import exit_code, say_failure
from nst_numpy.common.checks import check_at_least
from nst_numpy.common.progress import bar
from nst_numpy.errors import SettingError
from nst_numpy.figures import check_figure_output, save_figure, strip_figure
from nst_numpy.look import reconstruct
from nst_numpy.measure.estimate import check_memory, estimate_run
from nst_numpy.optimize import Minimum, Step
from nst_numpy.pictures.images import load_image
from nst_numpy.pictures.samples import resolve_picture
from nst_numpy.settings import SMALLEST_SIZE
from nst_numpy.vgg import VGG


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add = parser.add_argument
    add("picture", metavar="PICTURE", help="a file or a sample")
    add_output(parser, f"{PICTURE}; of several, .png, .jpg, .svg or .pdf", required=True)
    for name, what in (("content", "activation"), ("style", "Gram matrix")):
        add(
            f"--{name}", type=layer_weights, action="append", default=[], metavar="LAYERS",
            help=f"layers whose {what} to match, as relu1_1,relu2_1=0.5; may be repeated",
        )  # fmt: skip
    add_size(parser, 256)
    add("--iterations", type=whole_number, default=100, metavar="N", help="steps of L-BFGS")
    add("--tv-weight", type=float, metavar="W", default=0.0, help="weight of smoothness")
    add_seed(parser, "the noise")
    add_network(parser)
    add_file_options(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Find out first whether the result can be written; then paint, one after the other."""
    jobs = [{"content_layers": layers} for layers in args.content]
    jobs += [{"style_layers": layers} for layers in args.style]
    if not jobs:
        raise SettingError("name at least one layer: --content relu4_2, or --style relu1_1,relu2_1")
    file = PictureFile(args)
    output = file.check() if len(jobs) == 1 else check_figure_output(args.output)
    claim(args, [resolve_picture(args.picture), args.weights], picture=output)
    use_threads(args)
    check_at_least("size", args.size, SMALLEST_SIZE, " pixels")
    image = load_image(resolve_picture(args.picture), args.size)
    vgg = VGG.load(args.weights, args.pool)
    # what is wrong with a later job must not wait for the earlier ones
    names = vgg.check_names({name for job in jobs for layers in job.values() for name in layers})
    shape = (1, *image.shape)
    check_memory(estimate_run(vgg, shape, names, style_shape=shape), *image.shape[:2])
    pictures, code = [("the picture", image)], 0
    for job in jobs:
        painted, minimum = _paint(args, vgg, image, job)
        pictures.append((_caption(job), painted))
        code = max(code, exit_code(minimum))  # Ctrl-C says more than a run that failed
        if minimum.reason in ("interrupted", "memory"):
            break
    with results() as keep:
        if len(jobs) == 1:
            keep(output, lambda place: file.save(place, pictures[-1][1]))
        else:
            keep(output, lambda place: save_figure(strip_figure(pictures), place))
    if not args.quiet:
        print(output)
    return code


def _paint(
    args: argparse.Namespace, vgg: VGG, image: np.ndarray, job: dict[str, Any]
) -> tuple[np.ndarray, Minimum]:
    """Do one reconstruction, with a bar, and say how it ended."""

    def tick(step: Step) -> None:
        steps.update()  # its own answer must not end the run

    with bar("it", total=args.iterations, shown=not args.quiet, desc=_caption(job)) as steps:
        painted, minimum = reconstruct(
            vgg,
            image,
            **job,
            iterations=args.iterations,
            seed=args.seed,
            tv_weight=args.tv_weight,
            callback=tick,
        )
        seconds = steps.format_dict["elapsed"]
    if not args.quiet:
        loss = f", loss {minimum.losses[-1]:.4g}" if minimum.losses else ""
        print(f"{minimum.message} in {duration(seconds)}{loss}", file=sys.stderr)
    else:
        say_failure(minimum)
    return painted, minimum


def _caption(job: dict[str, dict[str, float]]) -> str:
    """Write "content relu4_2", or "style relu1_1, relu2_1=0.5"."""
    [(kind, layers)] = job.items()
    if set(layers.values()) == {1.0}:
        return f"{kind.removesuffix('_layers')} {', '.join(layers)}"
    return f"{kind.removesuffix('_layers')} {show_layer_weights(layers)}"
