"""A grid of pictures on one sheet, each under its settings and over its numbers."""

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes

from nst_numpy.figures.style import BLUE, GREY, INK, RED, Figure
from nst_numpy.sweeps.cells import Cell, label
from nst_numpy.sweeps.combinations import Grid

# inches
NARROWEST, WIDEST = 1.9, 3.4  # a picture
MOST = 380.0  # all of them beside one another, or below: no JPEG can be larger
GAP, NUMBERS, LINE, EDGE = 0.1, 0.2, 0.16, 0.12
LEFT = 1.25  # the names of the rows
HEAD = 1.1  # the pictures that all was painted from
LETTER = 0.072  # of 9 points, in the mean
DOTS = 150  # an inch, of `save_figure`
EXPLAINED = (
    "content: 0 is the photograph, 1 a piece of the painting; style: 0 is the painting, 1 the "
    "photograph; score: smaller is better, the best is bold."
)


def sheet_figure(grid: Grid) -> Figure:
    """Draw a contact sheet: every picture of a grid, with the names of rows and columns.

    Parameters
    ----------
    grid : Grid
        From `sweeps.grid`. Cells that failed, were stopped or were not painted say so.

    Returns
    -------
    Figure
        As large as it takes: a picture is 1.9 inches wide or more, however many there are, if a
        JPEG can hold that.
    """
    return _Sheet(grid).draw()


class _Sheet:
    """The places of everything, in inches from the upper left corner."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.columns, self.rows = grid.lines(grid.columns), grid.lines(grid.rows)
        height, width = grid.content.shape[:2]
        pixels = max(cell.settings.size for cell in grid.cells) * width / max(height, width)
        self.width: float = min(
            max(NARROWEST, min(pixels / DOTS, WIDEST)),
            MOST / len(self.columns),
            (MOST / len(self.rows) - NUMBERS) * width / height,
        )
        self.height: float = max(self.width * height / width, 4 * LINE)
        self.left: float = EDGE + LEFT * len(grid.rows)
        named = [self._wrapped(name, line[name]) for line in self.columns for name in grid.columns]
        self.lines = max((text.count("\n") + 1 for text in named), default=0)
        self.top: float = EDGE + HEAD + 1.5 * LINE + self.lines * LINE * len(grid.columns)
        across = self.left + len(self.columns) * (self.width + GAP) + EDGE
        self.across = max(across, 4.2)
        self.explained = textwrap.wrap(EXPLAINED, int(self.across / LETTER * 1.25))
        cells = len(self.rows) * (self.height + NUMBERS + GAP)
        self.down = self.top + cells + len(self.explained) * LINE + 2 * EDGE
        self.figure = Figure(figsize=(self.across, self.down))

    def draw(self) -> Figure:
        """Draw everything."""
        self._draw_sources()
        for number, cell in enumerate(self.grid.cells):
            row, column = divmod(number, len(self.columns))
            self._draw_cell(cell, self._x(column), self._y(row))
        self._draw_names(self.grid.columns, self.columns, self._name_columns)
        self._draw_names(self.grid.rows, self.rows, self._name_rows)
        for i, line in enumerate(reversed(self.explained)):
            self._write(EDGE, self.down - EDGE - i * LINE, line, size=7, color=GREY, va="bottom")
        return self.figure

    def _draw_sources(self) -> None:
        """Draw the photograph and the paintings at the head, under their names."""
        x = EDGE
        images = (self.grid.content, *self.grid.styles)
        for image, name in zip(images, self.grid.names, strict=True):
            height = HEAD - LINE
            width = min(height * image.shape[1] / image.shape[0], self.across / 3)
            text = name if len(name) < 22 else f"{name[:20]}…"
            takes = max(width, len(text) * LETTER)
            if x + takes > self.across - EDGE:
                return  # the others are named in the sheet
            self._picture(x, EDGE + LINE, width, height).imshow(image)
            self._write(x, EDGE, text, va="top")
            x += takes + 2 * GAP

    def _draw_cell(self, cell: Cell, x: float, y: float) -> None:
        """Draw a picture and its numbers; or why there is none."""
        axes = self._picture(x, y, self.width, self.height)
        if cell.image is not None:
            axes.imshow(cell.image, aspect="auto")
        below = y + self.height + 0.04
        is_best = cell is self.grid.best
        if cell.judgement:
            found = cell.judgement
            text = f"content {found.content:.2f}  style {found.style:.2f}  score {found.score:.2f}"
            color, weight = (BLUE, "bold") if is_best else (INK, "normal")
            self._write(x, below, text, size=6.2, color=color, va="top",
                        fontweight=weight)  # fmt: skip
            return
        said = {"stopped": "stopped: the picture so far", "waiting": "not painted"}
        text = cell.error or said.get(cell.state) or "not judged: too small"
        color = RED if cell.error else GREY
        if cell.image is not None:
            self._write(x, below, textwrap.shorten(text, int(self.width / LETTER * 1.3)),
                        size=6.2, color=color, va="top")  # fmt: skip
            return
        axes.set_facecolor("#f1f1f1")
        wrapped = textwrap.wrap(text, int(self.width / LETTER) - 2)[: int(self.height / LINE)]
        axes.text(0.5, 0.5, "\n".join(wrapped), transform=axes.transAxes, ha="center",
                  va="center", fontsize=7, color=color)  # fmt: skip

    def _draw_names(
        self, names: Sequence[str], lines: list[dict[str, Any]],
        draw: Callable[[int, str, int, int], None],
    ) -> None:  # fmt: skip
        """Name the lines in one direction: each value of an axis once for all that share it."""
        for level, name in enumerate(names):
            first = 0
            for i in range(1, len(lines) + 1):
                shared = names[: level + 1]
                if i == len(lines) or any(lines[i][n] != lines[first][n] for n in shared):
                    draw(level, self._wrapped(name, lines[first][name]), first, i - 1)
                    first = i

    def _name_columns(self, level: int, text: str, first: int, last: int) -> None:
        """Write a name over its columns; one over several has a line below."""
        left, right = self._x(first), self._x(last) + self.width
        bottom = self.top - 0.06 - (len(self.grid.columns) - 1 - level) * self.lines * LINE
        self._write((left + right) / 2, bottom, text, ha="center", va="bottom")
        if last > first:
            self._line((left, right), (bottom + 0.01, bottom + 0.01))

    def _name_rows(self, level: int, text: str, first: int, last: int) -> None:
        """Write a name beside its rows, likewise."""
        top, bottom = self._y(first), self._y(last) + self.height
        x = EDGE + (level + 1) * LEFT - 0.1
        self._write(x, (top + bottom) / 2, text, ha="right", va="center")
        if last > first:
            self._line((x + 0.04, x + 0.04), (top, bottom))

    def _wrapped(self, name: str, value: Any) -> str:
        """Name a value, in lines that fit beside a row or over a column."""
        width = LEFT - 0.15 if name in self.grid.rows else self.width
        text = label(name, value).replace("_", " " if name == "style" else "_")
        return "\n".join(textwrap.wrap(text, int(width / LETTER), break_on_hyphens=False)[:6])

    def _x(self, column: int) -> float:
        return self.left + column * (self.width + GAP)

    def _y(self, row: int) -> float:
        return self.top + row * (self.height + NUMBERS + GAP)

    def _picture(self, x: float, y: float, width: float, height: float) -> Axes:
        """Add a place for a picture."""
        place = (x / self.across, 1 - (y + height) / self.down)
        axes = self.figure.add_axes((*place, width / self.across, height / self.down))
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        return axes

    def _write(self, x: float, y: float, text: str, size: float = 9, **more: Any) -> None:
        options: dict[str, Any] = {"color": INK, "fontsize": size} | more
        self.figure.text(x / self.across, 1 - y / self.down, text, **options)

    def _line(self, xs: tuple[float, float], ys: tuple[float, float]) -> None:
        from matplotlib.lines import Line2D

        places = [x / self.across for x in xs], [1 - y / self.down for y in ys]
        self.figure.add_artist(Line2D(*places, color=GREY, linewidth=0.8))
