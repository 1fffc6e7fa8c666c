"""One activation as a picture: what it sees, its window, its kernel, and their product."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import SubFigure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from nst_numpy.common.arrays import Image as ImageArray
from nst_numpy.errors import SettingError
from nst_numpy.figures.style import GREY, INK, Figure
from nst_numpy.look.terms import Trace
from nst_numpy.look.trace import COLOURS, PIXELS

BOX = "#ff2d2d"  # stands out on most photographs
MARK = "#ffe14d"
DIVERGING = "RdBu_r"
FIELD, NAMES = 4.0, 1.25  # inches across: of the pictures on the left, of the names of rows
CELL = 0.42  # inches: room for six characters
MOST = 7  # cells across that have such room; of wider kernels the colours must do


def trace_figure(unit: Trace, image: ImageArray, channels: int = 5) -> Figure:
    """Draw a trace: the receptive field, and the strongest input channels.

    Each row is an input channel, strongest first: its window, its slice of the kernel, and
    their product. A column has one scale of colours around 0; hatched cells are padding.

    Parameters
    ----------
    unit : Trace
    image : uint8 array, (H, W, 3)
        The traced picture.
    channels : int
        How many input channels to draw, at most.
    """
    parts = unit.largest_inputs(channels).channels
    if unit.kind == "pool":
        # its own channel, also where all contributions are 0
        parts = [part for part in unit.largest_inputs(unit.kernel.size).channels
                 if part.channel == unit.channel]  # fmt: skip
    figure, left, right = _panels([unit], len(parts), others=1.4)
    _draw_field(left, [unit], image)
    axes = right.subplots(len(parts), 3, squeeze=False)
    columns = _columns(unit, [part.channel or 0 for part in parts])
    for (title, grids), column in zip(columns.items(), axes.T, strict=True):
        norm = _symmetric(grids)
        for grid, cell in zip(grids, column, strict=True):
            drawn = _draw_grid(cell, grid, unit.inside, norm)
        column[0].set_title(title, fontsize=10)
        bar = right.colorbar(
            drawn, ax=list(column), location="bottom", shrink=0.8, pad=0.02, panchor="C"
        )
        bar.ax.tick_params(labelsize=7)
    for part, cell in zip(parts, axes[:, 0], strict=True):
        name = _input_name(unit, part.channel or 0)
        label = f"{name}\nadds {part.contribution:.4g}\n({100 * part.share:.0f} %)"
        cell.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8, labelpad=6)
    figure.suptitle(_equation(unit), fontsize=11, color=INK)
    return figure


def trace_path_figure(path: Sequence[Trace], image: ImageArray) -> Figure:
    """Draw the way from a unit down to the pixels: a row a layer.

    Each row shows the input channel that the way goes on with; the cell that it goes
    through has a frame. Every row has a scale of colours of its own, around 0.

    Parameters
    ----------
    path : sequence of Trace
        From `look.trace_deep`.
    image : uint8 array, (H, W, 3)
        The traced picture.
    """
    if not path:
        raise SettingError("trace_path_figure: the path is empty: give what trace_deep returned")
    figure, left, right = _panels(path, len(path), others=0.8)
    _draw_field(left, path, image)
    axes = right.subplots(len(path), 3, squeeze=False)
    for unit, row, (channel, at) in zip(path, axes, _steps(path), strict=True):
        for (title, grids), cell in zip(_columns(unit, [channel]).items(), row, strict=True):
            _draw_grid(cell, grids[0], unit.inside, _symmetric(grids))
            if unit is path[0]:
                cell.set_title(title, fontsize=10)
            _frame(cell, *at)
        label = f"{unit.name}\n= {unit.activation:.4g}\nfrom {_input_name(unit, channel)}"
        row[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8, labelpad=6)
    title = f"{path[0].name} = {path[0].activation:.5g}: its largest input, down to the pixels"
    figure.suptitle(title, fontsize=11, color=INK)
    return figure


def _panels(
    units: Sequence[Trace], rows: int, others: float
) -> tuple[Figure, SubFigure, SubFigure]:
    """Make a figure with room for each number of the grids; `others` are inches beside them."""
    cells = max(3, *(size for unit in units for size in unit.inside.shape))
    side = CELL * min(cells, MOST)
    sides = [FIELD, NAMES + 3 * side]
    height = max(4.8, (side + 0.05) * rows + others)
    figure = Figure(figsize=(sum(sides), height), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=sides, squeeze=False)[0]
    return figure, left, right


def _steps(path: Sequence[Trace]) -> list[tuple[int, tuple[int, int]]]:
    """Return for each trace the input channel, and the cell of the window, that come next."""
    steps = [
        (below.channel, (below.row - unit.top, below.col - unit.left))
        for unit, below in pairwise(path)
    ]
    last = path[-1].largest_inputs(1).terms[0]
    end = ((last.row or 0) - path[-1].top, (last.col or 0) - path[-1].left)
    return [*steps, (last.channel or 0, end)]


def _draw_field(panel: SubFigure, path: Sequence[Trace], image: ImageArray) -> None:
    """Draw the boxes on the photograph and, below it, the pixels in the largest one.

    The height that the pictures do not need stays empty below them.
    """
    tall = panel.figure.get_figheight() / FIELD
    box = path[0].box
    sides = [image.shape[0] / image.shape[1], (box.bottom - box.top) / (box.right - box.left)]
    ratios = [*sides, max(0.01, tall - sum(sides) - 0.25)]
    whole, cut, empty = panel.subplots(3, 1, height_ratios=ratios)
    empty.set_axis_off()
    for axes, title in ((whole, "what the unit sees"), (cut, "the same, larger")):
        axes.imshow(image, interpolation="nearest")
        axes.set_title(title, fontsize=10)
        axes.set_xticks([])
        axes.set_yticks([])
        for unit in path:
            b = unit.box
            corner, size = (b.left - 0.5, b.top - 0.5), (b.right - b.left, b.bottom - b.top)
            axes.add_patch(Rectangle(corner, *size, fill=False, ec=BOX, lw=1.4))
    cut.set_xlim(box.left - 0.5, box.right - 0.5)
    cut.set_ylim(box.bottom - 0.5, box.top - 0.5)
    rows, columns = f"{box.top} to {box.bottom - 1}", f"{box.left} to {box.right - 1}"
    cut.set_xlabel(f"rows {rows}, columns {columns}", fontsize=8, color=GREY)


def _columns(unit: Trace, channels: Sequence[int]) -> dict[str, list[NDArray[np.float64]]]:
    """Return the three columns of the figure: title, and one grid (kh, kw) a channel."""
    named = {"input": unit.window, "× weight": unit.kernel, "= contribution": unit.contributions}
    return {title: [values[..., k] for k in channels] for title, values in named.items()}


def _draw_grid(
    axes: Axes, grid: NDArray[np.float64], inside: NDArray[np.bool_], norm: Normalize
) -> AxesImage:
    drawn = axes.imshow(grid, cmap=DIVERGING, norm=norm)
    axes.set_xticks([])
    axes.set_yticks([])
    for (i, j), value in np.ndenumerate(grid):
        if not inside[i, j]:
            corner = (j - 0.5, i - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, hatch="////", ec=GREY, lw=0))
            continue
        if max(grid.shape) > MOST:
            continue
        dark = abs(2 * float(norm(value)) - 1) > 0.6
        color = "white" if dark else INK
        axes.text(j, i, _short(value), ha="center", va="center", fontsize=6.5, color=color)
    return drawn


def _frame(axes: Axes, row: int, col: int) -> None:
    """Mark a cell; two colours, so that one of them stands out on any ground."""
    for color, width in ((INK, 3.4), (MARK, 1.6)):
        corner = (col - 0.5, row - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, ec=color, lw=width, clip_on=False))


def _symmetric(grids: Sequence[NDArray[np.float64]]) -> Normalize:
    largest = max(float(np.abs(grid).max()) for grid in grids) or 1.0
    return Normalize(-largest, largest)


def _short(value: float) -> str:
    """Write a number in few characters.

    >>> [_short(v) for v in (0.0, 1234.5, -56.78, 0.01234, -0.0001)]
    ['0', '1234', '-56.8', '0.012', '0']
    """
    size = abs(value)
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    text = f"{value:.{decimals}f}"
    return text if float(text) != 0 else "0"


def _input_name(unit: Trace, channel: int) -> str:
    if unit.input_layer == PIXELS:
        return COLOURS[channel] if len(COLOURS) > channel else f"pixels {channel}"
    return f"{unit.input_layer}:{channel}"


def _equation(unit: Trace) -> str:
    if unit.kind == "pool":
        return f"{unit.name} = {unit.activation:.5g}"
    products = float(unit.contributions.sum())
    words = "bias + Σ weight × input"
    parts = f"{unit.bias:.4g} {'+' if products >= 0 else '−'} {abs(products):.5g}"
    if unit.kind == "relu":
        words, parts = f"max(0, {words})", f"max(0, {parts})"
    return f"{unit.name} = {words} = {parts} = {unit.activation:.5g}"
