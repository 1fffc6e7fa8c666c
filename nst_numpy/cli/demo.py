"""Paint the castle Neuschwanstein as Van Gogh painted the starry night.

The picture, its settings, the history of its loss and a page about the run (report.html)
go into a new folder. A scale ends sooner than with nst transfer, which takes twice the time.
"""

import argparse
from pathlib import Path

from nst_numpy.cli.parts.options import add_output
from nst_numpy.cli.parts.outputs import claim_folder, free_name, results
from nst_numpy.cli.parts.picture_files import PictureFile
from nst_numpy.cli.parts.settings import read_settings
from nst_numpy.cli.transfer import (
    add_settings,
    exit_code,
    inputs,
    make_recorder,
    paint,
    prepare,
    record,
    report,
    write_page,
)
from nst_numpy.files import write_json

CONTENT, STYLE = "neuschwanstein", "starry_night"
SIZE = 512
PATIENCE = 4  # half the time of what nst transfer has, and hardly a difference to the eye


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add_output(parser, "folder to make (default: nst-demo, nst-demo-2, …)", "DIR")
    add_settings(parser, PATIENCE)
    parser.set_defaults(size=SIZE, content=CONTENT, style=[STYLE])
    parser.set_defaults(content_mask=None, style_mask=None)


def run(args: argparse.Namespace) -> int:
    """Paint, and write everything about the run into one folder."""
    if args.patience is None and read_settings(args).used_patience:
        args.patience = PATIENCE
    job = prepare(args)
    folder = claim_folder(
        args, args.output or new_folder_name("nst-demo"), inputs(args), r"painted\.png|run\.json"
    )
    recorder = make_recorder(job)
    result = paint(args, job, [recorder])
    picture, file = folder / "painted.png", PictureFile(args)
    with results() as keep:
        keep(picture, lambda place: file.save_result(place, result))
        keep(folder / "run.json", lambda place: write_json(place, record(args, result)))
        keep(
            folder / "report.html",
            lambda place: write_page(args, place, Path(picture.name), result, recorder),
        )
    report(args, result, picture)
    return exit_code(result)


def new_folder_name(name: str) -> Path:
    """Return name, name-2, name-3, …: the first that does not exist yet."""
    return free_name(Path(name))
