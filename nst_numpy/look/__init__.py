"""Looking inside a network."""

from nst_numpy.common.moved import keep_former_names
from nst_numpy.look.arrays import SeenWindow, TopWindows, top_windows
from nst_numpy.look.channels import (
    GramDifference,
    GramReport,
    Pair,
    PairLoss,
    compare_grams,
    fires_together,
    gram_report,
    similar_order,
)
from nst_numpy.look.dream import dream
from nst_numpy.look.drive import drive_image, what_drove
from nst_numpy.look.pull import Pull, full_gradient, pull_maps
from nst_numpy.look.receptive_field import (
    Box,
    ReceptiveField,
    receptive_box,
    receptive_field,
    receptive_fields,
)
from nst_numpy.look.reconstruct import reconstruct
from nst_numpy.look.terms import LargestInputs, Part, Trace
from nst_numpy.look.trace import trace, trace_deep
from nst_numpy.look.units import Patch, TopPatches, scanned_image, top_patches

__all__ = [
    "Box",
    "GramDifference",
    "GramReport",
    "LargestInputs",
    "Pair",
    "PairLoss",
    "Part",
    "Patch",
    "Pull",
    "ReceptiveField",
    "SeenWindow",
    "TopPatches",
    "TopWindows",
    "Trace",
    "compare_grams",
    "dream",
    "drive_image",
    "fires_together",
    "full_gradient",
    "gram_report",
    "pull_maps",
    "receptive_box",
    "receptive_field",
    "receptive_fields",
    "reconstruct",
    "scanned_image",
    "similar_order",
    "top_patches",
    "top_windows",
    "trace",
    "trace_deep",
    "what_drove",
]

keep_former_names(__name__, {"gradient_terms": "nst_numpy.objective.Objective.gradient_terms"})
