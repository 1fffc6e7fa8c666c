"""The same objective in PyTorch, for comparison: what users would write."""

import numpy as np
import torch
from torch.nn import functional

BLOCKS = (2, 2, 3, 3, 1)  # convolutions up to conv5_1


def tensors(params, layout=torch.contiguous_format):
    """The convolutions up to conv5_1, (kh, kw, C_in, C_out) -> (C_out, C_in, kh, kw)."""
    return {
        name: (
            torch.tensor(w.transpose(3, 2, 0, 1).copy()).contiguous(memory_format=layout),
            torch.tensor(b),
        )
        for name, (w, b) in list(params.items())[: sum(BLOCKS)]
    }


def activations(params, a, pool, edge=None):
    """Every activation after its ReLU; `edge` is how the first convolution pads, if not by 0."""
    found = {}
    for block, count in enumerate(BLOCKS, start=1):
        for i in range(1, count + 1):
            w, b = params[f"conv{block}_{i}"]
            if edge and not found:
                a = functional.conv2d(functional.pad(a, (1, 1, 1, 1), edge), w, b)
            else:
                a = functional.conv2d(a, w, b, padding=1)
            a = found[f"relu{block}_{i}"] = functional.relu(a)
        if block < len(BLOCKS):
            a = pool(a, 2)
    return found


class TorchObjective:
    """J(x) and its pixel gradient: content relu4_2, style relu1_1 … relu5_1, average pooling."""

    def __init__(self, params, content, style, *, alpha, beta, channels_last):
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.params = tensors(params, self.layout)
        self.alpha, self.beta = alpha, beta
        with torch.no_grad():
            self.content = self.features(self.tensor(content))["relu4_2"]
            styles = self.features(self.tensor(style))
            self.grams = {n: self.gram(a) for n, a in styles.items() if n.endswith("_1")}

    def tensor(self, x):
        """(1, H, W, 3) in NumPy to (1, 3, H, W) in this layout."""
        return torch.tensor(x.transpose(0, 3, 1, 2).copy()).contiguous(memory_format=self.layout)

    def features(self, a):
        """Every activation after its ReLU."""
        return activations(self.params, a, functional.avg_pool2d)

    def gram(self, a):
        """(1, C, H, W) -> (C, C), without a copy in either layout."""
        if self.layout == torch.channels_last:
            f = a.permute(0, 2, 3, 1).reshape(-1, a.shape[1])
            return f.T @ f
        f = a.reshape(a.shape[1], -1)
        return f @ f.T

    def __call__(self, x):
        """x: a leaf tensor that requires its gradient; returns J and leaves x.grad."""
        x.grad = None
        found = self.features(x)
        value = 0.5 * self.alpha * (found["relu4_2"] - self.content).square().sum()
        for name, target in self.grams.items():
            scale = 1 / (2 * found[name].numel()) ** 2
            value = (
                value + 0.2 * self.beta * scale * (self.gram(found[name]) - target).square().sum()
            )
        value.backward()
        return value

    def gradient(self, x):
        """Return J and ∂J/∂x as NumPy, channels last."""
        leaf = self.tensor(x).requires_grad_()
        value = float(self(leaf))
        return value, np.ascontiguousarray(leaf.grad.numpy().transpose(0, 2, 3, 1))
