"""a8 It is all yours. README.md tells what to do; `python a8_all_yours.py` paints."""

import numpy as np
from scipy.optimize import minimize

CONTENT_LAYER = "relu3_1"
STYLE_LAYERS = {"relu1_1": 0.2, "relu1_2": 0.2, "relu2_1": 0.2, "relu2_2": 0.2, "relu3_1": 0.2}
MEAN = np.array([103.939, 116.779, 123.68])  # of ImageNet; blue, green, red


def to_network(picture):
    """Turn a picture (n_H, n_W, 3), uint8, into what the network reads: G, an array of floats."""
    return picture[..., ::-1].astype(float) - MEAN


def to_picture(G):
    """Turn what the network reads back into a picture that can be shown."""
    return np.clip(np.rint(G + MEAN), 0, 255).astype(np.uint8)[..., ::-1]


# %% a8.conv
def conv_forward(x, w, b, stride=1, pad=0):
    """Convolve a picture with filters: yours from a1, made quick.

    x (n_H, n_W, n_C), w (f, f, n_C, n_F), b (n_F,)
    Returns out (size of n_H, size of n_W, n_F), and a cache of your own.
    """
    ### BEGIN SOLUTION
    f = w.shape[0]
    xp = np.pad(x, ((pad, pad), (pad, pad), (0, 0)))
    rows, columns = ((n - f) // stride + 1 for n in xp.shape[:2])
    out = np.zeros((rows, columns, w.shape[-1])) + b
    for u, v in np.ndindex(f, f):
        seen = xp[u : u + rows * stride : stride, v : v + columns * stride : stride]
        # (rows, columns, n_C) @ (n_C, n_F) -> (rows, columns, n_F)
        out += seen @ w[u, v]
    return out, (xp.shape, w, stride, pad)
    ### END SOLUTION


def input_gradient(grad_out, cache):
    """Return ∂J/∂x (n_H, n_W, n_C), given ∂J/∂out and conv_forward's cache."""
    ### BEGIN SOLUTION
    shape, w, stride, pad = cache
    rows, columns, _ = grad_out.shape
    grad_xp = np.zeros(shape)
    for u, v in np.ndindex(w.shape[:2]):
        # (rows, columns, n_F) @ (n_F, n_C) -> (rows, columns, n_C)
        sent_back = grad_out @ w[u, v].T
        grad_xp[u : u + rows * stride : stride, v : v + columns * stride : stride] += sent_back
    return grad_xp[pad : shape[0] - pad, pad : shape[1] - pad]
    ### END SOLUTION


# %% a8.relu_pool
def relu_forward(x):
    """Return max(x, 0), and a cache: yours from a2."""
    ### BEGIN SOLUTION
    return np.maximum(x, 0), x > 0
    ### END SOLUTION


def relu_backward(grad_out, cache):
    """Return ∂J/∂x, given ∂J/∂out and the cache of relu_forward."""
    ### BEGIN SOLUTION
    return grad_out * cache
    ### END SOLUTION


def avg_pool_forward(x, f=2, stride=2):
    """Return the mean of each window (f, f), and a cache: yours from a2, made quick."""
    ### BEGIN SOLUTION
    rows, columns = ((n - f) // stride + 1 for n in x.shape[:2])
    out = np.zeros((rows, columns, x.shape[2]))
    for u, v in np.ndindex(f, f):
        out += x[u : u + rows * stride : stride, v : v + columns * stride : stride]
    return out / f**2, (x.shape, f, stride)
    ### END SOLUTION


def avg_pool_backward(grad_out, cache):
    """Return ∂J/∂x, given ∂J/∂out and the cache of avg_pool_forward."""
    ### BEGIN SOLUTION
    shape, f, stride = cache
    rows, columns, _ = grad_out.shape
    grad_x = np.zeros(shape)
    for u, v in np.ndindex(f, f):
        pixels = grad_x[u : u + rows * stride : stride, v : v + columns * stride : stride]
        pixels += grad_out / f**2
    return grad_x
    ### END SOLUTION


# %% a8.losses
def content_loss(a_C, a_G):
    """Return ½ ‖a(C) − a(G)‖², one number: yours from a3."""
    ### BEGIN SOLUTION
    return 0.5 * np.sum((a_C - a_G) ** 2)
    ### END SOLUTION


def content_gradient(a_C, a_G):
    """Return ∂J_content/∂a(G), of the shape of a_G."""
    ### BEGIN SOLUTION
    return a_G - a_C
    ### END SOLUTION


def gram_matrix(a):
    """Return G_kk' = Σ_ij a_ijk a_ijk', of shape (n_C, n_C): yours from a4."""
    ### BEGIN SOLUTION
    # (n_H, n_W, n_C) -> (n_H·n_W, n_C)
    flat = a.reshape(-1, a.shape[2])
    return flat.T @ flat
    ### END SOLUTION


def style_loss(a_S, a_G):
    """Return J_style of one layer, one number: yours from a4."""
    ### BEGIN SOLUTION
    difference = gram_matrix(a_G) - gram_matrix(a_S)
    return np.sum(difference**2) / (2 * a_G.size) ** 2
    ### END SOLUTION


def style_gradient(a_S, a_G):
    """Return ∂J_style/∂a(G), of the shape of a_G."""
    ### BEGIN SOLUTION
    difference = gram_matrix(a_G) - gram_matrix(a_S)
    # (n_H, n_W, n_C) @ (n_C, n_C) -> (n_H, n_W, n_C)
    return 4 / (2 * a_G.size) ** 2 * a_G @ difference
    ### END SOLUTION


# %% a8.forward
def forward(x, network):
    """Carry x (n_H, n_W, 3) up the network.

    Returns a dict, from each layer's name to its activation, and a dict of the caches.
    """
    ### BEGIN SOLUTION
    activations, caches = {}, {}
    for name, *arrays in network:
        if name.startswith("conv"):
            x, caches[name] = conv_forward(x, *arrays, stride=1, pad=1)
        elif name.startswith("relu"):
            x, caches[name] = relu_forward(x)
        else:
            x, caches[name] = avg_pool_forward(x)
        activations[name] = x
    return activations, caches
    ### END SOLUTION


# %% a8.backward
def backward(gradients, caches):
    """Carry gradients down the network: return ∂J/∂x.

    `gradients` is a dict: for some layers, ∂J/∂(activation of that layer).
    """
    ### BEGIN SOLUTION
    grad = 0
    for name in reversed(caches):
        grad = grad + gradients.get(name, 0)
        if np.ndim(grad) == 0:  # no loss looks at this layer, or above
            continue
        if name.startswith("conv"):
            grad = input_gradient(grad, caches[name])
        elif name.startswith("relu"):
            grad = relu_backward(grad, caches[name])
        else:
            grad = avg_pool_backward(grad, caches[name])
    return grad
    ### END SOLUTION


# %% a8.cost
def total_cost(G, a_C, a_S, network, alpha, beta):
    """Return J(G) and ∂J/∂G.

    a_C and a_S are dicts, from layer to activation, of the content and the style picture.
    """
    ### BEGIN SOLUTION
    a_G, caches = forward(G, network)
    J = alpha * content_loss(a_C[CONTENT_LAYER], a_G[CONTENT_LAYER])
    gradients = {CONTENT_LAYER: alpha * content_gradient(a_C[CONTENT_LAYER], a_G[CONTENT_LAYER])}
    for layer, weight in STYLE_LAYERS.items():
        J += beta * weight * style_loss(a_S[layer], a_G[layer])
        grad = beta * weight * style_gradient(a_S[layer], a_G[layer])
        gradients[layer] = gradients.get(layer, 0) + grad
    return J, backward(gradients, caches)
    ### END SOLUTION


# %% a8.picture
def paint(content, style, network, alpha, beta, steps):
    """Paint the content picture in the style picture's style: two arrays (n_H, n_W, 3), uint8.

    Returns the picture, uint8, and the J that L-BFGS came to.
    """
    ### BEGIN SOLUTION
    a_C, _ = forward(to_network(content), network)
    a_S, _ = forward(to_network(style), network)
    G = to_network(content)

    def flat_cost(g):
        J, grad = total_cost(g.reshape(G.shape), a_C, a_S, network, alpha, beta)
        return J, grad.ravel()

    result = minimize(flat_cost, G.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": steps})
    return to_picture(result.x.reshape(G.shape)), result.fun
    ### END SOLUTION


# %% your picture
if __name__ == "__main__":
    from pathlib import Path

    from PIL import Image

    import nst_numpy as nst  # for two pictures and the numbers of VGG-16; all else is yours
    from nst_numpy.weights import load_weights

    weights = load_weights(dtype=np.float64)
    network = [
        *(("conv1_1", *weights["conv1_1"]), ("relu1_1",)),
        *(("conv1_2", *weights["conv1_2"]), ("relu1_2",), ("pool1",)),
        *(("conv2_1", *weights["conv2_1"]), ("relu2_1",)),
        *(("conv2_2", *weights["conv2_2"]), ("relu2_2",), ("pool2",)),
        *(("conv3_1", *weights["conv3_1"]), ("relu3_1",)),
    ]
    castle, night = (
        nst.load_image(nst.pictures.sample_path(name), size=144)[:96, 24:120]
        for name in ("neuschwanstein", "starry_night")
    )
    picture, J = paint(castle, night, network, alpha=1.0, beta=1000.0, steps=60)
    shown = Image.fromarray(np.hstack([castle, night, picture]))
    shown.save(Path(globals().get("__file__", "notebook")).with_name("a8_painted.png"))
    print(f"J = {J:.4g}")
    if "get_ipython" in globals():
        from IPython.display import display

        display(shown.resize((3 * 288, 288)))
