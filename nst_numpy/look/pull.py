"""Who pulls where: the gradient at every pixel, split into the terms of J.

The optimiser sees one gradient. It is the sum of one for each term: each content layer,
each style layer, the total variation. They may agree at a pixel, or pull against each other;
a run comes to rest where they cancel.

A pull is the gradient with its sign turned: a step goes against the gradient. Lengths and
angles are the same for both.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nst_numpy.common.arrays import Array, Array64
from nst_numpy.common.moved import keep_former_names
from nst_numpy.common.shown import Shown
from nst_numpy.common.text import rounded
from nst_numpy.errors import NonFiniteError, SettingError, ShapeError

LITTLE = 0.05  # cosines nearer to 0 than this are called "across"


@dataclass(frozen=True, repr=False)
class Pull(Shown):
    """How one term of J pulls the picture.

    Attributes
    ----------
    gradient : ndarray, (1, *sizes, C)
        Of this term, in loss units per pixel value; BGR as x.
    size : ndarray, float64 (*sizes)
        Length of the gradient at each pixel, over its colours; of a signal at each sample.
    along : ndarray, float64 (*sizes)
        The part of it along the full gradient of that pixel, negative where the term pulls
        against the others. At each pixel those of all terms add up to the length of the full
        gradient.
    norm : float
        Length of the gradient over all pixels.
    share : float
        Part of the full gradient that this term makes: its component along it, in units of
        the full length. Negative if it pulls against. The shares add up to 1.
    cosine : float
        Of the angle to the full gradient; 0 where one of the two is 0.
    """

    gradient: Array
    size: Array64
    along: Array64
    norm: float
    share: float
    cosine: float

    def _in_words(self) -> str:
        return (
            f"{100 * self.share:.3g} % of the full gradient, length {rounded(self.norm)}, "
            f"cosine {self.cosine:.2f}"
        )

    @property
    def direction(self) -> str:
        """The cosine in a word: "along", "against", "across" the full gradient, or "none"."""
        if self.norm == 0:
            return "none"
        if abs(self.cosine) < LITTLE:
            return "across"
        return "along" if self.cosine > 0 else "against"


def full_gradient(gradients: Mapping[str, Array]) -> Array64:
    """Add up the gradients of all terms, in float64.

    >>> full_gradient({"a": np.float32([1, 2]), "b": np.float32([3, -2])})
    array([4., 0.])
    """
    _check(gradients)
    total = np.zeros(next(iter(gradients.values())).shape)
    for gradient in gradients.values():
        total += gradient
    return total


def pull_maps(gradients: Mapping[str, Array]) -> dict[str, Pull]:
    """Measure how each term pulls, and how it stands to all of them together.

    Parameters
    ----------
    gradients : mapping of str to ndarray, (1, *sizes, C)
        From `Objective.gradient_terms`.

    Returns
    -------
    dict of str to Pull
        In the same order.

    Raises
    ------
    SettingError
        If there is no term.
    ShapeError
        If the gradients are not of one shape (1, *sizes, C).
    NonFiniteError
        If a gradient has NaN or infinite values.

    Examples
    --------
    Two terms at one pixel. Together (0, 0, 4): b makes more than all of it, a pulls against.

    >>> a, b = np.zeros((2, 1, 1, 1, 3))
    >>> a[..., 2], b[..., 2] = -1, 5
    >>> [(p.norm, p.share, p.direction) for p in pull_maps({"a": a, "b": b}).values()]
    [(1.0, -0.25, 'against'), (5.0, 1.25, 'along')]
    """
    full = full_gradient(gradients)
    if full.ndim < 3 or len(full) != 1:
        raise ShapeError(f"pull_maps: a gradient must be (1, *sizes, C), not {full.shape}")
    size = pixel_size(full)
    norm = float(np.linalg.norm(size))
    return {term: _pull(gradient, full, size, norm) for term, gradient in gradients.items()}


def pixel_size(gradient: Array) -> Array64:
    """Length of a gradient at each position: (1, *sizes, C) -> (*sizes), in float64."""
    size: Array64 = np.sqrt(np.square(gradient[0], dtype=np.float64).sum(axis=-1))
    return size


def _pull(gradient: Array, full: Array64, full_size: Array64, full_norm: float) -> Pull:
    size = pixel_size(gradient)
    # (*sizes, C) * (*sizes, C), summed over the channels -> (*sizes)
    dot = (gradient[0] * full[0]).sum(axis=-1)
    along = np.divide(dot, full_size, out=np.zeros_like(dot), where=full_size > 0)
    norm = float(np.linalg.norm(size))
    component = float(dot.sum()) / full_norm if full_norm > 0 else 0.0
    return Pull(
        gradient,
        size,
        along,
        norm,
        share=component / full_norm if full_norm > 0 else 0.0,
        cosine=component / norm if norm > 0 else 0.0,
    )


def _check(gradients: Mapping[str, Array]) -> None:
    if not gradients:
        raise SettingError("pull_maps: give the gradient of at least one term")
    shapes = {term: gradient.shape for term, gradient in gradients.items()}
    if len(set(shapes.values())) > 1:
        raise ShapeError(f"pull_maps: the gradients must have one shape, not {shapes}")
    for term, gradient in gradients.items():
        if not np.isfinite(gradient).all():
            raise NonFiniteError(
                f"pull_maps: the gradient of {term} is not finite: use smaller weights, or look "
                "for NaN and infinity in the network"
            )


keep_former_names(__name__, {"gradient_terms": "nst_numpy.objective.Objective.gradient_terms"})
