"""Painted frames in a folder: numbered PNGs, each with a key that says what it was painted from.

The key of a frame is made of that of the frame before, of its own source and of all settings. A
frame that is there with the right key is the one that would be painted, and is kept.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PIL_Image
from PIL import PngImagePlugin

from nst_numpy.common.arrays import Image
from nst_numpy.errors import ImageError, OutputError
from nst_numpy.files import atomic_write
from nst_numpy.pictures.images import load_image

KEY = "nst_numpy video"  # the PNG's text that holds the key
NAME = re.compile(r"\d{5,}\.png")


class FrameFolder:
    """The frames of one movie.

    Parameters
    ----------
    folder : Path
        It exists.
    start : str
        A key of all that the frames have in common: see `key_of`.

    Raises
    ------
    OutputError
        There are numbered PNGs of somebody else in it.
    """

    def __init__(self, folder: Path, start: str) -> None:
        self.folder, self.key, self.count = folder, start, 0
        for path in self._numbered():
            if _read_key(path) is None:
                raise OutputError(
                    f"{path} is no frame that nst video painted: choose another folder, or move it"
                )

    def path(self, number: int) -> Path:
        """Return where a frame is: the first is 00001.png."""
        return self.folder / f"{number:05d}.png"

    def kept(self, source: Image) -> Image | None:
        """Go on to the next frame; return it if it is there, painted from this source.

        Parameters
        ----------
        source : ndarray, uint8 (H, W, 3)

        Returns
        -------
        ndarray, uint8 (H, W, 3), or None
        """
        self.count += 1
        digest = hashlib.sha256(source.tobytes()).hexdigest()
        self.key = key_of({"before": self.key, "source": digest, "shape": source.shape})
        path = self.path(self.count)
        if _read_key(path) != self.key:
            return None
        with suppress(ImageError):  # a damaged one is painted anew
            image = load_image(path)
            return image if image.shape == source.shape else None
        return None

    def save(self, image: Image) -> None:
        """Write the frame that `kept` went on to."""
        text = PngImagePlugin.PngInfo()
        text.add_text(KEY, self.key)
        with atomic_write(self.path(self.count)) as temporary:
            PIL_Image.fromarray(image).save(temporary, format="PNG", pnginfo=text)

    def load(self, number: int) -> Image:
        """Read a frame."""
        return load_image(self.path(number))

    def remove(self) -> None:
        """Remove the frames, and the folder if nothing else is in it."""
        for number in range(1, self.count + 1):
            self.path(number).unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    def remove_later(self) -> None:
        """Remove frames of a longer movie that was here before: those after the last."""
        for path in self._numbered():
            if int(path.stem) > self.count:
                path.unlink(missing_ok=True)

    def _numbered(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if NAME.fullmatch(path.name)]


def key_of(data: Mapping[str, Any]) -> str:
    """Make a key of what a frame is painted from.

    >>> key_of({"size": 64, "steps": 8}) == key_of({"steps": 8, "size": 64})
    True
    """
    text = json.dumps(data, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def digest(arrays: Mapping[str, Any]) -> str:
    """Return one SHA-256 of arrays, by the order of their names; tuples of arrays are gone through.

    >>> digest({"a": np.zeros(2)}) == digest({"a": (np.zeros(2),)})
    True
    """
    found = hashlib.sha256()
    for name in sorted(arrays):
        found.update(name.encode("utf-8"))
        group = arrays[name] if isinstance(arrays[name], (tuple, list)) else (arrays[name],)
        for array in group:
            found.update(f"{array.dtype} {array.shape}".encode())
            found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _read_key(path: Path) -> str | None:
    """Return a frame's key; None where there is none."""
    try:
        with PIL_Image.open(path, formats=["PNG"]) as picture:
            text = picture.info.get(KEY)
    except Exception:  # no file, no PNG, a damaged one: each has errors of its own
        return None
    return text if isinstance(text, str) else None
