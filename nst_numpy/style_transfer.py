"""The main job: two pictures in, one picture out."""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from nst_numpy.arrays import Array, Image
from nst_numpy.errors import NonFiniteError, SettingError, ShapeError
from nst_numpy.files import check_folder
from nst_numpy.measure.estimate import (
    STEP_OVERHEAD,
    Estimate,
    check_memory,
    estimate_run,
    measure_speed,
)
from nst_numpy.objective import CONTENT_LAYERS, STYLE_LAYERS, Objective, check_weights
from nst_numpy.optimize import LEARNING_RATES, OPTIMIZERS, Minimum, Step, run_optimizer
from nst_numpy.pictures.images import (
    Picture,
    as_image,
    deprocess,
    preprocess,
    resize_image,
    save_image,
)
from nst_numpy.vgg import POOLS, VGG

# J_content is a sum over positions, J_style is divided by their square, as in the lecture.
# A β that grows with the picture keeps the balance that the eye sees. The value was chosen
# by looking: see docs/defaults.
BETA_PER_PIXEL = 0.1
SMALLEST_SIZE = 16
# Painted at one size only, a picture larger than this gets strokes but no large forms: units
# of relu5_1 see 132 pixels. By default a run begins at a size that is not larger.
COARSEST_SIZE = 256


@dataclass(frozen=True)
class Settings:
    """All that decides what a run computes; the same settings give the same picture."""

    size: int = 512
    iterations: int = 150
    alpha: float = 1.0
    beta: float | None = None
    tv_weight: float = 0.0
    content_layers: Mapping[str, float] = field(default_factory=lambda: dict(CONTENT_LAYERS))
    style_layers: Mapping[str, float] = field(default_factory=lambda: dict(STYLE_LAYERS))
    init: str = "content"
    seed: int = 0
    pool: str = "avg"
    optimizer: str = "lbfgs"
    learning_rate: float | None = None
    scales: int | None = None
    style_size: int | None = None

    def __post_init__(self) -> None:
        """Refuse at the door what cannot work."""
        for f in fields(self):
            # JSON knows Python's numbers only
            object.__setattr__(self, f.name, _plain(getattr(self, f.name)))
        style_size = self.size if self.style_size is None else self.style_size
        sizes = {"size": self.size, "style_size": style_size}
        scales = 1 if self.scales is None else self.scales
        counts = {"iterations": self.iterations, "scales": scales}
        for name, value in (sizes | counts | {"seed": self.seed}).items():
            if not isinstance(value, int):
                raise SettingError(f"{name} must be a whole number, not {value!r}")
        for name, size in sizes.items():
            if size < SMALLEST_SIZE:
                raise SettingError(f"{name} must be at least {SMALLEST_SIZE} pixels, not {size}")
        for name, count in counts.items():
            if count < 1:
                raise SettingError(f"{name} must be at least 1, not {count}")
        if self.size >> (scales - 1) < SMALLEST_SIZE:
            raise SettingError(
                f"{scales} scales from size {self.size} end below {SMALLEST_SIZE} pixels: "
                "use fewer scales or a larger size"
            )
        if self.seed < 0:
            raise SettingError(f"seed must be at least 0, not {self.seed}")
        for name, choice, choices in (
            ("pool", self.pool, tuple(POOLS)),
            ("optimizer", self.optimizer, OPTIMIZERS),
        ):
            if choice not in choices:
                raise SettingError(f"{name} must be one of {', '.join(choices)}, not {choice!r}")
        rate = self.learning_rate
        if rate is not None and not (math.isfinite(rate) and rate > 0):
            raise SettingError(f"learning_rate must be a finite number above 0, not {rate}")
        beta = 1.0 if self.beta is None else self.beta
        check_weights(self.alpha, beta, self.content_layers, self.style_layers, self.tv_weight)


def default_scales(size: int) -> int:
    """Count the sizes from `COARSEST_SIZE` or less up to `size`, each twice the one before.

    >>> [default_scales(size) for size in (200, 256, 257, 512, 1024)]
    [1, 1, 2, 2, 3]
    """
    return 1 + max(0, math.ceil(math.log2(size / COARSEST_SIZE)))


@dataclass
class Progress:
    """What a callback is told after each iteration, over all scales.

    Attributes
    ----------
    iteration, iterations : int
        Done, and to do in all.
    loss : float
        J of the picture so far, and `terms` its parts.
    seconds : float
        Since the run started.
    """

    iteration: int
    iterations: int
    loss: float
    terms: dict[str, float]
    seconds: float
    x: Array

    @property
    def image(self) -> Image:
        """The picture so far, uint8 (H, W, 3)."""
        return deprocess(self.x)


@dataclass
class Result:
    """A finished run.

    Attributes
    ----------
    image : ndarray, uint8 (H, W, 3)
    history : list of dict
        One entry an iteration: iteration, height, width, loss, terms, seconds.
    settings : dict
        Every setting with the value that was used, ready for JSON.
    message : str
        Why the run stopped, in plain words.
    reason : str
        The same in one word: "iterations", "stalled", "stopped", "interrupted" or "not finite".
    """

    image: Image
    history: list[dict[str, Any]]
    settings: dict[str, Any]
    message: str
    reason: str


Callback = Callable[[Progress], object]


def transfer(
    content: Picture,
    style: Picture,
    *,
    size: int = Settings.size,
    iterations: int = Settings.iterations,
    alpha: float = Settings.alpha,
    beta: float | None = Settings.beta,
    tv_weight: float = Settings.tv_weight,
    content_layers: Mapping[str, float] | None = None,
    style_layers: Mapping[str, float] | None = None,
    init: Picture = Settings.init,
    seed: int = Settings.seed,
    pool: str = Settings.pool,
    optimizer: str = Settings.optimizer,
    learning_rate: float | None = Settings.learning_rate,
    scales: int | None = Settings.scales,
    style_size: int | None = Settings.style_size,
    snapshot_every: int | None = None,
    snapshot_folder: str | Path | None = None,
    callback: Callback | None = None,
    progress: bool = False,
    weights: str | Path | None = None,
    vgg: VGG | None = None,
) -> Result:
    """Paint the content picture in the style of the other.

    Parameters
    ----------
    content, style : path or ndarray, uint8 (H, W, 3)
        Two pictures.
    size : int
        Longest side of the result, in pixels.
    iterations : int
        Steps of the optimiser, at each scale.
    alpha, beta : float
        Weights of content and style in J = α J_content + β J_style. beta=None is
        `BETA_PER_PIXEL` times the number of pixels, so that a larger picture looks alike.
    tv_weight : float
        Weight of the total variation; above 0 it smooths the picture.
    content_layers, style_layers : mapping of str to float, optional
        λ of each layer; default {"relu4_2": 1} and relu1_1 … relu5_1 with 0.2 each.
    init : "content", "noise", "style", a path or an ndarray
        The picture to start from.
    seed : int
        Of the noise.
    pool : {"avg", "max"}
    optimizer : {"lbfgs", "gd", "adam"}
    learning_rate : float, optional
        In pixel values, for "gd" and "adam"; see `nst_numpy.optimize`.
    scales : int, optional
        Number of sizes to paint at, coarse to fine, each twice the one before. Default: as
        many as it takes to begin at `COARSEST_SIZE` or less.
    style_size : int, optional
        Longest side of the style picture; default as `size`. Smaller gives finer strokes.
    snapshot_every : int, optional
        Save the picture so far every so many iterations into `snapshot_folder`.
    callback : callable, optional
        Called with a `Progress` after each iteration; a return value of True ends the run.
    progress : bool
        Show a bar with the time left.
    weights : path, optional
        HDF5 file of a VGG-16 or VGG-19; default the bundled VGG-16.
    vgg : VGG, optional
        A network that is loaded already; its pooling then counts.

    Returns
    -------
    Result
        Ctrl-C ends the run early and returns the picture so far.

    Raises
    ------
    SettingError, UnknownNameError, ImageError, WeightsError
        Before the work starts.
    TooLargeError
        If the run does not fit into memory.
    NonFiniteError
        If J is not finite at the start.
    """
    settings = Settings(
        size, iterations, alpha, beta, tv_weight,
        dict(CONTENT_LAYERS if content_layers is None else content_layers),
        dict(STYLE_LAYERS if style_layers is None else style_layers),
        os.fspath(init) if isinstance(init, (str, os.PathLike)) else "picture",
        seed, pool if vgg is None else vgg.pool, optimizer, learning_rate, scales, style_size,
    )  # fmt: skip
    callbacks = [callback] if callback else []
    if snapshot_every is not None or snapshot_folder is not None:
        callbacks.append(snapshot_saver(snapshot_every, snapshot_folder))
    vgg = VGG.load(weights, pool) if vgg is None else vgg
    return Run(settings, vgg, content, style, init).go(callbacks, progress=progress)


class Run:
    """One run: its pictures, its scales, its history.

    Parameters
    ----------
    settings : Settings
    vgg : VGG
    content, style : path or ndarray, uint8 (H, W, 3)
    init : "content", "noise", "style", a path or an ndarray, optional
        Default: what the settings say.

    Raises
    ------
    TooLargeError
        If the run does not fit into memory; other errors as in `transfer`.
    """

    def __init__(
        self,
        settings: Settings,
        vgg: VGG,
        content: Picture,
        style: Picture,
        init: Picture | None = None,
    ) -> None:
        self.settings = settings
        self.vgg = vgg
        self.style_size = settings.size if settings.style_size is None else settings.style_size
        self.scales = default_scales(settings.size) if settings.scales is None else settings.scales
        self.content = as_image(content, settings.size)
        self.style = as_image(style)
        self.names = self._used_layers()
        self.init = self._read_init(settings.init if init is None else init)
        self.history: list[dict[str, Any]] = []
        self.iterations = settings.iterations * self.scales
        self._check_smallest()
        check_memory(self.estimate(), *self.content.shape[:2])

    def _used_layers(self) -> list[str]:
        """Sort the layers with a coefficient above 0; a misspelt one is an error in any case."""
        s = self.settings
        beta = 1.0 if s.beta is None else s.beta
        weighted = [*_weighted(s.alpha, s.content_layers), *_weighted(beta, s.style_layers)]
        self.vgg.check_names({**s.content_layers, **s.style_layers})
        return self.vgg.check_names(weighted)

    def shape(self, scale: int) -> tuple[int, int, int, int]:
        """Shape of x at a scale; the last scale has the full size."""
        shrink = 2 ** (self.scales - 1 - scale)
        height, width = self.content.shape[:2]
        return (1, max(1, round(height / shrink)), max(1, round(width / shrink)), 3)

    def estimate(self) -> Estimate:
        """Estimate the cost of the largest scale."""
        last = self.scales - 1
        style = (1, *self._style_shape(last), 3)
        return estimate_run(
            self.vgg, self.shape(last), self.names, self.settings.optimizer, style_shape=style
        )

    @cached_property
    def expected_seconds(self) -> float:
        """Estimate the time of the whole run, from a convolution that is timed once."""
        step = self.estimate().multiplications / measure_speed(self.vgg.dtype) * STEP_OVERHEAD
        # each coarser scale has a quarter of the pixels
        return self.settings.iterations * step * sum(0.25**k for k in range(self.scales))

    def go(self, callbacks: Sequence[Callback] = (), *, progress: bool = False) -> Result:
        """Paint, from the coarsest scale to the finest; show a bar if `progress`."""
        self._started = time.perf_counter()
        minimum: Minimum | None = None
        with tqdm(total=self.iterations, disable=not progress, unit="it") as bar:
            for scale in range(self.scales):
                try:
                    minimum = self._paint(scale, minimum, [_bar_updater(bar), *callbacks])
                except (KeyboardInterrupt, NonFiniteError) as error:  # between two scales
                    if minimum is None:
                        raise
                    minimum.end_early(error)
                if minimum.reason not in ("iterations", "stalled"):
                    break
        assert minimum is not None
        image = deprocess(minimum.x)
        if image.shape != self.content.shape:  # stopped at a coarse scale
            image = resize_image(image, self.content.shape[:2])
        message = minimum.message
        if minimum.reason == "iterations":  # of all scales, not of the last alone
            message = f"did the {len(self.history)} iterations asked for"
        return Result(image, self.history, self._used(), message, minimum.reason)

    def _paint(self, scale: int, before: Minimum | None, callbacks: list[Callback]) -> Minimum:
        """Run the optimiser at one scale."""
        shape = self.shape(scale)
        objective = Objective(
            self.vgg,
            self._x(self.content, shape[1:3]),
            self._x(self.style, self._style_shape(scale)),
            alpha=self.settings.alpha,
            beta=self.beta(scale),
            content_layers=self.settings.content_layers,
            style_layers=self.settings.style_layers,
            tv_weight=self.settings.tv_weight,
        )
        start = self._x(self.init if before is None else deprocess(before.x), shape[1:3])

        def record(step: Step) -> bool:
            progress = Progress(
                len(self.history) + 1, self.iterations, step.loss, dict(objective.terms),
                time.perf_counter() - self._started, step.x,
            )  # fmt: skip
            self.history.append(
                {
                    "iteration": progress.iteration,
                    "height": shape[1],
                    "width": shape[2],
                    "loss": progress.loss,
                    "terms": progress.terms,
                    "seconds": round(progress.seconds, 3),
                }
            )
            # every callback is told, also after one that asks to stop
            answers = [callback(progress) for callback in callbacks]
            return any(isinstance(answer, (bool, np.bool_)) and answer for answer in answers)

        return run_optimizer(
            self.settings.optimizer,
            objective,
            start,
            self.settings.iterations,
            learning_rate=self.settings.learning_rate,
            callback=record,
        )

    def beta(self, scale: int) -> float:
        """β at a scale: it follows the number of pixels."""
        pixels = math.prod(self.shape(scale)[1:3])
        if self.settings.beta is None:
            return BETA_PER_PIXEL * pixels
        return self.settings.beta * pixels / math.prod(self.content.shape[:2])

    def _x(self, image: Image, shape: tuple[int, int]) -> Array:
        return preprocess(resize_image(image, shape), dtype=self.vgg.dtype)

    def _style_shape(self, scale: int) -> tuple[int, int]:
        longest = self.style_size / 2 ** (self.scales - 1 - scale)
        factor = longest / max(self.style.shape[:2])
        height, width = (max(1, round(side * factor)) for side in self.style.shape[:2])
        return height, width

    def _read_init(self, init: Picture) -> Image:
        """Read the picture to start from, at its own size."""
        if isinstance(init, str) and init == "content":
            return self.content
        if isinstance(init, str) and init == "style":
            return self.style
        if isinstance(init, str) and init == "noise":
            rng = np.random.default_rng(self.settings.seed)
            return rng.integers(0, 256, self.shape(0)[1:], dtype=np.uint8)
        return as_image(init)

    def _check_smallest(self) -> None:
        """Refuse pictures that leave the deepest layer no position, at the coarsest scale."""
        if not self.names:
            return
        for what, (height, width) in {
            "content": self.shape(0)[1:3],
            "style": self._style_shape(0),
        }.items():
            try:
                self.vgg.feature_shapes((1, height, width, 3), self.names)
            except ShapeError as error:
                raise SettingError(
                    f"the {what} picture is only {width}×{height} pixels at the coarsest "
                    f"scale, too small for {self.names[-1]}: use a larger size, fewer scales, "
                    "or a less narrow picture"
                ) from error

    def _used(self) -> dict[str, Any]:
        height, width = self.content.shape[:2]
        used = asdict(self.settings) | {"height": height, "width": width}
        used |= {"beta": self.beta(self.scales - 1)}
        used |= {"scales": self.scales, "style_size": self.style_size}
        if self.settings.learning_rate is None:  # L-BFGS has none
            used["learning_rate"] = LEARNING_RATES.get(self.settings.optimizer)
        return used


def _weighted(coefficient: float, layers: Mapping[str, float]) -> list[str]:
    return [name for name, weight in layers.items() if coefficient * weight > 0]


def _plain(value: Any) -> Any:
    """Turn NumPy's numbers into Python's, inside a dict too."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return value.item() if isinstance(value, np.generic) else value


def _bar_updater(bar: "tqdm[Any]") -> Callback:
    def update(progress: Progress) -> None:
        bar.set_postfix_str(f"loss {progress.loss:.4g}", refresh=False)
        bar.update()

    return update


def snapshot_saver(every: int | None, folder: str | Path | None) -> Callback:
    """Make a callback that saves every n-th picture as folder/00010.png, folder/00020.png.

    Raises
    ------
    SettingError
        If `every` is less than 1 or one of the two is missing.
    OutputError
        If the folder cannot be made or written.
    """
    if every is None or folder is None or every < 1:
        raise SettingError("snapshots need both: snapshot_every of at least 1, and snapshot_folder")
    place = check_folder(folder)

    def save(progress: Progress) -> None:
        if progress.iteration % every == 0:
            save_image(place / f"{progress.iteration:05d}.png", progress.image)

    return save
