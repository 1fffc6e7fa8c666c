import numpy as np
import pytest

from nst_numpy.errors import NonFiniteError, ShapeError
from nst_numpy.pictures.depth import deprocess16, to_8_bits, to_16_bits
from nst_numpy.pictures.images import MEAN_BGR, deprocess, preprocess
from tests.pictures.made import halves, picture_of


def test_what_is_between_two_levels_stays_between_them():
    x = np.array([[[[10.5, 20.25, 30.125]]]]) - MEAN_BGR  # blue, green, red
    assert deprocess16(x).tolist() == [[[round(v * 257) for v in (30.125, 20.25, 10.5)]]]


def test_beyond_black_and_white_is_black_and_white():
    x = np.array([[[[-3.0, 255.4, 300.0]]]]) - MEAN_BGR
    assert deprocess16(x).tolist() == [[[65535, 65535, 0]]]


def test_in_8_bits_it_is_the_picture_of_8_bits():
    x = preprocess(halves()) + np.random.default_rng(0).normal(0, 30, (1, 8, 16, 3))
    assert np.array_equal(to_8_bits(deprocess16(x)), deprocess(x))


def test_bytes_are_the_same_after_16_bits():
    image = picture_of(np.random.default_rng(0), 7, 5)
    deep = to_16_bits(image)
    assert deep.dtype == np.uint16
    assert np.array_equal(deep, image.astype(int) * 257)
    assert np.array_equal(to_8_bits(deep), image)


def test_what_is_no_x_is_refused():
    with pytest.raises(ShapeError, match=r"^deprocess16: x has shape \(2, 2, 3\), expected"):
        deprocess16(np.zeros((2, 2, 3)))
    with pytest.raises(NonFiniteError, match=r"^deprocess16: x has a NaN"):
        deprocess16(np.full((1, 1, 1, 3), np.nan))
