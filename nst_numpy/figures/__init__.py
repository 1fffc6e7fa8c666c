"""Every picture drawn with matplotlib. Functions return Figures and open no window."""

from nst_numpy.figures.ladder import ladder_figure
from nst_numpy.figures.style import save_figure

__all__ = ["ladder_figure", "save_figure"]
