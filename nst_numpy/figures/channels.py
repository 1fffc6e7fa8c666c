"""Which channels fire together, as a picture."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm, Normalize, SymLogNorm
from matplotlib.figure import SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array
from nst_numpy.common.arrays import Image as ImageArray
from nst_numpy.common.text import rounded
from nst_numpy.figures.style import GREY, INK, Figure
from nst_numpy.look.channels import (
    GramDifference,
    GramReport,
    Pair,
    PairLoss,
    fires_together,
    similar_order,
)
from nst_numpy.receptive_field import ReceptiveField

Patches = Mapping[int, ImageArray]

SCALE = 0.6  # inches that the scale of the maps takes
BACKGROUND = 0.5  # how much of the picture is left under a map
DEEPEST = 0.8  # of the scale -1 … 1 of colours: a value that has the last one
DECADES = 1e4  # of a logarithmic scale of colours: what is smaller is drawn as the smallest


def gram_figure(
    image: ImageArray,
    a: Array,
    field: ReceptiveField,
    report: GramReport,
    groups: Mapping[str, Sequence[Pair]],
    patches: Patches | None = None,
) -> Figure:
    """Draw a Gram matrix, and pairs of channels with the places where they fire together.

    In both matrices the channels are ordered by `look.similar_order`.

    Parameters
    ----------
    image : uint8 array, (H, W, 3)
    a : ndarray, (1, H', W', C)
        The layer's activation for that picture.
    field : ReceptiveField
        Of the layer.
    report : GramReport
        Of `a`.
    groups : mapping of str to sequence of Pair
        Under a heading each: the pairs to draw.
    patches : mapping of int to uint8 array, optional
        For each channel its nine patches as one picture (`figures.unit_image`).
    """
    rows = max(len(pairs) for pairs in groups.values())
    heights = [3.4, 1.45 * rows, SCALE]
    figure = Figure(figsize=(11.0 if patches else 7.0, sum(heights)), layout=_layout())
    top, below, scale = figure.subfigures(3, 1, height_ratios=heights, squeeze=False)[:, 0]
    picture, gram, correlation = top.subplots(1, 3)
    _draw_picture(picture, image, "the picture")
    order = similar_order(report)
    _draw_matrix(gram, report.gram, order, "G, logarithmic", _logarithmic(report.gram))
    norm = Normalize(-1, 1)
    _draw_matrix(correlation, report.correlation, order, "correlation", norm)
    blocks = below.subfigures(1, len(groups), squeeze=False)[0]
    for block, (heading, pairs) in zip(blocks, groups.items(), strict=True):
        block.suptitle(heading, fontsize=10, color=INK)
        axes = block.subplots(rows, 1 if patches is None else 3, squeeze=False)
        _hide(axes)
        for pair, row in zip(pairs, axes, strict=False):
            chance = f"{rounded(pair.ratio)} × chance\n" if np.isfinite(pair.ratio) else ""
            label = f"{pair.first} and {pair.second}\n{chance}correlation {pair.correlation:.2f}"
            _draw_patches(row, pair, patches)
            _draw_map(row[-1], image, fires_together(a, pair.first, pair.second), field)
            _label(row[0], label)
        axes[0, -1].set_title("where both fire", fontsize=8, pad=3)
    _draw_scale(scale, bool(a.min() < 0), "where both fire: product, by the largest in the map")
    return figure


def gram_difference_figure(
    images: Sequence[tuple[str, ImageArray]],
    activations: Sequence[Array],
    field: ReceptiveField,
    difference: GramDifference,
    pairs: Sequence[PairLoss],
    patches: Patches | None = None,
) -> Figure:
    """Draw what each pair of channels adds to the style loss between two pictures.

    Both maps of a pair have one scale, so that they can be compared.

    Parameters
    ----------
    images : two pairs of str and uint8 array, (H, W, 3)
        Name and pixels of the picture, then of the other.
    activations : two ndarrays, (1, H', W', C)
    field : ReceptiveField
    difference : GramDifference
    pairs : sequence of PairLoss
    patches : mapping of int to uint8 array, optional
        As in `gram_figure`.
    """
    heights = [3.2, 1.5 * len(pairs), SCALE]
    figure = Figure(figsize=(9.0, sum(heights)), layout=_layout())
    top, below, scale = figure.subfigures(3, 1, height_ratios=heights, squeeze=False)[:, 0]
    first, second, matrix = top.subplots(1, 3)
    for axes, (name, image) in zip((first, second), images, strict=True):
        _draw_picture(axes, image, name)
    _draw_matrix(
        matrix, difference.parts, _by_diagonal(difference), "parts of the loss, logarithmic",
        _logarithmic(difference.parts),
    )  # fmt: skip
    matrix.set_xlabel("channels, by their own part", fontsize=8, color=GREY)
    axes = below.subplots(len(pairs), 2 if patches is None else 4, squeeze=False)
    _hide(axes)
    for pair, row in zip(pairs, axes, strict=True):
        _draw_patches(row, pair, patches)
        maps = [fires_together(a, pair.first, pair.second) for a in activations]
        largest = max(float(np.abs(m).max()) for m in maps)
        for cell, (name, image), product in zip(row[-2:], images, maps, strict=True):
            _draw_map(cell, image, product, field, largest)
            if pair is pairs[0]:
                cell.set_title(f"in {name}", fontsize=8)
        more = pair.gram / pair.target if pair.target else float("nan")
        factor = f"\nG here {rounded(more, 2)} × there" if np.isfinite(more) else ""
        _label(row[0], f"{_pair_name(pair)}\n{rounded(100 * pair.share, 2)} % of the loss{factor}")
    signed = any(a.min() < 0 for a in activations)
    _draw_scale(scale, signed, "where both fire: product, by the largest in the pair's two maps")
    return figure


def _layout() -> ConstrainedLayoutEngine:
    return ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.05)  # inches


def _pair_name(pair: PairLoss) -> str:
    return f"{pair.first} alone" if pair.first == pair.second else f"{pair.first} and {pair.second}"


def _by_diagonal(difference: GramDifference) -> list[int]:
    return [int(k) for k in np.argsort(-np.diag(difference.parts), kind="stable")]


def _hide(axes: NDArray[Any]) -> None:
    """Remove ticks and frames, and keep labels, which axis("off") would not."""
    for cell in axes.flat:
        cell.set_xticks([])
        cell.set_yticks([])
        cell.spines[:].set_visible(False)


def _label(axes: Axes, text: str) -> None:
    axes.set_ylabel(text, rotation=0, ha="right", va="center", fontsize=8, labelpad=6)


def _draw_picture(axes: Axes, image: ImageArray, title: str) -> None:
    axes.imshow(image)
    axes.set_title(title, fontsize=10)
    axes.set_xticks([])
    axes.set_yticks([])


def _draw_matrix(
    axes: Axes, values: Array, order: Sequence[int], title: str, norm: Normalize
) -> None:
    """Draw a matrix (C, C) with its channels in the given order."""
    signed = norm.vmin is not None and norm.vmin < 0
    drawn = axes.imshow(
        values[np.ix_(order, order)], norm=norm, cmap="RdBu_r" if signed else "magma",
        interpolation="nearest",
    )  # fmt: skip
    axes.set_title(title, fontsize=10)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel("channels, similar ones side by side", fontsize=8, color=GREY)
    axes.figure.colorbar(drawn, ax=axes, shrink=0.8).ax.tick_params(labelsize=7)


def _logarithmic(values: Array) -> Normalize:
    """Scale colours by magnitude; on both sides of 0 where there are values below it."""
    largest = float(np.abs(values).max()) or 1.0
    if values.min() < 0:
        return SymLogNorm(largest / DECADES, vmin=-largest, vmax=largest)
    return LogNorm(largest / DECADES, largest, clip=True)


def _draw_patches(row: Sequence[Axes], pair: Pair | PairLoss, patches: Patches | None) -> None:
    """Draw both channels' patches in the first two cells; of a channel alone only one."""
    if patches is None:
        return
    channels = (pair.first, pair.second) if pair.first != pair.second else (pair.first,)
    for cell, channel in zip(row, channels, strict=False):
        cell.imshow(patches[channel])
        cell.set_title(f"channel {channel}", fontsize=8, pad=3)


def _draw_map(
    axes: Axes, image: ImageArray, product: Array, field: ReceptiveField, largest: float = 0.0
) -> None:
    """Lay a map (H', W') over the picture in grey: red where both fire, blue where it is < 0.

    The colour grows with the square root: a few places are much stronger than all others.
    """
    largest = largest or float(np.abs(product).max()) or 1.0
    strength = np.sign(product) * np.sqrt(np.abs(product) / largest)
    axes.imshow(255 - (255 - image.mean(axis=2)) * BACKGROUND, cmap="gray", vmin=0, vmax=255)
    # a unit stands at the centre of its field and is drawn as large as the step to the next
    start = field.centre - field.stride / 2
    rows, columns = product.shape
    edges = (start, start + columns * field.stride, start + rows * field.stride, start)
    axes.imshow(
        strength, cmap="RdBu_r", vmin=-DEEPEST, vmax=DEEPEST, extent=edges,
        alpha=_opacity(strength), interpolation="nearest",
    )  # fmt: skip
    axes.set_xlim(-0.5, image.shape[1] - 0.5)
    axes.set_ylim(image.shape[0] - 0.5, -0.5)


def _opacity(strength: Array) -> Array:
    opacity: Array = np.minimum(1, 1.5 * np.abs(strength))
    return opacity


def _draw_scale(panel: SubFigure, signed: bool, words: str) -> None:
    """Say what the colours of the maps mean, as they look on a middle grey."""
    strength = np.linspace(-1 if signed else 0, 1, 256)
    colours = colormaps["RdBu_r"](Normalize(-DEEPEST, DEEPEST)(strength))[:, :3]
    opacity = _opacity(strength)[:, None]
    mixed = opacity * colours + (1 - opacity) * (1 - 0.5 * BACKGROUND)
    _, axes, _ = cells = panel.subplots(1, 3, width_ratios=[1, 2, 1])
    _hide(cells[None, ::2])
    drawn = ScalarMappable(Normalize(strength[0], 1), ListedColormap(mixed))
    bar = panel.colorbar(drawn, cax=axes, orientation="horizontal")
    marks = [-1, -0.25, 0, 0.25, 1] if signed else [0, 0.1, 0.25, 0.5, 1]
    places = [float(np.sign(mark) * abs(mark) ** 0.5) for mark in marks]
    bar.set_ticks(places, labels=[f"{mark:g}" for mark in marks])
    axes.tick_params(labelsize=7)
    axes.set_title(words, fontsize=8, pad=3)
