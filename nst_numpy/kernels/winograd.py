r"""Convolution at stride 1 with a fraction of the multiplications, in 1, 2 and 3 dimensions.

Along one axis, F(m, r) computes m outputs of an r-tap filter with m + r − 1 multiplications
instead of m r, by three small matrices: see `kernels.minimal_filtering`, equation (W1). The idea
is explained step by step in docs/performance.

**In several dimensions** the same is done along one axis after the other: products of a small
matrix with all channels of a tile, then with all channels of a row of tiles. The sum over input
channels goes inside: at each point it is a product too,
(tiles, C_in) @ (C_in, C_out).                                                     (W2)
For 3×3 kernels and tiles of 4×4 these are 6×6 points, 36 multiplications instead of 144.

**The gradients.** For points that come in pairs p, 1/p, flipping the filter g end to end reverses
the rows of G g. The input gradient is a convolution with the flipped kernel: where it is so, it is
computed by the same routine with the same transformed kernel, read backwards.     (W3)
In (W1) y is linear in g. Turned round, that gives the filters' gradient from that of y,

    ∂J/∂g = Gᵀ Σ [(A ∂J/∂y) ⊙ (Bᵀ d)],                                             (W4)

the sum over all tiles; with channels it is (C_in, tiles) @ (tiles, C_out) at each point.

Here are the kernels, for any number of axes, and the convolution of pictures, the transforms of
which are in `kernels.tiles`. Signals and volumes, and all gradients of filters, are done by
`kernels.lines`.
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.kernels.lines import gradient_at_points, lines_forward
from nst_numpy.kernels.memory import empty_array, scratch_array
from nst_numpy.kernels.minimal_filtering import Filtering, filtering
from nst_numpy.kernels.parts import EachPart, MadeInParts
from nst_numpy.kernels.products import in_blocks, multiply
from nst_numpy.kernels.threads import chunks, for_each, single_threaded_blas
from nst_numpy.kernels.tiles import Piece, from_points, positions, room, to_points
from nst_numpy.kernels.windows import Window

# F(m, r) for each kernel: the largest tiles whose error stays below 5e-5 of the outputs' standard
# deviation. TILE is that of pictures.
TILE = 4
# Volumes have none along their last axis, see `kernels.lines`.
TILES = {
    (3,): (4,), (5,): (4,), (7,): (4,),
    (3, 3): (TILE, TILE),
    (3, 3, 3): (4, 4), (5, 5, 5): (4, 4),
}  # fmt: skip

# How the tiles are cut into pieces, by measurement: with fewer tiles there are more calls, and the
# threads wait more for the interpreter's lock; more do not fit in cache.
TILES_A_PIECE = 256
MANY_PIECES = 4  # a piece for each item: so many keep the threads busy
SHARED_ROWS, SHARED_POINTS = 2, 3  # tile rows, points, that a thread takes of a shared piece
COPIED_BYTES = 10 << 20  # kernels up to 256 → 256 channels
KERNEL_NUMBERS = 1 << 18  # that are transformed at a time


def filterings(kernel: tuple[int, ...]) -> tuple[Filtering, ...]:
    """Return F(m, r) along each axis of a kernel in `TILES`, in volumes along all but the last."""
    return tuple(map(filtering, TILES[kernel], kernel))


def transform_kernel(w: Array) -> Array:
    """Evaluate the filters at the points, along each axis; for pictures G g Gᵀ.

    Computed in float64 and rounded once.

    Parameters
    ----------
    w : ndarray, (*kernel, C_in, C_out)

    Returns
    -------
    u : ndarray, (points, C_in, C_out), of volumes (points, taps*C_in, C_out)
        For 3×3 kernels point (column, row) is number 6·column + row: the last axis comes first.
    """
    axes = filterings(w.shape[:-2])
    # taps along a line are like channels: (*kernel, taps*C_in, C_out)
    w = w.reshape(*w.shape[: len(axes)], -1, w.shape[-1])
    channels, filters = w.shape[-2:]
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


def flip_kernel(u: Array, taps: int = 1) -> Array:
    """Turn a transformed kernel into that of the flipped filters, channels swapped (W3).

    The same numbers, read backwards. For 3 and 7 taps: their points come in pairs.

    Parameters
    ----------
    u : ndarray, (points, taps*C_in, C_out)
    taps : int
        Along a line of a volume.

    Returns
    -------
    u_flipped : ndarray, (points, taps*C_out, C_in)
        A view where taps are 1.
    """
    points, _, filters = u.shape
    # (points, taps*C_in, C_out) -> (points, taps, C_out, C_in)
    u_flipped = u.reshape(points, taps, -1, filters)[::-1, ::-1].swapaxes(2, 3)  # equation (W3)
    return u_flipped.reshape(points, taps * filters, -1)


def transform_flipped(w: Array, u: Array | None = None) -> Array:
    """Return the transformed kernel of the input gradient, (points, C_out, C_in) or as above.

    `u` is `transform_kernel(w)`, from who has it.
    """
    axes = filterings(w.shape[:-2])
    if all(f.pairs for f in axes):
        taps = math.prod(w.shape[len(axes) : -2])
        return flip_kernel(transform_kernel(w) if u is None else u, taps)
    return transform_kernel(np.flip(w, tuple(range(w.ndim - 2))).swapaxes(-1, -2))


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
    if w.ndim != 4:
        return u, np.ascontiguousarray(flipped)
    if u.nbytes > COPIED_BYTES:
        return u, flipped
    return in_blocks(u), in_blocks(flipped)


def kernel_bytes(w: Array) -> int:
    """Bytes that what `prepare_kernels` returns takes."""
    u = transformed_bytes(w)
    return u if w.ndim == 4 and u > COPIED_BYTES else 2 * u


def transformed_bytes(w: Array) -> int:
    """Bytes that `transform_kernel(w)` takes."""
    axes = filterings(w.shape[:-2])
    return w.nbytes // math.prod(f.taps for f in axes) * math.prod(f.points for f in axes)


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
    if len(window.kernel) != 2 and not isinstance(x, MadeInParts):
        return lines_forward(x, u, b, window, filterings(window.kernel), each_part)
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
    total = gradient_at_points(x, grad_out, window, axes)
    # the last axis comes first: (n_W, n_H, taps, C_in, C_out) -> (n_H, n_W, taps, C_in, C_out)
    total = total.reshape(*(f.points for f in reversed(axes)), *total.shape[1:])
    total = total.transpose(*range(len(axes))[::-1], *range(len(axes), total.ndim))
    with single_threaded_blas():
        grad_w = _along_axes([f.G.T for f in axes], total)  # equation (W4)
    return grad_w.reshape(*window.kernel, *total.shape[-2:]).astype(x.dtype)


def picture_window(x_shape: tuple[int, ...]) -> Window:
    """Return the window of 3×3 kernels with pad 1."""
    return Window(x_shape[1:-1], (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)))


class _Convolution:
    """(W2) for all tiles of a convolution of pictures, a piece of them at a time.

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
        self.u, self.out, self.each_part = u, out, each_part
        self.window, self.axes = window, filterings(window.kernel)
        # for a whole line at a time: a loop over C alone would be short
        self.b_line = None if b is None else np.tile(b, window.out_sizes[-1])
        self.befores = [before for before, _ in window.pad]

    def run(self) -> None:
        pieces = _pieces(self.x.shape[0], self.window, self.axes)
        # never by the number of threads: the last digits would depend on it
        if len(pieces) > self.x.shape[0] or len(pieces) >= MANY_PIECES:
            for_each(self._compute, pieces)
        else:
            for piece in pieces:
                self._compute_together(piece)

    def _values_and_products(self, piece: Piece) -> tuple[Array, Array]:
        """Make room for the values at the points and for their products with the kernel."""
        c_in, c_out = _channels(self.u)
        v = room("values", self.axes, piece, c_in, self.u.dtype)
        return v, room("products", self.axes, piece, c_out, self.u.dtype)

    def _compute(self, piece: Piece) -> None:
        """Compute a piece on this thread."""
        v, m = self._values_and_products(piece)
        to_points(self.x, piece, self.axes, self.befores, v)
        _multiply(v, self.u, m, slice(None))
        self._transform_back(m, piece)

    def _compute_together(self, piece: Piece) -> None:
        """Compute a piece, all threads together."""
        item, rows, *others = piece
        v, m = self._values_and_products(piece)
        parts = chunks(rows.stop, SHARED_ROWS)
        points = chunks(len(self.u), SHARED_POINTS)

        def transform(part: slice) -> None:
            to_points(self.x, (item, part, *others), self.axes, self.befores, v[:, :, part])

        def transform_back(part: slice) -> None:
            self._transform_back(m[:, :, part], (item, part, *others))

        for_each(transform, parts)
        for_each(lambda some: _multiply(v, self.u, m, some), points)
        for_each(transform_back, parts)

    def _transform_back(self, m: Array, piece: Piece) -> None:
        item, *tiles = piece
        place = (item, *map(positions, tiles, self.axes, self.window.out_sizes))
        if self.out is None:
            sizes = (cut.stop - cut.start for cut in place[1:])
            part = scratch_array("part", (*sizes, _channels(self.u)[1]), self.x.dtype)
        else:
            part = self.out[place]
        from_points(m, self.axes, self.b_line, part)
        if self.each_part is not None:
            self.each_part(part, place)


def _parts_of(x: Array) -> MadeInParts:
    """See an array that is there whole as one that is read in parts."""
    return MadeInParts(x.shape, x.dtype, lambda *place: x[place])


def _pieces(items: int, window: Window, axes: Sequence[Filtering]) -> list[Piece]:
    """Cut the tiles into pieces of (item, tile rows, tile columns), as wide as may be."""
    rows, columns = (-(-out // f.tile) for out, f in zip(window.out_sizes, axes, strict=True))
    cuts = chunks(rows, max(1, TILES_A_PIECE // columns)), chunks(columns, TILES_A_PIECE)
    return list(itertools.product(range(items), *cuts))


def _channels(u: Array) -> tuple[int, int]:
    """C_in and C_out of transformed filters, (n, C_in, C_out) or (n, C_out/64, C_in, 64)."""
    return u.shape[-2], math.prod(u.shape[1:]) // u.shape[-2]


def _multiply(v: Array, u: Array, m: Array, points: slice) -> None:
    """Sum over the input channels: (*points, *tiles, C_in) -> (*points, *tiles, C_out)."""
    # for each point (tiles, C_in) @ (C_in, C_out) -> (tiles, C_out)
    v_flat, m_flat = (a.reshape(len(u), -1, a.shape[-1]) for a in (v, m))
    multiply(v_flat[points], u[points], m_flat[points])  # equation (W1)
