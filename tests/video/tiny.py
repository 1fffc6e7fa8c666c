"""A network of two layers and pictures of a few pixels, for movies that are painted at once."""

import numpy as np

from nst_numpy.training.sequential import AvgPool, Conv, ReLU, Sequential
from nst_numpy.video.clips import look_through, pan
from nst_numpy.video.targets import save_gif

# all that a run needs to be quick with the network below
QUICK = {
    "size": 24, "iterations": 3, "steps": 2, "margin": 0, "flow": "none",
    "content_layers": {"relu2": 1.0}, "style_layers": {"relu1": 1.0},
}  # fmt: skip


def tiny_network():
    rows = [Conv(4, 3, pad=1), ReLU(), AvgPool(2), Conv(6, 3, pad=1), ReLU()]
    return Sequential(rows, (24, 24, 3), np.random.default_rng(0), np.float32)


def tiny_clip(frames=4, step=1.0, size=(16, 24)):
    y, x = np.mgrid[:40, :48]
    waves = [np.sin(x / 4 + k) + np.cos(y / 3 - k) for k in range(3)]
    still = np.rint(127.5 + 55 * np.stack(waves, -1)).astype(np.uint8)
    return look_through(still, pan(frames, step), size)


def tiny_painting():
    return np.random.default_rng(1).integers(0, 256, (20, 24, 3), dtype=np.uint8)


def save_clip(path, clip, seconds=0.1):
    save_gif(path, clip.frames, seconds)
