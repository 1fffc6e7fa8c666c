import h5py
import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError, UnknownNameError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.layers import conv_forward
from nst_numpy.vgg import VGG, VGG16, VGG19
from nst_numpy.weights import load_weights


@pytest.fixture(params=["plain", "fused"])
def engine(request):
    """Both engines: what is true of a VGG is true of each."""
    return request.param


def tiny(engine="fused", **options):
    rng = np.random.default_rng(0)
    return VGG.random((3, 4, 5), rng, convolutions=(2, 1, 1), engine=engine, **options)


def test_the_rows_are_those_of_simonyan_and_zisserman():
    for rows, convolutions in ((VGG16, 13), (VGG19, 16)):
        kinds = [row.kind for row in rows.values()]
        assert kinds.count("conv") == kinds.count("relu") == convolutions
        assert kinds.count("pool") == 5
    assert list(VGG19)[-4:] == ["relu5_3", "conv5_4", "relu5_4", "pool5"]


def test_forward_gives_the_layers_asked_for_in_the_networks_order(engine):
    vgg = tiny(engine)
    x = np.random.default_rng(1).standard_normal((1, 9, 7, 3))
    features = vgg.forward(x, ["relu2_1", "conv1_1", "pool1"])
    assert list(features) == ["conv1_1", "pool1", "relu2_1"]
    assert {n: a.shape for n, a in features.items()} == vgg.feature_shapes(x.shape, features)
    np.testing.assert_allclose(
        features["conv1_1"], conv_forward(x, *vgg.params["conv1_1"], pad=1)[0]
    )


def test_relu_does_not_change_the_convolution_below_it(engine):
    x = np.random.default_rng(2).standard_normal((1, 6, 6, 3))
    features = tiny(engine).forward(x, ["conv1_2", "relu1_2"])
    assert features["conv1_2"].min() < 0
    np.testing.assert_array_equal(features["relu1_2"], np.maximum(features["conv1_2"], 0))


def test_forward_stops_at_the_deepest_layer_asked_for(engine):
    vgg = tiny(engine)
    vgg.params["conv3_1"] = None  # would fail if it were touched
    vgg.forward(np.zeros((1, 8, 8, 3)), ["relu2_1"])


@pytest.mark.parametrize("pool", ["avg", "max"])
@pytest.mark.parametrize(
    "names", [["conv1_1"], ["pool3"], ["conv1_2", "relu1_2", "pool1", "relu2_1", "conv3_1"]]
)
def test_pixel_gradient_of_any_set_of_layers(pool, names, engine):
    vgg = tiny(engine, pool=pool)
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, 9, 10, 3))
    upstream = {n: rng.standard_normal(a.shape) for n, a in vgg.forward(x, names).items()}

    def loss(v):
        return float(sum((a * upstream[n]).sum() for n, a in vgg.forward(v, names).items()))

    vgg.forward(x, names)
    given = {name: grad.copy() for name, grad in upstream.items()}
    grad_x = vgg.backward(upstream)
    check_gradient(loss, x, grad_x).raise_if_wrong()
    for name, grad in given.items():  # what the caller gave is the caller's
        np.testing.assert_array_equal(upstream[name], grad)


def test_backward_twice_gives_the_same(engine):
    vgg = tiny(engine)
    x = np.random.default_rng(4).standard_normal((1, 8, 8, 3))
    grads = vgg.forward(x, ["relu1_1", "relu3_1"])
    np.testing.assert_array_equal(vgg.backward(grads), vgg.backward(grads))


def test_gradients_of_shallow_layers_alone_after_a_deep_forward(engine):
    vgg = tiny(engine)
    x = np.random.default_rng(5).standard_normal((1, 8, 8, 3))
    features = vgg.forward(x, ["relu1_1", "relu3_1"])
    deep = vgg.backward({"relu1_1": features["relu1_1"]})
    shallow = vgg.forward(x, ["relu1_1"])
    np.testing.assert_allclose(deep, vgg.backward(shallow))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda v, x: v.forward(x, ["relu4_9"]), UnknownNameError, "unknown layer 'relu4_9'"),
        (lambda v, x: v.forward(x, []), SettingError, "name at least one layer"),
        (lambda v, x: v.forward(x[0], ["relu1_1"]), ShapeError, "x must be (N, H, W, 3)"),
        (lambda v, x: v.forward(x[..., :2], ["relu1_1"]), ShapeError, "x must be (N, H, W, 3)"),
        (lambda v, x: v.forward(x.astype("f"), ["relu1_1"]), ShapeError, "x is float32"),
        (lambda v, x: v.forward(x[:, :3], ["pool2"]), ShapeError, "at least 4 pixels a side"),
        (lambda v, x: v.backward({}), SettingError, "at least one layer"),
        (lambda v, x: v.forward(x, "relu1_1"), SettingError, "write ['relu1_1']"),
        (lambda v, x: v.backward({"relu1_1": 1.0}), ShapeError, "(1, 8, 8, 3), not float"),
        (lambda v, x: v.backward({"relu1_1": x[0, 0, 0]}), ShapeError, "(1, 8, 8, 3), not (3,)"),
        (lambda v, x: v.backward({"relu1_1": x[:, :7]}), ShapeError, "not (1, 7, 8, 3)"),
        (lambda v, x: VGG({}), ShapeError, "conv1_1, conv1_2 and so on, not nothing"),
        (lambda v, x: VGG({"conv1": v.params["conv1_1"]}), ShapeError, "named conv1_1, not conv1"),
        (
            lambda v, x: VGG({"conv1_1": (np.ones((5, 5, 3, 2)), np.ones(2))}),
            ShapeError,
            "VGG, conv1_1: w must be (3, 3, 3, 2) and b (2,)",
        ),
        (
            lambda v, x: VGG({"conv1_1": (np.ones((3, 3, 3, 2)), np.ones(2, "f"))}),
            ShapeError,
            "both float64, not (3, 3, 3, 2) float64 and (2,) float32",
        ),
        (
            lambda v, x: VGG({"conv1_1": (np.ones((3, 3, 3, 2), int), np.ones(2, int))}),
            SettingError,
            "dtype is int64: use float32 or float64",
        ),
        (lambda v, x: VGG(v.params, engine="slow"), SettingError, "'fused' or 'plain', not 'slow'"),
        (lambda v, x: v.backward({"relu3_1": x}), SettingError, "did not reach relu3_1"),
        (lambda v, x: v.backward({"relu9": x}), UnknownNameError, "unknown layer 'relu9'"),
        (lambda v, x: VGG(v.params, "sum"), SettingError, "'avg' or 'max', not 'sum'"),
    ],
)
def test_what_it_says_of_bad_input(call, error, message, engine):
    vgg = tiny(engine)
    x = np.zeros((1, 8, 8, 3))
    vgg.forward(x, ["relu1_1"])
    with pytest.raises(error) as caught:
        call(vgg, x)
    assert message in str(caught.value)


def test_the_rules_for_a_relu_on_the_way_back(engine):
    # 1×1 map, one channel: the ReLU's input is 1 at the first pixel, -1 at the second
    w = np.zeros((3, 3, 3, 1))
    w[1, 1, 0] = 1
    vgg = VGG({"conv1_1": (w, np.zeros(1))}, engine=engine)
    x = np.zeros((1, 1, 4, 3))
    x[0, 0, :, 0] = [1, -1, 1, -1]
    upstream = np.array([2.0, 2, -2, -2]).reshape(1, 1, 4, 1)
    expected = {
        "gradient": [2, 0, -2, 0], "deconvolution": [2, 2, 0, 0], "guided": [2, 0, 0, 0],
    }  # fmt: skip
    for rule, want in expected.items():
        vgg.forward(x, ["relu1_1"])
        assert vgg.backward({"relu1_1": upstream}, relu=rule)[0, 0, :, 0].tolist() == want
    with pytest.raises(SettingError, match="relu must be one of gradient, guided"):
        vgg.backward({"relu1_1": upstream}, relu="leaky")


def test_parameters_cannot_be_written_to_through_the_network():
    vgg = tiny()
    with pytest.raises(ValueError, match="read-only"):
        vgg.params["conv1_1"][0][...] = 0


def test_the_real_network_has_the_same_numbers_in_both_engines():
    fused, plain = (VGG.load(dtype=np.float64, engine=each) for each in ("fused", "plain"))
    x = np.random.default_rng(6).normal(0, 50, (1, 35, 42, 3))
    names = ["relu1_1", "relu2_2", "relu3_1", "pool3", "relu4_2"]
    features, expected = fused.forward(x, names), plain.forward(x, names)
    for name in names:
        np.testing.assert_allclose(features[name], expected[name], rtol=0, atol=1e-10)
    grad, want = fused.backward(features), plain.backward(expected)
    assert np.abs(grad - want).max() <= 1e-12 * np.abs(want).max()


def write_theanos(path):
    """Write the real network as Keras before 1.0 did above Theano."""
    with h5py.File(path, "w") as file:
        file.attrs["nb_layers"] = 13
        for n, (w, b) in enumerate(load_weights().values()):
            file[f"layer_{n}/param_0"] = w[::-1, ::-1].transpose(3, 2, 0, 1)
            file[f"layer_{n}/param_1"] = b


def test_a_file_of_another_layout_is_the_same_network_and_one_line_says_so(tmp_path, capsys):
    write_theanos(tmp_path / "w.h5")
    vgg = VGG.load(tmp_path / "w.h5")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(
        f"{tmp_path / 'w.h5'}: VGG-16 in the layout of Keras 1, layers by number: "
    )
    assert err.count("\n") == 1
    published = load_weights()
    for name, pair in VGG.load(tmp_path / "w.h5", quiet=True).params.items():
        for array, again, right in zip(pair, vgg.params[name], published[name], strict=True):
            np.testing.assert_array_equal(array, right)
            np.testing.assert_array_equal(again, right)
    assert capsys.readouterr() == ("", "")
