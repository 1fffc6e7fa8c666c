"""Reconstructions side by side, as in figure 1 of Gatys et al. (2015)."""

import math
import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nst_numpy.figures.style import INK, Figure

COLUMN = 2.0  # inches
LETTERS = 28  # of a caption in one line
ACROSS = 6  # pictures in a row at most


def strip_figure(pictures: Sequence[tuple[str, NDArray[np.uint8]]]) -> Figure:
    """Draw pictures in rows, each with its caption above.

    Parameters
    ----------
    pictures : sequence of (caption, uint8 (H, W, 3))
        All of one shape; the original first.
    """
    columns = min(len(pictures), ACROSS)
    rows = math.ceil(len(pictures) / columns)
    height, width = pictures[0][1].shape[:2]
    captions = [textwrap.fill(caption, LETTERS) for caption, _ in pictures]
    lines = 1 + max(caption.count("\n") for caption in captions)
    size = (COLUMN * columns, rows * (COLUMN * height / width + 0.16 * lines + 0.06))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for place in axes:
        place.set_axis_off()
    for place, caption, (_, image) in zip(axes, captions, pictures, strict=False):
        place.imshow(image)
        place.set_title(caption, fontsize=8, color=INK)
        place.set_anchor("N")  # in the middle of its cell it would push the caption out
    return figure
