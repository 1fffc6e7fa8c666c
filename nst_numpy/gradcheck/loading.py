"""Functions out of somebody's file."""

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from nst_numpy.errors import SettingError, UnknownNameError
from nst_numpy.files import expand_input


def load_pair(text: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Execute a file and return two of its functions.

    Parameters
    ----------
    text : str
        "FILE.py:forward,backward".

    Raises
    ------
    SettingError
        The text is not of that form, or the file is missing or raises.
    UnknownNameError
        The file has no such function.

    Examples
    --------
    >>> load_pair("layer.py")
    Traceback (most recent call last):
    nst_numpy.errors.SettingError: cannot read 'layer.py': write it as FILE.py:forward,backward
    """
    file, _, names = text.rpartition(":")
    both = [name.strip() for name in names.split(",")]
    if not file.endswith(".py") or len(both) != 2 or not all(n.isidentifier() for n in both):
        raise SettingError(f"cannot read {text!r}: write it as FILE.py:forward,backward")
    module = execute(expand_input(file, SettingError))
    forward, backward = (_function(module, file, name) for name in both)
    return forward, backward


def execute(path: Path) -> ModuleType:
    """Run a file as a module; one that cannot be run is an error that names the line."""
    if not path.is_file():
        raise SettingError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SettingError(f"{path} is no Python file: give it a name that ends in .py")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)  # as Python does for a script, so that it finds its neighbours
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        line = _line(error, path)
        raise SettingError(
            f"{path} cannot be run{line}: {type(error).__name__}: {error}"
        ) from error
    finally:
        sys.path.remove(folder)
    return module


def _line(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return ""  # its text has the line
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f.lineno for f in frames if Path(f.filename).resolve() == path.resolve()]
    return f", line {lines[-1]}" if lines else ""


def _function(module: ModuleType, file: str, name: str) -> Callable[..., Any]:
    found = getattr(module, name, None)
    if callable(found):
        function: Callable[..., Any] = found
        return function
    choices = [n for n, value in vars(module).items() if inspect.isfunction(value)]
    raise UnknownNameError.of(f"function of {file}", name, choices or ["none: the file has none"])
