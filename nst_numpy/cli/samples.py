"""List the pictures that come along. Their names serve wherever a picture is asked for."""

import argparse

from nst_numpy.cli.parts.options import add_quiet, table
from nst_numpy.pictures.samples import samples


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("--paths", action="store_true", help="print name and file only")
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Print one line a picture."""
    if args.paths:
        for sample in samples():
            print(f"{sample.name}\t{sample.path}")
        return 0
    rows = [("name", "kind", "pixels", "licence", "title, author")]
    for s in samples():
        width, height = s.size
        rows.append((s.name, s.kind, f"{width}×{height}", s.licence, f"{s.title}, {s.author}"))
    print(table(rows))
    return 0
