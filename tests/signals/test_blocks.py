import numpy as np
import pytest

from nst_numpy.errors import ShapeError
from nst_numpy.signals.blocks import cut, grid


def test_blocks_lie_in_their_region_and_are_cut_there():
    corners = grid((2, 1), (8, 9), (3, 4), (2, 3))
    assert corners.min(axis=0).tolist() == [2, 1]
    assert (corners + np.array([3, 4])).max(axis=0).tolist() == [7, 8]
    array = np.arange(100).reshape(10, 10)
    for corner, block in zip(corners, cut(array, corners, (3, 4)), strict=True):
        i, j = corner
        np.testing.assert_array_equal(block, array[i : i + 3, j : j + 4])


def test_a_block_must_fit():
    with pytest.raises(
        ShapeError, match=r"cut: an array of shape \(3, 3\) has no block of \(4, 4\)"
    ):
        cut(np.zeros((3, 3)), np.zeros((1, 2), int), (4, 4))
