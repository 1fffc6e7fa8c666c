"""What a movie is read from: an animation, a folder of frames, or a file that is decoded.

Frames come one at a time: a movie is never whole in memory.
"""

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image as PIL_Image
from PIL import ImageSequence

from nst_numpy.common.arrays import Image
from nst_numpy.errors import ImageError, NstError
from nst_numpy.files import PathLike, expand_input
from nst_numpy.pictures.images import as_image, load_image

MOST_FRAMES = 100_000
DEFAULT_SECONDS = 1 / 25  # of a frame, where nothing says it
UNTIMED = 0.1  # seconds of a frame of a GIF that says 0, as browsers have it
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".avif")
_STARTS = {b"GIF8": "GIF", b"\x89PNG": "PNG", b"RIFF": "WEBP"}


class Frame(NamedTuple):
    """A frame: uint8 (H, W, 3), and for how many seconds it is shown."""

    image: Image
    seconds: float


@dataclass(frozen=True)
class Movie:
    """A movie that can be read from its beginning, as often as need be.

    Attributes
    ----------
    path : Path
    count : int or None
        Frames in it; None where only reading all of them would tell.
    begin : callable
        Returns an iterator over its frames.
    """

    path: Path
    count: int | None
    begin: Callable[[], Iterator[Frame]]

    def frames(self, most: int | None = None) -> Iterator[Frame]:
        """Yield the frames, `most` of them at most.

        Raises
        ------
        ImageError
            A frame is damaged, there are none, or more than `MOST_FRAMES`.
        """
        number = 0
        for number, frame in enumerate(islice(self.begin(), most), start=1):
            if number > MOST_FRAMES:
                raise _too_many(self.path)
            yield frame
        if not number:
            raise ImageError(f"{self.path} has no frames: choose another movie")


def open_movie(path: PathLike, size: int | None = None) -> Movie:
    """Find out what a movie is, and make ready to read it.

    Parameters
    ----------
    path
        An animated GIF, PNG or WebP; a folder of pictures, in the order of the numbers in their
        names; or a file that the extra `video` decodes: MP4, WebM, …
    size
        Longest side of the frames, in pixels; without it as they are.

    Returns
    -------
    Movie

    Raises
    ------
    ImageError
        There is no such file, it is no movie, has no frames or too many, or is damaged.
    SettingError
        The extra `video` is needed, and is not installed.
    """
    place = expand_input(path, ImageError)
    if not place.exists():
        raise ImageError(f"there is no movie {place}: give a file, or a folder of frames")
    if place.is_dir():
        movie = _folder(place, size)
    elif not place.is_file():
        raise ImageError(f"{place} is not an ordinary file: give a movie")
    elif (kind := _kind(place)) is not None:
        movie = _animation(place, kind, size)
    else:
        from nst_numpy.video.movies import count_frames, read_frames

        movie = Movie(place, count_frames(place), lambda: _sized(read_frames(place), size))
    if movie.count is not None and movie.count > MOST_FRAMES:
        raise _too_many(place)
    return movie


def _too_many(path: Path) -> ImageError:
    return ImageError(f"{path} has more than {MOST_FRAMES:,} frames: cut it, or use --most")


def _sized(frames: Iterator[Frame], size: int | None) -> Iterator[Frame]:
    for frame in frames:
        yield Frame(as_image(frame.image, size), frame.seconds)


# folders


def _folder(folder: Path, size: int | None) -> Movie:
    paths = sorted(
        (path for path in folder.iterdir() if _is_picture(path)), key=lambda path: _order(path.name)
    )
    if not paths:
        raise ImageError(
            f"the folder {folder} has no frames: put pictures there, 00001.png, 00002.png, …"
        )

    def begin() -> Iterator[Frame]:
        for path in paths:
            yield Frame(load_image(path, size), DEFAULT_SECONDS)

    return Movie(folder, len(paths), begin)


def _is_picture(path: Path) -> bool:
    hidden = path.name.startswith(".")
    return path.suffix.lower() in PICTURES and not hidden and path.is_file()


def _order(name: str) -> list[tuple[int, int, str]]:
    """Order names as people count: frame2 before frame10.

    >>> sorted(["frame10.png", "frame2.png"], key=_order)
    ['frame2.png', 'frame10.png']
    """
    parts = re.split(r"(\d{1,18})", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


# animations


def _kind(path: Path) -> str | None:
    """Return Pillow's name of an animation by its first bytes; None of what it does not read."""
    try:
        with open(path, "rb") as stream:
            start = stream.read(12)
    except OSError as error:
        raise ImageError(f"{path} cannot be opened: {error.strerror or error}") from error
    if not start:
        raise ImageError(f"{path} is empty: fetch or save it again")
    if start[:4] == b"RIFF" and start[8:] != b"WEBP":
        return None  # AVI begins so too
    return _STARTS.get(start[:4])


def _animation(path: Path, kind: str, size: int | None) -> Movie:
    with _opened(path, kind) as picture:
        count = int(getattr(picture, "n_frames", 1))
    if count < 2 and kind != "GIF":
        raise ImageError(f"{path} is one picture, not a movie: nst transfer paints it")
    return Movie(path, count, lambda: _animated(path, kind, size))


def _animated(path: Path, kind: str, size: int | None) -> Iterator[Frame]:
    with _opened(path, kind) as picture:
        for each in ImageSequence.Iterator(picture):
            image = as_image(np.asarray(each.convert("RGBA")), size)
            milliseconds = float(each.info.get("duration", 0) or 0)
            yield Frame(image, milliseconds / 1000 if milliseconds > 0 else UNTIMED)


@contextmanager
def _opened(path: Path, kind: str) -> Iterator[PIL_Image.Image]:
    """Open an animation; say in plain words what is wrong with it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PIL_Image.DecompressionBombWarning)
            picture = PIL_Image.open(path, formats=[kind])
        with picture:
            limit = PIL_Image.MAX_IMAGE_PIXELS
            if limit is not None and picture.width * picture.height > limit:
                raise ImageError(f"{path} has frames of more than {limit:,} pixels: shrink it")
            yield picture
    except (NstError, MemoryError):
        raise
    except PIL_Image.DecompressionBombError as error:
        raise ImageError(f"{path} has frames of too many pixels: shrink it") from error
    # on damaged bytes Pillow's readers raise OSError, SyntaxError, EOFError, struct.error, …
    except Exception as error:
        raise ImageError(f"{path} cannot be read as a movie ({error}): save it again") from error
