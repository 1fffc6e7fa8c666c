"""Paint a photograph in the style of a painting.

CONTENT and STYLE are picture files, or names from 'nst samples':

  nst transfer neuschwanstein starry_night -o painted.png
  nst transfer me.jpg cafe_terrace -o me.png --size 768 --iterations 300

Several paintings are mixed, or each has its part of the photograph, white in a mask:

  nst transfer me.jpg a.jpg b.jpg -o me.png --style-weights 0.7,0.3
  nst transfer me.jpg a.jpg b.jpg -o me.png --content-mask sky.png --content-mask not:sky.png

CONTENT may also be a folder of photographs, or a pattern in quotes; OUT is then a folder too. What
is there already, of the same settings, is not painted again:

  nst transfer photos starry_night -o painted
  nst transfer 'photos/*.jpg' starry_night -o painted

Ctrl-C or SIGTERM ends a run early and writes the picture so far. With --run-folder, what it takes
to go on is kept as well, also if the process is killed:

  nst transfer me.jpg cafe_terrace -o me.png --run-folder run
  nst transfer --resume run
"""

import argparse
import math
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nst_numpy.callbacks import Callback, snapshot_saver
from nst_numpy.cli.parts.many import paint_many
from nst_numpy.cli.parts.options import (
    PICTURE,
    about,
    add_output,
    add_quiet,
    add_threads,
    add_weights,
    duration,
    use_threads,
    whole_number,
)
from nst_numpy.cli.parts.outputs import Write, claim, claim_folder, results
from nst_numpy.cli.parts.paintings import (
    add_pictures,
    mask_files,
    masks,
    paintings,
    repeat_pictures,
)
from nst_numpy.cli.parts.picture_files import (
    PictureFile,
    add_file_options,
    repeat_file_options,
)
from nst_numpy.cli.parts.runs import add_run_options, begin, files_of, say_room, settle
from nst_numpy.cli.parts.settings import add_preset, read_settings, repeat_settings
from nst_numpy.common.moved import keep_former_names
from nst_numpy.common.text import counted
from nst_numpy.errors import UnknownPictureError
from nst_numpy.files import check_output, write_json
from nst_numpy.measure.free_memory import available_memory, peak_memory
from nst_numpy.optimize import FAILED
from nst_numpy.own_layers import OwnLayers, load_own
from nst_numpy.pictures.images import Picture
from nst_numpy.pictures.samples import resolve_picture
from nst_numpy.pictures.starts import is_start, unknown_start
from nst_numpy.result import Result
from nst_numpy.runs.folder import EVERY, RunFolder
from nst_numpy.runs.saved import FILE_NAMES, writers
from nst_numpy.settings import PATIENCE, SMALLEST_SIZE
from nst_numpy.style_transfer import Run
from nst_numpy.sweeps.photographs import is_many
from nst_numpy.vgg import VGG

if TYPE_CHECKING:
    from nst_numpy.report import RunRecorder

LONG = 600  # seconds: for layers of your own a size is named that takes no longer

keep_former_names(__name__, "nst_numpy.cli.parts.settings", "add_coefficients")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add_pictures(parser)
    add_output(parser, PICTURE, "OUT")
    add_settings(parser)
    add_file_options(parser, photograph=True)
    parser.add_argument(
        "--snapshot-every", type=whole_number, metavar="N", help="save every N-th picture too"
    )
    parser.add_argument(
        "--snapshot-folder", metavar="DIR",
        help="where to (default: OUT's name with -snapshots; it is made)",
    )  # fmt: skip
    parser.add_argument(
        "--layers", metavar="FILE.py",
        help="layers or losses of your own, as conv_forward and conv_backward; the file is run",
    )  # fmt: skip
    parser.add_argument(
        "--save-run", metavar="DIR",
        help="write pictures, settings and source map there, for nst source; it is made",
    )  # fmt: skip
    add_run_options(parser)
    parser.add_argument("--json", metavar="FILE", help="write settings and loss history there")
    parser.add_argument("--report", metavar="FILE", help="write an HTML page about the run there")


def add_settings(parser: argparse.ArgumentParser, patience: int = PATIENCE) -> None:
    """Add what every command that paints has: the settings, and how to run."""
    add_preset(parser, patience)
    add_weights(parser)
    add_threads(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Find out first whether the result can be written; then paint."""
    kept = settle(args)
    if is_many(args.content):
        return paint_many(args, inputs, load_network, prepare_one)
    picture = PictureFile(args, args.content)
    output = picture.check()
    history = check_output(args.json) if args.json else None
    page = check_output(args.report) if args.report else None
    files = inputs(args)
    claim(args, files, picture=output, JSON=history, report=page)
    job = prepare(args, picture.source())
    kept = kept or begin(args, job, files)
    callbacks = make_snapshots(args, output, kept)
    folder = claim_run_folder(args)
    recorder = make_recorder(job) if page else None
    result = paint(args, job, [*callbacks, recorder] if recorder else callbacks, kept)
    with results() as keep:
        keep(output, lambda place: picture.save_result(place, result))
        keep(history, lambda place: write_json(place, record(args, result)))
        for place, write in run_files(folder, job, result, record(args, result)).items():
            keep(place, write)
        for place, write in files_of(kept, job, result, record(args, result)).items():
            keep(place, write)
        if recorder:
            keep(page, lambda place: write_page(args, place, output, result, recorder))
    report(args, result, output)
    return exit_code(result)


def inputs(args: argparse.Namespace) -> list[Path | str | None]:
    """List the files that a run reads."""
    files = [resolve_picture(args.content), *paintings(args), start(args.init), *mask_files(args)]
    return [*(file for file in files if not is_start(file)), args.weights,
            getattr(args, "layers", None)]  # fmt: skip


def start(text: str) -> Path | str:
    """Find the picture to start from; the name of a start stands for itself."""
    if is_start(text):
        return text
    try:
        return resolve_picture(text)
    except UnknownPictureError as error:
        raise unknown_start(text) from error


def make_snapshots(
    args: argparse.Namespace, output: Path, kept: RunFolder | None
) -> list[Callback]:
    """Make the callback that saves snapshots, if they are asked for; a run's folder has its own."""
    folder = args.snapshot_folder
    if kept and folder is None:
        return []
    if args.snapshot_every and folder is None:
        folder = output.with_name(f"{output.stem}-snapshots")
    if not folder:
        return []
    saver = snapshot_saver(args.snapshot_every, folder)
    claim_folder(args, folder, inputs(args), r"\d{5,}\.png")
    return [saver]


def claim_run_folder(args: argparse.Namespace) -> Path | None:
    """Make the folder of --save-run, and make sure of it."""
    if args.save_run is None:
        return None
    return claim_folder(args, args.save_run, inputs(args), FILE_NAMES)


def run_files(
    folder: Path | None, job: Run, result: Result, written: dict[str, Any]
) -> dict[Path, Write]:
    """List what --save-run writes, each file with how."""
    if folder is None:
        return {}
    return {folder / name: write for name, write in writers(job, result, written).items()}


class Ended(Protocol):
    """What a run leaves: why it ended, in a word and in plain words."""

    @property
    def reason(self) -> str:
        """One of those of `optimize.Minimum`."""

    @property
    def message(self) -> str:
        """The same in plain words."""


def exit_code(result: Ended) -> int:
    """Return 0 if the picture is what was asked for; 130 after Ctrl-C, 1 if the run failed."""
    return ({"interrupted": 130} | dict.fromkeys(FAILED, 1)).get(result.reason, 0)


def say_failure(result: Ended) -> None:
    """Say what went wrong, if something did, also where the command is to be quiet."""
    if exit_code(result) == 1:
        print(f"nst: {result.message}", file=sys.stderr)


def load_network(args: argparse.Namespace) -> tuple[OwnLayers | None, VGG]:
    """Read what the runs of several photographs share."""
    layers = getattr(args, "layers", None)
    own = load_own(layers) if layers else None
    return own, VGG.load(args.weights, args.pool, engine=args.engine)


def prepare_one(args: argparse.Namespace, network: tuple[OwnLayers | None, VGG]) -> Run:
    """Read what one of several runs is made of."""
    return prepare(args, PictureFile(args, args.content).source(), network=network)


def prepare(
    args: argparse.Namespace,
    photograph: Picture | None = None,
    *,
    network: tuple[OwnLayers | None, VGG] | None = None,
) -> Run:
    """Read settings, pictures and weights, the quickest first; write nothing."""
    use_threads(args)
    settings = read_settings(args)
    content = resolve_picture(args.content) if photograph is None else photograph
    init = start(args.init)
    own, vgg = network or load_network(args)
    return Run(settings, vgg, content, paintings(args), init, own, masks(args))


def paint(
    args: argparse.Namespace,
    job: Run,
    callbacks: Sequence[Callback] = (),
    kept: RunFolder | None = None,
) -> Result:
    """Announce the run's cost, then do it."""
    if not args.quiet:
        announce(job)
    if kept:
        if not args.quiet:
            say_room(kept, job)
        every = args.snapshot_every or EVERY
        return kept.go(job, callbacks, progress=not args.quiet, every=every)
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

    names = (str(args.content), *map(str, args.style))
    write_report(page, result, recorder, names=names, command=repeat_command(args, output))
    if not args.quiet:
        print(f"report: {page}", file=sys.stderr)


def announce(run: Run) -> None:
    """Say what the run will need."""
    if run.own:
        functions = ", ".join(run.own.functions)
        print(f"from {run.own.path}, checked: {functions}", file=sys.stderr)
    for note in run.paintings.notes:
        print(note, file=sys.stderr)
    say_means(run)
    estimate, seconds = run.estimate(), run.expected_seconds
    if run.settings.minutes is not None:
        seconds = min(seconds, 60 * run.settings.minutes)
    _, height, width, _ = run.shape(run.scales - 1)
    most = "up to " if run.settings.used_patience else ""
    cost = f"{most}{about(seconds)}"
    means = run.means[-1]
    if means.bands is not None:
        cost = means.say(cost)
    elif estimate is not None:
        # to read a large picture may have taken more than the run will
        memory = max(estimate.bytes, peak_memory() or 0)
        cost += f" and {memory / 1e6:.0f} MB of memory"
    free = available_memory()
    if estimate is not None and free:
        cost += f" ({free / 1e9:.1f} GB are free)"
    print(
        f"{width}×{height} pixels, {most}{counted(run.iterations, 'iteration')}: {cost}",
        file=sys.stderr,
    )
    smaller = int(run.settings.size * math.sqrt(LONG / seconds)) // 16 * 16
    if run.own and seconds > LONG and smaller >= SMALLEST_SIZE:
        at_size = seconds * (smaller / run.settings.size) ** 2
        print(f"--size {smaller} would take {about(at_size)}", file=sys.stderr)


def say_means(run: Run) -> None:
    """Say how smaller scales are painted, if they are not painted whole, and what is enlarged."""
    side, size = run.photograph_side, run.settings.size
    if side < size:
        print(f"the photograph is enlarged, from {side} pixels to {size}", file=sys.stderr)
    for scale, means in enumerate(run.means[:-1]):
        if means.bands is not None:
            _, height, width, _ = run.shape(scale)
            print(f"{width}×{height} pixels: {means.say()}", file=sys.stderr)


def repeat_command(args: argparse.Namespace, output: Path) -> str:
    """Write the command that does the run again: each setting that is not the default."""
    words = ["nst", "transfer", *repeat_pictures(args), *repeat_settings(args)]
    for name in ("weights", "layers"):
        if getattr(args, name, None):
            words += [f"--{name}", str(getattr(args, name))]
    return shlex.join([*words, *repeat_file_options(args), "-o", str(output)])


def record(args: argparse.Namespace, result: Result) -> dict[str, Any]:
    """Collect what a run was and how it went, for JSON."""
    more = {"preset": args.preset, "kept": result.kept}
    return {
        "content": str(args.content),
        "style": args.style if len(args.style) > 1 else args.style[0],
        "weights": args.weights or "bundled",
        "settings": result.settings,
        "stopped": result.message,
        "history": result.history,
    } | {name: value for name, value in more.items() if value}


def report(args: argparse.Namespace, result: Result, output: Path) -> None:
    """Say how the run ended and where the picture is; what went wrong also if it is to be quiet."""
    if args.quiet:
        say_failure(result)
        return
    strength, beta = result.settings["strength"], result.settings["beta"]
    if strength is not None:
        print(f"strength {strength:g} made β = {beta:.4g}", file=sys.stderr)
    parts = ", ".join(f"{name} {value:.3g}" for name, value in result.terms.items())
    print(f"loss {result.loss:.4g} = {parts}", file=sys.stderr)
    print(f"{result.message} in {duration(result.seconds)}", file=sys.stderr)
    print(output)
