"""The source map of a run with several paintings, or with masks.

Each place of the picture was drawn to a place in each of the paintings that count there. It is
from the one that it is most like. The paintings are laid side by side, on one grid: so the map is
one of one picture, and says in `panels` where each painting lies.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PIL_Image

from nst_numpy.common.arrays import Array, Image
from nst_numpy.common.checks import unwarned
from nst_numpy.errors import SettingError
from nst_numpy.look.source import Panel, SourceMap
from nst_numpy.objective import Objective
from nst_numpy.styles import Matches, NeighbourStyle, SeveralStyles
from nst_numpy.styles.kinds import GRID

COUNTS = 0.5  # of the painting that pulls most at a place: one that pulls less is not its source


class _Seen(NamedTuple):
    """What a place has of one painting: (n_H, n_W) each."""

    similarity: Array
    pull: Array  # how much it counts there


def map_sources(
    objective: Objective,
    matches: Mapping[int, Matches],
    x: Array,
    paintings: Sequence[tuple[int, int]],
) -> SourceMap:
    """Find for each place the painting that it is from, and the place there.

    Parameters
    ----------
    objective : Objective
        With `style_loss="neighbours"` and several paintings or masks; it is drawn to these matches
        from now on.
    matches : mapping of int to Matches
        Of the run's last pass, by the painting's number, from 1.
    x : ndarray, (1, H, W, 3)
        The result, as it is saved.
    paintings : list of (int, int)
        Height and width of each painting as it was given.

    Raises
    ------
    SettingError
        If the objective knows no neighbours in several paintings.
    """
    several = objective.measured_style
    styles = several.styles.values() if isinstance(several, SeveralStyles) else [several]
    if not (
        isinstance(several, SeveralStyles) and all(isinstance(s, NeighbourStyle) for s in styles)
    ):
        raise SettingError("map_sources: this objective has no neighbours in several paintings")
    seen = {number: _see(several, number, matches[number], x) for number in matches}
    pulls = np.stack([each.pull for each in seen.values()])  # (K, n_H, n_W)
    counting = pulls > COUNTS * pulls.max(axis=0)
    counting |= (pulls == pulls.max(axis=0)) & (pulls > 0)
    similar = np.stack([each.similarity for each in seen.values()])
    best = np.where(counting, similar, -np.inf).argmax(axis=0)  # (n_H, n_W)
    known = counting.any(axis=0)
    panels = _lay({number: matches[number].style_grid for number in matches}, paintings)
    width, height = sum(p.columns for p in panels), max(p.rows for p in panels)
    places = [_joint(matches[p.number], p, width) for p in panels]
    indices = np.take_along_axis(np.stack(places), best[None], axis=0)[0]
    similarity = np.take_along_axis(similar, best[None], axis=0)[0]
    return SourceMap(
        np.where(known, indices, 0),
        np.where(known, similarity, 0).astype(similarity.dtype),
        (height, width),
        (height * GRID, width * GRID),
        float(np.mean(1 - similarity[known], dtype=np.float64)),
        panels,
        np.where(known, np.array([p.number for p in panels])[best], 0),
    )


def side_by_side(paintings: Mapping[int, Image], source: SourceMap) -> Image:
    """Lay the paintings of a map on one picture, as its panels say; what is left is white.

    Parameters
    ----------
    paintings : mapping of int to ndarray, uint8 (H, W, 3)
        By their numbers, from 1.
    source : SourceMap
    """
    whole = np.full((*source.painting, 3), 255, np.uint8)
    for panel in source.panels:
        size = panel.columns * GRID, panel.rows * GRID
        picture = PIL_Image.fromarray(paintings[panel.number])
        left = panel.first * GRID
        whole[: size[1], left : left + size[0]] = np.asarray(
            picture.resize(size, PIL_Image.Resampling.LANCZOS)
        )
    return whole


def _see(several: SeveralStyles, number: int, matches: Matches, x: Array) -> _Seen:
    """Measure how much a painting pulls at each place, and how like it the place is."""
    style = several.styles[number]
    assert isinstance(style, NeighbourStyle)
    with unwarned():
        style.draw_to(matches)
        similarity = style.similarity(x)[0]
    counts = np.ones(similarity.shape) if style.counts is None else style.counts
    # J_style of a region is a mean over its places: each has its part of the coefficient
    return _Seen(similarity, style.coefficient * counts / counts.sum())


def _lay(
    grids: Mapping[int, tuple[int, ...]], paintings: Sequence[tuple[int, int]]
) -> tuple[Panel, ...]:
    panels, first = [], 0
    for number, (rows, columns) in grids.items():
        panels.append(Panel(number, first, rows, columns, *paintings[number - 1]))
        first += columns
    return tuple(panels)


def _joint(matches: Matches, panel: Panel, width: int) -> NDArray[np.intp]:
    """Give the places of one painting their numbers among those of all."""
    rows, columns = np.divmod(matches.indices[0], panel.columns)
    joint: NDArray[np.intp] = rows * width + panel.first + columns
    return joint
