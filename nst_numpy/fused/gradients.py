"""A gradient that is made when it is needed, a part at a time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array, Shape
from nst_numpy.kernels.memory import scratch_array
from nst_numpy.kernels.parts import WHOLE, EachPart, one_after_the_other
from nst_numpy.kernels.products import multiply
from nst_numpy.losses import (
    MeanAndCovariance,
    TransportPull,
    style_pull,
    wasserstein_pull,
)


class GradientInParts:
    """∂J/∂a of a layer, added to a part of the whole when the way back gets there.

    Whole, it would be as large as the activation. It can be added to an array and multiplied
    by a number like one, and `np.asarray` makes an array of it.

    Parameters
    ----------
    shape, dtype : of the activation
    add_to : callable
        add_to(part, place) adds its part to `part`; see `kernels.parts`.
    """

    __array_ufunc__ = None  # array + gradient is then this class's business

    def __init__(self, shape: Shape, dtype: np.dtype[Any], add_to: EachPart) -> None:
        self.shape, self.dtype, self.add_to = shape, dtype, add_to

    def __add__(self, other: "Array | GradientInParts") -> "GradientInParts":
        """Return the sum, also in parts."""
        more = other.add_to if isinstance(other, GradientInParts) else adds(other)
        return GradientInParts(self.shape, self.dtype, one_after_the_other(self.add_to, more))

    __radd__ = __add__

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the whole gradient."""
        whole = np.zeros(self.shape, self.dtype)
        self.add_to(whole, WHOLE)
        return whole if dtype is None else whole.astype(dtype, copy=False)


def adds(grad: Array) -> EachPart:
    """Turn a gradient that is an array into the function that adds a part of it."""

    def add_to(part: Array, place: tuple[Any, ...]) -> None:
        part += grad[place]

    return add_to


def style_loss_in_parts(
    a: Array, target_gram: Array, coefficient: float = 1.0, mask: Array | None = None
) -> tuple[float, GradientInParts]:
    """Do what `losses.style_loss` does; the gradient is multiplied out a part at a time.

    The gradient is a @ pull at every position.

    Parameters
    ----------
    a, target_gram, mask : as in `style_loss`
    coefficient : float
        What value and gradient are multiplied by.

    Returns
    -------
    value : float
    grad_a : GradientInParts
    """
    value, pull = style_pull(a, target_gram, mask)
    pull *= coefficient
    return coefficient * value, GradientInParts(a.shape, a.dtype, adds_pull(a, pull, mask))


def adds_pull(a: Array, pull: Array, mask: Array | None = None) -> EachPart:
    """Make what adds a @ pull to a part; with a mask, each position as much as it counts."""
    counts = _counts(a, mask)

    def add_to(part: Array, place: tuple[Any, ...]) -> None:
        # (…, C) -> (M', C)
        f = a[place].reshape(-1, a.shape[-1])
        product = scratch_array("style", f.shape, f.dtype)
        multiply(f, pull, product)  # (M', C) @ (C, C) -> (M', C)
        _add(part, product, counts, place)

    return add_to


def wasserstein_loss_in_parts(
    a: Array, target: MeanAndCovariance, coefficient: float = 1.0, mask: Array | None = None
) -> tuple[float, GradientInParts]:
    """Do what `losses.wasserstein_loss` does, in parts likewise.

    The gradient is (a − mean) @ pull + shift at every position.

    Parameters
    ----------
    a, target, mask : as in `wasserstein_loss`
    coefficient : float
        What value and gradient are multiplied by.

    Returns
    -------
    value : float
    grad_a : GradientInParts
    """
    value, transport = wasserstein_pull(a, target, mask)
    add_to = adds_transport(a, transport, coefficient, mask)
    return coefficient * value, GradientInParts(a.shape, a.dtype, add_to)


def adds_transport(
    a: Array, transport: TransportPull, coefficient: float, mask: Array | None = None
) -> EachPart:
    """Make what adds coefficient · ((a − mean) @ pull + shift) to a part, likewise."""
    mean, pull, shift = transport
    pull, shift, counts = pull * coefficient, shift * coefficient, _counts(a, mask)

    def add_to(part: Array, place: tuple[Any, ...]) -> None:
        # (…, C) -> (M', C)
        f = a[place].reshape(-1, a.shape[-1])
        centred = scratch_array("centred style", f.shape, f.dtype)
        np.subtract(f, mean, out=centred)
        product = scratch_array("style", f.shape, f.dtype)
        multiply(centred, pull, product)  # (M', C) @ (C, C) -> (M', C)
        product += shift
        _add(part, product, counts, place)

    return add_to


def _counts(a: Array, mask: Array | None) -> Array | None:
    """Give a mask the axes of a: (*sizes,) -> (N, *sizes, 1), to be taken by the same places."""
    if mask is None:
        return None
    whole: Array = np.broadcast_to(mask, a.shape[:-1])[..., None].astype(a.dtype)
    return whole


def _add(part: Array, product: Array, counts: Array | None, place: tuple[Any, ...]) -> None:
    """Add (M', C) to a part; with a mask, each position as much as it counts."""
    product = product.reshape(part.shape)
    if counts is not None:
        product *= counts[place]
    part += product
