"""Optical flow: where each pixel of a frame was in the frame before.

A flow is float32 (H, W, 2): to the right and down, in pixels. The backward flow of a frame leads
from its pixels to those of the frame before. To find it is a library's work, `dis_flow`; what is
done with it stands here: carrying a picture along, and the mask of where the flow can be trusted.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from nst_numpy.common.arrays import Array, Image
from nst_numpy.errors import SettingError, ShapeError

# (frame before, frame) -> (backward flow, mask (H, W, 1))
Finder = Callable[[Image, Image], tuple[Array, Array]]

MISSING = (
    'the optical flow needs OpenCV: pip install "nst_numpy[video]", or go without: --flow none'
)
SMALLEST = 16  # pixels of a side: below, OpenCV has no level to begin at


def carry(picture: NDArray[Any], flow: Array) -> NDArray[Any]:
    """Carry a picture along: what each pixel shows is looked up where it was before.

    Parameters
    ----------
    picture : ndarray, (H, W, C)
        The frame before.
    flow : ndarray, (H, W, 2)
        Backward flow of the frame: to the right and down, in pixels.

    Returns
    -------
    ndarray, (H, W, C)
        Float, float64 for bytes; by cubic splines; beyond its border the picture is mirrored.

    Raises
    ------
    ShapeError
        If flow and picture have different sizes.

    Notes
    -----
    Equation (82) in docs/mathematics; Ruder et al. (2016).

    Examples
    --------
    >>> row = np.array([[[10.0], [20.0], [30.0], [40.0]]])
    >>> one_right = np.full((1, 4, 2), [-1.0, 0.0])
    >>> carry(row, one_right)[0, :, 0].round(6)
    array([20., 10., 20., 30.])
    """
    if flow.shape != (*picture.shape[:2], 2):
        raise ShapeError(
            f"carry: flow {flow.shape} must be (H, W, 2) of the picture {picture.shape}"
        )
    dtype = picture.dtype if picture.dtype.kind == "f" else np.float64
    places = _grid(flow) + np.moveaxis(flow[..., ::-1], -1, 0)  # (H, W, x y) -> (y x, H, W)
    planes = np.moveaxis(picture, -1, 0).astype(dtype)  # (H, W, C) -> (C, H, W)
    carried = [map_coordinates(plane, places, order=3, mode="mirror") for plane in planes]
    return np.stack(carried, axis=-1)  # equation (82)


def trusted(forward: Array, backward: Array) -> Array:
    """Say where the frame before tells what is to be seen: neither hidden there, nor at an edge.

    Parameters
    ----------
    forward : ndarray, (H, W, 2)
        From the frame before to the frame.
    backward : ndarray, (H, W, 2)
        From the frame to the frame before.

    Returns
    -------
    ndarray, (H, W, 1)
        1 or 0, in the dtype of `backward`. 0 also where a pixel comes from outside the picture.

    Notes
    -----
    Equations (83) and (84) in docs/mathematics; Ruder et al. (2016), who have both from Sundaram,
    Brox and Keutzer (2010).
    """
    there = carry(forward, backward)
    apart = _squares(there + backward)
    hidden = apart > 0.01 * (_squares(there) + _squares(backward)) + 0.5  # equation (83)
    down: Array = np.gradient(backward, axis=0)
    right: Array = np.gradient(backward, axis=1)
    slopes = _squares(down) + _squares(right)
    at_edge = slopes > 0.01 * _squares(backward) + 0.002  # equation (84)
    seen = ~(hidden | at_edge) & inside(backward)
    mask: Array = seen[..., np.newaxis].astype(backward.dtype)
    return mask


def inside(flow: Array) -> NDArray[np.bool_]:
    """Say of which pixels the flow leads to a place in the picture: bool (H, W)."""
    y, x = _grid(flow) + np.moveaxis(flow[..., ::-1], -1, 0)
    height, width = flow.shape[:2]
    within: NDArray[np.bool_] = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return within


def dis_flow(before: Image, after: Image) -> tuple[Array, Array]:
    """Find the flow by dense inverse search, both ways, and where it can be trusted.

    Parameters
    ----------
    before, after : ndarray, uint8 (H, W, 3)
        Two frames, one after the other.

    Returns
    -------
    backward : ndarray, float32 (H, W, 2)
    mask : ndarray, float32 (H, W, 1)
        See `trusted`.

    Raises
    ------
    SettingError
        OpenCV is not installed, or a side is below 16 pixels.

    Notes
    -----
    Kroeger, Timofte, Dai and Van Gool (2016), as OpenCV has it, at full resolution. In one thread:
    with several its bits depend on their number.
    """
    cv2 = import_opencv()
    if min(before.shape[:2]) < SMALLEST:
        raise SettingError(
            f"frames of {before.shape[1]}×{before.shape[0]} pixels are too small for the optical "
            f"flow, which needs {SMALLEST} on each side: use a larger size, or --flow none"
        )
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        search.setFinestScale(0)
        one, two = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (before, after))
        forward, backward = search.calc(one, two, None), search.calc(two, one, None)
    finally:
        cv2.setNumThreads(threads)
    return backward, trusted(forward, backward)


def import_opencv() -> Any:
    """Return OpenCV; SettingError where it is not installed."""
    try:
        import cv2
    except ImportError as error:
        raise SettingError(MISSING) from error
    return cv2


def _grid(flow: Array) -> NDArray[np.float64]:
    """Return row and column of each pixel: (2, H, W)."""
    return np.indices(flow.shape[:2]).astype(np.float64)


def _squares(vectors: Array) -> Array:
    """Return the squared length of each vector: (H, W, 2) -> (H, W)."""
    squares: Array = (vectors * vectors).sum(axis=-1)
    return squares
