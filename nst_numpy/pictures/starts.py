"""The picture that a run starts from: noise, the photograph, the painting, grey, or a mixture.

The lecture starts from noise, programs mostly from the photograph. The course that goes with the
lecture mixes them, six parts of noise to four of the photograph.
"""

from typing import Literal, TypeAlias, TypeGuard, get_args

import numpy as np

from nst_numpy.common.arrays import AnyImage
from nst_numpy.errors import SettingError, UnknownNameError, UnknownPictureError
from nst_numpy.pictures.images import deprocess, preprocess, resize_image
from nst_numpy.pictures.samples import samples

Start: TypeAlias = Literal["content", "noise", "uniform", "style", "grey"]
STARTS: tuple[Start, ...] = get_args(Start)
MIX = "mix:"  # and the part of noise, as in "mix:0.6"
# Pixel values. What the network does not see stays: from noise of all values the picture is under
# grain at the end. The course that goes with the lecture draws from ±20, too.
NOISE = 20


def is_start(text: object) -> TypeGuard[str]:
    """Whether a text is the name of a start, and not that of a picture.

    Raises
    ------
    SettingError
        A mixture has no part of noise from 0 to 1.

    Examples
    --------
    >>> [is_start(text) for text in ("grey", "mix:0.6", "castle.png")]
    [True, True, False]
    """
    if not isinstance(text, str):
        return False
    if text.startswith(MIX):
        part_of_noise(text)
    return text in STARTS or text.startswith(MIX)


def unknown_start(text: str) -> UnknownNameError:
    """Make the error for what is neither the name of a start nor a picture."""
    names = [*STARTS, MIX, *(sample.name for sample in samples())]
    return UnknownPictureError.of("file or sample", text, names)


def is_noisy(text: str) -> bool:
    """Whether a start has noise in it."""
    return text in ("noise", "uniform") or (text.startswith(MIX) and part_of_noise(text) > 0)


def part_of_noise(text: str) -> float:
    """Read the part of noise of a mixture: 0.6 of "mix:0.6".

    Raises
    ------
    SettingError
        It is no number from 0 to 1.
    """
    try:
        part = float(text.removeprefix(MIX))
    except ValueError:
        part = np.nan
    if not 0 <= part <= 1:
        raise SettingError(
            f"init must be mix: and the part of noise, from 0 to 1, as mix:0.6, not {text!r}"
        )
    return part


def make_start(
    text: str, content: AnyImage, style: AnyImage, size: tuple[int, int], seed: int = 0
) -> AnyImage:
    """Make the picture that a name of a start stands for.

    Parameters
    ----------
    text : {"content", "noise", "uniform", "style", "grey"}, or "mix:" and a number
        "noise" is up to `NOISE` around the mean colour of VGG's pictures, "uniform" is drawn
        evenly from all values of a pixel, "grey" is the mean colour. "mix:0.6" is 0.6 of "noise"
        and 0.4 of the content, both less the mean colour.
    content, style : ndarray, uint8 or uint16 (H, W, 3)
    size : (int, int)
        Height and width of what is drawn; contents and styles keep their own.
    seed : int
        Of the noise.

    Returns
    -------
    ndarray, uint8 (H', W', 3)

    Raises
    ------
    SettingError
        A mixture has no part of noise from 0 to 1.
    """
    if text in ("content", "style"):
        return content if text == "content" else style
    rng, shape = np.random.default_rng(seed), (1, *size, 3)
    if text == "uniform":
        return rng.integers(0, 256, shape[1:], dtype=np.uint8)
    if text == "grey":
        return deprocess(np.zeros(shape))
    noise = rng.uniform(-NOISE, NOISE, shape)
    if text == "noise":
        return deprocess(noise)
    part = part_of_noise(text)
    photograph = preprocess(resize_image(content, size), dtype=np.float64)
    return deprocess(part * noise + (1 - part) * photograph)
