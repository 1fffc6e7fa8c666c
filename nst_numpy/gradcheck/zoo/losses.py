"""Small losses written out in full, for the zoo: each returns its value and its gradient."""

import numpy as np

# mypy: ignore-errors


def content_loss(a, target):
    """½ Σ (a − target)², and its gradient."""
    value = 0.5 * ((a - target) ** 2).sum()
    grad = a - target
    return value, grad


def style_loss(a, target):
    """Σ (G − target)² / (2 n_H n_W n_C)², of a (1, n_H, n_W, n_C), and its gradient."""
    n_h, n_w, n_c = a.shape[1:]
    f = a.reshape(n_h * n_w, n_c)
    difference = f.T @ f - target
    scale = 1 / (2 * n_h * n_w * n_c) ** 2
    value = scale * (difference**2).sum()
    grad = 4 * scale * f @ difference
    return value, grad.reshape(a.shape)


def tv_loss(x):
    """Σ of squared differences of neighbours, of x (N, H, W, C), and its gradient."""
    down, right = np.diff(x, axis=1), np.diff(x, axis=2)
    value = (down**2).sum() + (right**2).sum()
    grad = np.zeros_like(x)
    grad[:, 1:] += 2 * down
    grad[:, :-1] -= 2 * down
    grad[:, :, 1:] += 2 * right
    grad[:, :, :-1] -= 2 * right
    return value, grad


def mean_squared_error(a, target):
    """Mean of (a − target)², and its gradient."""
    value = ((a - target) ** 2).mean()
    grad = 2 * (a - target) / a.size
    return value, grad


def cross_entropy(scores, labels):
    """Mean of −log softmax at the right class, of scores (N, K), and its gradient (p − y) / N."""
    n = len(scores)
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    value = -np.log(p[np.arange(n), labels]).mean()
    grad = p.copy()
    grad[np.arange(n), labels] -= 1
    return value, grad / n


def binary_cross_entropy(p, y):
    """Mean of −y log p − (1 − y) log(1 − p), of probabilities, and its gradient."""
    value = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
    grad = (p - y) / (p * (1 - p)) / p.size
    return value, grad


def ridge_loss(w, x, y, decay=0.1):
    """½ Σ (x w − y)² + λ Σ w², of w (C,), and its gradient."""
    value = 0.5 * ((x @ w - y) ** 2).sum() + decay * (w**2).sum()
    grad = x.T @ (x @ w - y) + 2 * decay * w
    return value, grad
