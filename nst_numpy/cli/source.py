"""Show where in the painting each place of a result comes from.

FOLDER is what a run with neighbours has saved; other style losses leave no source map:

  nst transfer neuschwanstein starry_night --style-loss neighbours -o painted.png --save-run run
  nst source run -o source.html

In the page, point at a stroke and see the place in the painting that it is from, and the
strength of the match. As .png, .jpg, .svg or .pdf it is a picture with arrows.
"""

import argparse
from pathlib import Path

import numpy as np

from nst_numpy.cli.parts.options import FIGURE, add_output, add_quiet, table, whole_number
from nst_numpy.cli.parts.outputs import claim, results
from nst_numpy.errors import OutputError
from nst_numpy.files import check_output, expand_input, write_json
from nst_numpy.look.source import SourceMap
from nst_numpy.runs.saved import PICTURES, RECORD, SOURCE, SavedRun, load_run

PAGES = (".html", ".htm")
PLACES = 5  # most used ones that are printed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    from nst_numpy.figures.source import ACROSS

    parser.add_argument(
        "folder",
        metavar="FOLDER",
        help="what --save-run or --run-folder of nst transfer has written",
    )
    add_output(parser, f"page to write: .html, or {FIGURE}", required=True)
    parser.add_argument(
        "--arrows", type=whole_number, default=ACROSS, metavar="N", help="arrows in a row"
    )
    parser.add_argument("--json", metavar="FILE", help="write the map and its numbers there")
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Find out first whether the results can be written; then read, print and draw."""
    output = _check_output(args.output)
    numbers = check_output(args.json) if args.json else None
    folder = expand_input(args.folder, OutputError)
    claim(args, [folder / name for name in (*PICTURES, RECORD, SOURCE)],
          picture=output, JSON=numbers)  # fmt: skip
    saved = load_run(args.folder)
    with results() as keep:
        keep(output, lambda place: _write(place, saved, args.arrows))
        keep(numbers, lambda place: write_json(place, _record(saved.source)))
    if args.quiet:
        return 0
    source = saved.source
    of = "the paintings" if len(source.panels) > 1 else "the painting"
    print(f"{100 * source.share:.1f} % of {of} is used; J_style {source.loss:.4f}\n")
    skip = 0 if source.panels else 1  # of one painting the number says nothing
    rows = [("painting", "row", "column", "times used")[skip:]]
    rows += [tuple(map(str, place))[skip:] for place in source.most_used_of_each(PLACES)]
    print(table(rows, right="r" * len(rows[0])))
    print(f"\n{output}")
    return 0


def _check_output(path: str) -> Path:
    from nst_numpy.figures import check_figure_output

    if Path(path).suffix.lower() in PAGES:
        return check_output(path)
    try:
        return check_figure_output(path)
    except OutputError as error:
        if "a figure is written as" in str(error):
            raise OutputError(f"{error}, a page as .html") from error
        raise


def _write(place: Path, saved: SavedRun, across: int) -> None:
    if place.suffix.lower() in PAGES:
        from nst_numpy.report import write_source_page

        found = (saved.record.get(kind, kind) for kind in ("content", "style"))
        names = [
            " and ".join(Path(str(each)).stem for each in n) if isinstance(n, list) else str(n)
            for n in found
        ]
        write_source_page(
            place,
            saved.source,
            saved.result,
            saved.style,
            names=(names[0], names[1]),
            across=across,
        )
    else:
        from nst_numpy.figures import save_figure
        from nst_numpy.figures.source import source_figure

        save_figure(source_figure(saved.source, saved.result, saved.style, across), place)


def _record(source: SourceMap) -> dict[str, object]:
    """Collect the numbers, for JSON."""
    return {
        **(_of_several(source) if source.panels else {}),
        "painting": list(source.painting),
        "grid": list(source.grid),
        "rows": source.rows.tolist(),
        "cols": source.cols.tolist(),
        "similarity": source.similarity.astype(float).round(6).tolist(),
        "share": source.share,
        "loss": source.loss,
        "most_used": [
            {"row": row, "col": col, "times": times} for row, col, times in source.most_used(PLACES)
        ],
    }


def _of_several(source: SourceMap) -> dict[str, object]:
    """Collect for each place which painting it is from, 0 for none, and the pixel there."""
    height, width = source.grid
    places = np.array([[source.origin(r, c) for c in range(width)] for r in range(height)])
    return {
        "paintings": [panel._asdict() for panel in source.panels],
        "number": places[..., 0].tolist(),
        "row_in_it": places[..., 1].tolist(),
        "column_in_it": places[..., 2].tolist(),
    }
