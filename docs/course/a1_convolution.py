"""A student's answer to a1, with three typical mistakes. docs/course.md shows its grade."""

import numpy as np


# %% a1.size
def output_size(n, f, stride, pad):
    """Count positions."""
    return (n + 2 * pad - f) // stride + 1


# %% a1.forward
def conv_forward(x, w, b, stride=1, pad=0):
    """Convolve."""
    f, n_F = w.shape[0], w.shape[3]
    xp = np.pad(x, ((pad, pad), (pad, pad), (0, 0)))
    rows = output_size(x.shape[0], f, stride, pad)
    columns = output_size(x.shape[1], f, stride, pad)
    out = np.zeros((rows, columns, n_F))
    for i in range(rows):
        for j in range(columns):
            for k in range(n_F):
                window = xp[i * stride : i * stride + f, j * stride : j * stride + f]
                out[i, j, k] = np.sum(window * w[..., k])  # first mistake: no bias
    print("out:", out.shape)
    return out, (x, w, stride, pad)


# %% a1.grad_b
def bias_gradient(grad_out):
    """Return ∂J/∂b."""
    return grad_out.sum(axis=(0, 1))


# %% a1.grad_w
def filter_gradient(grad_out, cache):
    """Return ∂J/∂w."""
    x, w, stride, pad = cache
    f = w.shape[0]
    xp = np.pad(x, ((pad, pad), (pad, pad), (0, 0)))
    grad_w = np.zeros(w.shape)
    for i in range(grad_out.shape[0]):
        for j in range(grad_out.shape[1]):
            window = xp[i * stride : i * stride + f, j * stride : j * stride + f]
            for k in range(grad_out.shape[2]):
                grad_w[..., k] = window * grad_out[i, j, k]  # second: = where += belongs
    return grad_w


# %% a1.grad_x
def input_gradient(grad_out, cache):
    """Return ∂J/∂x."""
    x, w, stride, pad = cache
    f = w.shape[0]
    grad_xp = np.zeros((x.shape[0] + 2 * pad, x.shape[1] + 2 * pad, x.shape[2]))
    for i in range(grad_out.shape[0]):
        for j in range(grad_out.shape[1]):
            for k in range(grad_out.shape[2]):
                window = grad_xp[i * stride : i * stride + f, j * stride : j * stride + f]
                window += w[..., k] * grad_out[i, j, k]
    return grad_xp  # third: the border is still there
