"""Layers of single entries written out in full, for the zoo, and dropout."""

import numpy as np

# mypy: ignore-errors


def tanh_forward(x):
    """Tanh."""
    out = np.tanh(x)
    return out, (x, out)


def tanh_backward(grad_out, cache):
    """Multiply by the derivative, 1 − out²."""
    out = cache[1]
    return grad_out * (1 - out**2)


def leaky_relu_forward(x, *, slope=0.1):
    """X where it is above 0, and a small part of it elsewhere."""
    return np.where(x > 0, x, slope * x), (x, slope)


def leaky_relu_backward(grad_out, cache):
    """Let all of the gradient pass, or the small part."""
    x, slope = cache
    return grad_out * np.where(x > 0, 1.0, slope)


def clip_forward(x):
    """Cut at 0 and 1."""
    return np.clip(x, 0, 1), x


def clip_backward(grad_out, cache):
    """Let the gradient pass where nothing was cut."""
    x = cache
    return grad_out * ((x > 0) & (x < 1))


def absolute_forward(x):
    """|x|."""
    return np.abs(x), x


def absolute_backward(grad_out, cache):
    """Multiply by the sign."""
    x = cache
    return grad_out * np.sign(x)


def cube_forward(x):
    """X³."""
    return x**3, x


def cube_backward(grad_out, cache):
    """Multiply by 3 x²."""
    x = cache
    return grad_out * 3 * x**2


def log_forward(x):
    """Natural logarithm of positive numbers."""
    return np.log(x), x


def log_backward(grad_out, cache):
    """Divide by x."""
    x = cache
    return grad_out / x


def dropout_forward(x, *, keep=0.6, seed=0):
    """Set some entries to 0, and make the others larger, so that the mean stays."""
    mask = np.random.default_rng(seed).random(x.shape) < keep
    return x * mask / keep, (mask, keep)


def dropout_backward(grad_out, cache):
    """Do with the gradient what was done with x."""
    mask, keep = cache
    return grad_out * mask / keep
