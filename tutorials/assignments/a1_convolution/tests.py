import numpy as np
from solution import bias_gradient, conv_forward, filter_gradient, input_gradient, output_size

from nst_numpy import layers
from nst_numpy.course import expect


def right_forward(x, w, b, stride=1, pad=0):
    """The package's own convolution, for one picture; so a gradient is judged by itself."""
    out, _ = layers.conv_forward(x[None], w, b, stride=stride, pad=pad)
    return out[0], (x.copy(), w.copy(), stride, pad)


# %% a1.size
expect.same(output_size(6, 3, 1, 0), 4, "output_size(6, 3, stride 1, pad 0)")
expect.same(output_size(6, 3, 1, 1), 6, "output_size(6, 3, stride 1, pad 1)")
expect.same(output_size(7, 3, 2, 0), 3, "output_size(7, 3, stride 2, pad 0)")
### BEGIN HIDDEN TESTS
expect.same(output_size(8, 3, 2, 0), 3, "output_size where the last step does not fit")
expect.same(output_size(227, 11, 4, 0), 55, "output_size of a large picture")
expect.same(output_size(13, 5, 3, 2), 5, "output_size with stride and pad")
### END HIDDEN TESTS

# %% a1.forward
x = np.arange(1.0, 10.0).reshape(3, 3, 1)
w = np.array([[1.0, 0.0], [0.0, -1.0]]).reshape(2, 2, 1, 1)
out, cache = expect.parts(conv_forward(x, w, np.array([10.0])), 2, "conv_forward(x, w, b)")
# top left: 1·1 + 2·0 + 4·0 + 5·(−1) + 10
expect.same(out, np.full((2, 2, 1), 6.0), "conv_forward(x, w, b)")
out, _ = conv_forward(x, w, np.array([0.0]), pad=1)
expect.same(out[:, :, 0][0], [-1, -2, -3, 0], "first row of conv_forward(…, pad=1)")
out, _ = conv_forward(np.ones((14, 14, 3)), np.ones((5, 5, 3, 16)), np.zeros(16))
expect.same(out, np.full((10, 10, 16), 75.0), "conv_forward of the lecture's 14×14×3 picture")
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(20311)
for height, width, f, stride, pad in [(5, 6, 3, 1, 0), (6, 4, 3, 1, 1), (9, 7, 3, 2, 2)]:
    x, w = rng.standard_normal((height, width, 3)), rng.standard_normal((f, f, 3, 4))
    b = rng.standard_normal(4)
    want = right_forward(x, w, b, stride, pad)[0]
    out, _ = expect.parts(conv_forward(x, w, b, stride=stride, pad=pad), 2, "conv_forward")
    expect.same(
        out, want,
        f"conv_forward with stride {stride}, pad {pad} on a picture that is not square",
    )  # fmt: skip
### END HIDDEN TESTS

# %% a1.grad_b
grad_out = np.array([[[1.0, 10.0], [2.0, 20.0]], [[3.0, 30.0], [4.0, 40.0]]])
expect.same(bias_gradient(grad_out), [10, 100], "bias_gradient(grad_out)")
### BEGIN HIDDEN TESTS
grad_out = np.random.default_rng(20312).standard_normal((4, 7, 5))
want = grad_out.sum(axis=(0, 1))
expect.same(bias_gradient(grad_out), want, "bias_gradient(grad_out)")
### END HIDDEN TESTS


# %% a1.grad_w
def check_filters(x, w, b, stride, pad):
    expect.gradient(
        lambda w: right_forward(x, w, b, stride, pad),
        lambda grad_out, cache: filter_gradient(grad_out, cache),
        {"w": w},
        f"filter_gradient, stride {stride}, pad {pad}",
    )


rng = np.random.default_rng(1)
x, w, b = rng.standard_normal((4, 5, 2)), rng.standard_normal((2, 2, 2, 3)), np.zeros(3)
check_filters(x, w, b, 1, 0)
check_filters(x, w, b, 2, 1)

x, w = np.arange(1.0, 10.0).reshape(3, 3, 1), np.ones((2, 2, 1, 1))
grad_w = filter_gradient(np.ones((2, 2, 1)), (x, w, 1, 0))
expect.same(grad_w, np.array([12.0, 16, 24, 28]).reshape(2, 2, 1, 1), "filter_gradient of ones")
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(20313)
x, w, b = rng.standard_normal((6, 5, 2)), rng.standard_normal((3, 3, 2, 2)), np.zeros(2)
check_filters(x, w, b, 1, 1)
check_filters(x, w, b, 2, 1)
### END HIDDEN TESTS


# %% a1.grad_x
def check_input(x, w, b, stride, pad):
    expect.gradient(
        lambda x: right_forward(x, w, b, stride, pad),
        lambda grad_out, cache: input_gradient(grad_out, cache),
        {"x": x},
        f"input_gradient, stride {stride}, pad {pad}",
    )


rng = np.random.default_rng(2)
x, w, b = rng.standard_normal((4, 5, 2)), rng.standard_normal((2, 2, 2, 3)), np.zeros(3)
check_input(x, w, b, 1, 0)
check_input(x, w, b, 2, 1)

x, w = np.zeros((3, 3, 1)), np.array([1.0, 2, 3, 4]).reshape(2, 2, 1, 1)
grad_x = input_gradient(np.ones((2, 2, 1)), (x, w, 1, 0))
expect.same(grad_x[:, :, 0], [[1, 3, 2], [4, 10, 6], [3, 7, 4]], "input_gradient of ones")
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(20314)
x, w, b = rng.standard_normal((6, 7, 2)), rng.standard_normal((3, 3, 2, 2)), np.zeros(2)
check_input(x, w, b, 1, 1)
check_input(x, w, b, 3, 2)
### END HIDDEN TESTS
