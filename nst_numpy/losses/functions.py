"""Which functions J is made of."""

from collections.abc import Callable
from typing import Any, NamedTuple

from nst_numpy.losses.content import content_loss
from nst_numpy.losses.gram import gram_matrix, style_loss


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
