"""Functions out of somebody's file, and the call of them: neither ends the program."""

import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn
from zlib import crc32

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
    """Run a file as a module; one that cannot be run is an error that names the line.

    It stays in `sys.modules` under a name that no other module has, as what looks up its own
    module (dataclasses, pickle, annotations that are texts) does so at any time.
    """
    if not path.is_file():
        raise SettingError(f"there is no file {path}")
    folder = path.resolve().parent
    name = f"{path.stem} of {crc32(os.fsencode(folder)):08x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SettingError(f"{path} is no Python file: give it a name that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(folder))  # as Python does for a script, so that it finds its neighbours
    try:
        with exit_raises():
            spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise SettingError(
            f"{path} cannot be run{_line(error, path)}: {type(error).__name__}: {words_of(error)}"
        ) from error
    finally:
        with suppress(ValueError):  # the file may have done so
            sys.path.remove(str(folder))
    return module


@contextmanager
def exit_raises() -> Iterator[None]:
    """Let `os._exit`, which no `except` sees, raise SystemExit as `exit` does."""
    at_once = os._exit
    os._exit = _raise_exit
    try:
        yield
    finally:
        os._exit = at_once


def words_of(error: BaseException) -> str:
    """Return an error's text; one of the file's own may have no text that can be had."""
    try:
        return str(error)
    except (Exception, SystemExit):
        return "it has no text"


def _raise_exit(status: int = 0) -> NoReturn:
    raise SystemExit(status)


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
