"""Heartbeats: the signal, the training, the first filters, and what excites the units."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array
from nst_numpy.figures.style import BLUE, GREY, INK, RED, Figure
from nst_numpy.look import SeenWindow, TopWindows
from nst_numpy.signals.beats import BROAD_ABOVE, CLASSES
from nst_numpy.signals.classifiers import LINEAR, NETWORK, BeatCounts, Study, log_odds
from nst_numpy.signals.heartbeats import PARTS, Heartbeats

COLOURS = dict(zip(CLASSES, (BLUE, RED), strict=True))
SHADES = dict(zip(PARTS, ("#ffffff", "#f3eee2", "#e4ebf2"), strict=True))
ROW_SECONDS, CLOSE_SECONDS = 30, 8
SMALL = 8  # points, of letters


def signal_figure(data: Heartbeats, broad_above: float = BROAD_ABOVE) -> Figure:
    """Draw the whole signal with its beats, labels and parts; a piece of it; all widths.

    Parameters
    ----------
    data : Heartbeats
    broad_above : float
        The limit in ms that made the labels.
    """
    rows = -(-len(data.millivolt) // round(ROW_SECONDS * data.rate))
    figure = Figure(figsize=(12, 0.62 * rows + 3.4), layout="constrained")
    heights = (0.62 * rows + 0.5, 2.9)
    strips, below = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    low, high = np.percentile(data.millivolt, [0.2, 99.8])
    axes = strips.subplots(rows, 1, squeeze=False)[:, 0]
    for row, each in enumerate(axes):
        _strip(each, data, row * ROW_SECONDS, (row + 1) * ROW_SECONDS)
        each.set_ylim(low - 0.1 * (high - low), high + 0.6 * (high - low))
        each.set_yticks([])
        each.set_ylabel(f"{row * ROW_SECONDS} s", rotation=0, ha="right", va="center", fontsize=8)
        each.tick_params(labelbottom=False, length=0)
        each.spines[:].set_visible(False)
    counts = " and ".join(f"{np.sum(data.labels == i)} {name}" for i, name in enumerate(CLASSES))
    strips.suptitle(
        f"{len(data.labels)} beats: {counts} (red dots). "
        "White: training, sand: validation, blue: test",
        fontsize=10, color=INK,
    )  # fmt: skip
    close, widths = below.subplots(1, 2, width_ratios=(1.5, 1))
    _close_up(close, data)
    _widths(widths, data, broad_above)
    return figure


def training_figure(data: Heartbeats, study: Study) -> Figure:
    """Draw how the network learnt, what it and the baselines got right, and what went wrong."""
    figure = Figure(figsize=(12, 6.2), layout="constrained")
    top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.15, 1))[:, 0]
    curve, sure = top.subplots(1, 2)
    _learning_curves(curve, study)
    _sureness(sure, data, study)
    results = study.results
    for axes, (name, parts) in zip(bottom.subplots(1, len(results)), results.items(), strict=True):
        _confusion(axes, name, parts["test"])
    bottom.suptitle("Test part: beats by label and by what the model said", fontsize=10, color=INK)
    return figure


def filters_figure(w: Array, rate: float) -> Figure:
    """Draw the filters of a first layer on a signal.

    Parameters
    ----------
    w : ndarray, (taps, 1, F)
    rate : float
        Samples a second.
    """
    taps, _, count = w.shape
    columns = min(8, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(1.45 * columns, 1.45 * rows + 0.7), layout="constrained")
    time = np.arange(taps) * 1000 / rate
    top = 1.1 * np.abs(w).max()
    all_axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes in all_axes.flat[count:]:
        axes.axis("off")
    for number, axes in zip(range(count), all_axes.flat, strict=False):
        values = w[:, 0, number]
        axes.axhline(0, color=GREY, linewidth=0.6)
        axes.vlines(time, 0, values, color=np.where(values > 0, RED, BLUE), linewidth=2.4)
        axes.plot(time, values, color=INK, linewidth=0.7, marker="o", markersize=3)
        axes.set_ylim(-top, top)
        axes.set_title(f"filter {number}", fontsize=SMALL, color=INK, pad=2)
        _quiet(axes)
    figure.supxlabel("ms", fontsize=SMALL)
    figure.supylabel("weight of a sample", fontsize=SMALL)
    return figure


def beats_figure(
    x: Array, labels: NDArray[np.intp], top: TopWindows, units: Mapping[str, Sequence[int]]
) -> Figure:
    """Draw for some units the beats that excite them most; what a unit sees is thick.

    Parameters
    ----------
    x, labels : ndarrays
        The windows that were ranked, and their labels.
    top : TopWindows
        From `look.top_windows`.
    units : dict of str to channels
        For each layer.
    """
    wanted = [(layer, channel) for layer, channels in units.items() for channel in channels]
    columns = max(len(top.best(*unit)) for unit in wanted)
    figure = Figure(
        figsize=(1.3 * columns + 1, 0.92 * len(wanted) + 0.5), layout="constrained"
    )  # fmt: skip
    figure.suptitle(
        f"The {columns} beats that excite a unit most ({' blue, '.join(CLASSES)} red), "
        "and the piece that it sees",
        fontsize=10, color=INK,
    )  # fmt: skip
    low, high = np.percentile(x, 0.05), x.max()  # below, where an electrode slips, beats leave
    for axes_row, (layer, channel) in zip(
        figure.subplots(len(wanted), columns, squeeze=False), wanted, strict=True
    ):
        for axes in axes_row:
            axes.axis("off")
        for axes, window in zip(axes_row, top.best(layer, channel), strict=False):
            _beat(axes, x[window.item, :, 0], COLOURS[CLASSES[labels[window.item]]], window)
            axes.set_ylim(low, high)
        axes_row[0].text(
            -0.08, 0.5, f"{layer}\nunit {channel}", transform=axes_row[0].transAxes,
            ha="right", va="center", fontsize=SMALL, color=INK,
        )  # fmt: skip
    return figure


def _strip(axes: Axes, data: Heartbeats, start: float, end: float) -> None:
    """Draw a piece of the signal on the shades of its parts, with a mark over each beat."""
    total, edge = len(data.millivolt) / data.rate, 0.0
    for part, share in PARTS.items():
        axes.axvspan(edge * total, (edge + share) * total, color=SHADES[part], linewidth=0)
        edge += share
    span = slice(round(start * data.rate), round(end * data.rate))
    volts = data.millivolt[span]
    axes.plot(start + np.arange(len(volts)) / data.rate, volts, color=INK, linewidth=0.5)
    low, high = np.percentile(data.millivolt, [0.2, 99.8])
    at = data.beats.at
    for label, name in enumerate(CLASSES):
        here = at[(at >= span.start) & (at < span.stop) & (data.labels == label)]
        above = np.full(len(here), high + 0.4 * (high - low))
        mark = "o" if label else "|"
        axes.plot(here / data.rate, above, mark, color=COLOURS[name], markersize=4)
    axes.set_xlim(start, end)


def _close_up(axes: Axes, data: Heartbeats) -> None:
    """Draw the stretch with the most broad beats, each with its width in ms over it."""
    seconds = data.beats.at / data.rate
    broad = seconds[data.labels == 1]
    near = [np.sum((broad >= first) & (broad < first + CLOSE_SECONDS)) for first in broad]
    start = float(broad[int(np.argmax(near))]) - 1
    span = slice(max(0, round(start * data.rate)), round((start + CLOSE_SECONDS) * data.rate))
    volts = data.millivolt[span]
    axes.plot((span.start + np.arange(len(volts))) / data.rate, volts, color=INK, linewidth=0.9)
    inside = (data.beats.at >= span.start) & (data.beats.at < span.stop)
    beats = zip(data.beats.at[inside], data.beats.width[inside], data.labels[inside], strict=True)
    for at, width, label in beats:
        axes.annotate(
            f"{width:.0f}", (at / data.rate, data.millivolt[at]), (0, 5),
            textcoords="offset points", ha="center", fontsize=SMALL, color=COLOURS[CLASSES[label]],
        )  # fmt: skip
    axes.margins(x=0.01, y=0.15)
    axes.set_xlabel("s", fontsize=SMALL)
    axes.set_ylabel("mV", fontsize=SMALL)
    axes.set_title("Measured widths in ms", fontsize=9, color=INK)
    _quiet(axes)


def _widths(axes: Axes, data: Heartbeats, broad_above: float) -> None:
    bins = np.arange(0, data.beats.width.max() + 4, 4)
    for label, name in enumerate(CLASSES):
        widths = data.beats.width[data.labels == label]
        axes.hist(widths, list(bins), color=COLOURS[name], label=name)
    axes.axvline(broad_above, color=INK, linewidth=1, linestyle="--")
    axes.set_yscale("log")
    axes.set_xlabel("width of the spike at a fifth of its height, ms", fontsize=SMALL)
    axes.set_ylabel("beats", fontsize=SMALL)
    axes.set_title(f"Labels: the limit is {broad_above:g} ms", fontsize=9, color=INK)
    axes.legend(fontsize=SMALL, frameon=False)
    _quiet(axes)


def _learning_curves(axes: Axes, study: Study) -> None:
    for name, colour in ((NETWORK, INK), (LINEAR, GREY)):
        history = study.histories[name]
        epochs = np.arange(1, history.epochs + 1)
        axes.plot(epochs, history.loss, color=colour, label=f"{name}, training")
        axes.plot(
            epochs, history.validation_loss, color=colour, linestyle="--",
            label=f"{name}, validation",
        )  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.set_xlabel("epoch", fontsize=SMALL)
    axes.set_ylabel("cross-entropy", fontsize=SMALL)
    axes.set_title(
        "Learning curves (in training, classes count the same)", fontsize=9, color=INK
    )  # fmt: skip
    axes.legend(fontsize=SMALL, frameon=False)
    _quiet(axes)


def _sureness(axes: Axes, data: Heartbeats, study: Study) -> None:
    """Draw how sure the network is of each test beat, against the width that labels it."""
    chosen = data.part == "test"
    odds = log_odds(study.networks[NETWORK], data.x[chosen])
    width, labels = data.beats.width[chosen], data.labels[chosen]
    for label, name in enumerate(CLASSES):
        axes.plot(
            width[labels == label], odds[labels == label], "o", markersize=4, alpha=0.75,
            color=COLOURS[name], label=f"{name} by the rule", markeredgewidth=0,
        )  # fmt: skip
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xlabel("measured width, ms", fontsize=SMALL)
    axes.set_ylabel("network: ln odds of broad", fontsize=SMALL)
    axes.set_title("Test beats: above the line the network says broad", fontsize=9, color=INK)
    axes.legend(fontsize=SMALL, frameon=False)
    _quiet(axes)


def _confusion(axes: Axes, name: str, result: BeatCounts) -> None:
    shares = result.confusion / result.confusion.sum(axis=1, keepdims=True)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), number in np.ndenumerate(result.confusion):
        colour = "white" if shares[row, column] > 0.55 else INK
        axes.text(column, row, str(number), ha="center", va="center", color=colour, fontsize=12)
    axes.set_xticks(range(len(CLASSES)), CLASSES, fontsize=SMALL)
    axes.set_yticks(range(len(CLASSES)), CLASSES, fontsize=SMALL)
    axes.set_xlabel("said", fontsize=SMALL)
    axes.set_ylabel("label", fontsize=SMALL)
    axes.set_title(
        f"{name}\nbalanced accuracy {result.balanced_accuracy:.3f}", fontsize=9, color=INK
    )
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _beat(axes: Axes, wave: Array, colour: str, window: SeenWindow) -> None:
    """Draw a window in light, with what the unit sees thick on a grey band."""
    (seen,) = window.box
    time = np.arange(len(wave))
    axes.axvspan(seen.start, seen.stop - 1, color="#dddddd", linewidth=0)
    axes.plot(time, wave, color=colour, linewidth=0.7, alpha=0.75)
    points = np.stack([time, wave], axis=-1)[seen]
    axes.add_collection(LineCollection([points], colors=colour, linewidths=2.2))
    axes.text(  # above the panel: inside, the wave would cross it
        1.0, 1.0, f"{window.value:.1f}", transform=axes.transAxes, ha="right", va="bottom",
        fontsize=6.5, color=GREY,
    )  # fmt: skip


def _quiet(axes: Axes) -> None:
    axes.tick_params(labelsize=7, colors=INK)
    axes.spines[["top", "right"]].set_visible(False)
