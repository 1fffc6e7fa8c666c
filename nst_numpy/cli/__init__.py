"""The command line: one file a command; each parses, calls and prints.

A command's file is imported only when that command is asked for, so that `nst --help`
answers at once.
"""

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from nst_numpy import __version__
from nst_numpy.errors import NstError, UnknownNameError

COMMANDS = {
    "transfer": "paint a photograph in the style of a painting",
    "demo": "do so with the pictures that come along, in about a minute",
    "samples": "list the pictures that come along, with their licences",
    "layers": "list the network's layers: shapes, parameters, multiplications, receptive fields",
    "units": "find the patches of pictures that excite a unit most",
    "dream": "paint a picture from noise that excites a unit",
    "pull": "show which loss term pulls which pixel, and how strongly",
    "reconstruct": "paint from noise what a layer still knows of a picture",
    "trace": "write one activation out as the sum that it is",
    "gram": "show which channels fire together in a picture",
    "heartbeat": "train the lecture's 1-D network to tell broad heartbeats from narrow ones",
    "volume": "train 3-D networks on a CT volume with a stent, and show what needs 3-D",
    "movie": "train 3-D networks to tell the direction of motion in a movie",
    "texture": "make an EKG or a movie from noise, with the texture of a real one",
    "weights": "describe or verify a file of network weights",
    "course": "hand out the assignments, and grade what comes back",
    "gradcheck": "check gradients, the project's or yours, and say what is wrong with them",
    "bench": "show what makes it fast, on this machine",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for a user's error, 130 for Ctrl-C."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    _print_on_any_terminal()
    try:
        return _dispatch(words)
    except NstError as error:
        if debug:
            raise
        print(f"nst: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("nst: stopped by Ctrl-C", file=sys.stderr)
        return 130
    except OSError as error:
        if not _reader_is_gone(error):
            raise
        # head or less has seen enough; keep Python from complaining at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _print_on_any_terminal() -> None:
    """Print ? for a sign that the terminal or file does not know: ∂ in cp1252, say."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")


def _reader_is_gone(error: OSError) -> bool:
    """Whether nobody reads what is printed; Windows calls that an invalid argument."""
    windows = sys.platform == "win32" and error.errno == errno.EINVAL and error.filename is None
    return windows or isinstance(error, BrokenPipeError)


def _dispatch(words: list[str]) -> int:
    if not words or words[0].startswith("-"):
        _overview().parse_args(words)
        _overview().print_help()
        return 0 if not words else 2
    command = words[0]
    if command not in COMMANDS:
        raise UnknownNameError.of("command", command, COMMANDS)
    module = import_module(f"nst_numpy.cli.{command}")
    parser = argparse.ArgumentParser(
        prog=f"nst {command}",
        description=module.__doc__,
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    parser.add_argument(
        "--debug", action="store_true", help="show where in the code an error arose"
    )
    return int(module.run(parser.parse_args(words[1:])))


def _overview() -> argparse.ArgumentParser:
    """Make the parser of `nst` alone: its help is the list of commands."""
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="nst",
        usage="nst COMMAND …",
        description="Neural style transfer, handwritten in NumPy.",
        epilog=f"commands:\n{listing}\n\n'nst COMMAND --help' tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"nst_numpy {__version__}")
    return parser


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Show the default of every option that has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help
        plain = action.default is None or action.default is False or not action.option_strings
        if text is None or plain or action.default == argparse.SUPPRESS or "default" in text:
            return text
        return f"{text} (default: %(default)s)"
