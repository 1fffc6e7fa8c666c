"""Show what makes it fast, on this machine.

One 3×3 convolution (256 to 256 channels on a 128×128 map) by plain loops, as one matrix
product (im2col) and by Winograd's method; then a whole step of style transfer. Speed
counts the operations of the direct computation, so that a method which needs fewer can
pass the peak of the machine's matrix products.

With --against the same step and convolutions in 1-D and 3-D are timed here and elsewhere, in
turns: PyTorch as it is and compiled, JAX compiled, each in both memory layouts. They need:
pip install "nst_numpy[bench]"
"""

import argparse
from pathlib import Path

from nst_numpy.cli.parts.options import (
    add_output,
    add_quiet,
    add_size,
    add_threads,
    prints,
    step_duration,
    table,
    use_threads,
    whole_number,
)
from nst_numpy.cli.parts.outputs import claim, results
from nst_numpy.common.progress import bar
from nst_numpy.errors import OutputError, SettingError
from nst_numpy.figures import check_figure_output, ladder_figure, save_figure
from nst_numpy.files import atomic_write, check_output
from nst_numpy.kernels.products import products_are
from nst_numpy.layers import get_threads
from nst_numpy.measure.against import (
    RIVALS,
    STEP_SIZES,
    WHAT,
    Comparison,
    check_rivals,
    compare,
    count_turns,
)
from nst_numpy.measure.bench import convolution_ladder, sgemm_peak, step_rung
from nst_numpy.pictures.images import load_image
from nst_numpy.pictures.samples import sample_path
from nst_numpy.vgg import VGG

ROUNDS = 5
SMALLEST = 16  # pixels that VGG's pools leave something of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add_size(parser, 256, "of the step's picture")
    add_output(
        parser, "figure to draw: .png, .jpg, .svg or .pdf; with --against the tables, .md"
    )  # fmt: skip
    parser.add_argument(
        "--against", metavar="WHOM", help=f"compare with others, by commas: {','.join(RIVALS)}"
    )
    parser.add_argument(
        "--sizes", metavar="N", type=whole_number, nargs="+",
        help="with --against: pixels of a side, of the steps' pictures; default "
        f"{' '.join(map(str, STEP_SIZES))}",
    )  # fmt: skip
    parser.add_argument(
        "--rounds", metavar="N", type=whole_number, default=ROUNDS,
        help="with --against: turns of each, of one run to warm up and three that count; "
        "default %(default)s",
    )  # fmt: skip
    parser.add_argument("--only", choices=WHAT, help="with --against: one of the two tables")
    add_threads(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, and draw it if asked to."""
    if args.against is not None:
        return _run_against(args)
    if args.sizes:
        raise SettingError("--sizes is for --against: without it give --size")
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
        print(f"{get_threads()} threads, peak of float32 matrix products {peak:.0f} GFLOP/s")
        print(f"{products_are()}\n")
        print(table(rows, right="lrrrrl"))
    with results() as keep:
        keep(output, lambda place: save_figure(ladder_figure(rungs, peak), place))
    if output and not args.quiet:
        print(f"\n{output}")
    return 0


def _run_against(args: argparse.Namespace) -> int:
    """Compare with others; Ctrl-C keeps the cases that are done."""
    names, sizes = check_rivals(args.against), args.sizes or STEP_SIZES
    if min(sizes) < SMALLEST or args.rounds < 1:
        raise SettingError(f"--sizes are at least {SMALLEST}, --rounds at least 1")
    output = _check_table(args.output) if args.output else None
    claim(args, (), table=output)
    use_threads(args)
    found: Comparison | None = None
    total = count_turns(names, sizes, args.rounds, args.only)
    with bar("turn", total=total, shown=not args.quiet, leave=False) as turns:
        try:
            done = compare(VGG.load(), names, sizes, args.rounds, args.only, turns.update)
            for so_far in done:
                found = so_far
        except KeyboardInterrupt:
            if found is None:
                raise
            found.notes.append("Stopped before the end.")
    if found is not None:
        text = f"{found.markdown()}\n{products_are()}\n"
        with results() as keep:
            keep(output, lambda place: _write(text, place))
        if prints(args, output):
            print(text, end="")
        if output and not args.quiet:
            print(f"\n{output}")
    return 0


def _check_table(path: str) -> Path:
    if Path(path).suffix.lower() != ".md":
        raise OutputError(f"{path}: the tables are written as .md")
    return check_output(path)


def _write(text: str, path: Path) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
