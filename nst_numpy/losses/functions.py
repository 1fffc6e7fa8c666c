"""Which functions J is made of."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.common.checks import check_answer
from nst_numpy.losses.content import content_loss
from nst_numpy.losses.gram import gram_matrix, style_loss
from nst_numpy.losses.positions import counted_positions


class Losses(NamedTuple):
    """The functions that J is made of; somebody may put others in their place.

    Attributes
    ----------
    content_loss, style_loss : callable
        (a, target) -> value, gradient for a.
    gram_matrix : callable
        a -> (C, C).
    compares_activations : bool
        Whether `style_loss` takes the style picture's activation, of a's shape, as its target.
        The lecture writes it so; else it takes that activation's Gram matrix.
    """

    content_loss: Callable[..., Any] = content_loss
    gram_matrix: Callable[..., Any] = gram_matrix
    style_loss: Callable[..., Any] = style_loss
    compares_activations: bool = False


def weighted(a: Array, mask: Array | None) -> Array:
    """Multiply the activations (N, *sizes, C) by the square root of a mask (*sizes,).

    Their Gram matrix is then that with the mask, (60).

    >>> a, mask = np.array([[[[1.0, 2.0], [3.0, 0.0]]]]), np.array([[1.0, 0.25]])
    >>> bool((gram_matrix(weighted(a, mask)) == gram_matrix(a, mask)).all())
    True
    """
    return a if mask is None else a * np.sqrt(mask, dtype=a.dtype)[..., None]


def with_masks(losses: Losses) -> Losses:
    """Let functions that know of no masks take one: they see weighted activations.

    Parameters
    ----------
    losses : Losses
        Whose `style_loss` is (5), and knows the number of positions from the shape alone.

    Returns
    -------
    Losses
        `gram_matrix` and `style_loss` take a mask (*sizes,) as the last argument.

    Notes
    -----
    Equations (61) and (62) in docs/mathematics follow from (5) and (6) by the chain rule.
    """

    def own_gram(a: Array, mask: Array | None = None) -> Any:
        return losses.gram_matrix(weighted(a, mask))

    def own_style(a: Array, target: Array, mask: Array | None = None) -> Any:
        answer = losses.style_loss(weighted(a, mask), target)
        if mask is None:
            return answer
        value, grad = check_answer("style_loss", answer, a.shape)
        m = a.size // a.shape[-1]
        factor = (m / counted_positions(mask, m)) ** 2  # (5) has all positions, (61) those counted
        return factor * value, weighted(grad * a.dtype.type(factor), mask)

    return losses._replace(gram_matrix=own_gram, style_loss=own_style)
