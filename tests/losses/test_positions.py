import numpy as np

from nst_numpy.losses import positions


def test_sum_of_squares_keeps_small_terms():
    # in float32 the sum would stop growing at 2**24
    d = np.ones(2**24 + 1000, np.float32)
    assert positions.sum_of_squares(d) == 2**24 + 1000


def test_pieces_are_all_rows_once(monkeypatch):
    monkeypatch.setattr(positions, "PIECE_VALUES", 28)
    f = positions.as_rows("test", np.zeros((1, 9, 5, 4)))
    pieces = positions.row_pieces(f)
    assert f.shape == (9 * 5, 4)
    assert max(piece.stop - piece.start for piece in pieces) == 28 // 4
    assert [row for piece in pieces for row in range(45)[piece]] == list(range(45))
