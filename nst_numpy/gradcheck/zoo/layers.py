"""Small layers written out in full, for the zoo: right as they stand here.

Each is complete in itself and meant to be read, not to be fast. The zoo's mistakes are
changes of single lines in these functions.
"""

import numpy as np

from nst_numpy.common.moved import keep_former_names

# mypy: ignore-errors


def conv_forward(x, w, b, *, stride=1, pad=0):
    """(N, *sizes, C), (*kernel, C, F), (F,) -> (N, *out_sizes, F), in 1, 2 or 3 dimensions."""
    kernel = w.shape[:-2]
    padded = np.pad(x, [(0, 0), *[(pad, pad)] * len(kernel), (0, 0)])
    sizes = [(n - k) // stride + 1 for n, k in zip(padded.shape[1:-1], kernel, strict=True)]
    out = np.zeros((len(x), *sizes, w.shape[-1]))
    for o in np.ndindex(*sizes):
        seen = (
            slice(None),
            *(slice(i * stride, i * stride + k) for i, k in zip(o, kernel, strict=True)),
        )
        # (N, *kernel, C) -> (N, k); (N, k) @ (k, F) -> (N, F)
        out[(slice(None), *o)] = padded[seen].reshape(len(x), -1) @ w.reshape(-1, len(b)) + b
    return out, (x, w, padded, stride, pad)


def conv_backward(grad_out, cache):
    """Return the gradients of x, w and b: every window hands back what it used."""
    x, w, padded, stride, pad = cache
    kernel, sizes = w.shape[:-2], grad_out.shape[1:-1]
    grad_padded, grad_w = np.zeros_like(padded), np.zeros_like(w)
    for o in np.ndindex(*sizes):
        seen = (
            slice(None),
            *(slice(i * stride, i * stride + k) for i, k in zip(o, kernel, strict=True)),
        )
        g = grad_out[(slice(None), *o)]
        # (N, F) · (*kernel, C, F) -> (N, *kernel, C)
        grad_padded[seen] += np.tensordot(g, w, (1, -1))
        # (N, *kernel, C) · (N, F) -> (*kernel, C, F)
        grad_w += np.tensordot(padded[seen], g, (0, 0))
    grad_b = grad_out.sum(axis=tuple(range(grad_out.ndim - 1)))
    inside = (slice(None), *(slice(pad, pad + n) for n in x.shape[1:-1]))
    grad_x = grad_padded[inside]
    return grad_x, grad_w, grad_b


def max_pool_forward(x, *, size=2, stride=2):
    """(N, H, W, C) -> (N, H', W', C): the largest value in each window."""
    rows, cols = ((n - size) // stride + 1 for n in x.shape[1:3])
    out = np.zeros((len(x), rows, cols, x.shape[-1]))
    for i, j in np.ndindex(rows, cols):
        window = x[:, i * stride : i * stride + size, j * stride : j * stride + size]
        out[:, i, j] = window.max(axis=(1, 2))
    return out, (x, size, stride)


def max_pool_backward(grad_out, cache):
    """Send each output's gradient to the first of the largest in its window."""
    x, size, stride = cache
    grad_x = np.zeros_like(x)
    for i, j in np.ndindex(*grad_out.shape[1:3]):
        seen = np.s_[:, i * stride : i * stride + size, j * stride : j * stride + size]
        flat = x[seen].reshape(len(x), size * size, -1)
        # 1 at the first of the largest, 0 elsewhere: (N, size², C)
        wins = np.arange(size * size)[None, :, None] == flat.argmax(axis=1)[:, None]
        grad_x[seen] += wins.reshape(x[seen].shape) * grad_out[:, i, j][:, None, None]
    return grad_x


def avg_pool_forward(x, *, size=2, stride=2):
    """(N, H, W, C) -> (N, H', W', C): the mean of each window."""
    rows, cols = ((n - size) // stride + 1 for n in x.shape[1:3])
    out = np.zeros((len(x), rows, cols, x.shape[-1]))
    for i, j in np.ndindex(rows, cols):
        window = x[:, i * stride : i * stride + size, j * stride : j * stride + size]
        out[:, i, j] = window.mean(axis=(1, 2))
    return out, (x, size, stride)


def avg_pool_backward(grad_out, cache):
    """Share each output's gradient evenly in its window."""
    x, size, stride = cache
    grad_x = np.zeros_like(x)
    for i, j in np.ndindex(*grad_out.shape[1:3]):
        seen = np.s_[:, i * stride : i * stride + size, j * stride : j * stride + size]
        grad_x[seen] += grad_out[:, i, j][:, None, None] / size**2
    return grad_x


def relu_forward(x):
    """max(x, 0)."""
    return np.maximum(x, 0), x


def relu_backward(grad_out, cache):
    """Let the gradient pass where x was above 0."""
    x = cache
    mask = x > 0
    return grad_out * mask


def sigmoid_forward(x):
    """1 / (1 + exp(−x))."""
    out = 1 / (1 + np.exp(-x))
    return out, out


def sigmoid_backward(grad_out, cache):
    """Multiply by the derivative, out · (1 − out)."""
    out = cache
    return grad_out * out * (1 - out)


def dense_forward(x, w, b):
    """(N, C_in) @ (C_in, C_out) + (C_out,) -> (N, C_out)."""
    return x @ w + b, (x, w)


def dense_backward(grad_out, cache):
    """Return the gradients of x, w and b."""
    x, w = cache
    grad_x = grad_out @ w.T
    grad_w = x.T @ grad_out
    grad_b = grad_out.sum(axis=0)
    return grad_x, grad_w, grad_b


def gram_forward(a):
    """(M, C) -> (C, C): every channel times every other."""
    return a.T @ a, a


def gram_backward(grad_out, cache):
    """Return a (g + gᵀ): a channel is a factor in its row and in its column."""
    a = cache
    return a @ grad_out + a @ grad_out.T


def gram_picture_forward(a):
    """(n_H, n_W, n_C) -> (n_C, n_C): positions first, then every channel times every other."""
    n_c = a.shape[-1]
    # (n_H, n_W, n_C) -> (n_H·n_W, n_C) -> (n_C, n_H·n_W)
    f = a.reshape(-1, n_c).T
    return f @ f.T, a


def gram_picture_backward(grad_out, cache):
    """Return (g + gᵀ) f, with the channels last again."""
    a = cache
    n_c = a.shape[-1]
    # (n_H, n_W, n_C) -> (n_H·n_W, n_C) -> (n_C, n_H·n_W)
    f = a.reshape(-1, n_c).T
    grad_f = (grad_out + grad_out.T) @ f
    # (n_C, n_H·n_W) -> (n_H·n_W, n_C) -> (n_H, n_W, n_C)
    return grad_f.T.reshape(a.shape)


def filter_forward(x, *, w, pad=0):
    """(N, H, W, C), (k, k, C, F) -> (N, H', W', F): a filter that is not learned."""
    padded = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    k = len(w)
    rows, cols = (n - k + 1 for n in padded.shape[1:3])
    out = np.zeros((len(x), rows, cols, w.shape[-1]))
    for i, j in np.ndindex(rows, cols):
        seen = padded[:, i : i + k, j : j + k]
        # (N, k, k, C) -> (N, k²·C); (N, k²·C) @ (k²·C, F) -> (N, F)
        out[:, i, j] = seen.reshape(len(x), -1) @ w.reshape(-1, w.shape[-1])
    return out, (x, w, pad)


def filter_backward(grad_out, cache):
    """Gather, for every input, from all outputs that have seen it: with the filter flipped."""
    x, w, pad = cache
    k = len(w)
    around = k - 1 - pad
    padded = np.pad(grad_out, [(0, 0), (around, around), (around, around), (0, 0)])
    flipped = w[::-1, ::-1].swapaxes(2, 3)
    grad_x = np.zeros_like(x)
    for i, j in np.ndindex(*x.shape[1:3]):
        # (N, k, k, F) · (k, k, F, C) -> (N, C)
        grad_x[:, i, j] = np.tensordot(padded[:, i : i + k, j : j + k], flipped, 3)
    return grad_x


def global_pool_forward(x):
    """(N, H, W, C) -> (N, C): the mean over all positions."""
    return x.mean(axis=(1, 2)), x.shape


def global_pool_backward(grad_out, cache):
    """Share each output's gradient evenly among the positions."""
    n, h, w, c = cache
    grad_x = np.zeros((n, h, w, c))
    grad_x += grad_out[:, None, None] / (h * w)
    return grad_x


def upsample_forward(x):
    """(N, H, W, C) -> (N, 2H, 2W, C): every pixel four times."""
    return x.repeat(2, axis=1).repeat(2, axis=2), x.shape


def upsample_backward(grad_out, cache):
    """Add up what the four copies of a pixel send back."""
    n, h, w, c = cache
    # (N, 2H, 2W, C) -> (N, H, 2, W, 2, C) -> (N, H, W, C)
    return grad_out.reshape(n, h, 2, w, 2, c).sum(axis=(2, 4))


def flatten_forward(x):
    """(N, H, W, C) -> (N, C·H·W): channel after channel, as other programs have it."""
    # (N, H, W, C) -> (N, C, H, W) -> (N, C·H·W)
    return x.transpose(0, 3, 1, 2).reshape(len(x), -1), x.shape


def flatten_backward(grad_out, cache):
    """Put every number back where it was."""
    n, h, w, c = cache
    # (N, C·H·W) -> (N, C, H, W) -> (N, H, W, C)
    return grad_out.reshape(n, c, h, w).transpose(0, 2, 3, 1)


keep_former_names(
    __name__, "nst_numpy.gradcheck.zoo.losses", "content_loss", "style_loss", "tv_loss"
)
