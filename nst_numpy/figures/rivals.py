"""How well rivals did, as dots; and what filters of three dimensions look like."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import SubFigure
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from nst_numpy.common.arrays import Array
from nst_numpy.figures.style import BLUE, GREY, INK, RED
from nst_numpy.signals.comparison import Comparison
from nst_numpy.signals.drift import steepness
from nst_numpy.signals.examples import CHANCE


def draw_rivals(axes: Axes, comparison: Comparison, slice_name: str = "slice") -> None:
    """Draw the accuracy of every trial as a dot, a row a rival, and the mean as a line.

    `slice_name` is what the slices of a block are called: those of a movie are frames.
    """
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
    bottom, word, top = len(rivals) - 0.5, -0.45, -0.85
    # the line ends below its word
    axes.axvline(CHANCE, ymax=(bottom - word) / (bottom - top), color=GREY, lw=1, ls="--")
    axes.text(CHANCE, word, "guessing", ha="center", va="bottom", fontsize=8, color=GREY)
    names = [rival.replace("slice", slice_name) for rival in rivals]
    axes.set_yticks(range(len(rivals)), names, fontsize=8.5)
    axes.set_ylim(bottom, top)
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
    are written there. Each filter has scales of its own, which are drawn below.
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
    # room for the scales; Matplotlib 3.8 gives an empty last line none
    axes[-1, 0].set_xlabel("\n\n\n ", fontsize=9)
    every = "by the filter's largest"
    _draw_scale(panel, axes[-1, 0], 0.15, "RdBu_r", f"a {slice_name}: weight, {every}")
    _draw_scale(panel, axes[-1, 0], 0.6, "PuOr_r", f"from above: sum of weights, {every}")
    if ways is not None:
        axes[0, 0].set_title(f"← {ways[0]}", fontsize=8.5, color=RED, loc="left")
        axes[0, -1].set_title(f"{ways[1]} →", fontsize=8.5, color=RED, loc="right")


def _draw_scale(panel: SubFigure, below: Axes, left: float, colours: str, words: str) -> None:
    """Draw a scale of colours below a row of filters, from `left` on, as a part of the panel."""
    inches_above = panel.dpi_scale_trans + ScaledTranslation(0, 0, below.transAxes)  # type: ignore[arg-type]
    place = blended_transform_factory(panel.transSubfigure, inches_above)
    bar = below.inset_axes((left, -0.24, 0.3, 0.09), transform=place)
    bar.set_in_layout(False)  # it is wider than its filter; the row leaves room for it
    panel.colorbar(ScalarMappable(Normalize(-1, 1), colours), cax=bar, orientation="horizontal")
    bar.set_xticks([-1, 0, 1], ["−1", "0", "1"], fontsize=7.5)
    bar.set_xlabel(words, fontsize=8)


def _label(axes: Axes, text: str) -> None:
    axes.set_ylabel(text, rotation=0, ha="right", va="center", fontsize=7.5, labelpad=4)
