from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nst_numpy.kernels.pools import (
    AvgPoolCache,
    MaxPoolCache,
    pool,
    pool_in_parts,
    send_back,
    send_back_in_parts,
)
from nst_numpy.kernels.windows import make_window


def cut_between(draw, size, step):
    """Cut range(size) into slices at some multiples of step."""
    edges = [0, *(e for e in range(step, size, step) if draw(st.booleans())), size]
    return [slice(a, b) for a, b in pairwise(edges)]


@pytest.mark.parametrize("kind", [MaxPoolCache, AvgPoolCache])
@settings(max_examples=60)
@given(st.data())
def test_parts_make_the_same_whole(kind, data):
    size = data.draw(st.integers(1, 3))
    height, width = (
        size * data.draw(st.integers(1, 4)) + data.draw(st.integers(0, 2)) for _ in "HW"
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    x = rng.integers(0, 4, (2, height, width, 3)).astype(np.float32)
    window = make_window("test", x.shape[1:3], (size, size), size, 0)
    expected, expected_cache = pool(x, window, kind)
    out, cache, each_part = pool_in_parts(x.shape, x.dtype, window, kind)
    for item in range(2):
        for rows in cut_between(data.draw, height, size):
            for columns in cut_between(data.draw, width, size):
                each_part(x[item, rows, columns], (item, rows, columns))
    assert np.array_equal(out, expected)
    assert all(np.array_equal(a, b) for a, b in zip(cache, expected_cache, strict=True))

    # on the way back parts may begin anywhere, and overlap
    grad_out = rng.standard_normal(out.shape).astype(np.float32)
    whole = send_back(grad_out, cache)
    arrived = []
    parts = send_back_in_parts(grad_out, cache, lambda part, place: arrived.append(place))
    assert parts.shape == x.shape
    assert parts.dtype == x.dtype
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    place = (
        data.draw(st.integers(0, 1)),
        slice(top, data.draw(st.integers(top + 1, height))),
        slice(left, data.draw(st.integers(left + 1, width))),
    )
    assert np.array_equal(parts.read(*place), whole[place])
    assert arrived == [place]
