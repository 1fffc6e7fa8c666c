"""What a run paints with: its pictures at each of its sizes, J there, and what a step costs."""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property

from nst_numpy.balance import style_factor
from nst_numpy.common.arrays import AnyImage, Array, Shape
from nst_numpy.conventions import beta_growth, check_convention
from nst_numpy.errors import SettingError, ShapeError, TooLargeError
from nst_numpy.measure.bounded import SHARE, Means, choose_means
from nst_numpy.measure.estimate import (
    STEP_OVERHEAD,
    Estimate,
    check_memory,
    estimate_run,
    measure_seconds_a_pixel,
    measure_speed,
)
from nst_numpy.measure.free_memory import available_memory
from nst_numpy.network import Network
from nst_numpy.objective import AnyNetwork, Objective
from nst_numpy.own_layers import OwnLayers
from nst_numpy.paintings import MaskPair, Paintings
from nst_numpy.pictures.images import (
    Picture,
    as_exact,
    longest_side,
    preprocess,
    resize_image,
    widen,
)
from nst_numpy.pictures.palette import colors_before
from nst_numpy.settings import BETA_PER_PIXEL, Settings, default_scales, refuse_too_large
from nst_numpy.styles import Painting, check_style_loss, neighbour_cost


class Scales:
    """The pictures of a run at each of its scales, 0 the coarsest, and what stands between them.

    Parameters
    ----------
    settings : Settings
    vgg : VGG, or any object with the methods of `AnyNetwork`
    content, style : path, name of a sample, or ndarray, uint8 (H, W, 3)
        `style` may be a list of several; where one is meant, it is the first.
    own : OwnLayers, optional
        Layers and losses of your own, which take the place of the package's.
    masks : list of (mask, mask), optional
        As in `nst_numpy.transfer`.
    """

    def __init__(
        self,
        settings: Settings,
        vgg: AnyNetwork,
        content: Picture,
        style: Picture | Sequence[Picture],
        own: OwnLayers | None = None,
        masks: Sequence[MaskPair] | None = None,
    ) -> None:
        refuse_too_large(settings)
        self.settings, self.own = settings, own
        self.vgg = own.applied_to(vgg) if own else vgg
        self.losses = own.losses if own else None
        check_style_loss(settings.style_loss, self.losses)
        check_convention(settings.convention, settings.style_loss, self.losses)
        self.scales = default_scales(settings.size) if settings.scales is None else settings.scales
        self.margin = 0 if own and settings.margin is None else settings.used_margin
        self.photograph, self._given = as_exact(content, settings.size), content
        self.paintings = Paintings(style, settings, masks, self.photograph.shape[:2])
        self.style, self.style_size = self.paintings.images[0], self.paintings.sizes[0]
        self.content = colors_before(settings.colors, self.photograph, self.paintings.palette)
        coefficients = settings.coefficients()
        vgg.check_names(coefficients.named)  # a misspelt layer is an error also where it counts 0
        self.names = vgg.check_names(coefficients.names)
        self._plan(None)

    # pictures at a scale

    @property
    def photograph_side(self) -> int:
        """Longest side of the photograph as it was given, in pixels."""
        return longest_side(self._given)

    def shape(self, scale: int) -> tuple[int, int, int, int]:
        """Shape of x at a scale; the last scale has the full size."""
        shrink = 2 ** (self.scales - 1 - scale)
        height, width = self.content.shape[:2]
        return (1, max(1, round(height / shrink)), max(1, round(width / shrink)), 3)

    def canvas_shape(self, scale: int) -> tuple[int, int, int, int]:
        """Shape of what is painted at a scale: x and its margin."""
        one, height, width, channels = self.shape(scale)
        return one, height + 2 * self.margin, width + 2 * self.margin, channels

    def style_shape(self, scale: int, number: int = 0) -> tuple[int, int, int, int]:
        """Shape of a style picture at a scale, as the network reads it.

        A loss that compares activations, and not their Gram matrices, needs that of the content.
        """
        if self.losses is not None and self.losses.compares_activations:
            return self.shape(scale)
        return self.paintings.shape(number, 2 ** (self.scales - 1 - scale))

    def x(self, image: AnyImage, scale: int) -> Array:
        """Turn a picture into what the network reads, with the size of a scale."""
        return self._input(image, self.shape(scale))

    def style_x(self, scale: int, number: int = 0) -> Array:
        """Turn a style picture into what the network reads at a scale."""
        return self._input(self.paintings.images[number], self.style_shape(scale, number))

    def _input(self, image: AnyImage, shape: tuple[int, int, int, int]) -> Array:
        return preprocess(resize_image(image, shape[1:3]), dtype=self.vgg.dtype)

    # J at a scale

    def objective(self, scale: int) -> Objective:
        """Make J at a scale."""
        return self._objective(scale, self.beta(scale), self._styles(scale), self.margin)

    def _objective(
        self, scale: int, beta: float, style: Array | Sequence[Painting], margin: int = 0
    ) -> Objective:
        return Objective(
            self.vgg,
            widen(self.x(self.content, scale), margin),
            style,
            **asdict(self.settings.coefficients(beta)),
            losses=self.losses,
            band_rows=self.means[scale].bands,
        )

    def beta(self, scale: int) -> float:
        """β at a scale: it follows the number of pixels, unless the convention has means."""
        balanced = self.settings.beta is None
        shape = self.canvas_shape(scale) if balanced else self.shape(scale)
        return self._beta_a_pixel * self._growth(shape[1:3])

    def _growth(self, sizes: Sequence[int]) -> int:
        return beta_growth(self.settings.convention, math.prod(sizes))

    def _styles(self, scale: int) -> Array | list[Painting]:
        """Return what J takes its style from: one painting as it is, or several with regions."""
        if self.paintings.plain:
            return self.style_x(scale)
        xs = [self.style_x(scale, number) for number in self.paintings.numbers]
        return self.paintings.measured(xs, self.shape(scale), self.margin, self._betas_a_pixel)

    @property
    def _beta_a_pixel(self) -> float:
        """β by the number of pixels; of several paintings the mean of theirs."""
        return self.paintings.mean(self._betas_a_pixel)

    @cached_property
    def _betas_a_pixel(self) -> list[float]:
        """β of each painting: as given, or balanced at the coarsest scale; by pixels.

        Each is balanced alone and whole: how strong it is does not depend on the others.
        """
        if self.settings.beta is not None:
            given = self.settings.beta / self._growth(self.content.shape[:2])
            return [given for _ in self.paintings.numbers]
        return [BETA_PER_PIXEL * self._style_factor(number) for number in self.paintings.numbers]

    def _style_factor(self, number: int) -> float:
        any_beta = BETA_PER_PIXEL * self._growth(self.shape(0)[1:3])
        pictures = self.x(self.content, 0), self.x(self.paintings.images[number], 0)
        objective = self._objective(0, any_beta, self.style_x(0, number))
        chosen = self.settings.strength, self.settings.style_loss
        return style_factor(objective, *pictures, *chosen)

    # what it costs

    def _plan(self, memory: int | None) -> None:
        """Say how each scale is painted within so many bytes; None: as if all fitted."""
        whole = Means(None, self.settings.optimizer)
        self.means = [whole for _ in range(self.scales)]
        for scale in range(self.scales):
            estimate = None if memory is None else self.estimate(scale)
            if memory is not None and estimate is not None and estimate.bytes > memory:
                self.means[scale] = self._in_bands(scale, memory)

    def _plan_for_what_is_free(self, free: int) -> int:
        """Plan for 60 % of what is free; for all of it where nothing else goes; return which."""
        try:
            self._plan(int(SHARE * free))
        except TooLargeError:
            self._plan(free)
            return free
        return int(SHARE * free)

    def _in_bands(self, scale: int, memory: int) -> Means:
        assert isinstance(self.vgg, Network)
        styles = [self.style_shape(scale, number) for number in self.paintings.numbers]
        pictures = 3 * self.content.size + sum(image.size for image in self.paintings.images)
        return choose_means(
            self.vgg,
            self.canvas_shape(scale),
            self.names,
            memory,
            self.settings.optimizer,
            styles,
            more=pictures + self._neighbour_bytes(scale, styles),
            said=self.settings.memory is not None,
        )

    def _neighbour_bytes(self, scale: int, styles: Sequence[Shape]) -> int:
        """Bytes of the columns of neighbours, which are there whole."""
        if self.settings.style_loss != "neighbours":
            return 0
        assert isinstance(self.vgg, Network)
        shape = self.canvas_shape(scale)
        layers = self.vgg.feature_shapes(shape, self.settings.coefficients().style)
        itemsize = self.vgg.dtype.itemsize
        whole = sum(math.prod(layer) for layer in layers.values()) * itemsize
        return sum(neighbour_cost(layers, shape, style, itemsize).bytes - whole for style in styles)

    def fit(self) -> None:
        """Plan for the memory that may be used; refuse what does not fit there.

        What is not said is 60 % of the memory that is free, for what does not fit into all of it.
        """
        estimate, memory = self.estimate(), self.settings.memory
        if estimate is None:
            return
        free = available_memory()
        if memory is None and (free is None or estimate.bytes <= free):
            return
        if getattr(self.vgg, "engine", None) != "fused" or self.losses is not None:
            height, width = self.content.shape[:2]
            check_memory(estimate, height, width, memory)
            return
        if memory is not None:
            memory = int(memory)
            self._plan(memory)
        else:
            memory = self._plan_for_what_is_free(free or 0)
        if any(means.bands for means in self.means):
            self.settings = replace(self.settings, memory=memory)

    def estimate(self, scale: int | None = None) -> Estimate | None:
        """Estimate the cost of a scale, the largest; None for a network that does not tell its own.

        That of the whole picture at a time.
        """
        last = self.scales - 1 if scale is None else scale
        if not isinstance(self.vgg, Network):
            return None
        with_neighbours = self.settings.style_loss == "neighbours"
        return estimate_run(
            self.vgg,
            self.canvas_shape(last),
            self.names,
            self.settings.optimizer,
            self.style_shape(last),
            self.settings.coefficients().style if with_neighbours else (),
            [self.style_shape(last, number) for number in self.paintings.numbers[1:]],
        )

    @cached_property
    def _seconds_of_step(self) -> tuple[float, float]:
        """Estimate the time of an iteration at the full size, and of a search for neighbours."""
        estimate, search = self.estimate(), 0.0
        if estimate is not None and getattr(self.vgg, "engine", None) == "fused":
            speed = measure_speed(self.vgg.dtype)
            step, search = estimate.multiplications / speed * STEP_OVERHEAD, estimate.search / speed
        else:
            pixels = math.prod(self.canvas_shape(self.scales - 1)[1:3])
            step = pixels * measure_seconds_a_pixel(self.vgg, self.names)
        return step, search

    def _check_smallest(self) -> None:
        """Refuse pictures that leave the deepest layer no position, at the coarsest scale."""
        if not self.names:
            return
        styles = [("style", self.style_shape(0, number)) for number in self.paintings.numbers]
        for what, shape in [("content", self.shape(0)), *styles]:
            try:
                self.vgg.feature_shapes(shape, self.names)
            except ShapeError as error:
                raise SettingError(
                    f"the {what} picture is only {shape[2]}×{shape[1]} pixels at the coarsest "
                    f"scale, too small for {self.names[-1]}: use a larger size, fewer scales, "
                    "or a less narrow picture"
                ) from error
