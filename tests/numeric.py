"""Numerical gradients for the tests: central differences in float64."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def numerical_gradient(f: Callable[[Array], float], x: Array, eps: float = 1e-6) -> Array:
    """∂f/∂x, one entry at a time."""
    grad = np.zeros_like(x)
    for i in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[i] += eps
        down[i] -= eps
        grad[i] = (f(up) - f(down)) / (2 * eps)
    return grad


def relative_error(a: Array, b: Array) -> float:
    """Largest difference, in units of the largest entry."""
    return float(np.abs(a - b).max() / max(np.abs(a).max(), np.abs(b).max(), 1e-300))


def distinct(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers that all differ by at least 0.01 and keep away from 0: no ties, no kinks."""
    size = int(np.prod(shape))
    values = (np.arange(size) - size // 2 + 0.5) * 0.02
    return rng.permutation(values).reshape(shape)
