"""Movies by the program FFmpeg, which imageio-ffmpeg brings along: where PyAV has no wheel.

Frames go through pipes, which know of no times: each is read as shown equally long, and written as
often as its time asks for.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PIL_Image

from nst_numpy.errors import ImageError, NstError, OutputError
from nst_numpy.video.sources import DEFAULT_SECONDS, Frame

MOST_FPS = 1000
QUALITY = {"libx264": ["-crf", "18"], "libvpx-vp9": ["-crf", "24", "-b:v", "0"]}


def count_frames(path: Path, containers: Iterable[str]) -> int | None:
    """Return the number of frames by length and rate; None if the movie does not say these."""
    with _opened(path, containers) as (about, _):
        if not (about["fps"] and about["duration"]):
            return None
        return max(1, int(about["fps"] * about["duration"] + 0.5))


def read_frames(path: Path, containers: Iterable[str]) -> Iterator[Frame]:
    """Decode a movie, a frame at a time; of `containers` only.

    Raises
    ------
    ImageError
        It cannot be read, or is damaged.
    """
    with _opened(path, containers) as (about, frames):
        width, height = about["size"]
        seconds = 1 / about["fps"] if about["fps"] else DEFAULT_SECONDS
        for data in frames:
            # (H·W·3,) bytes -> (H, W, 3)
            image = np.frombuffer(data, np.uint8).reshape(height, width, 3).copy()
            yield Frame(image, seconds)


@contextmanager
def _opened(path: Path, containers: Iterable[str]) -> Iterator[tuple[dict[str, Any], Any]]:
    """Begin to read a movie; say in plain words what is wrong with it."""
    import imageio_ffmpeg

    # a file may name others, also on the network: only files are opened, and no play lists
    safe = ["-protocol_whitelist", "file", "-format_whitelist", ",".join(sorted(containers))]
    try:
        # an absolute path is no address, and no option
        reader = imageio_ffmpeg.read_frames(os.path.abspath(path), input_params=safe)
        with closing(reader):
            about = next(reader)
            limit = PIL_Image.MAX_IMAGE_PIXELS
            if limit is not None and about["size"][0] * about["size"][1] > limit:
                raise ImageError(f"{path} has frames of more than {limit:,} pixels: shrink it")
            yield about, reader
    except (NstError, MemoryError):
        raise
    # the text that FFmpeg prints is taken apart, and what is missing in it raises many kinds
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
        raise ImageError(f"{path} cannot be read as a movie ({reason}): save it again") from error


def write_movie(path: Path, frames: Iterable[Frame], codec: str) -> None:
    """Encode frames as a movie; a time is rounded to that of the first frame, times a number.

    Parameters
    ----------
    path : Path
        Its suffix chooses the format.
    frames : iterable of Frame
        With even sides.
    codec : str
        As FFmpeg calls it.

    Raises
    ------
    OutputError
        It cannot be encoded.
    """
    import imageio_ffmpeg

    writer, fps, shown, end = None, 0.0, 0, 0.0
    try:
        for image, seconds in frames:
            if writer is None:
                fps = min(MOST_FPS, 1 / seconds)
                writer = imageio_ffmpeg.write_frames(
                    os.path.abspath(path), (image.shape[1], image.shape[0]), fps=fps, codec=codec,
                    quality=None, macro_block_size=2, ffmpeg_log_level="error",
                    output_params=QUALITY.get(codec, []),
                )  # fmt: skip
                writer.send(None)
            end += seconds
            times = max(1, round(end * fps) - shown)
            for _ in range(times):
                writer.send(np.ascontiguousarray(image))
            shown += times
        if writer is not None:
            writer.close()
    except (OSError, RuntimeError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
        raise OutputError(f"{path.name} cannot be encoded ({reason}): write a .gif") from error
    if not path.exists() or not path.stat().st_size:
        raise OutputError(f"{path.name} cannot be encoded by this FFmpeg: write a .gif")
