"""Open a page that paints, and that can be asked where each number comes from.

CONTENT and STYLE are picture files, or names from 'nst samples'; others can be chosen in the page:

  nst live
  nst live photo.jpg painting.jpg

The page is for this machine only, at an address that nobody can guess. Watch a picture grow, pause,
and click a pixel: its gradient, by loss term, by layer, by channel and position, by kernel entry.
It needs the extra 'live': pip install "nst_numpy[live]". Ctrl-C ends it, and saves the picture.
"""

import argparse
import secrets
import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nst_numpy.cli.parts.options import add_network, add_output, add_quiet, prints, use_threads
from nst_numpy.cli.parts.outputs import free_name, results
from nst_numpy.cli.parts.picture_files import command_line
from nst_numpy.common.notes import note
from nst_numpy.errors import SettingError
from nst_numpy.pictures.images import check_image_output, save_image
from nst_numpy.pictures.samples import resolve_picture

PICTURES = ("neuschwanstein", "starry_night")
NEEDS = ("starlette", "uvicorn")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("content", metavar="CONTENT", nargs="?", help="the photograph")
    parser.add_argument("style", metavar="STYLE", nargs="?", help="the painting")
    parser.add_argument(
        "--port", type=port, default=0, metavar="N", help="port (default: any that is free)"
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address, and open no browser"
    )
    parser.add_argument(
        "--open", metavar="LINK", help="a link to a question, copied from such a page"
    )
    add_output(parser, "write the picture there at Ctrl-C (default: live.png, live-2.png, …)")
    add_network(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C; save what is painted and not saved yet."""
    for name in NEEDS:
        if find_spec(name) is None:
            raise SettingError(f'nst live needs {name}: pip install "nst_numpy[live]"')
    from nst_numpy.live.server import HERE, bind, make_app, serving
    from nst_numpy.live.studio import Studio
    from nst_numpy.vgg import VGG

    output = check_image_output(args.output or str(free_name(Path("live.png"))))
    use_threads(args)
    content, style = _chosen(args.content, PICTURES[0]), _chosen(args.style, PICTURES[1])
    where = bind(args.port)
    token = secrets.token_urlsafe(24)
    studio = Studio(VGG.load(args.weights, args.pool), content, style, here=True)
    found = where.getsockname()[1]
    if args.port not in (0, found):
        note(f"nst: the port {args.port} is in use; it is {found} now")
    address = f"http://{HERE}:{found}/{token}/" + _fragment(args.open)
    try:
        with serving(make_app(studio, token), where) as thread:
            print(address, flush=True)
            if not args.no_browser:
                webbrowser.open(address)
            studio.paint(lambda: not thread.is_alive())
    except KeyboardInterrupt:
        pass
    finally:
        studio.close()
    return _save(args, studio, output)


def _save(args: argparse.Namespace, studio: Any, output: Path) -> int:
    """Keep the picture that would be lost."""
    image = studio.unsaved
    if image is not None:
        comment = command_line(args.as_given)
        with results() as keep:
            keep(output, lambda place: save_image(place, image, comment=comment))
        if prints(args, output):
            print(f"saved {output}")
    return 0


def _chosen(text: str | None, default: str) -> str | Path:
    """Return a sample's name, or a file that is there."""
    if text is None:
        return default
    from nst_numpy.pictures.samples import samples

    found = resolve_picture(text)
    return next((each.name for each in samples() if each.path == found), found)


def _fragment(link: str | None) -> str:
    """Return what a link says of its question: the part behind #.

    >>> _fragment("http://127.0.0.1:80/secret/#kind=pixel&row=3"), _fragment(None)
    ('#kind=pixel&row=3', '')
    """
    return "" if link is None else "#" + quote(link.rpartition("#")[2], safe="=&+%:,/._-")


def port(text: str) -> int:
    """Read a port: 0 is any.

    >>> port("8000")
    8000
    """
    if not (text.isdecimal() and int(text) < 1 << 16):
        raise argparse.ArgumentTypeError(f"{text!r:.40} is not a port: a number from 0 to 65535")
    return int(text)
