"""A small VGG with three pools, and a picture for it."""

import numpy as np

from nst_numpy.vgg import VGG


def tiny(pool="avg", dtype=np.float64):
    rng = np.random.default_rng(0)
    return VGG.random((3, 4, 5), rng, convolutions=(2, 1, 1), pool=pool, dtype=dtype)


def picture(shape=(1, 17, 22, 3), dtype=np.float64):
    return (50 * np.random.default_rng(1).standard_normal(shape)).astype(dtype)
