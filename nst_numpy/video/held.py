"""A frame that is held to the one before: what is expected of it, and its run.

The run is an ordinary one with one more term in J; nothing below it knows of movies.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nst_numpy.common.arrays import Array, Image
from nst_numpy.losses import temporal_loss
from nst_numpy.objective import Objective
from nst_numpy.optimize import Minimum
from nst_numpy.pictures.images import PIXEL_HIGH, PIXEL_LOW, resize_x, widen
from nst_numpy.pictures.palette import LUMINANCE
from nst_numpy.result import Result
from nst_numpy.style_transfer import Run
from nst_numpy.styles import Matches

KNOWN = 0.99  # of a frame


@dataclass(frozen=True)
class Expectation:
    """What is expected of a frame.

    Attributes
    ----------
    x : ndarray, (1, H, W, 3)
        The frame before, carried along; where it does not reach, what the frame begins as.
    mask : ndarray, (1, H, W, 1), optional
        Where that counts; without it everywhere.
    change : ndarray, (1, H, W, 3), optional
        By how much the source's frame differs from its own, carried along.
    """

    x: Array
    mask: Array | None = None
    change: Array | None = None

    @property
    def is_known(self) -> bool:
        """Whether next to nothing of the frame is new."""
        return self.mask is None or float(self.mask.mean()) >= KNOWN

    def brightness_missing(self, x: Array) -> float:
        """Return by how many grey levels x is too dark, on the mean, where the mask counts.

        Notes
        -----
        Equation (86) in docs/mathematics.
        """
        expected = self.x if self.change is None else self.x + self.change
        shown = np.clip(x, PIXEL_LOW, PIXEL_HIGH)
        missing = (expected - shown)[0, ..., ::-1] @ LUMINANCE  # (H, W, B G R) -> (H, W)
        mask = np.ones_like(missing) if self.mask is None else self.mask[0, ..., 0]
        return float((mask * missing).sum() / max(mask.sum(), 1))  # equation (86)


class HeldRun(Run):
    """The run of a frame of which something is expected."""

    expectation: Expectation
    weight: float  # of the temporal loss
    missing: Callable[[Expectation, Array], float]  # grey levels

    def objective(self, scale: int) -> Any:
        """Make J at a scale, with the temporal loss."""
        size, margin = self.shape(scale)[1:3], self.margin
        expected, mask = self.expectation.x, self.expectation.mask
        return HeldObjective(
            super().objective(scale),
            widen(resize_x(expected, size), margin),
            None if mask is None else widen(shrink_mask(mask, size), margin),
            self.weight,
        )

    def _result(self, minimum: Minimum) -> Result:
        """Make the picture, as bright as is expected."""
        if minimum.x.shape == self.expectation.x.shape:
            minimum.x = minimum.x + minimum.x.dtype.type(self.missing(self.expectation, minimum.x))
        return super()._result(minimum)

    def _source(self, image: Image) -> None:
        """Find no places in the painting: a movie has no source map."""


class HeldObjective:
    """J and the temporal loss: what `run_optimizer` minimises for a frame.

    Parameters
    ----------
    objective : Objective
    expected : ndarray, (1, H, W, 3)
    mask : ndarray, (1, H, W, 1), optional
    weight : float
        γ, of the temporal loss.
    """

    def __init__(
        self, objective: Objective, expected: Array, mask: Array | None, weight: float
    ) -> None:
        self.objective, self.expected, self.mask = objective, expected, mask
        self.weight = weight
        self.terms: dict[str, float] = {}

    @property
    def matches(self) -> Matches | dict[int, Matches] | None:
        """The neighbours of the objective, if it has some."""
        return self.objective.matches

    @property
    def floor(self) -> float:
        """What J cannot fall below."""
        return self.objective.floor

    def __call__(self, x: Array) -> tuple[float, Array]:
        """Return J(x) + γ J_temporal(x), and the gradient, shaped like x.

        Notes
        -----
        Equation (87) in docs/mathematics.
        """
        _, grad_x = self.objective(x)
        value, grad = temporal_loss(x, self.expected, self.mask)
        self.terms = self.objective.terms | {"temporal": self.weight * value}
        return sum(self.terms.values()), grad_x + self.weight * grad  # equation (87)


def shrink_mask(mask: Array, size: tuple[int, int]) -> Array:
    """Give a mask (1, H, W, 1) another size; it stays between 0 and 1."""
    resized: Array = resize_x(np.repeat(mask, 3, axis=-1), size)[..., :1].clip(0, 1)
    return resized
