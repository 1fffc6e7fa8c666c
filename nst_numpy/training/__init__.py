"""Small networks that learn: rows in a list, fit, optimisers, classification losses."""

from nst_numpy.training.fitting import History, accuracy, balanced_weights, fit
from nst_numpy.training.losses import mean_squared_error, softmax, softmax_cross_entropy
from nst_numpy.training.optimizers import SGD, Adam, Optimizer
from nst_numpy.training.sequential import Sequential

__all__ = [
    "SGD",
    "Adam",
    "History",
    "Optimizer",
    "Sequential",
    "accuracy",
    "balanced_weights",
    "fit",
    "mean_squared_error",
    "softmax",
    "softmax_cross_entropy",
]
