"""Every picture drawn with matplotlib. Functions return Figures and open no window."""

from nst_numpy.figures.channels import gram_difference_figure, gram_figure
from nst_numpy.figures.gradcheck import gradcheck_figure
from nst_numpy.figures.ladder import ladder_figure
from nst_numpy.figures.plots import curves_figure, maps_figure
from nst_numpy.figures.pull import pull_figure
from nst_numpy.figures.reconstruct import strip_figure
from nst_numpy.figures.sheet import sheet_figure
from nst_numpy.figures.style import check_figure_output, save_figure
from nst_numpy.figures.trace import trace_figure, trace_path_figure
from nst_numpy.figures.units import unit_image, units_figure

__all__ = [
    "check_figure_output",
    "curves_figure",
    "gradcheck_figure",
    "gram_difference_figure",
    "gram_figure",
    "ladder_figure",
    "maps_figure",
    "pull_figure",
    "save_figure",
    "sheet_figure",
    "strip_figure",
    "trace_figure",
    "trace_path_figure",
    "unit_image",
    "units_figure",
]
