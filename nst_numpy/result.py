"""What a run leaves: the picture, and how it came about."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nst_numpy.common.arrays import Image, Image16
from nst_numpy.common.shown import Shown
from nst_numpy.common.text import counted, duration, rounded
from nst_numpy.look.source import SourceMap
from nst_numpy.pictures.depth import to_16_bits
from nst_numpy.pictures.embedding import png


@dataclass(repr=False)
class Result(Shown):
    """A finished run.

    Attributes
    ----------
    image : ndarray, uint8 (H, W, 3)
    image16 : ndarray, uint16 (H, W, 3)
        The same from the floats of the run, for a file of 16 bits; made when it is asked for.
    history : list of dict
        One entry an iteration: iteration, height, width, loss, terms, seconds. A run that ends
        before its first iteration has one entry all the same: iteration 0, J of the start.
    settings : dict
        Every setting with the value that was used, ready for JSON.
    message : str
        Why the run stopped, in plain words.
    reason : str
        The same in one word: see `optimize.Minimum`.
    kept : dict, optional
        The entry of the picture where it is not that of the last iteration: after a run that
        diverged, `image` is the picture with the lowest J.
    source : SourceMap, optional
        Of a run with neighbours: where in the painting each place of the picture comes from.
    make_image16 : callable, optional
        What `image16` calls.

    Notes
    -----
    A notebook shows a result as its picture, with the curve of J and why it ended.
    """

    image: Image
    history: list[dict[str, Any]]
    settings: dict[str, Any]
    message: str
    reason: str
    kept: dict[str, Any] | None = None
    source: SourceMap | None = None
    make_image16: Callable[[], Image16] | None = None

    @property
    def image16(self) -> Image16:
        """The picture with 16 bits a colour, uint16 (H, W, 3), from the floats of the run."""
        return to_16_bits(self.image) if self.make_image16 is None else self.make_image16()

    @property
    def iterations(self) -> int:
        """Iterations that were done, over all scales."""
        return int(self.history[-1]["iteration"])

    @property
    def seconds(self) -> float:
        """Time from the start of the run to the last iteration."""
        return float(self.history[-1]["seconds"])

    @property
    def loss(self) -> float:
        """J of the picture."""
        return float((self.kept or self.history[-1])["loss"])

    @property
    def terms(self) -> dict[str, float]:
        """The terms that add up to `loss`, coefficients included."""
        return dict((self.kept or self.history[-1])["terms"])

    def _in_words(self) -> str:
        height, width = self.image.shape[:2]
        done = f"{counted(self.iterations, 'iteration')}, {duration(self.seconds)}"
        return f"{width}×{height} pixels, J = {rounded(self.loss, 4)} after {done}: {self.message}"

    def _repr_png_(self) -> bytes:
        return png(self.image)
