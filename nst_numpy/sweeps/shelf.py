"""A folder of pictures that knows what each was painted from: nothing is painted twice.

`pictures.json` in it says of each picture from which settings and files it is, and the SHA-256 of
the picture itself. A picture that somebody has changed or removed is painted again.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from nst_numpy.errors import SettingError
from nst_numpy.files import PathLike, check_folder, write_json
from nst_numpy.objective import AnyNetwork
from nst_numpy.weights.digests import sha256

LIST = "pictures.json"
VERSION = 1  # of the list's form
MOST_BYTES = 2**26  # of the list


class Shelf:
    """The pictures of a folder, and what each was painted from.

    Parameters
    ----------
    folder : path
        It is made if it does not exist.

    Raises
    ------
    OutputError
        The folder cannot be made or written to.
    SettingError
        Its list is damaged, or of another version.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "a.png").write_bytes(b"a picture")
    ...     Shelf(folder).add("a.png", {"size": 256})
    ...     again = Shelf(folder)
    ...     again.has("a.png", {"size": 256}), again.has("a.png", {"size": 512})
    (True, False)
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = check_folder(folder)
        self._entries = _read(self.folder / LIST)

    def has(self, name: str, made_by: dict[str, Any]) -> bool:
        """Whether a picture is there, finished, as it was written, and painted from just this."""
        entry = self._entries.get(name)
        if not entry or not entry.get("finished") or entry.get("made_by") != _plain(made_by):
            return False
        try:
            return sha256(self.folder / name) == entry.get("sha256")
        except OSError:
            return False

    def about(self, name: str) -> dict[str, Any]:
        """Return what `add` was told of a picture."""
        about = self._entries.get(name, {}).get("about")
        return dict(about) if isinstance(about, dict) else {}

    def add(
        self,
        name: str,
        made_by: dict[str, Any],
        about: dict[str, Any] | None = None,
        *,
        finished: bool = True,
    ) -> None:
        """Put a picture that has just been written onto the list.

        Parameters
        ----------
        name : str
            Of the file in the folder.
        made_by : dict
            All that decides what the picture is, ready for JSON.
        about : dict, optional
            What else is worth keeping of it, ready for JSON.
        finished : bool
            False for a picture that was stopped: `has` does not find it.

        Raises
        ------
        OutputError
            The list cannot be written.
        """
        self._entries[name] = {
            "made_by": _plain(made_by),
            "finished": finished,
            "sha256": sha256(self.folder / name),
            "about": about or {},
        }
        write_json(self.folder / LIST, {"version": VERSION, "pictures": self._entries})


def short_digest(made_by: dict[str, Any]) -> str:
    """Make eight hexadecimal digits of what a picture was painted from.

    >>> short_digest({"size": 256, "seed": 0}) == short_digest({"seed": 0, "size": 256})
    True
    """
    return hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()[:8]


def shortest(value: Any) -> Any:
    """Write 30.0 as 30, also in a mapping: one setting, one name of a file."""
    if isinstance(value, dict):
        return {name: shortest(each) for name, each in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


def network_digest(vgg: AnyNetwork) -> str:
    """Tell networks apart: by their numbers, if they show them, else by their kind."""
    params = getattr(vgg, "params", {})
    if not params:
        raise SettingError(
            "grid: a network without params cannot be told from another: leave folder out"
        )
    about = (type(vgg).__name__, getattr(vgg, "pool", None), list(params))
    return array_digest(about, *(array for pair in params.values() for array in pair))


def array_digest(about: Any, *arrays: Any) -> str:
    """Return the SHA-256 of arrays, and of what else belongs to them."""
    found = hashlib.sha256(repr(about).encode())
    for array in arrays:
        found.update(array.tobytes())
    return found.hexdigest()


def _plain(made_by: dict[str, Any]) -> Any:
    """Return what JSON makes of it, to compare with what was read: a tuple is a list there."""
    return json.loads(json.dumps(made_by))


def _read(file: Path) -> dict[str, dict[str, Any]]:
    """Read the list, if there is one; refuse what is none."""
    try:
        if not file.exists():
            return {}
        if file.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES >> 20} megabytes")
        found = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse)
        if found["version"] != VERSION:
            raise ValueError(f"its version is {found['version']!r:.20}, not {VERSION}")
        if not all(isinstance(entry, dict) for entry in found["pictures"].values()):
            raise ValueError("an entry is damaged")
        return dict(found["pictures"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingError(
            f"{file} cannot be read ({reason}): remove it to paint all again, or choose another "
            "folder"
        ) from error


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")
