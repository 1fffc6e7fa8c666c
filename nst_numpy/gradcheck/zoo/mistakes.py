"""The list of mistakes, and how a wrong copy is made and checked."""

import inspect
import linecache
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from nst_numpy.common.arrays import Array64
from nst_numpy.common.moved import former_names
from nst_numpy.gradcheck.check import check_backward, check_gradient
from nst_numpy.gradcheck.report import GradientReport
from nst_numpy.gradcheck.zoo import layers

Rng = np.random.Generator
LayerFunction = Callable[..., Any]


@dataclass(frozen=True)
class ZooLayer:
    """A layer of the zoo, and what it is checked at.

    Attributes
    ----------
    title : str
    functions : tuple of function
        (forward, backward), or (loss,) that returns value and gradient.
    inputs : callable
        Takes a Generator and returns the inputs by name. Of a loss, the first is
        differentiated.
    options : dict
        Of forward.
    """

    title: str
    functions: tuple[LayerFunction, ...]
    inputs: Callable[[Rng], dict[str, Array64]]
    options: dict[str, int]


@dataclass(frozen=True)
class Mistake:
    """One line of a layer, changed.

    Attributes
    ----------
    layer : str
        Key of `LAYERS`.
    what : str
        What was done, for people.
    right, wrong : str
        The part of a line as it should be, and as it is.
    expected : str
        The name that the diagnosis should have.
    """

    layer: str
    what: str
    right: str
    wrong: str
    expected: str


def _normal(**shapes: tuple[int, ...]) -> Callable[[Rng], dict[str, Array64]]:
    def draw(rng: Rng) -> dict[str, Array64]:
        return {name: rng.standard_normal(shape) for name, shape in shapes.items()}

    return draw


def _whole(**shapes: tuple[int, ...]) -> Callable[[Rng], dict[str, Array64]]:
    """Small whole numbers: zeros and ties."""

    def draw(rng: Rng) -> dict[str, Array64]:
        return {n: rng.integers(-2, 3, shape).astype(np.float64) for n, shape in shapes.items()}

    return draw


def _with_gram(rng: Rng) -> dict[str, Array64]:
    """Draw an activation and the Gram matrix of another one."""
    a, other = rng.standard_normal((1, 4, 5, 3)), rng.standard_normal((20, 3))
    return {"a": a, "target": other.T @ other}


_CONV = (layers.conv_forward, layers.conv_backward)
_MAX = (layers.max_pool_forward, layers.max_pool_backward)
_AVG = (layers.avg_pool_forward, layers.avg_pool_backward)
_RELU = (layers.relu_forward, layers.relu_backward)
_DENSE = (layers.dense_forward, layers.dense_backward)

LAYERS = {
    "conv 1-D": ZooLayer(
        "convolution, 1-D", _CONV, _normal(x=(3, 7, 2), w=(3, 2, 4), b=(4,)), {"pad": 1}
    ),
    "conv 2-D": ZooLayer(
        "convolution, 2-D", _CONV, _normal(x=(2, 5, 4, 2), w=(3, 3, 2, 4), b=(4,)), {"pad": 1}
    ),
    "conv 2-D, stride 2": ZooLayer(
        "convolution, 2-D, stride 2",
        _CONV,
        _normal(x=(2, 7, 5, 2), w=(3, 3, 2, 3), b=(3,)),
        {"stride": 2},
    ),
    "conv 2-D, C = F": ZooLayer(
        "convolution, 2-D, as many channels as filters",
        _CONV,
        _normal(x=(2, 4, 5, 2), w=(3, 3, 2, 2), b=(2,)),
        {"pad": 1},
    ),
    "conv 3-D": ZooLayer(
        "convolution, 3-D", _CONV, _normal(x=(2, 3, 3, 4, 2), w=(2, 2, 2, 2, 3), b=(3,)), {}
    ),
    "max-pool": ZooLayer("max-pooling", _MAX, _normal(x=(2, 4, 6, 2)), {}),
    "max-pool, overlapping": ZooLayer(
        "max-pooling, overlapping windows", _MAX, _normal(x=(2, 5, 7, 2)), {"size": 3}
    ),
    "max-pool, ties": ZooLayer("max-pooling of whole numbers", _MAX, _whole(x=(2, 4, 6, 2)), {}),
    "average pool": ZooLayer("average pooling", _AVG, _normal(x=(2, 4, 6, 2)), {}),
    "average pool, overlapping": ZooLayer(
        "average pooling, overlapping windows", _AVG, _normal(x=(2, 5, 7, 2)), {"size": 3}
    ),
    "ReLU": ZooLayer("ReLU", _RELU, _normal(x=(2, 4, 5, 2)), {}),
    "ReLU, zeros": ZooLayer("ReLU of whole numbers", _RELU, _whole(x=(2, 4, 5, 2)), {}),
    "sigmoid": ZooLayer(
        "sigmoid", (layers.sigmoid_forward, layers.sigmoid_backward), _normal(x=(4, 6)), {}
    ),
    "dense": ZooLayer("dense", _DENSE, _normal(x=(5, 4), w=(4, 3), b=(3,)), {}),
    "dense, square": ZooLayer("dense, square", _DENSE, _normal(x=(5, 4), w=(4, 4), b=(4,)), {}),
    "Gram": ZooLayer(
        "Gram matrix", (layers.gram_forward, layers.gram_backward), _normal(a=(12, 4)), {}
    ),
    "content loss": ZooLayer(
        "content loss", (layers.content_loss,), _normal(a=(1, 4, 5, 3), target=(1, 4, 5, 3)), {}
    ),
    "style loss": ZooLayer("style loss", (layers.style_loss,), _with_gram, {}),
    "TV loss": ZooLayer("total variation", (layers.tv_loss,), _normal(x=(1, 5, 6, 3)), {}),
}

_WINDOW = "slice(i * stride, i * stride + k)"
_BIAS = "grad_b = grad_out.sum(axis=tuple(range(grad_out.ndim - 1)))"
_BACK = "grad_padded[seen] += np.tensordot(g, w, (1, -1))"
_KERNEL = "grad_w += np.tensordot(padded[seen], g, (0, 0))"
_WINS = "wins = np.arange(size * size)[None, :, None] == flat.argmax(axis=1)[:, None]"

MISTAKES = (
    Mistake(
        "conv 1-D", "kernel flipped on the way to the input", _BACK,
        "grad_padded[seen] += np.tensordot(g, w[::-1], (1, -1))", "kernel-not-flipped",
    ),
    Mistake(
        "conv 1-D", "divided by the batch size", "return grad_x, grad_w, grad_b",
        "return grad_x, grad_w / len(x), grad_b / len(x)", "factor",
    ),
    Mistake(
        "conv 1-D", "only the last item of the batch", _KERNEL,
        "grad_w += np.tensordot(padded[seen][-1:], g[-1:], (0, 0))", "one-item",
    ),
    Mistake(
        "conv 1-D", "upstream gradient ignored", "g = grad_out[(slice(None), *o)]",
        "g = np.ones_like(grad_out[(slice(None), *o)])", "upstream-ignored",
    ),
    Mistake(
        "conv 2-D", "filter gradient flipped", _KERNEL,
        "grad_w += np.tensordot(padded[seen], g, (0, 0))[::-1, ::-1]", "kernel-not-flipped",
    ),
    Mistake(
        "conv 2-D", "padding cut off one too early", "slice(pad, pad + n)",
        "slice(pad - 1, pad - 1 + n)", "shifted",
    ),
    Mistake(
        "conv 2-D", "bias gradient not summed", _BIAS, "grad_b = grad_out", "not-summed",
    ),
    Mistake(
        "conv 2-D", "bias gradient summed over the batch alone", _BIAS,
        "grad_b = grad_out.sum(axis=0)", "not-summed",
    ),
    Mistake(
        "conv 2-D", "only the first item of the batch", _BIAS,
        "grad_b = grad_out[0].sum(axis=(0, 1))", "one-item",
    ),
    Mistake(
        "conv 2-D", "overlapping windows overwritten", _BACK,
        "grad_padded[seen] = np.tensordot(g, w, (1, -1))", "overwritten",
    ),
    Mistake(
        "conv 2-D", "the last row and column left out", "for o in np.ndindex(*sizes):",
        "for o in np.ndindex(*(n - 1 for n in sizes)):", "left-out",
    ),
    Mistake(
        "conv 2-D", "gradients returned in another order", "return grad_x, grad_w, grad_b",
        "return grad_w, grad_x, grad_b", "arguments-swapped",
    ),
    Mistake(
        "conv 2-D", "float32 on the way", "grad_w = np.zeros_like(padded), np.zeros_like(w)",
        "grad_w = np.zeros_like(padded), np.zeros(w.shape, np.float32)", "dtype",
    ),
    Mistake(
        "conv 2-D", "None instead of a gradient", "return grad_x, grad_w, grad_b",
        "return grad_x, None, grad_b", "missing-gradient",
    ),
    Mistake(
        "conv 2-D, stride 2", "stride forgotten", _WINDOW, "slice(i, i + k)", "shifted",
    ),
    Mistake(
        "conv 2-D, C = F", "channels not swapped", _BACK,
        "grad_padded[seen] += np.tensordot(g, w, (1, -2))", "transposed",
    ),
    Mistake(
        "conv 2-D, C = F", "height and width swapped", "return grad_x, grad_w, grad_b",
        "return grad_x, grad_w.swapaxes(0, 1), grad_b", "transposed",
    ),
    Mistake(
        "conv 3-D", "filter gradient overwritten in the loop", _KERNEL,
        "grad_w = np.tensordot(padded[seen], g, (0, 0))", "overwritten",
    ),
    Mistake(
        "conv 3-D", "sign", "return grad_x, grad_w, grad_b", "return grad_x, -grad_w, grad_b",
        "sign",
    ),
    Mistake(
        "max-pool", "sent back as an average", _WINS, "wins = np.full(flat.shape, 1 / size**2)",
        "max-as-average",
    ),
    Mistake(
        "max-pool", "sent to every input", _WINS, "wins = np.ones(flat.shape)", "not-masked",
    ),
    Mistake(
        "max-pool, overlapping", "overlapping windows overwritten", "grad_x[seen] += wins",
        "grad_x[seen] = wins", "overwritten",
    ),
    Mistake(
        "max-pool, ties", "sent to every tied maximum", _WINS,
        "wins = flat == flat.max(axis=1, keepdims=True)", "all-tied",
    ),
    Mistake(
        "max-pool, ties", "shared among tied maxima", _WINS,
        "wins = flat == flat.max(axis=1, keepdims=True); "
        "wins = wins / wins.sum(axis=1, keepdims=True)", "tie-shared",
    ),
    Mistake("average pool", "not divided by the window's size", " / size**2", "", "factor"),
    Mistake(
        "average pool, overlapping", "overlapping windows overwritten", "grad_x[seen] += grad_out",
        "grad_x[seen] = grad_out", "overwritten",
    ),
    Mistake("ReLU", "not masked", "return grad_out * mask", "return grad_out", "not-masked"),
    Mistake("ReLU", "mask inverted", "mask = x > 0", "mask = x < 0", "mask-inverted"),
    Mistake(
        "ReLU", "mask taken from grad_out", "mask = x > 0", "mask = grad_out > 0",
        "mask-of-upstream",
    ),
    Mistake(
        "ReLU", "grad_out modified in place", "return grad_out * mask",
        "grad_out *= mask; return grad_out", "modified-in-place",
    ),
    Mistake(
        "ReLU", "input modified in place", "return np.maximum(x, 0), x",
        "x[x < 0] = 0; return x, x", "modified-in-place",
    ),
    Mistake("ReLU, zeros", "≥ instead of >", "mask = x > 0", "mask = x >= 0", "mask-at-zero"),
    Mistake("sigmoid", "a factor of the derivative missing", " * (1 - out)", "", "missing-factor"),
    Mistake(
        "dense", "filter gradient transposed", "grad_w = x.T @ grad_out", "grad_w = grad_out.T @ x",
        "transposed",
    ),
    Mistake(
        "dense", "bias gradient summed over the channels too", "grad_b = grad_out.sum(axis=0)",
        "grad_b = grad_out.sum()", "summed-too-much",
    ),
    Mistake(
        "dense, square", "weights not transposed", "grad_x = grad_out @ w.T",
        "grad_x = grad_out @ w", "transposed",
    ),
    Mistake(
        "Gram", "one half of the product's derivative", "a @ grad_out + a @ grad_out.T",
        "a @ grad_out", "one-half",
    ),
    Mistake(
        "content loss", "the 2 not cancelled by the ½", "grad = a - target",
        "grad = 2 * (a - target)", "factor",
    ),
    Mistake(
        "content loss", "target minus activation", "grad = a - target", "grad = target - a",
        "sign",
    ),
    Mistake(
        "style loss", "1/(2 n_H n_W n_C)² missing", "grad = 4 * scale * f", "grad = 4 * f",
        "factor",
    ),
    Mistake(
        "style loss", "2 instead of 4", "grad = 4 * scale * f", "grad = 2 * scale * f", "factor",
    ),
    Mistake(
        "TV loss", "np.roll wraps around the border", "grad[:, 1:] += 2 * down",
        "down = x - np.roll(x, 1, axis=1); grad += 2 * down - 2 * np.roll(down, -1, axis=1); "
        "down = 0",
        "border",
    ),
)  # fmt: skip


def check_mistake(mistake: Mistake, seed: int = 0) -> GradientReport:
    """Make the wrong copy and check it."""
    layer = LAYERS[mistake.layer]
    *forward, last = layer.functions
    changed = _changed(last, mistake)
    if changed is last:  # a mistake in forward
        forward = [_changed(function, mistake) for function in forward]
    return _check(layer, (*forward, changed), seed)


def check_layer(name: str, seed: int = 0) -> GradientReport:
    """Check a layer of the zoo as it is."""
    return _check(LAYERS[name], LAYERS[name].functions, seed)


def _check(layer: ZooLayer, functions: tuple[LayerFunction, ...], seed: int) -> GradientReport:
    inputs = layer.inputs(np.random.default_rng(seed))
    if len(functions) == 2:
        forward, backward = functions
        return check_backward(
            partial(forward, **layer.options), backward, inputs, seed=seed, name=layer.title
        )
    (loss,) = functions
    first, *rest = inputs.values()
    return check_gradient(
        lambda x: loss(x, *rest)[0], first, loss(first, *rest)[1], seed=seed, name=layer.title
    )


def _changed(function: LayerFunction, mistake: Mistake) -> LayerFunction:
    """Return a copy of a function with the line changed, if it has that line."""
    source = inspect.getsource(function)
    if mistake.right not in source:
        return function
    source = source.replace(mistake.right, mistake.wrong)
    file = f"<zoo: {mistake.what}>"
    # so that a traceback can show the line
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, Any] = dict(vars(layers))
    exec(compile(source, file, "exec"), names)
    wrong: LayerFunction = names[function.__name__]
    return wrong


def zoo_table() -> str:
    """Check every mistake; return a Markdown table of what was done and what was said."""
    rows = ["| layer | mistake | the checker says | how sure |", "|---|---|---|---|"]
    for mistake in MISTAKES:
        diagnosis = check_mistake(mistake).diagnosis
        if diagnosis is None:
            said, sure = "nothing", "–"
        else:
            where = f", {diagnosis.argument}" if diagnosis.argument else ""
            first = diagnosis.sentence.split(". ")[0].rstrip(".")
            said = f"**{diagnosis.name}**{where}: {first}."
            sure = f"{100 * diagnosis.confidence:.0f} %"
        right = "" if diagnosis and diagnosis.name == mistake.expected else " (not what was done)"
        rows.append(f"| {mistake.layer} | {mistake.what} | {said}{right} | {sure} |")
    return "\n".join(rows)


__getattr__ = former_names(__name__, {"Function": "LayerFunction", "Layer": "ZooLayer"})
