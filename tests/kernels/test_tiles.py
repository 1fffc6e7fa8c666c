import numpy as np
import pytest

from nst_numpy.kernels.minimal_filtering import filtering
from nst_numpy.kernels.parts import MadeInParts
from nst_numpy.kernels.tiles import from_points, positions, room, to_points

AXES = (filtering(4, 3), filtering(4, 3))


@pytest.mark.parametrize("befores", [(0, 0), (1, 1), (2, 0)])
def test_a_tile_at_its_points_is_bt_d_b(befores):
    x = np.random.default_rng(0).standard_normal((2, 11, 13, 3)).astype(np.float32)
    parts = MadeInParts(x.shape, x.dtype, lambda *place: x[place])
    piece = (1, slice(0, 3), slice(1, 4))
    v = room("values", AXES, piece, 3, x.dtype)
    to_points(parts, piece, AXES, befores, v)
    padded = np.pad(x, ((0, 0), (befores[0], 9), (befores[1], 9), (0, 0)))
    B_T = AXES[0].B_T
    for row in range(3):
        for column in range(3):
            top, left = 4 * row, 4 * (column + 1)
            d = padded[1, top : top + 6, left : left + 6]
            # the last axis comes first
            expected = np.einsum("pi,qj,ijc->qpc", B_T, B_T, d)
            np.testing.assert_allclose(v[:, :, row, column], expected, atol=1e-4)


def test_the_way_back_is_at_m_a_up_to_the_border():
    m = np.random.default_rng(1).standard_normal((6, 6, 2, 3, 5)).astype(np.float32)
    b = np.arange(5, dtype=np.float32)
    region = np.full((7, 10, 5), np.nan, np.float32)
    from_points(m, AXES, np.tile(b, 12), region)
    A_T = AXES[0].A_T
    whole = np.einsum("ap,bq,qprsc->rasbc", A_T, A_T, m).reshape(8, 12, 5)
    np.testing.assert_allclose(region, whole[:7, :10] + b, atol=1e-4)


def test_positions_end_at_the_border():
    assert positions(slice(1, 3), AXES[0], 11) == slice(4, 11)
