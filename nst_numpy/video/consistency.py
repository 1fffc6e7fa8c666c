"""How consistent a painted movie is: numbers in grey levels, 0 to 255.

A painted movie is measured with the flow of its source. What the source itself has of it stands
beside it: rounding and resampling leave no movie without.
"""

from collections.abc import Sequence

import numpy as np

from nst_numpy.common.arrays import Array, Image
from nst_numpy.errors import ShapeError
from nst_numpy.pictures.palette import luminance
from nst_numpy.video.flow import carry


def warping_error(frames: Sequence[Image], flows: Sequence[Array], masks: Sequence[Array]) -> float:
    """Mean distance of each frame from the frame before, carried along; where the mask is 1.

    Parameters
    ----------
    frames : sequence of ndarray, uint8 (H, W, 3)
    flows : sequence of ndarray, (H, W, 2)
        Backward flow of each frame but the first.
    masks : sequence of ndarray, (H, W, 1)
        Likewise; 0 where a pixel has no place in the frame before.

    Returns
    -------
    float
        Root of the mean square, in grey levels.

    Raises
    ------
    ShapeError
        If there is not one flow and one mask for each frame but the first.

    Notes
    -----
    Equation (88) in docs/mathematics; the measure of Ruder et al. (2016) and of Lai et al. (2018).
    """
    if not len(frames) - 1 == len(flows) == len(masks) > 0:
        raise ShapeError(
            f"warping_error: {len(frames)} frames need one flow and one mask for each but the "
            f"first, not {len(flows)} and {len(masks)}"
        )
    squares = [
        float((mask * (after - carry(before, flow)) ** 2).sum())
        for before, after, flow, mask in zip(frames, frames[1:], flows, masks, strict=False)
    ]
    count = 3 * sum(float(mask.sum()) for mask in masks)
    return float(np.sqrt(sum(squares) / max(count, 1)))  # equation (88)


def drift(frames: Sequence[Image]) -> tuple[float, float]:
    """Say how far the last frame of a painted still is from the first.

    Parameters
    ----------
    frames : sequence of ndarray, uint8 (H, W, 3)

    Returns
    -------
    pixels : float
        Mean distance of a value, in grey levels.
    brightness : float
        By how much the mean luminance is higher, in grey levels.
    """
    first, last = frames[0], frames[-1]
    pixels = np.abs(last.astype(np.float64) - first).mean()
    return float(pixels), float(luminance(last).mean() - luminance(first).mean())
