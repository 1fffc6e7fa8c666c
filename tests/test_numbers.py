"""Numbers that cannot be, or hardly: each run ends well, or with one sentence.

What a grid of them did stands in docs/reliability_runs. Warnings are errors here, as in all tests.
"""

import subprocess
import sys

import numpy as np
import pytest

from nst_numpy.errors import GradientError, NonFiniteError, NstError, ShapeError
from nst_numpy.layers import set_threads
from nst_numpy.losses import Losses, content_loss, style_loss
from nst_numpy.objective import Objective
from nst_numpy.optimize import OPTIMIZERS, run_optimizer
from nst_numpy.pictures.images import preprocess
from nst_numpy.style_transfer import transfer
from nst_numpy.vgg import VGG

LAYERS = {"content_layers": {"relu2_1": 1.0}, "style_layers": {"relu1_1": 0.5, "relu2_1": 0.5}}
DEEP = {"content_layers": None, "style_layers": None}
NAN, INF = float("nan"), float("inf")


def net(pool="avg", engine="fused", dtype=np.float32):
    return VGG.random((4, 8), np.random.default_rng(0), pool=pool, engine=engine, dtype=dtype)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def flat(value):
    return np.full((20, 24, 3), value, np.uint8)


PICTURES = {
    "grey": flat(128), "black": flat(0), "white": flat(255), "one pixel": noise(1, 1),
    "2x3": noise(2, 3), "16x16": noise(16, 16), "30:1": noise(4, 120), "1:30": noise(120, 4),
}  # fmt: skip


def paint(content=None, style=None, vgg=None, **settings):
    content = noise(16, 16, 1) if content is None else content
    style = noise(16, 16, 2) if style is None else style
    given = {"size": 16, "iterations": 2} | LAYERS | settings
    return transfer(content, style, vgg=net() if vgg is None else vgg, **given)


def assert_ends_well(result):
    """Check that every number of a run is finite, and that one that did nothing says so."""
    assert np.isfinite([entry["loss"] for entry in result.history]).all()
    assert np.isfinite(result.loss)
    assert result.message
    if "nothing to lower" in result.message:
        assert result.loss == 0


# ---- weights and learning rates

SIZES = [0.0, 1e-300, 1e-30, 1e-8, 1.0, 1e8, 1e15, 1e30, 1e38, 1e300]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_of_any_size_end_well_or_with_a_name(optimizer, dtype):
    vgg, reasons = net(dtype=dtype), set()
    for alpha in SIZES:
        for beta in SIZES:
            try:
                result = paint(vgg=vgg, alpha=alpha, beta=beta, optimizer=optimizer)
            except NstError as error:
                reasons.add(type(error).__name__)
            else:
                assert_ends_well(result)
                reasons.add(result.reason)
    assert {"iterations", "NonFiniteError" if dtype == np.float32 else "stalled"} <= reasons


@pytest.mark.parametrize("name", ["alpha", "beta", "tv_weight", "learning_rate"])
@pytest.mark.parametrize("value", [INF, NAN, -1.0])
def test_what_is_no_weight_is_refused(name, value):
    with pytest.raises(NstError, match=f"^{name} must be a finite number"):
        paint(**{name: value})


@pytest.mark.parametrize("optimizer", ["gd", "adam"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate", [1e-300, 1e-30, 1e-8, 1e8, 1e15, 1e30, 1e300])
def test_learning_rates_of_any_size(optimizer, dtype, rate):
    try:
        result = paint(vgg=net(dtype=dtype), learning_rate=rate, optimizer=optimizer, iterations=3)
    except NonFiniteError as error:
        assert rate > 1
        assert "smaller learning rate" in str(error)  # noqa: PT017
    else:
        assert_ends_well(result)
        if rate < 1e-20:
            assert result.reason == "flat"
            assert "use a larger learning rate" in result.message
        if rate > 1e7:
            assert result.reason in ("diverged", "not finite")
            assert "is kept" in result.message


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_gradient_that_float32_rounds_to_0_is_said(optimizer):
    result = paint(alpha=0, beta=1e-300, optimizer=optimizer)
    assert result.reason == "flat"
    assert result.loss > 0
    assert result.message.endswith("use larger weights, or start from another picture")


def test_a_scale_without_a_slope_leads_to_the_next():
    result = paint(alpha=0, beta=1e-300, size=32, scales=2)
    assert (result.reason, result.history[0]["height"]) == ("flat", 32)


def test_j_itself_may_be_infinite_without_a_warning():
    x, other = preprocess(noise(16, 16)), preprocess(noise(16, 16, 1))
    objective = Objective(net(), x, other, alpha=1e300, **LAYERS)
    assert not np.isfinite(objective(other)[1]).all()
    assert not np.isfinite(objective.gradient_terms(other)["content/relu2_1"]).all()


# ---- pictures


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("engine", ["fused", "plain"])
@pytest.mark.parametrize("pool", ["avg", "max"])
def test_identical_pictures_have_nothing_to_lower(optimizer, engine, pool):
    same = noise(16, 16)
    result = paint(same, same, net(pool, engine), optimizer=optimizer)
    assert (result.reason, result.loss, result.iterations) == ("stalled", 0, 0)
    np.testing.assert_array_equal(result.image, same)


@pytest.mark.parametrize("init", ["content", "noise", "style"])
@pytest.mark.parametrize("style", PICTURES)
@pytest.mark.parametrize("content", PICTURES)
def test_odd_pictures(content, style, init):
    size = {"size": 120, "style_size": 120, "scales": 1}
    result = paint(PICTURES[content], PICTURES[style], init=init, optimizer="adam", **size)
    assert_ends_well(result)
    assert max(result.image.shape) == 120


# ---- losses and networks of one's own

WRONG = {
    "NaN": (lambda v, g: (NAN, g), NonFiniteError),
    "infinity": (lambda v, g: (-INF, g), NonFiniteError),
    "a whole number that no float holds": (lambda v, g: (10**400, g), NonFiniteError),
    "NaN in the gradient": (lambda v, g: (v, g * np.float32(NAN)), NonFiniteError),
    "infinity in the gradient": (lambda v, g: (v, g + np.float32(INF)), NonFiniteError),
    "a gradient too short": (lambda v, g: (v, g[:, 1:]), ShapeError),
    "a gradient that would spread": (lambda v, g: (v, g[:, :1, :1]), ShapeError),
    "a gradient that is a float": (lambda v, g: (v, 1.0), ShapeError),
    "a gradient that is a list": (lambda v, g: (v, g.tolist()), ShapeError),
    "a complex gradient": (lambda v, g: (v, g * 1j), ShapeError),
    "a complex value": (lambda v, g: (complex(v), g), GradientError),
    "a value that is an array": (lambda v, g: (np.array([v]), g), GradientError),
    "a text": (lambda v, g: ("1", g), GradientError),
    "nothing": (lambda v, g: None, GradientError),
    "no gradient": (lambda v, g: v, GradientError),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("engine", ["fused", "plain"])
@pytest.mark.parametrize("kind", ["content_loss", "style_loss"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_loss_that_answers_nonsense_is_named(wrong, kind, engine, optimizer):
    spoil, error = WRONG[wrong]
    right = {"content_loss": content_loss, "style_loss": style_loss}[kind]
    losses = Losses(**{kind: lambda a, target: spoil(*right(a, target))})
    x, other = preprocess(noise(16, 16)), preprocess(noise(16, 16, 1))
    objective = Objective(net(engine=engine), x, other, losses=losses, **LAYERS)
    with pytest.raises(error) as caught:
        run_optimizer(optimizer, objective, other, 2)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("wrong", WRONG)
def test_a_function_that_answers_nonsense_is_named(wrong):
    spoil, error = WRONG[wrong]
    with pytest.raises(error):
        run_optimizer("gd", lambda x: spoil(1.0, x), np.ones((1, 4, 4, 3), np.float32), 2)


@pytest.mark.parametrize("gram", [None, 1.0, np.ones((3, 3)), np.full((4, 4), 1j)])
def test_a_gram_matrix_that_is_none_is_named(gram):
    x, losses = preprocess(noise(16, 16)), Losses(gram_matrix=lambda a: gram)
    with pytest.raises(ShapeError, match=r"^Objective: the Gram matrix must "):
        Objective(net(), x, x, losses=losses, style_layers={"relu1_1": 1.0}, alpha=0)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
def test_a_gradient_of_another_dtype_leaves_the_picture_its_own(kind):
    start = np.full((1, 4, 4, 3), 9, np.float32)
    found = run_optimizer("gd", lambda x: (np.float32((x * x).sum()), x.astype(kind)), start, 2)
    assert found.x.dtype == np.float32
    assert [type(loss) for loss in found.losses] == [float, float]


@pytest.mark.parametrize("engine", ["fused", "plain"])
@pytest.mark.parametrize("value", [NAN, INF, 1e38])
def test_a_network_with_numbers_that_cannot_be(value, engine):
    params = {name: (w.copy(), b) for name, (w, b) in net().params.items()}
    params["conv2_1"][0][0, 0, 0, 0] = value
    broken = VGG(params, "avg", engine)
    with pytest.raises(NonFiniteError, match="look for NaN and infinity in the network and in los"):
        paint(vgg=broken)


# ---- the same bits


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("engine", ["fused", "plain"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_number_of_threads_gives_the_same_bits(optimizer, engine, dtype):
    vgg, pictures = net("avg", engine, dtype), (noise(40, 44), noise(37, 50))
    results = []
    try:
        for threads in (1, 2, 3, 4, 7, 2):
            set_threads(threads)
            results.append(paint(*pictures, vgg, size=64, optimizer=optimizer, tv_weight=0.1))
    finally:
        set_threads(None)
    for result in results[1:]:
        np.testing.assert_array_equal(result.image, results[0].image)
        assert [e["terms"] for e in result.history] == [e["terms"] for e in results[0].history]


# ---- the real network

REAL = """
import hashlib, sys
import numpy as np, nst_numpy as nst
rng = np.random.default_rng(0)
pictures = rng.integers(0, 256, (2, 64, 70, 3), dtype=np.uint8)
for engine in ("fused", "plain"):
    vgg = nst.VGG.load(engine=engine)
    run = nst.transfer(*pictures, vgg=vgg, size=52, iterations=2)
    print(hashlib.sha256(run.image.tobytes()).hexdigest(), [e["loss"] for e in run.history])
"""


@pytest.fixture(scope="module")
def real():
    return VGG.load()


@pytest.mark.slow
def test_fresh_processes_of_any_number_of_threads_print_the_same(monkeypatch):
    said = set()
    for threads in (1, 2, 3, 4, 7, 2):
        monkeypatch.setenv("NST_NUM_THREADS", str(threads))
        words = [sys.executable, "-c", REAL]
        said.add(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    assert len(said) == 1
    assert said != {""}


@pytest.mark.slow
@pytest.mark.parametrize("pool", ["avg", "max"])
@pytest.mark.parametrize("picture", ["grey", "black", "white", "identical"])
def test_the_real_network_and_pictures_without_content(picture, pool):
    same = noise(32, 32) if picture == "identical" else PICTURES[picture]
    vgg = VGG.load(pool=pool)
    for optimizer in OPTIMIZERS:
        result = paint(same, same, vgg, size=32, optimizer=optimizer, **DEEP)
        assert (result.reason, result.loss) == ("stalled", 0)
        other = paint(same, noise(32, 32, 3), vgg, size=32, optimizer=optimizer, **DEEP)
        assert_ends_well(other)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(30, 900), (900, 30)])
def test_panoramas_of_30_to_1(real, shape):
    for scales in (None, 1):
        settings = {"size": 480, "iterations": 1, "scales": scales} | DEEP
        if scales is None:
            with pytest.raises(NstError, match="at the coarsest scale, too small for relu5_1"):
                paint(noise(*shape), noise(32, 32), real, **settings)
        else:
            result = paint(noise(*shape), noise(32, 32), real, **settings)
            assert_ends_well(result)
            assert sorted(result.image.shape[:2]) == [16, 480]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_real_network_and_weights_of_any_size(real, optimizer):
    for alpha in SIZES:
        for beta in SIZES:
            try:
                settings = {"alpha": alpha, "beta": beta, "optimizer": optimizer}
                assert_ends_well(paint(vgg=real, **settings))
            except NstError as error:
                assert str(error)  # noqa: PT017
