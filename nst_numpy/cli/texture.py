"""Make a texture from noise, like a strip of EKG or like a block of a movie.

The Gram matrix does not care how many axes there are: the same objective and the same L-BFGS
as for pictures work on a signal and on a movie, here with networks of random filters.

  nst texture ekg -o ekg.png
  nst texture movie -o movie.png

The EKG is made with networks that see less and more at once; the movie with filters that see
three frames, and with flat ones. Ctrl-C ends the run under way early.
"""

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from tqdm import tqdm

from nst_numpy.cli.parts.options import (
    FIGURE,
    add_output,
    add_quiet,
    add_seed,
    add_threads,
    check_seed,
    prints,
    table,
    use_threads,
    whole_number,
)
from nst_numpy.cli.parts.outputs import check_outputs, results
from nst_numpy.cli.transfer import exit_code, say_failure
from nst_numpy.common.arrays import Array
from nst_numpy.common.progress import bar
from nst_numpy.figures import save_figure
from nst_numpy.figures.style import Figure
from nst_numpy.figures.texture import ekg_texture_figure, movie_texture_figure
from nst_numpy.files import write_json
from nst_numpy.look import receptive_fields
from nst_numpy.optimize import Step
from nst_numpy.rows import Row
from nst_numpy.signals import load_ecg, load_movie
from nst_numpy.signals.motion import to_grey
from nst_numpy.signals.texture import (
    EKG_DEPTHS,
    ITERATIONS,
    Texture,
    copied,
    ekg_rows,
    ekg_strip,
    find_in_strip,
    flow,
    movie_block,
    movie_rows,
    random_network,
    rhythm,
    synthesise,
)
from nst_numpy.training.sequential import Sequential

START, SECONDS = 24.0, 12.0  # of the EKG: twelve seconds with an even rhythm
FRAMES = (3, 1)  # that the movie's filters see


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add = parser.add_argument
    add("of", choices=list(ITERATIONS), metavar="ekg|movie", help="what to make")
    add_output(parser, FIGURE)
    add(
        "--iterations", type=whole_number, metavar="N",
        help="steps of L-BFGS (default: {ekg} for ekg, {movie} for movie)".format(**ITERATIONS),
    )  # fmt: skip
    add("--start", type=float, metavar="S", default=START, help="of the sample of EKG, in seconds")
    add("--seconds", type=float, metavar="S", default=SECONDS, help="length of the sample of EKG")
    add_seed(parser, "the filters and of the noise")
    add("--json", metavar="FILE", help="write the numbers there")
    add_threads(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Find out first whether the results can be written; then make, measure, print and draw."""
    figure, numbers = check_outputs(args)
    check_seed(args)
    use_threads(args)
    record, drawn, code = (_ekg if args.of == "ekg" else _movie)(args)
    with results() as keep:
        keep(numbers, lambda place: write_json(place, record))
        keep(figure, lambda place: save_figure(drawn, place))
    if not args.quiet:
        print(*(path for path in (numbers, figure) if path), sep="\n")
    return code


Outcome = tuple[dict[str, Any], Figure, int]


def _ekg(args: argparse.Namespace) -> Outcome:
    """Make strips with networks of growing depth; say how even their rhythm is."""
    sample, rate = ekg_strip(*load_ecg(), args.start, args.seconds)
    nets = {depth: ekg_rows(depth) for depth in EKG_DEPTHS}
    made = _make(args, sample, nets)
    titles = {depth: f"sees {_seen(nets[depth], sample) / rate:.2f} s at once" for depth in made}
    strips = {"the sample": sample} | {titles[depth]: made[depth].x for depth in made}
    rhythms = {title: rhythm(strip, rate) for title, strip in strips.items()}
    _print(args, made, titles, ("beats", "uneven", "like the sample"), {
        title: (str(each.beats), f"{each.spread:.2f}", f"{copied(strips[title], sample, rate):.2f}")
        for title, each in rhythms.items()
    })  # fmt: skip
    figure = ekg_texture_figure(
        ("the sample", sample),
        {titles[depth]: made[depth].x for depth in made},
        {title: find_in_strip(strip, rate) for title, strip in strips.items()},
        rate,
    )
    measured = {
        title: asdict(each) | {"like_sample": copied(strips[title], sample, rate)}
        for title, each in rhythms.items()
    }
    return _record(args, made, titles, measured), figure, _exit_code(made)


def _seen(rows: list[Row], sample: Array) -> int:
    """How many samples of a strip the last layer sees."""
    net = Sequential(rows, sample.shape[1:])
    return receptive_fields(net, net.layer_names[-1], sample.shape[1:-1])[0].size


def _movie(args: argparse.Namespace) -> Outcome:
    """Make blocks with filters that see several frames, and with flat ones; say how they move."""
    sample = movie_block(to_grey(load_movie()))
    made = _make(args, sample, {frames: movie_rows(frames) for frames in FRAMES})
    titles = {
        frames: f"filters of {frames} frames" if frames > 1 else "flat filters, of 1 frame"
        for frames in made
    }
    blocks = {"the sample": sample} | {titles[frames]: made[frames].x for frames in made}
    flows = {title: flow(block) for title, block in blocks.items()}
    heading = ("rows a frame", "columns a frame", "like the next")
    _print(args, made, titles, heading, {
        title: (f"{each.rows:+.2f}", f"{each.columns:+.2f}", f"{each.likeness:.2f}")
        for title, each in flows.items()
    })  # fmt: skip
    measured = {title: asdict(each) for title, each in flows.items()}
    return (
        _record(args, made, titles, measured),
        movie_texture_figure(blocks),
        _exit_code(made),
    )


def _make(
    args: argparse.Namespace, sample: Array, nets: Mapping[int, list[Row]]
) -> dict[int, Texture]:
    """Make a texture with each network; after Ctrl-C, none with the next ones."""
    iterations = args.iterations or ITERATIONS[args.of]
    made: dict[int, Texture] = {}
    with bar("it", total=iterations * len(nets), shown=not args.quiet) as steps:
        for key, rows in nets.items():
            rng = np.random.default_rng(args.seed)
            net = random_network(rows, sample.shape[1:], rng)
            update = partial(_update, steps)
            made[key] = synthesise(net, sample, sample.shape, rng, iterations, update)
            say_failure(made[key])
            if made[key].reason == "interrupted":
                break
    return made


def _update(steps: "tqdm[Any]", step: Step) -> None:
    steps.update()


def _exit_code(made: Mapping[int, Texture]) -> int:
    """Return the largest exit code of all: Ctrl-C says more than a run that failed."""
    return max(exit_code(texture) for texture in made.values())


def _print(
    args: argparse.Namespace, made: Mapping[int, Texture], titles: Mapping[int, str],
    heading: tuple[str, ...], measured: Mapping[str, tuple[str, ...]],
) -> None:  # fmt: skip
    """Print a row for the sample and for each texture."""
    if not prints(args, args.output, args.json):
        return
    runs = {titles[key]: texture for key, texture in made.items()}
    rows = [("", "J", "seconds", *heading)]
    for title, cells in measured.items():
        left = _cells(runs.get(title))
        rows.append((title, *left, *cells))
    print(table(rows, right="lrrrrr"))


def _cells(texture: Texture | None) -> tuple[str, str]:
    """Write J and the seconds of a texture; nothing for the sample, no J before an iteration."""
    if texture is None:
        return "", ""
    return f"{texture.losses[-1]:.1e}" if texture.losses else "", f"{texture.seconds:.1f}"


def _record(
    args: argparse.Namespace, made: Mapping[int, Texture], titles: Mapping[int, str],
    measured: Mapping[str, dict[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    """Collect the numbers, for JSON, which has no NaN."""
    runs = {
        titles[key]: {
            "losses": texture.losses,
            "seconds": texture.seconds,
            "stopped": texture.reason,
            "statistics": texture.statistics,
            "unknowns": texture.unknowns,
        }
        for key, texture in made.items()
    }
    clean = {
        title: {name: None if value != value else value for name, value in values.items()}
        for title, values in measured.items()
    }
    return {"of": args.of, "seed": args.seed, "measured": clean, "runs": runs}
