"""The same step and convolutions in JAX, each as one function that `jax.jit` compiles."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from nst_numpy.common.arrays import Array
from nst_numpy.measure.contest import (
    ALPHA,
    CONTENT_LAYER,
    STYLE_LAYERS,
    Contender,
    ConvolutionCase,
    StepCase,
    style_scale,
)

NAME = f"JAX {jax.__version__}"
AXES = {1: "W", 2: "HW", 3: "DHW"}
LAYOUTS = {"channels first": False, "channels last": True}


def layout_names(axes: int, last: bool) -> tuple[str, str, str]:
    """Name the axes of x, w and out for JAX.

    >>> layout_names(2, True)
    ('NHWC', 'HWIO', 'NHWC')
    """
    sizes = AXES[axes]
    activation = f"N{sizes}C" if last else f"NC{sizes}"
    return activation, f"{sizes}IO", activation


def convolve(x: Any, w: Any, b: Any, pad: int, last: bool) -> Any:
    """Convolve with stride 1; w is (*kernel, C_in, C_out) in either layout."""
    axes = x.ndim - 2
    out = lax.conv_general_dilated(
        x, w, (1,) * axes, [(pad, pad)] * axes, dimension_numbers=layout_names(axes, last)
    )
    return out + (b if last else b.reshape(-1, *(1 for _ in range(axes))))


def steps(case: StepCase) -> list[Contender]:
    """Compute the step in both layouts."""
    return [_step(case, words, last) for words, last in LAYOUTS.items()]


def _step(case: StepCase, words: str, last: bool) -> Contender:
    params = {name: (jnp.asarray(w), jnp.asarray(b)) for name, (w, b) in case.params.items()}
    content, style, x = (_there(a, last) for a in (case.content, case.style, case.x))
    target = jax.jit(lambda a: _activations(params, a, last)[CONTENT_LAYER])(content)
    styles = jax.jit(lambda a: _activations(params, a, last))(style)
    grams = {name: _gram(styles[name], last) for name in STYLE_LAYERS}
    del styles

    def value(params: Any, x: Any) -> Any:
        found = _activations(params, x, last)
        total = 0.5 * ALPHA * jnp.square(found[CONTENT_LAYER] - target).sum()
        for name, gram in grams.items():
            apart = jnp.square(_gram(found[name], last) - gram).sum()
            total = total + style_scale(found[name].shape) * apart
        return total

    function = jax.jit(jax.value_and_grad(value, argnums=1))

    def read(found: Any) -> list[Any]:
        return [float(found[0]), _back(found[1], last)]

    run: Callable[[], Any] = lambda: jax.block_until_ready(function(params, x))  # noqa: E731
    return Contender(f"JAX jit, {words}", run, read)


def _activations(params: dict[str, Any], a: Any, last: bool) -> dict[str, Any]:
    """Compute every activation after its ReLU."""
    found: dict[str, Any] = {}
    block = "1"
    window = (1, 2, 2, 1) if last else (1, 1, 2, 2)
    for name, (w, b) in params.items():
        if name[4] != block:
            block = name[4]
            a = lax.reduce_window(a, 0.0, lax.add, window, window, "VALID") / 4
        a = found[name.replace("conv", "relu")] = jax.nn.relu(convolve(a, w, b, 1, last))
    return found


def _gram(a: Any, last: bool) -> Any:
    """(1, H, W, C) or (1, C, H, W) -> (C, C)."""
    if last:
        f = a.reshape(-1, a.shape[-1])
        return f.T @ f
    f = a.reshape(a.shape[1], -1)
    return f @ f.T


def convolutions(case: ConvolutionCase) -> list[Contender]:
    """Compute the convolution and its gradients in both layouts."""
    return [_convolution(case, words, last) for words, last in LAYOUTS.items()]


def _convolution(case: ConvolutionCase, words: str, last: bool) -> Contender:
    x, grad_out = _there(case.x, last), _there(case.grad_out, last)
    w, b = jnp.asarray(case.w), jnp.asarray(case.b)

    def gradients(x: Any, w: Any, b: Any, grad_out: Any) -> list[Any]:
        out, back = jax.vjp(lambda x, w, b: convolve(x, w, b, case.pad, last), x, w, b)
        return [out, *back(grad_out)]

    function = jax.jit(gradients)

    def read(found: list[Any]) -> list[Array]:
        out, grad_x, grad_w, grad_b = found
        return [_back(out, last), _back(grad_x, last), np.asarray(grad_w), np.asarray(grad_b)]

    run: Callable[[], Any] = lambda: jax.block_until_ready(function(x, w, b, grad_out))  # noqa: E731
    return Contender(f"JAX jit, {words}", run, read)


def _there(a: Array, last: bool) -> Any:
    """(N, *sizes, C) in NumPy to JAX's layout."""
    return jnp.asarray(a if last else np.ascontiguousarray(np.moveaxis(a, -1, 1)))


def _back(a: Any, last: bool) -> Array:
    """Return it to NumPy, channels last."""
    there = np.asarray(a)
    return there if last else np.moveaxis(there, 1, -1)
