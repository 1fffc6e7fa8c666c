"""Textures of signals and movies beside their samples."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array
from nst_numpy.figures.style import BLUE, GREY, INK, RED, Figure

FRAMES = 4  # drawn of a movie


def ekg_texture_figure(
    sample: tuple[str, Array],
    strips: Mapping[str, Array],
    beats: Mapping[str, NDArray[np.intp]],
    rate: float,
) -> Figure:
    """Draw strips of EKG below each other, the sample first, with their beats marked.

    Parameters
    ----------
    sample : (title, strip)
        The strip is (1, L, 1).
    strips : mapping of title to strip
        What was made from noise.
    beats : mapping of title to ndarray of int
        Where their beats are, by title.
    rate : float
        Samples a second.
    """
    rows = dict([sample]) | dict(strips)
    figure = Figure(figsize=(10.0, 1.55 * len(rows) + 0.4), layout="constrained")
    axes = figure.subplots(len(rows), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for cell, (title, strip) in zip(axes, rows.items(), strict=True):
        line = strip[0, :, 0]
        seconds = np.arange(len(line)) / rate
        cell.plot(seconds, line, color=INK if title == sample[0] else BLUE, lw=0.8)
        top = float(max(each.max() for each in rows.values()))
        at = beats[title]
        cell.plot(seconds[at], np.full(len(at), 1.15 * top), "|", color=RED, ms=7, mew=1.4)
        cell.set_title(title, fontsize=9, loc="left", color=INK)
        cell.tick_params(labelsize=8)
        cell.margins(x=0)
        cell.spines[["top", "right"]].set_visible(False)
        cell.set_ylabel("mV", fontsize=8)
    axes[-1].set_xlabel("seconds; red: a beat was found", fontsize=8.5)
    return figure


def movie_texture_figure(blocks: Mapping[str, Array]) -> Figure:
    """Draw blocks (1, T, H, W, 1): four frames, and the middle row and column through time.

    Parameters
    ----------
    blocks : mapping of title to block
        0 … 255, the sample first.
    """
    figure = Figure(figsize=(10.0, 1.8 * len(blocks) + 0.2), layout="constrained")
    panels = figure.subfigures(len(blocks), 1, squeeze=False)[:, 0]
    for panel, (title, block) in zip(panels, blocks.items(), strict=True):
        grey = block[0, ..., 0]
        axes = panel.subplots(1, FRAMES + 2, width_ratios=[1] * FRAMES + [1.5, 1.5])
        shown = np.linspace(0, len(grey) - 1, FRAMES).round().astype(int)
        for cell, frame in zip(axes, shown, strict=False):
            _picture(cell, grey[frame], f"frame {frame + 1}")
            cell.set_box_aspect(grey.shape[1] / grey.shape[2])
        _picture(axes[-2], grey[:, grey.shape[1] // 2], "middle row")
        _picture(axes[-1], grey[:, :, grey.shape[2] // 2], "middle column")
        for cell in axes[FRAMES:]:
            cell.set_box_aspect(0.62)
            cell.set_ylabel("← time", fontsize=7.5, color=GREY)
        panel.suptitle(title, fontsize=9, color=INK, x=0.01, ha="left")
    return figure


def _picture(axes: Axes, picture: Array, title: str) -> None:
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, aspect="auto", interpolation="nearest")
    axes.set_xlabel(title, fontsize=7.5, color=GREY)
    axes.set_xticks([])
    axes.set_yticks([])
