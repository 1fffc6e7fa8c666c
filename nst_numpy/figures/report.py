"""The pictures of a run's report: curves of the losses, and Gram matrices."""

from collections.abc import Mapping, Sequence
from itertools import cycle, groupby
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array
from nst_numpy.figures.style import GREY, INK, Figure

# After Okabe and Ito: told apart by colour-blind readers, on white and on black.
COLOURS = ("#d55e00", "#0072b2", "#56a8d6", "#009e73", "#d49a00", "#cc79a7", "#8a8a8a")
DASHES = ("", "6 2", "2 2", "8 2 2 2", "4 1", "1 1", "10 3")
POINTS = 300  # of a curve; more cannot be told apart


def term_styles(terms: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Choose a colour and an SVG dash pattern for each term; from the eighth on in other pairs.

    >>> term_styles(["content/relu4_2", "tv"])
    {'content/relu4_2': ('#d55e00', ''), 'tv': ('#0072b2', '6 2')}
    """
    pairs = [
        (colour, DASHES[(i + shift) % len(DASHES)])
        for shift in range(len(DASHES))
        for i, colour in enumerate(COLOURS)
    ]
    return dict(zip(terms, cycle(pairs), strict=False))


def loss_figure(
    history: Sequence[Mapping[str, Any]], links: Mapping[str, str] | None = None
) -> Figure:
    """Draw J and each of its terms over the iterations, on a logarithmic axis.

    Parameters
    ----------
    history : sequence of mapping
        `Result.history`, at least one entry.
    links : mapping of str to str, optional
        Where the curve of a term leads, and that of "J": an address, in SVG.
    """
    figure = Figure(figsize=(5.2, 3.4), layout="constrained")
    axes = figure.subplots()
    styles = term_styles(list(history[-1]["terms"]))
    for part in _by_size(history):
        rows = _thinned(part)
        iterations = [row["iteration"] for row in rows]
        marker = "o" if len(rows) == 1 else None
        for term, (colour, dash) in styles.items():
            values = _positive([row["terms"].get(term, 0.0) for row in rows])
            style = (0, tuple(map(float, dash.split()))) if dash else "-"
            url = (links or {}).get(term)
            axes.plot(iterations, values, color=colour, ls=style, lw=1.6, marker=marker, url=url)
        losses = _positive([row["loss"] for row in rows])
        url = (links or {}).get("J")
        axes.plot(iterations, losses, color=INK, lw=2.4, marker=marker, url=url)
        if part[0] is not history[0]:
            _mark_size(axes, part[0])
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("iteration", color=INK, fontsize=11)
    axes.set_ylabel("loss, logarithmic", color=INK, fontsize=11)
    axes.tick_params(labelsize=10, colors=INK, which="both")
    axes.grid(color=GREY, alpha=0.25, lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    return figure


def gram_images(grams: Sequence[Array], order: NDArray[np.intp]) -> list[NDArray[np.uint8]]:
    """Colour Gram matrices on one logarithmic scale: dark is weak, bright strong.

    Parameters
    ----------
    grams : sequence of ndarray, (C, C)
    order : ndarray of int, (K,)
        The channels to show, and in which order.

    Returns
    -------
    list of ndarray, uint8 (K, K, 3)
        The scale leaves out the darkest and brightest hundredth of all entries.
    """
    # (G, C, C) -> (G, K, K)
    shown = np.stack(grams)[:, order[:, None], order[None, :]].astype(np.float64)
    least = shown[shown > 0].min(initial=1.0)
    levels = np.log(np.maximum(shown, least))
    low, high = np.percentile(levels, (1, 99))
    scaled = np.clip((levels - low) / (high - low or 1.0), 0, 1)
    # (G, K, K) -> (G, K, K, 4) -> (G, K, K, 3)
    rgba = matplotlib.colormaps["magma"](scaled, bytes=True)
    return list(np.ascontiguousarray(rgba[..., :3]))


def _thinned(history: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Keep `POINTS` entries at most: spread evenly, the first and the last among them."""
    if len(history) <= POINTS:
        return list(history)
    places = np.linspace(0, len(history) - 1, POINTS).round().astype(int)
    return [history[i] for i in places]


def _positive(values: Sequence[float]) -> Array:
    """Leave a gap where a logarithm does not exist."""
    array = np.asarray(values, dtype=np.float64)
    return np.where(array > 0, array, np.nan)


def _by_size(history: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Cut the history where the run went on at a larger size: J is another function there."""
    return [list(part) for _, part in groupby(history, lambda row: (row["height"], row["width"]))]


def _mark_size(axes: Axes, first: Mapping[str, Any]) -> None:
    """Draw a line before the first iteration at a new size, which stands above the curves."""
    place = first["iteration"] - 0.5
    axes.axvline(place, color=GREY, lw=1)
    axes.annotate(
        f"{first['width']}×{first['height']}", (place, 1), xycoords=("data", "axes fraction"),
        xytext=(0, 2), textcoords="offset points", va="bottom", fontsize=9, color=INK,
    )  # fmt: skip
