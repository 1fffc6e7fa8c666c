import numpy as np

from nst_numpy.kernels.parts import WHOLE, MadeInParts, one_after_the_other


def test_one_is_done_after_the_other():
    done = []

    def add(part, place):
        part += 1
        done.append(("add", place))

    def double(part, place):
        part *= 2
        done.append(("double", place))

    part, place = np.ones(3), (0, slice(1, 4))
    one_after_the_other(add, double)(part, place)
    assert part.tolist() == [4, 4, 4]
    assert done == [("add", place), ("double", place)]
    assert all(at is place for _, at in done)
    one_after_the_other(double, one_after_the_other(double, add))(part, place)
    assert part.tolist() == [17, 17, 17]


def test_the_whole_is_a_place():
    array = np.arange(24.0).reshape(2, 3, 4)
    array[WHOLE] += 1
    assert np.shares_memory(array[WHOLE], array)
    assert array[WHOLE].shape == array.shape


def test_an_array_that_is_made_in_parts():
    whole = np.arange(60.0).reshape(2, 5, 6)
    made = MadeInParts(whole.shape, whole.dtype, lambda *place: whole[place] * 2)
    place = (1, slice(2, 4), slice(0, 3))
    np.testing.assert_array_equal(made.read(*place), 2 * whole[place])
    assert (made.shape, made.dtype) == (whole.shape, np.float64)
