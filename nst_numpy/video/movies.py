"""Movies: MP4, WebM, Matroska and the like, by PyAV, which is an extra.

Where there is no PyAV, imageio-ffmpeg does it: see `ffmpeg`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PIL_Image

from nst_numpy.common.arrays import Image
from nst_numpy.errors import ImageError, NstError, OutputError, SettingError
from nst_numpy.video import ffmpeg
from nst_numpy.video.sources import DEFAULT_SECONDS, Frame

# suffix: codecs, the best first; not every build of FFmpeg has each
CODECS = {
    ".mp4": ("libx264", "mpeg4"),
    ".m4v": ("libx264", "mpeg4"),
    ".mov": ("libx264", "mpeg4"),
    ".mkv": ("libx264", "mpeg4"),
    ".webm": ("libvpx-vp9", "libvpx"),
}
# What is opened. Play lists and the like, which name further files, are not among them.
CONTAINERS = {
    "mov",
    "mp4",
    "matroska",
    "webm",
    "avi",
    "mpeg",
    "mpegts",
    "flv",
    "ogg",
    "asf",
    "mpegvideo",
}
TICKS = 90_000  # a second: what a frame's time is counted in
QUALITY = {"libx264": {"crf": "18"}, "libvpx-vp9": {"crf": "24", "b": "0"}}


def import_av() -> Any:
    """Return PyAV; None where there is imageio-ffmpeg alone; SettingError where neither is."""
    try:
        import av
    except ImportError as error:
        try:
            import imageio_ffmpeg

            imageio_ffmpeg.get_ffmpeg_exe()
        except (ImportError, RuntimeError):  # it may come without the program
            raise SettingError(
                'movies need PyAV or imageio-ffmpeg: pip install "nst_numpy[video]"; GIFs and '
                "folders need nothing more"
            ) from error
        return None
    return av


def count_frames(path: Path) -> int | None:
    """Return the number of frames by what a movie says of itself; None if it does not say it.

    Raises
    ------
    ImageError
        It cannot be read, or has no picture.
    """
    if import_av() is None:
        return ffmpeg.count_frames(path, CONTAINERS)
    with _opened(path) as (container, stream):
        if not stream.frames and container.duration and stream.average_rate:
            return max(1, int(container.duration / 1e6 * stream.average_rate + 0.5))
        return int(stream.frames) or None


def read_frames(path: Path) -> Iterator[Frame]:
    """Decode a movie, a frame at a time.

    Each is shown until the next one; the last as long as the one before.

    Raises
    ------
    ImageError
        It cannot be read, or is damaged.
    """
    if import_av() is None:
        yield from ffmpeg.read_frames(path, CONTAINERS)
        return
    with _opened(path) as (container, stream):
        usual = float(1 / stream.average_rate) if stream.average_rate else DEFAULT_SECONDS
        held: tuple[Image, float | None] | None = None
        for decoded in container.decode(stream):
            now = decoded.time
            if held is not None:
                usual = _between(held[1], now, usual)
                yield Frame(held[0], usual)
            turns = round(getattr(decoded, "rotation", 0) / 90)  # a phone held upright
            image = np.ascontiguousarray(np.rot90(decoded.to_ndarray(format="rgb24"), turns))
            held = image, now
        if held is not None:
            yield Frame(held[0], usual)


def _between(before: float | None, now: float | None, usual: float) -> float:
    if before is None or now is None or now <= before:
        return usual
    return now - before


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """Open a movie; say in plain words what is wrong with it."""
    av = import_av()
    try:
        # a file may name others, also on the network: only files are opened
        with av.open(str(path), options={"protocol_whitelist": "file"}) as container:
            if not CONTAINERS & set(container.format.name.split(",")):
                raise ImageError(
                    f"{path} is a {container.format.name}, which is not read as a movie"
                )
            if not container.streams.video:
                raise ImageError(f"{path} has no pictures, only sound: choose a movie")
            stream = container.streams.video[0]
            limit = PIL_Image.MAX_IMAGE_PIXELS
            if limit is not None and (stream.width or 0) * (stream.height or 0) > limit:
                raise ImageError(f"{path} has frames of more than {limit:,} pixels: shrink it")
            yield container, stream
    except (NstError, MemoryError):
        raise
    except (av.FFmpegError, OSError, ValueError, LookupError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{path} cannot be read as a movie ({reason}): save it again") from error


def write_movie(path: Path, frames: Iterable[Frame]) -> None:
    """Encode frames as a movie; times are kept.

    Parameters
    ----------
    path : Path
        Its suffix chooses the format: see `CODECS`.
    frames : iterable of Frame
        An odd side gets one more row or column, like its neighbour: codecs want even ones.

    Raises
    ------
    OutputError
        It cannot be encoded.
    """
    av = import_av()
    if av is None:
        evened = (Frame(_even(frame.image), frame.seconds) for frame in frames)
        return ffmpeg.write_movie(path, evened, CODECS[path.suffix.lower()][0])
    try:
        with av.open(str(path), "w") as container:
            stream, ticks = None, 0
            for image, seconds in frames:
                even = _even(image)
                if stream is None:
                    stream = _add_stream(av, container, path.suffix.lower(), even, seconds)
                frame = av.VideoFrame.from_ndarray(even, format="rgb24")
                frame.pts, frame.time_base = ticks, Fraction(1, TICKS)
                container.mux(stream.encode(frame))
                ticks += max(1, round(seconds * TICKS))
            if stream is not None:
                container.mux(stream.encode())
    except (av.FFmpegError, ValueError) as error:
        raise OutputError(f"{path.name} cannot be encoded ({error}): write a .gif") from error


def _even(image: Image) -> Image:
    height, width = image.shape[:2]
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _add_stream(av: Any, container: Any, suffix: str, image: Image, seconds: float) -> Any:
    """Add a stream by the first codec that there is."""
    rate = Fraction(1 / seconds).limit_denominator(1001)
    known = [name for name in CODECS[suffix] if name in av.codecs_available]
    if not known:
        raise OutputError(f"this PyAV has no codec for {suffix}: write a .gif")
    stream = container.add_stream(known[0], rate=rate)
    stream.height, stream.width = image.shape[:2]
    stream.pix_fmt = "yuv420p"
    stream.options = QUALITY.get(known[0], {})
    stream.codec_context.time_base = Fraction(1, TICKS)
    return stream
