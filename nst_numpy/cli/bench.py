"""Show what makes it fast, on this machine.

One 3×3 convolution (256 to 256 channels on a 128×128 map) by plain loops, as one matrix
product (im2col) and by Winograd's method; then a whole step of style transfer. Speed
counts the operations of the direct computation, so that a method which needs fewer can
pass the peak of the machine's matrix products.
"""

import argparse

from nst_numpy.cli.parts.options import (
    FIGURE,
    add_output,
    add_quiet,
    add_size,
    add_threads,
    prints,
    step_duration,
    table,
    use_threads,
)
from nst_numpy.cli.parts.outputs import claim, results
from nst_numpy.figures import check_figure_output, ladder_figure, save_figure
from nst_numpy.layers import get_threads
from nst_numpy.measure.bench import convolution_ladder, sgemm_peak, step_rung
from nst_numpy.pictures.images import load_image
from nst_numpy.pictures.samples import sample_path
from nst_numpy.vgg import VGG


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add_size(parser, 256, "of the step's picture")
    add_output(parser, FIGURE)
    add_threads(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, and draw it if asked to."""
    output = check_figure_output(args.output) if args.output else None
    claim(args, (), figure=output)
    use_threads(args)
    peak = sgemm_peak()
    content, style = (
        load_image(sample_path(name), args.size) for name in ("neuschwanstein", "starry_night")
    )
    rungs = [*convolution_ladder(), step_rung(VGG.load(), content, style)]
    rows = [("", "time", "GFLOP/s", "of peak", "error", "")]
    for rung in rungs:
        share = f"{100 * rung.gflops / peak:,.0f} %" if rung.gflops > 0.01 * peak else "< 1 %"
        speed = f"{rung.gflops:.0f}" if rung.gflops > 1 else f"{rung.gflops:.4f}"
        rows.append(
            (rung.name, step_duration(rung.seconds), speed, share, f"{rung.error:.0e}", rung.note)
        )
    if prints(args, output):
        print(f"{get_threads()} threads, peak of float32 matrix products {peak:.0f} GFLOP/s\n")
        print(table(rows, right="lrrrrl"))
    with results() as keep:
        keep(output, lambda place: save_figure(ladder_figure(rungs, peak), place))
    if output and not args.quiet:
        print(f"\n{output}")
    return 0
