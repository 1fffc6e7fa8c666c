"""Clips whose flow is known exactly: a still, panned, zoomed or turned.

Each frame looks at the still through a window. Where a pixel of one frame was in the frame before
follows from the two windows, without any search.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from nst_numpy.common.arrays import Array, Image
from nst_numpy.errors import SettingError
from nst_numpy.pictures.images import Picture, as_image
from nst_numpy.video.flow import inside


@dataclass(frozen=True)
class Window:
    """How a frame looks at the still: it is moved, turned and enlarged, in this order.

    Parameters
    ----------
    right, down : float
        Where its centre is, from that of the still, in pixels.
    degrees : float
        How far it is turned, clockwise.
    zoom : float
        How much larger than in the still things are.
    """

    right: float = 0.0
    down: float = 0.0
    degrees: float = 0.0
    zoom: float = 1.0

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The step in the still, (x, y), of a step in the frame."""
        angle = np.deg2rad(self.degrees)
        turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix: NDArray[np.float64] = turned / self.zoom
        return matrix

    @property
    def centre(self) -> NDArray[np.float64]:
        """Where the window's centre is, (x, y), from that of the still."""
        return np.array([self.right, self.down])


@dataclass(frozen=True)
class Clip:
    """Frames, and where each pixel was in the frame before.

    Attributes
    ----------
    frames : list of ndarray, uint8 (H, W, 3)
    flows : list of ndarray, float64 (H, W, 2)
        The backward flow of each frame but the first.
    """

    frames: list[Image]
    flows: list[Array]

    def finder(self, before: Image, after: Image) -> tuple[Array, Array]:
        """Return the known flow between two frames of this clip that follow each other, and mask.

        It takes the place of `video.dis_flow`.

        Raises
        ------
        SettingError
            They are no two such frames.
        """
        for one, two, flow in zip(self.frames, self.frames[1:], self.flows, strict=False):
            if np.array_equal(one, before) and np.array_equal(two, after):
                return flow, inside(flow)[..., np.newaxis].astype(flow.dtype)
        raise SettingError("Clip.finder: these are no two frames of the clip in a row")


def look_through(still: Picture, windows: Sequence[Window], size: tuple[int, int]) -> Clip:
    """Make a clip: one frame for each window.

    Parameters
    ----------
    still : path, name of a sample, or ndarray, uint8 (H, W, 3)
        Beyond its border it is mirrored.
    windows : sequence of Window
    size : (int, int)
        Height and width of the frames.

    Returns
    -------
    Clip
    """
    image = as_image(still)
    places = [_places(window, size) for window in windows]
    middle = (np.array(image.shape[1::-1]) - 1) / 2  # (x, y)
    planes = np.moveaxis(image, -1, 0).astype(np.float64)  # (H, W, C) -> (C, H, W)
    frames = []
    for place in places:
        rows = np.moveaxis((place + middle)[..., ::-1], -1, 0)  # (H, W, x y) -> (y x, H, W)
        seen = [map_coordinates(plane, rows, order=3, mode="mirror") for plane in planes]
        frames.append(np.clip(np.rint(np.stack(seen, -1)), 0, 255).astype(np.uint8))
    pairs = zip(windows, places[1:], strict=False)
    return Clip(frames, [_flow(window, place) for window, place in pairs])


def pan(frames: int, right: float, down: float = 0.0) -> list[Window]:
    """Make the windows of a pan, so many pixels a frame; its middle is the still's.

    >>> [window.right for window in pan(3, right=1.5)]
    [-1.5, 0.0, 1.5]
    """
    steps = [i - (frames - 1) / 2 for i in range(frames)]
    return [Window(right=right * step, down=down * step) for step in steps]


def zoom(frames: int, factor: float) -> list[Window]:
    """Make the windows of a zoom: each frame shows things so many times larger.

    >>> [window.zoom for window in zoom(3, 2.0)]
    [1.0, 2.0, 4.0]
    """
    return [Window(zoom=factor**i) for i in range(frames)]


def turn(frames: int, degrees: float) -> list[Window]:
    """Make the windows of a turn about the centre, so many degrees a frame, clockwise.

    >>> [window.degrees for window in turn(3, 2.0)]
    [0.0, 2.0, 4.0]
    """
    return [Window(degrees=degrees * i) for i in range(frames)]


def there_and_back(windows: Sequence[Window]) -> list[Window]:
    """Go through the windows, and back to the first: a loop.

    >>> [window.right for window in there_and_back(pan(3, right=1.0))]
    [-1.0, 0.0, 1.0, 0.0, -1.0]
    """
    return [*windows, *reversed(windows[:-1])]


def _offsets(size: tuple[int, int]) -> Array:
    """Return where each pixel of a frame is, (x, y), from the frame's centre: (H, W, 2)."""
    height, width = size
    x, y = np.meshgrid(np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2)
    return np.stack([x, y], axis=-1)


def _places(window: Window, size: tuple[int, int]) -> Array:
    """Return where each pixel of a frame is in the still, (x, y), from the still's centre."""
    places: Array = _offsets(size) @ window.matrix.T + window.centre  # (H, W, 2) @ (2, 2)
    return places


def _flow(before: Window, places: Array) -> Array:
    """Return the way from each pixel to where the window before had what is seen there."""
    back = np.linalg.inv(before.matrix).T
    flow: Array = (places - before.centre) @ back - _offsets(places.shape[:2])  # (H, W, 2) @ (2, 2)
    return flow
