"""a2 Pooling and ReLU. README.md tells what to do; `python tests.py` tests it."""

import numpy as np


# %% a2.relu
def relu_forward(x):
    """Return max(x, 0), and x as the cache."""
    ### BEGIN SOLUTION
    return np.maximum(x, 0), x
    ### END SOLUTION


# %% a2.relu_grad
def relu_backward(grad_out, cache):
    """Return ∂J/∂x, given ∂J/∂out and x."""
    ### BEGIN SOLUTION
    return grad_out * (cache > 0)
    ### END SOLUTION


# %% a2.max_pool
def max_pool_forward(x, f=2, stride=2):
    """Return the largest value of each window (f, f), and the cache (x, f, stride)."""
    ### BEGIN SOLUTION
    rows, columns = (x.shape[0] - f) // stride + 1, (x.shape[1] - f) // stride + 1
    out = np.zeros((rows, columns, x.shape[2]))
    for i in range(rows):
        for j in range(columns):
            window = x[i * stride : i * stride + f, j * stride : j * stride + f]
            out[i, j] = window.max(axis=(0, 1))
    return out, (x, f, stride)
    ### END SOLUTION


# %% a2.max_pool_grad
def max_pool_backward(grad_out, cache):
    """Return ∂J/∂x: each position's gradient goes to the first largest pixel of its window."""
    x, f, stride = cache
    ### BEGIN SOLUTION
    grad_x = np.zeros(x.shape)
    for i, j, c in np.ndindex(grad_out.shape):
        window = x[i * stride : i * stride + f, j * stride : j * stride + f, c]
        u, v = divmod(int(np.argmax(window)), f)
        grad_x[i * stride + u, j * stride + v, c] += grad_out[i, j, c]
    return grad_x
    ### END SOLUTION


# %% a2.avg_pool
def avg_pool_forward(x, f=2, stride=2):
    """Return the mean of each window (f, f), and the cache (x.shape, f, stride)."""
    ### BEGIN SOLUTION
    rows, columns = (x.shape[0] - f) // stride + 1, (x.shape[1] - f) // stride + 1
    out = np.zeros((rows, columns, x.shape[2]))
    for i in range(rows):
        for j in range(columns):
            window = x[i * stride : i * stride + f, j * stride : j * stride + f]
            out[i, j] = window.mean(axis=(0, 1))
    return out, (x.shape, f, stride)
    ### END SOLUTION


# %% a2.avg_pool_grad
def avg_pool_backward(grad_out, cache):
    """Return ∂J/∂x: each pixel of a window gets an equal share."""
    shape, f, stride = cache
    ### BEGIN SOLUTION
    grad_x = np.zeros(shape)
    for i in range(grad_out.shape[0]):
        for j in range(grad_out.shape[1]):
            window = grad_x[i * stride : i * stride + f, j * stride : j * stride + f]
            window += grad_out[i, j] / f**2
    return grad_x
    ### END SOLUTION
