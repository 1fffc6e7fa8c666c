"""Judge pictures: what each kept of the photograph, and what it has of the painting.

By statistics that no run minimises. CONTENT and STYLE are what RESULT was painted from: picture
files, or names from 'nst samples'. Several results are compared, the best one first:

  nst judge neuschwanstein starry_night painted.png other.png

Of several paintings name the others by --style: each figure is then their mean.

content     0 is the photograph, 1 a piece of the painting
style       0 is the painting, 1 the photograph
copied      share of patches that stand in the painting, all but identical
score       (1 + content) · (1 + style): smaller is better, the photograph itself has 2
"""

import argparse
import json

from nst_numpy.cli.parts.options import add_quiet, add_threads, numbers, table, use_threads
from nst_numpy.measure import Judgement, JudgeOfSeveral
from nst_numpy.pictures.samples import resolve_picture

KINDS = {
    "features": "content/features",
    "similar": "content/self-similarity",
    "ssim": "content/structure",
    "frechet": "style/frechet",
    "sliced": "style/sliced",
    "patches": "style/patches",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("content", metavar="CONTENT", help="the photograph: a file or a sample")
    parser.add_argument("style", metavar="STYLE", help="the painting: a file or a sample")
    parser.add_argument("results", metavar="RESULT", nargs="+", help="what was painted")
    parser.add_argument(
        "--style", dest="more", metavar="PICTURE", action="append", default=[],
        help="another painting that it was painted from, beside STYLE; once for each",
    )  # fmt: skip
    parser.add_argument(
        "--style-weights", type=numbers, metavar="W,W",
        help="how much each painting counts, as 0.7,0.3 (default: all alike)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print all figures, as JSON")
    add_threads(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Read all pictures first; then judge one after the other, and print."""
    content, style, *results = map(resolve_picture, (args.content, args.style, *args.results))
    use_threads(args)
    styles = [style, *map(resolve_picture, args.more)]
    judge = JudgeOfSeveral(content, styles, style_weights=args.style_weights)
    found = {text: judge(path) for text, path in zip(args.results, results, strict=True)}
    if args.json:
        print(json.dumps({text: each.as_dict() for text, each in found.items()}, indent=2))
        return 0
    rows = [("result", "score", "content", "style", "copied", *KINDS)]
    for text, each in sorted(found.items(), key=lambda item: item[1].score):
        kinds = [f"{each.figures[name]:.3f}" for name in KINDS.values()]
        parts = [f"{value:.3f}" for value in (each.score, each.content, each.style, each.copied)]
        rows.append((text, *parts, *kinds))
    print(table(rows, right="l" + "r" * (len(rows[0]) - 1)))
    for text, each in () if args.quiet else found.items():
        print(_sizes(text, each), end="")
    return 0


def _sizes(text: str, judgement: Judgement) -> str:
    """Say which pictures were resized, if any."""
    if not judgement.resized:
        return ""
    height, width = judgement.size
    return f"{text}: {', '.join(judgement.resized)} resized, to judge at {width}×{height}\n"
