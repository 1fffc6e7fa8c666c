"""What a movie is written to: a folder of numbered PNGs, a GIF, or a file that is encoded."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as PIL_Image

from nst_numpy.common.arrays import Image
from nst_numpy.errors import OutputError, SettingError
from nst_numpy.files import PathLike, atomic_write, check_folder, check_output
from nst_numpy.video.sources import DEFAULT_SECONDS, Frame

MOST_GIF_PIXELS = 2**30  # of all frames: Pillow keeps a byte of each until the file is written
LEAST_TICKS = 2  # hundredths of a second: browsers show a frame of 0 or 1 for ten
PALETTE_FRAMES = 16  # that a GIF's colours are chosen from


@dataclass(frozen=True)
class Target:
    """Where a movie goes.

    Attributes
    ----------
    path : Path
        The file, or the folder.
    frames : Path
        The folder of its painted frames: of a folder itself.
    keeps_frames : bool
        Whether they stay when the movie is written.
    """

    path: Path
    frames: Path
    keeps_frames: bool

    @property
    def is_folder(self) -> bool:
        """Whether the movie is the folder of its frames."""
        return self.path == self.frames

    def write(self, load: Callable[[int], Image], seconds: Sequence[float]) -> None:
        """Write the movie, completely or not at all; a folder has its frames already.

        Parameters
        ----------
        load : callable
            Returns a frame, counted from 1.
        seconds : sequence of float
            How long each is shown.
        """
        if self.is_folder or not seconds:
            return
        with atomic_write(self.path) as temporary:
            if self.path.suffix.lower() == ".gif":
                write_gif(temporary, load, seconds)
            else:
                from nst_numpy.video.movies import write_movie

                frames = (Frame(load(i), each) for i, each in enumerate(seconds, start=1))
                write_movie(temporary, frames)


def check_target(path: PathLike, frames: PathLike | None = None) -> Target:
    """Find out, before the work, whether a movie can be written.

    Parameters
    ----------
    path
        A name that ends in .gif, .mp4, .m4v, .mov, .mkv or .webm; any other without a suffix, or
        that of a folder that is there, is a folder, which is made.
    frames
        The folder for the painted frames, which then stay. Default: a folder beside the file,
        OUT's name with -frames, which is removed when the movie is written.

    Returns
    -------
    Target

    Raises
    ------
    OutputError
        The suffix is unknown, the file cannot be written, a folder is given two names.
    SettingError
        The extra `video` is needed, and is not installed.
    """
    from nst_numpy.video.movies import CODECS, import_av

    place = Path(path).expanduser()
    suffix = place.suffix.lower()
    if place.is_dir() or not suffix:
        if frames is not None:
            raise OutputError(f"{place} is a folder of frames itself: leave out --frames")
        folder = check_folder(path)
        return Target(folder, folder, keeps_frames=True)
    if suffix not in (".gif", *CODECS):
        raise OutputError(
            f"{place}: the suffix {place.suffix} names no format of movies: use .gif, "
            f"{', '.join(CODECS)}, or a name without a suffix for a folder"
        )
    if suffix != ".gif":
        import_av()
    target = check_output(path)
    beside = target.with_name(f"{target.stem}-frames") if frames is None else frames
    return Target(target, check_folder(beside), keeps_frames=frames is not None)


def check_gif(count: int, shape: tuple[int, ...]) -> None:
    """Refuse a GIF that would take too much memory."""
    height, width = shape[:2]
    if count * height * width > MOST_GIF_PIXELS:
        raise OutputError(
            f"a GIF of {count} frames of {width}×{height} pixels is too large: write a folder or "
            "an .mp4, or use a smaller size"
        )


def write_gif(path: Path, load: Callable[[int], Image], seconds: Sequence[float]) -> None:
    """Write a GIF that repeats for ever, with one palette for all frames.

    With a palette for each, and with dithering, what stands still would flicker.

    Parameters
    ----------
    path : Path
    load : callable
        Returns a frame, uint8 (H, W, 3), counted from 1.
    seconds : sequence of float
    """
    count = len(seconds)
    chosen = np.unique(np.linspace(1, count, min(count, PALETTE_FRAMES)).astype(int))
    strip = np.concatenate([load(int(number)) for number in chosen])
    palette = PIL_Image.fromarray(strip).quantize(256, method=PIL_Image.Quantize.MEDIANCUT)

    def frames() -> Iterator[PIL_Image.Image]:
        for number in range(1, count + 1):
            image = PIL_Image.fromarray(load(number))
            yield image.quantize(palette=palette, dither=PIL_Image.Dither.NONE)

    each = frames()
    first = next(each)
    first.save(
        path, format="GIF", save_all=True, append_images=each, loop=0,
        duration=[10 * ticks for ticks in gif_ticks(seconds)],
    )  # fmt: skip


def save_gif(path: PathLike, frames: Sequence[Image], seconds: float = DEFAULT_SECONDS) -> None:
    """Write frames as a GIF, completely or not at all.

    Parameters
    ----------
    path
        The file to be; its name ends in .gif.
    frames : sequence of ndarray, uint8 (H, W, 3)
        One at least.
    seconds : float
        How long each is shown.

    Raises
    ------
    OutputError
        The file cannot be written.
    SettingError
        There are no frames.

    Examples
    --------
    >>> from nst_numpy.video import look_through, pan
    >>> clip = look_through("chelsea", pan(24, right=2), (128, 192))    # doctest: +SKIP
    >>> save_gif("pan.gif", clip.frames)                                # doctest: +SKIP
    """
    if not len(frames):
        raise SettingError("save_gif: there are no frames: give one at least")
    with atomic_write(path) as temporary:
        write_gif(temporary, lambda number: frames[number - 1], [seconds] * len(frames))


def gif_ticks(seconds: Sequence[float]) -> list[int]:
    """Round times to hundredths of a second, so that their sum stays right.

    >>> gif_ticks([1 / 30] * 6)
    [3, 4, 3, 3, 4, 3]
    """
    ends = np.rint(100 * np.cumsum(seconds)).astype(int)
    return [max(LEAST_TICKS, int(ticks)) for ticks in np.diff(ends, prepend=0)]
