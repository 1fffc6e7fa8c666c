import numpy as np
import pytest

from nst_numpy.gradcheck import check_gradient
from nst_numpy.objective import Objective
from nst_numpy.pictures.images import preprocess
from nst_numpy.settings import Settings
from nst_numpy.training.sequential import Conv, ReLU, Sequential
from nst_numpy.video.held import Expectation, HeldObjective, HeldRun, shrink_mask
from tests.video.tiny import QUICK, tiny_clip, tiny_network, tiny_painting


def test_the_whole_gradient_in_float64():
    rng = np.random.default_rng(3)
    net = Sequential([Conv(3, 3, pad=1), ReLU()], (5, 6, 3), rng, np.float64)
    content, style, x, expected = 10 * rng.standard_normal((4, 1, 5, 6, 3))
    layers = {"relu1": 1.0}
    j = Objective(net, content, style, beta=0.1, content_layers=layers, style_layers=layers)
    held = HeldObjective(j, expected, rng.uniform(0, 1, (1, 5, 6, 1)), 30.0)
    value, grad = held(x)
    assert sum(held.terms.values()) == value
    assert held.terms["temporal"] > 0.01 * value
    report = check_gradient(lambda v: held(v)[0], x, grad)
    assert report.ok, str(report)


def test_brightness_that_is_missing_by_hand():
    x = np.zeros((1, 2, 2, 3))
    x[0, 0] = 10.0
    mask = np.array([1.0, 0, 1, 1]).reshape(1, 2, 2, 1)
    assert Expectation(x + 5, mask).brightness_missing(x) == pytest.approx(5)
    # where the mask is 1 the source has become brighter by 2, 4 and 6
    change = np.array([2.0, 99, 4, 6]).reshape(1, 2, 2, 1) * np.ones(3)
    assert Expectation(x, mask, change).brightness_missing(x) == pytest.approx(4)
    assert Expectation(x, 0 * mask, change).brightness_missing(x) == 0


def test_green_counts_most():
    x = np.zeros((1, 1, 1, 3))
    by_channel = [Expectation(x + np.eye(3)[c]).brightness_missing(x) for c in range(3)]
    assert by_channel == pytest.approx([0.114, 0.587, 0.299])  # x is blue, green, red


def test_a_mask_of_another_size_stays_between_0_and_1():
    mask = np.zeros((1, 8, 12, 1), dtype=np.float32)
    mask[:, :, 6:] = 1
    small = shrink_mask(mask, (4, 6))
    assert small.shape == (1, 4, 6, 1)
    assert small.min() >= 0
    assert small.max() <= 1
    assert small[0, 0, 0, 0] < 0.1 < 0.9 < small[0, 0, -1, 0]


@pytest.mark.parametrize("margin", [0, 3])
def test_a_strong_loss_leaves_the_picture_where_it_is_expected(margin):
    settings = {k: v for k, v in QUICK.items() if k not in ("steps", "flow")}
    settings = Settings(**settings | {"margin": margin, "iterations": 12})
    frame = tiny_clip(1).frames[0]
    apart = []
    for weight in (0.0, 1e9):
        run = HeldRun(settings, tiny_network(), frame, tiny_painting(), frame)
        run.expectation = Expectation(preprocess(frame))
        run.weight, run.missing = weight, lambda *_: 0.0
        result = run.go()
        assert "temporal" in result.terms
        assert result.source is None
        apart.append(np.abs(result.image.astype(float) - frame).mean())
    assert apart[0] > 1
    assert apart[1] < 0.1
