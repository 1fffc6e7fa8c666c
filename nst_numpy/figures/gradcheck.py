"""Where a gradient is wrong, as a picture."""

import textwrap
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.image import AxesImage

from nst_numpy.common.arrays import Array64
from nst_numpy.figures.style import INK, RED, Figure
from nst_numpy.gradcheck.report import ArgumentReport, GradientReport

TILES = 6  # maps of an array, down and across, that are drawn
WIDEST = 60  # entries of a plain vector in a row
SMALLEST = 1e-12  # relative error with the palest colour
UNKNOWN = "#d5d5d5"
MAP = 2.3  # inches across
HEIGHTS = (0.6, 3.2)  # inches down, at least and at most: cells of other maps are not square
LINE = 0.22  # inches between two words beside a scale of colours
LETTERS = 112  # of the headline in a line


class Tiled(NamedTuple):
    """An array laid out in two dimensions, and how large the tiles are."""

    array: Array64
    tile: tuple[int, int]


def gradcheck_figure(report: GradientReport) -> Figure:
    """Draw, for each argument, the analytic gradient, the numerical one, and the errors.

    An array of more than two axes is drawn as tiles. Of the first argument they are: items
    (and depth) downward, channels across; of the others, which are kernels, input channels
    downward and output channels across. At most six by six are drawn.

    Parameters
    ----------
    report : GradientReport
    """
    rows = [row for row in report.arguments.values() if row.entries]
    shown = [[_tiled(array, i == 0) for array in _maps(row)] for i, row in enumerate(rows)]
    heights = [_height(maps[0].array) for maps in shown]
    words = _words(report)
    top = 0.2 * (words.count("\n") + 1) + 0.25
    size = (3 * MAP + 2.6, sum(heights) + 0.6 * len(rows) + top)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(rows), 3, squeeze=False, height_ratios=heights)
    colour = INK if report.ok else RED
    figure.suptitle(words, x=0.01, ha="left", fontsize=10, color=colour, linespacing=1.3)
    for row, maps, line in zip(rows, shown, axes, strict=True):
        _draw_row(row, maps, line)
    return figure


def _height(array: Array64) -> float:
    """Return the inches that a map needs."""
    return float(np.clip(_square(array), *HEIGHTS))


def _square(array: Array64) -> float:
    """Return the inches that a map of square cells would need."""
    inches: float = MAP * array.shape[0] / array.shape[1]
    return inches


def _words(report: GradientReport) -> str:
    if report.diagnosis is None:
        return f"{report.name}: right"
    d = report.diagnosis
    where = f" in {d.argument}" if d.argument else ""
    sure = f"{d.certainty} ({100 * d.confidence:.0f} %)"
    return textwrap.fill(f"{report.name}: {d.name}{where}, {sure}. {d.sentence}", LETTERS)


def _maps(row: ArgumentReport) -> list[Array64]:
    analytic = np.full(row.shape, np.nan) if row.analytic_map is None else row.analytic_map
    with np.errstate(invalid="ignore"):
        errors = np.clip(row.error_map, SMALLEST, 1.0)
    return [np.asarray(a, dtype=np.float64) for a in (analytic, row.numeric_map, errors)]


def _draw_row(row: ArgumentReport, maps: list[Tiled], axes: Sequence[Axes]) -> None:
    analytic, numeric, errors = maps
    values = np.abs(np.concatenate([analytic.array.ravel(), numeric.array.ravel()]))
    top = float(values[np.isfinite(values)].max(initial=0.0)) or 1.0
    shape = "×".join(map(str, row.shape)) or "a number"
    axes[0].set_ylabel(f"{row.name}\n{shape}", fontsize=10, color=INK)
    norm = Normalize(-top, top)
    _show(axes[0], analytic, "analytic: what backward says", "RdBu_r", norm)
    _bar(axes[1], _show(axes[1], numeric, "numeric: what forward does", "RdBu_r", norm))
    title = "nothing was compared"
    if row.checked:
        title = f"relative error, at most {row.worst:.1g}: {row.wrong} of {row.checked} wrong"
    drawn = _show(axes[2], errors, title, "magma_r", LogNorm(SMALLEST, 1.0))
    bar = _bar(axes[2], drawn)
    bar.axhline(row.tolerance, color="#00c2ff", lw=2)
    # an end that the limit is too close to has no word
    height = _height(errors.array)
    limit = height * float(np.log(SMALLEST / row.tolerance) / np.log(SMALLEST))  # from below
    ends = {SMALLEST: limit, 1.0: height - limit}
    words = {at: f"{at:.0e}" if at < 1 else "1" for at, gap in ends.items() if gap > LINE}
    marks = dict(sorted((words | {row.tolerance: "passes\nbelow"}).items()))
    bar.set_yticks(list(marks), list(marks.values()))
    if row.wrong:
        axes[2].title.set_color(RED)


def _show(axes: Axes, tiled: Tiled, title: str, colours: str, norm: Normalize) -> AxesImage:
    array, (height, width) = tiled
    axes.set_title(title, fontsize=8, color=INK)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor(UNKNOWN)
    axes.spines[:].set_visible(False)
    for edge in range(height, array.shape[0], height):
        axes.axhline(edge - 0.5, color="white", lw=4)
    for edge in range(width, array.shape[1], width):
        axes.axvline(edge - 0.5, color="white", lw=4)
    square = array.shape[0] > 1 and HEIGHTS[0] <= _square(array) <= HEIGHTS[1]
    aspect: Literal["auto", "equal"] = "equal" if square else "auto"
    return axes.imshow(array, cmap=colours, norm=norm, interpolation="nearest", aspect=aspect)


def _bar(axes: Axes, drawn: AxesImage) -> Axes:
    """Draw the scale of colours beside a map, as high as the map."""
    bar: Axes = axes.inset_axes((1.03, 0, 0.045, 1))
    figure = axes.figure
    figure.colorbar(drawn, cax=bar)
    bar.tick_params(labelsize=7)
    return bar


def _tiled(array: Array64, activation: bool) -> Tiled:
    """Lay an array of any rank out in two dimensions.

    >>> _tiled(np.ones((2, 3, 4, 5)), activation=True).array.shape
    (6, 20)
    """
    if array.ndim < 3:
        flat = array if array.ndim == 2 else array.reshape(1, -1)[:, :WIDEST]
        return Tiled(flat, (flat.shape[0], flat.shape[1]))
    if activation:
        # (N, *sizes, C) -> (N, *sizes before the last two, C, h, w)
        moved = np.moveaxis(array, -1, -3 if array.ndim > 3 else -2)
        width = array.shape[-2]
        height = array.shape[-3] if array.ndim > 3 else 1
    else:
        # (*kernel, C, F) -> (C, F, kernel's rows, columns)
        moved = np.moveaxis(array, (-2, -1), (0, 1))
        width = array.shape[-3]
        height = max(int(np.prod(array.shape[:-3])), 1)
    across = array.shape[-1]
    tiles = moved.reshape(-1, across, height, width)[:TILES, :TILES]
    down, across = tiles.shape[:2]
    # (down, across, h, w) -> (down, h, across, w) -> (down*h, across*w)
    whole = tiles.swapaxes(1, 2).reshape(down * height, across * width)
    return Tiled(whole, (height, width))
