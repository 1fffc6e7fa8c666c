"""What commands that draw a figure and write numbers share: where to."""

import argparse
from pathlib import Path

from nst_numpy.cli.parts.options import check_distinct
from nst_numpy.figures import check_figure_output
from nst_numpy.files import check_output


def check_outputs(args: argparse.Namespace) -> tuple[Path | None, Path | None]:
    """Find out whether the figure of -o and the numbers of --json can be written; return where."""
    figure = check_figure_output(args.output) if args.output else None
    numbers = check_output(args.json) if args.json else None
    check_distinct(figure=figure, JSON=numbers)
    return figure, numbers
