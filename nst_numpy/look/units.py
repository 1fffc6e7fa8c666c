"""The patches that excite a unit most.

The lecture: pick a unit in layer 1, find the nine image patches that maximise the unit's
activation, repeat for other units, then go deeper. Here a unit means a channel: the same
filter at every position. One pass over the pictures serves all layers and channels.

What is kept is a ranking, and a picture's own ranking is merged into it. So the result of
two scans merges into that of their union: a scan can be split, stopped, resumed or spread.
"""

import hashlib
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nst_numpy.common.arrays import Image, Integers
from nst_numpy.common.progress import bar
from nst_numpy.common.shown import Shown
from nst_numpy.common.text import counted
from nst_numpy.errors import ImageError, NonFiniteError, SettingError, TooLargeError
from nst_numpy.files import PathLike
from nst_numpy.kernels.memory import gives_memory_back
from nst_numpy.look import scan_json
from nst_numpy.look.ranking import (
    K,
    Ranking,
    check_channels,
    check_whole,
    find_channel,
    rank,
    ranked,
)
from nst_numpy.pictures.images import load_image, preprocess, resize_image
from nst_numpy.pictures.samples import picture_files
from nst_numpy.receptive_field import Box, count_outputs, seen_interval, typical_slides
from nst_numpy.rows import Row
from nst_numpy.vgg import VGG, PoolKind, vgg_rows

LARGEST_SIDE = 1024  # pixels; relu1_1 and relu1_2 of such a square fill half a gigabyte
FORMAT = "nst units 1"


class Patch(NamedTuple):
    """One patch: how strongly it excites the unit, and where it is.

    `row` and `col` are the position on the layer's map, `box` the pixels of the picture
    at the size at which it was scanned.
    """

    value: float
    path: Path
    row: int
    col: int
    box: Box


class Scanned(NamedTuple):
    """A picture that was scanned, and its size in pixels then."""

    path: str
    height: int
    width: int


class Skipped(NamedTuple):
    """A picture that was left out, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class ScanSettings:
    """All that decides what a scan finds in a picture."""

    k: int
    size: int | None
    one_per_picture: bool
    convolutions: tuple[int, ...]
    pool: PoolKind
    dtype: str
    network: str  # fingerprint of the parameters

    @property
    def rows(self) -> dict[str, Row]:
        """The network's rows; the number of filters is not recorded, and stands at 1."""
        return vgg_rows([[1] * count for count in self.convolutions], self.pool)


@dataclass(frozen=True, eq=False, repr=False)
class TopPatches(Shown):
    """The result of a scan.

    Attributes
    ----------
    settings : ScanSettings
    pictures : tuple of Scanned
        In the order of the scan.
    skipped : tuple of Skipped
        Pictures that could not be scanned, with the reason.
    rankings : dict of str to Ranking
        For each layer.
    interrupted : bool
        Whether Ctrl-C ended the scan; the pictures before that are in it.
    """

    settings: ScanSettings
    pictures: tuple[Scanned, ...]
    skipped: tuple[Skipped, ...]
    rankings: dict[str, Ranking]
    interrupted: bool = field(default=False, compare=False)

    def __eq__(self, other: object) -> bool:
        """Two results are equal if they say the same, to the last bit."""
        return isinstance(other, TopPatches) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]

    def _in_words(self) -> str:
        scanned = counted(len(self.pictures), "picture")
        return f"the {self.settings.k} best of {scanned} for {ranked(self.rankings)}"

    @property
    def channels(self) -> dict[str, tuple[int, ...]]:
        """The channels that were ranked, for each layer."""
        return {name: ranking.channels for name, ranking in self.rankings.items()}

    def best(self, layer: str, channel: int) -> list[Patch]:
        """List the patches that excite a channel most, largest first.

        Of equal values the first counts: in the order of the pictures, then of the rows.
        There are k of them, or as many as the pictures gave.

        Raises
        ------
        SettingError
            If the scan did not ask for that layer or channel.
        """
        ranking, at = find_channel(self.rankings, layer, channel)
        boxes = self._boxes(layer, slice(at, at + 1))[0]
        columns = (ranking.value[at], ranking.item[at], ranking.position[at], boxes)
        return [
            Patch(value, Path(self.pictures[n].path), row, col, Box(*box))
            for value, n, (row, col), box in zip(*(c.tolist() for c in columns), strict=True)
        ]

    def merge(self, other: "TopPatches") -> "TopPatches":
        """Return what one scan of the pictures of both would have found, these first.

        A picture that is in both counts once.

        Raises
        ------
        SettingError
            If the two scans differ in their network, settings, layers or channels.
        """
        self._check_mergeable(other)
        number = {picture.path: i for i, picture in enumerate(self.pictures)}
        fresh = [picture for picture in other.pictures if picture.path not in number]
        number = dict.fromkeys(number, -1)
        number |= {p.path: i for i, p in enumerate(fresh, start=len(self.pictures))}
        numbers = np.array([number[p.path] for p in other.pictures], dtype=np.intp)
        pictures = (*self.pictures, *fresh)
        scanned = {picture.path for picture in pictures}
        skipped = {s.path: s for s in (*other.skipped, *self.skipped) if s.path not in scanned}
        order = dict.fromkeys(s.path for s in (*self.skipped, *other.skipped))
        return TopPatches(
            self.settings,
            pictures,
            tuple(skipped[path] for path in order if path in skipped),
            {
                name: ranking.merge(other.rankings[name], numbers, self.settings.k)
                for name, ranking in self.rankings.items()
            },
            self.interrupted or other.interrupted,
        )

    def extend(
        self, vgg: VGG, paths: PathLike | Iterable[PathLike], progress: bool = False
    ) -> "TopPatches":
        """Scan those of the pictures that are not in this result yet, and merge.

        Parameters, result and errors are those of `top_patches`; settings, layers and
        channels are those of this scan.
        """
        s = self.settings
        self.check_network(vgg)
        known = {picture.path for picture in self.pictures}
        fresh = [path for path in picture_files(paths) if path not in known]
        if not fresh:
            return self
        return self.merge(
            top_patches(vgg, fresh, self.channels, s.k, s.size, s.one_per_picture, progress)
        )

    def check_network(self, vgg: VGG) -> None:
        """Refuse a network that is not the one of the scan.

        Raises
        ------
        SettingError
        """
        s = self.settings
        _check_alike(s, _settings(vgg, s.k, s.size, s.one_per_picture))

    def _check_mergeable(self, other: "TopPatches") -> None:
        """Refuse to merge what was not scanned in the same way."""
        _check_alike(self.settings, other.settings)
        if self.channels != other.channels:
            raise SettingError(
                "scans of different layers or channels cannot be merged: "
                "scan again and ask for the same"
            )

    def _boxes(self, layer: str, channels: slice = slice(None)) -> Integers:
        """Return (channels, n, 4): top, left, bottom, right of every patch."""
        ranking = self.rankings[layer]
        # (channels, n) -> (channels, n, 2)
        seen = self._sides()[ranking.item[channels]]
        slides = typical_slides(layer, self.settings.rows)
        # two of (channels, n, 2): top and left, bottom and right
        boxes: Integers = np.concatenate(
            seen_interval(slides, ranking.position[channels], seen), axis=-1
        )
        return boxes

    def to_json(self) -> dict[str, Any]:
        """Return everything as dicts, lists, strings and numbers, ready for JSON.

        A patch names its picture by its number in the list of pictures, from 0.
        """
        settings = asdict(self.settings) | {"convolutions": list(self.settings.convolutions)}
        return {
            "format": FORMAT,
            "settings": settings,
            "pictures": [picture._asdict() for picture in self.pictures],
            "skipped": [skipped._asdict() for skipped in self.skipped],
            "layers": {name: self._layer_to_json(name) for name in self.rankings},
        }

    def _layer_to_json(self, layer: str) -> dict[str, Any]:
        ranking = self.rankings[layer]
        row, col = np.moveaxis(ranking.position, -1, 0)
        columns = (ranking.value, ranking.item, row, col, self._boxes(layer))
        keys = ("value", "picture", "row", "col", "box")
        patches = [
            [dict(zip(keys, patch, strict=True)) for patch in zip(*rows, strict=True)]
            for rows in zip(*(column.tolist() for column in columns), strict=True)
        ]
        return {"channels": list(ranking.channels), "patches": patches}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "TopPatches":
        """Read back what `to_json` returned, exactly.

        Raises
        ------
        SettingError
            If the data are something else; see `scan_json.parse`.
        """
        try:
            parsed = scan_json.parse(data, FORMAT)
            top = cls(
                ScanSettings(**parsed.settings),
                tuple(Scanned(*picture) for picture in parsed.pictures),
                tuple(Skipped(*skipped) for skipped in parsed.skipped),
                parsed.rankings,
            )
            for layer in top.rankings:
                top._check_positions(layer)
        except ValueError as error:
            raise SettingError(
                f"these are not the results of a scan ({error}): make them with TopPatches.to_json"
            ) from error
        return top

    def _check_positions(self, layer: str) -> None:
        """Refuse a layer that the network has not, and a position that is not on its map."""
        if layer not in self.settings.rows:
            raise ValueError(f"the network has no layer {layer[:80]!r}")
        sizes = count_outputs(typical_slides(layer, self.settings.rows), self._sides())
        ranking = self.rankings[layer]
        if (ranking.position >= sizes[ranking.item]).any():
            raise ValueError(f"a patch of {layer} is outside its picture")

    def _sides(self) -> Integers:
        """Return (pictures, 2): height and width of every picture."""
        sides = np.array([(p.height, p.width) for p in self.pictures], dtype=np.intp)
        return sides.reshape(-1, 2)


@gives_memory_back
def top_patches(
    vgg: VGG,
    paths: PathLike | Iterable[PathLike],
    layers: Mapping[str, Iterable[int] | None],
    k: int = K,
    size: int | None = None,
    one_per_picture: bool = True,
    progress: bool = False,
) -> TopPatches:
    """Find the patches of some pictures that excite each channel most.

    Parameters
    ----------
    vgg : VGG
    paths : a folder, or the paths of files
        Of a folder, the pictures in it by name. A picture that is named twice counts once.
    layers : mapping of str to channels
        The channels to rank, for each layer; None is all of them.
    k : int
        How many patches to keep for each channel.
    size : int, optional
        Longest side at which pictures are scanned. None keeps each picture's own, up to
        `LARGEST_SIDE`.
    one_per_picture : bool
        Whether a picture gives its best patch only. Neighbouring positions see nearly the
        same pixels: without this rule the nine patches are often one patch, nine times.
    progress : bool
        Show a bar.

    Returns
    -------
    TopPatches
        A picture that cannot be read, or is too small for the deepest layer, is in
        `skipped`. Ctrl-C ends the scan and returns what was found so far.

    Raises
    ------
    ImageError
        If the folder does not exist or has no picture.
    UnknownNameError, SettingError
        For a layer, channel, k or size that cannot be.
    NonFiniteError
        If an activation is not finite.

    Notes
    -----
    Lecture, "What are deep convnets learning?"; Zeiler and Fergus (2014), figure 2. Memory is
    that of one picture's activations and of k numbers a channel, for any number of pictures.
    """
    settings = _settings(vgg, k, size, one_per_picture)
    channels = check_channels("top_patches", vgg, layers, (1, *vgg.input_shape))
    files = picture_files(paths)
    rankings = {name: Ranking.empty(own, 2, vgg.dtype) for name, own in channels.items()}
    pictures: list[Scanned] = []
    skipped: list[Skipped] = []
    interrupted = False
    try:
        for path in bar("picture", files, shown=progress):
            try:
                found, shape = _scan(vgg, path, channels, settings)
            except ImageError as error:
                skipped.append(Skipped(path, str(error).removeprefix("load_image: ")))
                continue
            number = np.array([len(pictures)], dtype=np.intp)
            merged = {n: r.merge(found[n], number, settings.k) for n, r in rankings.items()}
            # in one step, so that Ctrl-C leaves no picture that is ranked but not listed
            rankings, pictures = merged, [*pictures, Scanned(path, *shape)]
    except KeyboardInterrupt:
        interrupted = True
    return TopPatches(settings, tuple(pictures), tuple(skipped), rankings, interrupted)


def scanned_image(path: PathLike, size: int | None = None) -> Image:
    """Read a picture at the size at which `top_patches` scans it.

    Returns
    -------
    ndarray, uint8 (H, W, 3)
    """
    image = load_image(path, size)
    if size is None and max(image.shape) > LARGEST_SIDE:
        image = resize_image(image, LARGEST_SIDE)
    return image


def _settings(vgg: VGG, k: int, size: int | None, one_per_picture: bool) -> ScanSettings:
    """Check k and size, and note what identifies the network."""
    check_whole("top_patches", k=k, **({} if size is None else {"size": size}))
    counts: dict[str, int] = {}
    fingerprint = hashlib.sha256()
    for name, arrays in vgg.params.items():
        block = name.split("_")[0]
        counts[block] = counts.get(block, 0) + 1
        for array in arrays:
            fingerprint.update(np.ascontiguousarray(array).data)
    return ScanSettings(
        operator.index(k), None if size is None else operator.index(size), bool(one_per_picture),
        tuple(counts.values()),
        vgg.pool, vgg.dtype.name, fingerprint.hexdigest()[:16],
    )  # fmt: skip


def _check_alike(one: ScanSettings, other: ScanSettings) -> None:
    """Refuse two scans with different settings."""
    others = asdict(other)
    for what, value in asdict(one).items():
        if value != others[what]:
            raise SettingError(
                f"scans with different {what} ({value} and {others[what]}) do not go together: "
                "scan again with equal settings"
            )


def _scan(
    vgg: VGG, path: str, channels: Mapping[str, Sequence[int]], settings: ScanSettings
) -> tuple[dict[str, Ranking], tuple[int, int]]:
    """Rank one picture's activations; return its size too."""
    image = scanned_image(path, settings.size)
    height, width = image.shape[:2]
    deepest = list(channels)[-1]
    if min(height, width) < vgg.smallest_size(deepest):
        raise ImageError(f"{path} is only {width}×{height} pixels, too small for {deepest}")
    try:
        features = vgg.forward(preprocess(image, dtype=vgg.dtype), channels)
        found = {
            name: rank(a[0], channels[name], 1 if settings.one_per_picture else settings.k)
            for name, a in features.items()
        }
    except MemoryError as error:
        raise TooLargeError(
            f"top_patches: {path} needs more memory than there is at {width}×{height} pixels: "
            "give a smaller size"
        ) from error
    for name, ranking in found.items():
        if not np.isfinite(ranking.value).all():
            raise NonFiniteError(f"top_patches: {name} of {path} has a value that is not finite")
    return found, (height, width)
