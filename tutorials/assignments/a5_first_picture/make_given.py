"""Write a5_given.npz: the first layers of VGG-16 and two small pictures, for a5_given.py.

python make_given.py
"""

from pathlib import Path

import numpy as np

from nst_numpy.pictures.images import load_image, resize_image
from nst_numpy.pictures.samples import sample_path
from nst_numpy.weights import load_weights

LAYERS = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1")
SIDE = 100  # pixels, as in the lecture


def square(name):
    """Cut the largest square out of the middle of a sample, and make it small."""
    image = load_image(sample_path(name))
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return resize_image(np.ascontiguousarray(image[top : top + side, left : left + side]), SIDE)


if __name__ == "__main__":
    arrays = {"photograph": square("neuschwanstein"), "painting": square("starry_night")}
    params = load_weights()
    for name in LAYERS:
        w, b = params[name]
        # half precision: the file is half as large, and no eye sees the difference
        arrays[f"{name}_w"], arrays[f"{name}_b"] = w.astype(np.float16), b.astype(np.float16)
    np.savez_compressed(Path(__file__).with_name("a5_given.npz"), **arrays)
