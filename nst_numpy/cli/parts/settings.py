"""The settings of a run, as options of a command and back."""

import argparse
from collections.abc import Callable, Collection
from dataclasses import fields
from functools import partial
from typing import Any

from nst_numpy.cli.parts.options import (
    layer_weights,
    numbers,
    seed_option,
    show_layer_weights,
    show_layers,
    size_option,
    sizes,
)
from nst_numpy.cli.parts.parser import show_number
from nst_numpy.conventions import CONVENTIONS
from nst_numpy.errors import UnknownNameError
from nst_numpy.network import ENGINES
from nst_numpy.objective import CONTENT_LAYERS, Coefficients
from nst_numpy.optimize import LEARNING_RATES, OPTIMIZERS, SETTLED
from nst_numpy.pictures.palette import COLORS
from nst_numpy.presets import PRESETS, preset_settings
from nst_numpy.settings import COARSEST_SIZE, MARGIN, MOST_ITERATIONS, PATIENCE, Settings
from nst_numpy.styles import STYLE_LAYERS, STYLES
from nst_numpy.vgg import POOLS

NAMES = tuple(f.name for f in fields(Settings))
HELP, NONE = "help", "none"  # in place of a preset's name
COEFFICIENTS = ("strength", *(f.name for f in fields(Coefficients)))
# What an option says beside its name and its default, which are those of the setting.
OPTIONS: dict[str, dict[str, Any]] = {
    "size": {"type": int} | size_option(),
    "iterations": {
        "type": int,
        "metavar": "N",
        "help": f"steps, at each scale (default: {MOST_ITERATIONS['lbfgs']}); "
        f"gd does {MOST_ITERATIONS['gd']}",
    },
    "strength": {
        "type": float,
        "metavar": "S",
        "help": "how strong the style is, 0 to 100; 25 more make β ten times as large",
    },
    "alpha": {"type": float, "metavar": "A", "help": "weight of content"},
    "beta": {
        "type": float,
        "metavar": "B",
        "help": "weight of style, in place of --strength (default: found from the pictures)",
    },
    "tv_weight": {"type": float, "metavar": "W", "help": "weight of smoothness"},
    "content_layers": {
        "type": layer_weights,
        "metavar": "LAYERS",
        "help": f"as relu3_1=0.5,relu4_2=1 (default: {show_layers(CONTENT_LAYERS)})",
    },
    "style_layers": {
        "type": layer_weights,
        "metavar": "LAYERS",
        "help": f"likewise (default: {show_layers(STYLE_LAYERS)}; for neighbours "
        f"{show_layers(STYLES['neighbours'].layers)}; for the convention johnson 1 each)",
    },
    "style_loss": {"choices": list(STYLES), "help": "how styles are compared"},
    "convention": {
        "choices": list(CONVENTIONS),
        "help": "whose factors the losses have: what alpha and beta mean; see nst convention",
    },
    "style_weights": {
        "type": numbers,
        "metavar": "W,W",
        "help": "how much each of several paintings counts, as 0.7,0.3 (default: all alike)",
    },
    "init": {
        "metavar": "START",
        "help": "start from content, noise, uniform, style, grey, mix:0.6, or a picture",
    },
    "seed": {"type": int} | seed_option("the noise"),
    "pool": {"choices": list(POOLS), "help": "kind of pooling"},
    "optimizer": {"choices": list(OPTIMIZERS), "help": "how J is minimised"},
    "learning_rate": {
        "type": float,
        "metavar": "R",
        "help": "in pixel values, 0 to 255 (default: gd finds its own, "
        f"adam {LEARNING_RATES['adam']:g})",
    },
    "patience": {"type": int, "metavar": "N"},
    "scales": {
        "type": int,
        "metavar": "K",
        "help": f"sizes, coarse to fine (default: begin at {COARSEST_SIZE} pixels or less)",
    },
    "style_size": {
        "type": sizes,
        "metavar": "PX",
        "help": "longest side of the painting; smaller gives finer strokes; for several as 512,256 "
        "(default: as --size)",
    },
    "margin": {
        "type": int,
        "metavar": "PX",
        "help": f"of the canvas on each side, cut off at the end (default: {MARGIN} where "
        "--patience is not 0, but 0 for neighbours and --layers)",
    },
    "colors": {"choices": list(COLORS), "help": "whose colours the result has"},
    "engine": {"choices": list(ENGINES), "help": "how the network is run: plain is two loops"},
    "minutes": {"type": float, "metavar": "M", "help": "end after this time, at the full size"},
    "memory": {
        "metavar": "SIZE",
        "help": "such as 3GB: what does not fit whole is painted in bands (default: 60 %% of what "
        "is free, for what does not fit whole)",
    },
}


class Given(argparse.Action):
    """Keep an option's value, and that it was given: no preset and no file then changes it."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any,
        option: str | None = None,
    ) -> None:  # fmt: skip
        """Take the value."""
        setattr(namespace, self.dest, values)
        namespace.given = {*getattr(namespace, "given", ()), self.dest}
        if hasattr(namespace, "preset"):
            _use_preset(parser, namespace)


def add_setting_options(
    parser: argparse.ArgumentParser,
    names: Collection[str] = NAMES,
    patience: int = PATIENCE,
) -> None:
    """Add an option for each of the settings named; patience is told, and not set."""
    text = (
        f"end a scale when N steps lowered J by less than {100 * SETTLED:g} %%, 0: never "
        f"(default: {patience}; 0 with --iterations, noise, gd, adam)"
    )
    for f in fields(Settings):
        if f.name in names:
            more: dict[str, Any] = {"help": text} if f.name == "patience" else {}
            more |= {"action": Given, "default": f.default}
            parser.add_argument(_option(f.name), **OPTIONS[f.name] | more)


def add_axes(parser: argparse.ArgumentParser, names: Collection[str]) -> None:
    """Add an option for each of the settings named, which takes one value or several.

    Layers have commas of their own: a slash stands between two sets of them, or the option once
    more; `default` is a set too.
    """
    for f in fields(Settings):
        if f.name in names:
            option = OPTIONS[f.name]
            sign = "/" if option.get("type") is layer_weights else ","
            text = f"{option['help']}; several with {sign} between them"
            if "choices" in option:
                text = f"{', '.join(option['choices'])}: {text}"
            if f.default is not None and "default" not in text:
                text += f" (default: {show_number(f.default)})"
            kind = partial(_values, option.get("type", str), sign)
            parser.add_argument(
                _option(f.name), type=kind, action="extend" if sign == "/" else "store",
                metavar=option.get("metavar", "NAME"), help=text,
            )  # fmt: skip


def add_preset_axis(parser: argparse.ArgumentParser) -> None:
    """Add --preset with one value or several; `none` is none of them."""
    parser.add_argument(
        "--preset", dest="presets", type=_preset_names, metavar="NAME",
        help=f"settings that go together: {', '.join(PRESETS)}, {NONE}; those given beside count "
        "more; several have , between them",
    )  # fmt: skip


def _preset_names(text: str) -> list[str | None]:
    """Read names of presets; an unknown one is refused.

    >>> _preset_names("bold,none")
    ['bold', None]
    """
    words: list[Any] = [word.strip() for word in text.split(",")]
    names = [None if word == NONE else word for word in words]
    try:
        for name in filter(None, names):
            preset_settings(name)
    except UnknownNameError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return names


def _values(kind: Callable[[str], Any], sign: str, text: str) -> list[Any]:
    """Read the values of an axis.

    >>> _values(float, ",", "30,50"), _values(layer_weights, "/", "default/relu1_1,relu2_1")
    ([30.0, 50.0], [None, {'relu1_1': 1.0, 'relu2_1': 1.0}])
    """
    try:
        words = [word.strip() for word in text.split(sign)]
        return [None if sign == "/" and word == "default" else kind(word) for word in words]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"cannot read {text!r:.40}: write numbers with {sign} between them"
        ) from None


class TakePreset(argparse.Action):
    """Take the settings of a preset; in place of a name, `help` lists them all."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any,
        option: str | None = None,
    ) -> None:  # fmt: skip
        """Take the settings, in place of those of another preset that came before."""
        if values == HELP:
            print(list_presets())
            parser.exit()
        namespace.preset = values
        _use_preset(parser, namespace)


def _use_preset(parser: argparse.ArgumentParser, namespace: argparse.Namespace) -> None:
    """Set what is not given, as the preset has it, and else by default."""
    given = getattr(namespace, "given", ())
    chosen = preset_settings(namespace.preset, given) if namespace.preset else {}
    for name in NAMES:
        if name not in given:
            setattr(namespace, name, chosen.get(name, parser.get_default(name)))


def add_preset(parser: argparse.ArgumentParser, patience: int = PATIENCE) -> None:
    """Add --preset, and all settings, which know whether they were given."""
    parser.add_argument(
        "--preset", action=TakePreset, choices=[*PRESETS, HELP],
        help=f"settings that go together; those given beside it count more; {HELP} lists them",
    )  # fmt: skip
    add_setting_options(parser, patience=patience)


def typed_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that the command gives: one by one, and by a preset."""
    given = getattr(args, "given", ())
    preset = getattr(args, "preset", None)
    names = {*given, *(preset_settings(preset, given) if preset else ())}
    return {name: getattr(args, name) for name in NAMES if name in names}


def list_presets() -> str:
    """Write a line or two on each preset."""
    lines = []
    for name, preset in PRESETS.items():
        words = " ".join(f"{_option(key)} {_text(v)}" for key, v in preset.settings.items())
        lines.append(f"{name}: {preset.text}\n  {words}")
    return "\n".join(lines)


def add_coefficients(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what J is."""
    add_setting_options(parser, COEFFICIENTS)


def read_settings(args: argparse.Namespace, **fixed: Any) -> Settings:
    """Read the settings of which a command has options; others are fixed, or as by default."""
    chosen = {name: getattr(args, name) for name in NAMES if hasattr(args, name)}
    return Settings(**(chosen | fixed))


def repeat_settings(args: argparse.Namespace) -> list[str]:
    """Write the options again of each setting that is not as by default."""
    words = []
    for f in fields(Settings):
        value = getattr(args, f.name)
        if value != f.default:
            words += [_option(f.name), _text(value)]
    return words


def _text(value: Any) -> str:
    """Write a value as its option reads it."""
    if isinstance(value, dict):
        return show_layer_weights(value, exact=True)
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
