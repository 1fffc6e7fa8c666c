"""How well rivals did, as dots; and what filters of three dimensions look like."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from nst_numpy.common.arrays import Array
from nst_numpy.figures.style import BLUE, GREY, INK, RED
from nst_numpy.signals.comparison import Comparison
from nst_numpy.signals.drift import steepness
from nst_numpy.signals.examples import CHANCE


def draw_rivals(axes: Axes, comparison: Comparison) -> None:
    """Draw the accuracy of every trial as a dot, a row a rival, and the mean as a line."""
    rivals = comparison.rivals()
    for row, rival in enumerate(rivals):
        values = comparison.accuracies(rival)
        color = BLUE if rival.startswith("3-D") else INK
        # dots of one row beside each other, where they would hide one another
        offsets = np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else [0.0]
        axes.plot(values, row + np.asarray(offsets), "o", color=color, ms=4.5, alpha=0.75)
        mean = float(np.mean(values))
        axes.plot([mean, mean], [row - 0.32, row + 0.32], color=color, lw=1.6)
        axes.text(1.03, row, f"{100 * mean:.1f} %", va="center", fontsize=8.5, color=color)
    axes.axvline(CHANCE, color=GREY, lw=1, ls="--")
    axes.text(CHANCE, -0.62, "guessing", ha="center", fontsize=7.5, color=GREY)
    axes.set_yticks(range(len(rivals)), rivals, fontsize=8.5)
    axes.set_ylim(len(rivals) - 0.5, -0.85)
    axes.set_xlim(0.38, 1.02)
    axes.set_xticks([0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    axes.tick_params(labelsize=8, length=2)
    axes.set_xlabel("accuracy on the other region", fontsize=8.5)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def draw_filters(panel: SubFigure, w: Array, ways: Sequence[str] | None, slice_name: str) -> None:
    """Draw filters (D, h, w, 1, F): a column each, its slices from top to bottom.

    Below them is the filter seen from above: the sum over rows, slices downwards, columns
    to the right. What answers to a drift is slanted there. Filters go from the one that is
    slanted most to the left to the one slanted most to the right; `ways` are the names that
    are written there.
    """
    kernels = np.moveaxis(w[..., 0, :], -1, 0)
    order = np.argsort(steepness(kernels))
    depth = kernels.shape[1]
    axes = panel.subplots(
        depth + 1, len(kernels), squeeze=False, height_ratios=[1] * depth + [1.15],
        gridspec_kw={"wspace": 0.12, "hspace": 0.12},
    )  # fmt: skip
    for column, kernel in zip(axes.T, kernels[order], strict=True):
        most = float(np.abs(kernel).max()) or 1.0
        above = kernel.sum(axis=1)
        sums = float(np.abs(above).max()) or 1.0
        for cell, square in zip(column, kernel, strict=False):
            cell.imshow(square, cmap="RdBu_r", vmin=-most, vmax=most)
        column[-1].imshow(above, cmap="PuOr_r", vmin=-sums, vmax=sums)
    for cell in axes.flat:
        cell.set_xticks([])
        cell.set_yticks([])
        for spine in cell.spines.values():
            spine.set_linewidth(0.4)
    for i in range(depth):
        _label(axes[i, 0], f"{slice_name} {i + 1}")
    _label(axes[-1, 0], "from above")
    if ways is not None:
        axes[0, 0].set_title(f"← {ways[0]}", fontsize=8.5, color=RED, loc="left")
        axes[0, -1].set_title(f"{ways[1]} →", fontsize=8.5, color=RED, loc="right")


def _label(axes: Axes, text: str) -> None:
    axes.set_ylabel(text, rotation=0, ha="right", va="center", fontsize=7.5, labelpad=4)
