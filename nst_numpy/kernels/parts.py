"""Arrays that are made, or used, a part at a time, while the part is in a core's cache.

A *place* is what selects a part: the part is `array[place]`, where `place` begins with the
item's number, or a slice of items, and goes on with one slice an axis for some spatial axes.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# called as each_part(part, place) with a part that was just computed; may change it in place
EachPart = Callable[[NDArray[Any], tuple[Any, ...]], None]
WHOLE = (slice(None),)  # the place of the whole array


class MadeInParts(NamedTuple):
    """An array that nobody keeps: a part of it is made when a layer reads it.

    read(item, rows, columns) returns array[item, rows, columns]. Parts that are read may
    overlap; an overlap is made twice, and is the same both times.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[..., NDArray[Any]]

    def rows(self, cut: slice) -> "MadeInParts":
        """Return some rows of it, likewise."""

        def read(item: int, rows: slice, *others: slice) -> NDArray[Any]:
            return self.read(item, slice(rows.start + cut.start, rows.stop + cut.start), *others)

        shape = (self.shape[0], cut.stop - cut.start, *self.shape[2:])
        return MadeInParts(shape, self.dtype, read)


def one_after_the_other(first: EachPart, second: EachPart) -> EachPart:
    """Make one function of two: a part goes through the first, then through the second."""

    def both(part: NDArray[Any], place: tuple[Any, ...]) -> None:
        first(part, place)
        second(part, place)

    return both
