"""Plain plots: curves over one axis, and maps side by side."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nst_numpy.figures.style import INK, Figure

ACROSS = 4  # maps in a row at most
BESIDE = 6  # more curves than these have their legend beside the axes
SMALL = 8  # points, of letters


def curves_figure(
    *panels: Mapping[str, tuple[Any, ...]],
    ylabel: str | Sequence[str],
    size: tuple[float, float] = (6, 3),
    **settings: Any,
) -> Figure:
    """Draw curves by name; several panels stand below one another and share the x axis.

    Parameters
    ----------
    *panels : dict of str to (x, y) or (x, y, format)
        The curves of a panel. A format is one of matplotlib's, such as ``"r."`` for red dots.
        Where there are two curves and more, there is a legend; one for all panels.
    ylabel : str, or a sequence with one for each panel
    size : (float, float)
        Width and height in inches.
    **settings
        What ``Axes.set`` takes: ``xlabel``, ``yscale="log"``, ``ylim`` …

    Examples
    --------
    >>> x = np.arange(4)
    >>> figure = curves_figure({"x": (x, x), "x²": (x, x**2, "--")}, xlabel="x", ylabel="power")
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['x', 'x²']
    """
    figure = Figure(figsize=size, layout="constrained")
    all_axes = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
    ylabels = [ylabel] * len(panels) if isinstance(ylabel, str) else ylabel
    for axes, curves, label in zip(all_axes, panels, ylabels, strict=True):
        for name, (x, y, *form) in curves.items():
            axes.plot(x, y, *form, label=name, linewidth=1.2, markersize=5)
        axes.set(ylabel=label, **settings)
        axes.label_outer()
        axes.spines[["top", "right"]].set_visible(False)
    lines = {line.get_label(): line for axes in all_axes for line in axes.lines}
    if len(panels) > 1 or len(lines) > BESIDE:
        if max(map(len, panels)) > 1:
            figure.legend(
                list(lines.values()), list(map(str, lines)), loc="outside right upper",
                frameon=False, fontsize=SMALL,
            )  # fmt: skip
    elif len(lines) > 1:
        axes.legend(frameon=False, fontsize=SMALL)
    return figure


def maps_figure(
    maps: Mapping[str, ArrayLike],
    *,
    columns: int = ACROSS,
    cmap: str = "gray",
    highest: float | None = None,
    bars: bool = False,
    **settings: Any,
) -> Figure:
    """Draw arrays as pictures in rows, each under its name, with numbered rows and columns.

    Parameters
    ----------
    maps : dict of str to array, (H, W) or (H, W, 3)
        Of a map, 0 is the lowest colour; or the middle one, if there are numbers below 0.
    columns : int
        So many in a row at most.
    cmap : str
        Matplotlib's name of the colours.
    highest : float, optional
        The number with the highest colour. By default each map's own largest, by size.
    bars : bool
        Whether each map has a bar that says which colour is which number.
    **settings
        What ``Axes.set`` takes. ``xlabel`` is "column" and ``ylabel`` "row", unless given.

    Examples
    --------
    >>> figure = maps_figure({"eye": np.eye(3), "wave": np.sin(np.mgrid[:3, :5][1])})
    >>> [axes.images[0].get_clim()[0] < 0 for axes in figure.axes]
    [False, True]
    """
    across = min(len(maps), columns)
    down = math.ceil(len(maps) / across)
    first = np.shape(next(iter(maps.values())))
    height = min(max(first[0] / first[1], 0.4), 2) * 8 / across + 0.7
    figure = Figure(figsize=(9, down * height), layout="constrained")
    places = figure.subplots(down, across, squeeze=False).ravel()
    for axes in places[len(maps) :]:
        axes.set_axis_off()
    for axes, (name, values) in zip(places, maps.items(), strict=False):
        values = np.asarray(values)
        top = float(np.abs(values).max()) if highest is None else highest
        low = -top if values.min() < 0 else 0
        drawn = axes.imshow(values, cmap=cmap, vmin=low, vmax=top)
        axes.set_title(name, fontsize=10, color=INK)
        axes.set(**{"xlabel": "column", "ylabel": "row"} | settings)
        if bars:
            figure.colorbar(drawn, ax=axes, shrink=0.8)
    return figure
