"""Show which loss term pulls which pixel, and how strongly.

The pixel gradient of J, split into its terms: each content layer, each style layer, total
variation. CONTENT, STYLE and NOW are picture files, or names from 'nst samples':

  nst pull neuschwanstein starry_night -o pull.png
  nst pull neuschwanstein starry_night --image painted.png -o pull.png

A map shows the length of a term's gradient at each pixel, and its part along the full
gradient. At the content picture itself the content term is 0 and does not pull.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from nst_numpy.cli.parts.options import (
    FIGURE,
    add_network,
    add_output,
    add_quiet,
    table,
    use_threads,
)
from nst_numpy.cli.parts.outputs import check_outputs, results
from nst_numpy.cli.parts.settings import COEFFICIENTS, add_setting_options, read_settings
from nst_numpy.figures import pull_figure, save_figure
from nst_numpy.files import write_json
from nst_numpy.look import Pull, full_gradient, pull_maps
from nst_numpy.objective import Objective
from nst_numpy.pictures.images import resize_image, to_8_bits
from nst_numpy.pictures.samples import resolve_picture
from nst_numpy.style_transfer import Run
from nst_numpy.vgg import VGG

SIZE = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("content", metavar="CONTENT", help="the photograph: a file or a sample")
    parser.add_argument("style", metavar="STYLE", help="the painting: a file or a sample")
    parser.add_argument("--image", metavar="NOW", help="the picture now (default: CONTENT)")
    add_output(parser, FIGURE, required=True)
    parser.add_argument("--json", metavar="FILE", help="write the numbers there")
    add_setting_options(parser, ("size", *COEFFICIENTS))
    parser.set_defaults(size=SIZE)
    add_network(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Find out first whether the results can be written; then measure, print and draw."""
    pictures = [resolve_picture(text) for text in (args.content, args.style, args.image) if text]
    output, numbers = check_outputs(args, *pictures, args.weights)
    use_threads(args)
    job = _job(args, *pictures)
    objective, x = job.objective(0), job.x(job.init, 0)
    value, _ = objective(x)
    pulls = pull_maps(objective.gradient_terms(x))
    whole = float(np.linalg.norm(full_gradient({name: p.gradient for name, p in pulls.items()})))
    drawn = pull_figure(to_8_bits(resize_image(job.init, job.content.shape[:2])), pulls)
    record = _record(args, objective, value, whole, pulls)
    with results() as keep:
        keep(output, lambda place: save_figure(drawn, place))
        keep(numbers, lambda place: write_json(place, record))
    if args.quiet:
        return 0
    rows = [("term", "loss", "length of gradient", "share", "cosine", "pulls")]
    for term, p in pulls.items():
        loss, share = f"{objective.terms[term]:.4g}", f"{100 * p.share:.1f} %"
        rows.append((term, loss, f"{p.norm:.4g}", share, f"{p.cosine:.3f}", p.direction))
    rows.append(("J", f"{value:.4g}", f"{whole:.4g}", "", "", ""))
    print(table(rows, right="lrrrrl"))
    print(f"\n{output}")
    return 0


def _job(args: argparse.Namespace, content: Path, style: Path, now: Path | str = "content") -> Run:
    """Make the run of `nst transfer` that has this J, and stands at the picture now."""
    # gradient descent remembers no steps, as nobody does here: that is less memory
    settings = read_settings(args, scales=1, margin=0, optimizer="gd")
    return Run(settings, VGG.load(args.weights, args.pool), content, style, now)


def _record(
    args: argparse.Namespace,
    objective: Objective,
    value: float,
    whole: float,
    pulls: dict[str, Pull],
) -> dict[str, Any]:
    """Collect the numbers, for JSON."""
    return {
        "content": args.content,
        "style": args.style,
        "image": args.image or args.content,
        "height": objective.shape[1],
        "width": objective.shape[2],
        "loss": value,
        "norm": whole,
        "terms": {
            term: {
                "loss": objective.terms[term],
                "norm": pull.norm,
                "share": pull.share,
                "cosine": pull.cosine,
                "direction": pull.direction,
            }
            for term, pull in pulls.items()
        },
    }
