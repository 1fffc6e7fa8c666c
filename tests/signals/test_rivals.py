import numpy as np

from nst_numpy.signals.rivals import one_slice, shuffled, slices_as_channels, volume_of


def test_shapes_of_what_rivals_see():
    x, rng = np.random.default_rng(0).random((3, 5, 4, 4)), np.random.default_rng(0)
    assert volume_of(x, rng).shape == (3, 5, 4, 4, 1)
    assert slices_as_channels(x, rng).shape == (3, 4, 4, 5)
    np.testing.assert_array_equal(slices_as_channels(x, rng)[1, ..., 2], x[1, 2])
    np.testing.assert_array_equal(one_slice(x, rng)[..., 0], x[:, 2])


def test_every_block_is_shuffled_in_its_own_order():
    x = np.tile(np.arange(6.0)[None, :, None, None], (50, 1, 2, 2))
    seen = shuffled(volume_of)(x, np.random.default_rng(0))[:, :, 0, 0, 0]
    np.testing.assert_array_equal(np.sort(seen, axis=1), x[:, :, 0, 0])
    assert len(np.unique(seen, axis=0)) > 40
