"""Each layer as plain loops: the definition, and the oracle of the tests.

Nothing here is fast. Every other implementation must give these numbers. Convolution
means cross-correlation, as in every deep-learning text: the kernel is not flipped.
`grad_out` is what CS231n calls `dout`.
"""

from collections.abc import Iterator

import numpy as np

from nst_numpy.common.arrays import Array, Index
from nst_numpy.kernels.windows import Window


def seen(window: Window, o: Index) -> Iterator[tuple[Index, Index]]:
    """Yield (k, i): output position o sees input position i through window position k.

    Positions in the padding are left out: a zero adds nothing.
    """
    for k in np.ndindex(*window.kernel):
        i = tuple(
            o[a] * window.stride[a] + k[a] * window.dilation[a] - window.pad[a][0]
            for a in range(len(o))
        )
        if all(0 <= i[a] < window.sizes[a] for a in range(len(o))):
            yield k, i


def conv_forward(x: Array, w: Array, b: Array, window: Window) -> Array:
    """out[n, o, f] = b[f] + Σ_k Σ_c x[n, o·stride + k·dilation − pad, c] · w[k, c, f]."""
    items, channels, filters = x.shape[0], x.shape[-1], w.shape[-1]
    out = np.zeros((items, *window.out_sizes, filters), dtype=x.dtype)
    for n in range(items):
        for o in np.ndindex(*window.out_sizes):
            for f in range(filters):
                total = b[f]
                for k, i in seen(window, o):
                    for c in range(channels):
                        total = total + x[(n, *i, c)] * w[(*k, c, f)]  # equation (1)
                out[(n, *o, f)] = total
    return out


def conv_backward(
    grad_out: Array, x: Array, w: Array, window: Window
) -> tuple[Array, Array, Array]:
    """Send each grad_out[n, o, f] back along the product that it came from."""
    grad_x, grad_w = np.zeros_like(x), np.zeros_like(w)
    grad_b = np.zeros_like(w[(0,) * (w.ndim - 1)])
    for n in range(x.shape[0]):
        for o in np.ndindex(*window.out_sizes):
            for f in range(w.shape[-1]):
                upstream = grad_out[(n, *o, f)]
                grad_b[f] += upstream  # equation (19)
                for k, i in seen(window, o):
                    for c in range(x.shape[-1]):
                        grad_x[(n, *i, c)] += w[(*k, c, f)] * upstream  # equation (20)
                        grad_w[(*k, c, f)] += x[(n, *i, c)] * upstream  # equation (19)
    return grad_x, grad_w, grad_b


def max_pool(x: Array, grad_out: Array | None, window: Window) -> tuple[Array, Array]:
    """Return the largest value in each window, and grad_x: a tie goes to the first."""
    out = np.zeros((x.shape[0], *window.out_sizes, x.shape[-1]), dtype=x.dtype)
    grad_x = np.zeros_like(x)
    for n, c in np.ndindex(x.shape[0], x.shape[-1]):
        for o in np.ndindex(*window.out_sizes):
            best = None
            for _, i in seen(window, o):
                if best is None or x[(n, *i, c)] > x[(n, *best, c)]:
                    best = i
            assert best is not None
            out[(n, *o, c)] = x[(n, *best, c)]  # equation (22)
            if grad_out is not None:
                grad_x[(n, *best, c)] += grad_out[(n, *o, c)]  # equation (22)
    return out, grad_x


def avg_pool(x: Array, grad_out: Array | None, window: Window) -> tuple[Array, Array]:
    """Return the mean of each window, and grad_x. Padding is not counted."""
    out = np.zeros((x.shape[0], *window.out_sizes, x.shape[-1]), dtype=x.dtype)
    grad_x = np.zeros_like(x)
    for n, c in np.ndindex(x.shape[0], x.shape[-1]):
        for o in np.ndindex(*window.out_sizes):
            inputs = [i for _, i in seen(window, o)]
            out[(n, *o, c)] = sum(x[(n, *i, c)] for i in inputs) / len(inputs)  # equation (23)
            if grad_out is not None:
                for i in inputs:
                    grad_x[(n, *i, c)] += grad_out[(n, *o, c)] / len(inputs)  # equation (23)
    return out, grad_x


def relu(x: Array, grad_out: Array | None) -> tuple[Array, Array]:
    """Return max(x, 0), and grad_x: grad_out where x > 0, else 0."""
    out, grad_x = np.zeros_like(x), np.zeros_like(x)
    for i in np.ndindex(*x.shape):
        if x[i] > 0:
            out[i] = x[i]  # equation (21)
            if grad_out is not None:
                grad_x[i] = grad_out[i]  # equation (21)
    return out, grad_x


def global_avg_pool(x: Array, grad_out: Array | None) -> tuple[Array, Array]:
    """Return the mean over all positions, and grad_x."""
    out = np.zeros((x.shape[0], x.shape[-1]), dtype=x.dtype)
    grad_x = np.zeros_like(x)
    positions = list(np.ndindex(*x.shape[1:-1]))
    for n, c in np.ndindex(*out.shape):
        out[n, c] = sum(x[(n, *i, c)] for i in positions) / len(positions)
        if grad_out is not None:
            for i in positions:
                grad_x[(n, *i, c)] = grad_out[n, c] / len(positions)
    return out, grad_x


def dense_forward(x: Array, w: Array, b: Array) -> Array:
    """out[n, f] = b[f] + Σ_c x[n, c] · w[c, f]."""
    out = np.zeros((x.shape[0], w.shape[1]), dtype=x.dtype)
    for n, f in np.ndindex(*out.shape):
        out[n, f] = b[f] + sum(x[n, c] * w[c, f] for c in range(x.shape[1]))  # equation (11)
    return out


def dense_backward(grad_out: Array, x: Array, w: Array) -> tuple[Array, Array, Array]:
    """Send each grad_out[n, f] back along the product that it came from."""
    grad_x, grad_w, grad_b = np.zeros_like(x), np.zeros_like(w), np.zeros_like(w[0])
    for n, f in np.ndindex(*grad_out.shape):
        grad_b[f] += grad_out[n, f]
        for c in range(x.shape[1]):
            grad_x[n, c] += w[c, f] * grad_out[n, f]  # equation (11)
            grad_w[c, f] += x[n, c] * grad_out[n, f]  # equation (11)
    return grad_x, grad_w, grad_b
