"""A run in a folder: its pictures, its record and, if it has neighbours, its source map.

What is there is enough to draw the map, and to compute the style loss again.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from nst_numpy.common.arrays import AnyImage, Image
from nst_numpy.errors import SettingError
from nst_numpy.files import PathLike, check_folder, expand_input, write_json
from nst_numpy.look.source import SourceMap, load_source, save_source
from nst_numpy.look.sources import side_by_side
from nst_numpy.paintings import Paintings
from nst_numpy.pictures.images import load_image, resize_image, save_image
from nst_numpy.result import Result

RECORD, SOURCE = "run.json", "source.npz"
PICTURES = ("result.png", "content.png", "style.png")
FILE_NAMES = "|".join([*map(re.escape, (*PICTURES, RECORD, SOURCE)), r"style_\d+\.png"])
MOST_BYTES = 2**26  # of a record


class Painted(Protocol):
    """What is asked of a run: its pictures, and the sizes of the paintings as they were read."""

    content: AnyImage
    paintings: Paintings
    scales: int

    def style_shape(self, scale: int, number: int, /) -> tuple[int, int, int, int]:
        """Shape of a style picture at a scale."""


@dataclass(frozen=True)
class SavedRun:
    """What is read of a run's folder.

    Attributes
    ----------
    result, content, style : ndarray, uint8 (H, W, 3)
        At the sizes that the network read at the last scale; of several paintings, all side by
        side.
    record : dict
        As `nst transfer --json` writes it.
    source : SourceMap
    """

    result: Image
    content: Image
    style: Image
    record: dict[str, Any]
    source: SourceMap


def writers(
    run: Painted, result: Result, record: dict[str, Any]
) -> dict[str, Callable[[Path], None]]:
    """List the files of a run's folder, each with a function that writes it to a path."""
    styles = [
        resize_image(image, run.style_shape(run.scales - 1, number)[1:3])
        for number, image in enumerate(run.paintings.images)
    ]
    images = dict(zip(PICTURES, (result.image, run.content, styles[0]), strict=True))
    images |= {f"style_{number}.png": image for number, image in enumerate(styles[1:], start=2)}
    files: dict[str, Callable[[Path], None]] = {
        name: partial(save_image, image=image) for name, image in images.items()
    }
    if result.source is not None:
        files[SOURCE] = partial(save_source, source=result.source)
    return files | {RECORD: partial(write_json, data=record | {"files": list(files)})}


def save_run(folder: PathLike, run: Painted, result: Result, record: dict[str, Any]) -> None:
    """Write a run into a folder, which is made if need be; each file completely or not at all.

    Parameters
    ----------
    folder : path
    run : Run
    result : Result
        What the run's `go` has returned.
    record : dict
        What is to stand in run.json; at least `{"settings": result.settings}`.

    Raises
    ------
    OutputError
        If something cannot be written.
    """
    place = check_folder(folder)
    for name, write in writers(run, result, record).items():
        write(place / name)


def load_run(folder: PathLike) -> SavedRun:
    """Read a run that has a source map.

    Raises
    ------
    SettingError
        The folder is not one of a run, or of a run that has no source map; a file is damaged.
    ImageError
        A picture cannot be read.
    """
    place = expand_input(folder, SettingError)
    record = _read_record(place)
    if SOURCE not in record["files"]:
        used = record["settings"].get("style_loss")
        raise SettingError(
            f"{place} has no source map, since its run had the style loss {used}: "
            "run nst transfer with --style-loss neighbours and --save-run"
            if used != "neighbours"
            else f"{place} has no source map, since its run ended too early: run it again"
        )
    result, content, style = (load_image(place / name) for name in PICTURES)
    source = load_source(place / SOURCE)
    if source.panels:
        more = {p.number: load_image(place / f"style_{p.number}.png")
                for p in source.panels if p.number > 1}  # fmt: skip
        style = side_by_side({1: style} | more, source)
    return SavedRun(result, content, style, record, source)


def _read_record(place: Path) -> dict[str, Any]:
    """Read run.json; refuse what is none."""
    file = place / RECORD
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES >> 20} megabytes")
        record = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(record["files"], list) or not isinstance(record["settings"], dict):
            raise ValueError("it says nothing of files and settings")
    except FileNotFoundError:
        raise SettingError(
            f"{place} is not the folder of a run: there is no {RECORD} in it; make one by "
            "nst transfer --save-run"
        ) from None
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingError(
            f"{file} cannot be read ({reason}): run nst transfer --save-run again"
        ) from error
    return dict(record)
