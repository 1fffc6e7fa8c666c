"""Pictures with transparent parts: painted as if there were none, and cut out again."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from nst_numpy.common.arrays import Image
from nst_numpy.errors import ShapeError
from nst_numpy.files import PathLike
from nst_numpy.pictures.depth import LEVELS

if TYPE_CHECKING:
    from PIL.Image import Image as Pillow

# A picture more than three times as large is made smaller first, as `decoding` does.
_MARGIN = 3
_HALF = 128  # from this alpha on a pixel's colour counts as its own


def load_transparent(path: PathLike, size: int | None = None) -> NDArray[np.uint8]:
    """Read a picture with its transparency, and give the clear parts the colours beside them.

    On white, a cut-out has an edge that is half white, and a run paints the white too. Here each
    clear pixel takes the colour of the nearest one that can be seen, so that no seam is left where
    the result is cut out again.

    Parameters
    ----------
    path, size
        As in `images.load_image`.

    Returns
    -------
    uint8 array, (H, W, 4)
        RGBA. Alpha is 255 everywhere if the file has none; the colours of a picture that is clear
        everywhere are white.

    Raises
    ------
    ImageError, SettingError, TooLargeError
        As in `images.load_image`.
    """
    from nst_numpy.pictures.decoding import decode_file

    return decode_file(path, size, transparent=True)


def extended(picture: "Pillow", size: tuple[int, int]) -> "Pillow":
    """Extend the colours of an RGBA picture, and bring it to (width, height).

    Colours and alpha are resized apart, as together Lanczos would ring at the edge of both.
    """
    from PIL import Image

    factor = max(1, max(picture.size) // (_MARGIN * max(size)))
    box = (0, 0, picture.width / factor, picture.height / factor)
    small = extend_colours(np.asarray(picture.reduce(factor)))
    parts = [Image.fromarray(part) for part in (small[..., :3], small[..., 3])]
    if picture.size != size:
        parts = [part.resize(size, Image.Resampling.LANCZOS, box=box) for part in parts]
    whole, alpha = parts
    whole.putalpha(alpha)
    return whole


def extend_colours(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give each pixel that is more clear than solid the colour of the nearest solid one.

    >>> clear, red = [0, 0, 0, 0], [200, 30, 30, 255]
    >>> extend_colours(np.array([[red, clear]], np.uint8)).tolist()
    [[[200, 30, 30, 255], [200, 30, 30, 0]]]
    """
    alpha = rgba[..., 3]
    solid = alpha >= min(_HALF, max(1, int(alpha.max())))
    painted = rgba.copy()
    if not solid.any():
        painted[..., :3] = 255
    elif not solid.all():
        rows, columns = distance_transform_edt(~solid, return_distances=False, return_indices=True)
        painted[..., :3] = rgba[rows, columns, :3]  # (H, W) of places -> (H, W, 3)
    return painted


def with_alpha(image: NDArray[Any], alpha: Image) -> NDArray[Any]:
    """Put an alpha channel, uint8 (H, W), to a picture of 8 or 16 bits.

    Raises
    ------
    ShapeError
        They have different sizes.

    Examples
    --------
    >>> with_alpha(np.zeros((1, 1, 3), np.uint16), np.array([[255]], np.uint8)).tolist()
    [[[0, 0, 0, 65535]]]
    """
    if image.shape[:2] != alpha.shape:
        raise ShapeError(f"with_alpha: the picture has shape {image.shape}, alpha {alpha.shape}")
    scaled = alpha.astype(np.uint16) * LEVELS if image.dtype == np.uint16 else alpha
    return np.dstack([image, scaled])
