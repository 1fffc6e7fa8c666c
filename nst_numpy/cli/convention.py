"""Say what another program's alpha and beta are here, or the other way round.

Programs put different factors before the same sums, so that one beta means different things:

  nst convention --from johnson --to lecture --alpha 5 --beta 100 --size 512

The last line are options of nst transfer. J is the same function then, of a picture of that size
without a margin (--margin 0); the total variation is not converted.
"""

import argparse
import re
import shlex
from typing import Any

from nst_numpy.cli.parts.options import (
    add_quiet,
    layer_weights,
    show_layer_weights,
    show_layers,
    size_option,
    table,
)
from nst_numpy.conventions import CONVENTIONS, KINDS, convert, style_layers_of
from nst_numpy.objective import CONTENT_LAYERS, Coefficients
from nst_numpy.styles import STYLE_LAYERS

SIDES = re.compile(r"(\d{1,6})(?:[x×](\d{1,6}))?")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    whose = "; ".join(f"{name}: {KINDS[name].text}" for name in CONVENTIONS)
    parser.add_argument(
        "--from", dest="source", choices=list(CONVENTIONS), required=True, help=whose
    )
    parser.add_argument(
        "--to", dest="target", choices=list(CONVENTIONS), default="lecture", help="likewise"
    )
    parser.add_argument(
        "--alpha", type=float, metavar="A", required=True, help="weight of content there"
    )
    parser.add_argument(
        "--beta", type=float, metavar="B", required=True, help="weight of style there"
    )
    of = "of a square; or height and width, as 384x512"
    parser.add_argument("--size", type=sides, default="512", **size_option(of))
    parser.add_argument(
        "--content-layers", type=layer_weights, metavar="LAYERS",
        help=f"as relu4_2=1 (default: {show_layers(CONTENT_LAYERS)})",
    )  # fmt: skip
    parser.add_argument(
        "--style-layers", type=layer_weights, metavar="LAYERS",
        help=f"likewise (default: {show_layers(STYLE_LAYERS)}; for johnson 1 each)",
    )  # fmt: skip
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Print a line for each layer, and then the options."""
    layers = {"content_layers": args.content_layers, "style_layers": args.style_layers}
    found = convert(
        args.source, args.target, alpha=args.alpha, beta=args.beta, size=args.size, **layers
    )
    if not args.quiet:
        given = Coefficients(args.alpha, args.beta, **layers, convention=args.source)
        print(show(given, found, args.size), end="\n\n")
    print(options(found))
    return 0


def sides(text: str) -> tuple[int, int]:
    """Read the height and width of a picture.

    >>> sides("512"), sides("384x512")
    ((512, 512), (384, 512))
    """
    match = SIDES.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(
            f"cannot read the size {text!r:.40}: write it as 512, or height and width as 384x512"
        )
    height, width = match.groups(default=match[1])
    return int(height), int(width)


def show(given: Coefficients, found: dict[str, Any], size: tuple[int, int]) -> str:
    """Write what each layer counts, there and here."""
    here = Coefficients(**found)
    rows = [("", f"in {given.convention}", f"in {here.convention}")]
    for part, there, now in (
        ("content", given.content, here.content), ("style", given.style, here.style)
    ):  # fmt: skip
        rows += [(f"{part}/{name}", f"{v:.6g}", f"{now[name]:.6g}") for name, v in there.items()]
    height, width = size
    return f"α λ and β λ at {width}×{height} pixels:\n\n{table(rows, right='lrr')}"


def options(found: dict[str, Any]) -> str:
    """Write options of nst transfer; layers are left out where they are as by default."""
    words = [f"--{name} {found[name]}" for name in ("convention", "alpha", "beta")]
    defaults = {
        "content_layers": CONTENT_LAYERS, "style_layers": style_layers_of(found["convention"])
    }  # fmt: skip
    for name, default in defaults.items():
        if found[name] != default:
            text = shlex.quote(show_layer_weights(found[name], exact=True))
            words.append(f"--{name.replace('_', '-')} {text}")
    return " ".join(words)
