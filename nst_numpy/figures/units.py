"""The patches that excite units most, nine to a unit, on one sheet."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from nst_numpy.common.arrays import Image
from nst_numpy.common.text import rounded
from nst_numpy.figures.style import INK, Figure
from nst_numpy.look.units import Patch, TopPatches, scanned_image
from nst_numpy.receptive_field import receptive_field

Beside = Callable[[Image, int, Patch], Image]

COLUMNS = 3  # of units on a sheet, and of patches in a unit
BLOCK = 2.3  # inches
TILE = 64  # pixels that a patch is magnified to, at least
GAP = 0.04  # between patches, as a part of a patch
WHITE, BETWEEN = 255, 208  # of the background, and between patches


def units_figure(
    top: TopPatches, layer: str, channels: Sequence[int], *, beside: Beside | None = None
) -> Figure:
    """Draw a sheet of units: for each channel its patches, its number and largest value.

    A patch is cut out by its box from the picture at the size at which it was scanned;
    where the field reaches over the picture's border, it is filled up with white. A
    ReLU's channel that never fires is left empty.

    Parameters
    ----------
    top : TopPatches
    layer : str
    channels : sequence of int
    beside : callable, optional
        (image, channel, patch) -> a picture of the image's size, drawn to the right of the
        patches and cut out in the same places; `look.what_drove`, for example.

    Raises
    ------
    SettingError
        If the scan did not ask for that layer or channel.
    ImageError
        If a picture is no longer where it was.
    """
    columns, wide = min(COLUMNS, len(channels)), 1 if beside is None else 2
    rows = -(-len(channels) // columns)
    figure = Figure(
        figsize=(columns * wide * BLOCK, rows * (BLOCK + 0.2) + 0.25), layout="constrained"
    )
    figure.suptitle(layer, color=INK, fontsize=10)
    all_axes = figure.subplots(rows, columns, squeeze=False)
    read = reader(top)
    for axes in all_axes.flat:
        axes.axis("off")
    for axes, channel in zip(all_axes.flat, channels, strict=False):
        axes.imshow(unit_image(top, layer, channel, read=read, beside=beside))
        best = top.best(layer, channel)
        value = f": {rounded(best[0].value, 4)}" if best else ""
        axes.set_title(f"channel {channel}{value}", color=INK, fontsize=8, pad=3)
    return figure


def reader(top: TopPatches) -> Callable[[Path], Image]:
    """Make what reads pictures as they were scanned: each once, however often it is asked for."""
    return cache(lambda path: scanned_image(path, top.settings.size))


def unit_image(
    top: TopPatches,
    layer: str,
    channel: int,
    *,
    read: Callable[[Path], Image] | None = None,
    beside: Beside | None = None,
) -> Image:
    """Compose one unit's patches, three in a row, into one picture.

    Parameters
    ----------
    read : callable, optional
        path -> the picture as it was scanned; give one `reader(top)`, to draw several units.

    Returns
    -------
    ndarray, uint8 (H, W, 3)
    """
    if read is None:
        read = reader(top)
    field = receptive_field(layer, top.settings.rows)
    best = [p for p in top.best(layer, channel) if p.value > 0 or not layer.startswith("relu")]
    patches, drives = [], []
    for patch in best:
        image = read(patch.path)
        corner = (field.start + patch.row * field.stride, field.start + patch.col * field.stride)
        patches.append(cut_out(image, patch, corner, field.size))
        if beside is not None:
            drives.append(cut_out(beside(image, channel, patch), patch, corner, field.size))
    # so many patches has each channel of the layer, also one that never fires
    count = max(1, top.rankings[layer].value.shape[1])
    montage = _grid(patches, count, field.size)
    if beside is None:
        return montage
    gap = np.full((len(montage), len(montage) // 30 + 1, 3), WHITE, dtype=np.uint8)
    return np.concatenate([montage, gap, _grid(drives, count, field.size)], axis=1)


def cut_out(image: Image, patch: Patch, corner: tuple[int, int], size: int) -> Image:
    """Cut a patch's box out of a picture, on white where the field is outside.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3)
    patch : Patch
    corner : (top, left)
        Of the whole field, in pixels; negative outside the picture.
    size : int
        Side of the whole field.

    Returns
    -------
    ndarray, uint8 (size, size, 3)
    """
    top, left, bottom, right = patch.box
    tile = np.full((size, size, 3), WHITE, dtype=np.uint8)
    rows = slice(top - corner[0], bottom - corner[0])
    tile[rows, left - corner[1] : right - corner[1]] = image[top:bottom, left:right]
    return tile


def _grid(tiles: Sequence[Image], count: int, size: int) -> Image:
    """Set square tiles three in a row, each pixel magnified to a square of whole pixels."""
    scale = max(1, -(-TILE // size))
    side = size * scale
    gap = max(1, round(GAP * side))
    step = side + gap
    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    out = np.full((rows * step - gap, columns * step - gap, 3), BETWEEN, dtype=np.uint8)
    for i, tile in enumerate(tiles):
        top, left = i // columns * step, i % columns * step
        out[top : top + side, left : left + side] = tile.repeat(scale, axis=0).repeat(scale, axis=1)
    return out
