"""Where in the painting a result comes from, as a picture."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import FuncNorm, Normalize
from matplotlib.patches import ConnectionPatch
from matplotlib.text import Annotation
from numpy.typing import NDArray

from nst_numpy.figures.style import INK, RED, Figure
from nst_numpy.look.source import SourceMap

HEIGHT = 3.2  # inches, of the two pictures
ACROSS = 6  # spots that have an arrow
LABEL = {"boxstyle": "circle,pad=0.15", "facecolor": RED, "linewidth": 0}
LETTERS = (0.055, 0.13)  # inches: of a letter of a label, across, and of a label, down
FAINT = 0.4  # of the painting that shines through where a place is not used

Picture = NDArray[np.uint8]
Place = tuple[float, float]  # x and y in pixels


def spots(source: SourceMap, across: int = ACROSS) -> list[tuple[int, int]]:
    """Choose places of the result for arrows, on an even grid: rows and columns of the map.

    >>> flat = np.zeros((4, 8), int)
    >>> spots(SourceMap(flat, flat + 0.5, (1, 1), (9, 9), 0.5), 2)
    [(2, 2), (2, 6)]
    """
    height, width = source.grid
    columns = min(across, width)
    rows = max(1, min(height, round(columns * height / width)))
    down, right = (((np.arange(n) + 0.5) * size / n).astype(int) for n, size in
                   ((rows, height), (columns, width)))  # fmt: skip
    return [(int(row), int(col)) for row in down for col in right if source.known[row, col]]


def heat_image(source: SourceMap, style: Picture) -> Picture:
    """Show the painting where it is used: (n_H, n_W, 3) of the painting's grid, bright is often.

    Parameters
    ----------
    source : SourceMap
    style : ndarray, uint8 (H, W, 3)
        The painting, whatever its size.
    """
    levels = np.log1p(source.uses) / (np.log1p(source.uses.max()) or 1.0)
    colours = matplotlib.colormaps["inferno"](levels)[..., :3]
    size = style.shape[:2]
    # each pixel of the painting has the colour of its place: (H, W)
    rows, cols = ((np.arange(n) * g) // n for n, g in zip(size, source.style_grid, strict=True))
    heat = colours[np.ix_(rows, cols)]
    grey = style.mean(axis=-1, keepdims=True) / 255
    picture: Picture = (255 * ((1 - FAINT) * heat + FAINT * grey)).round().astype(np.uint8)
    return picture


def similarity_image(source: SourceMap) -> Picture:
    """Show the strength of each match, (n_H, n_W, 3): dark is weak; over the range that occurs."""
    low, high = _range(source)
    levels = np.clip((source.similarity - low) / ((high - low) or 1.0), 0, 1)
    image: Picture = matplotlib.colormaps["viridis"](levels, bytes=True)[..., :3]
    return np.ascontiguousarray(image)


def _range(source: SourceMap) -> tuple[float, float]:
    """Return the weakest and strongest match, but for a hundredth at either end."""
    known = source.similarity[source.known]
    low, high = (float(v) for v in np.percentile(known, (1, 99)))
    return low, high


def source_figure(
    source: SourceMap, result: Picture, style: Picture, across: int = ACROSS
) -> Figure:
    """Draw the result and the painting with arrows between them, the places used, the matches.

    Parameters
    ----------
    source : SourceMap
    result, style : ndarray, uint8 (H, W, 3)
        The pictures of the run, whatever their size.
    across : int
        Arrows in a row.
    """
    many = len(source.panels) > 1
    used = f"{100 * source.share:.0f} % of {'them' if many else 'the painting'} is used"
    pictures = {
        "result": result,
        "paintings" if many else "painting": style,
        f"strength of the match: {1 - source.loss:.2f} on average": similarity_image(source),
        f"{used}; bright: often": heat_image(source, style),
    }
    wide = sum(image.shape[1] / image.shape[0] for image in (result, style))
    figure = Figure(figsize=(HEIGHT * wide, 2 * HEIGHT + 1.0), layout="constrained")
    ratios = [image.shape[1] / image.shape[0] for image in (result, style)]
    panels = figure.subplots(2, 2, width_ratios=ratios)
    sizes = (result.shape, style.shape, result.shape, style.shape)
    for axes, (title, image), (height, width, _) in zip(
        panels.ravel(), pictures.items(), sizes, strict=True
    ):
        axes.imshow(image, extent=(0, width, height, 0), interpolation="nearest")
        axes.set_title(title, fontsize=9, color=INK)
        axes.set_axis_off()
    _draw_scales(figure, panels[1], source)
    ends: dict[Place, list[int]] = {}
    for number, place in enumerate(spots(source, across), start=1):
        start, end = _ends(source, place, result.shape, style.shape)
        strength = max(0.0, float(source.similarity[place]))
        arrow = ConnectionPatch(
            start, end, "data", "data", axesA=panels[0, 0], axesB=panels[0, 1],
            arrowstyle="-|>", color=RED, linewidth=0.7, alpha=0.35 + 0.6 * strength,
        )  # fmt: skip
        figure.add_artist(arrow)
        arrow.set_in_layout(False)
        _number(figure, panels[0, 0], start, str(number))
        ends[end] = [*ends.get(end, []), number]
    for end, numbers in _together(ends, style.shape[0] / HEIGHT).items():
        _number(figure, panels[0, 1], end, _words(numbers))
    return figure


def _draw_scales(figure: Figure, panels: Sequence[Axes], source: SourceMap) -> None:
    """Draw the scales of the two maps below them: cosines, and how often a place is used."""
    low, high = _range(source)
    most = int(source.uses.max())
    ticks = sorted({0, 1, most} | ({round(most**0.5)} if most > 8 else set()))
    scales = (
        (Normalize(low, high if high > low else low + 1), "viridis", [low, high], "cosine"),
        (FuncNorm((np.log1p, np.expm1), 0, most), "inferno", ticks, "times used"),
    )
    for axes, (norm, colours, marks, words) in zip(panels, scales, strict=True):
        bar = figure.colorbar(
            ScalarMappable(norm, colours), ax=axes, location="bottom", shrink=0.5, aspect=25,
            pad=0.02,
        )  # fmt: skip
        bar.set_ticks(marks, labels=[f"{mark:.{0 if mark == int(mark) else 2}f}" for mark in marks])
        bar.ax.minorticks_off()
        bar.ax.tick_params(labelsize=7)
        bar.set_label(words, fontsize=8, color=INK)


def _number(figure: Figure, axes: Axes, place: Place, words: str) -> None:
    """Write the number of a spot; it belongs to the figure, so that no arrow crosses it."""
    style = LABEL if len(words) < 3 else LABEL | {"boxstyle": "round,pad=0.2"}
    label = Annotation(
        words, place, xycoords=axes.transData, fontsize=6, color="white", ha="center",
        va="center", bbox=style, zorder=3,
    )  # fmt: skip
    label.set_in_layout(False)
    figure.add_artist(label)


def _together(ends: Mapping[Place, Sequence[int]], inch: float) -> dict[Place, list[int]]:
    """Gather the numbers of ends whose labels would hide each other, at the first of them.

    `inch` is how many pixels of the painting one has.

    >>> _together({(0.0, 0.0): [1, 4], (9.0, 0.0): [2], (1.0, 0.0): [3]}, inch=10)
    {(0.0, 0.0): [1, 3, 4], (9.0, 0.0): [2]}
    """
    found: dict[Place, list[int]] = {}
    for (x, y), numbers in ends.items():
        close = (
            (u, v) for (u, v), others in found.items()
            if abs(v - y) < LETTERS[1] * inch
            and abs(u - x) < (_width(numbers) + _width(others)) / 2 * inch
        )  # fmt: skip
        place = next(close, (x, y))
        found[place] = sorted([*found.get(place, []), *numbers])
    # a label that has grown may hide another one
    return found if len(found) == len(ends) else _together(found, inch)


def _words(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers))


def _width(numbers: Sequence[int]) -> float:
    """Estimate the inches of a label."""
    return LETTERS[0] * (len(_words(numbers)) + 1)


def _ends(
    source: SourceMap, place: tuple[int, int], result: tuple[int, ...], style: tuple[int, ...]
) -> tuple[Place, Place]:
    """Say where an arrow begins and ends, x and y in pixels of the two pictures."""
    there = divmod(int(source.indices[place]), source.style_grid[1])
    (x0, y0), (x1, y1) = (
        ((at[1] + 0.5) * size[1] / grid[1], (at[0] + 0.5) * size[0] / grid[0])
        for at, size, grid in ((place, result, source.grid), (there, style, source.style_grid))
    )
    return (x0, y0), (x1, y1)
