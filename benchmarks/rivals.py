"""What two well-known programs do by default, re-stated in PyTorch on the VGG-16 that comes along.

Losses, layers, weights, optimiser, start and scales are theirs; the network is ours, so that
programs are compared and not networks. Both are told when their time is up.

- neural-style-pt: noise, one scale, L-BFGS with 100 pairs, mean squared differences.
- style-transfer-pytorch: Adam from the photograph, scales √2 apart, losses divided by their own
  size, averaged iterates.

On a CPU neither gets through its iterations in the time given. neural-style-pt is cut off;
style-transfer-pytorch, which would be cut off at its coarsest scale, shares its time among its
scales as its iterations do.
"""

import contextlib
import time

import numpy as np
import torch
from torch.nn import functional

from nst_numpy.measure.contest import params_below
from nst_numpy.measure.torch_rival import activations, tensors
from nst_numpy.pictures import deprocess, preprocess, resize_image

# style-transfer-pytorch was tuned to another copy of VGG, whose activations are much smaller, and
# its losses grow with them. Of 1, 0.3, 0.1, …, 0.001 this gives its best score, with three pairs
# at 128 pixels.
FACTOR = 0.03
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


class TorchVGG:
    """The network with max pooling.

    `edge` is how the first convolution pads; `factor` multiplies what is returned.
    """

    def __init__(self, params, edge=None, factor=1.0):
        self.edge, self.factor = edge, factor
        self.params = tensors(params_below(params))

    def __call__(self, a):
        """x (1, 3, H, W), what `preprocess` makes -> every activation after its ReLU."""
        found = activations(self.params, a, functional.max_pool2d, self.edge)
        return {name: self.factor * a for name, a in found.items()}


def tensor(image):
    """uint8 (H, W, 3) -> (1, 3, H, W), BGR minus the mean colour."""
    return torch.tensor(preprocess(image).transpose(0, 3, 1, 2).copy())


def picture(x):
    """The inverse of `tensor`."""
    return deprocess(np.ascontiguousarray(x.detach().numpy().transpose(0, 2, 3, 1)))


class _TimeIsUp(Exception):  # noqa: N818, a signal, not an error
    pass


def neural_style_pt(params, content, style, size, seconds, iterations=1000):
    """Paint for so many seconds at most; return the picture and the seconds that it took."""
    started = time.perf_counter()
    torch.manual_seed(0)
    vgg = TorchVGG(params)
    image = resize_image(content, size)

    def gram(a):
        f = a.reshape(a.shape[1], -1)
        return f @ f.T / a.numel()

    with torch.no_grad():
        goal = vgg(tensor(image))["relu4_2"]
        styles = vgg(tensor(resize_image(style, size)))
        grams = {name: gram(styles[name]) for name in STYLE_LAYERS}
    x = (0.001 * torch.randn(1, 3, *image.shape[:2])).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [x], max_iter=iterations, history_size=100, tolerance_change=-1, tolerance_grad=-1
    )

    def closure():
        if time.perf_counter() - started > seconds:
            raise _TimeIsUp
        optimizer.zero_grad()
        found = vgg(x)
        value = 5 * functional.mse_loss(found["relu4_2"], goal)
        for name, target in grams.items():
            value = value + 100 * functional.mse_loss(gram(found[name]), target)
        across, down = x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]
        value = value + 1e-3 * (across.abs().sum() + down.abs().sum())
        value.backward()
        return value

    with contextlib.suppress(_TimeIsUp):
        optimizer.step(closure)
    return picture(x), time.perf_counter() - started


def style_transfer_pytorch(
    params, content, style, size, seconds, first=1000, later=500, factor=FACTOR
):
    """Paint for about so many seconds; return the picture and the seconds that it took."""
    started = time.perf_counter()
    vgg = TorchVGG(params, edge="replicate", factor=factor)
    sizes = [size]
    while round(size / 2 ** (len(sizes) / 2)) >= 128:
        sizes.insert(0, round(size / 2 ** (len(sizes) / 2)))
    # its picture is 0 to 1, ours 0 to 255
    low = tensor(np.zeros((1, 1, 3), np.uint8))
    counts = [first] + [later] * (len(sizes) - 1)
    work = np.cumsum([n * side**2 for n, side in zip(counts, sizes, strict=True)])
    deadlines = started + seconds * work / work[-1]
    z, state = None, None
    for side, count, deadline in zip(sizes, counts, deadlines, strict=True):
        image = resize_image(content, side)
        if z is None:
            z = (tensor(image) - low) / 255
        else:
            z = functional.interpolate(z, image.shape[:2], mode="bicubic").clamp(0, 1)
        z, state = _adam_at_one_scale(vgg, image, resize_image(style, side), z, low, count,
                                      deadline, state)  # fmt: skip
    return picture(255 * z.clamp(0, 1) + low), time.perf_counter() - started


def _adam_at_one_scale(vgg, content, style, z, low, iterations, deadline, state):
    """Return the average of the iterates, and what Adam knows."""

    def gram(a):
        f = a.reshape(a.shape[1], -1)
        return f @ f.T / f.shape[1]

    def scaled(a, b):
        return (a - b).square().sum() / ((a - b).abs().sum() + 1e-8)

    with torch.no_grad():
        goal = vgg(tensor(content))["relu4_2"]
        styles = vgg(tensor(style))
        grams = {name: gram(styles[name]) for name in STYLE_LAYERS}
    z = z.detach().clone().requires_grad_()
    optimizer = torch.optim.Adam([z], lr=0.02)
    if state is not None:
        size = z.shape[2:]
        for key, mode in (("exp_avg", "bicubic"), ("exp_avg_sq", "bilinear")):
            state[key] = functional.interpolate(state[key], size, mode=mode)
        state["exp_avg_sq"].relu_()
        optimizer.state[z] = state
    average, rest = 0.01 * z.detach(), 0.99
    for _ in range(iterations):
        if time.perf_counter() > deadline:
            break
        optimizer.zero_grad()
        found = vgg(255 * z + low)
        value = 0.015 * scaled(found["relu4_2"], goal)
        for name, weight in zip(STYLE_LAYERS, (256, 64, 16, 4, 1), strict=True):
            value = value + weight / 341 * scaled(gram(found[name]), grams[name])
        padded = functional.pad(z, (0, 1, 0, 1), "replicate")
        corner = padded[..., :-1, :-1]
        across, down = padded[..., :-1, 1:] - corner, padded[..., 1:, :-1] - corner
        (value + 2 * (across.square() + down.square()).mean()).backward()
        optimizer.step()
        with torch.no_grad():
            z.clamp_(0, 1)
            average = 0.99 * average + 0.01 * z
        rest *= 0.99
    return average / (1 - rest), dict(optimizer.state[z])
