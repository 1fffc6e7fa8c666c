"""a6 Convolution in one and three dimensions. README.md tells what to do."""

import numpy as np


# %% a6.shapes
def shapes(x_shape, layers):
    """Return the shape after each layer (f, n_F), without padding, in steps of 1."""
    ### BEGIN SOLUTION
    result = []
    for f, n_F in layers:
        x_shape = (*(n - f + 1 for n in x_shape[:-1]), n_F)
        result.append(x_shape)
    return result
    ### END SOLUTION


# %% a6.conv1d
def conv1d(x, w, b):
    """Convolve a signal: x (n, n_C), w (f, n_C, n_F), b (n_F,) -> (n − f + 1, n_F)."""
    ### BEGIN SOLUTION
    f, _, n_F = w.shape
    size = x.shape[0] - f + 1
    out = np.zeros((size, n_F)) + b
    for u in range(f):
        # (size, n_C) @ (n_C, n_F) -> (size, n_F)
        out += x[u : u + size] @ w[u]
    return out
    ### END SOLUTION


# %% a6.grad_w
def filter_gradient_1d(grad_out, x, f):
    """Return ∂J/∂w (f, n_C, n_F), given ∂J/∂out (n − f + 1, n_F) and x (n, n_C)."""
    ### BEGIN SOLUTION
    size = grad_out.shape[0]
    # (n_C, size) @ (size, n_F) -> (n_C, n_F)
    return np.stack([x[u : u + size].T @ grad_out for u in range(f)])
    ### END SOLUTION


# %% a6.conv3d
def conv3d(x, w, b):
    """Convolve a volume: x (n_D, n_H, n_W, n_C), w (f, f, f, n_C, n_F), b (n_F,)."""
    ### BEGIN SOLUTION
    f = w.shape[0]
    depth, height, width = (n - f + 1 for n in x.shape[:3])
    out = np.zeros((depth, height, width, w.shape[-1])) + b
    for t, u, v in np.ndindex(f, f, f):
        # (depth, height, width, n_C) @ (n_C, n_F) -> (depth, height, width, n_F)
        out += x[t : t + depth, u : u + height, v : v + width] @ w[t, u, v]
    return out
    ### END SOLUTION
