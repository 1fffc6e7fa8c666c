"""The paintings of a run: their pictures and sizes, how much each counts, and where.

With one painting and no mask, a run reads it from here and knows of no more.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from nst_numpy.common.arrays import AnyImage, Array, Array64, Shape
from nst_numpy.common.text import counted
from nst_numpy.errors import SettingError
from nst_numpy.pictures.images import Picture, as_exact
from nst_numpy.pictures.masks import WHOLE, Mask, mask_name, read_mask, resize_mask
from nst_numpy.pictures.palette import joint_palette
from nst_numpy.settings import Settings
from nst_numpy.styles import Painting, Regions

MaskPair: TypeAlias = tuple[Mask | None, Mask | None]  # of the photograph, of the painting
MASKS = ("content_mask", "style_mask")  # as a run's record and the command call them
STRETCH = 1.02  # of a mask's proportions, from which on somebody may have mistaken the file


class Paintings:
    """What a run takes its style from.

    Parameters
    ----------
    given : path, name of a sample, or ndarray, or a list of these
    settings : Settings
        `size`, `style_size` and `style_weights` of it.
    masks : list of (mask, mask), optional
        For each painting, where the photograph takes its style, and where in the painting it is
        taken from; None is everywhere.
    shape : (int, int)
        Height and width of the photograph, as it is painted.

    Attributes
    ----------
    images : list of ndarray, uint8 or, of files with 16 bits, uint16 (H, W, 3)
    sizes : list of int
        Longest side of each, as the network reads it at the last scale.
    weights : list of float
        How much each counts in J: equation (69).
    names : list of [str or None, str or None]
        What the masks of each are called.
    notes : list of str
        What was done with the masks, in plain words.

    Raises
    ------
    SettingError
        Numbers of paintings, weights, sizes and masks do not fit; a mask is empty.
    ImageError, ShapeError
        A picture cannot be read, or is none.
    """

    def __init__(
        self,
        given: Picture | Sequence[Picture],
        settings: Settings,
        masks: Sequence[MaskPair] | None,
        shape: tuple[int, int],
    ) -> None:
        pictures = as_list(given)
        count = len(pictures)
        sizes = settings.size if settings.style_size is None else settings.style_size
        self.sizes = _one_each("style_size", sizes, count)
        self.given_weights = _one_each("style_weights", settings.style_weights or 1.0, count)
        pairs = _mask_pairs(masks, count)
        self.images: list[AnyImage] = [as_exact(picture) for picture in pictures]
        self.notes: list[str] = []
        self._masks = [
            (self._read(pair[0], shape, "photograph"), self._read(pair[1], image.shape, "painting"))
            for pair, image in zip(pairs, self.images, strict=True)
        ]
        self.names = [[None if mask is None else mask_name(mask) for mask in p] for p in pairs]
        self.weights = self._weights(shape)

    @property
    def plain(self) -> bool:
        """Whether there is one painting, and all of it counts everywhere."""
        return len(self.images) == 1 and not self.masked

    @property
    def masked(self) -> bool:
        """Whether there is a mask."""
        return any(mask is not None for pair in self._masks for mask in pair)

    @property
    def palette(self) -> AnyImage:
        """A picture with the colours of all, as much of each as it counts."""
        return joint_palette(self.images, self.given_weights)

    def used(self) -> dict[str, Any]:
        """List the settings that the paintings decide, ready for JSON."""
        if self.plain:
            return {"style_size": self.sizes[0], "style_weights": None}
        found = {"style_size": self.sizes, "style_weights": self.given_weights}
        return found | ({"masks": self.names} if self.masked else {})

    def shape(self, number: int, shrink: int) -> tuple[int, int, int, int]:
        """Shape of a painting as the network reads it, at a scale that is so many times smaller."""
        height, width = self.images[number].shape[:2]
        factor = self.sizes[number] / shrink / max(height, width)
        return 1, max(1, round(height * factor)), max(1, round(width * factor)), 3

    @property
    def numbers(self) -> range:
        """The number of each painting, from 0."""
        return range(len(self.images))

    def mean(self, values: Sequence[float]) -> float:
        """Return the mean of a number that each painting has, as much of each as it counts."""
        pairs = zip(self.weights, values, strict=True)
        return sum(weight * value for weight, value in pairs) / sum(self.weights)

    def measured(
        self, xs: Sequence[Array], shape: Shape, margin: int, betas: Sequence[float]
    ) -> list[Painting]:
        """Make what J takes its style from, at a scale.

        Parameters
        ----------
        xs : list of ndarray, (1, H', W', 3)
            The paintings.
        shape : (1, H, W, 3)
            Of the picture; `margin` pixels are around it.
        betas : list of float
            β of each painting; their `mean` is that of J.
        """
        beta = self.mean(betas) or 1.0  # of a β of 0 there are no ratios
        return [
            Painting(x, weight * (own or 1.0) / beta, self.regions(number, shape, x.shape, margin))
            for number, x, weight, own in zip(self.numbers, xs, self.weights, betas, strict=True)
        ]

    def regions(self, number: int, shape: Shape, style_shape: Shape, margin: int = 0) -> Regions:
        """Return where a painting goes to and is taken from, at the sizes of two pictures."""
        content, of_style = (
            None if mask is None else resize_mask(mask, (size[1], size[2]))
            for mask, size in zip(self._masks[number], (shape, style_shape), strict=True)
        )
        if content is not None:
            content = np.pad(content, margin, mode="symmetric")  # as the photograph is
        return Regions(content, of_style)

    def _read(self, mask: Mask | None, shape: Shape, picture: str) -> Array64 | None:
        """Read a mask; say if it has not the size of its picture."""
        if mask is None:
            return None
        found, name = read_mask(mask), mask_name(mask)
        size = shape[:2]
        if found.shape != size:
            (height, width), (to_height, to_width) = found.shape, size
            stretch = width * to_height / (height * to_width)
            if max(stretch, 1 / stretch) > max(STRETCH, 1 + 1 / min(*size, *found.shape)):
                warnings.warn(
                    f"the mask {name} has other proportions than the {picture}, and is "
                    f"stretched: {width}×{height} to {to_width}×{to_height}",
                    RuntimeWarning,
                    stacklevel=2,
                )
            else:
                self.notes.append(
                    f"the mask {name} is {width}×{height}: resized to the {picture}'s "
                    f"{to_width}×{to_height}"
                )
        return found

    def _weights(self, shape: tuple[int, int]) -> list[float]:
        """Bring the weights to 1, where something counts, on average: equation (69)."""
        counts = [1.0 if mask is None else resize_mask(mask, shape) for mask, _ in self._masks]
        pairs = [(w, count) for w, count in zip(self.given_weights, counts, strict=True) if w]
        whole: Any = np.mean(sum(weight * count for weight, count in pairs))
        somewhere = np.mean(np.max(np.broadcast_arrays(*(count for _, count in pairs)), axis=0))
        return [float(weight * somewhere / whole) for weight in self.given_weights]  # equation (69)


def as_list(given: Picture | Sequence[Picture]) -> list[Picture]:
    """Make a list of one picture, or of several.

    >>> as_list("starry_night"), as_list(["starry_night", "night_cafe"])
    (['starry_night'], ['starry_night', 'night_cafe'])
    """
    if not isinstance(given, (list, tuple)):
        return [given]  # type: ignore[list-item]
    if not given:
        raise SettingError("style is an empty list: give a picture, or a list of pictures")
    return list(given)


def mask_lists(masks: Sequence[MaskPair] | None) -> dict[str, list[Any] | None]:
    """Take pairs of masks apart, as a run is recorded: those of photographs, those of paintings.

    >>> mask_lists([("sky.png", None), ("not:sky.png", None)])
    {'content_mask': ['sky.png', 'not:sky.png'], 'style_mask': None}
    """
    if masks is None:
        return dict.fromkeys(MASKS)
    columns = zip(*_check_pairs(masks), strict=True)
    lists = ([WHOLE if mask is None else mask for mask in column] for column in columns)
    return {
        name: None if all(mask is WHOLE for mask in found) else found
        for name, found in zip(MASKS, lists, strict=True)
    }


def mask_pairs(lists: Mapping[str, Any]) -> list[MaskPair] | None:
    """Put pairs of masks together again.

    >>> mask_pairs({"content_mask": ["sky.png", "whole"], "style_mask": None})
    [('sky.png', None), (None, None)]
    """
    found = [lists.get(name) for name in MASKS]
    count = max((len(masks) for masks in found if masks is not None), default=0)
    if count == 0:
        return None
    columns = [
        [
            None if isinstance(mask, str) and mask == WHOLE else mask
            for mask in masks or [None] * count
        ]
        for masks in found
    ]
    return list(zip(*columns, strict=True))


def _one_each(what: str, value: Any, count: int) -> list[Any]:
    """Make a list of a number for each painting; one number is for all."""
    if not isinstance(value, tuple):
        return [value] * count
    if len(value) != count:
        raise SettingError(f"{what} has {counted(len(value), 'number')} {_for(count)}")
    return list(value)


def _mask_pairs(masks: Sequence[MaskPair] | None, count: int) -> list[MaskPair]:
    if masks is None:
        return [(None, None)] * count
    if len(_check_pairs(masks)) != count:
        raise SettingError(f"masks has {counted(len(masks), 'pair')} {_for(count)}")
    return list(masks)


def _check_pairs(masks: Sequence[MaskPair]) -> Sequence[MaskPair]:
    pairs = isinstance(masks, (list, tuple)) and all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in masks
    )
    if not pairs:
        raise SettingError(
            "masks must be a list of pairs, (mask of the photograph, mask of the painting): "
            "None in place of a mask is everywhere"
        )
    return masks


def _for(count: int) -> str:
    return f"for {counted(count, 'painting')}: give one for each painting"
