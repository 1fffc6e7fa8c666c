"""Who pulls where, as a picture."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import FuncNorm
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array64
from nst_numpy.common.text import rounded
from nst_numpy.figures.style import INK, Figure
from nst_numpy.look.pull import Pull, full_gradient, pixel_size

COLUMN = 1.75  # inches
BRIGHTEST = 99.5  # percentile of the pixels that gets the strongest colour


def pull_figure(image: NDArray[np.uint8], pulls: Mapping[str, Pull]) -> Figure:
    """Draw the picture now, the full gradient, and how each term pulls.

    Above, the length of each term's gradient at each pixel. Below, its part along the full
    gradient, which adds up to that one's length over the terms. All maps have one scale, on
    which colour goes with the square root, so that weak terms can be seen.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3)
        The picture now.
    pulls : mapping of str to Pull
        From `look.pull_maps`, of that picture.
    """
    full = pixel_size(full_gradient({term: pull.gradient for term, pull in pulls.items()}))
    norm = _norm([full, *(pull.size for pull in pulls.values())])
    columns, aspect = 1 + len(pulls), image.shape[0] / image.shape[1]
    figure = Figure(
        figsize=(COLUMN * columns + 0.7, 2 * (COLUMN * aspect + 0.45)), layout="constrained"
    )
    axes = figure.subplots(2, columns, squeeze=False)
    _show(axes[0, 0], image, "the picture now", norm)
    _show(axes[1, 0], full, f"full gradient\nlength {rounded(float(np.linalg.norm(full)))}", norm)
    for column, (term, pull) in enumerate(pulls.items(), start=1):
        _show(axes[0, column], pull.size, f"{term}\nlength {rounded(pull.norm)}", norm)
        label = f"{pull.direction}: {100 * pull.share:+.1f} %"
        label = "no pull" if pull.direction == "none" else label
        drawn = _show(axes[1, column], pull.along, label, norm)
    axes[0, 1].set_ylabel("length", color=INK, fontsize=8)
    axes[1, 1].set_ylabel("along the\nfull gradient", color=INK, fontsize=8)
    bar = figure.colorbar(drawn, ax=axes, aspect=40, pad=0.01, ticks=_ticks(norm.vmax or 1.0))
    bar.ax.set_yticks(bar.get_ticks(), [rounded(tick, 2) for tick in bar.get_ticks()])
    bar.ax.tick_params(labelsize=7)
    bar.set_label("loss units per pixel value;\nred pulls along, blue against", fontsize=8)
    return figure


def _show(
    axes: Axes, map_or_image: Array64 | NDArray[np.uint8], title: str, norm: FuncNorm
) -> AxesImage:
    """Show a picture, or a map in the shared colours."""
    axes.set_title(title, fontsize=8, color=INK)
    axes.set_xticks([])
    axes.set_yticks([])
    if map_or_image.ndim == 3:
        return axes.imshow(map_or_image)
    return axes.imshow(map_or_image, cmap="RdBu_r", norm=norm, interpolation="nearest")


def _norm(maps: list[Array64]) -> FuncNorm:
    """Make one scale for all maps: even in both directions, colour by the square root."""
    top = max(float(np.percentile(values, BRIGHTEST)) for values in maps) or 1.0
    functions = (
        lambda v: np.sign(v) * np.sqrt(np.abs(v)),
        lambda v: np.sign(v) * np.square(v),
    )
    return FuncNorm(functions, vmin=-top, vmax=top, clip=True)


def _ticks(top: float) -> list[float]:
    return [sign * part * top for sign, part in ((-1, 1), (-1, 0.25), (0, 0), (1, 0.25), (1, 1))]
