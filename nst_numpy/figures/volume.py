"""A CT volume: who solves the task, the filters, and slices with what the network found."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import SubFigure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array
from nst_numpy.figures.rivals import draw_filters, draw_rivals
from nst_numpy.figures.style import INK, Figure
from nst_numpy.signals.comparison import Comparison
from nst_numpy.signals.examples import CLASSES as DRIFTS

LEFT, MIDDLE, RIGHT = "#3fa7ff", "#e8e8e8", "#ff7a3c"  # stand out on black
COLOURS = LinearSegmentedColormap.from_list("classes", [LEFT, MIDDLE, RIGHT])
BRIGHTEST = 1500  # what is drawn white
SLICES = 3  # levels that are drawn
MARGIN = 6  # voxels around the stent


def volume_figure(
    volume: NDArray[np.integer],
    stent: NDArray[np.bool_],
    answers: Array,
    levels: tuple[int, int],
    comparison: Comparison,
) -> Figure:
    """Draw the rivals, the answers on slices and in a view from the front, and the filters.

    Parameters
    ----------
    volume : ndarray of int, (D, H, W)
    stent : ndarray of bool, (D, H, W)
        Its outline is drawn.
    answers : ndarray, (D, H, W)
        From `signals.stent.paint`.
    levels : (first, last + 1)
        The region that the network has not learnt from.
    comparison : Comparison
    """
    figure = Figure(figsize=(10.0, 11.0), layout="constrained")
    panels = figure.subfigures(3, 1, squeeze=False, height_ratios=[0.85, 1.25, 1.6])
    top, middle, below = panels[:, 0]
    draw_rivals(top.subplots(), comparison)
    _draw_answers(middle, volume, stent, answers, levels, comparison.classes)
    w, _ = comparison.networks["3-D filters"].params["conv1"]
    ways = comparison.classes if comparison.classes == DRIFTS else None
    draw_filters(below, w, ways, "slice")
    below.suptitle("the 16 learned filters of the first layer, five slices each", fontsize=10)
    return figure


def _draw_answers(
    panel: SubFigure,
    volume: NDArray[np.integer],
    stent: NDArray[np.bool_],
    answers: Array,
    levels: tuple[int, int],
    classes: tuple[str, str],
) -> None:
    """Draw slices of the test region, and the brightest voxel of every line from the front."""
    inside = stent[slice(*levels)]
    found = np.flatnonzero(inside.any(axis=(1, 2))) + levels[0]
    shown = np.linspace(found[0] + 4, found[-1] - 4, SLICES).round().astype(int)
    rows, columns = (_around(np.any(inside, axis=axes)) for axes in ((0, 2), (0, 1)))
    depths = slice(max(levels[0], found[0] - MARGIN), min(levels[1], found[-1] + MARGIN))
    wide, tall = columns.stop - columns.start, rows.stop - rows.start
    front = wide * tall / (depths.stop - depths.start)
    axes = panel.subplots(1, SLICES + 1, width_ratios=[wide] * SLICES + [front * 1.0])
    for cell, level in zip(axes, shown, strict=False):
        drawn = _overlay(cell, volume[level, rows, columns], answers[level, rows, columns])
        if stent[level].any():
            cell.contour(stent[level, rows, columns], [0.5], colors="white", linewidths=0.5)
        cell.set_title(f"level {level}", fontsize=8.5)
    block = volume[depths, rows, columns]
    nearest = block.argmax(axis=1)[:, None, :]
    seen = np.take_along_axis(answers[depths, rows, columns], nearest, axis=1)[:, 0]
    drawn = _overlay(axes[-1], block.max(axis=1), seen)
    axes[-1].set_title("brightest, from the front", fontsize=8.5)
    bar = panel.colorbar(drawn, ax=list(axes), location="right", shrink=0.75, ticks=[0, 1])
    bar.ax.set_yticklabels(classes, fontsize=8.5)
    panel.suptitle(
        f"answers on levels {levels[0]} to {levels[1] - 1}, after learning from the others",
        fontsize=10, color=INK,
    )  # fmt: skip


def _around(line: Any) -> slice:
    """Return the stretch where a line is true, and a margin."""
    at = np.flatnonzero(line)
    return slice(max(0, int(at[0]) - MARGIN), min(len(line), int(at[-1]) + MARGIN + 1))


def _overlay(axes: Axes, picture: NDArray[np.integer], answers: Array) -> AxesImage:
    """Draw a slice in grey, and the answers in colour where it is dense: as bright as it is."""
    light = np.clip(picture / BRIGHTEST, 0, 1)
    axes.imshow(light, cmap="gray", vmin=0, vmax=1)
    opaque = np.where(np.isfinite(answers), np.clip(2.2 * light - 0.25, 0, 0.95), 0)
    drawn = axes.imshow(
        np.nan_to_num(answers, nan=0.5), cmap=COLOURS, norm=Normalize(0, 1), alpha=opaque
    )
    axes.set_xticks([])
    axes.set_yticks([])
    return drawn
