"""Where a gradient is wrong, as a picture."""

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nst_numpy.figures.style import INK, RED
from nst_numpy.gradcheck.report import ArgumentReport, GradientReport

Array = NDArray[np.float64]

TILES = 6  # maps of an array, down and across, that are drawn
GAP = 1  # cells between them
WIDEST = 60  # entries of a plain vector in a row
SMALLEST = 1e-12  # relative error with the palest colour
EMPTY = "#d5d5d5"


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
    shown = [[_tiles(array, i == 0) for array in _maps(row)] for i, row in enumerate(rows)]
    heights = [min(2.4, max(0.75, 2.6 * maps[0].shape[0] / maps[0].shape[1])) for maps in shown]
    words = _words(report)
    top = 0.25 * (words.count("\n") + 1) + 0.1
    figure = Figure(figsize=(9.0, sum(heights) + 0.75 * len(rows) + top), layout="constrained")
    axes = figure.subplots(len(rows), 3, squeeze=False, height_ratios=heights)
    figure.suptitle(
        words, x=0.01, ha="left", fontsize=10, color=INK if report.ok else RED, linespacing=1.3
    )
    for row, maps, line in zip(rows, shown, axes, strict=True):
        _draw_row(figure, row, maps, line)
    return figure


def _words(report: GradientReport) -> str:
    if report.diagnosis is None:
        return f"{report.name}: right"
    d = report.diagnosis
    where = f" in {d.argument}" if d.argument else ""
    text = (
        f"{report.name}: {d.name}{where}, {d.certainty} ({100 * d.confidence:.0f} %). {d.sentence}"
    )
    return textwrap.fill(text, 118)


def _maps(row: ArgumentReport) -> list[Array]:
    analytic = row.analytic_map
    if analytic is None:
        analytic = np.full(row.shape, np.nan)
    return [np.asarray(a, dtype=np.float64) for a in (analytic, row.numeric_map, row.error_map)]


def _draw_row(figure: Figure, row: ArgumentReport, maps: list[Array], axes: list[Axes]) -> None:
    analytic, numeric, errors = maps
    sizes = np.abs(np.concatenate([analytic[np.isfinite(analytic)], numeric[np.isfinite(numeric)]]))
    top = float(sizes.max(initial=0.0)) or 1.0
    shape = "×".join(map(str, row.shape)) or "a number"
    axes[0].set_ylabel(f"{row.name}\n{shape}", fontsize=10, color=INK)
    for place, array, title in (
        (axes[0], analytic, "analytic"),
        (axes[1], numeric, "numeric"),
    ):
        drawn = _show(place, array, title, "RdBu_r", Normalize(-top, top))
    bar = figure.colorbar(drawn, ax=axes[1], pad=0.02, fraction=0.05)
    bar.ax.tick_params(labelsize=7)
    worst = "nothing was compared" if not row.checked else f"worst {row.worst:.1e}"
    title = f"relative error: {worst}, {row.wrong} of {row.checked} wrong"
    with np.errstate(invalid="ignore"):
        clipped = np.clip(errors, SMALLEST, 1.0)
    drawn = _show(axes[2], clipped, title, "magma_r", LogNorm(SMALLEST, 1.0))
    if row.wrong:
        axes[2].title.set_color(RED)
    bar = figure.colorbar(drawn, ax=axes[2], pad=0.02, fraction=0.05)
    bar.ax.axhline(row.tolerance, color=RED, lw=1.5)
    bar.ax.tick_params(labelsize=7)


def _show(axes: Axes, array: Array, title: str, colours: str, norm: Normalize):  # type: ignore[no-untyped-def]
    axes.set_title(title, fontsize=8, color=INK)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor(EMPTY)
    axes.spines[:].set_visible(False)
    aspect = "auto" if array.shape[0] == 1 else "equal"
    return axes.imshow(array, cmap=colours, norm=norm, interpolation="nearest", aspect=aspect)


def _tiles(array: Array, activation: bool) -> Array:
    """Lay an array of any rank out in two dimensions; NaN between the tiles.

    >>> _tiles(np.ones((2, 3, 4, 5)), activation=True).shape
    (7, 24)
    """
    if array.ndim < 3:
        flat = array.reshape(-1, array.shape[-1] if array.ndim else 1)
        return flat if array.ndim == 2 else flat[:, :WIDEST]
    # (rows of tiles, columns of tiles, height, width)
    if activation:  # (N, *sizes, C): the last two sizes are a tile
        spread = np.moveaxis(array, -1, 0)
        spread = spread.reshape(array.shape[-1], -1, *_last_two(array.shape[1:-1]))
        spread = spread.swapaxes(0, 1)
    else:  # (*kernel, C, F)
        kernel = array.shape[:-2]
        spread = np.moveaxis(array, (-2, -1), (0, 1))
        height, width = _last_two(kernel)
        spread = spread.reshape(array.shape[-2], array.shape[-1], -1, width)
    spread = spread[:TILES, :TILES]
    rows, cols, height, width = spread.shape
    canvas = np.full((rows * (height + GAP) - GAP, cols * (width + GAP) - GAP), np.nan)
    for i, j in np.ndindex(rows, cols):
        top, left = i * (height + GAP), j * (width + GAP)
        canvas[top : top + height, left : left + width] = spread[i, j]
    return canvas


def _last_two(sizes: tuple[int, ...]) -> tuple[int, int]:
    return (1, sizes[0]) if len(sizes) == 1 else (sizes[-2], sizes[-1])
