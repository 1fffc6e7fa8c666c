"""Runs of a tiny network on tiny pictures, which several files of tests paint."""

import numpy as np

from nst_numpy.pictures.images import resize_image
from nst_numpy.style_transfer import transfer
from nst_numpy.vgg import VGG

TINY = VGG.random((4, 8), np.random.default_rng(0), dtype=np.float32)
LAYERS = {
    "content_layers": {"relu2_1": 1.0},
    "style_layers": {"relu1_1": 0.5, "relu2_1": 0.5},
}


def picture(seed, height, width):
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return resize_image(coarse, (height, width))


PICTURES = picture(1, 30, 40), picture(2, 50, 40)


def paint(**changes):
    """Paint; `resume` needs no settings."""
    if "resume" not in changes:
        changes = {"size": 40, "iterations": 8, "scales": 2, **LAYERS} | changes
    return transfer(*PICTURES, vgg=TINY, **changes)


def stop_at(iteration):
    return lambda progress: progress.iteration == iteration


def terms(result):
    """What a history says, but for the time."""
    return [(entry["iteration"], entry["height"], entry["terms"]) for entry in result.history]
