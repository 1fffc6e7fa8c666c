"""The same step and convolutions in PyTorch, as its users would write them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from torch.nn import functional

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

NAME = f"PyTorch {torch.__version__}"
LAYOUTS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}
CONVOLUTIONS: dict[int, Any] = {3: functional.conv1d, 4: functional.conv2d, 5: functional.conv3d}


def set_threads(threads: int) -> None:
    """Let PyTorch use so many threads."""
    torch.set_num_threads(threads)


def tensors(
    params: Mapping[str, tuple[Array, Array]], layout: Any = torch.contiguous_format
) -> dict[str, tuple[Any, Any]]:
    """Take the convolutions: (kh, kw, C_in, C_out) -> (C_out, C_in, kh, kw)."""
    return {
        name: (
            torch.tensor(w.transpose(3, 2, 0, 1).copy()).contiguous(memory_format=layout),
            torch.tensor(b),
        )
        for name, (w, b) in params.items()
    }


def activations(
    params: Mapping[str, tuple[Any, Any]], a: Any, pool: Any, edge: str | None = None
) -> dict[str, Any]:
    """Compute every activation after its ReLU.

    `edge` is how the first convolution pads, if not by 0.
    """
    found: dict[str, Any] = {}
    block = "1"
    for name, (w, b) in params.items():
        if name[4] != block:
            block, a = name[4], pool(a, 2)
        if edge and not found:
            a = functional.conv2d(functional.pad(a, (1, 1, 1, 1), edge), w, b)
        else:
            a = functional.conv2d(a, w, b, padding=1)
        a = found[name.replace("conv", "relu")] = functional.relu(a)
    return found


class TorchObjective:
    """J(x) and its pixel gradient, in one of PyTorch's two memory layouts."""

    def __init__(self, case: StepCase, layout: Any) -> None:
        self.layout = layout
        self.params = tensors(case.params, layout)
        with torch.no_grad():
            self.content = self.features(self.tensor(case.content))[CONTENT_LAYER]
            styles = self.features(self.tensor(case.style))
            self.grams = {name: self.gram(styles[name]) for name in STYLE_LAYERS}

    def tensor(self, x: Array) -> Any:
        """(1, H, W, 3) in NumPy to (1, 3, H, W) in this layout."""
        return torch.tensor(x.transpose(0, 3, 1, 2).copy()).contiguous(memory_format=self.layout)

    def features(self, a: Any) -> dict[str, Any]:
        """Compute every activation after its ReLU."""
        return activations(self.params, a, functional.avg_pool2d)

    def gram(self, a: Any) -> Any:
        """(1, C, H, W) -> (C, C), without a copy in either layout."""
        if self.layout == torch.channels_last:
            f = a.permute(0, 2, 3, 1).reshape(-1, a.shape[1])
            return f.T @ f
        f = a.reshape(a.shape[1], -1)
        return f @ f.T

    def value(self, x: Any) -> Any:
        """Compute J, for a tensor x of this layout."""
        found = self.features(x)
        value = 0.5 * ALPHA * (found[CONTENT_LAYER] - self.content).square().sum()
        for name, target in self.grams.items():
            apart = (self.gram(found[name]) - target).square().sum()
            value = value + style_scale(found[name].shape) * apart
        return value

    def gradient(self, x: Array) -> tuple[float, Array]:
        """Return J and ∂J/∂x as NumPy has them, channels last."""
        leaf = self.tensor(x).requires_grad_()
        value = self.value(leaf)
        value.backward()
        return value.item(), _channels_last(leaf.grad)


def steps(case: StepCase) -> list[Contender]:
    """Compute the step in both layouts, as written and compiled by `torch.compile`."""
    return [
        _step(case, words, layout, compiled)
        for compiled in (False, True)
        for words, layout in LAYOUTS.items()
    ]


def _step(case: StepCase, words: str, layout: Any, compiled: bool) -> Contender:
    objective = TorchObjective(case, layout)
    leaf = objective.tensor(case.x).requires_grad_()
    # made by the first run: what cannot compile fails there
    function = cache(lambda: torch.compile(objective.value) if compiled else objective.value)

    def run() -> tuple[Any, Any]:
        leaf.grad = None
        value = function()(leaf)
        value.backward()
        return value, leaf.grad

    name = f"PyTorch {'compiled' if compiled else 'eager'}, {words}"
    return Contender(name, run, lambda found: [found[0].item(), _channels_last(found[1])])


def convolutions(case: ConvolutionCase) -> list[Contender]:
    """Compute the convolution in both layouts. In 1-D channels last is a picture of height 1."""
    return [_convolution(case, words) for words in LAYOUTS]


def _convolution(case: ConvolutionCase, words: str) -> Contender:
    layout, axes = LAYOUTS[words], case.x.ndim - 2
    # (N, *sizes, C) -> (N, C, *sizes), (*kernel, C_in, C_out) -> (C_out, C_in, *kernel)
    x, grad_out = (np.moveaxis(a, -1, 1) for a in (case.x, case.grad_out))
    w = np.moveaxis(case.w, (-1, -2), (0, 1))
    pads: tuple[int, ...] = (case.pad,) * axes
    if words == "channels last":
        if axes == 1:
            x, w, grad_out, pads = x[:, :, None], w[:, :, None], grad_out[:, :, None], (0, case.pad)
        layout = torch.channels_last_3d if axes == 3 else layout
    given = (torch.tensor(a.copy()).contiguous(memory_format=layout) for a in (x, w, grad_out))
    x_there, w_there, grad_there = given
    leaves = [leaf.requires_grad_() for leaf in (x_there, w_there, torch.tensor(case.b))]

    def run() -> list[Any]:
        for leaf in leaves:
            leaf.grad = None
        out = CONVOLUTIONS[x.ndim](*leaves, padding=pads)
        out.backward(grad_there)
        return [out.detach(), *(leaf.grad for leaf in leaves)]

    def read(found: list[Any]) -> list[Array]:
        out, grad_x, grad_w, grad_b = (a.numpy() for a in found)
        return [
            np.moveaxis(out, 1, -1).reshape(case.grad_out.shape),
            np.moveaxis(grad_x, 1, -1).reshape(case.x.shape),
            np.moveaxis(grad_w, (0, 1), (-1, -2)).reshape(case.w.shape),
            grad_b,
        ]

    return Contender(f"PyTorch eager, {words}", run, read)


def _channels_last(a: Any) -> Array:
    """(1, C, H, W) -> (1, H, W, C)."""
    return np.ascontiguousarray(a.detach().numpy().transpose(0, 2, 3, 1))
