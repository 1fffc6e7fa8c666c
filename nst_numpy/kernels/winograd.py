r"""3×3 convolution, stride 1, pad 1, with a quarter of the multiplications.

Winograd's minimal filtering F(4×4, 3×3) computes a tile of 4×4 outputs from a tile of
6×6 inputs with 36 multiplications instead of 144 (Lavin and Gray 2016, section 4; the
idea is explained step by step in docs/performance).

**In one dimension.** Four outputs y of a 3-tap filter g over six inputs d are
coefficients of a product of polynomials. A polynomial of degree 5 is known from its
values at six points, and there the product is just six multiplications ⊙:

    y = Aᵀ [(G g) ⊙ (Bᵀ d)]                                                        (W1)

G evaluates the filter at the points, Aᵀ and Bᵀ do the rest of the translation.

**The points** are 0, a, −a, −b, b, ∞ with a = 2/3 and b = 3/2. With s = a² + b² and
c = 1/(2b² − 2a²),

         ⎡ 1   0    0 ⎤        ⎡ 1    0   −s    0   1   0 ⎤        ⎡ 1   1   1    1   1   0 ⎤
         ⎢cb   c   ca ⎥        ⎢ 0   b²   b³   −1  −b   0 ⎥   Aᵀ = ⎢ 0   a  −a   −b   b   0 ⎥
    G =  ⎢cb  −c   ca ⎥   Bᵀ = ⎢ 0  −b²   b³    1  −b   0 ⎥        ⎢ 0  a²  a²   b²  b²   0 ⎥
         ⎢ca  −c   cb ⎥        ⎢ 0   a²  −a³   −1   a   0 ⎥        ⎣ 0  a³ −a³  −b³  b³   1 ⎦
         ⎢ca   c   cb ⎥        ⎢ 0  −a²  −a³    1   a   0 ⎥
         ⎣ 0   0    1 ⎦        ⎣ 0    1    0   −s   0   1 ⎦

**In two dimensions** the same is done along the columns and down the rows: products of a
small matrix with all channels of a tile, then with all channels of a row of tiles. The sum
over input channels goes inside: at each of the 6×6 points it is a product too,
(tiles, C_in) @ (C_in, C_out).                                                     (W2)

**Why these points.** Of the sets tried they round least: the error is about half that of
the usual 0, ±1, ±2, ∞. And since ab = 1, flipping the filter g end to end reverses the
rows of G g. The input gradient is a convolution with the flipped kernel, so it is
computed by the same routine with the same transformed kernel, read backwards.     (W3)
"""

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

from nst_numpy.common.arrays import Array
from nst_numpy.kernels.memory import empty_array, scratch_array
from nst_numpy.kernels.parts import EachPart, MadeInParts
from nst_numpy.kernels.products import in_blocks, multiply
from nst_numpy.kernels.threads import chunks, for_each

Tiles = tuple[int, slice, slice]  # item, rows, columns

TILE, TAPS, POINTS = 4, 3, 6  # outputs a tile and axis, taps of the filter, inputs a tile
_a, _b = 2 / 3, 3 / 2
_s, _c = _a**2 + _b**2, 1 / (2 * _b**2 - 2 * _a**2)
G = np.array(
    [
        [1, 0, 0],
        [_c * _b, _c, _c * _a],
        [_c * _b, -_c, _c * _a],
        [_c * _a, -_c, _c * _b],
        [_c * _a, _c, _c * _b],
        [0, 0, 1],
    ]
)
B_T = np.array(
    [
        [1, 0, -_s, 0, 1, 0],
        [0, _b**2, _b**3, -1, -_b, 0],
        [0, -(_b**2), _b**3, 1, -_b, 0],
        [0, _a**2, -(_a**3), -1, _a, 0],
        [0, -(_a**2), -(_a**3), 1, _a, 0],
        [0, 1, 0, -_s, 0, 1],
    ],
    dtype=np.float32,
)
A_T = np.array(
    [
        [1, 1, 1, 1, 1, 0],
        [0, _a, -_a, -_b, _b, 0],
        [0, _a**2, _a**2, _b**2, _b**2, 0],
        [0, _a**3, -(_a**3), -(_b**3), _b**3, 1],
    ],
    dtype=np.float32,
)

# How the tiles are cut into pieces, by measurement: a product of fewer tiles is slow, more do
# not fit in cache; the more channels, the more tiles pay.
FEWEST_TILES, MOST_TILES = 128, 256
SHARED_ROWS, SHARED_POINTS = 2, 3  # tile rows, points, that a thread takes of a shared piece
COPIED_BYTES = 10 << 20  # kernels up to 256 → 256 channels


def transform_kernel(w: Array) -> Array:
    """Evaluate the filters at the points, down the rows and along the columns: G g Gᵀ.

    Computed in float64 and rounded once.

    Parameters
    ----------
    w : ndarray, (3, 3, C_in, C_out)

    Returns
    -------
    u : ndarray, (36, C_in, C_out), four times as large
        Point (column, row) is number 6·column + row.
    """
    u = np.empty((POINTS * POINTS, *w.shape[2:]), dtype=w.dtype)
    for c in range(w.shape[2]):
        # (3 columns, 3 rows, C_out) -> (6 columns, 6 rows, C_out)
        values = np.einsum("qj,pi,ijf->qpf", G, G, w[:, :, c].astype(np.float64), optimize=True)
        u[:, c] = values.reshape(POINTS * POINTS, -1)
    return u


def flip_kernel(u: Array) -> Array:
    """Turn the forward pass's transformed kernel into the input gradient's (W3).

    A view of the same numbers, read backwards.

    Parameters
    ----------
    u : ndarray, (36, C_in, C_out)

    Returns
    -------
    u_flipped : ndarray, (36, C_out, C_in)
    """
    return u[::-1].swapaxes(1, 2)  # equation (W3)


def prepare_kernels(w: Array) -> tuple[Array, Array]:
    """Transform the filters for many passes, forward and backward.

    Of a small kernel two copies are made, each in the order in which it is read. The large
    ones are kept once, and the way back reads a transposed view.

    Parameters
    ----------
    w : ndarray, (3, 3, C_in, C_out)

    Returns
    -------
    u, u_flipped : ndarrays
        `transform_kernel(w)` and `flip_kernel` of it, or their `in_blocks`.
    """
    u = transform_kernel(w)
    flipped = flip_kernel(u)
    if u.nbytes > COPIED_BYTES:
        return u, flipped
    return in_blocks(u), in_blocks(flipped)


def kernel_bytes(w: Array) -> int:
    """Bytes that what `prepare_kernels` returns takes."""
    u = w.nbytes // (TAPS * TAPS) * (POINTS * POINTS)
    return 2 * u if u <= COPIED_BYTES else u


def winograd_forward(
    x: Array | MadeInParts, u: Array, b: Array | None, each_part: EachPart | None = None
) -> Array:
    """Convolve x with transformed filters and add the bias, if there is one.

    Parameters
    ----------
    x : ndarray, float32 (N, H, W, C_in)
    u : ndarray, float32 (36, C_in, C_out)
        From `transform_kernel` or `prepare_kernels`.
    b : ndarray, float32 (C_out,)
    each_part : callable, optional
        Called with each part of the output as soon as it is computed; see `kernels.parts`.

    Returns
    -------
    out : ndarray, float32 (N, H, W, C_out)
    """
    out = empty_array((*x.shape[:-1], _channels(u)[1]), x.dtype)
    _Convolution(x, u, b, out, each_part).run()
    return out


def winograd_in_parts(
    x: Array | MadeInParts, u: Array, b: Array | None, each_part: EachPart
) -> None:
    """Convolve, but keep nothing: each part of the output is for `each_part` alone.

    Does what `winograd_forward` does, or without b what `winograd_input_gradient` does. Parts
    begin at multiples of `TILE` rows and columns.
    """
    _Convolution(x, u, b, None, each_part).run()


def winograd_input_gradient(
    grad_out: Array | MadeInParts, u_flipped: Array, each_part: EachPart | None = None
) -> Array:
    """Return ∂J/∂x: the same convolution with the kernel flipped, channels swapped (W3).

    Parameters
    ----------
    grad_out : ndarray, float32 (N, H, W, C_out)
        Or one that is made in parts, by the layer above.
    u_flipped : ndarray, float32 (36, C_out, C_in)
        From `flip_kernel` or `prepare_kernels`.
    each_part : callable, optional
        As in `winograd_forward`.

    Returns
    -------
    grad_x : ndarray, float32 (N, H, W, C_in)
    """
    return winograd_forward(grad_out, u_flipped, None, each_part)


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
    ) -> None:
        self.x = x if isinstance(x, MadeInParts) else _parts_of(x)
        self.u, self.b, self.out, self.each_part = u, b, out, each_part

    def run(self) -> None:
        pieces = _pieces(self.x.shape)
        if len(pieces) > self.x.shape[0]:
            for_each(self._compute, pieces)
        else:
            for piece in pieces:
                self._compute_together(piece)

    def _compute(self, piece: Tiles) -> None:
        """Compute a piece on this thread."""
        v, m = _values_and_products(piece, self.u)
        _to_points(self.x, piece, v)
        _multiply(v, self.u, m, slice(None))
        self._transform_back(m, piece)

    def _compute_together(self, piece: Tiles) -> None:
        """Compute a piece, all threads together."""
        item, rows, columns = piece
        v, m = _values_and_products(piece, self.u)
        parts = chunks(rows.stop, SHARED_ROWS)
        points = chunks(len(self.u), SHARED_POINTS)
        for_each(lambda part: _to_points(self.x, (item, part, columns), v[:, :, part]), parts)
        for_each(lambda some: _multiply(v, self.u, m, some), points)
        for_each(lambda part: self._transform_back(m[:, :, part], (item, part, columns)), parts)

    def _transform_back(self, m: Array, piece: Tiles) -> None:
        item, rows, columns = piece
        _, height, width, _ = self.x.shape
        place = (item, _pixels(rows, height), _pixels(columns, width))
        if self.out is None:
            sizes = (cut.stop - cut.start for cut in place[1:])
            part = scratch_array("part", (*sizes, _channels(self.u)[1]), self.x.dtype)
        else:
            part = self.out[place]
        _from_points(m, self.b, part)
        if self.each_part is not None:
            self.each_part(part, place)


def _parts_of(x: Array) -> MadeInParts:
    """See an array that is there whole as one that is read in parts."""
    return MadeInParts(x.shape, x.dtype, lambda *place: x[place])


def _pieces(x_shape: tuple[int, ...]) -> list[Tiles]:
    """Cut the tiles into pieces of (item, tile rows, tile columns)."""
    items, height, width, channels = x_shape
    tile_rows, tile_columns = -(-height // TILE), -(-width // TILE)
    tiles = min(max(FEWEST_TILES, channels // 2), MOST_TILES)
    if tile_rows * tile_columns <= MOST_TILES:
        tiles = MOST_TILES
    return [
        (item, rows, columns)
        for item in range(items)
        for rows in chunks(tile_rows, tiles // tile_columns)
        for columns in chunks(tile_columns, tiles)
    ]


def _values_and_products(piece: Tiles, u: Array) -> tuple[Array, Array]:
    """Make room for the values at the points and for their products with the kernel."""
    _, rows, columns = piece
    tiles = (rows.stop - rows.start, columns.stop - columns.start)
    v, m = (
        scratch_array(name, (POINTS, POINTS, *tiles, channels), u.dtype)
        for name, channels in zip(("values", "products"), _channels(u), strict=True)
    )
    return v, m


def _channels(u: Array) -> tuple[int, int]:
    """C_in and C_out of transformed filters, (36, C_in, C_out) or (36, C_out/64, C_in, 64)."""
    return u.shape[-2], math.prod(u.shape[1:]) // u.shape[-2]


def _multiply(v: Array, u: Array, m: Array, points: slice) -> None:
    """Sum over the input channels: (6, 6, rows, columns, C_in) -> (6, 6, rows, columns, C_out)."""
    # 36 times (tiles, C_in) @ (C_in, C_out) -> (tiles, C_out)
    v_flat, m_flat = (a.reshape(len(u), -1, a.shape[-1]) for a in (v, m))
    multiply(v_flat[points], u[points], m_flat[points])  # equation (W1)


def _pixels(tiles: slice, size: int) -> slice:
    return slice(tiles.start * TILE, min(tiles.stop * TILE, size))


def _to_points(x: MadeInParts, piece: Tiles, v: Array) -> None:
    """Transform the inputs of some tiles: (N, H, W, C) -> v (6, 6, rows, columns, C)."""
    item, rows, columns = piece
    _, height, width, channels = x.shape
    tile_rows, tiles = rows.stop - rows.start, columns.stop - columns.start
    top, bottom = rows.start * TILE - 1, rows.stop * TILE + 1
    left, right = columns.start * TILE - 1, columns.stop * TILE + 1
    seen = slice(max(top, 0), min(bottom, height))
    inside = slice(max(left, 0), min(right, width))
    band = x.read(item, seen, inside)
    # along the columns: (6, 6) @ (6, C) -> (6, C) for each row and tile
    half = scratch_array("half", (POINTS, bottom - top, tiles, channels), x.dtype)
    half[:, : seen.start - top] = 0  # beyond the border there are zeros
    half[:, seen.stop - top :] = 0
    target = half[:, seen.start - top : seen.stop - top].transpose(1, 2, 0, 3)
    first, last = 0, tiles
    if left < 0:
        np.matmul(B_T, _six_columns(band, left), out=target[:, 0])
        first = 1
    if right > width and last > first:
        last -= 1
        np.matmul(B_T, _six_columns(band, last * TILE + left - inside.start), out=target[:, last])
    if last > first:
        row, column, value = band.strides
        start = band[:, first * TILE + left - inside.start :]
        shape = (len(band), last - first, POINTS, channels)  # tiles overlap by two columns
        d = as_strided(start, shape, (row, TILE * column, column, value))
        np.matmul(B_T, d, out=target[:, first:last])
    # down the rows: (6, 6) @ (6, columns*C) -> (6, columns*C) for each point and row of tiles
    step = half.strides
    shape = (POINTS, tile_rows, POINTS, tiles * channels)  # tiles overlap by two rows
    d = as_strided(half, shape, (step[0], TILE * step[1], step[1], half.itemsize))
    np.matmul(B_T, d, out=v.reshape(POINTS, POINTS, tile_rows, -1).swapaxes(1, 2))


def _six_columns(band: Array, left: int) -> Array:
    """Copy six columns from `left` on: (H, W, C) -> (H, 6, C); those beyond a border are zeros."""
    columns = scratch_array("edge", (len(band), POINTS, band.shape[-1]), band.dtype)
    columns[...] = 0
    start, stop = max(left, 0), min(left + POINTS, band.shape[1])
    columns[:, start - left : stop - left] = band[:, start:stop]
    return columns


def _from_points(m: Array, b: Array | None, region: Array) -> None:
    """Transform the products back, plus b: (6, 6, rows, columns, C) -> (H', W', C)."""
    tile_rows, tiles, channels = m.shape[2:]
    height, width, _ = region.shape  # what lies beyond the border is dropped
    # down the rows: (4, 6) @ (6, columns*C) -> (4, columns*C) for each point and row of tiles
    half = scratch_array("half", (POINTS, tile_rows * TILE, tiles, channels), m.dtype)
    m = m.reshape(POINTS, POINTS, tile_rows, -1).swapaxes(1, 2)
    np.matmul(A_T, m, out=half.reshape(POINTS, tile_rows, TILE, -1))
    # along the columns: (4, 6) @ (6, C) -> (4, C) for each row and tile
    half = half[:, :height].transpose(1, 2, 0, 3)
    whole, rest = divmod(width, TILE)
    pixels = region[:, : whole * TILE].reshape(height, whole, TILE, channels)
    np.matmul(A_T, half[:, :whole], out=pixels)
    if rest:
        region[:, whole * TILE :] = np.matmul(A_T, half[:, whole])[:, :rest]
    if b is not None:
        # a row at a time: a loop over C alone would be short
        by_row = region.reshape(height, -1)
        by_row += np.tile(b, width)
