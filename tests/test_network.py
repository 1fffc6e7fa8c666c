import copy
import pickle
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nst_numpy.gradcheck import check_gradient
from nst_numpy.layers import conv_forward, get_threads, set_threads
from nst_numpy.objective import Objective
from nst_numpy.training import mean_squared_error, softmax_cross_entropy
from nst_numpy.training.sequential import (
    AvgPool,
    Conv,
    Dense,
    Flatten,
    GlobalAvgPool,
    MaxPool,
    ReLU,
    Sequential,
)
from nst_numpy.vgg import VGG
from tests.small_networks import ROWS, SHAPES, net_of, samples


def test_each_kind_is_counted_and_a_relu_takes_the_number_below_it():
    assert net_of().layer_names == [
        "conv1", "relu1", "pool1", "conv2", "relu2", "global1", "dense1", "relu3", "dense2",
    ]  # fmt: skip
    rows = [Conv(1, 1), Conv(1, 1), ReLU(), AvgPool(), MaxPool(), ReLU(), Flatten()]
    assert net_of(rows).layer_names == [
        "conv1", "conv2", "relu2", "pool1", "pool2", "relu3", "flatten1",
    ]  # fmt: skip
    assert net_of([ReLU(), ReLU()]).layer_names == ["relu1", "relu2"]


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


@settings(max_examples=40)
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


def test_what_the_two_loops_keep_is_the_caches_up_to_the_deepest_layer():
    rows = [Conv(3, 3, pad=1), ReLU(), MaxPool(2), Conv(2, 1)]
    net = Sequential(rows, (8, 6, 2), dtype=np.float32, engine="plain")
    inputs = 5 * 8 * 6 * 2 * 4  # float32, which the convolution keeps
    mask, winners = 5 * 8 * 6 * 3, 5 * 4 * 3 * 3  # a byte each
    kept = [net.kept_bytes((5, 8, 6, 2), [name]) for name in ("conv1", "relu1", "pool1")]
    assert kept == [inputs, inputs + mask, inputs + mask + winners]


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
