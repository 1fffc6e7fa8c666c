"""A small network of most kinds of layer, and samples for it: for one axis, two and three."""

import numpy as np

from nst_numpy.training.sequential import Conv, Dense, GlobalAvgPool, MaxPool, ReLU, Sequential

ROWS = [Conv(3, 3, pad=1), ReLU(), MaxPool(2), Conv(4, 2, stride=2), ReLU(), GlobalAvgPool(),
        Dense(5), ReLU(), Dense(2)]  # fmt: skip
SHAPES = [(13, 2), (9, 8, 2), (7, 6, 8, 2)]


def net_of(rows=ROWS, input_shape=SHAPES[0], seed=0, dtype=np.float64):
    return Sequential(rows, input_shape, np.random.default_rng(seed), dtype)


def samples(net, n=3, seed=1):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, *net.input_shape)).astype(net.dtype)
