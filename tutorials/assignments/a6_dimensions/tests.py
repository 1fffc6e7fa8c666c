import numpy as np
from solution import conv1d, conv3d, filter_gradient_1d, shapes

from nst_numpy import layers
from nst_numpy.course import expect


def right_conv(x, w, b):
    """The package's own convolution, of any number of dimensions."""
    return layers.conv_forward(x[None], w, b)[0][0]


# %% a6.shapes
expect.true(
    shapes((14, 1), [(5, 16), (5, 32)]) == [(10, 16), (6, 32)],
    "shapes((14, 1), [(5, 16), (5, 32)]) should be [(10, 16), (6, 32)]",
)
expect.true(
    shapes((14, 14, 14, 1), [(5, 16)]) == [(10, 10, 10, 16)],
    "shapes((14, 14, 14, 1), [(5, 16)]) should be [(10, 10, 10, 16)]",
)
### BEGIN HIDDEN TESTS
expect.true(
    shapes((20, 9, 3), [(3, 4), (7, 8)]) == [(18, 7, 4), (12, 1, 8)],
    "shapes is wrong for a picture that is not square",
)
expect.true(shapes((30, 2), []) == [], "shapes is wrong where there is no layer")
### END HIDDEN TESTS

# %% a6.conv1d
x = np.array([1.0, 2.0, 4.0, 8.0])[:, None]
out = conv1d(x, np.array([1.0, -1.0])[:, None, None], np.array([10.0]))
expect.same(out, [[9], [8], [6]], "conv1d of 1, 2, 4, 8 with the filter 1, −1 and bias 10")
expect.same(
    conv1d(np.ones((14, 1)), np.ones((5, 1, 16)), np.zeros(16)), np.full((10, 16), 5.0),
    "conv1d of the lecture's 14 × 1",
)  # fmt: skip
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(61521)
x, w, b = rng.standard_normal((12, 3)), rng.standard_normal((4, 3, 5)), rng.standard_normal(5)
want = right_conv(x, w, b)
expect.same(conv1d(x, w, b), want, "conv1d of a signal with several channels")
### END HIDDEN TESTS


# %% a6.grad_w
def check_filters(x, w):
    expect.gradient(
        lambda w: (right_conv(x, w, np.zeros(w.shape[-1])), None),
        lambda grad_out, cache: filter_gradient_1d(grad_out, x.copy(), w.shape[0]),
        {"w": w},
        "filter_gradient_1d",
    )


rng = np.random.default_rng(1)
check_filters(rng.standard_normal((7, 2)), rng.standard_normal((3, 2, 2)))

x = np.array([1.0, 2.0, 4.0, 8.0])[:, None]
grad_w = filter_gradient_1d(np.array([[1.0], [10.0], [100.0]]), x, 2)
expect.same(grad_w[:, 0, 0], [421, 842], "filter_gradient_1d")
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(61522)
check_filters(rng.standard_normal((9, 3)), rng.standard_normal((4, 3, 2)))
### END HIDDEN TESTS

# %% a6.conv3d
x = np.arange(8.0).reshape(2, 2, 2, 1)
w = np.zeros((2, 2, 2, 1, 1))
w[0, 0, 1], w[1, 0, 0] = 1, 100
expect.same(conv3d(x, w, np.array([0.5])), [[[[401.5]]]], "conv3d of a 2 × 2 × 2 volume")
expect.same(
    conv3d(np.ones((8, 8, 8, 1)), np.ones((5, 5, 5, 1, 2)), np.zeros(2)),
    np.full((4, 4, 4, 2), 125.0), "conv3d of ones",
)  # fmt: skip
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(61523)
x, w, b = (
    rng.standard_normal((4, 6, 5, 2)),
    rng.standard_normal((3, 3, 3, 2, 3)),
    rng.standard_normal(3),
)
want = right_conv(x, w, b)
expect.same(conv3d(x, w, b), want, "conv3d of a volume with several channels")
### END HIDDEN TESTS
