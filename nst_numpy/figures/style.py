"""What all figures share: colours, and writing to a file."""

from pathlib import Path

from matplotlib.figure import Figure

from nst_numpy.files import atomic_write

INK, BLUE, GREY = "#222222", "#2f6f9f", "#8a8a8a"
RED = "#b5483a"


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as .png, .svg or .pdf, without leaving half a file."""
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=150)
