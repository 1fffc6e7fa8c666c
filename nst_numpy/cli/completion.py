"""Print a script that lets the tab key complete commands, options, choices, files and samples.

  nst completion bash > ~/.local/share/bash-completion/completions/nst
  nst completion zsh > "${fpath[1]}/_nst"
  nst completion tcsh > ~/.nst.csh          and 'source ~/.nst.csh' in ~/.tcshrc

It is there in the next shell. The script is made by shtab: pip install "nst_numpy[completion]".
"""

import argparse
from typing import Any

from nst_numpy.cli import COMMANDS
from nst_numpy.cli.parts.parser import Parser, family, with_arguments
from nst_numpy.errors import SettingError
from nst_numpy.pictures.samples import samples

SHELLS = ("bash", "zsh", "tcsh")
FILES = ("FILE", "IN", "OUT", "FILE.py", "FILE.py:FORWARD,BACKWARD", "SUBMISSION", "RESULT")
FOLDERS = ("FOLDER", "DIR", "GRADES", "RUN", "RUN_A", "RUN_B")
PICTURES = ("PICTURE", "CONTENT", "STYLE", "NOW", "OTHER")  # files or samples
# shells call this with the word so far
PREAMBLE = {
    "bash": '_nst_pictures() {{ compgen -f -- "$1"; compgen -W "{names}" -- "$1"; }}',
    "zsh": "_nst_pictures() {{ _files; compadd -- {names}; }}",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("shell", choices=SHELLS, help="whose completion")


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    print(script(args.shell))
    return 0


def script(shell: str) -> str:
    """Write the script for a shell.

    Raises
    ------
    SettingError
        shtab is not installed.
    """
    try:
        import shtab  # an extra
    except ImportError as error:
        raise SettingError(
            'nst completion: shtab is not installed: pip install "nst_numpy[completion]"'
        ) from error
    names = " ".join(sample.name for sample in samples())
    preamble: Any = {each: text.format(names=names) for each, text in PREAMBLE.items()}
    written: str = shtab.complete(whole_parser(), shell=shell, preamble=preamble)
    return written


def whole_parser() -> Parser:
    """Make one parser of all commands; every command's file is imported."""
    whole = Parser(prog="nst")
    commands = whole.add_subparsers(metavar="COMMAND")
    for name, text in COMMANDS.items():
        with_arguments(commands.add_parser(name, help=text), name)
    for parser in family(whole):
        for action in parser.arguments():
            _tell_kind(action)
    return whole


def _tell_kind(action: Any) -> None:
    """Say what completes an argument: files, folders, pictures, or commands."""
    if action.metavar in FILES:
        action.complete = {"bash": "_shtab_compgen_files", "zsh": "_files", "tcsh": "f"}
    elif action.metavar in FOLDERS:
        action.complete = {"bash": "_shtab_compgen_dirs", "zsh": "_files -/", "tcsh": "d"}
    elif action.metavar in PICTURES or action.dest == "init":
        action.complete = {"bash": "_nst_pictures", "zsh": "_nst_pictures", "tcsh": "f"}
    elif action.metavar == "COMMAND" and action.choices is None:
        action.choices = list(COMMANDS)
