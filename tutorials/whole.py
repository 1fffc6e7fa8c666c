"""Neural style transfer, the whole of it: from the file of weights to the painted picture.

    python tutorials/whole.py castle.jpg painting.jpg out.png

Wanted is a picture G that shows what the content picture C shows, painted as the style picture S
is painted. G begins as C. A cost J(G) says how far G still is from that [1, 2], by what the layers
of a network answer to the three pictures. The network is VGG-16 [3]: it learned to name what is in
a photograph, and stays as it is. The backward pass finds ∂J/∂G; L-BFGS changes G to lower J.

Arrays are (n_H, n_W, n_C), and shapes stand at line ends. grad_x is ∂J/∂x and shaped like x.

[1] A. Ng. Convolutional Neural Networks, week 4, on neural style transfer: our symbols.
[2] L. Gatys, A. Ecker, M. Bethge. A Neural Algorithm of Artistic Style, 2015. arXiv:1508.06576.
[3] K. Simonyan, A. Zisserman. Very Deep Convolutional Networks …, 2015. arXiv:1409.1556.
"""

import argparse
import time
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
from PIL import Image, ImageOps
from scipy.optimize import minimize

WEIGHTS = Path(__file__).resolve().parent.parent / "weights" / "vgg16.h5"
MEAN_BGR = np.array([103.939, 116.779, 123.68])  # mean colour of VGG's training pictures
LAYERS = [  # VGG-16 [3, table 1, D], up to the highest layer that J asks for
    "conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1",
    "conv2_1", "relu2_1", "conv2_2", "relu2_2", "pool2",
    "conv3_1", "relu3_1", "conv3_2", "relu3_2", "conv3_3", "relu3_3", "pool3",
    "conv4_1", "relu4_1", "conv4_2", "relu4_2", "conv4_3", "relu4_3", "pool4",
    "conv5_1", "relu5_1",
]  # fmt: skip
CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = {"relu1_1": 0.2, "relu2_1": 0.2, "relu3_1": 0.2, "relu4_1": 0.2, "relu5_1": 0.2}
ALPHA, BETA_PER_PIXEL = 1.0, 0.1  # β grows with the picture, so that all sizes look alike


def read_weights(path=WEIGHTS, dtype=np.float32):
    """Return w, (3, 3, C_in, C_out), and b, (C_out,), of each convolution."""
    params = {}
    with h5py.File(path, "r") as file:
        for name in LAYERS:
            if name.startswith("conv"):
                group = file[f"block{name[4]}_conv{name[6]}"]  # block1_conv2 is our conv1_2
                params[name] = group["kernel"][:].astype(dtype), group["bias"][:].astype(dtype)
    return params


def read_picture(path, size, dtype=np.float32):
    """Return a picture as VGG reads it, `size` pixels along the longest side."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")  # upright
    sides = [max(16, round(s * size / max(image.size))) for s in image.size]  # 4 pools need 16
    rgb = np.asarray(image.resize(sides, Image.Resampling.LANCZOS))  # (n_H, n_W, 3), 0 to 255
    return (rgb[..., ::-1] - MEAN_BGR).astype(dtype)  # (n_H, n_W, 3), blue first


# The layers. Each forward function returns its output and a cache, which is what its backward
# function needs to turn grad_out into grad_x. No grad_w: the weights never change.
def conv_forward(x, w, b):
    """Slide 3x3 filters over x, with zeros around it: one matrix product for each of 9 taps."""
    n_h, n_w, c_in = x.shape
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))  # (n_H + 2, n_W + 2, C_in)
    out = b  # (C_out,), and from the first tap on (n_H n_W, C_out)
    for i, j in np.ndindex(3, 3):
        seen = padded[i : i + n_h, j : j + n_w].reshape(-1, c_in)  # (n_H n_W, C_in)
        out = out + seen @ w[i, j]  # (n_H n_W, C_in) @ (C_in, C_out)
    return out.reshape(n_h, n_w, -1), w  # (n_H, n_W, C_out)


def conv_backward(grad_out, w):
    """Send the gradient back through each tap: a convolution with the filters turned by 180°."""
    turned = w[::-1, ::-1].swapaxes(2, 3)  # (3, 3, C_out, C_in)
    return conv_forward(grad_out, turned, 0)[0]  # (n_H, n_W, C_in)


def relu_forward(x):
    """Replace negative numbers by 0."""
    return np.maximum(x, 0), x > 0


def relu_backward(grad_out, positive):
    """Let the gradient through where x came through."""
    return grad_out * positive


def pool_forward(x):
    """Average each 2x2 square; of an odd number of rows or columns the last is left out."""
    n_h, n_w = x.shape[0] // 2, x.shape[1] // 2
    four = [x[i : 2 * n_h : 2, j : 2 * n_w : 2] for i, j in np.ndindex(2, 2)]
    return sum(four) / 4, x.shape  # (n_H // 2, n_W // 2, n_C)


def pool_backward(grad_out, shape):
    """Give each number of a square a quarter, and 0 to what was left out."""
    grad_x = grad_out.repeat(2, axis=0).repeat(2, axis=1) / 4
    return np.pad(grad_x, ((0, shape[0] % 2), (0, shape[1] % 2), (0, 0)))  # (n_H, n_W, n_C)


FORWARD = {"conv": conv_forward, "relu": relu_forward, "pool": pool_forward}
BACKWARD = {"conv": conv_backward, "relu": relu_backward, "pool": pool_backward}


def forward(x, params):
    """Run the network; return each layer's output and cache."""
    outs, caches = {}, {}
    for name in LAYERS:
        x, caches[name] = FORWARD[name[:4]](x, *params.get(name, ()))  # ReLU and pool have no w, b
        outs[name] = x
    return outs, caches


def backward(grads, caches):
    """Apply the chain rule, layer by layer, down to the picture."""
    grad = 0
    for name in reversed(LAYERS):
        grad = grad + grads.get(name, 0)  # J sees this layer through those above, and directly
        grad = BACKWARD[name[:4]](grad, caches[name])
    return grad  # (n_H, n_W, 3)


def content_loss(a, target):
    """Return ½ Σ (a - target)² [2, eq. 1] and its gradient [2, eq. 2]."""
    return 0.5 * np.sum((a - target) ** 2, dtype=np.float64), a - target


def gram_matrix(a):
    """Multiply every channel with every other and sum over positions [2, eq. 3]."""
    flat = a.reshape(-1, a.shape[-1])  # (n_H n_W, n_C)
    return flat.T @ flat  # (n_C, n_C)


def style_loss(a, target):
    """Return Σ (gram - target)² / (2 n_H n_W n_C)² [2, eq. 4] and its gradient [2, eq. 6]."""
    scale = 1 / (2 * a.size) ** 2
    difference = gram_matrix(a) - target  # (n_C, n_C)
    return scale * np.sum(difference**2, dtype=np.float64), 4 * scale * (a @ difference)


def measure_targets(content, style, params):
    """Return what G is to resemble: the content's activation and the style's Gram matrices."""
    of_c, of_s = forward(content, params)[0], forward(style, params)[0]
    grams = {name: gram_matrix(of_s[name]) for name in STYLE_LAYERS}
    for name in STYLE_LAYERS:  # more positions, larger sums: as if S had as many as C and G
        grams[name] *= of_c[name].size / of_s[name].size
    return of_c[CONTENT_LAYER], grams


def objective(x, targets, params):
    """Return J = α J_content + β Σ λ J_style [2, eq. 5 and 7] of the picture x, and ∂J/∂x."""
    beta = BETA_PER_PIXEL * x.shape[0] * x.shape[1]
    outs, caches = forward(x, params)
    value, grad = content_loss(outs[CONTENT_LAYER], targets[0])
    J, grads = ALPHA * value, {CONTENT_LAYER: ALPHA * grad}
    for name, weight in STYLE_LAYERS.items():
        value, grad = style_loss(outs[name], targets[1][name])
        J += beta * weight * value
        grads[name] = beta * weight * grad
    return J, backward(grads, caches)


def paint(content, style, params, iterations):
    """Begin with the content and let L-BFGS lower J; Ctrl-C keeps the picture so far."""
    targets, x = measure_targets(content, style, params), content.copy()
    # The first step that SciPy tries has length 1, over all numbers together: too little to see.
    # In units of √(how many numbers) it changes each of them by about 1.
    unit, losses, start = np.sqrt(x.size), [], time.time()

    def function(z):
        J, grad = objective((unit * z).reshape(x.shape).astype(x.dtype), targets, params)
        return J, unit * grad.ravel().astype(np.float64)  # ∂J/∂z = unit · ∂J/∂x

    def accept(intermediate_result):
        x[:] = (unit * intermediate_result.x).reshape(x.shape)  # (3 n_H n_W,) -> (n_H, n_W, 3)
        losses.append(intermediate_result.fun)
        n, J = len(losses), losses[-1]
        left = (time.time() - start) * (iterations / n - 1)
        print(f"\r{n} of {iterations}, J = {J:.3e}, {left:.0f} s left    ", end="", flush=True)

    options = {"maxiter": iterations, "ftol": 0, "gtol": 0}  # nothing but maxiter ends the run
    z = x.ravel().astype(np.float64) / unit  # (3 n_H n_W,)
    with suppress(KeyboardInterrupt):
        minimize(function, z, jac=True, method="L-BFGS-B", callback=accept, options=options)
    print("" if len(losses) == iterations else "\nended early: this is the picture so far")
    return x


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Paint one picture in the style of another.")
    for name in ("content", "style", "out"):
        parser.add_argument(name)
    parser.add_argument("--size", type=int, default=256, help="longest side in pixels (256)")
    parser.add_argument("--iterations", type=int, default=60, help="steps of L-BFGS (60)")
    args = parser.parse_args()
    content, style = (read_picture(path, args.size) for path in (args.content, args.style))
    x = paint(content, style, read_weights(), args.iterations)
    rgb = np.clip(np.rint(x + MEAN_BGR), 0, 255)[..., ::-1]  # (n_H, n_W, 3), 0 to 255
    Image.fromarray(rgb.astype(np.uint8)).save(args.out)
