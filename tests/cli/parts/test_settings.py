import argparse
from dataclasses import fields, replace

import pytest

from nst_numpy.cli import demo, pull, transfer
from nst_numpy.cli.parts.settings import (
    COEFFICIENTS,
    OPTIONS,
    add_coefficients,
    add_setting_options,
    read_settings,
    repeat_settings,
)
from nst_numpy.settings import Settings

# one value of each setting, as it is typed, that is not as by default
TYPED = {
    "size": ("48", 48),
    "iterations": ("7", 7),
    "strength": ("62.5", 62.5),
    "alpha": ("2", 2.0),
    "beta": ("0.1", 0.1),
    "tv_weight": ("1e-3", 0.001),
    "content_layers": ("relu2_2=0.25,relu1_1", {"relu2_2": 0.25, "relu1_1": 1.0}),
    "style_layers": ("relu1_1=0.333333333333", {"relu1_1": 0.333333333333}),
    "style_loss": ("wasserstein", "wasserstein"),
    "init": ("a b.png", "a b.png"),
    "seed": ("5", 5),
    "pool": ("max", "max"),
    "optimizer": ("adam", "adam"),
    "learning_rate": ("0.5", 0.5),
    "patience": ("4", 4),
    "scales": ("2", 2),
    "style_size": ("32", 32),
    "margin": ("3", 3),
    "colors": ("match", "match"),
    "engine": ("plain", "plain"),
    "minutes": ("2.5", 2.5),
}


def option(name):
    return f"--{name.replace('_', '-')}"


def parse(words, add=add_setting_options):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add(parser)
    return parser.parse_args(words)


def test_every_setting_has_an_option_and_every_option_a_setting():
    names = [field.name for field in fields(Settings)]
    assert list(OPTIONS) == list(TYPED) == names
    assert list(vars(parse([]))) == names
    for command in (transfer, demo):
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        options = {action.dest: action for action in parser._actions}
        for name in names:
            assert options[name].option_strings == [option(name)]
            assert options[name].help


def test_without_options_the_settings_are_those_of_the_package():
    assert read_settings(parse([])) == Settings()
    assert repeat_settings(parse([])) == []


@pytest.mark.parametrize("name", TYPED)
def test_an_option_reaches_its_setting_and_comes_back(name):
    text, value = TYPED[name]
    args = parse([option(name), text])
    assert read_settings(args) == replace(Settings(), **{name: value})
    words = repeat_settings(args)
    assert words[0] == option(name)
    assert vars(parse(words)) == vars(args)


def test_a_command_may_have_some_of_them_and_fix_others():
    args = parse(["--beta", "3"], add_coefficients)
    assert set(vars(args)) == {*COEFFICIENTS, "given"}
    assert args.given == {"beta"}
    expected = Settings(beta=3.0, size=40, optimizer="gd")
    assert read_settings(args, size=40, optimizer="gd") == expected
    args = parse(["a", "b", "-o", "c.png"], pull.add_arguments)
    assert read_settings(args) == Settings(size=256)
    assert transfer.add_coefficients is add_coefficients  # where it was before
