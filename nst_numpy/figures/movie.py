"""The direction of motion: some blocks, who sees it, and the filters that do."""

from matplotlib.figure import SubFigure

from nst_numpy.figures.rivals import draw_filters, draw_rivals
from nst_numpy.figures.style import GREY, INK, Figure
from nst_numpy.signals.comparison import Comparison
from nst_numpy.signals.examples import CLASSES, Examples

VERSIONS = ("as it is", "backwards", "mirrored", "both")


def movie_figure(comparison: Comparison, examples: Examples) -> Figure:
    """Draw a block in its four versions, the rivals, and learned space-time filters.

    Parameters
    ----------
    comparison : Comparison
        From `signals.motion.compare_on_movie`.
    examples : Examples
        Its first block is drawn, in its four versions.
    """
    figure = Figure(figsize=(10.0, 8.8), layout="constrained")
    top, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[1, 1.4])[:, 0]
    left, right = top.subfigures(1, 2, squeeze=False, width_ratios=[1, 1.25])[0]
    _draw_blocks(left, examples)
    draw_rivals(right.subplots(), comparison, "frame")
    right.suptitle("who tells the direction", fontsize=10, color=INK)
    w, _ = comparison.networks["3-D filters"].params["conv1"]
    draw_filters(below, w, comparison.classes, "frame")
    below.suptitle(
        f"the {w.shape[-1]} learned filters of the first layer, {w.shape[0]} frames each",
        fontsize=10, color=INK,
    )  # fmt: skip
    return figure


def _draw_blocks(panel: SubFigure, examples: Examples) -> None:
    """Draw one block's four versions: first and last frame, and its middle row through time."""
    axes = panel.subplots(len(VERSIONS), 3, squeeze=False)
    for row, x, name, y in zip(axes, examples.x, VERSIONS, examples.y, strict=False):
        middle = x.shape[1] // 2
        for cell, picture in zip(row, (x[0], x[-1], x[:, middle]), strict=True):
            cell.imshow(picture, cmap="gray", vmin=-2, vmax=2.5)
            cell.set_xticks([])
            cell.set_yticks([])
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8.5)
        row[2].set_ylabel("← time", fontsize=7, color=GREY)  # turned: it points down
        row[2].yaxis.set_label_position("right")
        row[2].set_xlabel(CLASSES[y], fontsize=8.5, labelpad=1)
    for cell, title in zip(axes[0], ("first frame", "last frame", "one row"), strict=True):
        cell.set_title(title, fontsize=8.5)
    panel.suptitle("one block is four examples", fontsize=10, color=INK)
