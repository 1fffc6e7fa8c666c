"""Draw the site's sign for a browser's tab: the Gram matrix of four channels.

    python docs/tools/draw_favicon.py

writes docs/_static/favicon.svg. A channel fires in one stretch of sixteen positions, and each
stretch overlaps its neighbours: bright on the diagonal, dimmer beside it.
"""

from pathlib import Path

import numpy as np

from nst_numpy.losses import gram_matrix

PICTURE = Path(__file__).resolve().parents[1] / "_static" / "favicon.svg"
CHANNELS, POSITIONS, CELL = 4, 16, 8  # a cell is 8 pixels wide
NIGHT, SKY, STAR = (22, 42, 92), (74, 144, 206), (250, 204, 70)  # red, green, blue


def draw() -> str:
    """Return the picture: a square for each entry, from the colour of night to that of a star."""
    distance = np.arange(POSITIONS)[:, None] - np.linspace(2, 13, CHANNELS)
    gram = gram_matrix(np.maximum(1 - np.abs(distance) / 6, 0))  # (L, C) -> (C, C)
    squares = [
        f'<rect x="{CELL * column}" y="{CELL * row}" width="{CELL}" height="{CELL}" '
        f'fill="rgb({colour(share)})"/>'
        for (row, column), share in np.ndenumerate(gram / gram.max())
    ]
    side = CHANNELS * CELL
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}">',
            "<title>A Gram matrix</title>",
            f'<clipPath id="round"><rect width="{side}" height="{side}" rx="5"/></clipPath>',
            '<g clip-path="url(#round)">',
            *squares,
            "</g>",
            "</svg>\n",
        ]
    )


def colour(share: float) -> str:
    """Return red, green and blue of an entry, a share of the largest."""
    parts = zip(NIGHT, SKY, STAR, strict=True)
    return ",".join(str(round(np.interp(share, (0, 0.5, 1), part))) for part in parts)


def pictures() -> dict[Path, str]:
    """Return what is drawn, by file."""
    return {PICTURE: draw()}


if __name__ == "__main__":
    for path, picture in pictures().items():
        path.write_text(picture, encoding="utf-8")
