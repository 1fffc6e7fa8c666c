"""The pictures that come along, all free to use.

Seven photographs and four paintings to work with, and 184 small photographs to look for
patches in.

`files/LICENCES.tsv` and `files/photos/LICENCES.tsv` say of each whose it is, under
which licence, and where it comes from.
"""

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

from nst_numpy.errors import ImageError, UnknownNameError, UnknownPictureError, did_you_mean
from nst_numpy.files import PathLike, expand, expand_input, has_separator

_FOLDER = Path(__file__).resolve().parent / "files"
SampleKind = Literal["content", "style"]
_KINDS: dict[str, SampleKind] = {"content": "content", "styles": "style"}  # by folder
# Also of formats that Pillow cannot read: whoever types photo.heic means a file.
PICTURE_SUFFIXES = (
    *(".avif", ".bmp", ".gif", ".heic", ".jp2", ".jpeg", ".jpg"),
    *(".pgm", ".png", ".ppm", ".svg", ".tif", ".tiff", ".webp"),
)


@dataclass(frozen=True)
class Sample:
    """A picture that comes along.

    Attributes
    ----------
    name
        What to call it wherever a picture is asked for, on the command line and in Python.
    kind
        `"content"`, a photograph, or `"style"`, a painting.
    path
        The JPEG file.
    title, author, licence
        In words. The title of a painting has its year.
    source
        Address of the original; where none is known, the package that the copy is from.
    """

    name: str
    kind: SampleKind
    path: Path
    title: str
    author: str
    licence: str
    source: str

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, read from the file when first asked for."""
        from PIL import Image

        with Image.open(self.path) as picture:
            return picture.size


def samples() -> list[Sample]:
    """List the pictures that come along, by kind and name.

    Returns
    -------
    list of Sample
        First the content pictures, then the styles.

    Examples
    --------
    >>> [sample.name for sample in samples() if sample.kind == "style"]
    ['cafe_terrace', 'night_cafe', 'painter_on_the_road', 'starry_night']
    """
    return list(_by_name().values())


def sample_path(name: str) -> Path:
    """Return the file of a sample.

    Parameters
    ----------
    name
        One of the names in `samples()`.

    Raises
    ------
    UnknownNameError
        No sample has that name; the message gives the nearest.

    Examples
    --------
    >>> sample_path("starry_night").name
    'starry_night.jpg'
    >>> sample_path("stary_night")
    Traceback (most recent call last):
    nst_numpy.errors.UnknownNameError: unknown sample 'stary_night': did you mean starry_night?
    """
    if name not in _by_name():
        raise UnknownNameError.of("sample", name, _by_name())
    return _by_name()[name].path


def photo_paths() -> list[Path]:
    """List the files of the 184 small photographs, by name.

    Their short side is about 256 pixels. They show animals, monuments, landscapes, machines
    and tools, so that most units of a network find something in them.

    Examples
    --------
    >>> len(photo_paths())
    184
    """
    return sorted((_FOLDER / "photos").glob("*.jpg"))


def picture_files(paths: PathLike | Iterable[PathLike]) -> list[str]:
    """List the files to scan, each once: those given, or the pictures in a folder by name.

    Raises
    ------
    ImageError
        If the folder does not exist or has no picture, or the list is empty.
    """
    if not isinstance(paths, (str, os.PathLike)):
        files = list(dict.fromkeys(os.fspath(path) for path in paths))
        if not files:
            raise ImageError("there are no pictures to scan: the list is empty")
        return files
    folder = expand_input(paths, ImageError)
    if not folder.is_dir():
        raise ImageError(f"{folder} is not a folder: give a folder of pictures, or a list of files")
    files = sorted(
        str(path)
        for path in folder.iterdir()
        if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")
    )
    if not files:
        raise ImageError(f"the folder {folder} has no picture in it: give another")
    return files


def find_picture(path: PathLike) -> Path | None:
    """Find what somebody calls a picture: a file, else the sample of that name, else nothing.

    Parameters
    ----------
    path
        A path, in which a leading `~` is the home folder, or the name of a sample. Where both
        exist, the file is taken; a folder hides no sample.

    Raises
    ------
    OSError
        The text cannot be a path.

    Examples
    --------
    >>> find_picture("chelsea").name
    'chelsea.jpg'
    >>> find_picture("horses") is None
    True
    """
    file = expand(path)
    if file.exists() and not file.is_dir():
        return file
    sample = _by_name().get(os.fspath(path))
    return sample.path if sample else None


def resolve_picture(text: PathLike) -> Path:
    """Find the picture that someone typed: a file, else a sample.

    Parameters
    ----------
    text
        As in `find_picture`.

    Raises
    ------
    ImageError
        The text is meant as a file, since it has a picture's suffix or a path separator, and
        there is no such file; or it is a folder.
    UnknownPictureError
        Neither a file nor a sample has that name; the message gives the nearest samples.

    Examples
    --------
    >>> resolve_picture("chelsea").name
    'chelsea.jpg'
    >>> resolve_picture("horses")
    Traceback (most recent call last):
    nst_numpy.errors.UnknownPictureError: unknown file or sample 'horses': did you mean horse?
    """
    text = os.fspath(text)
    if not text:
        raise ImageError("the name of the picture is empty: give a file or the name of a sample")
    path = expand_input(text, ImageError)
    found = find_picture(text)
    if found is not None:
        return found
    if path.is_dir():
        raise ImageError(f"{text!r} is a folder: name a picture in it")
    refuse_unknown_picture(text)
    raise ImageError(f"there is no file {text}, and no sample of that name: {hint(text)}")


def refuse_unknown_picture(text: str) -> None:
    """Refuse what is missing and not meant as a file: no separator, and no picture's suffix."""
    if not has_separator(text) and Path(text).suffix.lower() not in PICTURE_SUFFIXES:
        raise UnknownPictureError.of("file or sample", text, _by_name())


def hint(text: str) -> str:
    """Name the samples that somebody who gave a missing file may have meant."""
    return did_you_mean(Path(text).stem, _by_name(), "the sample") or "check the spelling"


@cache
def _by_name() -> dict[str, Sample]:
    with open(_FOLDER / "LICENCES.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    found = [_from_row(row) for row in rows]
    return {sample.name: sample for sample in sorted(found, key=lambda s: (s.kind, s.name))}


def _from_row(row: dict[str, str]) -> Sample:
    path = _FOLDER / row["file"]
    return Sample(
        name=path.stem,
        kind=_KINDS[path.parent.name],
        path=path,
        title=f"{row['title']} ({row['year']})" if row["year"] else row["title"],
        author=row["author"],
        licence=row["licence"],
        source=row["source"] or row["package path"],
    )
