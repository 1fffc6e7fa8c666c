"""What α and β mean: the factors that programs put before the same two sums of squares.

In every program that compares Gram matrices, J is made of two kinds of sums: Σ (a − a^(C))² over
an activation, and Σ (G^(G) − G^(S))² over a Gram matrix. What stands before them differs: nothing,
½, or a division by numbers of positions and channels, which depend on the layer and on the size of
the picture. So a β of 100 in one program is another in the next. Here each program's factors are
said once, as multiples of the lecture's; `Objective` multiplies its coefficients by them, and
`convert` divides those of one program by those of another.

Equations (70) to (72) in docs/mathematics.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Literal, NamedTuple, Protocol, get_args

import numpy as np

from nst_numpy.common.arrays import Array, Shape
from nst_numpy.common.checks import check_at_least, check_number, is_whole
from nst_numpy.errors import SettingError, did_you_mean
from nst_numpy.losses import joint_variation_loss, total_variation_loss
from nst_numpy.styles import STYLE_LAYERS
from nst_numpy.vgg import VGG
from nst_numpy.weights.vgg_files import KERNELS

Convention = Literal["lecture", "gatys", "coursera", "johnson", "keras"]
CONTENT_LAYERS = {"relu4_2": 1.0}


class Kind(NamedTuple):
    """A program's factors, as multiples of those of the lecture.

    Attributes
    ----------
    text : str
        Whose it is.
    content, style : callable
        (m, c, pixels) -> factor, for a layer of m positions and c channels, and a picture of so
        many pixels.
    averages : bool
        Whether content is a mean over positions. If so, one β serves a picture at any size; if
        content is a sum, β has to grow with the number of pixels.
    layer_weight : float
        λ of each style layer, if nobody says.
    variation : callable
        Total variation: x -> value, gradient for x.
    """

    text: str
    content: Callable[[int, int, int], float] = lambda m, c, pixels: 1.0
    style: Callable[[int, int, int], float] = lambda m, c, pixels: 1.0
    averages: bool = False
    layer_weight: float = 0.2
    variation: Callable[[Array], tuple[float, Array]] = total_variation_loss


def half_variation(x: Array) -> tuple[float, Array]:
    """Half of `joint_variation_loss` with power 1."""
    value, grad_x = joint_variation_loss(x, 1.0)
    return value / 2, grad_x / 2


# what each program divides by, over what the lecture does: content ½, style 1 / (2 m c)²
KINDS: dict[Convention, Kind] = {
    "lecture": Kind("lecture on neural style transfer"),
    "gatys": Kind("Gatys, Ecker and Bethge (2015)"),
    "coursera": Kind(
        "the assignment that goes with the lecture",
        content=lambda m, c, pixels: 2 / (4 * m * c),  # 1 / (4 m c)
        averages=True,
    ),
    "johnson": Kind(
        "jcjohnson/neural-style, neural-style-pt",
        content=lambda m, c, pixels: 2 / (m * c),  # a mean over the activation
        style=lambda m, c, pixels: (2 / c) ** 2,  # G / (m c), and a mean over its c² entries
        averages=True,
        layer_weight=1.0,
        variation=half_variation,
    ),
    "keras": Kind(
        "Keras's example neural_style_transfer",
        content=lambda m, c, pixels: 2.0,  # a plain sum
        style=lambda m, c, pixels: (m * c / (3 * pixels)) ** 2,  # 1 / (4·3²·pixels²)
        variation=lambda x: joint_variation_loss(x, 1.25),
    ),
}
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)


class Factors(NamedTuple):
    """What each layer's term is multiplied by.

    Attributes
    ----------
    content, style : dict of str to float
    """

    content: dict[str, float]
    style: dict[str, float]


class HasShapes(Protocol):
    """What is asked of a network: the shapes of its activations."""

    def feature_shapes(
        self, shape: tuple[int, ...], /, names: Iterable[str] | None = None
    ) -> dict[str, tuple[int, ...]]:
        """Return the shape of each layer's activation for an input of `shape`."""


def check_convention(name: object, style_loss: str = "gram", losses: object = None) -> Convention:
    """Refuse a convention that there is not, and one beside a loss that it says nothing of.

    Raises
    ------
    SettingError

    Examples
    --------
    >>> check_convention("jonson")
    Traceback (most recent call last):
    nst_numpy.errors.SettingError: unknown convention 'jonson': did you mean johnson?
    """
    if name not in CONVENTIONS:
        hint = did_you_mean(str(name), CONVENTIONS) or f"choose from {', '.join(CONVENTIONS)}"
        raise SettingError(f"unknown convention {name!r}: {hint}")
    other = "losses of your own" if losses is not None else f"style_loss {style_loss!r}"
    if name != "lecture" and (style_loss != "gram" or losses is not None):
        raise SettingError(
            f"convention {name!r} says what Gram matrices are divided by, and cannot be used with "
            f"{other}: leave out one of the two"
        )
    return name


def factors(
    convention: Convention, network: HasShapes, shape: Shape, content: Iterable[str],
    style: Iterable[str],
) -> Factors:  # fmt: skip
    """Return what a convention multiplies each layer's term by, in units of the lecture's.

    Parameters
    ----------
    convention : {"lecture", "gatys", "coursera", "johnson", "keras"}
    network : VGG, or any object that tells the shapes of its activations
    shape : tuple of int, (N, *sizes, C)
        Of x.
    content, style : iterable of str
        Layers.

    Returns
    -------
    Factors

    Notes
    -----
    Equation (70) in docs/mathematics.
    """
    kind, layers = KINDS[convention], (list(content), list(style))
    pixels = math.prod(shape[:-1])
    sizes = {
        name: (math.prod(a[:-1]), a[-1], pixels)
        for name, a in network.feature_shapes(shape, [*layers[0], *layers[1]]).items()
    }
    return Factors(
        {name: kind.content(*sizes[name]) for name in layers[0]},  # equation (70)
        {name: kind.style(*sizes[name]) for name in layers[1]},
    )


def beta_growth(convention: Convention, pixels: int) -> int:
    """Return what β grows with, so that content and style keep their balance: pixels, or nothing.

    >>> beta_growth("lecture", 65536), beta_growth("johnson", 65536)
    (65536, 1)
    """
    return 1 if KINDS[convention].averages else pixels


def style_layers_of(convention: Convention) -> dict[str, float]:
    """Return the style layers of a convention, and λ of each, for Gram matrices.

    >>> style_layers_of("johnson")["relu1_1"], style_layers_of("gatys")["relu1_1"]
    (1.0, 0.2)
    """
    return dict.fromkeys(STYLE_LAYERS, KINDS[convention].layer_weight)


def convert(
    source: Convention, target: Convention, *, alpha: float, beta: float,
    size: int | tuple[int, int], content_layers: Mapping[str, float] | None = None,
    style_layers: Mapping[str, float] | None = None, network: HasShapes | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Say in one convention what J is in another: the same function of the picture.

    Parameters
    ----------
    source, target : {"lecture", "gatys", "coursera", "johnson", "keras"}
        From which, and to which.
    alpha, beta : float
        Weights of content and style in `source`.
    size : int or (int, int)
        Side of a square, or height and width, in pixels: of what the network reads, so with the
        margin, if there is one.
    content_layers, style_layers : mapping of str to float, optional
        λ of each layer in `source`; default relu4_2, and relu1_1 … relu5_1 as there.
    network : VGG, or any object that tells the shapes of its activations, optional
        Default: a VGG-19, which has all of VGG-16's layers, and with the same shapes.

    Returns
    -------
    dict
        convention, alpha, beta, content_layers and style_layers: settings of `transfer`. Where the
        factors of all layers are in one ratio, λ stay as they are. If not, no α or β alone will
        do: then λ change, and their sum stays.

    Raises
    ------
    SettingError, UnknownNameError, ShapeError
        A convention, number or layer that there is not; a size too small for the layers.

    Notes
    -----
    Equation (71) in docs/mathematics. The total variation is not converted: (9) and (72) are
    different functions.

    Examples
    --------
    At 512×512 pixels neural-style's defaults are, as the lecture writes J:

    >>> lecture = convert("johnson", "lecture", alpha=5, beta=100, size=512)
    >>> lecture["alpha"] == 5 * 2 / (64 * 64 * 512)
    True
    >>> [round(weight * 86 / 5, 9) for weight in lecture["style_layers"].values()]
    [64.0, 16.0, 4.0, 1.0, 1.0]
    """
    source, target = check_convention(source), check_convention(target)
    content = _check_layers(CONTENT_LAYERS if content_layers is None else content_layers)
    style = _check_layers(style_layers_of(source) if style_layers is None else style_layers)
    shape = (1, *_check_size(size), 3)
    place = _shapes_of_vgg() if network is None else network, shape, content, style
    there, here = factors(source, *place), factors(target, *place)
    alpha, content = _converted(check_number("alpha", alpha), content, there.content, here.content)
    beta, style = _converted(check_number("beta", beta), style, there.style, here.style)
    return {"convention": target, "alpha": alpha, "beta": beta, "content_layers": content,
            "style_layers": style}  # fmt: skip


def _converted(
    weight: float, layers: dict[str, float], there: dict[str, float], here: dict[str, float]
) -> tuple[float, dict[str, float]]:
    """Convert α or β and its layers: every product with the factors stays as it was."""
    ratios = {name: there[name] / here[name] for name in layers}
    if not any(layers.values()):
        return weight, layers
    mean = sum(layers[n] * ratios[n] for n in layers) / sum(layers.values())  # equation (71)
    if math.isclose(min(ratios.values()), max(ratios.values()), rel_tol=1e-12):
        return weight * mean, layers
    return weight * mean, {n: layers[n] * ratios[n] / mean for n in layers}  # equation (71)


def _check_layers(layers: Mapping[str, float]) -> dict[str, float]:
    return {name: check_number(f"the weight of {name}", v) for name, v in layers.items()}


def _check_size(size: int | tuple[int, int]) -> tuple[int, int]:
    """Return height and width of a picture; one number is a square."""
    sides = (size, size) if is_whole(size, None) else size
    if not isinstance(sides, (tuple, list)) or len(sides) != 2:
        raise SettingError(f"size must be one number of pixels, or height and width, not {size!r}")
    height, width = (check_at_least("size", side, 1, " pixels") for side in sides)
    return height, width


@cache
def _shapes_of_vgg() -> VGG:
    """Make a VGG-19 that only tells shapes: all its numbers are one zero."""
    zero = np.float32(0)
    return VGG({
        name: (np.broadcast_to(zero, shape), np.broadcast_to(zero, shape[-1:]))
        for name, shape in KERNELS["vgg19"].items()
    })  # fmt: skip
