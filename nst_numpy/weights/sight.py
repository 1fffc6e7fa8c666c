"""What photographs tell of a network whose numbers nobody has published.

A trained filter looks for what the filters below it find. Turned by 180° it fits them no longer,
and answers less: in the published VGG-16, whose layers were turned one at a time, each layer's
energy fell by 15 to 50 percent on average over eight photographs, but for the last layer. So each
kernel is tried both ways, from the first layer up, on photographs that come along.

Where all kernels are turned they fit each other, and this tells nothing: such a network sees the
world upside down, and answers photographs about as well.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nst_numpy.layers import conv_forward, max_pool_forward, relu_forward
from nst_numpy.pictures.images import load_image, preprocess
from nst_numpy.pictures.samples import photo_paths
from nst_numpy.weights.stored import Pair

SURE = 4.0  # a mean so many times its standard error is no chance
_LEAST = 0.05  # and so large: of a logarithm

Array = NDArray[np.float32]


def photographs(count: int, side: int) -> Array:
    """Load squares out of photographs that come along, as the network wants them.

    Parameters
    ----------
    count : int
        How many, about.
    side : int
        In pixels.

    Returns
    -------
    ndarray, (N, side, side, 3), float32
    """
    paths = photo_paths()
    squares = []
    for path in paths[:: max(len(paths) // count, 1)]:
        image = load_image(path, size=side * 3 // 2)
        top, left = ((length - side) // 2 for length in image.shape[:2])
        if min(top, left) >= 0:
            squares.append(preprocess(image[top : top + side, left : left + side]))
    return np.concatenate(squares)


def find_turned(params: Mapping[str, Pair], x: Array) -> tuple[str, ...]:
    """Find the layers whose kernels are turned by 180° against the others.

    Parameters
    ----------
    params : mapping of str to (ndarray, ndarray)
        Kernels (3, 3, C_in, C_out) and biases (C_out,) of the network, in its order.
    x : ndarray, (N, H, W, 3)
        Photographs; see `photographs`.

    Returns
    -------
    tuple of str
        The fewer of the two kinds. The last layer is not tried: it has none above that needs it.
    """
    turned: list[str] = []
    names, a, scale = list(params), x, 1.0
    for n, name in enumerate(names[:-1]):
        a = a if n == 0 else _pooled(a, names[n - 1], name)
        kernel, bias = params[name]
        out, larger = _answer(a, scale, kernel, bias)
        other, _ = _answer(a, scale, kernel[::-1, ::-1], bias)
        if n > 0 and _is_larger(_energy(other), _energy(out)):
            turned.append(name)
            out = other
        a, scale = _scaled(out, larger)
    rest = [name for name in names[:-1] if name not in turned]
    return tuple(turned if len(turned) <= len(rest) else rest)


def _answer(a: Array, scale: float, kernel: np.ndarray, bias: np.ndarray) -> tuple[Array, float]:
    """Return relu(conv(a)), and by which number it has been divided: `scale` and more.

    Nothing is trusted here: no finite kernel makes these numbers overflow.
    """
    largest = float(np.abs(kernel).max()) or 1.0
    with np.errstate(over="ignore", divide="ignore"):
        shift = np.clip(bias / max(scale * largest, 1e-300), -1e6, 1e6).astype(a.dtype)
    weights = np.ascontiguousarray(kernel / largest, a.dtype)
    return relu_forward(conv_forward(a, weights, shift, pad=1)[0])[0], scale * largest


def _scaled(out: Array, scale: float) -> tuple[Array, float]:
    """Divide activations by their size, and keep account of it."""
    size = float(np.sqrt(np.mean(np.square(out, dtype=np.float64)))) or 1.0
    return (out / size).astype(out.dtype), scale * size


def _pooled(a: Array, below: str, name: str) -> Array:
    """Pool where the next layer is in another block."""
    same = below.partition("_")[0] == name.partition("_")[0]
    return a if same else max_pool_forward(a, size=2)[0]


def _energy(out: Array) -> NDArray[np.float64]:
    """Return the logarithm of the mean square for each photograph."""
    # (N, H, W, C) -> (N,)
    squares = np.mean(np.square(out, dtype=np.float64), axis=(1, 2, 3))
    return np.asarray(np.log(squares + 1e-30))


def _is_larger(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether one energy is surely larger, photograph by photograph."""
    gain = one - other
    error = float(gain.std(ddof=1)) / np.sqrt(len(gain))
    return bool(gain.mean() > max(_LEAST, SURE * error))
