"""What all figures share: colours, and writing to a file."""

import io
from pathlib import Path
from typing import Any

import matplotlib.figure

from nst_numpy.errors import OutputError
from nst_numpy.files import atomic_write, check_output

INK, BLUE, GREY = "#222222", "#2f6f9f", "#8a8a8a"
RED = "#b5483a"
# of words that a line would cross
ON_WHITE: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "pad": 0}

FORMATS = (".png", ".jpg", ".svg", ".pdf")
NOTEBOOK_DPI = 100


class Figure(matplotlib.figure.Figure):
    """Matplotlib's, which a notebook draws also where pyplot has never been imported."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=NOTEBOOK_DPI)
        return file.getvalue()


def check_figure_output(path: str | Path) -> Path:
    """Find out, before the work, whether a figure can be written.

    Raises
    ------
    OutputError
        The suffix is none of `FORMATS`, or `files.check_output` refuses.

    Examples
    --------
    >>> check_figure_output("figure.doc")
    Traceback (most recent call last):
    nst_numpy.errors.OutputError: figure.doc: a figure is written as .png, .jpg, .svg or .pdf
    """
    if Path(path).suffix.lower() not in FORMATS:
        raise OutputError(f"{path}: a figure is written as .png, .jpg, .svg or .pdf")
    return check_output(path)


def save_figure(figure: matplotlib.figure.Figure, path: str | Path) -> None:
    """Write a figure as .png, .jpg, .svg or .pdf, without leaving half a file."""
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=150)
