"""A question as it comes from the page, checked at the door."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from nst_numpy.common.checks import is_whole
from nst_numpy.errors import SettingError, UnknownNameError
from nst_numpy.live.moment import COLOURS, Moment

# What each kind of question must say.
KINDS = {
    "pixel": ("row", "col", "colour"),
    "term": ("row", "col", "colour", "term"),
    "layer": ("row", "col", "colour", "term", "layer"),
    "share": ("row", "col", "colour", "term", "layer", "channel", "at"),
    "forward": ("layer", "channel", "at"),
    "backward": ("layer", "channel", "at"),
    "channel": ("layer", "channel"),
    "patches": ("layer", "channel"),
    "stroke": ("row", "col"),
}


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    row, col : int, optional
        A pixel of the picture, without the margin.
    colour : str, optional
        "red", "green" or "blue".
    term, layer : str, optional
    channel : int, optional
    at : (int, int), optional
        Row and column in a layer's own map.
    """

    kind: str
    row: int | None = None
    col: int | None = None
    colour: str | None = None
    term: str | None = None
    layer: str | None = None
    channel: int | None = None
    at: tuple[int, int] | None = None

    @classmethod
    def read(cls, given: Any) -> "Question":
        """Make a question of what came as JSON.

        Raises
        ------
        SettingError, UnknownNameError
            It is none.

        Examples
        --------
        >>> Question.read({"kind": "stroke", "row": 3, "col": 4}).as_dict()
        {'kind': 'stroke', 'row': 3, 'col': 4}
        """
        if not isinstance(given, dict) or not isinstance(given.get("kind"), str):
            raise SettingError("a question must be an object with a kind: ask by a click")
        if given["kind"] not in KINDS:
            raise UnknownNameError.of("question", given["kind"][:40], KINDS)
        known = {f.name for f in fields(cls)}
        values = {name: value for name, value in given.items() if name in known}
        if isinstance(values.get("at"), list):
            values["at"] = tuple(values["at"])
        question = cls(**values)
        for name in KINDS[question.kind]:
            if not _fits(name, getattr(question, name)):
                raise SettingError(
                    f"the question has no {name}, or not a right one: ask by a click"
                )
        return question

    def as_dict(self) -> dict[str, Any]:
        """Return what is said, ready for JSON."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def but(self, kind: str, **more: Any) -> dict[str, Any]:
        """Return another question about the same, ready for JSON.

        >>> Question("stroke", 3, 4).but("pixel", colour="red")
        {'kind': 'pixel', 'row': 3, 'col': 4, 'colour': 'red'}
        """
        said = {name: value for name, value in asdict(self).items() if name in KINDS[kind]}
        return Question(**(said | {"kind": kind} | more)).as_dict()

    def pixel(self, moment: Moment) -> tuple[int, int, int]:
        """Return row and column on the canvas, and the channel of x.

        Raises
        ------
        SettingError
            The picture has no such pixel.
        """
        margin = moment.margin
        height, width = (n - 2 * margin for n in moment.x.shape[1:3])
        assert self.row is not None
        assert self.col is not None
        if not (0 <= self.row < height and 0 <= self.col < width):
            raise SettingError(
                f"the picture has {height} rows and {width} columns: there is no pixel "
                f"{self.row}, {self.col}"
            )
        return self.row + margin, self.col + margin, COLOURS.get(self.colour or "red", 0)

    def unit(self, moment: Moment) -> tuple[str, int, tuple[int, int]]:
        """Return layer, channel and position of a unit.

        Raises
        ------
        UnknownNameError, SettingError
            There is no such unit, or J does not look so deep.
        """
        layer, channel = self.named(moment)
        assert self.at is not None
        sizes = moment.cone.shapes[layer][1:-1]
        if not all(0 <= i < n for i, n in zip(self.at, sizes, strict=True)):
            raise SettingError(f"the map of {layer} has {sizes[0]} rows and {sizes[1]} columns")
        return layer, channel, self.at

    def named(self, moment: Moment) -> tuple[str, int]:
        """Return layer and channel; errors are those of `unit`."""
        assert self.layer is not None
        assert self.channel is not None
        if self.layer not in moment.features:
            raise UnknownNameError.of("layer", self.layer[:40], moment.features)
        channels = moment.features[self.layer].shape[-1]
        if not 0 <= self.channel < channels:
            raise SettingError(f"{self.layer} has the channels 0 to {channels - 1}")
        return self.layer, self.channel


def _fits(name: str, value: Any) -> bool:
    if name == "at":
        return isinstance(value, tuple) and len(value) == 2 and all(is_whole(i, 0) for i in value)
    if name == "colour":
        return isinstance(value, str) and value in COLOURS
    if name in ("term", "layer"):
        return isinstance(value, str)
    return is_whole(value, 0)
