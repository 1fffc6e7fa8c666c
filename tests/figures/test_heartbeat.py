from itertools import pairwise

import numpy as np
import pytest

from nst_numpy.figures.heartbeat import (
    COLOURS,
    SHADES,
    beats_figure,
    filters_figure,
    signal_figure,
    training_figure,
)
from nst_numpy.figures.style import BLUE, GREY, INK, RED
from nst_numpy.look import top_windows
from nst_numpy.signals.heartbeats import (
    ALWAYS,
    CLASSES,
    LINEAR,
    NETWORK,
    PARTS,
    Beats,
    Heartbeats,
    Result,
    Study,
    linear_model,
    log_odds,
)
from nst_numpy.training import History
from nst_numpy.training.sequential import Conv, ReLU, Sequential
from tests.figures.seen import line, picture, titled, titles, words

RATE, SECONDS = 20, 70
BROAD = (5, 24, 25)  # of 35 beats, one every two seconds


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    at = np.arange(1, SECONDS, 2) * RATE
    labels = np.isin(np.arange(len(at)), BROAD).astype(int)
    widths = np.where(labels == 1, 150.0, 80.0) + np.arange(len(at)) / 10
    part = np.repeat(list(PARTS), [17, 7, 11])
    x = rng.standard_normal((len(at), 10, 1)).astype(np.float32)
    signal = rng.standard_normal(SECONDS * RATE).astype(np.float32)
    return Heartbeats(signal, RATE, Beats(at, widths), labels, part, x, before=4, dropped=0)


# signal_figure


def test_the_whole_signal_is_drawn_in_rows_of_30_seconds(data):
    figure = signal_figure(data, 120)
    figure.draw_without_rendering()
    strips, below = figure.subfigs
    assert len(strips.axes) == 3  # 70 s
    drawn = [line(axes) for axes in strips.axes]
    assert [x for xs, _ in drawn for x in xs] == pytest.approx(np.arange(SECONDS * RATE) / RATE)
    assert [y for _, ys in drawn for y in ys] == data.millivolt.tolist()
    assert [axes.get_xlim() for axes in strips.axes] == [(0, 30), (30, 60), (60, 90)]
    assert [axes.get_ylabel() for axes in strips.axes] == ["0 s", "30 s", "60 s"]
    assert strips.get_suptitle() == (
        "35 beats: 32 narrow and 3 broad (red dots). White: training, sand: validation, blue: test"
    )
    assert len(below.axes) == 2


def test_every_beat_has_its_mark(data):
    strips = signal_figure(data).subfigs[0]
    marks = {colour: [] for colour in (BLUE, RED)}
    for axes in strips.axes:
        for each in axes.lines[1:]:
            marks[each.get_color()] += np.asarray(each.get_xdata()).tolist()
    assert COLOURS == {"narrow": BLUE, "broad": RED}
    assert marks[RED] == [1 + 2 * i for i in BROAD]
    assert marks[BLUE] == [1 + 2 * i for i in range(35) if i not in BROAD]


def test_the_parts_lie_where_they_are_in_time(data):
    axes = signal_figure(data).subfigs[0].axes[0]
    to_seconds = axes.transData.inverted()
    spans = [patch.get_extents().transformed(to_seconds).intervalx for patch in axes.patches]
    np.testing.assert_allclose(spans, [(0, 35), (35, 49), (49, 70)])  # halves, 0.2, 0.3 of 70 s
    assert list(SHADES) == list(PARTS)


def test_the_close_up_is_where_most_broad_beats_are(data):
    axes = titled(signal_figure(data), "Measured widths in ms")
    # beats 24 and 25 are at 49 and 51 s: from a second before the first, for 8 s
    seconds, volts = line(axes)
    assert (seconds[0], len(seconds)) == (48, 8 * RATE)
    assert volts == data.millivolt[48 * RATE : 56 * RATE].tolist()
    inside = [24, 25, 26, 27]
    assert words(axes) == [f"{data.beats.width[i]:.0f}" for i in inside]
    assert [text.xy[0] for text in axes.texts] == [1 + 2 * i for i in inside]
    assert [text.get_color() for text in axes.texts] == [RED, RED, BLUE, BLUE]


def test_all_widths_are_counted_and_the_limit_is_drawn(data):
    axes = titled(signal_figure(data, 123.5), "Labels: the limit is 123.5 ms")
    narrow, broad = axes.containers
    assert sum(bar.get_height() for bar in narrow) == 32
    assert sum(bar.get_height() for bar in broad) == 3
    edges = [bar.get_x() for bar in broad]
    assert all(b - a == 4 for a, b in pairwise(edges))
    filled = [bar.get_x() for bar in broad if bar.get_height()]
    assert filled == [148, 152]  # 150.5, and 152.4 with 152.5
    assert line(axes)[0] == [123.5, 123.5]
    assert axes.get_yscale() == "log"


# training_figure


@pytest.fixture(scope="module")
def study():
    net = Sequential(linear_model(), (10, 1), np.random.default_rng(1))
    histories = {
        NETWORK: History(loss=[0.7, 0.4, 0.2], validation_loss=[0.8, 0.5, 0.4]),
        LINEAR: History(loss=[0.7, 0.6], validation_loss=[0.7, 0.65]),
    }
    results = {
        name: {"test": Result(np.array(table))}
        for name, table in (
            (NETWORK, [[8, 2], [0, 1]]), (LINEAR, [[5, 5], [1, 0]]), (ALWAYS, [[10, 0], [1, 0]]),
        )
    }  # fmt: skip
    return Study({NETWORK: net, LINEAR: net}, histories, results)


def test_learning_curves(data, study):
    figure = training_figure(data, study)
    figure.draw_without_rendering()
    axes = titled(figure, "Learning curves (in training, classes count the same)")
    assert [line(axes, i) for i in range(4)] == [
        [[1, 2, 3], [0.7, 0.4, 0.2]], [[1, 2, 3], [0.8, 0.5, 0.4]],
        [[1, 2], [0.7, 0.6]], [[1, 2], [0.7, 0.65]],
    ]  # fmt: skip
    assert [each.get_label() for each in axes.lines] == [
        "network, training", "network, validation",
        "linear model, training", "linear model, validation",
    ]  # fmt: skip
    assert [each.get_linestyle() for each in axes.lines] == ["-", "--", "-", "--"]
    assert [each.get_color() for each in axes.lines] == [INK, INK, GREY, GREY]


def test_how_sure_the_network_is_of_each_test_beat(data, study):
    axes = titled(training_figure(data, study), "Test beats: above the line the network says broad")
    odds = log_odds(study.networks[NETWORK], data.x[24:])
    for label in (0, 1):
        chosen = data.labels[24:] == label
        assert line(axes, label) == [
            data.beats.width[24:][chosen].tolist(), odds[chosen].tolist(),
        ]  # fmt: skip
        assert axes.lines[label].get_color() == COLOURS[CLASSES[label]]
    assert line(axes, 2)[1] == [0, 0]


def test_each_model_has_its_table(data, study):
    figure = training_figure(data, study)
    # (8/10 + 1/1)/2, (5/10 + 0)/2 and (1 + 0)/2
    tables = [titled(figure, f"{name}\nbalanced accuracy {value}") for name, value in (
        (NETWORK, "0.900"), (LINEAR, "0.250"), (ALWAYS, "0.500"),
    )]  # fmt: skip
    assert words(tables[0]) == ["8", "2", "0", "1"]
    assert [text.get_position() for text in tables[0].texts] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    np.testing.assert_allclose(picture(tables[0]), [[0.8, 0.2], [0, 1]])
    # white letters on dark cells
    assert [text.get_color() for text in tables[0].texts] == ["white", INK, INK, "white"]
    for axes in tables:
        assert [label.get_text() for label in axes.get_xticklabels()] == list(CLASSES)
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("said", "label")


# filters_figure


def test_filters_are_drawn_one_a_panel():
    w = np.random.default_rng(0).standard_normal((5, 1, 10))
    figure = filters_figure(w, 200)
    figure.draw_without_rendering()
    assert titles(figure) == [*(f"filter {i}" for i in range(10)), *[""] * 6]  # rows of 8
    for number in range(10):
        axes = figure.axes[number]
        assert line(axes, 1) == [[0, 5, 10, 15, 20], w[:, 0, number].tolist()]  # ms: 5 a sample
        assert axes.get_ylim() == pytest.approx((-1.1 * np.abs(w).max(), 1.1 * np.abs(w).max()))
    assert not any(axes.axison for axes in figure.axes[10:])
    assert len(filters_figure(w[..., :3], 200).axes) == 3


# beats_figure


def test_the_beats_that_excite_a_unit_most(data):
    net = Sequential([Conv(3, 4), ReLU()], (10, 1), np.random.default_rng(0))
    top = top_windows(net, data.x, {"conv1": [0, 2], "relu1": [1]}, k=4)
    figure = beats_figure(data.x, data.labels, top, {"conv1": [0, 2], "relu1": [1]})
    figure.draw_without_rendering()
    rows = np.array(figure.axes).reshape(3, 4)
    for row, (layer, channel) in zip(rows, (("conv1", 0), ("conv1", 2), ("relu1", 1)), strict=True):
        best = top.best(layer, channel)
        assert len(best) == 4
        for axes, window in zip(row, best, strict=True):
            wave = data.x[window.item, :, 0]
            assert line(axes) == [list(range(10)), wave.tolist()]
            assert axes.lines[0].get_color() == COLOURS[CLASSES[data.labels[window.item]]]
            [box] = window.box
            [thick] = axes.collections[0].get_segments()
            assert thick.tolist() == [[i, wave[i]] for i in range(box.start, box.stop)]
            assert words(axes)[0] == f"{window.value:.1f}"
            # above the wave, which so does not cross it
            assert axes.texts[0].get_window_extent().y0 >= axes.get_window_extent().y1
        assert words(row[0])[1] == f"{layer}\nunit {channel}"
    assert figure.get_suptitle().startswith("The 4 beats that excite a unit most (narrow blue")
