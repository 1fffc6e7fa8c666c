"""Small pictures for the page: maps in colours that the colour-blind tell apart, patches."""

from typing import Any

import numpy as np

from nst_numpy.common.arrays import Array, Array64, Image
from nst_numpy.pictures.embedding import data_uri, png, shrink
from nst_numpy.pictures.images import resize_image

# After Okabe and Ito: orange is above 0, blue below; white is 0.
ABOVE, BELOW = np.array([213, 94, 0]), np.array([0, 114, 178])


def signed_map(values: Array64) -> dict[str, Any]:
    """Draw numbers as a picture, a pixel each: orange above 0, blue below, white 0.

    >>> signed_map(np.array([[1.0, -1.0]]))["grid"]
    [1, 2]
    """
    largest = float(np.abs(values).max(initial=0.0)) or 1.0
    strength = (np.abs(values) / largest)[..., None]
    colour = np.where(values[..., None] >= 0, ABOVE, BELOW)
    image = np.rint(255 + strength * (colour - 255)).astype(np.uint8)
    return {"uri": data_uri("png", png(image)), "grid": list(values.shape), "pixels": True}


def firing(a: Array, image: Image, longest: int = 256) -> dict[str, Any]:
    """Draw where a channel fires: the picture is bright there, and dark elsewhere.

    Parameters
    ----------
    a : ndarray, (h, w)
    image : ndarray, uint8 (H, W, 3)
    """
    positive = np.maximum(a, 0)
    largest = float(positive.max(initial=0.0)) or 1.0
    scaled = np.rint(255 * np.sqrt(positive / largest)).astype(np.uint8)
    small = shrink(image, longest)
    # (h, w) -> (h, w, 3) -> (H, W, 3)
    light = resize_image(np.repeat(scaled[..., None], 3, axis=2), small.shape[:2])
    lit = small * (0.15 + 0.85 * light.astype(np.float32) / 255)
    return picture(np.rint(lit).astype(np.uint8))


def picture(image: Image) -> dict[str, Any]:
    """Return a picture as the page takes it."""
    return {"uri": data_uri("png", png(image)), "grid": list(image.shape[:2]), "pixels": False}
