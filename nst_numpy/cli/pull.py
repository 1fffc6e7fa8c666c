"""Show which loss term pulls which pixel, and how strongly.

The pixel gradient of J, split into its terms: each content layer, each style layer, total
variation. CONTENT, STYLE and NOW are picture files, or names from 'nst samples':

  nst pull neuschwanstein starry_night -o pull.png
  nst pull neuschwanstein starry_night --image painted.png -o pull.png

A map shows the length of a term's gradient at each pixel, and its part along the full
gradient. At the content picture itself the content term is 0 and does not pull.
"""

import argparse
import math
from typing import Any

import numpy as np

from nst_numpy.cli.parts.options import (
    add_threads,
    check_distinct,
    table,
    use_threads,
    whole_number,
)
from nst_numpy.cli.transfer import add_coefficients
from nst_numpy.errors import SettingError
from nst_numpy.figures import check_figure_output, pull_figure, save_figure
from nst_numpy.files import check_output, write_json
from nst_numpy.look import Pull, full_gradient, pull_maps
from nst_numpy.measure.estimate import check_memory, estimate_run
from nst_numpy.objective import CONTENT_LAYERS, STYLE_LAYERS, Objective
from nst_numpy.pictures.images import load_image, preprocess, resize_image
from nst_numpy.pictures.samples import resolve_picture
from nst_numpy.style_transfer import BETA_PER_PIXEL, SMALLEST_SIZE
from nst_numpy.vgg import POOLS, VGG


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("content", metavar="CONTENT", help="the photograph: a file or a sample")
    parser.add_argument("style", metavar="STYLE", help="the painting: a file or a sample")
    parser.add_argument("--image", metavar="NOW", help="the picture now (default: CONTENT)")
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="figure to write: .png, .svg or .pdf"
    )
    parser.add_argument("--json", metavar="FILE", help="write the numbers there")
    parser.add_argument(
        "--size", type=whole_number, default=256, metavar="PX", help="longest side in pixels"
    )
    add_coefficients(parser)
    parser.add_argument("--pool", default="avg", choices=list(POOLS), help="kind of pooling")
    parser.add_argument("--weights", metavar="FILE", help="HDF5 file of a VGG (default: bundled)")
    add_threads(parser)


def run(args: argparse.Namespace) -> int:
    """Find out first whether the results can be written; then measure, print and draw."""
    output = check_figure_output(args.output)
    numbers = check_output(args.json) if args.json else None
    check_distinct(figure=output, JSON=numbers)
    use_threads(args)
    if args.size < SMALLEST_SIZE:
        raise SettingError(f"size must be at least {SMALLEST_SIZE} pixels, not {args.size}")
    content, style = (
        load_image(resolve_picture(text), args.size) for text in (args.content, args.style)
    )
    now = load_image(resolve_picture(args.image)) if args.image else content
    now = resize_image(now, content.shape[:2])
    objective = _objective(args, VGG.load(args.weights, args.pool), content, style)
    x = preprocess(now, dtype=objective.vgg.dtype)
    value, _ = objective(x)
    pulls = pull_maps(objective.gradient_terms(x))
    whole = float(np.linalg.norm(full_gradient({name: p.gradient for name, p in pulls.items()})))
    save_figure(pull_figure(now, pulls), output)
    if numbers:
        write_json(numbers, _record(args, objective, value, whole, pulls))
    rows = [("term", "loss", "length of gradient", "share", "cosine", "pulls")]
    for term, p in pulls.items():
        loss, share = f"{objective.terms[term]:.4g}", f"{100 * p.share:.1f} %"
        rows.append((term, loss, f"{p.norm:.4g}", share, f"{p.cosine:.3f}", p.direction))
    rows.append(("J", f"{value:.4g}", f"{whole:.4g}", "", "", ""))
    print(table(rows, right="lrrrrl"))
    print(f"\n{output}")
    return 0


def _objective(
    args: argparse.Namespace, vgg: VGG, content: np.ndarray, style: np.ndarray
) -> Objective:
    """Make J as a run of `nst transfer` would have it."""
    pixels = math.prod(content.shape[:2])
    content_layers = args.content_layers or CONTENT_LAYERS
    style_layers = args.style_layers or STYLE_LAYERS
    names = vgg.check_names({**content_layers, **style_layers})
    shapes = ((1, *content.shape), (1, *style.shape))
    check_memory(estimate_run(vgg, shapes[0], names, "gd", shapes[1]), *content.shape[:2])
    return Objective(
        vgg,
        preprocess(content, dtype=vgg.dtype),
        preprocess(style, dtype=vgg.dtype),
        alpha=args.alpha,
        beta=BETA_PER_PIXEL * pixels if args.beta is None else args.beta,
        content_layers=content_layers,
        style_layers=style_layers,
        tv_weight=args.tv_weight,
    )


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
