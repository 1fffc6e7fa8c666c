"""The pictures of a grid before it is painted: what varies, what a value is called."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nst_numpy.common.arrays import Image
from nst_numpy.errors import SettingError
from nst_numpy.measure.judgement import Judgement
from nst_numpy.pictures.images import Picture
from nst_numpy.presets import preset_settings
from nst_numpy.settings import Settings
from nst_numpy.sweeps.shelf import LIST, short_digest

# What may have several values, in the order of the axes.
AXES = ("strength", "style", "style_loss", "content_layers", "style_layers", "size", "colors",
        "style_size", "tv_weight", "init", "seed", "preset")  # fmt: skip
SHORT = tuple(
    name for name in AXES if name not in ("style", "preset") and not name.endswith("_layers")
)
FILES = rf".*-[0-9a-f]{{8}}\.png|{re.escape(LIST)}"  # what is written into a folder


@dataclass
class Cell:
    """One picture of a grid.

    Attributes
    ----------
    values : dict of str to value
        Of each axis; of "style" the painting's name.
    settings : Settings
    state : {"waiting", "painted", "kept", "stopped", "failed"}
        A picture that was kept is from an earlier run, in the folder; one that was stopped is the
        picture so far.
    image : ndarray, uint8 (H, W, 3), optional
    error : str, optional
        What went wrong, in a sentence.
    judgement : Judgement, optional
        There is none of a picture that is too small to be judged.
    about : dict
        How the run went: what is in JSON beside the judgement.
    """

    values: dict[str, Any]
    settings: Settings
    style: int = field(repr=False)  # which of the paintings
    file: str = ""
    made_by: dict[str, Any] = field(default_factory=dict, repr=False)
    state: str = "waiting"
    image: Image | None = field(default=None, repr=False)
    error: str | None = None
    judgement: Judgement | None = field(default=None, repr=False)
    about: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def label(self) -> str:
        """The values of its axes, in words."""
        return ", ".join(label(name, value) for name, value in self.values.items())


def label(name: str, value: Any) -> str:
    """Name a value of an axis.

    >>> label("strength", 30.0), label("style_loss", "gram"), label("style_layers", None)
    ('strength 30', 'gram', 'style layers: default')
    >>> label("content_layers", {"relu2_2": 1.0, "relu4_2": 0.5})
    'content layers: relu2_2, relu4_2=0.5'
    """
    if name in ("style", "style_loss"):
        return str(value)
    words = name.replace("_", " ")
    if name == "preset":
        return f"{words} {value or 'none'}"
    if not name.endswith("_layers"):
        return f"{words} {value:g}" if isinstance(value, float) else f"{words} {value}"
    parts = [each if part == 1 else f"{each}={part:g}" for each, part in (value or {}).items()]
    return f"{words}: {', '.join(parts) or 'default'}"


def axis_values(name: str, given: Any) -> list[Any]:
    """List the values of a setting, each once, as `Settings` has them."""
    each = list(given) if isinstance(given, (list, tuple)) else [given]
    if not each:
        raise SettingError(f"grid: {name} has no value: give one or more")
    if name == "preset":
        for preset in filter(None, each):
            preset_settings(preset)  # an unknown one is refused
    elif name != "style":  # None stays: which layers are the default depends on the style loss
        each = [v if v is None else getattr(Settings(**{name: v}), name) for v in each]
    return [value for i, value in enumerate(each) if value not in each[:i]]


def distinct(names: list[str]) -> list[str]:
    """Give a number to each name that was there before: `cat, cat 2`."""
    return [f"{n} {names[:i].count(n) + 1}" if n in names[:i] else n for i, n in enumerate(names)]


def picture_name(picture: Picture) -> str:
    """Name a picture as people would: by its file's name."""
    return Path(picture).stem if not hasattr(picture, "shape") else "array"


def file_name(names: list[str], cell: Cell) -> str:
    """Name a cell's file: in words as far as that goes, and by digits that no other cell has."""
    used = {name: getattr(cell.settings, name) for name in SHORT}
    changed = [label(name, v) for name, v in used.items() if v != getattr(Settings, name)]
    words = re.sub(r"[^\w.=]+", "-", "-".join([*names, *changed]))[:100]
    return f"{words}-{short_digest(cell.made_by)}.png"
