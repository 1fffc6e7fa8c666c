"""What argparse lacks: what was meant by a misspelt word, and the parsers of all commands."""

import argparse
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from nst_numpy import __version__
from nst_numpy.cli import COMMANDS
from nst_numpy.errors import UnknownNameError, did_you_mean

UNKNOWN = "unrecognized arguments"  # argparse's own words
OPTION = re.compile(r"--?[^\W\d][\w-]*")  # -3 is a number


class Parser(argparse.ArgumentParser):
    """Names the option, the choice or the command that a misspelt word is near to.

    Its help shows each default, and no option can be shortened. Parsers that it makes for a
    command's own commands are of this kind too.
    """

    def __init__(self, **options: Any) -> None:
        as_in_all: dict[str, Any] = {"formatter_class": HelpFormatter, "allow_abbrev": False}
        super().__init__(**(as_in_all | options))
        self.suggest_on_error = False  # from 3.14 on Python has hints of its own
        self._words: list[str] = []

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse what is not known here: the parser of a command's own command knows the most."""
        self._words = list(sys.argv[1:] if args is None else args)
        found, extras = super().parse_known_args(args, namespace)
        if extras:
            self.error(f"{UNKNOWN}: {' '.join(extras)}")
        return found, extras

    def error(self, message: str) -> Any:
        """Print the usage and the error, with the options that were meant; leave with 2."""
        asked = {word: did_you_mean(word, self.options()) for word in self._unknown_options()}
        hints = [(word, hint) for word, hint in asked.items() if hint]
        if len(hints) == 1 and message.startswith(UNKNOWN) and hints[0][0] in message:
            message += f": {hints[0][1]}"
        else:
            message += "".join(f"; {word}: {hint}" for word, hint in hints)
        super().error(message)

    def _unknown_options(self) -> list[str]:
        """List the words that are written as options, and are none."""
        end = self._words.index("--") if "--" in self._words else None
        words = dict.fromkeys(word.partition("=")[0] for word in self._words[:end])
        known = {option for parser in family(self) for option in parser.options()}
        return [word for word in words if OPTION.fullmatch(word) and not _is_known(word, known)]

    def arguments(self) -> list[argparse.Action]:
        """List all that was added, options and others."""
        return self._actions

    def options(self) -> list[str]:
        """List what options are called here: `-o`, `--output`, …; long names first."""
        names = [name for action in self._actions for name in action.option_strings]
        return sorted(names, key=lambda name: not name.startswith("--"))

    def positionals(self) -> list[argparse.Action]:
        """List what is no option."""
        return [action for action in self._actions if not action.option_strings]

    def commands(self) -> dict[str, "Parser"]:
        """Return the parsers of a command's own commands, by name."""
        found: dict[str, Parser] = {}
        for action in self.positionals():
            if isinstance(action, argparse._SubParsersAction):
                found |= action.choices
        return found

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            hint = did_you_mean(str(value), map(str, action.choices or ()))
            raise argparse.ArgumentError(
                action, f"{error.message}: {hint}" if hint else error.message
            ) from error


def _is_known(word: str, known: set[str]) -> bool:
    """Whether a word is an option: -ofile is -o with its value, but -output is none."""
    short = not word.startswith("--") and word[:2] in known and f"-{word}" not in known
    return word in known or short


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Show the default of every option that has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text, default = action.help, action.default
        switch = isinstance(default, bool)  # --fresh sets False what is True otherwise
        none = default is None or switch or default in ("", [], argparse.SUPPRESS)
        if text is None or none or not action.option_strings or "default" in text:
            return text
        return f"{text} (default: {show_number(default)})"


def show_number(value: Any) -> str:
    """Write a default: a number without needless digits.

    >>> show_number(50.0), show_number(1e-6), show_number("avg")
    ('50', '1e-06', 'avg')
    """
    return f"{value:g}" if isinstance(value, float) else str(value)


def family(parser: Parser) -> Iterator[Parser]:
    """Yield a parser, and those of its own commands, and of theirs."""
    yield parser
    for each in parser.commands().values():
        yield from family(each)


def overview() -> Parser:
    """Make the parser of `nst` alone: its help is the list of commands."""
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
    parser = Parser(
        prog="nst",
        usage="nst COMMAND …",
        description="Neural style transfer, handwritten in NumPy.",
        epilog=f"commands:\n{listing}\n\n'nst help COMMAND' tells more.",
    )
    parser.add_argument("--version", action="version", version=f"nst_numpy {__version__}")
    return parser


def command_parser(command: str) -> Parser:
    """Make the parser of a command; its file is imported.

    Raises
    ------
    UnknownNameError
        There is no such command.
    """
    if command not in COMMANDS:
        raise UnknownNameError.of("command", command, COMMANDS)
    return with_arguments(Parser(prog=f"nst {command}"), command)


def with_arguments(parser: Parser, command: str) -> Parser:
    """Describe a command's arguments to a parser, and what is run then; return it."""
    module = import_module(f"nst_numpy.cli.{command}")
    parser.description = module.__doc__
    module.add_arguments(parser)
    add_debug(parser)
    parser.set_defaults(run=module.run)
    return parser


def add_debug(parser: argparse.ArgumentParser, **more: Any) -> None:
    """Add --debug."""
    text = "show where in the code an error arose"
    parser.add_argument("--debug", action="store_true", help=text, **more)
