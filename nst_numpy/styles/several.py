"""Several paintings at once, each with its weight, and each with regions if it has masks.

    J_style = Σ_s w_s r_s J_style,s

Each painting is a style of its own, as `kinds` measures it; their terms and gradients add up. r_s
is the part of the picture that counts for painting s. J_style of a region is divided by the square
of the region's positions, as (5) is by the square of all; with r_s a region's place is drawn as
strongly as it would be if the region were the whole picture.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from nst_numpy.common.arrays import Array, Shape
from nst_numpy.errors import SettingError
from nst_numpy.losses import Losses
from nst_numpy.styles.kinds import LayerByLayer, Network, Style, StyleLoss, Term, measure_style
from nst_numpy.styles.regions import WHOLE, Regions, check_sizes


class Painting(NamedTuple):
    """One of several style pictures.

    Attributes
    ----------
    x : ndarray, (N', *sizes', C)
        What the network reads.
    weight : float
        How much it counts; one that counts 0 is left out.
    regions : Regions
        Where it is taken from and goes to: masks of the sizes of x, and of the generated picture.
    """

    x: Array
    weight: float = 1.0
    regions: Regions = WHOLE


class SeveralStyles:
    """Some paintings, measured, as `Style` is: equation (67).

    Parameters
    ----------
    name, vgg, shape, coefficients, losses
        As in `measure_style`.
    paintings : sequence of Painting

    Attributes
    ----------
    styles : dict of int to Style
        By the painting's number, from 1.
    targets : dict of int to what each compares with
    """

    def __init__(
        self, name: StyleLoss, vgg: Network, shape: Shape, paintings: Sequence[Painting],
        coefficients: Mapping[str, float], losses: Losses | None = None,
    ) -> None:  # fmt: skip
        self.count = len(paintings)
        self.styles: dict[int, Style] = {}
        for number, (x, weight, regions) in enumerate(paintings, start=1):
            if weight:
                factor = weight * covered(regions, shape)  # equation (67)
                of_layers = {layer: factor * value for layer, value in coefficients.items()}
                self.styles[number] = measure_style(name, vgg, shape, x, of_layers, losses, regions)

    @property
    def targets(self) -> dict[int, Any]:
        """What each painting is compared with."""
        return {number: style.targets for number, style in self.styles.items()}

    @property
    def matches(self) -> dict[int, Any] | None:
        """The neighbours in each painting, by its number; None if there are none."""
        found = {number: getattr(s, "matches", None) for number, s in self.styles.items()}
        return None if None in found.values() else found

    @cached_property
    def floor(self) -> float:
        """What J_style cannot fall below, as no picture is like two paintings at once.

        The sum of k_s d²(G, S_s) is at least the sum of k_s k_t d²(S_s, S_t) over pairs, divided
        by that of all k: Gram matrices reach it at their mean. Of paintings that have regions,
        and of neighbours, it is not known, and counts as 0.
        """
        whole = [
            style for style in self.styles.values()
            if isinstance(style, LayerByLayer) and style.regions.content is None
        ]  # fmt: skip
        total = 0.0
        for layer in whole[0].coefficients if whole else ():
            weights = sum(style.coefficients[layer] for style in whole)
            for one, other in combinations(whole, 2):
                product = one.coefficients[layer] * other.coefficients[layer]
                total += product / weights * one.apart(other, layer)
        return total

    def terms(self, features: Mapping[str, Array]) -> Iterator[Term]:
        """Yield "style/NUMBER/LAYER" for each layer of each painting; of one, "style/LAYER"."""
        for number, style in self.styles.items():
            for term, value, grads in style.terms(features):
                name = term.replace("style/", f"style/{number}/", 1) if self.count > 1 else term
                yield name, value, grads


def measure_styles(
    name: StyleLoss, vgg: Network, shape: Shape, style_x: Array | Sequence[Painting],
    coefficients: Mapping[str, float], losses: Losses | None = None,
) -> Style:  # fmt: skip
    """Measure one style picture, or several; the parameters are those of `measure_style`.

    Parameters
    ----------
    style_x : ndarray, (N', *sizes', C), or sequence of Painting
    """
    if isinstance(style_x, np.ndarray):
        return measure_style(name, vgg, shape, style_x, coefficients, losses)
    if not any(painting.weight for painting in style_x):
        raise SettingError("no painting counts: give one of them a weight above 0")
    return SeveralStyles(name, vgg, shape, style_x, coefficients, losses)


def covered(regions: Regions, shape: Shape) -> float:
    """Return the part of a picture (N, *sizes, C) that counts, r: 1 if all of it does."""
    mask = regions.content
    if mask is None:
        return 1.0
    check_sizes(mask, shape)
    return float(mask.mean())
