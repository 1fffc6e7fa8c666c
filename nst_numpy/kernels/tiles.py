"""Tiles of pictures, to the values at their points and back: (W1) along two axes.

The columns of a tile lie side by side in memory, each with all its channels, and the tiles of a row
are a stack of such matrices: the first product reads the picture itself. The second reads rows of
the result, and the last product of the way back writes into the output.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from nst_numpy.common.arrays import Array
from nst_numpy.kernels.memory import scratch_array
from nst_numpy.kernels.minimal_filtering import Filtering
from nst_numpy.kernels.parts import MadeInParts

Piece = tuple[Any, ...]  # the item, tile rows, tile columns


def room(
    name: str, axes: Sequence[Filtering], piece: Piece, channels: int, dtype: np.dtype
) -> Array:
    """Make room for what a piece has at the points: (*points, *tiles, channels).

    Of the points the last axis comes first.
    """
    tiles = (cut.stop - cut.start for cut in piece[1:])
    return scratch_array(name, (*(f.points for f in reversed(axes)), *tiles, channels), dtype)


def positions(tiles: slice, f: Filtering, size: int) -> slice:
    """Return which outputs some tiles have, up to the border."""
    return slice(tiles.start * f.tile, min(tiles.stop * f.tile, size))


def to_points(
    x: MadeInParts, piece: Piece, axes: Sequence[Filtering], befores: Sequence[int], v: Array
) -> None:
    """Transform some tiles of x: (N, H, W, C) -> v (n_W, n_H, rows, columns, C).

    `befores` are the zeros above and on the left.
    """
    item, *tiles = piece
    down, across = axes
    rows, columns, channels = v.shape[2:]
    # the first and the last may lie beyond the border
    reads = [
        slice(cut.start * f.tile - before, (cut.stop - 1) * f.tile - before + f.points)
        for cut, f, before in zip(tiles, axes, befores, strict=True)
    ]
    # a piece may lie wholly in the padding
    seen = [
        slice(*(min(max(end, 0), size) for end in (read.start, read.stop)))
        for read, size in zip(reads, x.shape[1:-1], strict=True)
    ]
    length = reads[0].stop - reads[0].start
    a = scratch_array("last", (across.points, length, columns, channels), x.dtype)
    _across(x.read(item, *seen), reads, seen, across, a)
    a = a.reshape(across.points, length, -1)
    # n rows of tiles overlap: (n_W, length, rest) -> (n_W, rows, n, rest), a view
    point, line, value = a.strides
    shape = (len(a), rows, down.points, a.shape[-1])
    strides = (point, down.tile * line, line, value)
    # as_strided takes ten times as long, and holds the interpreter's lock
    windows = np.ndarray(shape, a.dtype, a, strides=strides)
    # (n', n) @ (n, rest) -> (n', rest) for each row of tiles
    out = v.reshape(*v.shape[:3], -1)
    np.matmul(down.B_T, windows, out=_points_inside(out, 1))


def _across(
    band: Array, reads: Sequence[slice], seen: Sequence[slice], f: Filtering, out: Array
) -> None:
    """Transform the tiles along the last axis: (H, W, C) -> out (n, length, tiles, C).

    `band` is what there is of the positions that the tiles read; beyond the border there are zeros.
    """
    *_, tiles, channels = out.shape
    above, below = seen[0].start - reads[0].start, seen[0].stop - reads[0].start
    out[:, :above] = 0
    out[:, below:] = 0
    # (n', there, tiles, C) -> (there, tiles, n', C)
    target = _points_inside(out[:, above:below], 0)
    # where each tile begins in band, and which of them lie in it altogether
    begin, width = reads[1].start - seen[1].start, band.shape[1]
    first = min(max(0, -(begin // f.tile)), tiles)
    last = max(first, min(tiles, (width - f.points - begin) // f.tile + 1))
    for tile in (*range(first), *range(last, tiles)):
        columns = _columns(band, begin + tile * f.tile, f.points)
        np.matmul(f.B_T, columns, out=target[:, tile])
    if last > first:
        line, column, value = band.strides
        start = band[:, begin + first * f.tile :]
        shape = (len(band), last - first, f.points, channels)  # tiles overlap
        windows = as_strided(start, shape, (line, f.tile * column, column, value))
        # (n', n) @ (n, C) -> (n', C) for each row and tile
        np.matmul(f.B_T, windows, out=target[:, first:last])


def _points_inside(a: Array, axis: int) -> Array:
    """See an array with the axis of points as its last but one: the rows of matrices."""
    last = a.ndim - 1
    return a.transpose(*range(axis), *range(axis + 1, last), axis, last)


def _columns(band: Array, left: int, count: int) -> Array:
    """Copy columns from `left` on: (H, W, C) -> (H, count, C); beyond a border are zeros."""
    columns = scratch_array("edge", (len(band), count, band.shape[-1]), band.dtype)
    columns[...] = 0
    start, stop = max(left, 0), min(left + count, band.shape[1])
    if stop > start:
        columns[:, start - left : stop - left] = band[:, start:stop]
    return columns


def from_points(m: Array, axes: Sequence[Filtering], b_line: Array | None, region: Array) -> None:
    """Transform the products back: m (n_W, n_H, rows, columns, C) -> region (H, W, C).

    `b_line` is added, the biases of a whole line of positions, at least W·C numbers.
    """
    down, across = axes
    height, width, channels = region.shape  # what lies beyond the border is dropped
    rows, columns = m.shape[2:4]
    out = scratch_array("back", (len(m), rows, down.tile, columns * channels), m.dtype)
    # (m, n) @ (n, rest) -> (m, rest) for each row of tiles
    np.matmul(down.A_T, _points_inside(m.reshape(*m.shape[:3], -1), 1), out=out)
    # (n_W, H, columns, C) -> (H, columns, n_W, C)
    lines = _points_inside(out.reshape(len(m), -1, columns, channels), 0)[:height]
    whole, rest = divmod(width, across.tile)
    pixels = region[:, : whole * across.tile].reshape(height, whole, across.tile, channels)
    np.matmul(across.A_T, lines[:, :whole], out=pixels)  # a view: tiles lie side by side
    if rest:
        end = np.matmul(across.A_T, lines[:, whole])
        region[:, whole * across.tile :] = end[:, :rest]
    if b_line is not None:
        region_lines = region.reshape(height, -1)
        region_lines += b_line[: region_lines.shape[-1]]
