"""Paint a photograph in the style of a painting.

CONTENT and STYLE are picture files, or names from 'nst samples':

  nst transfer neuschwanstein starry_night -o painted.png
  nst transfer me.jpg cafe_terrace -o me.png --size 768 --iterations 300

Ctrl-C ends a run early and writes the picture so far.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nst_numpy.cli.parts.options import (
    add_threads,
    check_distinct,
    duration,
    layer_weights,
    show_layer_weights,
    use_threads,
    whole_number,
)
from nst_numpy.files import check_output, write_json
from nst_numpy.measure.estimate import available_memory
from nst_numpy.objective import CONTENT_LAYERS, STYLE_LAYERS
from nst_numpy.optimize import LEARNING_RATES, OPTIMIZERS
from nst_numpy.pictures.images import check_image_output, save_image
from nst_numpy.pictures.samples import resolve_picture
from nst_numpy.style_transfer import (
    BETA_PER_PIXEL,
    COARSEST_SIZE,
    Callback,
    Result,
    Run,
    Settings,
    snapshot_saver,
)
from nst_numpy.vgg import POOLS, VGG

if TYPE_CHECKING:
    from nst_numpy.report import RunRecorder

INITS = ("content", "noise", "style")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("content", metavar="CONTENT", help="the photograph: a file or a sample")
    parser.add_argument("style", metavar="STYLE", help="the painting: a file or a sample")
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT",
        help="file to write: .png, .jpg, .webp, .tif or .bmp",
    )  # fmt: skip
    add_settings(parser)
    parser.add_argument(
        "--snapshot-every", type=whole_number, metavar="N", help="save every N-th picture too"
    )
    parser.add_argument(
        "--snapshot-folder", metavar="DIR",
        help="where to (default: OUT's name with -snapshots; it is made)",
    )  # fmt: skip
    parser.add_argument("--json", metavar="FILE", help="write settings and loss history there")
    parser.add_argument("--report", metavar="FILE", help="write an HTML page about the run there")


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add an option for each setting of a run."""
    d = Settings()
    rates = ", ".join(f"{name} {rate:g}" for name, rate in LEARNING_RATES.items())
    add = parser.add_argument
    add("--size", type=int, default=d.size, metavar="PX", help="longest side in pixels")
    add("--iterations", type=int, default=d.iterations, metavar="N", help="steps, at each scale")
    add_coefficients(parser)
    add("--init", default=d.init, help="start from content, noise, style, or a picture")
    add("--seed", type=int, default=d.seed, help="of the noise")
    add("--pool", default=d.pool, choices=list(POOLS), help="kind of pooling")
    add("--optimizer", default=d.optimizer, choices=list(OPTIMIZERS), help="how J is minimised")
    add("--learning-rate", type=float, help=f"in pixel values, 0 to 255 (default: {rates})")
    add(
        "--scales", type=int, metavar="K",
        help=f"sizes, coarse to fine (default: begin at {COARSEST_SIZE} pixels or less)",
    )  # fmt: skip
    add(
        "--style-size", type=int, metavar="PX",
        help="longest side of the painting; smaller gives finer strokes (default: as --size)",
    )  # fmt: skip
    add("--weights", metavar="FILE", help="HDF5 file of a VGG-16 or VGG-19 (default: bundled)")
    add_threads(parser)
    add("--quiet", action="store_true", help="print nothing but errors")


def add_coefficients(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what J is."""
    d = Settings()
    layers = "as relu3_1=0.5,relu4_2=1"
    add = parser.add_argument
    add("--alpha", type=float, default=d.alpha, help="weight of content")
    add(
        "--beta", type=float,
        help=f"weight of style (default: {BETA_PER_PIXEL:g} times the number of pixels)",
    )  # fmt: skip
    add("--tv-weight", type=float, default=d.tv_weight, help="weight of smoothness")
    add(
        "--content-layers", type=layer_weights, metavar="LAYERS",
        help=f"{layers} (default: {show_layer_weights(CONTENT_LAYERS)})",
    )  # fmt: skip
    add(
        "--style-layers", type=layer_weights, metavar="LAYERS",
        help=f"likewise (default: {show_layer_weights(STYLE_LAYERS)})",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Find out first whether the result can be written; then paint."""
    output = check_image_output(args.output)
    history = check_output(args.json) if args.json else None
    page = check_output(args.report) if args.report else None
    check_distinct(picture=output, JSON=history, report=page)
    job = prepare(args)
    folder = args.snapshot_folder
    if args.snapshot_every and folder is None:
        folder = output.with_name(f"{output.stem}-snapshots")
    callbacks = [snapshot_saver(args.snapshot_every, folder)] if folder else []
    recorder = make_recorder(job) if page else None
    result = paint(args, job, [*callbacks, recorder] if recorder else callbacks)
    save_image(output, result.image)
    if history:
        write_json(history, record(args, result))
    if page and recorder:
        write_page(args, page, output, result, recorder)
    report(args, result, output)
    return 130 if result.reason == "interrupted" else 0


def prepare(args: argparse.Namespace) -> Run:
    """Read settings, pictures and weights, the quickest first; write nothing."""
    use_threads(args)
    chosen = {f.name: getattr(args, f.name) for f in fields(Settings)}
    layers = {"content_layers": CONTENT_LAYERS, "style_layers": STYLE_LAYERS}
    settings = Settings(**(chosen | {k: chosen[k] or v for k, v in layers.items()}))
    content, style = resolve_picture(args.content), resolve_picture(args.style)
    init = args.init if args.init in INITS else resolve_picture(args.init)
    return Run(settings, VGG.load(args.weights, args.pool), content, style, init)


def paint(args: argparse.Namespace, job: Run, callbacks: Sequence[Callback] = ()) -> Result:
    """Announce the run's cost, then do it."""
    if not args.quiet:
        announce(job)
    return job.go(callbacks, progress=not args.quiet)


def make_recorder(job: Run) -> "RunRecorder":
    """Make the callback that collects what a page about the run needs."""
    # matplotlib and jinja2 take a second to load: only a run with a page pays for it
    from nst_numpy.report import RunRecorder

    return RunRecorder(job)


def write_page(
    args: argparse.Namespace, page: Path, output: Path, result: Result, recorder: "RunRecorder"
) -> None:
    """Write the page about a run, and say where it is."""
    from nst_numpy.report import write_report

    names = (str(args.content), str(args.style))
    write_report(page, result, recorder, names=names, command=repeat_command(args, output))
    if not args.quiet:
        print(f"report: {page}", file=sys.stderr)


def announce(run: Run) -> None:
    """Say what the run will need."""
    estimate = run.estimate()
    _, height, width, _ = run.shape(run.scales - 1)
    free = available_memory()
    print(
        f"{width}×{height} pixels, {run.iterations} iterations: "
        f"about {duration(run.expected_seconds)} and {estimate.bytes / 1e6:.0f} MB of memory"
        + (f" ({free / 1e9:.1f} GB are free)" if free else ""),
        file=sys.stderr,
    )


def repeat_command(args: argparse.Namespace, output: Path) -> str:
    """Write the command that does the run again: each setting that is not the default."""
    words = ["nst", "transfer", str(args.content), str(args.style)]
    for f in fields(Settings):
        value = getattr(args, f.name)
        if isinstance(value, dict):
            value = ",".join(f"{name}={weight!r}" for name, weight in value.items())
        if value is not None and value != getattr(Settings, f.name, None):
            words += [f"--{f.name.replace('_', '-')}", str(value)]
    if args.weights:
        words += ["--weights", str(args.weights)]
    return shlex.join([*words, "-o", str(output)])


def record(args: argparse.Namespace, result: Result) -> dict[str, Any]:
    """Collect what a run was and how it went, for JSON."""
    return {
        "content": str(args.content),
        "style": str(args.style),
        "weights": args.weights or "bundled",
        "settings": result.settings,
        "stopped": result.message,
        "history": result.history,
    }


def report(args: argparse.Namespace, result: Result, output: Path) -> None:
    """Say how the run ended and where the picture is."""
    if args.quiet:
        return
    last = result.history[-1] if result.history else None
    if last:
        parts = ", ".join(f"{name} {value:.3g}" for name, value in last["terms"].items())
        print(f"loss {last['loss']:.4g} = {parts}", file=sys.stderr)
    took = f" in {duration(last['seconds'])}" if last else ""
    print(f"{result.message}{took}", file=sys.stderr)
    print(output)
