"""A tiny network, and a run with it that takes milliseconds an iteration."""

import time

import numpy as np

from nst_numpy.vgg import VGG

SETTINGS = {"size": 32, "iterations": 4, "content_layers": {"relu2_1": 1.0},
            "style_layers": {"relu1_1": 1.0, "relu2_1": 1.0}}  # fmt: skip


def tiny():
    vgg = VGG.random((4, 6), np.random.default_rng(0))
    return VGG({n: tuple(p.astype(np.float32) for p in both) for n, both in vgg.params.items()})


def wait(condition, seconds=60):
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.005)
