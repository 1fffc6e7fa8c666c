"""A picture that excites a unit: start from noise, and climb.

Patches show which of the pictures at hand a channel likes best; this shows what it would
like if anything could be painted. Activation alone gives dazzling noise, since a network
answers to patterns that no photograph has. So the picture is asked to be smooth (total
variation) and to stay within black and white.

    J(x) = − activation(x) / s + τ J_tv(x) / n + J_bound(x) / n

s makes J's units the same for every channel: the activation's gradient has length 1 a
pixel value, root mean square, where the run starts. n is the number of pixel values.
Simonyan et al. (2014), section 2; Mahendran and Vedaldi (2016) for the regularisers.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from nst_numpy.common.arrays import Array, Image
from nst_numpy.common.checks import check_at_least, check_number, unwarned
from nst_numpy.kernels.memory import gives_memory_back
from nst_numpy.look.drive import check_channel
from nst_numpy.losses import total_variation_loss
from nst_numpy.optimize import Minimum, OptimizerName, Step, run_optimizer
from nst_numpy.pictures.images import MEAN_BGR, PIXEL_HIGH, PIXEL_LOW, deprocess
from nst_numpy.receptive_field import receptive_box
from nst_numpy.vgg import VGG

SIZE, ITERATIONS, TV_WEIGHT = 128, 60, 0.005
CONTRAST = 8.0  # standard deviation of the noise at the start, in pixel values, around grey


class UnitExcitement:
    """The function that a dream minimises: call it with x for J(x) and ∂J/∂x.

    For a ReLU's channel the mean is taken of the convolution below it: where the ReLU is
    off, it has no gradient that could turn it on.
    """

    def __init__(
        self,
        vgg: VGG,
        layer: str,
        channel: int,
        start: Array,
        *,
        tv_weight: float = TV_WEIGHT,
        position: tuple[int, int] | None = None,
    ) -> None:
        check_channel("dream", vgg, layer, channel)
        check_number("dream: tv_weight", tv_weight)
        if position is not None:  # refuses one that is not on the map
            receptive_box(layer, *position, start.shape[1:3], vgg)
        self.vgg = vgg
        is_relu = vgg.layers[layer].kind == "relu"
        self.layer = (vgg.below(layer) or layer) if is_relu else layer
        self.tv_weight = tv_weight
        place = (slice(None), slice(None)) if position is None else position
        self.unit = (0, *place, channel)
        with unwarned():
            steepness = float(np.sqrt(np.mean(self.activation(start)[1] ** 2)))
        self.scale = 1 / (start.size * (steepness or 1.0))

    def activation(self, x: Array) -> tuple[float, Array]:
        """Return the channel's mean activation, or that of the position, and its gradient."""
        a = self.vgg.forward(x, [self.layer])[self.layer]
        grad = np.zeros_like(a)
        grad[self.unit] = 1 / a[self.unit].size
        return float(a[self.unit].mean()), self.vgg.backward({self.layer: grad})

    def __call__(self, x: Array) -> tuple[float, Array]:
        """Return J(x) and ∂J/∂x."""
        value, grad = self.activation(x)
        value, grad = -value * self.scale, grad * -x.dtype.type(self.scale)
        for weight, (term, term_grad) in (
            (self.tv_weight, total_variation_loss(x)),
            (1.0, bound_loss(x)),
        ):
            value += weight / x.size * term
            grad += x.dtype.type(weight / x.size) * term_grad
        return value, grad


def bound_loss(x: Array) -> tuple[float, Array]:
    """Half the sum of squares by which pixels are outside black and white, and its gradient.

    >>> value, grad = bound_loss(np.array([[[[-103.939 - 2, 0, 0]]]]))
    >>> round(value, 3), np.round(grad, 3).tolist()
    (2.0, [[[[-2.0, 0.0, 0.0]]]])
    """
    excess = x - np.clip(x, PIXEL_LOW.astype(x.dtype), PIXEL_HIGH.astype(x.dtype))
    return 0.5 * float(np.vdot(excess, excess)), excess


@gives_memory_back
def paint_dream(
    vgg: VGG,
    layer: str,
    channel: int,
    *,
    size: int = SIZE,
    iterations: int = ITERATIONS,
    seed: int = 0,
    tv_weight: float = TV_WEIGHT,
    position: tuple[int, int] | None = None,
    optimizer: OptimizerName = "lbfgs",
    learning_rate: float | None = None,
    callback: Callable[[Step], object] | None = None,
) -> tuple[Image, Minimum]:
    """Paint, from noise, a picture that excites a channel, and tell how the run ended.

    Parameters
    ----------
    vgg : VGG
        With pool="max", as the network was trained, or "avg", which is smoother.
    layer : str
    channel : int
    size : int
        Side of the square picture, in pixels.
    iterations : int
        Steps of the optimiser.
    seed : int
        Of the noise.
    tv_weight : float
        τ: larger is smoother, 0 leaves the activation alone.
    position : (row, col), optional
        Excite the channel at this position of its map only; default the mean of all.
    optimizer : {"lbfgs", "gd", "adam"}
    learning_rate : float, optional
        In pixel values, for "gd" and "adam"; see `run_optimizer`.
    callback : callable, optional
        Called with a `Step` after each iteration; True ends the run.

    Returns
    -------
    image : ndarray, uint8 (size, size, 3)
        RGB.
    minimum : Minimum
        The losses, and why the optimiser stopped. Where J has risen, or was no longer finite,
        the picture is the best one.

    Raises
    ------
    UnknownNameError, SettingError, ShapeError
        For a layer, channel, position or number that cannot be.
    NonFiniteError
        If J is not finite at the start.

    Examples
    --------
    >>> vgg = VGG.random((4, 8), np.random.default_rng(0))
    >>> image, minimum = paint_dream(vgg, "relu2_1", 3, size=16, iterations=2)
    >>> image.shape, minimum.reason
    ((16, 16, 3), 'iterations')
    """
    check_at_least("dream: size", size, 1)
    check_at_least("dream: iterations", iterations, 1)
    check_at_least("dream: seed", seed, 0)
    rng = np.random.default_rng(seed)
    noise = 127.5 - MEAN_BGR + CONTRAST * rng.standard_normal((1, size, size, 3))
    start = noise.astype(vgg.dtype)
    objective = UnitExcitement(vgg, layer, channel, start, tv_weight=tv_weight, position=position)
    minimum = run_optimizer(
        optimizer, objective, start, iterations, learning_rate=learning_rate, callback=callback
    )
    return deprocess(minimum.x), minimum


def dream(vgg: VGG, layer: str, channel: int, **options: Any) -> Image:
    """Paint, from noise, a picture that excites a channel: that of `paint_dream`, alone.

    Examples
    --------
    >>> vgg = VGG.random((4, 8), np.random.default_rng(0))
    >>> dream(vgg, "relu2_1", 3, size=16, iterations=2).shape
    (16, 16, 3)
    """
    return paint_dream(vgg, layer, channel, **options)[0]
