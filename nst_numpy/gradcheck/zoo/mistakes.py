"""The list of mistakes, and how a wrong copy is made and checked."""

import inspect
import linecache
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from nst_numpy.common.moved import keep_former_names
from nst_numpy.gradcheck.check import check_backward, check_gradient
from nst_numpy.gradcheck.report import GradientReport
from nst_numpy.gradcheck.zoo.subjects import LAYERS, LayerFunction, ZooLayer


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
    # the lecture's own slips, and what reshape does
    Mistake(
        "content loss", "norm not squared", "0.5 * ((a - target) ** 2).sum()",
        "np.sqrt(((a - target) ** 2).sum())", "missing-square",
    ),
    Mistake(
        "content loss", "square forgotten", "0.5 * ((a - target) ** 2).sum()",
        "0.5 * (a - target).sum()", "missing-square",
    ),
    Mistake(
        "style loss", "factor not squared: 1/(2 n_H n_W n_C)", "grad = 4 * scale * f",
        "grad = 4 * np.sqrt(scale) * f", "factor",
    ),
    Mistake(
        "style loss", "reshape(n_C, -1) instead of the transpose", "grad = 4 * scale * f",
        "f = a.reshape(n_c, -1).T; difference = f.T @ f - target; grad = 4 * scale * f",
        "reshaped",
    ),
    Mistake(
        "Gram of a picture", "reshape(n_C, -1) instead of the transpose, on the way back",
        "f = a.reshape(-1, n_c).T\n    grad_f", "f = a.reshape(n_c, -1)\n    grad_f", "reshaped",
    ),
    Mistake(
        "Gram of a picture", "reshaped without transposing back", "grad_f.T.reshape(a.shape)",
        "grad_f.reshape(a.shape)", "transposed",
    ),
    Mistake(
        "flatten", "channels and positions exchanged", "reshape(n, c, h, w).transpose(0, 2, 3, 1)",
        "reshape(n, h, w, c)", "transposed",
    ),
    # x alone is checked
    Mistake(
        "filter", "filter not flipped, x alone is checked", "w[::-1, ::-1].swapaxes(2, 3)",
        "w.swapaxes(2, 3)", "kernel-not-flipped",
    ),
    Mistake(
        "filter", "filter flipped along one axis only", "w[::-1, ::-1].swapaxes(2, 3)",
        "w[::-1].swapaxes(2, 3)", "kernel-not-flipped",
    ),
    Mistake(
        "filter, one channel", "filter not flipped, one channel", "w[::-1, ::-1].swapaxes(2, 3)",
        "w.swapaxes(2, 3)", "kernel-not-flipped",
    ),
    Mistake(
        "filter, C = F", "channels and filters exchanged", "w[::-1, ::-1].swapaxes(2, 3)",
        "w[::-1, ::-1]", "transposed",
    ),
    # sums, means and whole numbers
    Mistake("global pool", "sum for mean", " / (h * w)", "", "factor"),
    Mistake("mean squared error", "sum for mean", " / a.size", "", "factor"),
    Mistake(
        "mean squared error", "the square's 2 forgotten", "grad = 2 * (a", "grad = (a", "factor",
    ),
    Mistake("cross-entropy", "not divided by the batch size", "grad / n", "grad", "factor"),
    Mistake(
        "dense", "mean over the batch", "grad_out.sum(axis=0)", "grad_out.mean(axis=0)", "factor",
    ),
    Mistake("conv 2-D", "mean for sum", _BIAS, _BIAS.replace("sum", "mean"), "factor"),
    Mistake(
        "upsampling", "mean for sum", "sum(axis=(2, 4))", "mean(axis=(2, 4))", "factor",
    ),
    Mistake(
        "upsampling", "one of the four copies",
        "grad_out.reshape(n, h, 2, w, 2, c).sum(axis=(2, 4))",
        "grad_out[:, ::2, ::2]",
        "overwritten",
    ),
    Mistake(
        "average pool", "// for /: divided without the fraction", " / size**2", " // size**2",
        "rounded",
    ),
    Mistake(
        "average pool", "/ for //: a size with a fraction", "(n - size) // stride",
        "(n - size) / stride", "raised",
    ),
    Mistake("attention scores", "1/√d forgotten", "g = grad_out / np.sqrt(q.shape[1])",
            "g = grad_out", "factor"),
    # axes and shapes
    Mistake(
        "dense, N = F", "bias gradient summed over the wrong axis", "grad_out.sum(axis=0)",
        "grad_out.sum(axis=1)", "wrong-axis",
    ),
    Mistake(
        "conv 1-D", "channels and filters swapped", "return grad_x, grad_w, grad_b",
        "return grad_x, grad_w.swapaxes(1, 2), grad_b", "transposed",
    ),
    Mistake(
        "conv 3-D", "depth and height swapped", "return grad_x, grad_w, grad_b",
        "return grad_x, grad_w.swapaxes(0, 1), grad_b", "transposed",
    ),
    Mistake(
        "conv 2-D", "padding not cut off", "grad_x = grad_padded[inside]", "grad_x = grad_padded",
        "shape",
    ),
    Mistake(
        "dense", "one wrong element in many", "grad_w = x.T @ grad_out",
        "grad_w = x.T @ grad_out; grad_w[2, 1] = 0", "one-entry",
    ),
    # the inner derivative
    Mistake("tanh", "the square of 1 − out² forgotten", "out**2", "out", "missing-factor"),
    Mistake("tanh", "derivative at x instead of out", "out**2", "cache[0] ** 2",
            "input-for-output"),
    Mistake("cube", "exponent not lowered", "3 * x**2", "3 * x**3", "missing-factor"),
    Mistake("logarithm", "multiplied instead of divided", "grad_out / x", "grad_out * x",
            "missing-factor"),
    Mistake("absolute value", "passed on without the sign", " * np.sign(x)", "", "passed-through"),
    Mistake("leaky ReLU", "slope below 0 forgotten", "np.where(x > 0, 1.0, slope)", "(x > 0)",
            "masked-too-much"),
    Mistake("clip", "mask at one end only", "((x > 0) & (x < 1))", "(x > 0)", "not-masked"),
    Mistake("dropout", "mask forgotten", "grad_out * mask / keep", "grad_out / keep", "not-masked"),
    Mistake("dropout", "not divided by the share that is kept", " * mask / keep", " * mask",
            "factor"),
    Mistake(
        "dropout", "another mask on the way back", "mask, keep = cache",
        "mask, keep = cache; mask = np.random.random(mask.shape) < keep", "not-repeatable",
    ),
    Mistake(
        "dense", "added onto the gradient of the last call", "grad_w = x.T @ grad_out",
        "grad_w = vars(dense_backward).setdefault('kept', np.zeros_like(w)); "
        "grad_w += x.T @ grad_out", "not-repeatable",
    ),
    # terms and ways that are left out
    Mistake(
        "softmax", "diagonal of the Jacobian only: p (1 − p)",
        "out * (grad_out - (grad_out * out).sum(axis=1, keepdims=True))",
        "grad_out * out * (1 - out)", "diagonal-only",
    ),
    Mistake("cross-entropy", "one-hot label not subtracted", "grad[np.arange(n), labels] -= 1",
            "pass", "one-hot"),
    Mistake(
        "binary cross-entropy", "p − y, the gradient of the logits", " / (p * (1 - p))", "",
        "missing-factor",
    ),
    Mistake("ridge", "weight decay forgotten", " + 2 * decay * w", "", "missing-term"),
    Mistake("ridge", "the 2 of weight decay forgotten", "2 * decay", "decay", "missing-term"),
    Mistake("residual block", "the way past the branch forgotten", "grad_x = grad_out + g @ w.T",
            "grad_x = g @ w.T", "branch-missing"),
    Mistake("unit length", "length as a constant", "(grad_out - along * x)", "grad_out",
            "statistics-constant"),
    Mistake("batch norm", "mean and variance as constants",
            "(g - g.mean(axis=0) - normal * (g * normal).mean(axis=0))", "g",
            "statistics-constant"),
    Mistake("batch norm", "mean as a constant", " - g.mean(axis=0)", "", "statistics-constant"),
    Mistake("batch norm", "gamma without the normalised x", "(grad_out * normal).sum(axis=0)",
            "grad_out.sum(axis=0)", "missing-factor"),
    Mistake("running sum", "added up from the wrong end",
            "np.cumsum(grad_out[:, ::-1], axis=1)[:, ::-1]", "np.cumsum(grad_out, axis=1)",
            "transposed"),
    Mistake("RNN", "not carried on through time", "later = g @ u.T", "later = 0 * g",
            "diagonal-only"),
    Mistake("LSTM step", "the cell's own gradient forgotten", "grad_c = grad_c + grad_h",
            "grad_c = grad_h", "output-ignored"),
    Mistake("LSTM step", "the cell's gradient by way of h forgotten",
            "grad_c = grad_c + grad_h * o * (1 - t**2)", "grad_c = grad_c", "output-ignored"),
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
    names: dict[str, Any] = dict(vars(sys.modules[function.__module__]))
    exec(compile(source, file, "exec"), names)
    wrong: LayerFunction = names[function.__name__]
    return wrong


def zoo_table(check: Callable[[Mistake], GradientReport] = check_mistake) -> str:
    """Check every mistake; return a Markdown table of what was done and what was said."""
    rows = ["| layer | mistake | the checker says | how sure |", "|---|---|---|---|"]
    for mistake in MISTAKES:
        diagnosis = check(mistake).diagnosis
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


keep_former_names(
    __name__,
    {
        "Function": "LayerFunction",
        "Layer": "ZooLayer",
        "Rng": "nst_numpy.gradcheck.zoo.subjects.Rng",
        "layers": "nst_numpy.gradcheck.zoo.layers",
    },
)
