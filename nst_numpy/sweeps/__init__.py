"""Many pictures at once: a grid of settings, a folder of photographs."""

from nst_numpy.sweeps.cells import Cell
from nst_numpy.sweeps.combinations import Grid, grid
from nst_numpy.sweeps.jobs import Done, paint_each, survey
from nst_numpy.sweeps.photographs import find_photographs, is_many, output_names
from nst_numpy.sweeps.shelf import Shelf

__all__ = [
    "Cell",
    "Done",
    "Grid",
    "Shelf",
    "find_photographs",
    "grid",
    "is_many",
    "output_names",
    "paint_each",
    "survey",
]
