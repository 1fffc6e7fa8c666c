"""Given for a5: the first layers of VGG-16, and two pictures of 100 × 100 pixels.

The network is fixed. `features` carries a picture up, `pull_back` carries gradients down. The
weights are those of VGG-16 by the Visual Geometry Group, University of Oxford (CC BY 4.0), in half
precision; the pictures are small copies of nst_numpy's samples neuschwanstein and starry_night.
"""

from pathlib import Path

import numpy as np

with np.load(Path(__file__).with_name("a5_given.npz")) as _file:
    _DATA = dict(_file)
_MEAN = np.array([103.939, 116.779, 123.68])  # of ImageNet; blue, green, red
_LAYERS = ("conv1_1", "conv1_2", "pool1", "conv2_1", "conv2_2", "pool2", "conv3_1")
_WEIGHTS = {
    name: (_DATA[f"{name}_w"].astype(float), _DATA[f"{name}_b"].astype(float))
    for name in _LAYERS
    if name.startswith("conv")
}

photograph = _DATA["photograph"]  # (100, 100, 3), uint8, red, green, blue
painting = _DATA["painting"]

CONTENT_LAYER = "relu3_1"
STYLE_LAYERS = {"relu1_1": 0.2, "relu1_2": 0.2, "relu2_1": 0.2, "relu2_2": 0.2, "relu3_1": 0.2}


def to_network(picture):
    """Turn a picture (n_H, n_W, 3), uint8, into what the network reads: G, an array of floats."""
    return picture[..., ::-1].astype(float) - _MEAN


def to_picture(G):
    """Turn what the network reads back into a picture that can be shown."""
    return np.clip(np.rint(G + _MEAN), 0, 255).astype(np.uint8)[..., ::-1]


def features(G):
    """Carry G (n_H, n_W, 3) up the network.

    Returns a dict, "relu1_1" and so on, to the activation (n_H', n_W', n_C) of that layer; and a
    cache for `pull_back`.
    """
    activations, shapes, a = {}, {}, G
    for name in _LAYERS:
        shapes[name] = a.shape
        if name.startswith("pool"):
            a = _pool(a)
        else:
            a = np.maximum(_convolve(a, *_WEIGHTS[name]), 0)
            activations[name.replace("conv", "relu")] = a
    return activations, (activations, shapes)


def pull_back(gradients, cache):
    """Carry gradients down the network.

    `gradients` is a dict: for some layers, ∂J/∂(activation of that layer). Returns ∂J/∂G.
    """
    activations, shapes = cache
    grad = 0.0
    for name in reversed(_LAYERS):
        if name.startswith("pool"):
            grad = _pool_back(grad, shapes[name])
            continue
        layer = name.replace("conv", "relu")
        grad = (grad + gradients.get(layer, 0.0)) * (activations[layer] > 0)
        w, _ = _WEIGHTS[name]
        # the way back through a convolution is a convolution, with flipped filters
        grad = _convolve(grad, w[::-1, ::-1].swapaxes(2, 3), 0.0)
    return grad


def _convolve(x, w, b):
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    n_H, n_W, _ = x.shape
    out = np.zeros((n_H, n_W, w.shape[-1])) + b
    for u, v in np.ndindex(3, 3):
        # (n_H, n_W, C) @ (C, F) -> (n_H, n_W, F)
        out += padded[u : u + n_H, v : v + n_W] @ w[u, v]
    return out


def _pool(x):
    x = x[: x.shape[0] // 2 * 2, : x.shape[1] // 2 * 2]
    return (x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4


def _pool_back(grad, shape):
    grad_x = np.zeros(shape)
    if np.ndim(grad):
        spread = np.repeat(np.repeat(grad, 2, axis=0), 2, axis=1) / 4
        grad_x[: spread.shape[0], : spread.shape[1]] = spread
    return grad_x
