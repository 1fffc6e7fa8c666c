import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nst_numpy.bands import Bands
from nst_numpy.errors import SettingError
from nst_numpy.network import Network
from nst_numpy.objective import Objective
from nst_numpy.rows import AvgPool, Conv, MaxPool, ReLU
from nst_numpy.styles import Painting
from nst_numpy.styles.regions import Regions
from nst_numpy.vgg import VGG

CHANNELS = {"float64": (3, 4, 5), "float32": (32, 32, 64)}  # im2col; Winograd's method from 32 on


def network(dtype, pool="avg", convolutions=(2, 2, 1)):
    rng = np.random.default_rng(0)
    return VGG.random(CHANNELS[dtype], rng, convolutions=convolutions, pool=pool, dtype=dtype)


def picture(rng, *sizes, dtype="float64"):
    return rng.normal(0, 50, (1, *sizes, 3)).astype(dtype)


def differences(vgg, pictures, x, bands, **more):
    """Return by how much J and its gradient in bands differ from those of the whole."""
    layers = {"content_layers": {"relu2_2": 1.0}, "style_layers": dict.fromkeys(
        ("relu1_1", "relu1_2", "relu2_1", "relu3_1"), 0.2)}  # fmt: skip
    value, grad = Objective(vgg, *pictures, **layers, **more)(x)
    in_bands, grad_in_bands = Objective(vgg, *pictures, **layers, **more, band_rows=bands)(x)
    return abs(in_bands - value) / value, np.linalg.norm(grad_in_bands - grad) / np.linalg.norm(
        grad
    )


@given(
    rows=st.integers(1, 60), height=st.integers(8, 47), width=st.integers(8, 20),
    pool=st.sampled_from(["avg", "max"]), in_file=st.booleans(),
    style_loss=st.sampled_from(["gram", "wasserstein", "neighbours"]),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_any_bands_give_j_and_the_gradient_of_the_whole(
    rows, height, width, pool, in_file, style_loss
):
    rng = np.random.default_rng(1)
    pictures = picture(rng, height, width), picture(rng, 21, 17)
    x, more = picture(rng, height, width), {"style_loss": style_loss, "tv_weight": 0.1}
    bands = Bands(rows, in_file)
    for difference in differences(network("float64", pool), pictures, x, bands, **more):
        assert difference < 1e-12


@pytest.mark.parametrize("style_loss", ["gram", "wasserstein"])
@pytest.mark.parametrize("rows", [1, 19, 40])
def test_in_float32_the_tiles_are_those_of_the_whole(rows, style_loss):
    rng = np.random.default_rng(2)
    sizes = 75, 66
    pictures = picture(rng, *sizes, dtype="float32"), picture(rng, 67, 70, dtype="float32")
    x = picture(rng, *sizes, dtype="float32")
    vgg = network("float32", "max")
    value, grad = differences(vgg, pictures, x, rows, style_loss=style_loss)
    assert value < 1e-6
    assert grad < 1e-6


def test_activations_are_the_same_to_the_last_bit():
    rng, vgg = np.random.default_rng(3), network("float32")
    x = picture(rng, 75, 66, dtype="float32")
    names = ["relu1_1", "relu1_2", "pool1", "relu2_2", "relu3_1"]
    whole, in_bands = vgg.forward(x, names), vgg.in_bands(Bands(16)).forward(x, names)
    for name in names:
        np.testing.assert_array_equal(np.asarray(in_bands[name]), whole[name])


def test_masks_and_several_paintings():
    rng = np.random.default_rng(4)
    content, x = picture(rng, 37, 22), picture(rng, 37, 22)
    mask = np.zeros((37, 22))
    mask[30:, :9] = 0.7  # nothing counts in most of the bands
    paintings = [
        Painting(picture(rng, 30, 19), 0.3, Regions(mask, None)),
        Painting(picture(rng, 18, 25), 0.7, Regions(1 - mask, rng.random((18, 25)))),
    ]
    for style_loss in ("gram", "wasserstein", "neighbours"):
        pictures = content, paintings
        for difference in differences(network("float64"), pictures, x, 5, style_loss=style_loss):
            assert difference < 1e-12


def test_conventions_and_each_terms_own_gradient():
    rng = np.random.default_rng(5)
    content, style, x = (picture(rng, 23, 18) for _ in range(3))
    vgg, layers = network("float64"), {"relu1_1": 0.5, "relu3_1": 0.5}
    more = {"content_layers": {"relu1_1": 1.0}, "style_layers": layers, "convention": "johnson"}
    whole = Objective(vgg, content, style, **more).gradient_terms(x)
    in_bands = Objective(vgg, content, style, **more, band_rows=7).gradient_terms(x)
    assert whole.keys() == in_bands.keys()
    for name, grad in whole.items():
        np.testing.assert_allclose(in_bands[name], grad, rtol=0, atol=1e-12 * abs(grad).max())


@pytest.mark.parametrize(
    "rows",
    [
        [Conv(4, 3), ReLU(), Conv(5, 2), ReLU(), AvgPool(3)],  # no padding; a pool of three
        [AvgPool(2), Conv(4, (3, 1), pad=((2, 0), (0, 0))), ReLU(), MaxPool(2)],
        [Conv(4, 3, dilation=2, pad=1), MaxPool(2), ReLU()],
    ],
)
def test_networks_of_other_rows(rows):
    rng = np.random.default_rng(6)
    names = [f"{row.kind}{number}" for number, row in enumerate(rows)]
    layers, params, channels = dict(zip(names, rows, strict=True)), {}, 3
    for name, row in layers.items():
        if isinstance(row, Conv):
            w = rng.normal(size=row.kernel_shape("test", (1, 40, 21, channels)))
            params[name], channels = (w, rng.normal(size=w.shape[-1])), w.shape[-1]
    whole = Network(layers, params, (40, 21, 3), dtype="float64")
    in_bands, x = whole.in_bands(Bands(6)), picture(rng, 41, 21)
    features, parts = whole.forward(x, names), in_bands.forward(x, names)
    grads = {name: rng.normal(size=a.shape) for name, a in features.items()}
    for name, a in features.items():
        np.testing.assert_allclose(np.asarray(parts[name]), a, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(in_bands.backward(grads), whole.backward(grads), atol=1e-10)
    # only the layer below the top
    some = {names[0]: grads[names[0]]}
    np.testing.assert_allclose(in_bands.backward(some), whole.backward(some), atol=1e-10)


def test_what_cannot_be_computed_in_bands_is_refused():
    rng = np.random.default_rng(7)
    strided = {"conv1": Conv(4, 3, stride=2)}
    params = {"conv1": (rng.normal(size=(3, 3, 3, 4)), np.zeros(4))}
    net = Network(strided, params, (12, 12, 3), dtype="float64").in_bands(Bands(4))
    with pytest.raises(SettingError, match=r"^band_rows: conv1 cannot be computed in bands"):
        net.forward(picture(rng, 12, 12), ["conv1"])
    vgg = network("float64").in_bands(Bands(4))
    with pytest.raises(SettingError, match="one picture is computed in bands, not 2 together"):
        vgg.forward(np.zeros((2, 16, 16, 3)), ["relu1_1"])
    plain = VGG.random((4,), rng, engine="plain")
    with pytest.raises(SettingError, match="only the fused engine works in bands"):
        plain.in_bands(Bands(4))


@pytest.mark.slow
def test_vgg16_in_bands():
    rng, vgg16 = np.random.default_rng(8), VGG.load()
    content, style, x = (picture(rng, 150, 131, dtype="float32") for _ in range(3))
    for style_loss in ("gram", "wasserstein"):
        value, grad = Objective(vgg16, content, style, style_loss=style_loss)(x)
        whole = Objective(vgg16, content, style, style_loss=style_loss, band_rows=33)
        in_bands, grad_in_bands = whole(x)
        assert in_bands == pytest.approx(value, rel=1e-6)
        assert np.linalg.norm(grad_in_bands - grad) < 1e-6 * np.linalg.norm(grad)
