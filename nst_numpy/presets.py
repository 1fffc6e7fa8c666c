"""Settings that go together, by name: `nst transfer --preset paper`, `transfer(preset="paper")`.

A preset is some fields of `Settings`; what is given beside it counts more. To add one, add a line.
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from nst_numpy.errors import UnknownNameError


class Preset(NamedTuple):
    """Settings that go together.

    Attributes
    ----------
    text : str
        What it is for.
    settings : mapping of str to object
        Fields of `Settings`.
    """

    text: str
    settings: Mapping[str, Any]


PresetName: TypeAlias = Literal["paper", "lecture", "bold", "fine", "strokes", "soft"]
EACH_BLOCK = {f"relu{block}_1": 0.2 for block in range(1, 6)}
PRESETS: dict[PresetName, Preset] = {
    "paper": Preset(
        "Gatys, Ecker and Bethge (2015): from noise, at one size",
        {
            "init": "noise",
            "scales": 1,
            "pool": "avg",
            "alpha": 1e-3,
            "beta": 1.0,
            "content_layers": {"relu4_2": 1.0},
            "style_layers": EACH_BLOCK,
        },
    ),
    "lecture": Preset(
        "the lecture's recipe to the letter: 100 pixels, noise, gradient descent",
        {"size": 100, "init": "noise", "scales": 1, "optimizer": "gd"},
    ),
    "bold": Preset(
        "large forms and broad strokes",
        {"strength": 75.0,
         "style_layers": {"relu3_1": 0.4, "relu4_1": 0.4, "relu5_1": 0.4}},
    ),
    "fine": Preset(
        "fine texture, and much detail of the photograph",
        {"strength": 60.0, "content_layers": {"relu3_1": 1.0},
         "style_layers": {"relu1_1": 0.3, "relu2_1": 0.3, "relu3_1": 0.3}},
    ),
    "strokes": Preset(
        "the photograph out of the painting's brush strokes",
        {"strength": 60.0, "style_loss": "neighbours"},
    ),
    "soft": Preset(
        "gently painted, in the photograph's own colours",
        {"strength": 35.0, "colors": "content"},
    ),
}  # fmt: skip


def preset_settings(name: PresetName, given: Collection[str] = ()) -> dict[str, Any]:
    """Return the settings of a preset, but those that are given beside it.

    Parameters
    ----------
    name : str
    given : collection of str
        Names of settings that somebody has given. If strength is among them, the preset's α and β
        go too, as a β takes the place of a strength.

    Returns
    -------
    dict of str to object
        Fields of `Settings`.

    Raises
    ------
    UnknownNameError
        There is no preset of that name.

    Examples
    --------
    >>> preset_settings("paper", ["content_layers", "style_layers"])
    {'init': 'noise', 'scales': 1, 'pool': 'avg', 'alpha': 0.001, 'beta': 1.0}
    >>> preset_settings("papre")
    Traceback (most recent call last):
    nst_numpy.errors.UnknownNameError: unknown preset 'papre': did you mean paper?
    """
    if name not in PRESETS:
        raise UnknownNameError.of("preset", str(name), PRESETS)
    without = {*given, *(("alpha", "beta") if "strength" in given else ())}
    settings = PRESETS[name].settings
    return {key: value for key, value in settings.items() if key not in without}
