r"""Convolution at stride 1 with a fraction of the multiplications, in 1, 2 and 3 dimensions.

Along one axis, F(m, r) computes m outputs of an r-tap filter with m + r − 1 multiplications
instead of m r, by three small matrices: see `kernels.minimal_filtering`, equation (W1). The idea
is explained step by step in docs/performance.

**In several dimensions** the same is done along one axis after the other, the last first: products
of a small matrix with all channels of a tile, then with all channels of a row of tiles. The sum
over input channels goes inside: at each point it is a product too,
(tiles, C_in) @ (C_in, C_out).                                                     (W2)
For 3×3 kernels and tiles of 4×4 these are 6×6 points, 36 multiplications instead of 144; for
3×3×3 kernels 216 instead of 1728.

**The gradients.** For points that come in pairs p, 1/p, flipping the filter g end to end reverses
the rows of G g. The input gradient is a convolution with the flipped kernel: where it is so, it is
computed by the same routine with the same transformed kernel, read backwards.     (W3)
In (W1) y is linear in g. Turned round, that gives the filters' gradient from that of y,

    ∂J/∂g = Gᵀ Σ [(A ∂J/∂y) ⊙ (Bᵀ d)],                                             (W4)

the sum over all tiles; with channels it is (C_in, tiles) @ (tiles, C_out) at each point.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from nst_numpy.common.arrays import Array
from nst_numpy.kernels.memory import empty_array, scratch_array
from nst_numpy.kernels.minimal_filtering import Filtering, filtering
from nst_numpy.kernels.parts import EachPart, MadeInParts
from nst_numpy.kernels.products import in_blocks, multiply
from nst_numpy.kernels.threads import chunks, for_each, single_threaded_blas
from nst_numpy.kernels.windows import Window

Piece = tuple[Any, ...]  # the item, then for each axis which tiles

# F(m, r) for each kernel: the largest tiles whose error stays below 5e-5 of the outputs' standard
# deviation. TILE is that of pictures.
TILE = 4
TILES = {
    (3,): (4,), (5,): (4,), (7,): (4,),
    (3, 3): (TILE, TILE),
    (3, 3, 3): (4, 4, 4), (5, 5, 5): (2, 2, 4),
}  # fmt: skip

# How the tiles are cut into pieces, by measurement: a product of fewer tiles is slow, more do
# not fit in cache; the more channels, the more tiles pay. In 1-D as many as have the same points.
FEWEST_TILES, MOST_TILES, PICTURE_POINTS = 128, 256, 36
VOLUME_TILES = 64
MANY_PIECES = 4  # a piece for each item: so many keep the threads busy
SHARED_ROWS, SHARED_POINTS = 2, 3  # tile rows, points, that a thread takes of a shared piece
COPIED_BYTES = 10 << 20  # kernels up to 256 → 256 channels
KERNEL_NUMBERS = 1 << 18  # that are transformed at a time
SUMS = 8  # partial sums of grad_w; fixed, so that threads do not change the rounding


def filterings(kernel: tuple[int, ...]) -> tuple[Filtering, ...]:
    """Return F(m, r) along each axis of a kernel that is in `TILES`."""
    return tuple(map(filtering, TILES[kernel], kernel))


def transform_kernel(w: Array) -> Array:
    """Evaluate the filters at the points, along each axis; for pictures G g Gᵀ.

    Computed in float64 and rounded once.

    Parameters
    ----------
    w : ndarray, (*kernel, C_in, C_out)

    Returns
    -------
    u : ndarray, (points, C_in, C_out)
        For 3×3 kernels point (column, row) is number 6·column + row: the last axis comes first.
    """
    *kernel, channels, filters = w.shape
    axes = filterings(tuple(kernel))
    u = np.empty((math.prod(f.points for f in axes), channels, filters), dtype=w.dtype)
    most = max(1, KERNEL_NUMBERS // (len(u) * filters))
    with single_threaded_blas():
        for cut in chunks(channels, most):
            values = _along_axes([f.G for f in axes], w[..., cut, :].astype(np.float64))
            # (n_D, n_H, n_W, C_in, C_out) -> (n_W, n_H, n_D, C_in, C_out)
            values = values.transpose(*range(len(axes))[::-1], -2, -1)
            u[:, cut] = values.reshape(len(u), -1, filters)
    return u


def _along_axes(matrices: Sequence[Array], a: Array) -> Array:
    """Multiply an array's first axes by a matrix each: (*sizes, C_in, C_out) -> (*sizes', …)."""
    for axis in reversed(range(len(matrices))):
        matrix, before, rest = matrices[axis], a.shape[:axis], a.shape[axis + 1 :]
        # (before, size, rest) -> (before, size', rest)
        flat = a.reshape(math.prod(before), a.shape[axis], math.prod(rest))
        a = np.matmul(matrix, flat).reshape(*before, len(matrix), *rest)
    return a


def flip_kernel(u: Array) -> Array:
    """Turn a transformed kernel into that of the flipped filters, channels swapped (W3).

    A view of the same numbers, read backwards. For 3 and 7 taps: their points come in pairs.

    Parameters
    ----------
    u : ndarray, (points, C_in, C_out)

    Returns
    -------
    u_flipped : ndarray, (points, C_out, C_in)
    """
    return u[::-1].swapaxes(1, 2)  # equation (W3)


def transform_flipped(w: Array, u: Array | None = None) -> Array:
    """Return the transformed kernel of the input gradient, (points, C_out, C_in).

    `u` is `transform_kernel(w)`, from who has it.
    """
    axes = tuple(range(w.ndim - 2))
    if all(f.pairs for f in filterings(w.shape[:-2])):
        return flip_kernel(transform_kernel(w) if u is None else u)
    return transform_kernel(np.flip(w, axes).swapaxes(-1, -2))


def prepare_kernels(w: Array) -> tuple[Array, Array]:
    """Transform the filters for many passes, forward and backward.

    Of a small kernel two copies are made, each in the order in which it is read. The large
    ones are kept once, and the way back reads a transposed view.

    Parameters
    ----------
    w : ndarray, (*kernel, C_in, C_out)

    Returns
    -------
    u, u_flipped : ndarrays
        `transform_kernel(w)` and `transform_flipped(w)`, or their `in_blocks`.
    """
    u = transform_kernel(w)
    flipped = transform_flipped(w, u)
    if u.nbytes > COPIED_BYTES:
        return u, flipped
    return in_blocks(u), in_blocks(flipped)


def kernel_bytes(w: Array) -> int:
    """Bytes that what `prepare_kernels` returns takes."""
    u = transformed_bytes(w)
    return u if u > COPIED_BYTES and all(f.pairs for f in filterings(w.shape[:-2])) else 2 * u


def transformed_bytes(w: Array) -> int:
    """Bytes that `transform_kernel(w)` takes."""
    axes = filterings(w.shape[:-2])
    return w.nbytes // math.prod(w.shape[:-2]) * math.prod(f.points for f in axes)


def winograd_forward(
    x: Array | MadeInParts,
    u: Array,
    b: Array | None,
    each_part: EachPart | None = None,
    window: Window | None = None,
) -> Array:
    """Convolve x with transformed filters and add the bias, if there is one.

    Parameters
    ----------
    x : ndarray, float32 (N, *sizes, C_in)
    u : ndarray, float32 (points, C_in, C_out)
        From `transform_kernel` or `prepare_kernels`.
    b : ndarray, float32 (C_out,)
    each_part : callable, optional
        Called with each part of the output as soon as it is computed; see `kernels.parts`.
    window : Window, optional
        Of stride 1, with a kernel of `TILES`; default 3×3 with pad 1.

    Returns
    -------
    out : ndarray, float32 (N, *out_sizes, C_out)
    """
    window = picture_window(x.shape) if window is None else window
    out = empty_array((x.shape[0], *window.out_sizes, _channels(u)[1]), x.dtype)
    _Convolution(x, u, b, out, each_part, window).run()
    return out


def winograd_in_parts(
    x: Array | MadeInParts,
    u: Array,
    b: Array | None,
    each_part: EachPart,
    window: Window | None = None,
) -> None:
    """Convolve, 3×3 with pad 1, but keep nothing: each part of the output is for `each_part` alone.

    Does what `winograd_forward` does, or without b what `winograd_input_gradient` does. Parts
    begin at multiples of `TILE` rows and columns. `window` is for some rows of a picture, whose
    padding is not that of the whole.
    """
    window = picture_window(x.shape) if window is None else window
    _Convolution(x, u, b, None, each_part, window).run()


def winograd_input_gradient(
    grad_out: Array | MadeInParts,
    u_flipped: Array,
    each_part: EachPart | None = None,
    window: Window | None = None,
) -> Array:
    """Return ∂J/∂x: the same convolution with the kernel flipped, channels swapped (W3).

    Parameters
    ----------
    grad_out : ndarray, float32 (N, *out_sizes, C_out)
        Or one that is made in parts, by the layer above.
    u_flipped : ndarray, float32 (points, C_out, C_in)
        From `transform_flipped` or `prepare_kernels`.
    each_part : callable, optional
        As in `winograd_forward`.
    window : Window, optional
        That of the way back, over grad_out; default 3×3 with pad 1.

    Returns
    -------
    grad_x : ndarray, float32 (N, *sizes, C_in)
    """
    return winograd_forward(grad_out, u_flipped, None, each_part, window)


def winograd_kernel_gradient(x: Array, grad_out: Array, window: Window) -> Array:
    """Return ∂J/∂w, (W4).

    Parameters
    ----------
    x : ndarray, float32 (N, *sizes, C_in)
    grad_out : ndarray, float32 (N, *out_sizes, C_out)
    window : Window
        Of stride 1, with a kernel of `TILES`.

    Returns
    -------
    grad_w : ndarray, float32 (*kernel, C_in, C_out)
    """
    axes = filterings(window.kernel)
    inputs = _steps_of_inputs(axes, window)
    outputs = _steps_of_outputs(axes)
    seen, given = _parts_of(x), _parts_of(grad_out)
    pieces = _pieces(len(x), window, axes, max(x.shape[-1], grad_out.shape[-1]))
    groups = [pieces[cut] for cut in chunks(len(pieces), math.ceil(len(pieces) / SUMS))]
    points = math.prod(f.points for f in axes)
    sums = np.zeros((len(groups), points, x.shape[-1], grad_out.shape[-1]), dtype=x.dtype)

    def work(group: int) -> None:
        for piece in groups[group]:
            v = _room("values", axes, piece, x.shape[-1], x.dtype)
            m = _room("products", axes, piece, grad_out.shape[-1], x.dtype)
            _to_points(seen, piece, inputs, v)
            _to_points(given, piece, outputs, m)
            v_flat, m_flat = (a.reshape(points, -1, a.shape[-1]) for a in (v, m))
            # points times (C_in, tiles) @ (tiles, C_out) -> (C_in, C_out)
            sums[group] += np.matmul(v_flat.swapaxes(1, 2), m_flat)

    for_each(work, range(len(groups)))
    # the last axis comes first: (n_W, n_H, n_D, C_in, C_out) -> (n_D, n_H, n_W, C_in, C_out)
    sizes = [f.points for f in reversed(axes)]
    total = sums.sum(axis=0, dtype=np.float64).reshape(*sizes, *sums.shape[2:])
    total = total.transpose(*range(len(axes))[::-1], -2, -1)
    with single_threaded_blas():
        grad_w = _along_axes([f.G.T for f in axes], total)  # equation (W4)
    return grad_w.astype(x.dtype)


def picture_window(x_shape: tuple[int, ...]) -> Window:
    """Return the window of 3×3 kernels with pad 1."""
    return Window(x_shape[1:-1], (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)))


class _Step(NamedTuple):
    """What `_to_points` does along an axis: every `stride` positions a product with `matrix`."""

    matrix: Array
    stride: int
    start: int  # of tile 0

    def reads(self, tiles: slice) -> slice:
        """Which positions some tiles read; the first and the last may lie beyond the border."""
        first = tiles.start * self.stride + self.start
        return slice(first, (tiles.stop - 1) * self.stride + self.start + self.matrix.shape[1])


def _steps_of_inputs(axes: Sequence[Filtering], window: Window) -> list[_Step]:
    """Take Bᵀ d of tiles of n inputs, which overlap."""
    return [_Step(f.B_T, f.tile, -before) for f, (before, _) in zip(axes, window.pad, strict=True)]


def _steps_of_outputs(axes: Sequence[Filtering]) -> list[_Step]:
    """Take A ∂J/∂y of tiles of m outputs, side by side."""
    return [_Step(np.ascontiguousarray(f.A_T.T), f.tile, 0) for f in axes]


class _Convolution:
    """(W2) for all tiles of one convolution, a piece of them at a time.

    Where there are many pieces, a thread takes a piece. Where the whole map is one piece, the
    threads share it: some rows each of the transforms, some points each of the products.
    """

    def __init__(
        self,
        x: Array | MadeInParts,
        u: Array,
        b: Array | None,
        out: Array | None,  # None: a part is kept no longer than `each_part` needs it
        each_part: EachPart | None,
        window: Window,
    ) -> None:
        self.x = x if isinstance(x, MadeInParts) else _parts_of(x)
        self.u, self.b, self.out, self.each_part = u, b, out, each_part
        self.window, self.axes = window, filterings(window.kernel)
        self.steps = _steps_of_inputs(self.axes, window)

    def run(self) -> None:
        pieces = _pieces(self.x.shape[0], self.window, self.axes, self.x.shape[-1])
        # never by the number of threads: the last digits would depend on it
        if len(pieces) > self.x.shape[0] or len(pieces) >= MANY_PIECES:
            for_each(self._compute, pieces)
        else:
            for piece in pieces:
                self._compute_together(piece)

    def _values_and_products(self, piece: Piece) -> tuple[Array, Array]:
        """Make room for the values at the points and for their products with the kernel."""
        c_in, c_out = _channels(self.u)
        v = _room("values", self.axes, piece, c_in, self.u.dtype)
        return v, _room("products", self.axes, piece, c_out, self.u.dtype)

    def _compute(self, piece: Piece) -> None:
        """Compute a piece on this thread."""
        v, m = self._values_and_products(piece)
        _to_points(self.x, piece, self.steps, v)
        _multiply(v, self.u, m, slice(None))
        self._transform_back(m, piece)

    def _compute_together(self, piece: Piece) -> None:
        """Compute a piece, all threads together."""
        item, rows, *others = piece
        v, m = self._values_and_products(piece)
        some_rows = (slice(None),) * len(self.axes)
        parts = chunks(rows.stop, SHARED_ROWS)
        points = chunks(len(self.u), SHARED_POINTS)

        def to_points(part: slice) -> None:
            _to_points(self.x, (item, part, *others), self.steps, v[(*some_rows, part)])

        def transform_back(part: slice) -> None:
            self._transform_back(m[(*some_rows, part)], (item, part, *others))

        for_each(to_points, parts)
        for_each(lambda some: _multiply(v, self.u, m, some), points)
        for_each(transform_back, parts)

    def _transform_back(self, m: Array, piece: Piece) -> None:
        item, *tiles = piece
        place = (item, *map(_positions, tiles, self.axes, self.window.out_sizes))
        if self.out is None:
            sizes = (cut.stop - cut.start for cut in place[1:])
            part = scratch_array("part", (*sizes, _channels(self.u)[1]), self.x.dtype)
        else:
            part = self.out[place]
        _from_points(m, self.axes, self.b, part)
        if self.each_part is not None:
            self.each_part(part, place)


def _parts_of(x: Array) -> MadeInParts:
    """See an array that is there whole as one that is read in parts."""
    return MadeInParts(x.shape, x.dtype, lambda *place: x[place])


def _pieces(items: int, window: Window, axes: Sequence[Filtering], channels: int) -> list[Piece]:
    """Cut the tiles into pieces of (item, tile rows, tile columns), or as many axes as there are.

    Pieces of pictures are as wide as may be, those of volumes as near to cubes: the tiles at a
    piece's faces are transformed again with the next one's.
    """
    counts = [-(-out // f.tile) for out, f in zip(window.out_sizes, axes, strict=True)]
    if len(axes) == 3:
        sizes = _cube(counts, VOLUME_TILES)
    else:
        most = min(max(FEWEST_TILES, channels // 2), MOST_TILES)
        if math.prod(counts) <= MOST_TILES:
            most = MOST_TILES
        sizes = _rows(counts, most * PICTURE_POINTS // math.prod(f.points for f in axes))
    cuts = map(chunks, counts, sizes)
    return list(itertools.product(range(items), *cuts))


def _rows(counts: Sequence[int], most: int) -> list[int]:
    """Return the sizes of a box of at most `most` tiles that fills the last axes first."""
    sizes: list[int] = []
    for count in reversed(counts):
        sizes.insert(0, most)
        most = max(1, most // count)
    return sizes


def _cube(counts: Sequence[int], most: int) -> list[int]:
    """Return the sizes of a box of at most `most` tiles: the longest axis is halved until it fits.

    >>> _cube([12, 12, 12], 64)
    [3, 3, 6]
    """
    sizes = list(counts)
    while math.prod(sizes) > most:
        longest = sizes.index(max(sizes))
        sizes[longest] = -(-sizes[longest] // 2)
    return sizes


def _room(
    name: str, axes: Sequence[Filtering], piece: Piece, channels: int, dtype: np.dtype
) -> Array:
    """Make room for what a piece has at the points: (*points, *tiles, channels).

    Of the points the last axis comes first.
    """
    tiles = (cut.stop - cut.start for cut in piece[1:])
    return scratch_array(name, (*(f.points for f in reversed(axes)), *tiles, channels), dtype)


def _channels(u: Array) -> tuple[int, int]:
    """C_in and C_out of transformed filters, (n, C_in, C_out) or (n, C_out/64, C_in, 64)."""
    return u.shape[-2], math.prod(u.shape[1:]) // u.shape[-2]


def _multiply(v: Array, u: Array, m: Array, points: slice) -> None:
    """Sum over the input channels: (*points, *tiles, C_in) -> (*points, *tiles, C_out)."""
    # for each point (tiles, C_in) @ (C_in, C_out) -> (tiles, C_out)
    v_flat, m_flat = (a.reshape(len(u), -1, a.shape[-1]) for a in (v, m))
    multiply(v_flat[points], u[points], m_flat[points])  # equation (W1)


def _positions(tiles: slice, f: Filtering, size: int) -> slice:
    return slice(tiles.start * f.tile, min(tiles.stop * f.tile, size))


def _to_points(x: MadeInParts, piece: Piece, steps: Sequence[_Step], v: Array) -> None:
    """Transform some tiles of x along each axis: (N, *sizes, C) -> v (*points, *tiles, C)."""
    item, *tiles = piece
    counts, channels = v.shape[len(steps) : -1], v.shape[-1]
    reads = [step.reads(cut) for step, cut in zip(steps, tiles, strict=True)]
    # a piece may lie wholly in the padding
    seen = [
        slice(*(min(max(end, 0), size) for end in (read.start, read.stop)))
        for read, size in zip(reads, x.shape[1:-1], strict=True)
    ]
    band = x.read(item, *seen)
    *lengths, _ = (read.stop - read.start for read in reads)
    points = [len(step.matrix) for step in reversed(steps)]
    sizes: tuple[int, ...] = (points[0], *lengths, counts[-1], channels)
    a = scratch_array("last", sizes, x.dtype) if lengths else v
    _along_last_axis(band, reads, seen, steps[-1], a)
    a = a.reshape(*sizes[:-2], -1)
    for axis in range(len(lengths) - 1, -1, -1):
        done = len(steps) - axis  # axes, with this one
        sizes = (*points[:done], *lengths[:axis], counts[axis], a.shape[-1])
        out = scratch_array(f"axis {axis}", sizes, x.dtype) if axis else v.reshape(sizes)
        # n tiles overlap: (…, length, rest) -> (…, tiles, n, rest), a view
        *outer, inner, value = a.strides
        matrix, step, _ = steps[axis]
        shape = (*a.shape[:-2], counts[axis], matrix.shape[1], a.shape[-1])
        windows = as_strided(a, shape, (*outer, step * inner, inner, value))
        # (n', n) @ (n, rest) -> (n', rest) for each row of tiles
        np.matmul(matrix, windows, out=_points_inside(out, done - 1))
        a = out.reshape(*sizes[:-2], -1)


def _along_last_axis(
    band: Array, reads: Sequence[slice], seen: Sequence[slice], step: _Step, out: Array
) -> None:
    """Transform the tiles along the last axis: (*sizes, C) -> out (n, *lengths, tiles, C).

    `band` is what there is of the positions that the tiles read; beyond the border there are zeros.
    """
    matrix, stride, _ = step
    n, (*_, tiles, channels) = matrix.shape[1], out.shape
    inside: list[slice] = []
    for read, cut in zip(reads[:-1], seen[:-1], strict=True):
        part = slice(cut.start - read.start, cut.stop - read.start)
        before = (slice(None), *inside)
        out[(*before, slice(None, part.start))] = 0
        out[(*before, slice(part.stop, None))] = 0
        inside.append(part)
    # (n', *there, tiles, C) -> (*there, tiles, n', C)
    target = _points_inside(out[(slice(None), *inside)], 0)
    # where each tile begins in band, and which of them lie in it altogether
    begin, width = reads[-1].start - seen[-1].start, band.shape[-2]
    first = min(max(0, -(begin // stride)), tiles)
    last = max(first, min(tiles, (width - n - begin) // stride + 1))
    for tile in (*range(first), *range(last, tiles)):
        columns = _columns(band, begin + tile * stride, n)
        np.matmul(matrix, columns, out=target[..., tile, :, :])
    if last > first:
        *outer, column, value = band.strides
        start = band[..., begin + first * stride :, :]
        shape = (*band.shape[:-2], last - first, n, channels)  # tiles may overlap
        windows = as_strided(start, shape, (*outer, stride * column, column, value))
        # (n', n) @ (n, C) -> (n', C) for each row and tile
        np.matmul(matrix, windows, out=target[..., first:last, :, :])


def _points_inside(a: Array, axis: int) -> Array:
    """See an array with the axis of points as its last but one: the rows of matrices."""
    last = a.ndim - 1
    return a.transpose(*range(axis), *range(axis + 1, last), axis, last)


def _columns(band: Array, left: int, count: int) -> Array:
    """Copy columns from `left` on: (*sizes, C) -> (*there, count, C); beyond a border are zeros."""
    columns = scratch_array("edge", (*band.shape[:-2], count, band.shape[-1]), band.dtype)
    columns[...] = 0
    start, stop = max(left, 0), min(left + count, band.shape[-2])
    if stop > start:
        columns[..., start - left : stop - left, :] = band[..., start:stop, :]
    return columns


def _from_points(m: Array, axes: Sequence[Filtering], b: Array | None, region: Array) -> None:
    """Transform the products back, plus b: m (*points, *tiles, C) -> region (*sizes, C)."""
    *sizes, width, channels = region.shape  # what lies beyond the border is dropped
    *counts, tiles = m.shape[len(axes) : -1]
    points = m.shape[: len(axes)]
    lengths: tuple[int, ...] = ()
    for axis, (f, count) in enumerate(zip(axes[:-1], counts, strict=True)):
        left = points[: len(axes) - 1 - axis]  # that are still to be transformed
        rows = m.reshape(*left, f.points, *lengths, count, -1)
        out = scratch_array(
            f"back {axis}", (*left, *lengths, count, f.tile, rows.shape[-1]), m.dtype
        )
        # (m, n) @ (n, rest) -> (m, rest) for each row of tiles
        np.matmul(f.A_T, _points_inside(rows, len(left)), out=out)
        lengths = (*lengths, count * f.tile)
        m = out
    f = axes[-1]
    there = tuple(slice(size) for size in sizes)
    # (n, *lengths, tiles, C) -> (*sizes, tiles, n, C)
    columns = _points_inside(m.reshape(f.points, *lengths, tiles, channels), 0)[there]
    whole, rest = divmod(width, f.tile)
    pixels = region[..., : whole * f.tile, :].reshape(*sizes, whole, f.tile, channels)
    np.matmul(f.A_T, columns[..., :whole, :, :], out=pixels)  # a view: tiles lie side by side
    if rest:
        end = np.matmul(f.A_T, columns[..., whole, :, :])
        region[..., whole * f.tile :, :] = end[..., :rest, :]
    if b is not None:
        # a line at a time: a loop over C alone would be short
        lines = region.reshape(*sizes, -1)
        lines += np.tile(b, width)
