"""TOML files: read with a limit, with the line of what is wrong; and written."""

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from nst_numpy.errors import SettingError, did_you_mean
from nst_numpy.files import PathLike, expand_input, write_text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MOST_BYTES = 2**18  # of a file that is read
_TABLE = re.compile(r"\s*\[\[?\s*([^\]#]+?)\s*\]")


def read_toml(path: PathLike) -> tuple[dict[str, Any], str]:
    """Read a TOML file; return what it says, and its text.

    Raises
    ------
    SettingError
        There is no such file, or it is not TOML; the message names the line.
    """
    file = expand_input(path, SettingError)
    try:
        with file.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES >> 10} kB")
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
        return tomllib.loads(text), text
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "it is nested too deeply"
        raise SettingError(
            f"{file} cannot be read as TOML ({_one_line(reason)}): mend it, or name another file"
        ) from error


def write_toml(path: PathLike, data: Mapping[str, Any], title: str = "") -> None:
    """Write tables as TOML, completely or not at all; what is None is left out.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    head = f"# {title}\n\n" if title else ""
    write_text(path, head + tomli_w.dumps(_writable(data)))


def refuse_unknown_keys(
    file: Path, text: str, table: str, keys: Iterable[str], known: Iterable[str]
) -> None:
    """Refuse a key that is not known, with its line and the known ones that are nearest.

    Parameters
    ----------
    file : Path
    text : str
        What is in it.
    table : str
        The table that the keys are in; "" is the top of the file.
    keys, known : iterable of str
    """
    known = list(known)
    for key in keys:
        if key not in known:
            where = f" in [{table}]" if table else ""
            hint = did_you_mean(key, known) or f"choose from {', '.join(known)}"
            raise SettingError(
                f"{file}, line {line_of(text, table, key)}: unknown key {key!r}{where}: {hint}"
            )


def line_of(text: str, table: str, key: str) -> int:
    r"""Find the line in which a table of a TOML file sets a key; 1 if it is written otherwise.

    >>> line_of('size = 1\n[settings]\nsize = 512\n', "settings", "size")
    3
    """
    named = re.compile(rf"""\s*(\[\[?\s*)?["']?{re.escape(key)}["']?\s*[=.\]]""")
    here = ""
    for number, line in enumerate(text.splitlines(), start=1):
        head = _TABLE.match(line)
        if head:
            here = head[1].strip("\"'")
            if here in (key, f"{table}.{key}".lstrip(".")):
                return number
        elif here == table and named.match(line):
            return number
    return 1


def _writable(value: Any) -> Any:
    """Leave None out, and put "?" in the place of what no TOML file can hold."""
    if isinstance(value, Mapping):
        return {
            _writable(str(name)): _writable(each)
            for name, each in value.items()
            if each is not None
        }
    if isinstance(value, (list, tuple)):
        return [_writable(each) for each in value]
    if isinstance(value, str):  # the name of a file may be no text
        return value.encode("utf-8", errors="replace").decode("utf-8")
    return value


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
