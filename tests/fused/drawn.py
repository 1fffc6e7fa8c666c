"""Networks drawn at random, in both engines, and what is asked of them."""

import numpy as np
from hypothesis import strategies as st

from nst_numpy.training.sequential import (
    AvgPool,
    Conv,
    Dense,
    Flatten,
    GlobalAvgPool,
    MaxPool,
    ReLU,
    Row,
    Sequential,
)


class Half(Row):
    """A layer that no block knows."""

    kind = "half"
    up = staticmethod(lambda x: (x / 2, None))
    down = staticmethod(lambda grad_out, cache: grad_out / 2)


ACTIVATIONS = (ReLU(), ReLU(), ReLU(), Half())
POOLS = (AvgPool(2), MaxPool(2), AvgPool(3, 2), MaxPool(2, 1))


def rows_and_shape(draw):
    """Draw the rows of a small network in 1, 2 or 3 dimensions, and the shape of an input."""
    axes = draw(st.integers(1, 3))
    sizes = [draw(st.integers(9, 17 if axes < 3 else 10)) for _ in range(axes)]
    shape = start = (draw(st.integers(1, 2)), *sizes, draw(st.integers(1, 3)))
    rows = []
    for _ in range(draw(st.integers(1, 4))):
        kernel, pad = draw(st.sampled_from([(1, 0), (3, 1), (3, 0), (2, "same")]))
        conv = Conv(draw(st.integers(1, 9)), kernel, draw(st.integers(1, 2)), pad)
        for row in (conv, draw(st.sampled_from(ACTIVATIONS)), draw(st.sampled_from(POOLS))):
            if draw(st.integers(0, 4)) and min(shape[1:-1]) > 2:
                rows.append(row)
                shape = row.out_shape("test", shape)
    if draw(st.booleans()):
        rows += [draw(st.sampled_from([GlobalAvgPool(), Flatten()])), Dense(3)]
    return [*rows, ReLU()], start


def rows_of_winograd(draw):
    """Draw rows as VGG has them: 3×3, pad 1, and pools of which some fit into Winograd's tiles."""
    shape = start = (draw(st.integers(1, 2)), draw(st.integers(8, 27)), draw(st.integers(8, 27)), 1)
    # of one channel the first is no case for Winograd, of nine filters its gradient is smaller
    rows = [Conv(draw(st.sampled_from([3, 9, 11])), 3, 1, 1), ReLU()]
    for _ in range(draw(st.integers(1, 3))):
        rows += [Conv(draw(st.integers(2, 10)), 3, 1, 1)]
        rows += draw(st.sampled_from([[ReLU()], [ReLU()], [ReLU()], []]))
        pool = draw(st.sampled_from([None, AvgPool(2), MaxPool(2), MaxPool(4), *POOLS[2:]]))
        shape = (*shape[:3], rows[-1].filters if isinstance(rows[-1], Conv) else shape[3])
        if pool is not None and min(shape[1:3]) > 8:
            rows.append(pool)
            shape = pool.out_shape("test", shape)
    return rows, start


@st.composite
def networks(draw, winograd=False):
    """Draw one network in both engines, an input, layers to look at, and layers with gradients."""
    rows, shape = rows_of_winograd(draw) if winograd else rows_and_shape(draw)
    dtype = np.float32 if winograd else draw(st.sampled_from([np.float64, np.float32]))
    nets = [
        Sequential(rows, shape[1:], np.random.default_rng(1), dtype, engine=engine)
        for engine in ("fused", "plain")
    ]
    names = nets[0].layer_names
    wanted = nets[0].check_names(draw(st.sets(st.sampled_from(names), min_size=1)))
    reached = names[: names.index(wanted[-1]) + 1]
    given_at = draw(st.sets(st.sampled_from(reached), min_size=1))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return nets, rng.standard_normal(shape).astype(dtype), wanted, given_at, rng


def assert_equal(got, want):
    tolerance = 1e-12 if got.dtype == np.float64 else 3e-5
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= tolerance * max(np.abs(want).max(), 1)


def assert_same(drawn, relu):
    """Compare both engines, forward and backward, twice."""
    (fused, plain), x, wanted, given_at, rng = drawn
    shapes = fused.feature_shapes(x.shape, given_at)
    grads = {name: rng.standard_normal(shape).astype(x.dtype) for name, shape in shapes.items()}
    before = {name: grad.copy() for name, grad in grads.items()}
    x_before = x.copy()
    for _ in range(2):
        features, expected = fused.forward(x, wanted), plain.forward(x, wanted)
        assert list(features) == list(expected)
        for name, a in features.items():
            assert_equal(a, expected[name])
        assert_equal(fused.backward(grads, relu=relu), plain.backward(grads, relu=relu))
        for name, a in features.items():  # the way back leaves them alone
            assert_equal(a, expected[name])
    for name, grad in grads.items():  # what the caller gave is the caller's
        np.testing.assert_array_equal(grad, before[name])
    np.testing.assert_array_equal(x, x_before)
