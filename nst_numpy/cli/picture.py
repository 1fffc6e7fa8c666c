"""Say what picture files are: their format, size and colours, and which command painted them.

FILE is any picture that can be read, or a name from 'nst samples':

  nst picture painted.png
  nst picture painted.png --command

The command stands in pictures that were painted without --no-metadata.
"""

import argparse
import sys
from typing import Any

from nst_numpy.cli.parts.options import add_quiet
from nst_numpy.course.plain import one_line
from nst_numpy.pictures.samples import resolve_picture

LONGEST = 10_000  # letters of a text from a file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="a picture")
    parser.add_argument(
        "--command", action="store_true", help="print the command that painted it, and no more"
    )
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Read all files, then print; 1 if a command is asked for, and a file holds none."""
    from nst_numpy.pictures.metadata import describe_file

    found = {name: describe_file(resolve_picture(name)) for name in args.files}
    if not args.command:
        print("\n".join(f"{name}: {_described(about)}" for name, about in found.items()))
        return 0
    ours = {name: str(about["by"]).startswith("nst_numpy ") for name, about in found.items()}
    for name, about in found.items():
        if ours[name] and about["comment"]:
            print(one_line(about["comment"], LONGEST))
        else:
            ours[name] = False
            print(f"nst: {name} does not say which command painted it", file=sys.stderr)
    return 0 if all(ours.values()) else 1


def _described(about: dict[str, Any]) -> str:
    """Write what a file is: facts in a line, and its text in the next."""
    facts = [f"{about['format']}, {about['width']}×{about['height']}", f"{about['depth']} bits"]
    facts += ["transparent"] * about["transparent"]
    facts += ["animated, the first frame is read"] * about["animated"]
    facts.append(one_line(about["profile"]) if about["profile"] else "no profile")
    facts += ["with EXIF"] * about["exif"]
    text = f"\n  {one_line(about['comment'], LONGEST)}" if about["comment"] else ""
    return ", ".join(facts) + text
