import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError, UnknownNameError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.layers.activation import RELU_RULES
from nst_numpy.look import drive_image, receptive_box, what_drove
from nst_numpy.vgg import VGG


@pytest.fixture(scope="module", params=["avg", "max"])
def vgg(request):
    rng = np.random.default_rng(0)
    return VGG.random((3, 4, 5), rng, convolutions=(1, 2, 1), pool=request.param)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).standard_normal((1, 29, 35, 3))


def on_the_whole_picture(vgg, x, layer, channel, row, col, rule):
    a = vgg.forward(x, [layer])[layer]
    grad = np.zeros_like(a)
    grad[0, row, col, channel] = 1
    return vgg.backward({layer: grad}, relu=rule)


@pytest.mark.parametrize("rule", RELU_RULES)
@pytest.mark.parametrize("layer", ["relu1_1", "pool1", "conv2_2", "relu2_2", "relu3_1", "pool3"])
def test_the_part_that_is_computed_gives_what_the_whole_picture_gives(vgg, x, layer, rule):
    _, rows, columns, channels = vgg.feature_shapes(x.shape)[layer]
    rng = np.random.default_rng(2)
    places = {(0, 0), (rows - 1, columns - 1), (rows // 2, columns // 2), (0, columns - 1)}
    for row, col in places:
        unit = (layer, int(rng.integers(channels)), row, col)
        expected = on_the_whole_picture(vgg, x, *unit, rule)
        grad_x = what_drove(vgg, x, *unit, rule=rule)
        np.testing.assert_allclose(grad_x, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
        box = receptive_box(layer, row, col, x.shape[1:3], vgg)
        grad_x[:, box.top : box.bottom, box.left : box.right] = 0
        assert not grad_x.any()


def test_by_the_rule_gradient_it_is_the_derivative():
    rng = np.random.default_rng(3)
    vgg, x = VGG.random((2, 3), rng), rng.standard_normal((1, 6, 6, 3))
    a = vgg.forward(x, ["relu2_1"])["relu2_1"]
    _, row, col, channel = np.argwhere(a > 0.1)[0]

    def unit(x):
        return float(vgg.forward(x, ["relu2_1"])["relu2_1"][0, row, col, channel])

    grad_x = what_drove(vgg, x, "relu2_1", channel, row, col, rule="gradient")
    check_gradient(unit, x, grad_x).raise_if_wrong()


def test_the_rules_differ_as_their_papers_say(vgg, x):
    """One unit whose way down has weights of both signs, by hand: 3×3 kernels of one weight."""
    w1 = np.zeros((3, 3, 3, 3))
    w1[1, 1] = np.diag([1.0, 1.0, -1.0])
    w2 = np.zeros((3, 3, 3, 1))
    w2[1, 1, :, 0] = [2.0, -3.0, 4.0]
    net = VGG({"conv1_1": (w1, np.zeros(3)), "conv1_2": (w2, np.zeros(1))})
    x = np.zeros((1, 5, 5, 3))
    x[0, 2, 2] = [1.0, 0.25, 0.5]  # relu1_1 is 1, 0.25, 0; relu1_2 is 2 − 0.75 = 1.25
    for rule, expected in (
        ("gradient", [2, -3, 0]),  # passes what was on
        ("deconvolution", [2, 0, -4]),  # passes what is positive on the way down
        ("guided", [2, 0, 0]),  # passes both
    ):
        grad_x = what_drove(net, x, "relu1_2", 0, 2, 2, rule=rule)
        assert grad_x[0, 2, 2].tolist() == expected
        assert np.count_nonzero(grad_x) == np.count_nonzero(expected)


@pytest.mark.parametrize(
    ("unit", "error", "message"),
    [
        (("relu9_1", 0, 0, 0), UnknownNameError, "unknown layer 'relu9_1'"),
        (("relu1_1", 3, 0, 0), SettingError, "relu1_1 has channels 0 to 2, not 3"),
        (("relu1_1", -1, 0, 0), SettingError, "relu1_1 has channels 0 to 2, not -1"),
        (("relu2_1", 0, 14, 0), ShapeError, r"has 14×17 positions.*there is no \(14, 0\)"),
        (("relu2_1", 0, 0, 0, "backwards"), SettingError, "not 'backwards'"),
    ],
)
def test_units_and_rules_that_are_not_there_are_refused(vgg, x, unit, error, message):
    with pytest.raises(error, match=message):
        what_drove(vgg, x, *unit)


def test_two_pictures_are_refused(vgg, x):
    with pytest.raises(ShapeError, match="x must be one picture"):
        what_drove(vgg, np.concatenate([x, x]), "relu1_1", 0, 0, 0)
    with pytest.raises(ShapeError, match="x must be one picture"):
        what_drove(vgg, x[0], "relu1_1", 0, 0, 0)


def test_nothing_is_drawn_grey():
    assert set(drive_image(np.zeros((1, 2, 2, 3))).ravel().tolist()) == {128}
