import inspect
import json
import math
import pydoc
import re
from dataclasses import FrozenInstanceError, asdict, fields
from typing import get_type_hints

import numpy as np
import pytest

from nst_numpy import settings, style_transfer
from nst_numpy.errors import SettingError, UnknownNameError
from nst_numpy.objective import CONTENT_LAYERS, STYLE_LAYERS, Coefficients
from nst_numpy.pictures.images import Picture
from nst_numpy.result import Result
from nst_numpy.settings import (
    GivenSettings,
    Init,
    Settings,
    default_scales,
    refuse_too_large,
    refuse_unknown,
)
from nst_numpy.style_transfer import transfer

NAMES = [field.name for field in fields(Settings)]
WHOLE = ["size", "iterations", "patience", "seed", "scales", "style_size"]
NUMBERS = ["strength", "alpha", "beta", "tv_weight", "learning_rate"]


# each setting once


def test_every_setting_has_its_words_in_the_docstring():
    [section] = re.findall(r"-{10}\n(.+?)\n\n", inspect.cleandoc(Settings.__doc__), flags=re.S)
    named = re.findall(r"^(\w[\w, ]*) : ", section, flags=re.M)
    assert [name for line in named for name in line.split(", ")] == NAMES


def test_what_type_checkers_know_of_them_are_the_fields():
    known = get_type_hints(Settings)
    assert known.pop("init") == Init | str  # `transfer` takes arrays too, and says so itself
    assert get_type_hints(GivenSettings) == known


def test_transfer_shows_every_setting_with_its_default():
    parameters = inspect.signature(transfer).parameters
    assert list(parameters)[:2] == ["content", "style"]
    assert list(parameters)[2 : 2 + len(NAMES)] == NAMES
    for field in fields(Settings):
        shown = parameters[field.name]
        assert (shown.kind, shown.default) == (shown.KEYWORD_ONLY, field.default)
    assert list(parameters)[2 + len(NAMES) :] == [
        "masks", "run_folder", "resume",
        "snapshot_every", "snapshot_folder", "callback", "progress", "show", "weights", "vgg",
        "layers", "preset",
    ]  # fmt: skip
    hints = get_type_hints(transfer)
    assert hints["size"] is int
    assert hints["init"] == Init | Picture | None
    assert hints["return"] is Result


def test_help_tells_what_each_setting_means():
    text = pydoc.plain(pydoc.render_doc(transfer))
    assert "size: int = 512, iterations: int | None = None," in text
    assert "Smaller gives finer strokes." in text
    assert "**settings" not in text
    for name in inspect.signature(transfer).parameters:
        assert re.search(rf"^    (\w+, )*{name}(, \w+)* : ", text, flags=re.M), name


def test_the_defaults_of_the_coefficients_are_those_of_the_objective():
    assert Settings.alpha == Coefficients.alpha
    assert Settings.tv_weight == Coefficients.tv_weight
    assert Settings().content_layers == CONTENT_LAYERS
    assert Settings().style_layers == STYLE_LAYERS


def test_constants_are_found_under_their_former_module_too():
    assert style_transfer.SMALLEST_SIZE == settings.SMALLEST_SIZE
    assert style_transfer.COARSEST_SIZE == settings.COARSEST_SIZE
    assert style_transfer.Settings is Settings


# what is refused


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sise", "unknown setting 'sise': did you mean size"),
        ("iteration", "unknown setting 'iteration': did you mean iterations?"),
        ("calback", "unknown setting 'calback': did you mean callback?"),
        ("Alpha", "unknown setting 'Alpha': did you mean alpha?"),
        ("content_layer", "unknown setting 'content_layer': did you mean content_layers"),
        ("xyz", "unknown setting 'xyz': choose from size, iterations, strength, "),
    ],
)
def test_an_unknown_setting_is_refused_with_the_nearest(name, message):
    with pytest.raises(UnknownNameError) as caught:
        transfer("no-such-file.jpg", "no-such-file.jpg", **{name: 3})
    assert str(caught.value).startswith(message)


def test_positions_are_no_settings():
    def paint(content, *, size=1):
        """Do nothing."""

    refuse_unknown(["size"], paint)
    with pytest.raises(UnknownNameError, match="unknown setting 'content'"):
        refuse_unknown(["content"], paint)


@pytest.mark.parametrize("value", [True, np.True_, 32.5, "32", {32}])
@pytest.mark.parametrize("name", WHOLE)
def test_what_is_no_whole_number_is_refused(name, value):
    with pytest.raises(SettingError) as caught:
        Settings(**{name: value})
    assert str(caught.value) == f"{name} must be a whole number, not {value!r}"


def test_several_paintings_have_a_list_of_sizes_and_weights():
    chosen = Settings(style_size=[32, np.int64(48)], style_weights=[np.float32(0.5), 2])
    assert (chosen.style_size, chosen.style_weights) == ((32, 48), (0.5, 2))
    assert json.dumps(asdict(chosen))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"style_size": [32, 8]}, "style_size must be at least 16 pixels, not 8"),
        ({"style_size": [32, "40"]}, "style_size must be a whole number, not '40'"),
        ({"style_weights": 0.5}, "style_weights must be a list of numbers, not 0.5"),
        ({"style_weights": [1, -1]},
         "a style weight must be a finite number of at least 0, not -1"),
        ({"style_weights": [0, 0.0]},
         "style_weights add up to 0: give one of the paintings more than 0"),
    ],
)  # fmt: skip
def test_sizes_and_weights_of_paintings_that_cannot_be(given, message):
    with pytest.raises(SettingError) as caught:
        Settings(**given)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["size", "seed", "alpha", "tv_weight"])
def test_none_is_a_value_only_where_it_is_the_default(name):
    with pytest.raises(SettingError, match=rf"^{name} must be a .*, not None$"):
        Settings(**{name: None})
    assert Settings(beta=None, scales=None, iterations=None) == Settings()


@pytest.mark.parametrize("value", ["1", True, math.nan, math.inf, -1, [1], 1j])
@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_number_is_refused(name, value):
    with pytest.raises(SettingError, match=rf"^{name} must be a finite number (of at least|above)"):
        Settings(**{name: value})


def test_strength_is_a_dial():
    assert Settings(strength=np.float32(100)).strength == 100
    with pytest.raises(SettingError, match=r"^strength must be from 0 to 100, not 100\.5$"):
        Settings(strength=100.5)


@pytest.mark.parametrize("name", ["content_layers", "style_layers"])
def test_layers_are_a_mapping_to_numbers(name):
    with pytest.raises(SettingError) as caught:
        Settings(**{name: ["relu1_1"]})
    assert str(caught.value) == (
        f"{name} must map layers to weights, not ['relu1_1']: write {{\"relu1_1\": 1.0}}"
    )
    with pytest.raises(SettingError, match=r"^the weight of relu1_1 must be .*, not None$"):
        Settings(**{name: {"relu1_1": None}})


# what is kept


def test_settings_are_kept_as_pythons_own():
    given = Settings(
        size=np.int64(32), alpha=np.float32(0.5), beta=np.float64(2), seed=np.uint8(3),
        style_layers={"relu1_1": np.float32(0.5)}, learning_rate=np.float32(2), scales=np.int8(1),
    )  # fmt: skip
    assert json.loads(json.dumps(asdict(given))) == asdict(given)
    assert (given.size, given.alpha, given.beta, given.learning_rate) == (32, 0.5, 2.0, 2.0)


def test_nobody_changes_them_afterwards():
    layers = {"relu1_1": 1.0}
    given = Settings(style_layers=layers)
    layers["relu1_1"] = 5.0
    assert given.style_layers == {"relu1_1": 1.0}
    with pytest.raises(FrozenInstanceError):
        given.size = 3


def test_coefficients_take_the_beta_of_a_scale():
    given = Settings(alpha=2.0, beta=5.0, style_layers={"relu1_1": 0.5}, tv_weight=3)
    coefficients = given.coefficients(8.0)
    assert coefficients.content == {"relu4_2": 2.0}
    assert coefficients.style == {"relu1_1": 8.0 * 0.5}
    assert coefficients.tv_weight == 3


@pytest.mark.parametrize(("size", "scales"), [(16, 1), (256, 1), (257, 2), (1025, 4)])
def test_scales_begin_at_the_coarsest_size_or_less(size, scales):
    assert default_scales(size) == scales
    assert size / 2 ** (scales - 1) <= settings.COARSEST_SIZE


def test_a_run_from_noise_does_all_its_iterations():
    assert Settings(init="noise").used_patience == 0
    assert Settings(init="noise", patience=3).used_patience == 3
    assert Settings(init="style").used_patience == 10


@pytest.mark.parametrize("given", ["3 bananas", "GB", "", "-1GB", "0GB", "3GB2", [3], True, "nan"])
def test_memory_that_is_no_amount_is_refused(given):
    with pytest.raises(SettingError, match=r"^memory .* is no amount: write it as 3GB, 500MB or"):
        Settings(memory=given)


@pytest.mark.parametrize("given", [0, -5])
def test_memory_is_above_zero(given):
    with pytest.raises(SettingError, match="memory"):
        Settings(memory=given)


def test_a_picture_has_16384_pixels_a_side_at_most():
    refuse_too_large(Settings(size=16384, style_size=[16384, 100]))
    with pytest.raises(SettingError, match=r"^size must be at most 16384 pixels, not 16385"):
        refuse_too_large(Settings(size=16385))
    with pytest.raises(SettingError, match=r"^style_size must be at most 16384 pixels, not 20000"):
        refuse_too_large(Settings(style_size=[16, 20000]))
