import math

import numpy as np
import pytest

from nst_numpy.errors import TooLargeError
from nst_numpy.measure import estimate
from nst_numpy.measure.estimate import (
    Estimate,
    check_memory,
    estimate_run,
    measure_speed,
    multiplications,
)
from nst_numpy.objective import CONTENT_LAYERS, STYLE_LAYERS
from nst_numpy.vgg import VGG

LAYERS = [*STYLE_LAYERS, *CONTENT_LAYERS]


@pytest.fixture(scope="module")
def vgg16():
    """Make VGG-16 without its numbers: every array is one zero, shown many times."""
    params, c_in = {}, 3
    for block, (count, c_out) in enumerate(
        [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)], start=1
    ):
        for i in range(1, count + 1):
            shapes = (3, 3, c_in, c_out), (c_out,)
            params[f"conv{block}_{i}"] = tuple(np.broadcast_to(np.float32(0), s) for s in shapes)
            c_in = c_out
    return VGG(params)


def run_of(vgg, height, width, optimizer="lbfgs"):
    return estimate_run(vgg, (1, height, width, 3), vgg.check_names(LAYERS), optimizer)


def test_multiplications_by_hand():
    vgg = VGG.random((4, 8), np.random.default_rng(0))
    assert multiplications(vgg, (2, 9, 7, 3)) == {
        "conv1_1": 2 * (9 * 7) * (3 * 3 * 3) * 4,
        "relu1_1": 0,
        "pool1": 0,
        "conv2_1": 2 * (4 * 3) * (3 * 3 * 4) * 8,
        "relu2_1": 0,
        "pool2": 0,
    }


def test_multiplications_of_vgg16_are_the_published_number(vgg16):
    assert sum(multiplications(vgg16, (1, 224, 224, 3)).values()) == 15_346_630_656


def test_a_step_goes_forward_and_backward_and_not_above_the_deepest_layer(vgg16):
    counts = multiplications(vgg16, (1, 224, 224, 3))
    above = counts["conv5_2"] + counts["conv5_3"]
    names = vgg16.check_names(LAYERS)
    assert names[-1] == "relu5_1"
    assert run_of(vgg16, 224, 224).multiplications == 2 * (sum(counts.values()) - above)
    shallow = estimate_run(vgg16, (1, 224, 224, 3), ["relu1_1"])
    assert shallow.multiplications == 2 * counts["conv1_1"]


def test_a_run_without_layers_multiplies_nothing(vgg16):
    cost = estimate_run(vgg16, (1, 64, 64, 3), [])
    assert cost.multiplications == 0
    assert cost.bytes > cost.fixed_bytes


def test_memory_grows_with_the_pixels_and_with_what_lbfgs_remembers(vgg16):
    small, large = run_of(vgg16, 128, 256), run_of(vgg16, 256, 512)
    assert small.fixed_bytes == large.fixed_bytes > 14_714_688 * 4
    assert large.bytes - large.fixed_bytes == pytest.approx(
        4 * (small.bytes - small.fixed_bytes), abs=8
    )
    assert run_of(vgg16, 128, 256, "adam").bytes < small.bytes


@pytest.mark.parametrize("have_mb", [250, 280, 480, 600, 1000])
@pytest.mark.parametrize(("height", "width"), [(1024, 1024), (512, 768), (2000, 300)])
def test_what_does_not_fit_is_refused_with_a_size_that_fits(
    vgg16, monkeypatch, have_mb, height, width
):
    monkeypatch.setattr(estimate, "available_memory", lambda: int(have_mb * 1e6))
    need = run_of(vgg16, height, width)
    with pytest.raises(TooLargeError) as caught:
        check_memory(need, height, width)
    message = str(caught.value)
    assert message.startswith(f"a run at {width}×{height} needs about {need.bytes / 1e9:.1f} GB")
    if "free some memory" in message:
        assert have_mb < 300
        return
    size = int(message.split("use size ")[1].split()[0])
    factor = size / max(height, width)
    smaller = math.ceil(height * factor), math.ceil(width * factor)
    check_memory(run_of(vgg16, *smaller), *smaller)
    assert 64 <= size < max(height, width)
    # and it is not far below what would fit
    bolder = math.ceil(1.5 * height * factor), math.ceil(1.5 * width * factor)
    with pytest.raises(TooLargeError):
        check_memory(run_of(vgg16, *bolder), *bolder)


@pytest.mark.parametrize("have", [0, 100_000_000])
def test_where_no_size_fits_the_advice_is_to_free_memory(monkeypatch, have):
    monkeypatch.setattr(estimate, "available_memory", lambda: have)
    with pytest.raises(TooLargeError, match=r"needs about 2\.0 GB .* free: free some memory first"):
        check_memory(Estimate(0, 2_000_000_000, 200_000_000), 512, 512)


@pytest.mark.parametrize("have", [None, 1000, 1001])
def test_what_fits_passes_and_so_does_what_nobody_knows(monkeypatch, have):
    monkeypatch.setattr(estimate, "available_memory", lambda: have)
    check_memory(Estimate(0, 1000, 500), 512, 512)
    if have:
        with pytest.raises(TooLargeError):
            check_memory(Estimate(0, have + 1, 500), 512, 512)


def test_the_speed_is_a_number_of_multiplications():
    speed = measure_speed(np.dtype(np.float32))
    assert math.isfinite(speed)
    assert speed > 0


def test_neighbours_cost_memory_and_a_search(vgg16):
    shape, layers = (1, 512, 512, 3), ["relu1_1", "relu4_3"]
    without, with_them = (
        estimate_run(vgg16, shape, layers, "lbfgs", shape, chosen) for chosen in ((), layers)
    )
    assert without.search == 0
    # 128×128 places in either picture, 64 + 512 channels
    assert with_them.search == (128 * 128) ** 2 * (64 + 512)
    columns = 3 * 128 * 128 * (64 + 512)
    gradients = 512 * 512 * 64 + 64 * 64 * 512
    assert with_them.bytes - without.bytes == 4 * (columns + gradients)
    assert with_them.multiplications == without.multiplications


@pytest.mark.parametrize("column_layers", [(), ("relu2_1", "relu3_1")])
def test_more_paintings_need_more_memory(vgg16, column_layers):
    shape, style = (1, 256, 256, 3), (1, 256, 200, 3)

    def needed(engine, *more):
        vgg = VGG(vgg16.params, engine=engine)
        names = vgg.check_names(LAYERS)
        return estimate_run(vgg, shape, names, "lbfgs", style, column_layers, more)

    plain, both = needed("plain"), needed("plain", style)
    assert both.bytes > plain.bytes
    assert both.search == 2 * plain.search
    # the fused engine adds up Gram matrices' gradients in parts
    assert (needed("fused", style).bytes > needed("fused").bytes) == bool(column_layers)
    # the largest goes through the network too
    assert needed("fused", (1, 900, 900, 3)).bytes > 2 * needed("fused").bytes
