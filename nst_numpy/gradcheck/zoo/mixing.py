"""Layers that mix entries, written out in full, for the zoo: normalisation, attention, time."""

import numpy as np

# mypy: ignore-errors


def softmax_forward(x):
    """(N, K) -> (N, K): positive, and 1 in each row together."""
    e = np.exp(x - x.max(axis=1, keepdims=True))
    out = e / e.sum(axis=1, keepdims=True)
    return out, out


def softmax_backward(grad_out, cache):
    """Return p (g − Σ g p): each output depends on every entry of its row."""
    out = cache
    return out * (grad_out - (grad_out * out).sum(axis=1, keepdims=True))


def unit_length_forward(x):
    """(N, K) -> (N, K): each row divided by its length."""
    length = np.sqrt((x**2).sum(axis=1, keepdims=True))
    return x / length, (x, length)


def unit_length_backward(grad_out, cache):
    """Return (g − x̂ Σ g x̂) / ‖x‖: the length depends on x too."""
    x, length = cache
    along = (grad_out * x).sum(axis=1, keepdims=True) / length**2
    return (grad_out - along * x) / length


def batch_norm_forward(x, gamma, beta):
    """(N, C) -> (N, C): each channel with mean 0 and variance 1, times gamma, plus beta."""
    std = x.std(axis=0)
    normal = (x - x.mean(axis=0)) / std
    return gamma * normal + beta, (normal, std, gamma)


def batch_norm_backward(grad_out, cache):
    """Return the gradients of x, gamma and beta; mean and variance depend on x too."""
    normal, std, gamma = cache
    g = grad_out * gamma
    grad_x = (g - g.mean(axis=0) - normal * (g * normal).mean(axis=0)) / std
    grad_gamma = (grad_out * normal).sum(axis=0)
    grad_beta = grad_out.sum(axis=0)
    return grad_x, grad_gamma, grad_beta


def scores_forward(q, k):
    """(N, d), (M, d) -> (N, M): scaled dot products, as in attention."""
    return q @ k.T / np.sqrt(q.shape[1]), (q, k)


def scores_backward(grad_out, cache):
    """Return the gradients of q and k."""
    q, k = cache
    g = grad_out / np.sqrt(q.shape[1])
    return g @ k, g.T @ q


def residual_forward(x, w):
    """(N, C) -> (N, C): x + tanh(x w)."""
    branch = np.tanh(x @ w)
    return x + branch, (x, w, branch)


def residual_backward(grad_out, cache):
    """Add what comes by the branch and what comes past it."""
    x, w, branch = cache
    g = grad_out * (1 - branch**2)
    grad_x = grad_out + g @ w.T
    return grad_x, x.T @ g


def running_sum_forward(x):
    """(N, L) -> (N, L): every entry and all before it."""
    return np.cumsum(x, axis=1), None


def running_sum_backward(grad_out, cache):
    """Add up from the end: an entry is in its own sum and in all later ones."""
    return np.cumsum(grad_out[:, ::-1], axis=1)[:, ::-1]


def rnn_forward(x, u):
    """(N, T, H), (H, H) -> (N, T, H): h_t = tanh(x_t + h_{t−1} u)."""
    h = np.zeros_like(x)
    for t in range(x.shape[1]):
        before = h[:, t - 1] if t else np.zeros_like(x[:, 0])
        h[:, t] = np.tanh(x[:, t] + before @ u)
    return h, (h, u)


def rnn_backward(grad_out, cache):
    """Go back through time: a step also changed all later ones."""
    h, u = cache
    grad_x, grad_u = np.zeros_like(h), np.zeros_like(u)
    later = np.zeros_like(h[:, 0])
    for t in reversed(range(h.shape[1])):
        g = (grad_out[:, t] + later) * (1 - h[:, t] ** 2)
        grad_x[:, t] = g
        if t:
            grad_u += h[:, t - 1].T @ g
        later = g @ u.T
    return grad_x, grad_u


def lstm_forward(x, c):
    """One step of an LSTM, of the gates' sums x (N, 4H) and c (N, H) -> (h, c), (N, H) each."""
    i, f, o, new = np.split(x, 4, axis=1)
    i, f, o, new = 1 / (1 + np.exp(-i)), 1 / (1 + np.exp(-f)), 1 / (1 + np.exp(-o)), np.tanh(new)
    next_c = f * c + i * new
    return (o * np.tanh(next_c), next_c), (c, i, f, o, new, np.tanh(next_c))


def lstm_backward(grad_out, cache):
    """Return the gradients of x and c: the next c goes out by itself and in h."""
    grad_h, grad_c = grad_out
    c, i, f, o, new, t = cache
    grad_c = grad_c + grad_h * o * (1 - t**2)
    grad_i, grad_f = grad_c * new * i * (1 - i), grad_c * c * f * (1 - f)
    grad_o, grad_new = grad_h * t * o * (1 - o), grad_c * i * (1 - new**2)
    return np.hstack([grad_i, grad_f, grad_o, grad_new]), grad_c * f
