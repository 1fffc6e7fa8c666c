"""Pictures that the tests make."""

import numpy as np


def picture_of(rng, height, width):
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def halves(height=8, width=16):
    """Left half red, right half blue: shows which way is up, and the order of colours."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[:, : width // 2, 0] = 255
    image[:, width // 2 :, 2] = 255
    return image
