"""The whole of it: a movie in, a painted movie out."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from nst_numpy.callbacks import Progress
from nst_numpy.common.progress import bar
from nst_numpy.errors import OutputError, UnknownNameError
from nst_numpy.files import PathLike, is_same_file
from nst_numpy.objective import AnyNetwork
from nst_numpy.own_layers import load_own
from nst_numpy.pictures.images import Picture, as_image
from nst_numpy.pictures.starts import is_start
from nst_numpy.settings import Settings
from nst_numpy.vgg import VGG
from nst_numpy.video.flow import Finder, import_opencv
from nst_numpy.video.frames import FrameFolder, digest, key_of
from nst_numpy.video.painting import Painter, VideoSettings
from nst_numpy.video.sources import Frame, Movie, open_movie
from nst_numpy.video.targets import Target, check_gif, check_target

Held = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class VideoResult:
    """A painted movie.

    Attributes
    ----------
    path : Path
        The file, or the folder.
    frames : int
        In it.
    kept : int
        Those of them that were there already.
    seconds : float
        That the work took.
    interrupted : bool
        Whether it was ended by Ctrl-C: then it has the frames so far, and a second run goes on.
    """

    path: Path
    frames: int
    kept: int
    seconds: float
    interrupted: bool = False


def paint_video(
    source: PathLike,
    out: PathLike,
    *,
    style: Picture,
    frames: PathLike | None = None,
    progress: bool = False,
    weights: str | Path | None = None,
    vgg: AnyNetwork | None = None,
    finder: Finder | None = None,
    layers: PathLike | None = None,
    **settings: Any,
) -> VideoResult:
    """Paint a movie in the style of a painting.

    A run that was stopped or killed goes on where it was: frames that are there, painted with the
    same settings from the same source, are kept.

    Parameters
    ----------
    source : path
        A GIF, a folder of frames, or a movie; see `open_movie`.
    out : path
        A GIF, a folder, or a movie; see `check_target`.
    style : path, name of a sample, or ndarray, uint8 (H, W, 3)
        The painting.
    frames : path, optional
        The folder for painted frames, which then stay there; see `check_target`.
    progress : bool
        Show a bar over all frames, with the time left.
    weights : path, optional
        HDF5 file of a VGG. Default: the bundled one.
    vgg : VGG, or any object with the methods of `AnyNetwork`, optional
    finder : callable, optional
        Finds the flow, in place of OpenCV; see `Painter`.
    layers : path, optional
        Python file with layers or losses of your own, as in `nst_numpy.transfer`.
    **settings
        See `Settings` and `VideoSettings`.

    Returns
    -------
    VideoResult

    Raises
    ------
    ImageError
        The movie or the painting cannot be read.
    OutputError
        The movie cannot be written there, or would be written over what is read.
    SettingError
        A setting cannot work, or needs the extra `video`, which is not installed.
    UnknownNameError
        There is no such setting.

    Examples
    --------
    >>> paint_video("dog.gif", "painted.gif", style="starry_night")     # doctest: +SKIP
    """
    ours, of_pictures = split_settings(settings)
    chosen, video = Settings(**of_pictures), VideoSettings(**ours)
    if finder is None and video.flow == "dis":
        import_opencv()
    movie = open_movie(source, chosen.size)
    check_apart(source, out)
    target = check_target(out, frames)
    check_apart(source, target.frames)
    vgg = VGG.load(weights, chosen.pool, engine=chosen.engine) if vgg is None else vgg
    own = None if layers is None else load_own(layers)
    painter = Painter(vgg, style, chosen, video, finder, own)
    return VideoJob(movie, target, painter).go(progress=progress)


def split_settings(settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part settings into those of `VideoSettings` and those of `Settings`."""
    ours, others = ({f.name for f in fields(each)} for each in (VideoSettings, Settings))
    for name in settings:
        if name not in ours | others:
            raise UnknownNameError.of("setting", name, sorted(ours | others))
    return (
        {name: value for name, value in settings.items() if name in ours},
        {name: value for name, value in settings.items() if name in others},
    )


def check_apart(source: PathLike, out: PathLike) -> None:
    """Refuse to write a movie over its source."""
    if is_same_file(Path(source).expanduser(), Path(out).expanduser()):
        raise OutputError(f"{out} is what is read: choose another name to write")


class VideoJob:
    """The way of one movie: frames are read, painted and kept; then the movie is written.

    Parameters
    ----------
    movie : Movie
    target : Target
    painter : Painter
    """

    def __init__(self, movie: Movie, target: Target, painter: Painter) -> None:
        self.movie, self.target, self.painter = movie, target, painter
        self.first = next(movie.frames(1)).image
        counted = [number for number in (movie.count, painter.video.most) if number is not None]
        self.count = min(counted) if counted else None
        if self.count is not None and target.path.suffix.lower() == ".gif":
            check_gif(self.count, self.first.shape)

    def expected_seconds(self) -> float | None:
        """Estimate how long it takes at most; None if the number of frames is unknown."""
        if self.count is None:
            return None
        first, later = self.painter.seconds(self.first)
        return first + (self.count - 1) * later

    def go(self, *, progress: bool = False, held: Held = nullcontext) -> VideoResult:
        """Paint. After Ctrl-C the movie has the frames so far, and a second run goes on.

        Parameters
        ----------
        progress : bool
            Show a bar over all frames, with the time left.
        held : callable
            Returns a context that nothing interrupts, for the writing of the movie.

        Raises
        ------
        KeyboardInterrupt
            Ctrl-C came before there was a frame.
        """
        started = time.perf_counter()
        folder = FrameFolder(self.target.frames, self.key())
        shown: list[float] = []
        self._kept, interrupted = 0, False
        try:
            self._paint_all(folder, shown, progress)
        except KeyboardInterrupt:
            if not shown:
                raise
            interrupted = True
        with held():
            self.target.write(folder.load, shown)
            if not interrupted:
                self._tidy(folder)
        seconds = time.perf_counter() - started
        return VideoResult(self.target.path, len(shown), self._kept, seconds, interrupted)

    def key(self) -> str:
        """Make a key of all that the frames of this movie have in common."""
        painter, init = self.painter, self.painter.settings.init
        found = painter.finder
        return key_of(
            {
                "settings": asdict(painter.settings),
                "video": painter.video.decisive,
                "init": "" if is_start(init) else digest({"": as_image(init)}),
                "style": digest({"": painter.style}),
                "network": digest(getattr(painter.vgg, "params", {})),
                **({"layers": painter.own.sha256} if painter.own else {}),
                "finder": found and getattr(found, "__qualname__", type(found).__name__),
            }
        )

    def _paint_all(self, folder: FrameFolder, shown: list[float], progress: bool) -> None:
        """Paint frame after frame; `shown` gets the seconds of each that is there."""
        first, later = self.painter.iterations(self.first)
        total = None if self.count is None else first + (self.count - 1) * later
        with bar("it", total=total, shown=progress) as steps:
            for frame in self.movie.frames(self.painter.video.most):
                of_all = "" if self.count is None else f"/{self.count}"
                steps.set_postfix_str(f"frame {len(shown) + 1}{of_all}", refresh=False)
                done = self._paint(frame, folder, steps)
                if total is not None:  # what a frame did not need is not waited for
                    steps.total -= (later if shown else first) - done
                fps = self.painter.video.fps
                shown.append(1 / fps if fps else frame.seconds)

    def _paint(self, frame: Frame, folder: FrameFolder, steps: Any) -> int:
        """Paint a frame, or keep that which is there; return the iterations that it took."""
        painted = folder.kept(frame.image)
        if painted is not None:
            self.painter.follow(frame.image, painted)
            self._kept += 1
            return 0
        done = 0

        def count(_: Progress) -> None:
            nonlocal done
            done += 1
            steps.update()

        folder.save(self.painter.paint(frame.image, [count]))
        return done

    def _tidy(self, folder: FrameFolder) -> None:
        """Remove what is not wanted when the movie is whole."""
        if not self.target.keeps_frames:
            folder.remove()
        elif self.painter.video.most is None:
            folder.remove_later()
