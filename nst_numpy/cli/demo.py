"""Paint the castle Neuschwanstein as Van Gogh painted the starry night.

The picture, its settings, the history of its loss and a page about the run (report.html)
go into a new folder.
"""

import argparse
from pathlib import Path

from nst_numpy.cli.transfer import (
    add_settings,
    make_recorder,
    paint,
    prepare,
    record,
    report,
    write_page,
)
from nst_numpy.files import check_folder, write_json
from nst_numpy.pictures.images import save_image

CONTENT, STYLE = "neuschwanstein", "starry_night"
SIZE, ITERATIONS = 384, 100  # about a minute on two cores


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument(
        "-o", "--output", metavar="DIR", help="folder to make (default: nst-demo, nst-demo-2, …)"
    )
    add_settings(parser)
    parser.set_defaults(size=SIZE, iterations=ITERATIONS, content=CONTENT, style=STYLE)


def run(args: argparse.Namespace) -> int:
    """Paint, and write everything about the run into one folder."""
    job = prepare(args)
    folder = check_folder(args.output or new_folder_name("nst-demo"))
    recorder = make_recorder(job)
    result = paint(args, job, [recorder])
    picture = folder / "painted.png"
    save_image(picture, result.image)
    write_json(folder / "run.json", record(args, result))
    write_page(args, folder / "report.html", Path(picture.name), result, recorder)
    report(args, result, picture)
    return 130 if result.reason == "interrupted" else 0


def new_folder_name(name: str) -> Path:
    """Return name, name-2, name-3, …: the first that does not exist yet."""
    folder, number = Path(name), 1
    while folder.exists():
        number += 1
        folder = Path(f"{name}-{number}")
    return folder
