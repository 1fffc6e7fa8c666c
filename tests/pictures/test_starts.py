import numpy as np
import pytest

from nst_numpy.errors import SettingError
from nst_numpy.pictures.images import MEAN_BGR, preprocess, resize_image
from nst_numpy.pictures.starts import NOISE, STARTS, is_noisy, is_start, make_start
from tests.pictures.made import picture_of

CONTENT, STYLE = (picture_of(np.random.default_rng(n), 18 + n, 24) for n in (1, 2))
GREY = MEAN_BGR[::-1].round().astype(int)


def start(text, size=(36, 48), seed=0):
    return make_start(text, CONTENT, STYLE, size, seed)


def test_content_and_style_are_themselves():
    assert start("content") is CONTENT
    assert start("style") is STYLE


def test_grey_is_the_mean_colour():
    np.testing.assert_array_equal(start("grey"), np.full((36, 48, 3), GREY))


def test_noise_is_around_the_mean_colour_or_everywhere():
    away = start("noise").astype(int) - GREY
    assert NOISE - 1 <= np.abs(away).max() <= NOISE + 1
    assert np.abs(away.mean(axis=(0, 1))).max() < 1
    everywhere = start("uniform")
    assert (everywhere.min(), everywhere.max()) == (0, 255)
    assert abs(everywhere.mean() - 127.5) < 4


@pytest.mark.parametrize("text", ["noise", "uniform", "mix:0.6"])
def test_a_seed_is_a_picture(text):
    np.testing.assert_array_equal(start(text, seed=5), start(text, seed=5))
    assert (start(text, seed=5) != start(text, seed=6)).any()


def test_a_mixture_is_that_of_the_course():
    photograph = preprocess(resize_image(CONTENT, (36, 48)), dtype=np.float64)
    noise = preprocess(start("noise"), dtype=np.float64)
    mixed = preprocess(start("mix:0.6"), dtype=np.float64)
    np.testing.assert_allclose(mixed, 0.6 * noise + 0.4 * photograph, atol=1)
    np.testing.assert_allclose(start("mix:0"), resize_image(CONTENT, (36, 48)), atol=1)
    np.testing.assert_array_equal(start("mix:1"), start("noise"))


def test_names_of_starts():
    assert all(map(is_start, (*STARTS, "mix:0.25", "mix:1")))
    assert not any(map(is_start, ("castle.png", "mixed.png", CONTENT, None)))
    assert [name for name in (*STARTS, "mix:0.1", "mix:0") if is_noisy(name)] == [
        "noise", "uniform", "mix:0.1",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["mix:", "mix:60", "mix:-0.1", "mix:nan", "mix:half"])
def test_a_mixture_of_nothing_is_refused(text):
    with pytest.raises(SettingError, match=r"init must be mix: and the part of noise, from 0 to 1"):
        is_start(text)
