"""Frames of a movie, painted one after the other, each held to the one before.

The first frame is painted as any picture. Each later one starts from the frame before, carried
along by the flow, and J has one more term: how far it is from there (80).

A frame depends on nothing but the source so far and the bytes of the painted frame before: so a
movie that was stopped goes on to the same bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np

from nst_numpy.callbacks import Callback, Progress
from nst_numpy.common.arrays import Array, Image
from nst_numpy.common.checks import check_at_least, check_choice, check_number
from nst_numpy.errors import NonFiniteError, SettingError, TooLargeError
from nst_numpy.losses import expected_difference
from nst_numpy.objective import AnyNetwork
from nst_numpy.own_layers import OwnLayers
from nst_numpy.pictures.images import Picture, as_image, deprocess, preprocess, widen
from nst_numpy.pictures.palette import match_colors
from nst_numpy.result import Result
from nst_numpy.settings import MARGIN, Settings
from nst_numpy.style_transfer import Run
from nst_numpy.video.flow import Finder, carry, dis_flow, import_opencv, inside
from nst_numpy.video.held import Expectation, HeldRun

FlowName = Literal["dis", "none"]
FLOWS: tuple[FlowName, ...] = ("dis", "none")
AS_GOOD = 0.05  # of J of the first frame: a frame that has no more above it needs no step
CUT = 0.2  # of a frame: where less is known from the frame before, a new scene begins


@dataclass(frozen=True)
class VideoSettings:
    """What a movie has beside the settings of a picture.

    Parameters
    ----------
    flow : {"dis", "none"}
        How a frame is carried along: by optical flow, which OpenCV finds, or by the difference of
        the two source frames.
    temporal : float
        Weight of the temporal loss: a frame that is one grey level off everywhere costs so many
        times J of the first frame. 0 leaves it out.
    steps : int
        Iterations for each frame but the first.
    carried : bool
        Whether a frame starts from the one before; if not, from its own source.
    hold_brightness : bool
        Whether the mean luminance may change only as the source's does.
    fps : float, optional
        Frames a second; default as in the source, 25 where that does not say.
    most : int, optional
        Stop after so many frames.

    Raises
    ------
    SettingError
        A value that cannot work.
    """

    flow: FlowName = "dis"
    temporal: float = 0.05
    steps: int = 10
    carried: bool = True
    hold_brightness: bool = True
    fps: float | None = None
    most: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        check_choice("flow", self.flow, FLOWS)
        check_number("temporal", self.temporal)
        check_at_least("steps", self.steps, 1)
        if self.fps is not None and not 0.01 <= check_number("fps", self.fps) <= 1000:
            raise SettingError(f"fps must be from 0.01 to 1000, not {self.fps:g}")
        if self.most is not None:
            check_at_least("most", self.most, 1)

    @property
    def decisive(self) -> dict[str, Any]:
        """The settings that decide what a frame looks like."""
        every = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in every.items() if name not in ("fps", "most")}


class Painter:
    """Paints frame after frame.

    Parameters
    ----------
    vgg : VGG, or any object with the methods of `AnyNetwork`
    style : path, name of a sample, or ndarray, uint8 (H, W, 3)
        The painting.
    settings : Settings, optional
        Of each picture.
    video : VideoSettings, optional
    finder : callable, optional
        In place of `dis_flow`, for a clip whose flow is known: frame before and frame to backward
        flow and mask.
    own : OwnLayers, optional
        Layers and losses of your own, as in `Run`.

    Raises
    ------
    SettingError
        OpenCV is missing, and the flow asks for it.
    """

    def __init__(
        self,
        vgg: AnyNetwork,
        style: Picture,
        settings: Settings | None = None,
        video: VideoSettings | None = None,
        finder: Finder | None = None,
        own: OwnLayers | None = None,
    ) -> None:
        self.own = own
        self.vgg, self.style = vgg, as_image(style)
        self.settings = with_margin(Settings() if settings is None else settings)
        self.video = VideoSettings() if video is None else video
        self.finder = finder
        if finder is None and self.video.flow == "dis":
            import_opencv()
            self.finder = dis_flow
        self._first: tuple[Image, Image] | None = None  # source and result
        self._before: tuple[Image, Image] | None = None
        self._scale: tuple[float, float] | None = None

    def paint(self, source: Image, callbacks: Sequence[Callback] = ()) -> Image:
        """Paint the next frame, uint8 (H, W, 3).

        Raises
        ------
        KeyboardInterrupt
            It came while the frame was painted; the frame is as if never begun.
        NonFiniteError, TooLargeError
            The frame could not be painted.
        SettingError
            The frame has another size than those before.
        """
        expectation = self._expect(source)
        if expectation is None:
            painted = _whole(self._first_run(source).go(callbacks))
        else:
            painted = self._paint_held(source, expectation, callbacks)
        self._keep(source, painted, begins=expectation is None)
        return painted

    def follow(self, source: Image, painted: Image) -> None:
        """Take a frame that is painted already: the next one goes on from there."""
        self._keep(source, painted, begins=self._expect(source) is None)

    def iterations(self, source: Image) -> tuple[int, int]:
        """Say how many iterations the first frame takes, and each later one, at most."""
        first = self._first_run(source).iterations
        return first, self.video.steps if self.video.carried else first

    def seconds(self, source: Image) -> tuple[float, float]:
        """Estimate how long the first frame takes, and each later one."""
        run = self._first_run(source)
        if not self.video.carried:
            return run.expected_seconds, run.expected_seconds
        later = replace(self.settings, scales=1, iterations=self.video.steps)
        return run.expected_seconds, self._run(later, source).expected_seconds

    def _keep(self, source: Image, painted: Image, *, begins: bool) -> None:
        if begins:
            self._first, self._scale = (source, painted), None
        self._before = (source, painted)

    def _first_run(self, source: Image) -> Run:
        """Make the run of a frame that has none before it: an ordinary one."""
        return self._run(self.settings, source)

    def _run(self, settings: Settings, source: Image) -> Run:
        return Run(settings, self.vgg, source, self.style, own=self.own)

    def _paint_held(
        self, source: Image, expectation: Expectation, callbacks: Sequence[Callback]
    ) -> Image:
        """Paint a frame of which something is expected, until it is as good as the first one."""
        assert self._first is not None
        if self._scale is None:
            self._scale = self._measure_first(*self._first)
        beta, first = self._scale
        good = (1 + AS_GOOD) * first
        settings = replace(self.settings, beta=beta)
        start: Image | None = None
        if self.video.carried:
            settings = replace(
                settings, scales=1, iterations=self.video.steps, margin=settings.used_margin
            )
            start = deprocess(expectation.x + self._missing(expectation, expectation.x))
        run = HeldRun(settings, self.vgg, source, self.style, start, self.own)
        run.expectation, run.weight = expectation, self.video.temporal * first
        run.missing = self._missing
        # J of the whole would not tell of a strip that has come in and is not painted yet
        if start is None or not expectation.is_known:
            return _whole(run.go(callbacks))
        if _measure(run, start) <= good:
            return start

        def is_good(progress: Progress) -> bool:
            terms = progress.terms.items()
            return sum(v for name, v in terms if name not in ("temporal", "tv")) <= good

        return _whole(run.go([*callbacks, is_good]))

    def _missing(self, expectation: Expectation, x: Array) -> float:
        """Return by how many grey levels x is to be brighter: 0 where brightness is not held."""
        return expectation.brightness_missing(x) if self.video.hold_brightness else 0.0

    def _measure_first(self, source: Image, painted: Image) -> tuple[float, float]:
        """Return β for the later frames, and J of the first one as painted."""
        run = self._first_run(source)
        return run.beta(run.scales - 1), _measure(run, painted)

    def _expect(self, source: Image) -> Expectation | None:
        """Say what is expected of a frame; None of the first one, and after a cut."""
        if self._before is None:
            return None
        source_before, painted_before = self._before
        _check_size(source, source_before)
        x, x_before, before = (
            preprocess(image, dtype=self.vgg.dtype)
            for image in (source, source_before, painted_before)
        )
        if self.finder is None:
            return Expectation(expected_difference(before, x_before, x))
        flow, mask = self.finder(source_before, source)
        if mask.mean() < CUT:
            return None
        expected, unchanged = (carry(each[0], flow)[np.newaxis] for each in (before, x_before))
        # what comes into the picture is begun as a photograph in the painting's colours
        new = preprocess(match_colors(source, painted_before), dtype=self.vgg.dtype)
        expected = np.where(inside(flow)[..., np.newaxis], expected, new)
        return Expectation(expected, mask[np.newaxis].astype(x.dtype), x - unchanged)


def with_margin(settings: Settings) -> Settings:
    """Give a canvas its margin, unless it is said: a seam would be carried into the picture.

    >>> with_margin(Settings(iterations=50)).margin, with_margin(Settings(margin=0)).margin
    (4, 0)
    """
    if settings.margin is None and settings.style_loss != "neighbours":
        return replace(settings, margin=MARGIN)
    return settings


def _measure(run: Run, painted: Image) -> float:
    """Return J of a picture, without total variation, at the last scale of a run."""
    last = run.scales - 1
    objective = Run.objective(run, last)
    return sum(objective.measure(widen(run.x(painted, last), run.margin)).values())


def _check_size(source: Image, before: Image) -> None:
    if source.shape != before.shape:
        (h, w), (h0, w0) = source.shape[:2], before.shape[:2]
        raise SettingError(
            f"a frame has {w}×{h} pixels, and the one before {w0}×{h0}: all frames of a movie "
            "must have one size"
        )


def _whole(result: Result) -> Image:
    """Refuse a frame that was not painted to its end: it would not be the same another time."""
    if result.reason == "interrupted":
        raise KeyboardInterrupt(result.message)
    if result.reason == "memory":
        raise TooLargeError("the memory was used up: use a smaller size")
    if result.reason == "not finite":
        raise NonFiniteError(result.message)
    return result.image
