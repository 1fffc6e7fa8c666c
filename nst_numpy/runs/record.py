"""What a run was given, in a file: run.toml, and files of settings that somebody writes by hand.

At its top stand the pictures and other files, below `[settings]` what is to be done. That is a
config, and enough to begin a run. The rest is a record: the SHA-256 of each input, what the run was
made by, and how it ended. Whoever reads a config passes over it.
"""

import hashlib
import os
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import PIL
import scipy
from threadpoolctl import threadpool_info

from nst_numpy.common.checks import is_whole
from nst_numpy.errors import SettingError
from nst_numpy.files import PathLike, expand, expand_input, has_separator
from nst_numpy.kernels.threads import get_threads
from nst_numpy.paintings import MASKS
from nst_numpy.pictures.masks import INVERSE, WHOLE, mask_file
from nst_numpy.pictures.samples import find_picture, resolve_picture
from nst_numpy.pictures.starts import is_start
from nst_numpy.runs.toml_files import line_of, read_toml, refuse_unknown_keys, write_toml
from nst_numpy.settings import Settings
from nst_numpy.weights import bundled_path
from nst_numpy.weights.digests import sha256

FORMAT = 1
RUN = "run.toml"
TITLE = "A run of nst_numpy: what it was given, what it was made by, and how it ended."
SETTINGS = tuple(f.name for f in fields(Settings))
# What a run reads and writes beside its settings.
PICTURES = ("content", "style")
FILES = (*PICTURES, *MASKS, "weights", "layers", "output")
SEVERAL = ("style", *MASKS)  # of FILES, those that may be lists
DRAWN = (*PICTURES, *MASKS, "init")  # that may be the name of a sample
STOPPED = ("iterations", "settled", "time", "interrupted", "stopped", "memory")  # `Result.reason`
RECORDED = ("format", "inputs", "made_by", "result", "used")


@dataclass(frozen=True)
class Record:
    """What is known of a run.

    Attributes
    ----------
    files : dict
        What `FILES` names: paths, and names of samples.
    settings : dict
        Settings that have a value.
    inputs : dict of str to str
        SHA-256 of what was read, by its name: "content", "style", "weights", …
    made_by : dict
        Versions, system, BLAS, threads.
    result : dict
        How it ended: reason, message, iterations, passes, loss, image (SHA-256 of its pixels);
        empty while it is under way.
    used : dict
        What the settings came to: β, margin, scales, …
    """

    files: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    made_by: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    used: dict[str, Any] = field(default_factory=dict)

    def write(self, file: Path) -> None:
        """Write it as TOML; OutputError where that cannot be done."""
        tables = {name: getattr(self, name) for name in ("settings", "inputs", "made_by", "result",
                                                         "used")}  # fmt: skip
        filled = {name: table for name, table in tables.items() if table}
        write_toml(file, {"format": FORMAT} | self.files | filled, TITLE)

    def repeated(self) -> Settings:
        """Return the settings of the run as it went, for one that repeats it: not by the clock."""
        return Settings(**self.settings | {"minutes": None})

    def passes(self, most: int) -> list[tuple[int, int]]:
        """List scale and iterations of each pass, for a run that repeats this one.

        A pass that was stopped did as many iterations as it did. One that led nowhere may do as
        many as it was allowed, `most`: it is to find that out again.
        """
        done = [(int(scale), int(n)) for scale, n in self.result.get("passes", [])]
        if self.result.get("reason") not in STOPPED and done:
            done[-1] = done[-1][0], max(most, done[-1][1])
        return [(scale, n) for scale, n in done if n]


def read_config(path: PathLike) -> Record:
    """Read a file of settings, or a run.toml as one.

    Paths in it are relative to its folder.

    Raises
    ------
    SettingError
        It is not TOML, has an unknown key, a value that is no path, or is of another version; the
        message names the line.
    """
    file = expand_input(path, SettingError)
    said, text = read_toml(file)
    settings = said.get("settings", {})
    for name in set(said) & set(SETTINGS):
        raise SettingError(
            f"{file}, line {line_of(text, '', name)}: {name} is a setting: write it below "
            "[settings]"
        )
    refuse_unknown_keys(file, text, "", said, (*FILES, "settings", *RECORDED))
    tables = ("settings", "inputs", "made_by", "result", "used")
    for name in tables:
        if not isinstance(said.get(name, {}), dict):
            raise SettingError(f"{file}, line {line_of(text, '', name)}: {name} must be a table")
    refuse_unknown_keys(file, text, "settings", settings, SETTINGS)
    _check_texts(file, text, settings)
    _check_result(file, text, said.get("result", {}))
    if said.get("format", FORMAT) != FORMAT:
        raise SettingError(
            f"{file} is of another version of nst_numpy (format {said['format']!r:.20}, not "
            f"{FORMAT}): use the version that wrote it"
        )
    files = {name: _placed(file, text, name, said[name]) for name in FILES if name in said}
    init = settings.get("init", Settings.init)
    if not isinstance(init, str) or not is_start(init):
        settings["init"] = _placed(file, text, "init", init)
    return Record(files, *(said.get(name, {}) for name in tables))


def read_record(folder: PathLike) -> Record:
    """Read the run.toml of a folder.

    Raises
    ------
    SettingError
        The folder is not that of a run, or its run.toml cannot be read.
    """
    place = expand_input(folder, SettingError)
    if not (place / RUN).is_file():
        raise SettingError(
            f"{place} is not the folder of a run: there is no {RUN} in it; make one by "
            "nst transfer --run-folder"
        )
    return read_config(place / RUN)


def make_record(settings: Settings, given: Mapping[str, Any]) -> Record:
    """Record what a run is given, before it begins.

    Parameters
    ----------
    settings : Settings
    given : mapping
        What `FILES` names, and "init": paths, names of samples, arrays, lists of these, or None.
    """
    files = {name: _lasting(name, given[name]) for name in FILES if name in given}
    # those by default too, as another version may have other defaults
    chosen = {name: value for name, value in asdict(settings).items() if value is not None}
    if not is_start(chosen["init"]):
        chosen["init"] = _lasting("init", given.get("init"))
    lasting = {name: value for name, value in files.items() if value is not None}
    return Record(lasting, chosen, digests(given), made_by())


def made_by() -> dict[str, Any]:
    """List what computes here: versions, the machine, BLAS, threads."""
    libraries = {
        f"{each.get('internal_api')} {each.get('version')} {each.get('architecture', '')}".strip()
        for each in threadpool_info()
        if each.get("user_api") == "blas"
    }
    return {
        "nst_numpy": sys.modules["nst_numpy"].__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "pillow": PIL.__version__,
        "h5py": h5py.__version__,
        "system": f"{sys.platform} {platform.machine()}",
        "blas": sorted(libraries),
        "threads": get_threads(),
    }


def digests(given: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of each input, by its name; of lists, each with its number.

    Raises
    ------
    ImageError, SettingError
        An input cannot be read.
    """
    found: dict[str, str] = {}
    vgg = given.get("vgg")
    left_out = ("output", "weights" if vgg is not None else "vgg")
    for name, value in given.items():
        if name in left_out or (name == "init" and isinstance(value, str) and is_start(value)):
            continue
        if name == "weights" and value is None:
            value = bundled_path()
        several = value if isinstance(value, (list, tuple)) else [value]
        for number, each in enumerate(several):
            if each is not None and not _is_whole(name, each):
                found[name if several is not value else f"{name}-{number + 1}"] = _digest(
                    name, each
                )
    return found


def changed_inputs(record: Record, given: Mapping[str, Any]) -> list[str]:
    """Name the inputs that are not what the run read."""
    now = digests(given)
    return [name for name, digest in record.inputs.items() if now.get(name, digest) != digest]


def digest_of_array(array: Any) -> str:
    """Return the SHA-256 of an array's shape, dtype and numbers."""
    array = np.ascontiguousarray(array)
    return hashlib.sha256(f"{array.shape} {array.dtype} ".encode() + array.tobytes()).hexdigest()


def _check_texts(file: Path, text: str, settings: dict[str, Any]) -> None:
    """Refuse what is no text where a name is to be; numbers are checked by `Settings`."""
    for name, value in settings.items():
        if isinstance(getattr(Settings, name), str) and not isinstance(value, str):
            raise SettingError(
                f"{file}, line {line_of(text, 'settings', name)}: {name} must be a text in quotes"
            )


def _check_result(file: Path, text: str, result: dict[str, Any]) -> None:
    """Refuse passes that are none: they are what a run that is repeated does."""
    passes = result.get("passes", [])
    pairs = isinstance(passes, list) and all(
        isinstance(each, list) and len(each) == 2 and all(is_whole(n, 0) for n in each)
        for each in passes
    )
    if not pairs:
        raise SettingError(
            f"{file}, line {line_of(text, 'result', 'passes')}: passes must be pairs of a scale "
            "and its iterations"
        )


def _digest(name: str, value: Any) -> str:
    if isinstance(value, (str, os.PathLike)):
        file = mask_file(os.fspath(value)) if name in MASKS else value
        path = resolve_picture(file) if name in DRAWN else expand(file)
        try:
            return sha256(path)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise SettingError(f"{path} cannot be read ({reason}): name another file") from error
    if name == "vgg":
        return _digest_of_network(value)
    return digest_of_array(value)


def _digest_of_network(network: Any) -> str:
    """Return the SHA-256 of a network's parameters; the name of its kind if it shows none."""
    params = getattr(network, "params", None)
    if not isinstance(params, Mapping):
        return type(network).__name__
    arrays = {f"{name} {n}": a for name, several in params.items() for n, a in enumerate(several)}
    listed = " ".join(f"{name} {digest_of_array(array)}" for name, array in arrays.items())
    return hashlib.sha256(listed.encode()).hexdigest()


def _lasting(name: str, value: Any) -> Any:
    """Return the name of a sample, or a path that holds from everywhere; None for an array."""
    if isinstance(value, (list, tuple)):
        each = [_lasting(name, one) for one in value]
        return None if None in each else each
    if not isinstance(value, (str, os.PathLike)):
        return None
    if name in MASKS:
        return _of_mask(os.fspath(value), partial(_lasting, "content"))
    if name in DRAWN and find_picture(value) != expand(value):
        return os.fspath(value)
    return os.path.abspath(expand(value))


def _is_whole(name: str, value: Any) -> bool:
    """Whether it stands for no mask."""
    return name in MASKS and isinstance(value, str) and value == WHOLE


def _of_mask(mask: str, place: Callable[[str], Any]) -> Any:
    """Change the file of a mask, and leave the words that are not of it."""
    if mask == WHOLE:
        return mask
    return f"{INVERSE if mask.startswith(INVERSE) else ''}{place(mask_file(mask))}"


def _placed(file: Path, text: str, name: str, value: Any) -> Any:
    """Return what a config names, as seen from here; the name of a sample stays one."""
    if isinstance(value, list) and value and name in SEVERAL:
        return [_placed(file, text, name, each) for each in value]
    if not isinstance(value, str) or not value or "\0" in value:
        table = "settings" if name == "init" else ""
        raise SettingError(
            f"{file}, line {line_of(text, table, name)}: {name} must be the path of a file"
        )
    if name in MASKS:
        return _of_mask(value, partial(_placed, file, text, "content"))
    path = file.parent / expand(value)
    sample = name in DRAWN and not path.exists() and not has_separator(value)
    return value if sample else os.fspath(path)
