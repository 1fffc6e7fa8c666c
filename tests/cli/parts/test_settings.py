import argparse
import itertools
from dataclasses import fields, replace

import pytest

from nst_numpy.cli import demo, pull, transfer
from nst_numpy.cli.parts.settings import (
    COEFFICIENTS,
    OPTIONS,
    add_axes,
    add_coefficients,
    add_preset,
    add_setting_options,
    list_presets,
    read_settings,
    repeat_settings,
)
from nst_numpy.presets import PRESETS, preset_settings
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
    "convention": ("keras", "keras"),
    "style_weights": ("0.7,0.333333333333", (0.7, 0.333333333333)),
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
    "memory": ("3000000000", "3000000000"),
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


def axes(*words):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_axes(parser, ["strength", "seed", "style_loss", "init", "style_layers"])
    return vars(parser.parse_args(words))


def test_an_axis_has_one_value_or_several():
    assert set(axes().values()) == {None}
    found = axes("--strength", "30,62.5", "--seed", "3", "--init", "noise, mix:0.6")
    assert found["strength"] == [30.0, 62.5]
    assert (found["seed"], found["init"]) == ([3], ["noise", "mix:0.6"])


def test_sets_of_layers_have_a_slash_between_them_and_may_be_given_one_by_one():
    one, other = {"relu1_1": 1.0, "relu2_1": 0.5}, {"relu3_1": 1.0}
    assert axes("--style-layers", "relu1_1,relu2_1=0.5/relu3_1")["style_layers"] == [one, other]
    found = axes("--style-layers", "default", "--style-layers", "relu3_1")
    assert found["style_layers"] == [None, other]


def test_of_other_axes_the_last_option_counts():
    assert axes("--strength", "1", "--strength", "2,3")["strength"] == [2.0, 3.0]


@pytest.mark.parametrize("word", ["30,much", "30,,50", "0x3"])
def test_what_is_no_number_is_refused(word, capsys):
    with pytest.raises(SystemExit):
        axes("--strength", word)
    assert f"cannot read '{word}': write numbers with , between them" in capsys.readouterr().err


def parse_preset(*words):
    return parse(list(words), add_preset)


def test_a_preset_sets_what_is_not_given_wherever_it_stands():
    expected = Settings(**(preset_settings("paper") | {"init": "content", "size": 64}))
    for words in itertools.permutations(
        [("--preset", "paper"), ("--init", "content"), ("--size", "64")]
    ):
        args = parse_preset(*itertools.chain(*words))
        assert read_settings(args) == expected, words


def test_a_strength_takes_the_place_of_the_beta_of_a_preset():
    for words in (["--preset", "paper", "--strength", "60"], ["--strength=60", "--preset=paper"]):
        args = parse_preset(*words)
        assert (args.alpha, args.beta, args.strength) == (1.0, None, 60.0)
        assert args.init == "noise"


def test_of_two_presets_the_last_counts():
    args = parse_preset("--preset", "paper", "--seed", "4", "--preset", "bold")
    assert read_settings(args) == Settings(**preset_settings("bold"), seed=4)


def test_without_a_preset_nothing_changes():
    assert read_settings(parse_preset()) == Settings()
    assert read_settings(parse_preset("--seed", "4")) == Settings(seed=4)


def test_a_run_with_a_preset_is_repeated_without_it():
    args = parse_preset("--preset", "bold", "--strength", "70")
    again = parse_preset(*repeat_settings(args))
    assert read_settings(again) == read_settings(args)


def test_the_list_of_presets_names_each_with_its_options(capsys):
    with pytest.raises(SystemExit) as left:
        parse_preset("--preset", "help")
    assert left.value.code == 0
    assert capsys.readouterr().out == f"{list_presets()}\n"
    lines = list_presets().splitlines()
    for i, (name, preset) in enumerate(PRESETS.items()):
        assert lines[2 * i].startswith(f"{name}: {preset.text}")
        words = lines[2 * i + 1].split()
        assert read_settings(parse_preset(*words)) == Settings(**preset.settings)
