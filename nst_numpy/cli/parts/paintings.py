"""The pictures of a run as words of a command: a photograph, paintings, and masks for them."""

import argparse
import os
from pathlib import Path

from nst_numpy.errors import SettingError
from nst_numpy.files import expand_input
from nst_numpy.paintings import MASKS, MaskPair
from nst_numpy.pictures.masks import INVERSE, WHOLE, mask_file
from nst_numpy.pictures.samples import resolve_picture


def add_pictures(parser: argparse.ArgumentParser) -> None:
    """Add CONTENT, STYLE …, and the options for masks."""
    parser.add_argument(
        "content", metavar="CONTENT", nargs="?",
        help="the photograph: a file or a sample; or a folder",
    )  # fmt: skip
    parser.add_argument(
        "style", metavar="STYLE", nargs="*", help="the painting, or several: files or samples"
    )
    for option, what in zip(MASKS, ("where the photograph takes it", "where it is"), strict=True):
        parser.add_argument(
            f"--{option.replace('_', '-')}", metavar="FILE", action="append",
            help=f"{what} taken from in the painting, white in FILE; once for each STYLE, in their "
            f"order; {INVERSE}FILE: black there; {WHOLE}: everywhere",
        )  # fmt: skip


def paintings(args: argparse.Namespace) -> list[Path]:
    """Find the paintings."""
    return [resolve_picture(style) for style in args.style]


def masks(args: argparse.Namespace) -> list[MaskPair] | None:
    """Read which masks there are, a pair for each painting.

    Raises
    ------
    SettingError
        There are more or fewer than paintings.
    """
    given = [getattr(args, option) for option in MASKS]
    if not any(given):
        return None
    count = len(args.style)
    for option, words in zip(MASKS, given, strict=True):
        if words and len(words) != count:
            raise SettingError(
                f"there are {count} STYLE and {len(words)} --{option.replace('_', '-')}: "
                f"give one for each, {WHOLE} where there is no mask"
            )
    columns = [[_mask(word) for word in words or [WHOLE] * count] for words in given]
    return list(zip(*columns, strict=True))


def mask_files(args: argparse.Namespace) -> list[Path]:
    """List the files that masks are read from."""
    words = [word for option in MASKS for word in getattr(args, option) or [] if word != WHOLE]
    return [Path(mask_file(word)) for word in words]


def repeat_pictures(args: argparse.Namespace) -> list[str]:
    """Write the words again."""
    words = [str(args.content), *map(str, args.style)]
    for option in MASKS:
        for word in getattr(args, option) or []:
            words += [f"--{option.replace('_', '-')}", word]
    return words


def _mask(word: str) -> str | None:
    """Return a mask as `transfer` takes it: None for all, with the home folder for ~."""
    if word == WHOLE:
        return None
    file = os.fspath(expand_input(mask_file(word), SettingError))
    return INVERSE + file if word.startswith(INVERSE) else file
