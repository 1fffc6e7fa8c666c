"""The options that say how a picture becomes a file, and what they make of a result."""

import argparse
import re
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from nst_numpy.common.arrays import Image, Image16
from nst_numpy.errors import SettingError
from nst_numpy.pictures.images import FORMATS, Picture, check_image_output, save_image
from nst_numpy.pictures.samples import resolve_picture

if TYPE_CHECKING:
    from PIL.Image import Exif

    from nst_numpy.pictures.encoding import ProfileName

# Functions import what needs Pillow, as `images` does.

DEPTHS = (8, 16)
# Of each option; what a command has no option for is so.
DEFAULTS: dict[str, Any] = {
    "quality": None,
    "no_metadata": False,
    "depth": 8,
    "profile": "srgb",
    "keep_transparency": False,
    "keep_exif": False,
}


class Painted(Protocol):
    """A result: its picture, in 8 bits and in 16."""

    @property
    def image(self) -> Image:
        """uint8 (H, W, 3)."""

    @property
    def image16(self) -> Image16:
        """uint16 (H, W, 3)."""


def add_file_options(parser: argparse.ArgumentParser, *, photograph: bool = False) -> None:
    """Add what every command that writes a picture has; more if it is made of a photograph."""
    add = parser.add_argument_group("the file of the picture").add_argument
    add(
        "--quality", type=int, metavar="N",
        help="of .jpg, .webp and .avif, 1 to 100 (default: 95; .avif 90)",
    )  # fmt: skip
    add("--no-metadata", action="store_true", help="leave out the command that painted it")
    if photograph:
        add("--depth", type=int, default=8, choices=DEPTHS, help="bits a colour; 16: .png, .tif")
        add(
            "--profile", default="srgb", choices=["srgb", "keep", "none"],
            help="what the file says of its colours; keep: the photograph's profile",
        )  # fmt: skip
        add(
            "--keep-transparency", action="store_true",
            help="what is transparent in the photograph is so in the picture",
        )  # fmt: skip
        add(
            "--keep-exif", action="store_true",
            help="copy what the camera noted: date, camera, exposure, place",
        )  # fmt: skip


@dataclass(frozen=True)
class PictureFile:
    """Where a command's picture goes, and how it is written there.

    Parameters
    ----------
    args : argparse.Namespace
        With the options of `add_file_options`, and the command's words.
    photograph : str, optional
        What the picture is made of.
    """

    args: argparse.Namespace
    photograph: str | None = None

    def check(self) -> Path:
        """Find out, before the run, whether the picture can be written; return where.

        What goes along is read now: after the run the photograph may be gone.
        """
        place = check_image_output(
            self.args.output,
            depth=self._option("depth"),
            transparent=self.cut_out is not None,
            quality=self._option("quality"),
            profile=self.profile,
        )
        _ = self.exif
        return place

    def source(self) -> Picture:
        """Return what is to be painted: the photograph, without holes if they are kept."""
        assert self.photograph is not None
        return resolve_picture(self.photograph) if self.cut_out is None else self.cut_out[..., :3]

    def save(self, place: Path, image: Image) -> None:
        """Write a picture of 8 bits."""
        self._save(place, image)

    def save_result(self, place: Path, result: Painted) -> None:
        """Write the picture of a run, as asked for."""
        self._save(place, result.image16 if self._option("depth") == 16 else result.image)

    def _save(self, place: Path, image: Any) -> None:
        from nst_numpy.pictures.encoding import LOSSY
        from nst_numpy.pictures.transparency import with_alpha

        if self.cut_out is not None:
            image = with_alpha(image, self.cut_out[..., 3])
        # a picture that cannot be written in its place is kept as PNG in another
        lossy = FORMATS[place.suffix.lower()][0] in LOSSY
        save_image(
            place, image, quality=self._option("quality") if lossy else None, profile=self.profile,
            comment=self.command, exif=self.exif,
        )  # fmt: skip

    @cached_property
    def cut_out(self) -> Any:
        """Return the photograph with its transparency, RGBA, where that is kept, and None else."""
        from nst_numpy.pictures.transparency import load_transparent

        if not self._option("keep_transparency"):
            return None
        rgba = load_transparent(self._photograph, self.args.size)
        return None if (rgba[..., 3] == 255).all() else rgba

    @cached_property
    def profile(self) -> "ProfileName | bytes":
        """Return what `save_image` is to say of the colours."""
        from nst_numpy.pictures.colours import can_paint_in
        from nst_numpy.pictures.metadata import read_profile

        chosen: ProfileName | Literal["keep"] = self._option("profile")
        if chosen != "keep":
            return chosen
        found = read_profile(self._photograph)
        if not can_paint_in(found):
            what = "a colour profile, but none of RGB" if found else "no colour profile"
            raise SettingError(f"{self.photograph} has {what}: leave out --profile keep")
        return found

    @cached_property
    def exif(self) -> "Exif | None":
        """Return the EXIF that goes along, if it is to."""
        from nst_numpy.pictures.metadata import read_exif

        return read_exif(self._photograph) if self._option("keep_exif") else None

    @property
    def command(self) -> str | None:
        """Return the command as it was given, unless that is to be left out."""
        return None if self._option("no_metadata") else command_line(self.args.as_given)

    @property
    def _photograph(self) -> Path:
        assert self.photograph is not None
        return resolve_picture(self.photograph)

    def _option(self, name: str) -> Any:
        return getattr(self.args, name, DEFAULTS[name])


def repeat_file_options(args: argparse.Namespace) -> list[str]:
    """Write the options again of all that is not as by default.

    >>> repeat_file_options(argparse.Namespace(depth=16, quality=None, keep_exif=True))
    ['--depth', '16', '--keep-exif']
    """
    words = []
    for name, default in DEFAULTS.items():
        value = getattr(args, name, default)
        if value != default:
            words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return words


def command_line(words: list[str]) -> str:
    """Write a command as one types it; a home folder is `~`, so that no file tells whose it was.

    >>> command_line(["transfer", "my cat.jpg", "starry_night", f"-o={Path.home()}/cat.png"])
    "nst transfer 'my cat.jpg' starry_night '-o=~/cat.png'"
    """
    return shlex.join(["nst", *map(_without_home, words)])


def _without_home(word: str) -> str:
    try:
        home = str(Path.home())
    except RuntimeError:  # there is none
        return word
    # at a word's beginning, or after -o= and the like
    return re.sub(rf"(^|=){re.escape(home)}(?=[/\\]|$)", r"\1~", word) if len(home) > 1 else word
