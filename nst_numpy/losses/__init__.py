"""Content, style and total variation: what the picture is asked to be, as numbers.

The formulas are the lecture's. In Gatys, Ecker and Bethge (2015) they are equations 1, 3
and 4, and the gradients 2 and 6; in docs/mathematics all have numbers in brackets, (2) to
(6) and (9). Two later ideas of style are beside them: the distance of two Gaussians, (26) to
(29), and nearest neighbours, (30) to (33).

An activation `a` has its channels last; every other axis counts as position, so the same
functions serve signals (N, L, C), pictures (N, H, W, C) and volumes (N, D, H, W, C). M stands
for the number of positions, n_H·n_W of a picture.
"""

from nst_numpy.common.moved import keep_former_names
from nst_numpy.losses.columns import hypercolumns, hypercolumns_backward
from nst_numpy.losses.content import content_loss
from nst_numpy.losses.functions import Losses
from nst_numpy.losses.gaussian import (
    MeanAndCovariance,
    TransportPull,
    gaussian_distance,
    mean_and_covariance,
    wasserstein_loss,
    wasserstein_pull,
)
from nst_numpy.losses.gram import gram_matrix, style_loss, style_pull
from nst_numpy.losses.neighbours import cosines, find_neighbours, neighbour_loss
from nst_numpy.losses.positions import PIECE_VALUES, sum_of_squares
from nst_numpy.losses.smoothness import joint_variation_loss, total_variation_loss
from nst_numpy.losses.temporal import expected_difference, temporal_loss

__all__ = [
    "PIECE_VALUES",
    "Losses",
    "MeanAndCovariance",
    "TransportPull",
    "content_loss",
    "cosines",
    "expected_difference",
    "find_neighbours",
    "gaussian_distance",
    "gram_matrix",
    "hypercolumns",
    "hypercolumns_backward",
    "joint_variation_loss",
    "mean_and_covariance",
    "neighbour_loss",
    "style_loss",
    "style_pull",
    "sum_of_squares",
    "temporal_loss",
    "total_variation_loss",
    "wasserstein_loss",
    "wasserstein_pull",
]

# The losses of networks that learn are in `nst_numpy.training`; here under their former names.
keep_former_names(
    __name__, "nst_numpy.training", "mean_squared_error", "softmax", "softmax_cross_entropy"
)
