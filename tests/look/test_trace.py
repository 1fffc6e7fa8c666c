import json
import re
from itertools import pairwise

import numpy as np
import pytest

from nst_numpy.cli import main
from nst_numpy.cli.trace import describe, read_unit
from nst_numpy.errors import SettingError, ShapeError, UnknownNameError
from nst_numpy.layers import set_threads
from nst_numpy.look import receptive_box, trace, trace_deep
from nst_numpy.pictures.images import load_image, save_image
from nst_numpy.vgg import VGG

LAYERS = [f"{kind}{where}" for where in ("1_1", "1_2", "2_1", "3_1") for kind in ("conv", "relu")]
LAYERS += ["pool1", "pool2", "pool3"]


def tiny(pool="avg", dtype=np.float64):
    rng = np.random.default_rng(0)
    return VGG.random((3, 4, 5), rng, convolutions=(2, 1, 1), pool=pool, dtype=dtype)


def picture(shape=(1, 17, 22, 3), dtype=np.float64):
    return (50 * np.random.default_rng(1).standard_normal(shape)).astype(dtype)


def some_units(shape):
    """All four corners, and a position inside; another channel each."""
    _, height, width, channels = shape
    places = [(0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1)]
    places.append((height // 2, width // 2))
    return [(i % channels, row, col) for i, (row, col) in enumerate(places)]


@pytest.mark.parametrize("pool", ["avg", "max"])
@pytest.mark.parametrize("layer", LAYERS)
def test_the_parts_add_up_to_what_forward_computes(layer, pool):
    vgg, x = tiny(pool), picture()
    a = vgg.forward(x, [layer])[layer]
    for channel, row, col in some_units(a.shape):
        unit = trace(vgg, x, layer, channel, row, col)
        total = unit.bias + unit.contributions.sum()
        if layer.startswith("relu"):
            total = max(total, 0)
        assert total == pytest.approx(a[0, row, col, channel], rel=1e-12, abs=1e-10)
        assert unit.activation == a[0, row, col, channel]
        assert unit.sum == unit.bias + unit.contributions.sum()


def test_the_sum_of_a_relu_is_the_convolution_below_it():
    vgg, x = tiny(), picture()
    a = vgg.forward(x, ["conv2_1"])["conv2_1"][0]
    row, col, channel = np.unravel_index(a.argmin(), a.shape)
    unit = trace(vgg, x, "relu2_1", channel, row, col)
    assert unit.sum == pytest.approx(a.min())
    assert unit.sum < 0
    assert unit.activation == 0


def test_in_float32_the_parts_add_up_to_rounding():
    vgg, x = tiny(dtype=np.float32), picture(dtype=np.float32)
    for layer in LAYERS:
        unit = trace(vgg, x, layer, 1, 1, 1)
        size = np.abs(unit.contributions).sum()
        value = max(unit.sum, 0) if unit.kind == "relu" else unit.sum
        assert abs(value - unit.activation) <= 1e-5 * size
        assert unit.contributions.dtype == np.float64


def test_a_contribution_is_weight_times_input_and_0_in_the_padding():
    vgg, x = tiny(), picture()
    below = vgg.forward(x, ["pool1"])["pool1"]
    unit = trace(vgg, x, "relu2_1", 2, 0, 10)  # the last of 11 columns
    assert unit.input_layer == "pool1"
    assert (unit.top, unit.left) == (-1, 9)
    np.testing.assert_array_equal(unit.kernel, vgg.params["conv2_1"][0][..., 2])
    np.testing.assert_array_equal(unit.window[1:, :2], below[0, :2, 9:11])
    np.testing.assert_array_equal(unit.contributions, unit.window * unit.kernel)
    np.testing.assert_array_equal(unit.inside, [[0, 0, 0], [1, 1, 0], [1, 1, 0]])
    assert not unit.contributions[~unit.inside].any()
    assert unit.box == receptive_box("relu2_1", 0, 10, (17, 22), vgg.table)


def test_the_first_layer_looks_at_pixels():
    x = picture()
    unit = trace(tiny(), x, "relu1_1", 0, 5, 6)
    assert unit.input_layer == "pixels"
    np.testing.assert_array_equal(unit.window, x[0, 4:7, 5:8])


def test_an_average_pool_gives_each_input_a_quarter_and_a_max_pool_all_to_the_winner():
    x = picture()
    below = tiny().forward(x, ["relu1_2"])["relu1_2"][0, 4:6, 6:8, 1]
    unit = trace(tiny("avg"), x, "pool1", 1, 2, 3)
    np.testing.assert_allclose(unit.contributions[..., 1], below / 4)
    assert not unit.contributions[..., [0, 2]].any()
    unit = trace(tiny("max"), x, "pool1", 1, 2, 3)
    np.testing.assert_array_equal(unit.contributions[..., 1], below * (below == below.max()))
    assert unit.bias == 0


def test_of_tied_inputs_of_a_max_pool_the_first_wins():
    vgg = tiny("max")
    vgg.params["conv1_2"] = (np.zeros((3, 3, 3, 3)), np.full(3, 2.0))
    unit = trace(vgg, picture(), "pool1", 0, 1, 1)
    np.testing.assert_array_equal(unit.contributions[..., 0], [[2, 0], [0, 0]])


def test_shares_are_of_the_sum_of_absolute_parts_of_one_kind():
    unit = trace(tiny(), picture(), "conv2_1", 0, 3, 4)
    every = unit.largest_inputs(1000)
    by_channel = unit.contributions.sum(axis=(0, 1))
    by_position = unit.contributions.sum(axis=2)
    for parts, values in ((every.channels, by_channel), (every.positions, by_position),
                          (every.terms, unit.contributions)):  # fmt: skip
        assert len(parts) == values.size
        assert sum(p.share for p in parts) == pytest.approx(1)
        assert sum(p.contribution for p in parts) == pytest.approx(unit.sum - unit.bias)
        sizes = [abs(p.contribution) for p in parts]
        assert sizes == sorted(sizes, reverse=True)
        assert parts[0].share == pytest.approx(sizes[0] / np.abs(values).sum())
    assert min(p.contribution for p in every.terms) < 0 < max(p.contribution for p in every.terms)
    best = every.terms[0]
    place = (best.row - unit.top, best.col - unit.left, best.channel)
    assert best.contribution == unit.contributions[place]
    assert len(unit.largest_inputs(2).terms) == 2


@pytest.mark.parametrize("n", [0, -1, 1.5])
def test_a_number_of_inputs_below_1_is_refused(n):
    unit = trace(tiny(), picture(), "conv1_1", 0, 0, 0)
    with pytest.raises(SettingError, match=f"at least 1, not {n}"):
        unit.largest_inputs(n)


@pytest.mark.parametrize("pool", ["avg", "max"])
def test_the_deep_trace_follows_the_largest_input_down_to_the_pixels(pool):
    vgg, x = tiny(pool), picture()
    path = trace_deep(vgg, x, "relu3_1", 4, 3, 0)
    layers = ["relu3_1", "pool2", "relu2_1", "pool1", "relu1_2", "relu1_1"]
    assert [unit.layer for unit in path] == layers
    for unit, below in pairwise(path):
        best = unit.largest_inputs(1).terms[0]
        assert unit.input_layer == below.layer
        assert (below.channel, below.row, below.col) == (best.channel, best.row, best.col)
        assert abs(best.contribution) == np.abs(unit.contributions).max()
        place = (best.row - unit.top, best.col - unit.left, best.channel)
        assert unit.window[place] == below.activation
    for unit in path:
        alone = trace(vgg, x, unit.layer, unit.channel, unit.row, unit.col)
        np.testing.assert_array_equal(alone.contributions, unit.contributions)


@pytest.mark.parametrize("pool", ["avg", "max"])
def test_the_deep_trace_of_nothing_stays_inside_the_map(pool):
    vgg = tiny(pool)
    for name, (w, b) in vgg.params.items():
        vgg.params[name] = (w, np.full_like(b, -1.0))  # black: everything is 0
    path = trace_deep(vgg, np.zeros((1, 17, 22, 3)), "pool3", 4, 0, 0)
    assert path[-1].input_layer == "pixels"
    assert all(unit.row >= 0 and unit.col >= 0 for unit in path)
    assert path[0].channel == path[1].channel == 4  # a pool stays in its channel


def test_what_is_not_there_is_refused():
    vgg, x = tiny(), picture()
    with pytest.raises(UnknownNameError, match=r"unknown layer 'relu2_2': did you mean relu"):
        trace(vgg, x, "relu2_2", 0, 0, 0)
    with pytest.raises(SettingError, match=r"conv2_1 has the channels 0 to 3: .* no channel 4"):
        trace(vgg, x, "conv2_1", 4, 0, 0)
    for row, col in ((8, 0), (0, 11), (-1, 0)):
        with pytest.raises(SettingError, match=f"8 rows and 11 columns .* no position {row},{col}"):
            trace_deep(vgg, x, "conv2_1", 0, row, col)
    with pytest.raises(SettingError, match="whole numbers"):
        trace(vgg, x, "conv2_1", 0, 0.5, 0)
    with pytest.raises(ShapeError, match="one picture"):
        trace(vgg, picture((2, 8, 8, 3)), "conv1_1", 0, 0, 0)


def test_the_json_holds_every_number():
    unit = trace(tiny(), picture(), "relu2_1", 1, 0, 0)
    record = json.loads(json.dumps(unit.as_dict()))
    assert np.sum(record["contributions"]) + record["bias"] == pytest.approx(record["sum"])
    assert record["input"] == {"layer": "pool1", "top": -1, "left": -1}
    assert record["box"]["top"] == 0


def printed(text, start, stop):
    """Read a column of numbers between two rows of a printed table."""
    rows = [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()]
    names = [row[0] for row in rows]
    chosen = rows[names.index(start) : names.index(stop)]
    return [float(row[1]) for row in chosen]


@pytest.mark.parametrize("layer", ["relu1_1", "conv2_1", "relu3_1"])
def test_the_printed_parts_add_up_to_the_printed_activation(layer):
    unit = trace(tiny(), picture(), layer, 2, 1, 1)
    text = describe(unit, top=2)
    parts = printed(text, "bias", "sum")
    rounding = 0.5e-4 * (len(parts) + 1)
    assert sum(parts) == pytest.approx(unit.sum, abs=rounding)
    assert f"{unit.layer}:2@1,1 = {unit.activation:.4f}" in text
    grid = text[text.index("by position") :].splitlines()[2:5]
    cells = [float(cell) for line in grid for cell in line.split()[2:5]]
    assert sum(cells) + unit.bias == pytest.approx(unit.sum, abs=6e-4)


@pytest.fixture
def small_network(monkeypatch, tmp_path):
    """Let the command load a tiny network, and run in a folder with one picture."""
    monkeypatch.setattr(VGG, "load", lambda path, pool: tiny(pool, np.float32))
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    save_image("noise.png", rng.integers(0, 256, (17, 22, 3), dtype=np.uint8))
    yield
    set_threads(None)


def nst(*words):
    return main([str(word) for word in words])


def test_the_command_prints_and_writes(small_network, capsys):
    words = ["noise.png", "relu2_1:3@2,3", "--size", "22", "--json", "a.json", "-o", "a.png"]
    assert nst("trace", *words) == 0
    out = capsys.readouterr().out
    assert "noise.png, 22×17 pixels" in out
    assert out.endswith("\na.png\n")
    with open("a.json", encoding="utf-8") as file:
        record = json.load(file)
    unit = record["traces"][0]
    assert (unit["layer"], unit["channel"], unit["row"], unit["col"]) == ("relu2_1", 3, 2, 3)
    assert np.sum(unit["contributions"]) + unit["bias"] == pytest.approx(unit["sum"])
    assert load_image("a.png").std() > 0


def test_the_deep_command_prints_every_step(small_network, capsys):
    assert nst("trace", "noise.png", "pool2:3@0,0", "--size", "22", "--deep", "--pool", "max") == 0
    out = capsys.readouterr().out
    titles = re.findall(r"^(\w+):\d+@\d+,\d+ = ", out, re.MULTILINE)
    assert titles == ["pool2", "relu2_1", "pool1", "relu1_2", "relu1_1"]
    assert "the winner in channel 3 of relu2_1" in out
    assert "minus its mean" in out


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ("relu2_3:0@0,0", "unknown layer 'relu2_3': did you mean relu2_1"),
        ("relu2_1:4@0,0", "relu2_1 has the channels 0 to 3: there is no channel 4"),
        ("relu2_1:-1@0,0", "relu2_1 has the channels 0 to 3: there is no channel -1"),
        ("relu2_1:0@8,0", "the map of relu2_1 has 8 rows and 11 columns"),
        ("relu2_1:0@0", "write it as LAYER:CHANNEL@ROW,COL, for example relu3_1:17@20,30"),
        ("relu2_1", "cannot read the unit 'relu2_1'"),
        ("relu2_1:a@0,0", "write it as LAYER:CHANNEL@ROW,COL"),
        ("", "cannot read the unit ''"),
    ],
)
def test_bad_units_end_with_one_line(small_network, capsys, unit, message):
    assert nst("trace", "noise.png", unit, "--size", "22", "-o", "out.png") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1


def test_reading_a_unit():
    assert read_unit(" conv1_1:0@12,345 ") == ("conv1_1", 0, 12, 345)
