from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import nst_numpy as nst
from nst_numpy.errors import UnknownNameError
from nst_numpy.presets import PRESETS, preset_settings
from nst_numpy.settings import Settings
from nst_numpy.vgg import VGG

NAMES = {field.name for field in fields(Settings)}


def paint(**settings):
    rng = np.random.default_rng(1)
    content, style = (rng.integers(0, 256, (20, 24, 3), dtype=np.uint8) for _ in range(2))
    vgg = VGG.random((3, 4, 5, 6, 7), np.random.default_rng(2), convolutions=(2, 2, 3, 3, 1))
    return nst.transfer(content, style, vgg=vgg, **({"size": 24, "iterations": 1} | settings))


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_settings_that_can_be(name):
    preset = PRESETS[name]
    assert set(preset.settings) <= NAMES
    given = Settings(**preset_settings(name))
    assert given != Settings()
    for key, value in preset.settings.items():
        assert getattr(given, key) == value
    assert 10 < len(preset.text) < 80


def test_no_two_are_alike():
    every = [Settings(**preset_settings(name)) for name in PRESETS]
    assert all(one != other for i, one in enumerate(every) for other in every[:i])


def test_the_page_shows_each():
    page = Path(__file__).resolve().parents[1] / "docs/howto/presets.md"
    text = page.read_text("utf-8")
    for name, preset in PRESETS.items():
        assert f"| `{name}` |" in text
        for key in preset.settings:
            assert f"--{key.replace('_', '-')}" in text, key


def test_what_is_given_counts_more():
    assert preset_settings("paper")["init"] == "noise"
    assert "init" not in preset_settings("paper", ["init"])
    assert not {"alpha", "beta"} & {*preset_settings("paper", ["strength"])}


def test_nobody_changes_a_preset():
    preset_settings("paper")["init"] = "grey"
    assert preset_settings("paper")["init"] == "noise"


def test_transfer_takes_a_preset():
    used = paint(preset="paper").settings
    assert used["init"] == "noise"
    assert used["beta"] == pytest.approx(PRESETS["paper"].settings["beta"])
    again = paint(**preset_settings("paper"))
    np.testing.assert_array_equal(paint(preset="paper").image, again.image)


def test_settings_beside_a_preset_win_also_where_they_are_as_by_default():
    used = paint(preset="paper", init="content", strength=50.0, seed=3).settings
    assert (used["init"], used["strength"], used["alpha"], used["seed"]) == ("content", 50.0, 1, 3)


def test_a_misspelt_preset_is_refused_before_the_work():
    with pytest.raises(UnknownNameError, match="unknown preset 'papr': did you mean paper"):
        nst.transfer("no-such-file.jpg", "no-such-file.jpg", preset="papr")
