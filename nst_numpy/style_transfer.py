"""The main job: two pictures in, one picture out."""

import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nst_numpy.callbacks import (
    Callback,
    Progress,
    notebook_painter,
    progress_bar,
    snapshot_saver,
    tell,
)
from nst_numpy.common.arrays import AnyImage, Array, Image
from nst_numpy.common.moved import keep_former_names
from nst_numpy.common.text import counted
from nst_numpy.errors import NonFiniteError, UnknownPictureError
from nst_numpy.kernels.memory import gives_memory_back
from nst_numpy.kernels.threads import reserve_blas_memory
from nst_numpy.look.source import SourceMap, map_source
from nst_numpy.look.sources import map_sources
from nst_numpy.objective import AnyNetwork
from nst_numpy.optimize import (
    LEARNING_RATES,
    Minimum,
    Step,
    no_memory,
    run_optimizer,
    settled_message,
)
from nst_numpy.own_layers import OwnLayers, load_own
from nst_numpy.paintings import MaskPair, mask_lists, mask_pairs
from nst_numpy.pictures.images import (
    Picture,
    as_exact,
    cut,
    deprocess,
    resize_image,
    resize_x,
    widen,
)
from nst_numpy.pictures.palette import colors_after, image16_after
from nst_numpy.pictures.starts import is_start, make_start, unknown_start
from nst_numpy.presets import PresetName, preset_settings
from nst_numpy.result import Result
from nst_numpy.runs.clock import Clock, Deadline, plan_scales, time_is_up
from nst_numpy.runs.folder import begin_folder, first_settings, resume_folder
from nst_numpy.runs.journal import Beginning, Journal
from nst_numpy.scales import Scales
from nst_numpy.settings import Init, Settings, refuse_unknown, show_settings
from nst_numpy.styles import Matches
from nst_numpy.vgg import VGG

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from nst_numpy.settings import GivenSettings

_FORMER = "BETA_PER_PIXEL", "COARSEST_SIZE", "SMALLEST_SIZE", "default_scales"
keep_former_names(__name__, "nst_numpy.settings", *_FORMER)


@show_settings
@gives_memory_back
def transfer(
    content: Picture | None = None,
    style: Picture | Sequence[Picture] | None = None,
    *,
    masks: Sequence[MaskPair] | None = None,
    init: Init | Picture | None = None,
    run_folder: str | Path | None = None,
    resume: str | Path | None = None,
    snapshot_every: int | None = None,
    snapshot_folder: str | Path | None = None,
    callback: Callback | None = None,
    progress: bool = False,
    show: bool = False,
    weights: str | Path | None = None,
    vgg: AnyNetwork | None = None,
    layers: str | Path | None = None,
    preset: PresetName | None = None,
    **settings: "Unpack[GivenSettings]",
) -> Result:
    """Paint the content picture in the style of the other.

    Parameters
    ----------
    content, style : path, name of a sample, or ndarray, uint8 (H, W, 3)
        Two pictures. `style` may be a list of several.
    masks : list of (mask, mask), optional
        For each painting where the photograph takes its style, and where in the painting it is
        taken from. A mask is a picture in black, grey and white, "not:" before its name exchanges
        black and white, or an array (H, W) of bool or floats from 0 to 1; None is everywhere. See
        `nst_numpy.pictures.masks`.
    **settings
        See `Settings`.
    run_folder : path, optional
        Keep there what the run was given, how it went, and what it takes to go on with it.
    resume : path, optional
        The folder of a run that was stopped or killed: go on with it, to the picture that it
        would have had. Pictures, weights and settings are those of the folder; of settings,
        `iterations`, `minutes` and `patience` may be new ones.
    snapshot_every : int, optional
        Save the picture so far every so many iterations into `snapshot_folder`.
    snapshot_folder : path, optional
        It is made if it does not exist.
    callback : callable, optional
        Called with a `Progress` after each iteration; a return value of True ends the run.
    progress : bool
        Show a bar with the time left.
    show : bool
        In a notebook: repaint the picture below the cell as it grows.
    weights : path, optional
        HDF5 or .npz file of a VGG-16 or VGG-19; default the bundled VGG-16.
    vgg : VGG, or any object with the methods of `AnyNetwork`, optional
        A network that is there already; its pooling and engine then count.
    layers : path, optional
        Python file with layers or losses of your own; see `nst_numpy.own_layers`.
    preset : str, optional
        Settings that go together, by name: "paper", …; see `nst_numpy.presets`. Those given
        beside it count more.

    Returns
    -------
    Result
        Ctrl-C ends the run early and returns the picture so far; so does memory that is used up.

    Raises
    ------
    SettingError, UnknownNameError, ImageError, WeightsError
        Before the work starts.
    GradientError
        If a layer or loss of your own is wrong.
    TooLargeError
        If the run does not fit into memory.
    NonFiniteError
        If J is not finite at the start.
    """
    refuse_unknown(settings, transfer)
    given: dict[str, Any] = {**settings}
    if init is not None:
        given["init"] = os.fspath(init) if isinstance(init, (str, os.PathLike)) else "picture"
    given |= preset_settings(preset, given) if preset is not None else {}
    inputs: dict[str, Any] = {"content": content, "style": style, "init": init, "weights": weights,
              "layers": layers, "vgg": vgg} | mask_lists(masks)  # fmt: skip
    folder = None
    if resume is not None:
        folder, inputs, chosen = resume_folder(resume, inputs, given)
    else:
        chosen = first_settings(inputs, given)
    own = load_own(inputs["layers"]) if inputs["layers"] is not None else None
    callbacks = [callback] if callback else []
    if snapshot_every is not None or snapshot_folder is not None:
        callbacks.append(snapshot_saver(snapshot_every, snapshot_folder))
    if show:
        callbacks.append(notebook_painter())
    if vgg is None:
        vgg = VGG.load(inputs["weights"], chosen.pool, engine=chosen.engine)
    pictures = inputs["content"], inputs["style"], inputs["init"]
    run = Run(chosen, vgg, *pictures, own, mask_pairs(inputs))
    if folder is None and run_folder is not None:
        folder = begin_folder(run_folder, run.settings, inputs)
    if folder is None:
        return run.go(callbacks, progress=progress)
    return folder.paint(run, callbacks, progress=progress)


class Run(Scales):
    """One run: how it goes from scale to scale, its history, its picture.

    Parameters
    ----------
    settings : Settings
    vgg : VGG, or any object with the methods of `AnyNetwork`
    content, style : path, name of a sample, or ndarray, uint8 (H, W, 3)
        `style` may be a list of several; where one is meant, it is the first.
    init : "content", "noise", "style", a path, the name of a sample, or an ndarray, optional
        Default: what the settings say.
    own : OwnLayers, optional
        Layers and losses of your own, which take the place of the package's.
    masks : list of (mask, mask), optional
        As in `transfer`.

    Raises
    ------
    TooLargeError
        If the run does not fit into memory; other errors as in `transfer`.
    """

    def __init__(
        self,
        settings: Settings,
        vgg: AnyNetwork,
        content: Picture,
        style: Picture | Sequence[Picture],
        init: Init | Picture | None = None,
        own: OwnLayers | None = None,
        masks: Sequence[MaskPair] | None = None,
    ) -> None:
        super().__init__(settings, vgg, content, style, own, masks)
        if settings.minutes is not None:
            self.scales = self._scales_in(settings.minutes)
            self._plan(None)
            self.settings = replace(settings, scales=self.scales)
        self.repeat(self.settings.passes(self.scales))
        self.init = self._read_init(settings.init if init is None else init)
        self.history: list[dict[str, Any]] = []
        try:
            reserve_blas_memory()
        except MemoryError as error:
            raise no_memory() from error
        self._check_smallest()
        self.fit()

    # what is done

    def go(
        self,
        callbacks: Sequence[Callback] = (),
        *,
        progress: bool = False,
        journal: Journal | None = None,
    ) -> Result:
        """Paint, from the coarsest scale to the finest; show a bar if `progress`.

        Each call begins afresh, and gives the same picture; with a journal it begins where that
        says, and gives the picture that it would have given without a break.
        """
        self.history, self.clock = [], Clock()
        self._journal = Journal() if journal is None else journal
        self._deadline = Deadline(self.settings.minutes, self.passes, self.clock)
        self._latest: Minimum | None = None
        self._kept: dict[str, Any] | None = None
        self._matches: Matches | dict[int, Matches] | None = None
        try:
            with progress_bar(self.iterations, shown=progress) as bar:
                minimum = self._climb([bar, *callbacks])
            return self._result(minimum)
        except (KeyboardInterrupt, MemoryError, NonFiniteError) as error:
            # between two scales, or while the picture is made
            if self._latest is None:
                if isinstance(error, MemoryError):
                    raise no_memory() from error
                raise
            self._latest.end_early(error)
            return self._result(self._latest)

    def _climb(self, callbacks: Sequence[Callback]) -> Minimum:
        """Paint at each scale, from the picture of the one before; say where that arrived."""
        self.done, self.history, x = self._journal.begin(self.clock)
        minimum = self._latest = None if x is None else Minimum(x)
        for number, (scale, iterations) in list(enumerate(self.passes))[len(self.done) :]:
            if not self._deadline.begin(number) and minimum is not None:
                minimum.reason = "time"
                break
            self._to_do = len(self.history) + sum(most for _, most in self.passes[number:])
            minimum = self._paint(scale, iterations, callbacks)
            if minimum.reason not in ("iterations", "settled", "stalled", "flat", "time"):
                break
            if number + 1 < len(self.passes):
                self._journal.end_pass(Beginning(self.done, self.history, minimum.x), self.clock)
        assert minimum is not None
        return minimum

    def _paint(self, scale: int, iterations: int, callbacks: Sequence[Callback]) -> Minimum:
        """Run the optimiser at one scale."""
        means = self.means[scale]
        objective = self.objective(scale)
        answers = self._journal.answers(objective, self.clock)
        before = len(self.history)
        self.done.append((scale, 0))

        def record(step: Step) -> bool:
            now = self._progress(before + step.iteration, step.loss, answers.terms, step.x)
            self._latest = Minimum(now.x)
            self.history.append(now.entry)
            self.done[-1] = scale, step.iteration
            return tell(callbacks, now) or self._deadline.after_iteration()

        minimum = run_optimizer(
            means.optimizer,
            answers,
            widen(self._start(scale), self.margin),
            iterations,
            learning_rate=self.settings.learning_rate or means.learning_rate,
            patience=self.settings.used_patience,
            callback=record,
            floor=objective.floor,
            pairs=means.pairs,
        )
        if minimum.reason == "stopped" and self._deadline.passed:
            minimum.reason = "time"
        if minimum.kept:
            self._kept = self.history[before + minimum.kept - 1]
        elif not self.history or minimum.kept == 0:
            # nothing to lower, Ctrl-C in the first iteration, or none better than the start
            loss, _ = objective(minimum.x)
            self._kept = self._progress(before, loss, objective.terms, minimum.x).entry
        else:
            self._kept = None
        minimum.x = cut(minimum.x, self.margin)
        self._latest, self._matches = minimum, objective.matches
        return minimum

    def _progress(self, iteration: int, loss: float, terms: dict[str, float], x: Array) -> Progress:
        picture = cut(x, self.margin)
        return Progress(iteration, self._to_do, loss, dict(terms), self.clock.seconds, picture, x)

    def _start(self, scale: int) -> Array:
        """Enlarge the picture so far, and add what the content has at this size and not before."""
        if self._latest is None:
            return self.x(self.init, scale)
        before, size = self._latest.x, self.shape(scale)[1:3]
        if before.shape[1:3] == size:
            return before
        coarse = resize_x(self._input(self.content, before.shape), size)
        start: Array = resize_x(before, size) + (self.x(self.content, scale) - coarse)
        return start

    def _result(self, minimum: Minimum) -> Result:
        """Make the picture, at its full size also if the run ended at a coarse scale."""
        image = deprocess(minimum.x)
        if image.shape != self.content.shape:
            image = resize_image(image, self.content.shape[:2])
        message, done = minimum.message, len(self.history)  # of all scales, not of the last alone
        if minimum.reason == "settled":
            message = settled_message(self.settings.used_patience, done)
        elif minimum.reason == "iterations" and done == self.iterations:
            message = f"did the {counted(done, 'iteration')} asked for"
        elif minimum.reason == "time" and self.settings.minutes is not None:
            message = time_is_up(self.settings.minutes, self.history)
        elif minimum.reason == "iterations":
            message = f"did {counted(done, 'iteration')}, the most at this size"
        history = self.history or [self._kept or {}]
        kept = None if self._kept is history[-1] else self._kept
        source = None if minimum.reason == "memory" else self._source(image)
        palette = self.paintings.palette
        deep = partial(image16_after, self.settings.colors, minimum.x, self.photograph, palette)
        image = colors_after(self.settings.colors, image, self.photograph, palette)
        return Result(image, history, self._used(), message, minimum.reason, kept, source, deep)

    def _source(self, image: Image) -> SourceMap | None:
        """Say where in the painting the picture comes from, if it was drawn to places there."""
        if self._matches is None:
            return None
        last = self.scales - 1
        objective, x = self.objective(last), self.x(image, last)
        if isinstance(self._matches, Matches):
            return map_source(objective, self._matches, x, self.style.shape[:2])
        sizes = [painting.shape[:2] for painting in self.paintings.images]
        return map_sources(objective, self._matches, x, sizes)

    def _scales_in(self, minutes: float) -> int:
        """Choose the number of sizes for a run that may take so long, if it is not given."""
        if self.settings.scales is not None:
            return self.settings.scales
        last = self.scales - 1
        sides = *self.shape(last)[1:3], *self.style_shape(last)[1:3]
        return plan_scales(minutes, self._seconds_of_step[0], min(sides), self.scales)

    def repeat(self, passes: Sequence[tuple[int, int]]) -> None:
        """Do these passes, a scale and its iterations each, in place of those of the settings."""
        self.passes = list(passes)
        self.iterations = sum(iterations for _, iterations in self.passes)

    def _read_init(self, init: Init | Picture) -> AnyImage:
        """Read the picture to start from, at its own size."""
        if is_start(init):
            size = self.shape(0)[1:3]
            return make_start(init, self.content, self.style, size, self.settings.seed)
        try:
            return as_exact(init)
        except UnknownPictureError as error:
            raise unknown_start(str(init)) from error

    # what it takes, and what it was

    @cached_property
    def expected_seconds(self) -> float:
        """Estimate the time of the whole run, from a convolution or a small step, timed once."""
        step, search = self._seconds_of_step
        # each coarser scale has a quarter of the pixels, a sixteenth of the pairs of places
        part = {scale: 0.25 ** (self.scales - 1 - scale) for scale in range(self.scales)}
        return sum(n * step * part[scale] + search * part[scale] ** 2 for scale, n in self.passes)

    def _used(self) -> dict[str, Any]:
        """List every setting with the value that was used."""
        height, width = self.content.shape[:2]
        used = asdict(self.settings) | {"height": height, "width": width}
        used |= {
            "beta": self.beta(self.scales - 1),
            "iterations": self.settings.most_iterations,
            "patience": self.settings.used_patience,
        }
        if self.settings.beta is not None:
            used["strength"] = None
        used |= {"scales": self.scales, "margin": self.margin} | self.paintings.used()
        if any(means.bands for means in self.means):
            used["means"] = [means.say() for means in self.means]
        # what the network itself says: own layers run plainly, other networks may have neither
        used |= {name: getattr(self.vgg, name, None) for name in ("pool", "engine")}
        if self.own:
            used["layers"] = self.own.as_dict()
        if self.settings.learning_rate is None:  # L-BFGS has none
            used["learning_rate"] = LEARNING_RATES.get(self.settings.optimizer)
        return used
