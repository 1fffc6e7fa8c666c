import numpy as np
from solution import (
    avg_pool_backward,
    avg_pool_forward,
    max_pool_backward,
    max_pool_forward,
    relu_backward,
    relu_forward,
)

from nst_numpy import layers
from nst_numpy.course import expect


def distinct(seed, shape):
    """Numbers that all differ and keep away from 0: no ties, no kinks."""
    count = int(np.prod(shape))
    return (
        np.random.default_rng(seed).permutation(np.arange(count) - count / 2 + 0.25).reshape(shape)
    )


def right_max_pool(x, f, stride):
    """The package's own max pooling, for one picture."""
    return layers.max_pool_forward(x[None], size=f, stride=stride)[0][0]


# %% a2.relu
out, cache = expect.parts(relu_forward(np.array([-2.0, 0.0, 3.0])), 2, "relu_forward(x)")
expect.same(out, [0, 0, 3], "relu_forward([-2, 0, 3])")
### BEGIN HIDDEN TESTS
x = np.random.default_rng(31121).standard_normal((4, 3, 5))
want = x * (x > 0)
expect.same(relu_forward(x)[0], want, "relu_forward of a picture")
### END HIDDEN TESTS

# %% a2.relu_grad
expect.gradient(
    lambda x: (np.maximum(x, 0), x.copy()), relu_backward, {"x": distinct(1, (3, 2, 2))},
    "relu_backward",
)  # fmt: skip

x, grad_out = np.array([-2.0, 0.0, 3.0, 1.0]), np.array([5.0, 6.0, 7.0, -8.0])
expect.same(
    relu_backward(grad_out, x), [0, 0, 7, -8], "relu_backward([5, 6, 7, -8], [-2, 0, 3, 1])"
)
expect.same(grad_out, [5, 6, 7, -8], "grad_out after relu_backward, which must leave it as it is")
### BEGIN HIDDEN TESTS
x = np.random.default_rng(31122).standard_normal((4, 3, 5))
grad_out = x[::-1] - 0.5
want = np.where(x > 0, grad_out, 0)
expect.same(relu_backward(grad_out, x), want, "relu_backward of a picture")
### END HIDDEN TESTS

# %% a2.max_pool
x = np.array([[1.0, 2, 5, 4], [3, 0, 1, 7], [9, 8, 2, 2], [6, 5, 2, 1]])[:, :, None]
out, cache = expect.parts(max_pool_forward(x), 2, "max_pool_forward(x)")
expect.same(out[:, :, 0], [[3, 7], [9, 2]], "max_pool_forward(x)")
out, _ = max_pool_forward(-np.ones((5, 5, 2)))
expect.same(out, -np.ones((2, 2, 2)), "max_pool_forward of a 5×5 picture of −1")
### BEGIN HIDDEN TESTS
for f, stride in [(3, 2), (2, 1), (3, 3)]:
    x = np.random.default_rng(31123).standard_normal((7, 9, 3))
    want = right_max_pool(x, f, stride)
    expect.same(
        max_pool_forward(x, f, stride)[0], want, f"max_pool_forward, f {f}, stride {stride}"
    )
### END HIDDEN TESTS


# %% a2.max_pool_grad
def check_max_pool(x, f, stride):
    expect.gradient(
        lambda x: (right_max_pool(x, f, stride), (x.copy(), f, stride)),
        max_pool_backward,
        {"x": x},
        f"max_pool_backward, f {f}, stride {stride}",
    )


check_max_pool(distinct(2, (4, 6, 2)), 2, 2)
check_max_pool(distinct(3, (5, 5, 1)), 3, 1)

x = np.array([[1.0, 2, 5, 4], [3, 0, 1, 7], [9, 8, 2, 2], [6, 5, 2, 1]])[:, :, None]
grad_out = np.array([[10.0, 20], [30, 40]])[:, :, None]
expect.same(
    max_pool_backward(grad_out, (x, 2, 2))[:, :, 0],
    [[0, 0, 0, 0], [10, 0, 0, 20], [30, 0, 40, 0], [0, 0, 0, 0]],
    "max_pool_backward (of equal values the first one counts)",
)
### BEGIN HIDDEN TESTS
check_max_pool(distinct(31124, (7, 5, 2)), 3, 2)
check_max_pool(distinct(31125, (4, 5, 2)), 2, 1)
### END HIDDEN TESTS

# %% a2.avg_pool
x = np.array([[1.0, 2, 5, 4], [3, 0, 1, 7], [9, 8, 2, 2], [6, 5, 2, 1]])[:, :, None]
out, cache = expect.parts(avg_pool_forward(x), 2, "avg_pool_forward(x)")
expect.same(out[:, :, 0], [[1.5, 4.25], [7, 1.75]], "avg_pool_forward(x)")
### BEGIN HIDDEN TESTS
for f, stride in [(3, 2), (2, 1)]:
    x = np.random.default_rng(31126).standard_normal((7, 8, 3))
    want = layers.avg_pool_forward(x[None], size=f, stride=stride)[0][0]
    expect.same(
        avg_pool_forward(x, f, stride)[0], want, f"avg_pool_forward, f {f}, stride {stride}"
    )
### END HIDDEN TESTS


# %% a2.avg_pool_grad
def check_avg_pool(x, f, stride):
    def forward(x):
        out, _ = layers.avg_pool_forward(x[None], size=f, stride=stride)
        return out[0], (x.shape, f, stride)

    expect.gradient(
        forward, avg_pool_backward, {"x": x}, f"avg_pool_backward, f {f}, stride {stride}"
    )


check_avg_pool(distinct(4, (4, 4, 2)), 2, 2)

grad_x = avg_pool_backward(np.array([[4.0, 8.0]])[:, :, None], ((2, 4, 1), 2, 2))
expect.same(grad_x[:, :, 0], [[1, 1, 2, 2], [1, 1, 2, 2]], "avg_pool_backward")
### BEGIN HIDDEN TESTS
check_avg_pool(distinct(31127, (7, 5, 2)), 3, 2)
check_avg_pool(distinct(31128, (4, 5, 2)), 2, 1)
### END HIDDEN TESTS
