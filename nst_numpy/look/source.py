"""The source map: which place of the painting each place of a result comes from.

A run with `style_loss="neighbours"` draws every place of the picture to one place of the
painting. Other style losses know of no places, and leave no map.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.array_files import Declared, read_npz
from nst_numpy.common.arrays import Array, Array64, Integers
from nst_numpy.common.checks import unwarned
from nst_numpy.errors import NstError, SettingError, ShapeError
from nst_numpy.files import PathLike, atomic_write
from nst_numpy.objective import Objective
from nst_numpy.styles import Matches, NeighbourStyle

_FIELDS = {"indices": 2, "similarity": 2, "style_grid": 1, "painting": 1, "loss": 0}  # their axes
_OF_SEVERAL = {"panels": 2, "numbers": 2}


class Panel(NamedTuple):
    """Where one of several paintings lies, among the places of all.

    Attributes
    ----------
    number : int
        Of the painting, from 1.
    first : int
        Its first column of places; it begins in the first row.
    rows, columns : int
        Its places, down and across.
    height, width : int
        In pixels, as it was given.
    """

    number: int
    first: int
    rows: int
    columns: int
    height: int
    width: int


@dataclass(frozen=True)
class SourceMap:
    """Where in the painting each place of a result comes from.

    A place of the result is about 4×4 of its pixels; `grid` says how many there are.

    Parameters
    ----------
    indices : ndarray of int, (n_H, n_W)
        The place of the painting, counted row by row.
    similarity : ndarray, (n_H, n_W)
        Strength of the match: the cosine of the result's hypercolumn to that of its place, 1 at
        most.
    style_grid : (int, int)
        How many places the painting has, down and across.
    painting : (int, int)
        Height and width of the painting in pixels, as it was given.
    loss : float
        Mean of 1 − similarity, equation (30): J_style of the result without its coefficient.
    panels : tuple of Panel
        Of several paintings, which lie side by side: where each is. `painting` is then the size of
        all together. See `look.sources`.
    numbers : ndarray of int, (n_H, n_W), optional
        With panels: which painting each place is from, counted from 1; 0 where none counts.

    Raises
    ------
    ShapeError
        If these do not fit one another.

    Examples
    --------
    >>> source = SourceMap(np.array([[5, 0]]), np.array([[0.5, 1.0]]), (2, 3), (40, 60), 0.25)
    >>> source.rows, source.cols, round(source.share, 3)
    (array([[30, 10]]), array([[50, 10]]), 0.333)
    """

    indices: Integers
    similarity: Array
    style_grid: tuple[int, int]
    painting: tuple[int, int]
    loss: float
    panels: tuple[Panel, ...] = ()
    numbers: Integers | None = None

    def __post_init__(self) -> None:
        """Refuse what is no map."""
        places = self.style_grid[0] * self.style_grid[1]
        fits = self.indices.ndim == 2 and self.indices.shape == self.similarity.shape
        if not (fits and self.indices.size and min(*self.painting, *self.style_grid) > 0):
            raise ShapeError(
                f"SourceMap: indices {self.indices.shape} and similarity {self.similarity.shape} "
                f"must be of one shape (n_H, n_W), and the painting {self.painting} have places"
            )
        if self.indices.min() < 0 or self.indices.max() >= places:
            raise ShapeError(f"SourceMap: a place is not one of the painting's {places}")
        self._check_panels()
        if not (np.isfinite(self.similarity).all() and np.isfinite(self.loss)):
            raise ShapeError("SourceMap: similarity and loss must be finite")

    def _check_panels(self) -> None:
        """Refuse paintings that do not lie on the grid, and numbers of others."""
        if not self.panels and self.numbers is None:
            return
        rows, columns = self.style_grid
        inside = all(
            min(p) >= 0 and 0 < p.rows <= rows and 0 < p.columns <= columns - p.first
            and min(p.height, p.width) > 0 for p in self.panels
        )  # fmt: skip
        known = {0, *(p.number for p in self.panels)}
        numbers = np.full(1, -1) if self.numbers is None else self.numbers
        fits = numbers.shape == self.indices.shape and known.issuperset(np.unique(numbers).tolist())
        if not (self.panels and inside and fits):
            raise ShapeError("SourceMap: the panels of several paintings do not fit the map")

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Which places are from a painting, (n_H, n_W): all, unless masks leave some out."""
        if self.numbers is None:
            return np.ones(self.indices.shape, bool)
        known: NDArray[np.bool_] = self.numbers > 0
        return known

    @property
    def grid(self) -> tuple[int, int]:
        """How many places the result has, down and across."""
        height, width = self.indices.shape
        return height, width

    @cached_property
    def rows(self) -> Integers:
        """Row of the painting's pixel in the middle of each place: (n_H, n_W)."""
        return self._pixels(0)

    @cached_property
    def cols(self) -> Integers:
        """Its column; so `painting[source.rows, source.cols]` is a picture (n_H, n_W, 3)."""
        return self._pixels(1)

    @cached_property
    def uses(self) -> Integers:
        """How many places of the result come from each place of the painting: (*style_grid)."""
        counts = np.bincount(
            self.indices[self.known], minlength=self.style_grid[0] * self.style_grid[1]
        )
        return counts.reshape(self.style_grid)

    @property
    def share(self) -> float:
        """Part of the painting's places that is used, 0 to 1."""
        places = sum(panel.rows * panel.columns for panel in self.panels) or self.uses.size
        return float(np.count_nonzero(self.uses) / places)

    def most_used(self, count: int = 5) -> list[tuple[int, int, int]]:
        """List the most used places: row and column in the painting's pixels, and how often."""
        order = np.argsort(-self.uses, axis=None, kind="stable")[:count]
        places = zip(*np.unravel_index(order, self.style_grid), strict=True)
        return [
            (self._middle(0, row), self._middle(1, col), int(self.uses[row, col]))
            for row, col in places
            if self.uses[row, col]
        ]

    def origin(self, row: int, col: int) -> tuple[int, int, int]:
        """Return which painting a place is from, 0 for none, and the pixel there: row, column.

        >>> SourceMap(np.array([[4]]), np.array([[0.5]]), (2, 3), (40, 60), 0.5).origin(0, 0)
        (1, 30, 30)
        """
        if not self.known[row, col]:
            return 0, 0, 0
        return self._pixel(*divmod(int(self.indices[row, col]), self.style_grid[1]))

    def most_used_of_each(self, count: int = 5) -> list[tuple[int, int, int, int]]:
        """List the most used places: which painting, row and column there, and how often."""
        order = np.argsort(-self.uses, axis=None, kind="stable")[:count]
        places = zip(*np.unravel_index(order, self.style_grid), strict=True)
        return [
            (*self._pixel(int(row), int(col)), int(self.uses[row, col]))
            for row, col in places
            if self.uses[row, col]
        ]

    def _pixel(self, row: int, col: int) -> tuple[int, int, int]:
        """Return the painting of a place of its grid, and the pixel in its middle."""
        for number, first, rows, columns, height, width in self.panels:
            if first <= col < first + columns:
                y, x = (row + 0.5) * height / rows, (col - first + 0.5) * width / columns
                return number, int(y), int(x)
        return 1, self._middle(0, row), self._middle(1, col)

    @property
    def matches(self) -> Matches:
        """The same as `NeighbourStyle.draw_to` takes it."""
        return Matches(self.indices[None], self.style_grid)

    def _pixels(self, axis: int) -> Integers:
        place = np.unravel_index(self.indices, self.style_grid)[axis]
        middles = np.array([self._middle(axis, i) for i in range(self.style_grid[axis])])
        pixels: Integers = middles[place]
        return pixels

    def _middle(self, axis: int, place: int) -> int:
        return int((place + 0.5) * self.painting[axis] / self.style_grid[axis])


def map_source(
    objective: Objective, matches: Matches, x: Array, painting: tuple[int, int]
) -> SourceMap:
    """Measure how well a result fits the places that it was drawn to.

    Parameters
    ----------
    objective : Objective
        With `style_loss="neighbours"`; it is drawn to these matches from now on.
    matches : Matches
        Of the run's last pass.
    x : ndarray, (1, H, W, 3)
        The result, as it is saved.
    painting : (int, int)
        Height and width of the painting as it was given.

    Raises
    ------
    SettingError
        If the objective knows no neighbours.
    """
    style = objective.measured_style
    if not isinstance(style, NeighbourStyle):
        raise SettingError(
            'map_source: this objective has no neighbours: make it with style_loss="neighbours"'
        )
    with unwarned():
        style.draw_to(matches)
        similarity = style.similarity(x)[0]
    rows, cols = matches.style_grid
    loss = float(np.mean(1 - similarity, dtype=np.float64))
    return SourceMap(matches.indices[0], similarity, (rows, cols), painting, loss)


def save_source(path: PathLike, source: SourceMap) -> None:
    """Write a source map as .npz, completely or not at all; OutputError where that fails."""
    names = [*_FIELDS, *(_OF_SEVERAL if source.panels else ())]
    arrays = {name: np.asarray(getattr(source, name)) for name in names}
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def load_source(path: Path) -> SourceMap:
    """Read a source map that `save_source` has written.

    Raises
    ------
    SettingError
        If the file is damaged, or is something else.
    """
    try:
        found = read_npz(path, _chosen)
        return SourceMap(
            found["indices"].astype(np.intp, casting="same_kind"),
            found["similarity"],
            _pair(found["style_grid"]),
            _pair(found["painting"]),
            float(found["loss"]),
            *_of_several(found),
        )
    except (NstError, ValueError, TypeError) as error:
        raise SettingError(
            f"{path} is not a source map ({error}): write it again by nst transfer --save-run"
        ) from error


def _chosen(declared: Mapping[str, Declared]) -> list[str]:
    """Name the arrays of a map; refuse a file that has not these, as numbers."""
    several = _OF_SEVERAL if any(name in declared for name in _OF_SEVERAL) else {}
    for name, axes in (_FIELDS | several).items():
        kinds = "f" if name in ("similarity", "loss") else "iu"
        if name not in declared:
            raise ValueError(f"it has no {name}")
        if len(declared[name].shape) != axes or declared[name].dtype.kind not in kinds:
            raise ValueError(f"its {name} is of another kind")
    return [*_FIELDS, *several]


def _of_several(found: Mapping[str, Any]) -> tuple[Any, ...]:
    """Read where several paintings lie, if there are some."""
    if "panels" not in found:
        return ()
    panels = tuple(Panel(*(int(v) for v in row)) for row in found["panels"])
    return panels, found["numbers"].astype(np.intp, casting="same_kind")


def _pair(values: Array64) -> tuple[int, int]:
    first, second = (int(v) for v in values)
    return first, second
