"""a1 Convolution, forward and backward. README.md tells what to do; `python tests.py` tests it."""

import numpy as np


# %% a1.size
def output_size(n, f, stride, pad):
    """Return how many positions a window of f has along n pixels."""
    ### BEGIN SOLUTION
    return (n + 2 * pad - f) // stride + 1
    ### END SOLUTION


# %% a1.forward
def conv_forward(x, w, b, stride=1, pad=0):
    """Convolve a picture with filters.

    x (n_H, n_W, n_C), w (f, f, n_C, n_F), b (n_F,)
    Returns out (size of n_H, size of n_W, n_F), and cache = (x, w, stride, pad).
    """
    ### BEGIN SOLUTION
    f, n_F = w.shape[0], w.shape[-1]
    xp = np.pad(x, ((pad, pad), (pad, pad), (0, 0)))
    rows = (x.shape[0] + 2 * pad - f) // stride + 1
    columns = (x.shape[1] + 2 * pad - f) // stride + 1
    out = np.zeros((rows, columns, n_F))
    for i in range(rows):
        for j in range(columns):
            window = xp[i * stride : i * stride + f, j * stride : j * stride + f]
            # (f, f, n_C) · (f, f, n_C, n_F) -> (n_F,)
            out[i, j] = np.tensordot(window, w, axes=3) + b
    return out, (x, w, stride, pad)
    ### END SOLUTION


# %% a1.grad_b
def bias_gradient(grad_out):
    """Return ∂J/∂b (n_F,), given ∂J/∂out (size of n_H, size of n_W, n_F)."""
    ### BEGIN SOLUTION
    return grad_out.sum(axis=(0, 1))
    ### END SOLUTION


# %% a1.grad_w
def filter_gradient(grad_out, cache):
    """Return ∂J/∂w (f, f, n_C, n_F), given ∂J/∂out and conv_forward's cache."""
    x, w, stride, pad = cache
    ### BEGIN SOLUTION
    f = w.shape[0]
    xp = np.pad(x, ((pad, pad), (pad, pad), (0, 0)))
    grad_w = np.zeros(w.shape)
    for i in range(grad_out.shape[0]):
        for j in range(grad_out.shape[1]):
            window = xp[i * stride : i * stride + f, j * stride : j * stride + f]
            # (f, f, n_C, 1) · (n_F,) -> (f, f, n_C, n_F)
            grad_w += window[..., None] * grad_out[i, j]
    return grad_w
    ### END SOLUTION


# %% a1.grad_x
def input_gradient(grad_out, cache):
    """Return ∂J/∂x (n_H, n_W, n_C), given ∂J/∂out and conv_forward's cache."""
    x, w, stride, pad = cache
    ### BEGIN SOLUTION
    f = w.shape[0]
    n_H, n_W, n_C = x.shape
    grad_xp = np.zeros((n_H + 2 * pad, n_W + 2 * pad, n_C))
    for i in range(grad_out.shape[0]):
        for j in range(grad_out.shape[1]):
            # (f, f, n_C, n_F) @ (n_F,) -> (f, f, n_C)
            sent_back = w @ grad_out[i, j]
            grad_xp[i * stride : i * stride + f, j * stride : j * stride + f] += sent_back
    return grad_xp[pad : pad + n_H, pad : pad + n_W]
    ### END SOLUTION
