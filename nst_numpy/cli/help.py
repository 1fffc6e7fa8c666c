"""Tell about a command, as --help does.

  nst help
  nst help transfer
  nst help course grade

What a command only chooses from, as in 'nst help weights verify', is told by the command.
"""

import argparse

from nst_numpy.cli.parts.parser import Parser, command_parser, overview
from nst_numpy.errors import UnknownNameError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument(
        "words", nargs="*", metavar="COMMAND", help="the command (default: list them all)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the help of a command, or of one of its own commands."""
    parser = overview()
    if args.words:
        parser = command_parser(args.words[0])
        for word in args.words[1:]:
            parser = _below(parser, word)
    parser.print_help()
    return 0


def _below(parser: Parser, word: str) -> Parser:
    """Find the parser of a command's own command; what it merely chooses from is told above."""
    commands = parser.commands()
    choices = [str(each) for action in parser.positionals() for each in action.choices or ()]
    if word not in choices:
        if not choices:
            raise UnknownNameError(f"{parser.prog} has no commands of its own: leave out {word!r}")
        raise UnknownNameError.of(f"command of {parser.prog}:", word, choices)
    return commands.get(word, parser)
