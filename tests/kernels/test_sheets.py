import numpy as np
import pytest

from nst_numpy.kernels import sheets
from nst_numpy.kernels.minimal_filtering import filtering
from nst_numpy.kernels.sheets import Signals, Volumes
from nst_numpy.kernels.windows import make_window


def make(sizes, kernel, pad, items):
    window = make_window("test", sizes, kernel, 1, pad)
    axes = [filtering(4, taps) for taps in kernel[:2]]
    return (Signals if len(kernel) == 1 else Volumes)(items, window, axes), window, axes


CASES = [((70,), (5,), 2), ((9,), (3,), 0), ((9, 14), (3, 3), 1), ((9, 6, 5), (3, 5, 3), 2)]


@pytest.mark.parametrize("row_bytes", [1, 4000, 1 << 20])
@pytest.mark.parametrize(("sizes", "kernel", "pad"), CASES)
def test_pieces_are_copied_in_and_back(sizes, kernel, pad, row_bytes, monkeypatch):
    """Each output comes back once, from where the first tap of its window is in the sheet."""
    monkeypatch.setattr(sheets, "ROW_BYTES", row_bytes)
    monkeypatch.setattr(sheets, "FEWEST_BYTES", row_bytes)
    made, window, axes = make(sizes, kernel, pad, 3)
    x = np.random.default_rng(0).standard_normal((3, *sizes, 2)).astype(np.float32)
    around = ((0, 0), *window.pad, (0, 0))
    padded = np.pad(x, around)
    firsts = padded[(slice(None), *map(slice, window.out_sizes))]
    out = np.zeros((3, *window.out_sizes, 2), np.float32)
    counted = np.zeros(out.shape)
    pieces = made.pieces(200)
    assert len(pieces) > 1 or row_bytes > 1
    for piece in pieces:
        shape = made.shape(piece)
        pairs = list(zip(axes, shape.tiles, strict=True))
        lengths = [f.points + (n - 1) * f.tile for f, n in pairs]
        sheet = np.full((shape.items, *lengths, shape.line * 2), np.nan, np.float32)
        made.copy_inputs(x, piece, sheet)
        assert not np.isnan(sheet).any()
        cuts = (*(slice(4 * n) for n in shape.tiles), slice(2 * (shape.line - made.taps + 1)))
        made.copy_back(sheet[(slice(None), *cuts)].copy(), piece, np.full(2, 0.5, "f4"), out)
        counted[made.place(piece)] += 1
    assert (counted == 1).all()
    np.testing.assert_array_equal(out, firsts + np.float32(0.5))


@pytest.mark.parametrize(("sizes", "kernel", "pad"), CASES)
def test_lines_of_outputs_are_filled_up_with_zeros(sizes, kernel, pad):
    made, window, axes = make(sizes, kernel, pad, 2)
    grad_out = np.ones((2, *window.out_sizes, 3), np.float32)
    total = 0.0
    for piece in made.pieces(200):
        shape = made.shape(piece)
        lengths = [f.tile * n for f, n in zip(axes, shape.tiles, strict=True)]
        sheet = np.full((shape.items, *lengths, shape.line * 3), np.nan, np.float32)
        made.copy_outputs(grad_out, piece, sheet)
        total += sheet.sum()
    assert total == grad_out.size


def test_large_arrays_have_many_pieces_and_small_ones_few():
    made, _, _ = make((32, 32, 32), (3, 3, 3), 0, 2)
    assert len(made.pieces(36 * 48 * 4)) >= sheets.MANY_PIECES
    made, _, _ = make((8, 8, 8), (3, 3, 3), 0, 2)
    assert len(made.pieces(36 * 4 * 4)) == 1
