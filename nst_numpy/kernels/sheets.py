"""How signals and volumes become sheets of lines, a piece at a time.

`kernels.lines` convolves sheets: arrays (items, *lengths, line*C) whose lines, with all channels of
all their positions, lie in one piece of memory. Copying in also puts the zeros around a piece.

- **Volumes** are sheets already: a line goes along W.
- **Pictures** are volumes with lines of one position.
- **Signals** are set in columns, as a page of text: position S q + s of the output is row s of
  column q. A line goes across the columns, and across items.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from nst_numpy.common.arrays import Array
from nst_numpy.kernels.minimal_filtering import Filtering
from nst_numpy.kernels.threads import chunks
from nst_numpy.kernels.windows import Window

Piece = tuple[slice, ...]  # items, then which tiles of each axis; of signals: items, columns

# By measurement: what a row of tiles becomes stays in a core's own cache. Of rows a piece has
# many: each piece takes Python its time, while the threads must wait for one another.
ROW_BYTES, MOST_ROWS, FEWEST_BYTES, MANY_PIECES = 3 << 19, 16, 1 << 20, 8
COLUMN = 32  # positions of a signal's column


class Shape(NamedTuple):
    """The sizes of a piece; pieces of the same shape use the same arrays."""

    items: int
    tiles: tuple[int, ...]
    line: int  # positions, with the zeros at both ends


class Volumes:
    """Volumes and pictures: (N, *sizes, C) is (N, *lengths, line*C) as it is.

    Parameters
    ----------
    items : int
    window : Window
    axes : sequence of Filtering
        One for each axis, or each but the last: that is the lines'.
    """

    def __init__(self, items: int, window: Window, axes: Sequence[Filtering]) -> None:
        self._items, self._window, self._axes = items, window, axes
        n = len(axes)
        self.taps = math.prod(window.kernel[n:])  # along a line
        self._before, after = window.pad[n] if window.pad[n:] else (0, 0)
        self._line = math.prod(window.sizes[n:]) + self._before + after

    def pieces(self, position_bytes: int) -> list[Piece]:
        """Cut into pieces of (items, tiles of each axis).

        `position_bytes` is what `kernels.lines` needs for a position of each tile.
        """
        sizes = self._window.out_sizes
        rows, columns = (-(-size // f.tile) for size, f in zip(sizes, self._axes, strict=False))
        tile_bytes = position_bytes * self._line
        many = _many(self._items * rows * columns * tile_bytes)
        most = max(1, ROW_BYTES // tile_bytes)
        items = chunks(self._items, min(most // columns, -(-self._items // many)))
        across = chunks(columns, most)
        down = chunks(rows, min(MOST_ROWS, rows * len(items) * len(across) // many))
        return list(itertools.product(items, down, across))

    def shape(self, piece: Piece) -> Shape:
        """Return the sizes of a piece."""
        items, *tiles = (cut.stop - cut.start for cut in piece)
        return Shape(items, tuple(tiles), self._line)

    def copy_inputs(self, x: Array, piece: Piece, sheet: Array) -> None:
        """Copy what a piece sees, x (N, *sizes, C_in) -> sheet (items, *lengths, line*C_in)."""
        befores = [before for before, _ in self._window.pad]
        self._copy(x, piece, [*befores[: len(self._axes)], self._before], sheet)

    def copy_outputs(self, grad_out: Array, piece: Piece, sheet: Array) -> None:
        """Copy what belongs to its outputs, each line filled up with zeros."""
        self._copy(grad_out, piece, [0] * (len(self._axes) + 1), sheet)

    def _copy(self, x: Array, piece: Piece, befores: Sequence[int], sheet: Array) -> None:
        items, *tiles = piece
        # (N, *sizes, C) -> (N, *lengths, line*C), a view
        lines = x.reshape(*x.shape[: len(tiles) + 1], -1)
        starts = [cut.start * f.tile for cut, f in zip(tiles, self._axes, strict=True)]
        seen, there = [items], [slice(0, None)]
        for first, before, length, size in zip(
            (*starts, 0),
            (*befores[:-1], befores[-1] * x.shape[-1]),
            sheet.shape[1:],
            lines.shape[1:],
            strict=True,
        ):
            # a piece may lie wholly in the padding
            ends = (first - before, first - before + length)
            low, high = (min(max(end, 0), size) for end in ends)
            seen.append(slice(low, high))
            there.append(slice(low - ends[0], high - ends[0]))
        inside = sheet
        for axis, cut in enumerate(there):
            edges = (slice(None),) * axis
            inside[(*edges, slice(cut.start))] = 0
            inside[(*edges, slice(cut.stop, None))] = 0
            inside = inside[(*edges, cut)]
        inside[...] = lines[tuple(seen)]

    def place(self, piece: Piece) -> tuple[slice, ...]:
        """Return where the outputs of a piece are, out[place]."""
        items, *tiles = piece
        ends = zip(tiles, self._axes, self._window.out_sizes, strict=False)
        # of the last tiles some positions may lie beyond the border
        return items, *(slice(t.start * f.tile, min(t.stop * f.tile, n)) for t, f, n in ends)

    def copy_back(self, sheet: Array, piece: Piece, b: Array | None, out: Array) -> None:
        """Copy a piece to its place, plus b: (items, *lengths, line*C) -> (N, *sizes, C)."""
        part = out[self.place(piece)]
        part = part.reshape(*part.shape[: len(piece)], -1)
        there = sheet[tuple(map(slice, part.shape))]
        if b is None:
            part[...] = there
        else:
            # a line at a time: a loop over C_out alone would be short
            np.add(there, np.tile(b, part.shape[-1] // len(b)), out=part)


class Signals:
    """Signals in columns: (N, L, C) becomes (1, rows, items*columns*C). Parameters as above."""

    taps = 1

    def __init__(self, items: int, window: Window, axes: Sequence[Filtering]) -> None:
        self._items, (f,) = items, axes
        (self._outputs,), ((self._before, _),) = window.out_sizes, window.pad
        columns = -(-self._outputs // COLUMN)
        self._tiles = -(-self._outputs // (columns * f.tile))
        self._rows = self._tiles * f.tile  # of a column's outputs
        self._columns = -(-self._outputs // self._rows)

    def pieces(self, position_bytes: int) -> list[Piece]:
        """Cut into some columns of an item, or of several items if these are short."""
        many = _many(self._items * self._columns * self._tiles * position_bytes)
        most = max(1, min(ROW_BYTES // position_bytes, self._items * self._columns // many))
        boxes = chunks(self._items, most // self._columns), chunks(self._columns, most)
        return list(itertools.product(*boxes))

    def shape(self, piece: Piece) -> Shape:
        """Return the sizes of a piece."""
        items, columns = (cut.stop - cut.start for cut in piece)
        return Shape(1, (self._tiles,), items * columns)

    def copy_inputs(self, x: Array, piece: Piece, sheet: Array) -> None:
        """Copy what a piece sees, x (N, L, C_in) -> sheet (1, rows, items*columns*C_in)."""
        self._copy(x, piece, self._before, sheet)

    def copy_outputs(self, grad_out: Array, piece: Piece, sheet: Array) -> None:
        """Copy what belongs to its outputs."""
        self._copy(grad_out, piece, 0, sheet)

    def _copy(self, x: Array, piece: Piece, before: int, sheet: Array) -> None:
        items, columns = piece
        length, rows, step = x.shape[1], sheet.shape[1], self._rows
        x = _positions(x[items])
        sheet = _positions(sheet.reshape(rows, len(x), -1, x.itemsize // sheet.itemsize))
        # a column is copied alone where some of it lies beyond the border
        first = min(max(columns.start, -(-before // step)), columns.stop)
        last = max(first, min(columns.stop, (length + before - rows) // step + 1))
        if last > first:
            shape = (rows, len(x), last - first)
            strides = (x.strides[1], x.strides[0], step * x.strides[1])
            start = x[:, first * step - before :]
            inside = slice(first - columns.start, last - columns.start)
            sheet[:, :, inside] = as_strided(start, shape, strides, writeable=False)
        for column in (*range(columns.start, first), *range(last, columns.stop)):
            start = column * step - before
            low, high = (min(max(end, 0), length) for end in (start, start + rows))
            here = sheet[:, :, column - columns.start]
            here[...] = np.zeros((), here.dtype)
            # (items, positions) -> (positions, items)
            here[low - start : high - start] = x[:, low:high].T

    def place(self, piece: Piece) -> tuple[slice, ...]:
        """Return where the outputs of a piece are, out[place]."""
        items, columns = piece
        ends = columns.start * self._rows, min(columns.stop * self._rows, self._outputs)
        return items, slice(*ends)

    def copy_back(self, sheet: Array, piece: Piece, b: Array | None, out: Array) -> None:
        """Copy a piece to its place, plus b: (1, rows, items*columns*C) -> (N, L, C)."""
        if b is not None:
            sheet += np.tile(b, sheet.shape[-1] // len(b))
        part = _positions(out[self.place(piece)])
        sheet = _positions(sheet.reshape(self._rows, len(part), -1, out.shape[-1]))
        # (rows, items, columns) -> (items, columns, rows)
        sheet = sheet.transpose(1, 2, 0)
        whole, rest = divmod(part.shape[1], self._rows)
        inside = part[:, : whole * self._rows].reshape(len(part), whole, self._rows)
        inside[...] = sheet[:, :whole]
        if rest:
            part[:, whole * self._rows :] = sheet[:, whole, :rest]


Sheets = Volumes | Signals


def _positions(a: Array) -> Any:
    """See the channels of a position as one item of so many bytes, which is copied at once."""
    return a.view(np.dtype((np.void, a.shape[-1] * a.itemsize)))[..., 0]


def _many(total_bytes: int) -> int:
    """Say how many pieces there are to be at least."""
    return min(MANY_PIECES, max(1, total_bytes // FEWEST_BYTES))
