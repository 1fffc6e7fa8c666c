"""What is common to files of each kind; what they declare is checked in `test_hdf5`, `test_npz`."""

import numpy as np
import pytest

from nst_numpy.weights.stored import (
    RefusedError,
    Stored,
    channels_first,
    is_first,
    named,
    read,
)


class Array:
    """An array of a file that holds just this."""

    def __init__(self, values):
        self.values = values
        self.shape, self.dtype = values.shape, values.dtype

    def read(self):
        return self.values


@pytest.mark.parametrize("dtype", ["<f2", ">f4", ">f8"])
def test_numbers_keep_their_dtype_if_none_is_asked_for(dtype):
    values = np.arange(6, dtype=dtype).reshape(2, 3)
    for array in read(Stored("a", "a", Array(values), Array(values)), None):
        assert array.dtype == np.dtype(dtype).newbyteorder("=")
        assert array.dtype.isnative
        np.testing.assert_array_equal(array, values)


def test_a_shape_that_is_both_is_taken_as_it_is():
    same = (3, 3, 3, 3)
    assert channels_first(same) == same
    assert not is_first(Stored("a", "a", Array(np.zeros(same)), None), same)


def test_channels_first_is_told_by_the_shape():
    stored = Stored("a", "a", Array(np.zeros((4, 2, 3, 3))), None)
    assert is_first(stored, (3, 3, 2, 4))
    assert not is_first(stored, (3, 3, 4, 2))
    assert not is_first(Stored("a", "a", None, None), (3, 3, 4, 2))


def test_a_refusal_becomes_one_sentence_that_is_not_too_long():
    assert named("w.h5", "f", RefusedError("is wrong"), "do this") == "f: w.h5 is wrong: do this"
    assert named("w", "f", RefusedError("x", "do that"), "do this").endswith(": do that")
    assert len(named("w", "f", RefusedError("x" * 10_000), "do this")) < 600
