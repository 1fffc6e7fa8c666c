"""One HTML file that answers: point at a stroke, and see where in the painting it is from."""

from pathlib import Path
from typing import Any

import numpy as np

import nst_numpy
from nst_numpy.common.arrays import Image
from nst_numpy.figures.source import ACROSS, heat_image, similarity_image, spots
from nst_numpy.files import check_output, write_text
from nst_numpy.look.source import SourceMap
from nst_numpy.pictures.embedding import data_uri, embed, png
from nst_numpy.report.parts import render, stem

LARGE = 1024  # longest side of the two pictures
SMALL = 640  # of the painting with its places
PLACES = 8  # most used ones that are listed


def write_source_page(
    path: str | Path,
    source: SourceMap,
    result: Image,
    style: Image,
    *,
    names: tuple[str, str] = ("result", "painting"),
    across: int = ACROSS,
) -> None:
    """Write one self-contained HTML file about where a result comes from.

    Parameters
    ----------
    path
        The file to be; an existing one is replaced.
    source : SourceMap
    result, style : ndarray, uint8 (H, W, 3)
    names : (str, str)
        What to call content and style.
    across : int
        Arrows in a row.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    check_output(path)
    page = render(
        "source.html",
        title=f"Where {stem(names[0])} comes from in {stem(names[1])}",
        version=nst_numpy.__version__,
        **source_values(source, result, style, names, across),
    )
    write_text(path, page)


def source_values(
    source: SourceMap, result: Image, style: Image, names: tuple[str, str], across: int = ACROSS
) -> dict[str, Any]:
    """Collect what a template needs that shows a source map; for arguments see above."""
    similarity = png(similarity_image(source))
    return {
        "names": names,
        "source": source,
        "result": embed(result, LARGE),
        "style": embed(style, LARGE),
        "heat": embed(heat_image(source, style), SMALL),
        "similarity": {"uri": data_uri("png", similarity), "size": source.grid},
        "used": [(*place, place[-1] / source.indices.size) for place in
                 source.most_used_of_each(PLACES)],
        "data": _data(source, across),
    }  # fmt: skip


def _data(source: SourceMap, across: int) -> dict[str, Any]:
    """Collect what the page's script needs: the map, in numbers."""
    return {
        "grid": source.grid,
        "styleGrid": source.style_grid,
        "painting": source.painting,
        "places": np.where(source.known, source.indices, -1).ravel().tolist(),
        "panels": [panel._asdict() for panel in source.panels],
        "similarity": (100 * source.similarity).round().astype(int).ravel().tolist(),
        "spots": [row * source.grid[1] + col for row, col in spots(source, across)],
    }
