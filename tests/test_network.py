import copy
import json
import pickle
import threading

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nst_numpy
from nst_numpy.errors import (
    NonFiniteError,
    OutputError,
    SettingError,
    ShapeError,
    UnknownNameError,
    WeightsError,
)
from nst_numpy.gradcheck import check_gradient
from nst_numpy.layers import conv_forward, get_threads, set_threads
from nst_numpy.network import (
    AvgPool,
    Conv,
    Dense,
    Flatten,
    GlobalAvgPool,
    MaxPool,
    ReLU,
    Sequential,
)
from nst_numpy.objective import Objective
from nst_numpy.training import mean_squared_error, softmax_cross_entropy
from nst_numpy.vgg import VGG

ROWS = [Conv(3, 3, pad=1), ReLU(), MaxPool(2), Conv(4, 2, stride=2), ReLU(), GlobalAvgPool(),
        Dense(5), ReLU(), Dense(2)]  # fmt: skip
SHAPES = [(13, 2), (9, 8, 2), (7, 6, 8, 2)]


def net_of(rows=ROWS, input_shape=SHAPES[0], seed=0, dtype=np.float64):
    return Sequential(rows, input_shape, np.random.default_rng(seed), dtype)


def samples(net, n=3, seed=1):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, *net.input_shape)).astype(net.dtype)


# ---- names and shapes


def test_each_kind_is_counted_and_a_relu_takes_the_number_below_it():
    assert net_of().layer_names == [
        "conv1", "relu1", "pool1", "conv2", "relu2", "global1", "dense1", "relu3", "dense2",
    ]  # fmt: skip
    rows = [Conv(1, 1), Conv(1, 1), ReLU(), AvgPool(), MaxPool(), ReLU(), Flatten()]
    assert net_of(rows).layer_names == [
        "conv1", "conv2", "relu2", "pool1", "pool2", "relu3", "flatten1",
    ]  # fmt: skip
    assert net_of([ReLU(), ReLU()]).layer_names == ["relu1", "relu2"]


@pytest.mark.parametrize("input_shape", SHAPES)
def test_feature_shapes_are_those_of_the_activations(input_shape):
    net = net_of(input_shape=input_shape)
    x = samples(net)
    features = net.forward(x, net.layer_names)
    assert list(features) == net.layer_names
    assert {name: a.shape for name, a in features.items()} == net.feature_shapes(x.shape)
    assert net.feature_shapes(x.shape, ["pool1"]) == {"pool1": features["pool1"].shape}


def test_the_lectures_volumes():
    net = net_of([Conv(16, 5), Conv(32, 5)], (14, 14, 14, 1))
    assert net.feature_shapes((1, 14, 14, 14, 1)) == {
        "conv1": (1, 10, 10, 10, 16),
        "conv2": (1, 6, 6, 6, 32),
    }


def test_first_filters_are_hes():
    net = net_of([Conv(400, 5), ReLU(), GlobalAvgPool(), Dense(300)], (30, 8), dtype=np.float32)
    for w, b in net.params.values():
        assert w.dtype == b.dtype == np.float32
        assert w.std() == pytest.approx(np.sqrt(2 / np.prod(w.shape[:-1])), rel=0.02)
        assert not b.any()
    first, second = net_of(seed=1).params["conv1"][0], net_of(seed=2).params["conv1"][0]
    assert (first != second).all()


# ---- forward


def test_forward_is_one_layer_after_the_other():
    net = net_of([Conv(3, (2, 3), stride=(2, 1), pad=1, dilation=2), ReLU(), Flatten()], (6, 7, 2))
    x = samples(net)
    out, _ = conv_forward(x, *net.params["conv1"], stride=(2, 1), pad=1, dilation=2)
    features = net.forward(x, ["flatten1", "conv1"])
    np.testing.assert_array_equal(features["conv1"], out)
    np.testing.assert_array_equal(features["flatten1"], np.maximum(out, 0).reshape(3, -1))


def test_forward_stops_at_the_deepest_layer_asked_for():
    net = net_of()
    net.params["dense1"] = (None, None)  # would fail if it were used
    assert list(net.forward(samples(net), ["relu2"])) == ["relu2"]


@pytest.mark.parametrize("batch_size", [1, 4, 5, 256])
def test_predict_in_batches_gives_the_scores(batch_size):
    net = net_of()
    x = samples(net, n=10)
    expected = net.forward(x, ["dense2"])["dense2"]
    np.testing.assert_allclose(net.predict(x, batch_size), expected, rtol=1e-12)


def test_longer_inputs_are_fine_where_nothing_fixes_the_size():
    net = net_of()
    assert net.predict(np.zeros((1, 50, 2))).shape == (1, 2)
    flat = net_of([Conv(2, 3), Flatten(), Dense(2)])
    with pytest.raises(ShapeError) as caught:
        flat.predict(np.zeros((1, 50, 2)))
    assert str(caught.value) == (
        "Sequential, dense1: its input has 96 channels, its parameters expect 22: "
        "the network was made for x (N, 13, 2)"
    )


# ---- backward


@pytest.mark.parametrize("input_shape", SHAPES)
def test_gradients_of_all_parameters(input_shape):
    net = net_of(input_shape=input_shape)
    for _, b in net.params.values():
        b += 0.1
    x, labels = samples(net), np.array([0, 1, 1])
    value, grads = net.gradients(x, lambda s: softmax_cross_entropy(s, labels))
    assert value == softmax_cross_entropy(net.predict(x), labels)[0]
    assert list(grads) == list(net.params)
    for name, pair in grads.items():
        for i, grad in enumerate(pair):

            def loss(v, name=name, i=i):
                changed = [*net.params[name]]
                changed[i] = v
                other = Sequential(
                    ROWS, input_shape, dtype=float, params=net.params | {name: tuple(changed)}
                )
                return softmax_cross_entropy(other.predict(x), labels)[0]

            report = check_gradient(loss, net.params[name][i], grad, name=f"{name}, {i}")
            report.raise_if_wrong()


@pytest.mark.parametrize("input_shape", SHAPES)
@pytest.mark.parametrize("names", [["conv1"], ["dense2"], ["relu1", "pool1", "conv2", "global1"]])
def test_input_gradient_of_any_set_of_layers(input_shape, names):
    net = net_of(input_shape=input_shape)
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, *input_shape))
    upstream = {n: rng.standard_normal(a.shape) for n, a in net.forward(x, names).items()}

    def loss(v):
        return float(sum((a * upstream[n]).sum() for n, a in net.forward(v, names).items()))

    net.forward(x, names)
    check_gradient(loss, x, net.backward(upstream)).raise_if_wrong()


kinds = st.sampled_from(["conv", "relu", "max", "avg"])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3), st.lists(kinds, min_size=1, max_size=5), st.integers(0, 99))
def test_gradients_along_a_random_direction_whatever_the_layers(dimensions, kinds, seed):
    rng = np.random.default_rng(seed)
    make = {
        "conv": lambda: Conv(int(rng.integers(1, 4)), 2, stride=int(rng.integers(1, 3)), pad=1),
        "relu": ReLU,
        "max": lambda: MaxPool(2, stride=1),
        "avg": lambda: AvgPool(2, stride=1, pad=1),
    }
    rows = [Conv(2, 1), *(make[kind]() for kind in kinds), Flatten(), Dense(2)]
    # five layers of strides and pools leave at least one of twelve positions
    net = net_of(rows, (*rng.integers(12, 14, dimensions).tolist(), 2), seed)
    x = samples(net, seed=seed)
    target = rng.standard_normal((3, 2))
    _, grads = net.gradients(x, lambda s: mean_squared_error(s, target))
    for name, (w, _) in net.params.items():
        direction, start = rng.standard_normal(w.shape), w.copy()
        slopes = []
        for step in (1e-7, 1e-9):  # a kink may lie within one step, hardly within both
            values = []
            for sign in (1, -1):
                w[...] = start + sign * step * direction
                values.append(mean_squared_error(net.predict(x), target)[0])
            slopes.append((values[0] - values[1]) / (2 * step))
        w[...] = start
        expected = pytest.approx((grads[name][0] * direction).sum(), rel=1e-4, abs=1e-4)
        assert any(slope == expected for slope in slopes), (name, slopes)


def test_the_three_rules_of_a_relu():
    net = net_of([ReLU()], (4, 1))
    net.forward(np.array([-1.0, -1, 1, 1]).reshape(1, 4, 1), ["relu1"])
    grad = {"relu1": np.array([-5.0, 6, -7, 8]).reshape(1, 4, 1)}
    assert net.backward(grad).ravel().tolist() == [0, 0, -7, 8]
    assert net.backward(grad, relu="deconvolution").ravel().tolist() == [0, 6, 0, 8]
    assert net.backward(grad, relu="guided").ravel().tolist() == [0, 0, 0, 8]


def test_results_do_not_depend_on_the_number_of_threads():
    net = net_of([Conv(16, 7), ReLU(), Conv(16, 5), GlobalAvgPool(), Dense(3)], (900, 8),
                 dtype=np.float32)  # fmt: skip
    x, labels = samples(net, 12), np.arange(12) % 3
    results, before = [], get_threads()
    try:
        for threads in (1, 2):
            set_threads(threads)
            results.append(net.gradients(x, lambda s: softmax_cross_entropy(s, labels))[1])
    finally:
        set_threads(before)
    for name, pair in results[0].items():
        for one, two in zip(pair, results[1][name], strict=True):
            np.testing.assert_array_equal(one, two)


# ---- the objective of style transfer takes these networks too


@pytest.mark.parametrize("input_shape", SHAPES)
def test_objective_of_signals_pictures_and_volumes(input_shape):
    rows = [Conv(3, 3, pad=1), ReLU(), AvgPool(2), Conv(4, 3, pad="same"), ReLU()]
    net = net_of(rows, input_shape)
    rng = np.random.default_rng(4)
    content, style, x = (rng.standard_normal((1, *input_shape)) for _ in range(3))
    objective = Objective(
        net, content, style, alpha=0.5, beta=200, tv_weight=0.1,
        content_layers={"relu2": 1}, style_layers={"relu1": 0.5, "conv2": 0.5},
    )  # fmt: skip
    _, grad = objective(x)
    check_gradient(lambda v: objective(v)[0], x, grad).raise_if_wrong()


# ---- files


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.h5"


ALL_ROWS = [
    Conv(np.int64(3), (3, 2), stride=(1, 2), pad=((0, 1), (1, 0)), dilation=(1, 2)), ReLU(),
    MaxPool((2, 1), pad=(1, 0)), Conv(2, 2, pad="same"), AvgPool(2, stride=1), Flatten(),
    Dense(4), ReLU(), Dense(2),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_saved_network_comes_back_as_it_was(path, dtype):
    net = net_of(ALL_ROWS, (9, 11, 2), dtype=dtype)
    net.params["dense2"][1][:] = 0.25
    net.save(path)
    loaded = Sequential.load(path)
    assert loaded.layers == net.layers
    assert loaded.input_shape == net.input_shape
    assert loaded.dtype == net.dtype
    x = samples(net)
    np.testing.assert_array_equal(loaded.predict(x), net.predict(x))


@pytest.mark.parametrize("rows", [[GlobalAvgPool(), Dense(1)], [ReLU()]])
def test_small_networks_are_saved_too(path, rows):
    net_of(rows).save(path)
    assert Sequential.load(path).layers == net_of(rows).layers


def test_save_writes_completely_or_not_at_all(path, monkeypatch):
    net = net_of()
    net.save(path)
    before = path.read_bytes()
    net.params["dense1"][0][0, 0] = np.nan
    with pytest.raises(
        NonFiniteError, match=r"the parameters of dense1 are not finite: nothing is"
    ):
        net.save(path)
    monkeypatch.setattr(h5py.Group, "__setitem__", lambda *a: (_ for _ in ()).throw(OSError(28)))
    with pytest.raises(OutputError):
        net_of().save(path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    with pytest.raises(OutputError, match="does not exist: make it first"):
        net_of().save(path.parent / "no" / "net.h5")


def message(path):
    with pytest.raises(WeightsError) as caught:
        Sequential.load(path)
    text = str(caught.value)
    assert text.startswith("Sequential.load: ")
    assert "\n" not in text
    return text


def described(change):
    """Make a change to the description in a saved file."""

    def spoil(file):
        text = json.loads(file.attrs["network"])
        change(text)
        file.attrs["network"] = np.bytes_(json.dumps(text))

    return spoil


def set_text(text):
    return lambda file: file.attrs.__setitem__("network", np.bytes_(text))


def of_variable_length(file):
    file.attrs["network"] = file.attrs["network"].decode()


def replace(place, *arguments, **options):
    def spoil(file):
        del file[place]
        file.create_dataset(place, *arguments, **options)

    return spoil


def wider(text):
    text["rows"][0][1]["filters"] = 8


NO_NETWORK = "does not describe a network of this package: give a file that Sequential.save wrote"


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda file: file.attrs.__delitem__("network"), NO_NETWORK),
        (set_text("{"), NO_NETWORK),
        (set_text("[" * 60_000), NO_NETWORK),
        (of_variable_length, NO_NETWORK),
        (set_text("[]"), NO_NETWORK),
        (described(lambda d: d.pop("rows")), NO_NETWORK),
        (described(lambda d: d.update(rows=[])), NO_NETWORK),
        (described(lambda d: d.update(rows=[["Conv"]])), NO_NETWORK),
        (described(lambda d: d["rows"][0].__setitem__(0, "Row")), NO_NETWORK),
        (described(lambda d: d["rows"][0][1].update(filters="many")), NO_NETWORK),
        (described(lambda d: d["rows"][0][1].update(filters=-1)), NO_NETWORK),
        (described(lambda d: d["rows"][0][1].update(pad=0.5)), NO_NETWORK),
        (described(lambda d: d["rows"][0][1].update(bias=True)), NO_NETWORK),
        (described(lambda d: d.update(input_shape=[13, 13, 2])),
         "of shape (3, 2, 3), expected (3, 3, 2, 3) for the network's conv1"),
        (described(lambda d: d.update(input_shape=2)), NO_NETWORK),
        (described(lambda d: d.update(dtype="V1000000000")), NO_NETWORK),
        (described(lambda d: d.update(dtype="float16")), NO_NETWORK),
        (described(lambda d: d["rows"][0][1].update(filters=10**30)),
         "declares more than 100,000,000 parameters: give a file"),
        (described(wider), "has a kernel of 'conv1' of shape (3, 2, 3), expected (3, 2, 8) for "
         "the network's conv1, whose axes are (kl, C_in, C_out): give a file"),
        (lambda file: file.attrs.__setitem__("layer_names", np.array(["conv1"], "S")),
         "lacks conv2, dense1, dense2 of the network: give a file"),
        (lambda file: file.__delitem__("dense1"), "lists the layer 'dense1', but has no such"),
        (lambda file: file.__delitem__("dense1/bias"), "has no bias of 'dense1': give a file"),
        (replace("dense1/kernel", data=np.full((4, 5), np.nan)),
         "not finite float64 numbers in the kernel of 'dense1': copy or download it again"),
        (replace("dense1/kernel", (4, 5), "i4"),
         "has a kernel of 'dense1' of int32: save it as float16, float32 or float64"),
        (replace("dense1/kernel", (5, 4), "f4"), "expected (4, 5) for the network's dense1, whose "
         "axes are (C_in, C_out)"),
        (lambda file: file.__setitem__("there", h5py.ExternalLink("other.h5", "/")),
         "has a link at '/there': save the weights without links"),
    ],
)  # fmt: skip
def test_files_that_are_refused(path, spoil, expected):
    net_of().save(path)
    with h5py.File(path, "r+") as file:
        spoil(file)
    assert expected in message(path)


def test_other_files_are_refused(path, tmp_path):
    assert "there is no file" in message(path)
    assert "is a folder, not a file: give a file that Sequential.save wrote" in message(tmp_path)
    path.write_bytes(b"no HDF5")
    assert "is not an HDF5 file: give a file that Sequential.save wrote" in message(path)
    net_of().save(path)
    path.write_bytes(path.read_bytes()[:-500])
    assert "is damaged or cut short: copy or download it again" in message(path)


def test_a_file_with_wrong_bytes_is_read_or_refused_and_nothing_else(path):
    net_of().save(path)
    good, rng = path.read_bytes(), np.random.default_rng(5)
    refused = 0
    for _ in range(150):
        bad = bytearray(good)
        for place in rng.integers(len(bad), size=4):
            bad[place] = rng.integers(256)
        path.write_bytes(bad)
        try:
            Sequential.load(path)
        except WeightsError:
            refused += 1
    assert refused > 0


def test_vggs_file_is_not_one_of_these():
    from nst_numpy.weights import bundled_path

    assert NO_NETWORK in message(bundled_path())


# ---- what it says of bad input


@pytest.mark.parametrize(
    ("rows", "input_shape", "error", "message"),
    [
        ([], (9, 1), SettingError, "Sequential: give at least one layer"),
        ([Conv], (9, 1), SettingError, "is no layer: write it as Conv(16, 5), ReLU() and so on"),
        ([Dense(2)], (9, 1), ShapeError, "Sequential, dense1: its input is (N, L, C), of shape "
         "(1, 9, 1), but must be (N, C): put GlobalAvgPool() or Flatten() before it"),
        ([Flatten(), Conv(2, 3)], (9, 1), ShapeError, "Sequential, conv1: its input must be "
         "(N, L, C), (N, H, W, C) or (N, D, H, W, C), not of shape (1, 9): put it before"),
        ([Flatten(), MaxPool()], (9, 1), ShapeError, "Sequential, pool1: its input must be"),
        ([Flatten(), GlobalAvgPool()], (9, 1), ShapeError, "Sequential, global1: its input must"),
        ([MaxPool(4), Conv(2, 3)], (9, 1), ShapeError,
         "Sequential, conv1: the kernel spans 3 positions of axis L, but the padded"),
        ([MaxPool(2, pad=2)], (9, 1), ShapeError, "Sequential, pool1: pad 2 must be smaller"),
        ([Conv(0, 3)], (9, 1), SettingError,
         "Sequential, conv1: filters must be a whole number of at least 1, not 0"),
        ([Conv(2, (3, 3))], (9, 1), SettingError, "Sequential, conv1: kernel must be a whole"),
        ([Conv(2, 3, stride=0)], (9, 1), SettingError, "Sequential, conv1: stride must be"),
        ([Conv(2, 3, pad=1.5)], (9, 1), SettingError, "Sequential, conv1: pad must be a whole"),
        ([Flatten(), Dense(2.0)], (9, 1), SettingError, "Sequential, dense1: units must be"),
        ([ReLU()], (9, 9, 9, 9, 1), SettingError, "input_shape must be (L, C), (H, W, C), "
         "(D, H, W, C) or (C,), whole numbers of at least 1 and without N, not (9, 9, 9, 9, 1)"),
        ([ReLU()], (0, 1), SettingError, "input_shape must be"),
        ([ReLU()], (9.5, 1), SettingError, "input_shape must be"),
    ],
)  # fmt: skip
def test_networks_that_cannot_be(rows, input_shape, error, message):
    with pytest.raises(error) as caught:
        Sequential(rows, input_shape)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda net: net.forward(np.zeros((3, 13)), ["conv1"]), ShapeError,
         "Sequential.forward: x must be (N, L, 2) with no empty axis, not (3, 13)"),
        (lambda net: net.predict(np.zeros((3, 13, 3))), ShapeError, "predict: x must be (N, L, 2)"),
        (lambda net: net.predict(np.zeros((0, 13, 2))), ShapeError, "not (0, 13, 2)"),
        (lambda net: net.predict(np.zeros((3, 13, 2), np.float32)), ShapeError,
         "x is float32, the network float64: use x.astype(np.float64)"),
        (lambda net: net.predict(np.zeros((3, 2, 2))), ShapeError,
         "Sequential.predict: x of 2 is too small for dense2: use at least"),
        (lambda net: net.predict(np.zeros((3, 13, 2)), 0), SettingError,
         "Sequential.predict: batch_size must be a whole number of at least 1, not 0"),
        (lambda net: net.forward(np.zeros((3, 13, 2)), []), SettingError, "name at least one"),
        (lambda net: net.forward(np.zeros((3, 13, 2)), ["conv9"]), UnknownNameError,
         "unknown layer 'conv9': did you mean"),
        (lambda net: net.backward({}), SettingError, "give the gradient of at least one layer"),
        (lambda net: net.backward({"conv1": np.zeros(1)}), SettingError,
         "the last forward did not reach conv1: call forward with that layer first"),
        (lambda net: net.forward(np.zeros((3, 13, 2)), ["conv1"]) and
         net.backward({"conv1": np.zeros((3, 13, 3))}, relu="none"), SettingError,
         "relu must be one of gradient, guided, deconvolution, not 'none'"),
    ],
)  # fmt: skip
def test_what_it_says_of_bad_input(call, error, message):
    with pytest.raises(error) as caught:
        call(net_of())
    assert message in str(caught.value)


def test_what_it_says_of_bad_settings():
    with pytest.raises(SettingError, match="dtype is float16: use float32 or float64"):
        Sequential(ROWS, SHAPES[0], dtype=np.float16)
    net = net_of()
    with pytest.raises(ShapeError, match="params must be named conv1, conv2, dense1, dense2, not"):
        Sequential(ROWS, SHAPES[0], params={"conv1": net.params["conv1"]})
    with pytest.raises(ShapeError, match=r"w must be \(3, 2, 3\) and b \(3,\), both float32, not"):
        Sequential(ROWS, SHAPES[0], params=net.params)


def test_names_that_can_be_imported_are_said():
    assert all(hasattr(nst_numpy.network, name) for name in nst_numpy.network.__all__)


# threads, copies


def test_each_thread_has_its_own_way_back():
    net, rng = VGG.random((4, 8), np.random.default_rng(0)), np.random.default_rng(1)
    x, other = rng.standard_normal((2, 1, 8, 8, 3))
    features = net.forward(x, ["relu2_1"])
    grad = net.backward({"relu2_1": features["relu2_1"]})
    net.forward(x, ["relu2_1"])
    thread = threading.Thread(target=net.forward, args=(other, ["relu2_1"]))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(net.backward({"relu2_1": features["relu2_1"]}), grad)
    assert net.passes == 2


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_begins_without_a_pass(duplicate):
    net = VGG.random((4, 8), np.random.default_rng(0))
    x = np.random.default_rng(1).standard_normal((1, 8, 8, 3))
    features = net.forward(x, ["relu2_1"])
    twin = duplicate(net)
    assert (net.passes, twin.passes) == (1, 0)
    np.testing.assert_array_equal(twin.forward(x, ["relu2_1"])["relu2_1"], features["relu2_1"])
