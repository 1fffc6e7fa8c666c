"""Layers and losses of one's own: what is taken, what is refused, and that they paint alike."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from nst_numpy import layers
from nst_numpy.course import load_assignments
from nst_numpy.course.assignment import strip_solutions
from nst_numpy.errors import GradientError, SettingError
from nst_numpy.losses import Losses
from nst_numpy.objective import Objective
from nst_numpy.own_layers import load_own
from nst_numpy.rows import Conv, MaxPool, ReLU
from nst_numpy.style_transfer import transfer
from nst_numpy.training.sequential import Sequential
from nst_numpy.vgg import VGG

SOLUTIONS = {name: a.solution for name, a in load_assignments().items()}
TAKEN = {
    "a1": ("conv_forward", "input_gradient"),
    "a2": ("relu_forward", "relu_backward", "max_pool_forward", "max_pool_backward",
           "avg_pool_forward", "avg_pool_backward"),
    "a3": ("content_loss", "content_gradient"),
    "a4": ("gram_matrix", "style_loss", "style_gradient"),
    "a8": ("conv_forward", "input_gradient", "relu_forward", "relu_backward", "avg_pool_forward",
           "avg_pool_backward", "gram_matrix", "content_loss", "content_gradient", "style_loss",
           "style_gradient"),
}  # fmt: skip

# The same as the package has them: of a batch, with all three gradients of a convolution.
CONV = """
from nst_numpy import layers

def conv_forward(x, w, b, stride=1, pad=0):
    return layers.conv_forward(x, w, b, stride=stride, pad=pad)

def conv_backward(grad_out, cache):
    return layers.conv_backward(grad_out, cache)
"""
RELU = """
import numpy as np

def relu_forward(x):
    return np.maximum(x, 0), x

def relu_backward(grad_out, x):
    return grad_out * (x > 0)
"""
POOLS = """
from nst_numpy.layers import max_pool_backward, max_pool_forward
from nst_numpy.layers import avg_pool_backward, avg_pool_forward
"""
CONTENT = """
def content_loss(a, target):
    return 0.5 * ((a - target) ** 2).sum(), a - target
"""
STYLE = """
def style_loss(a, target_gram):
    f = a.reshape(-1, a.shape[-1])
    difference = f.T @ f - target_gram
    c = 1 / (2 * f.size) ** 2
    return c * (difference**2).sum(), 4 * c * a @ difference
"""
GRAM = """
def gram_matrix(a):
    f = a.reshape(-1, a.shape[-1])
    return f.T @ f
"""


@pytest.fixture
def own(tmp_path):
    """Write a file, and take what it defines."""

    def load(text, name="mine.py"):
        (tmp_path / name).write_text(text, "utf-8")
        return load_own(tmp_path / name)

    return load


def handed_in(name):
    """Return an answer as a student hands it in: what is between the markers, without them."""
    lines = SOLUTIONS[name].splitlines()
    return "\n".join(line for line in lines if "### " not in line)


# what is taken


@pytest.mark.parametrize("name", TAKEN)
def test_the_answers_to_the_assignments_are_taken(own, name, tmp_path):
    for text in (SOLUTIONS[name], handed_in(name)):
        taken = own(text)
        assert taken.functions == TAKEN[name]
        assert taken.sha256 == hashlib.sha256((tmp_path / "mine.py").read_bytes()).hexdigest()
        assert (taken.losses is not None) == (name in ("a3", "a4", "a8"))
    assert list(own(SOLUTIONS["a2"]).layers) == ["relu", "max_pool", "avg_pool"]
    assert own(SOLUTIONS["a4"]).losses.compares_activations


def test_the_last_assignment_has_the_j_that_the_command_has(own):
    """Its own two loops, and the package's with its layers and losses, are one function."""
    names = {"__name__": "answer"}
    exec(SOLUTIONS["a8"], names)
    vgg = VGG.random([2, 3, 4], np.random.default_rng(0), convolutions=[2, 2, 1])
    rows = [(name, *vgg.params.get(name, ())) for name in vgg.layers if name != "pool3"]
    G, C, S = 50 * np.random.default_rng(1).standard_normal((3, 10, 9, 3))
    (a_C, _), (a_S, _) = names["forward"](C, rows), names["forward"](S, rows)
    want, want_grad = names["total_cost"](G, a_C, a_S, rows, 2.0, 30.0)
    taken = own(SOLUTIONS["a8"])
    objective = Objective(
        taken.applied_to(vgg), C[None], S[None], alpha=2.0, beta=30.0, losses=taken.losses,
        content_layers={names["CONTENT_LAYER"]: 1.0}, style_layers=names["STYLE_LAYERS"],
    )  # fmt: skip
    value, grad = objective(G[None])
    np.testing.assert_allclose(value, want, rtol=1e-12)
    np.testing.assert_allclose(grad[0], want_grad, rtol=1e-9, atol=1e-9 * np.abs(want_grad).max())


@pytest.mark.parametrize("name", TAKEN)
def test_an_answer_that_nobody_has_written_yet_is_refused(own, name):
    with pytest.raises(GradientError, match="NotImplementedError"):
        own(strip_solutions(SOLUTIONS[name]))


def test_functions_of_a_batch_are_taken(own):
    taken = own(CONV + RELU + POOLS + CONTENT + STYLE + GRAM)
    assert list(taken.layers) == ["conv", "relu", "max_pool", "avg_pool"]
    assert taken.functions[-3:] == ("gram_matrix", "content_loss", "style_loss")
    assert not taken.losses.compares_activations
    assert set(taken.as_dict()) == {"file", "sha256", "functions"}
    json.dumps(taken.as_dict())


def test_a_convolution_of_one_sample_may_have_all_three_gradients(own):
    answer = (
        SOLUTIONS["a1"]
        + """

def conv_backward(grad, cache):
    return input_gradient(grad, cache), filter_gradient(grad, cache), bias_gradient(grad)
"""
    )
    taken = own(answer)
    assert taken.functions == ("conv_forward", "conv_backward")
    net = Sequential([Conv(2, 3, pad=1), ReLU(), Conv(2, 2)], (5, 4, 3), dtype=np.float64)
    x = np.random.default_rng(0).standard_normal((3, 5, 4, 3))

    def loss(scores):
        return 0.0, np.cos(scores)

    want = net.gradients(x, loss)[1]
    for name, grads in taken.applied_to(net).gradients(x, loss)[1].items():
        for got, expected in zip(grads, want[name], strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


def test_a_gram_matrix_alone_is_that_of_the_style_picture(own, monkeypatch):
    monkeypatch.setattr(np, "calls_of_a_test", [], raising=False)
    losses = own(GRAM.replace("    return", "    np.calls_of_a_test.append(1)\n    return")
                 .replace("def", "import numpy as np\ndef")).losses  # fmt: skip
    a = np.random.default_rng(0).standard_normal((1, 4, 5, 3))
    assert losses.style_loss is Losses().style_loss
    before = len(np.calls_of_a_test)
    np.testing.assert_allclose(losses.gram_matrix(a), Losses().gram_matrix(a), rtol=1e-12)
    assert len(np.calls_of_a_test) == before + 1


def test_what_the_file_does_not_define_is_the_packages(own):
    taken = own(CONTENT)
    assert taken.layers == {}
    assert taken.losses._replace(content_loss=Losses().content_loss) == Losses()
    assert own(RELU).losses is None
    vgg = VGG.random((3,), np.random.default_rng(0))
    assert taken.applied_to(vgg) is vgg


def test_gradients_may_come_as_a_list_and_arrays_in_another_precision(own):
    taken = own(
        CONV.replace("return layers.conv_b", "return list(layers.conv_b").replace(
            "cache)\n", "cache))\n"
        )
        + RELU.replace("np.maximum(x, 0), x", "np.maximum(x, 0).astype(float), x")
    )  # fmt: skip
    rng = np.random.default_rng(0)
    vgg = VGG.random((3, 4), rng, dtype=np.float32)
    x = rng.standard_normal((1, 8, 8, 3)).astype(np.float32)
    grads = []
    for net in (taken.applied_to(vgg), VGG(vgg.params, engine="plain")):
        features = net.forward(x, ["relu2_1"])
        grads.append(net.backward(features))
        assert grads[-1].dtype == features["relu2_1"].dtype == np.float32
    np.testing.assert_array_equal(*grads)


# what is refused

WRONG = {
    "sign": (RELU.replace("return grad", "return -grad"),
             "relu_backward is wrong: The sign is wrong"),
    "sign of the three": (
        CONV.replace("return layers.conv_b", "return tuple(-g for g in layers.conv_b")
        .replace("cache)\n", "cache))\n"),
        "conv_backward is wrong: The sign is wrong"),
    "pad": (CONV.replace("pad=pad", "pad=0"),
            "conv_forward of x (2, 5, 6, 3) gives the shape (2, 3, 4, 4), not (2, 5, 6, 4); of "),
    "pad of one sample": (SOLUTIONS["a1"].replace("    f, n_F", "    pad = 0\n    f, n_F"),
                          "of each x (5, 6, 3) gives the shape (2, 3, 4, 4), not (2, 5, 6, 4)"),
    "pad on the way back": (SOLUTIONS["a1"].replace("[pad : pad + n_H, pad : pad + n_W]",
                                                    "[:n_H, :n_W]"), "input_gradient is wrong: "),
    "factor 2": (RELU.replace("return grad", "return 2 * grad"),
                 "relu_backward is wrong: It is 2 times what it should be"),
    "share of a mean": (SOLUTIONS["a2"].replace("/ f**2", "/ f"),
                        "avg_pool_backward is wrong: It is 2 times what it should be"),
    "mask": (RELU.replace(" * (x > 0)", ""), "relu_backward is wrong: The gradient is not masked"),
    "another formula": (SOLUTIONS["a2"].replace("window.max(", "window.min("),
                        "max_pool_forward gives other numbers than its definition: -1.7"),
    "NaN": (RELU.replace("np.maximum(x, 0)", "np.where(x == x.min(), np.nan, np.maximum(x, 0))"),
            "relu_forward gives other numbers than its definition: nan at ["),
    "shape": (RELU.replace("* (x > 0)", "[:, 1:]"),
              "relu_backward is wrong: The gradient has shape (2, 4, 6, 3), but x has"),
    "raises": (RELU.replace("    return np", "    raise ValueError('a\\nb')\n    return np"),
               "relu_forward of x (2, 5, 6, 3) raises ValueError: a b; of each x (5, 6, 3) r"),
    "raises on the way back": (RELU.replace("    return grad", "    1 / 0\n    return grad"),
                               "relu_backward is wrong: backward raised ZeroDivisionError"),
    "None": (RELU.replace("return np", "np"),
             "relu_forward of x (2, 5, 6, 3) returns None, not out and cache; of each x"),
    "no cache": (RELU.replace("np.maximum(x, 0), x", "np.maximum(x, 0)"),
                 "relu_forward of x (2, 5, 6, 3) returns one ndarray, not out and cache"),
    "three": (RELU.replace("np.maximum(x, 0), x", "np.maximum(x, 0), x, x"),
              "returns a tuple of 3, not out and cache"),
    "None on the way back": (RELU.replace("return grad", "grad"),
                             "relu_backward is wrong: backward returns None: is there a return"),
    "one gradient": (CONV.replace("cache)\n", "cache)[0]\n"),
                     "conv_backward is wrong: backward returns 1 gradient, but 3 are wanted"),
    "in place": (RELU.replace("np.maximum(x, 0), x", "np.maximum(x, 0, out=x), x"),
                 "relu_forward writes into x, which others use too: compute a new array"),
    "in place on the way back": (
        RELU.replace("return grad_out *", "grad_out *=") + "    return grad_out",
        "relu_backward is wrong: backward writes into grad_out"),
    "square": (SOLUTIONS["a3"].replace("(a_C - a_G) ** 2", "a_C - a_G"),
               "content_loss gives other numbers than its definition: -0.16883, which must be 46."),
    "half": (CONTENT.replace("0.5 * ", ""),
             "content_loss gives other numbers than its definition: 92.8426, which must be 46.421"),
    "half the gradient": (CONTENT.replace(", a - target", ", 0.5 * (a - target)"),
                          "content_loss is wrong: It is 0.5 times what it should be"),
    "sign of a loss": (SOLUTIONS["a3"].replace("return a_G - a_C", "return a_C - a_G"),
                       "content_gradient is wrong: The sign is wrong"),
    "no square of the style": (SOLUTIONS["a4"].replace("difference**2", "difference"),
                               "style_loss gives other numbers than its definition: "),
    "4 c": (SOLUTIONS["a4"].replace("4 * c", "c"),
            "style_gradient is wrong: It is 0.25 times what it should be"),
    "sign of the style": (STYLE.replace(", 4", ", -4"), "style_loss is wrong: The sign is wrong"),
    "shape of a loss's gradient": (CONTENT.replace(", a - target", ", (a - target)[0]"),
                                   "content_loss is wrong: The gradient has shape (4, 5, 3)"),
    "shape of a loss": (CONTENT.replace(".sum()", ".sum((1, 2))"),
                        "content_loss gives the shape (1, 3), not ()"),
    "other axes": (GRAM.replace("f.T @ f", "f @ f.T"),
                   "gram_matrix gives the shape (20, 20), not (3, 3)"),
    "gram None": (GRAM.replace("return f", "f"), "gram_matrix returns None: is there a return"),
    "loss None": (CONTENT.replace("return", "_ ="), "content_loss returns None: is there a return"),
    "gradient None": (SOLUTIONS["a3"].replace("return a_G - a_C", "a_G - a_C"),
                      "content_gradient returns None: is there a return at its end?"),
    "no gradient": (STYLE.replace(", 4 * c * a @ difference", ""),
                    "style_loss returns one float64, not a value and its gradient"),
    "text": (CONTENT.replace("0.5 * ((a - target) ** 2).sum()", "'much'"),
             "content_loss gives no numbers: ValueError: could not convert"),
    "loss raises": (CONTENT.replace("return 0.5", "return b * 0.5"),
                    "content_loss raises NameError: name 'b' is not defined: try it on small"),
    "its gradient raises": (SOLUTIONS["a3"].replace("return a_G - a_C", "return a_G - b"),
                            "content_gradient raises NameError: name 'b' is not defined"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_functions_are_refused_with_the_reason(own, tmp_path, case):
    text, reason = WRONG[case]
    compile(text, case, "exec")
    with pytest.raises(GradientError) as caught:
        own(text)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'mine.py'}: ")
    assert reason in message
    assert "\n" not in message


INCOMPLETE = {
    "no backward": (RELU.replace("relu_backward", "back"),
                    "mine.py defines relu_forward but no relu_backward"),
    "no forward": (RELU.replace("relu_forward", "f"),
                   "mine.py defines relu_backward but no relu_forward"),
    "no input_gradient": (SOLUTIONS["a1"].replace("def input_gradient", "def grad_x"),
                          "mine.py defines conv_forward but no conv_backward"),
    "no content_gradient": (SOLUTIONS["a3"].replace("def content_g", "def g"),
                            "mine.py defines content_loss but no content_gradient"),
    "no style_gradient": (SOLUTIONS["a4"].replace("def style_g", "def g"),
                          "mine.py defines style_loss but no style_gradient"),
    "no content_loss": (SOLUTIONS["a3"].replace("def content_loss", "def loss"),
                        "mine.py defines content_gradient but no content_loss"),
    "nothing": ("def convolution(x):\n    return x\n", "mine.py defines no layer and no loss: nam"),
    "no function": ("conv_forward = conv_backward = 3", "mine.py defines no layer and no loss"),
    "empty": ("", "mine.py defines no layer and no loss"),
    "syntax": ("def conv_forward(x:\n", "mine.py cannot be run: SyntaxError: "),
    "exit": ("x = 1\nimport sys; sys.exit(0)", "mine.py cannot be run, line 2: SystemExit: 0"),
    "raises": ("import there_is_none", "mine.py cannot be run, line 1: ModuleNotFoundError"),
}  # fmt: skip


@pytest.mark.parametrize("case", INCOMPLETE)
def test_files_without_a_whole_layer_are_refused(own, case):
    text, reason = INCOMPLETE[case]
    with pytest.raises(SettingError, match=re.escape(reason)):
        own(text)


def test_what_is_no_file_of_python_is_refused(own, tmp_path):
    with pytest.raises(SettingError, match=r"there is no file .*none\.py"):
        load_own(tmp_path / "none.py")
    with pytest.raises(SettingError, match="there is no file"):
        load_own(tmp_path)
    with pytest.raises(SettingError, match=r"mine\.txt is no Python file: give it a name that"):
        own(RELU, "mine.txt")


# what they paint

LAYERS = {"content_layers": {"relu2_1": 1.0}, "style_layers": {"relu1_1": 0.5, "relu2_1": 0.5}}
PICTURES = np.random.default_rng(5).integers(0, 256, (2, 18, 24, 3), dtype=np.uint8)


def tiny(dtype=np.float64, pool="avg", engine="fused"):
    rng = np.random.default_rng(0)
    return VGG.random((3, 4), rng, convolutions=(2, 1), pool=pool, dtype=dtype, engine=engine)


@pytest.fixture
def paint(tmp_path):
    """Run `transfer` with the tiny network, and a file's text as layers."""

    def run(text=None, **changes):
        if text is not None:
            (tmp_path / "own.py").write_text(text, "utf-8")
            changes["layers"] = tmp_path / "own.py"
        settings = {"size": 24, "iterations": 3, "optimizer": "adam", **LAYERS} | changes
        return transfer(*PICTURES, **settings)

    return run


@pytest.mark.parametrize("pool", ["avg", "max"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_network_with_layers_of_ones_own_paints_the_same_pixels(paint, dtype, pool):
    vgg = tiny(dtype, pool)
    expected = paint(vgg=vgg)
    own = paint(SOLUTIONS["a1"] + SOLUTIONS["a2"], vgg=vgg)
    difference = np.abs(own.image.astype(int) - expected.image)
    # in float32 a value may lie on the other side of a half
    assert difference.max() <= (0 if dtype == np.float64 else 1)
    assert difference.mean() < 0.01
    assert own.loss == pytest.approx(expected.loss, rel=1e-12 if dtype == np.float64 else 1e-5)
    assert vgg.engine == "fused"
    assert own.settings["engine"] == "plain"
    assert own.settings["layers"]["functions"].startswith("conv_forward, input_gradient, relu_")
    assert "layers" not in expected.settings


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_packages_layers_as_ones_own_give_the_same_bits(paint, dtype):
    expected = paint(vgg=tiny(dtype, engine="plain"))
    own = paint(CONV + POOLS, vgg=tiny(dtype))
    np.testing.assert_array_equal(own.image, expected.image)
    assert own.loss == expected.loss


@pytest.mark.parametrize(("pool", "other"), [("avg", "max"), ("max", "avg")])
def test_each_function_that_was_taken_is_called_in_each_iteration(paint, monkeypatch, pool, other):
    calls = set()
    monkeypatch.setattr(np, "calls_of_a_test", calls, raising=False)
    names = {name for taken in TAKEN.values() for name in taken}
    text = "\n".join(SOLUTIONS[name] for name in TAKEN) + "".join(
        f"\ndef {name}(*a, f={name}, **o):\n"
        f"    np.calls_of_a_test.add({name!r})\n"
        "    return f(*a, **o)\n"
        for name in names
    )
    paint(text, vgg=tiny(pool=pool), iterations=2,
          callback=lambda progress: calls.clear() if progress.iteration == 1 else None)  # fmt: skip
    assert calls == names - {f"{other}_pool_forward", f"{other}_pool_backward"}


@pytest.mark.parametrize("text", [SOLUTIONS["a3"] + SOLUTIONS["a4"], CONTENT + STYLE + GRAM])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_losses_of_ones_own_are_the_packages(own, text, dtype):
    rng = np.random.default_rng(2)
    content, style, x = rng.standard_normal((3, 1, 12, 10, 3)).astype(dtype)
    vgg = tiny(dtype)
    options = {"alpha": 2.0, "beta": 300.0, "tv_weight": 0.5, **LAYERS}
    want, want_grad = Objective(vgg, content, style, **options)(x)
    objective = Objective(vgg, content, style, **options, losses=own(text).losses)
    value, grad = objective(x)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    assert value == pytest.approx(want, rel=tolerance)
    assert grad.dtype == dtype
    assert np.abs(grad - want_grad).max() <= tolerance * np.abs(want_grad).max()
    json.dumps(objective.terms)  # the terms are Python's numbers


def test_a_loss_that_compares_activations_has_the_style_at_the_contents_size(paint):
    own = paint(SOLUTIONS["a4"], vgg=tiny(), style_size=16)
    assert own.loss == pytest.approx(paint(vgg=tiny(), style_size=24).loss, rel=1e-9)


def test_layers_of_ones_own_need_a_network_of_the_package(paint):
    class Other:
        dtype = np.dtype(float)

    with pytest.raises(SettingError, match=r"own\.py: layers of your own can take the place of a "
                       "Network's only, not of those of Other: give no vgg, or a VGG"):  # fmt: skip
        paint(RELU, vgg=Other())


@pytest.mark.parametrize("sizes", [(9,), (7, 8), (5, 6, 5)])
def test_with_layers_serves_any_network(sizes):
    rows = [Conv(3, 3, pad=1), ReLU(), MaxPool(2), Conv(2, 2, stride=2), ReLU()]
    net = Sequential(rows, (*sizes, 2), np.random.default_rng(0), np.float64)
    called = []

    def counted(function):
        def call(*arguments, **options):
            called.append((function.__name__, *options))
            return function(*arguments, **options)

        return call

    def pair(name):
        return tuple(counted(getattr(layers, f"{name}_{way}")) for way in ("forward", "backward"))

    mine = net.with_layers(conv=pair("conv"), relu=pair("relu"), max_pool=pair("max_pool"))
    x = np.random.default_rng(1).standard_normal((2, *sizes, 2))
    features = net.forward(x, ["relu2", "conv1"])
    for name, a in mine.forward(x, ["relu2", "conv1"]).items():
        np.testing.assert_allclose(a, features[name], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        mine.backward(features), net.backward(features), rtol=1e-12, atol=1e-12
    )
    # options that have their default are not passed
    assert called[:5] == [
        ("conv_forward", "pad"), ("relu_forward",), ("max_pool_forward",),
        ("conv_forward", "stride"), ("relu_forward",),
    ]  # fmt: skip
    assert [name for name, *_ in called[5:]] == [
        "relu_backward", "conv_backward", "max_pool_backward", "relu_backward", "conv_backward",
    ]  # fmt: skip
    _, grads = mine.gradients(x, lambda scores: (0.0, features["relu2"]))
    _, want = net.gradients(x, lambda scores: (0.0, features["relu2"]))
    for name, both in want.items():
        for got, expected in zip(grads[name], both, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)
    with pytest.raises(SettingError, match="a relu of your own has no rule 'guided'"):
        mine.forward(x, ["relu2"]) and mine.backward(features, relu="guided")
    assert net.engine == "fused"


def test_a_path_with_a_home_or_as_text_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "mine.py").write_text(RELU, "utf-8")
    assert load_own("~/mine.py").path == tmp_path / "mine.py"
    assert load_own(str(tmp_path / "mine.py")).path == Path(tmp_path / "mine.py")


LATE = {
    "relu_forward returns None, not out and cache": ("return None", ""),
    "relu_forward gives an array of complex64, not an array of float32": ("x = x * 1j", ""),
    "relu_forward raises ZeroDivisionError: division by zero": ("1 / 0", ""),
    "relu_backward gives None, not an array of float32": ("", "return None"),
    "relu_backward gives one float, not an array of float32": ("", "return 1.0"),
}


@pytest.mark.parametrize("said", LATE)
def test_a_layer_that_is_wrong_only_on_large_arrays_is_named(tmp_path, said):
    up, down = (f"    if len(x[0]) > 8:\n        {line or 'pass'}\n" for line in LATE[said])
    text = RELU.replace("    return np", up.replace("x = x", "return x") + "    return np")
    text = text.replace("    return grad_out", down + "    return grad_out")
    if "complex64" in said:
        text = text.replace("return x * 1j", "return x * 1j, x")
    file = tmp_path / "late.py"
    file.write_text(text, "utf-8")
    network = load_own(file).applied_to(
        VGG.random((3, 4), np.random.default_rng(0), dtype=np.float32)
    )
    name, rest = said.split(" ", 1)
    x = np.random.default_rng(1).standard_normal((1, 12, 12, 3)).astype(np.float32)
    with pytest.raises(GradientError, match=rf"late\.py: {name} of an array \([0-9, ]+\) {rest}"):
        network.backward(network.forward(x, ["relu1_1"]))


def test_memory_that_is_used_up_in_a_loss_of_ones_own_is_no_wrong_loss(tmp_path):
    file = tmp_path / "hungry.py"
    large = "    if a.shape[1] > 8:\n        raise MemoryError\n    return"
    file.write_text(CONTENT.replace("    return", large), "utf-8")
    losses = load_own(file).losses
    with pytest.raises(MemoryError):
        losses.content_loss(*np.ones((2, 1, 12, 12, 3)))
