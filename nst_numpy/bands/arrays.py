"""An activation that is not there whole: some rows of it at a time."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array, Shape
from nst_numpy.kernels.threads import chunks


class InBands:
    """An array (N, H, …, C) of which rows are read.

    Parameters
    ----------
    shape, dtype : of the whole
    read : callable
        slice of rows -> ndarray, (N, rows, …, C), for reading.
    height : int
        Of the bands of `bands`.

    Examples
    --------
    >>> a = np.arange(6.0).reshape(1, 3, 2)
    >>> pieces = InBands(a.shape, a.dtype, lambda rows: a[:, rows], height=2)
    >>> [(rows.start, rows.stop, part.shape) for rows, part in pieces.bands()]
    [(0, 1, (1, 1, 2)), (1, 3, (1, 2, 2))]
    """

    def __init__(
        self, shape: Shape, dtype: np.dtype[Any], read: Callable[[slice], Array], height: int
    ) -> None:
        self.shape, self.dtype, self.read, self.height = shape, dtype, read, height

    def cuts(self) -> list[slice]:
        """List the bands, from the top downwards."""
        return chunks(self.shape[1], self.height)

    def bands(self) -> Iterator[tuple[slice, Array]]:
        """Yield the rows of each band, and what is there."""
        for rows in self.cuts():
            yield rows, self.read(rows)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the whole."""
        whole = np.concatenate([part for _, part in self.bands()], axis=1)
        return whole if dtype is None else whole.astype(dtype, copy=False)


class Stream:
    """Rows of an array in order: each is made once, and kept as long as it is read again.

    Parameters
    ----------
    height : int
        Rows in all.
    step : int
        Rows are made up to a multiple of it, so that they are cut as in the whole.
    make : callable
        make(rows) -> ndarray, (N, rows, …).

    Examples
    --------
    >>> made = []
    >>> def make(rows):
    ...     made.append((rows.start, rows.stop))
    ...     return np.arange(rows.start, rows.stop)[None]
    >>> stream = Stream(10, 4, make)
    >>> stream.read(slice(0, 3)).tolist(), stream.read(slice(2, 6)).tolist(), made
    ([[0, 1, 2]], [[2, 3, 4, 5]], [(0, 4), (4, 8)])
    """

    def __init__(self, height: int, step: int, make: Callable[[slice], Array]) -> None:
        self._height, self._step, self._make = height, step, make
        self._rows = slice(0, 0)
        self._kept: Array | None = None

    def read(self, rows: slice) -> Array:
        """Return some rows; none of them lies before the first that was read last."""
        begin, end = self._rows.start, self._rows.stop
        if rows.stop > end:
            stop = min(-(-rows.stop // self._step) * self._step, self._height)
            # a copy, so that what is not read again is free for what comes
            left = None if self._kept is None else self._kept[:, rows.start - begin :].copy()
            self._kept = None
            fresh = self._make(slice(end, stop))
            if left is None or not left.shape[1]:
                self._kept, begin = fresh, end
            else:
                self._kept, begin = np.concatenate([left, fresh], axis=1), rows.start
            self._rows = slice(begin, stop)
        assert self._kept is not None
        return self._kept[:, rows.start - begin : rows.stop - begin]
