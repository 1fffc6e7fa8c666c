import numpy as np

from nst_numpy.bands.arrays import InBands, Stream


def test_every_row_is_made_once_whatever_is_read():
    rng, made = np.random.default_rng(0), []
    a = rng.normal(size=(1, 23, 4))

    def make(rows):
        made.extend(range(23)[rows])
        return a[:, rows]

    stream, start = Stream(23, 4, make), 0
    while start < 23:
        stop = min(23, start + int(rng.integers(1, 9)))
        np.testing.assert_array_equal(stream.read(slice(start, stop)), a[:, start:stop])
        start = max(start, stop - int(rng.integers(0, 3)))
        if stop == 23:
            break
    assert made == list(range(23))


def test_rows_are_made_up_to_a_multiple_of_the_step():
    ends = []

    def make(rows):
        ends.append(rows.stop)
        return np.zeros((1, rows.stop - rows.start))

    stream = Stream(10, 4, make)
    for stop in (1, 3, 5, 9):
        stream.read(slice(0, stop))
    assert ends == [4, 8, 10]


def test_the_bands_are_the_whole():
    a = np.arange(30.0).reshape(1, 10, 3)
    in_bands = InBands(a.shape, a.dtype, lambda rows: a[:, rows], height=4)
    np.testing.assert_array_equal(np.asarray(in_bands), a)
    assert np.asarray(in_bands, dtype=np.float32).dtype == np.float32
    assert [rows.stop for rows in in_bands.cuts()] == [3, 6, 10]
