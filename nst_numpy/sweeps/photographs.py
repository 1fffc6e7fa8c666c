"""The photographs that a folder or a pattern stands for, and how their results are called."""

import re
from glob import iglob
from itertools import islice
from pathlib import Path

from nst_numpy.errors import ImageError
from nst_numpy.files import PathLike, expand, expand_input
from nst_numpy.pictures.samples import PICTURE_SUFFIXES, find_picture, picture_files

SIGNS = re.compile(r"[*?[]")  # of a pattern
MOST = 10_000  # files that a pattern may find


def is_many(text: str) -> bool:
    """Whether a text stands for several photographs: a folder, or a pattern such as `*.jpg`.

    A file of that name is one photograph, and so is a sample.

    >>> is_many("chelsea"), is_many("photos/*.jpg"), is_many("")
    (False, True, False)
    """
    try:
        if not text or find_picture(text):
            return False
        return bool(SIGNS.search(text)) or expand(text).is_dir()
    except (OSError, ValueError):
        return False


def find_photographs(text: str) -> list[Path]:
    """List the pictures that a folder or a pattern stands for, by name.

    Parameters
    ----------
    text : str
        A folder: the pictures in it, by their suffixes. Or a pattern: `*` stands for any letters
        of a name, `?` for one, `[ab]` for one of these, `**` for folders within folders.

    Raises
    ------
    ImageError
        There is no such picture, or there are too many.

    Examples
    --------
    >>> find_photographs("missing/*.jpg")
    Traceback (most recent call last):
    nst_numpy.errors.ImageError: no picture matches missing/*.jpg: check the pattern
    """
    place = expand_input(text, ImageError)
    if place.is_dir():
        return [Path(file) for file in picture_files(place)]
    found = list(islice(iglob(str(place), recursive=True), MOST + 1))
    if len(found) > MOST:
        raise ImageError(f"more than {MOST} files match {text}: take a narrower pattern")
    files = sorted(Path(file) for file in found if Path(file).is_file())
    pictures = [file for file in files if file.suffix.lower() in PICTURE_SUFFIXES]
    if not pictures:
        what = f"none of the {len(files)} files that match {text} is a picture" if files else (
            f"no picture matches {text}")  # fmt: skip
        raise ImageError(f"{what}: check the pattern")
    return pictures


def output_names(photographs: list[Path], folder: PathLike) -> dict[str, Path]:
    """Name the result of each photograph, `cat.jpg` becomes `cat.png`; return them by that name.

    Parameters
    ----------
    photographs : list of Path
    folder : path
        Where the results go.

    Raises
    ------
    ImageError
        Two of them would have one name, or the folder is one of the photographs'.

    Examples
    --------
    >>> output_names([Path("a.jpg"), Path("a.png")], "painted")
    Traceback (most recent call last):
    nst_numpy.errors.ImageError: a.jpg and a.png would both become a.png: rename one of them, or \
take a pattern that leaves one out, as '*.jpg'
    """
    place = Path(folder).resolve()
    names: dict[str, Path] = {}
    taken: dict[str, Path] = {}  # a disk may see no difference between A.png and a.png
    for photograph in photographs:
        name = f"{photograph.stem}.png"
        if photograph.parent.resolve() == place:
            raise ImageError(
                f"{folder} is the folder of the photographs, which are not written over: "
                "choose another one"
            )
        other = taken.setdefault(name.casefold(), photograph)
        if other is not photograph:
            raise ImageError(
                f"{other} and {photograph} would both become {name}: rename one of them, or take "
                f"a pattern that leaves one out, as '*{other.suffix}'"
            )
        names[name] = photograph
    return names
