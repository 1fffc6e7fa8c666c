"""The dial: equal marks are equally strong, whatever the painting."""

import math

import numpy as np
import pytest

from nst_numpy.balance import AT_50, style_factor
from nst_numpy.objective import Objective
from nst_numpy.vgg import VGG

LAYERS = {"content_layers": {"relu2_1": 1.0}, "style_layers": {"relu1_1": 0.5, "relu2_1": 0.5}}


@pytest.fixture(scope="module")
def vgg():
    return VGG.random((4, 6), np.random.default_rng(0))


def pictures(seed=0, contrast=1.0):
    rng = np.random.default_rng(seed)
    content, style = rng.normal(0, 50, (2, 1, 12, 16, 3))
    return content, contrast * style


def objective_of(vgg, content, style, **more):
    return Objective(vgg, content, style, **LAYERS, **more)


@pytest.mark.parametrize("strength", [0, 30, 50, 100])
@pytest.mark.parametrize("alpha", [1.0, 5.0])
def test_half_way_the_terms_of_style_are_as_large_as_the_dial_says(vgg, strength, alpha):
    content, style = pictures()
    before = objective_of(vgg, content, style, alpha=alpha, beta=3.0)
    beta = 3.0 * style_factor(before, content, style, strength, "gram")
    balanced = objective_of(vgg, content, style, alpha=alpha, beta=beta)
    balanced((content + style) / 2)
    content = balanced.terms.pop("content/relu2_1")
    mean = math.sqrt(math.prod(balanced.terms.values()))  # of two layers
    assert mean / content == pytest.approx(AT_50["gram"] * 10 ** ((strength - 50) / 25))


def test_beta_does_not_depend_on_the_beta_before(vgg):
    content, style = pictures()
    found = [
        beta
        * style_factor(objective_of(vgg, content, style, beta=beta), content, style, 50, "gram")
        for beta in (1e-3, 1.0, 1e5)
    ]
    assert found == pytest.approx([found[0]] * 3)


def test_what_has_no_balance_stays(vgg):
    content, style = pictures()
    without = objective_of(vgg, content, style, alpha=0.0)
    assert style_factor(without, content, style, 50, "gram") == 1
    same = objective_of(vgg, content, content)
    assert style_factor(same, content, content, 50, "gram") == 1
    content[0, 0, 0, 0] = np.inf
    assert style_factor(without, content, style, 50, "gram") == 1
