import numpy as np
from scipy.optimize import minimize
from solution import (
    avg_pool_backward,
    avg_pool_forward,
    backward,
    content_gradient,
    content_loss,
    conv_forward,
    forward,
    gram_matrix,
    input_gradient,
    paint,
    relu_backward,
    relu_forward,
    style_gradient,
    style_loss,
    total_cost,
)

import nst_numpy as nst
from nst_numpy import layers, losses
from nst_numpy.course import expect
from nst_numpy.weights import load_weights

CONTENT_LAYERS = {"relu3_1": 1.0}
STYLE_LAYERS = {"relu1_1": 0.2, "relu1_2": 0.2, "relu2_1": 0.2, "relu2_2": 0.2, "relu3_1": 0.2}
CONVOLUTIONS = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1")


def real_params():
    """Return the filters and biases of VGG-16 up to conv3_1."""
    params = load_weights(dtype=np.float64)
    return {name: params[name] for name in CONVOLUTIONS}


def tiny_params(seed):
    """Return a network of the same names with few filters, of random numbers."""
    rng = np.random.default_rng(seed)
    return nst.VGG.random([2, 3, 4], rng, convolutions=[2, 2, 1]).params


def rows(params):
    """List a network's layers, as `forward` takes them."""
    network = []
    for name, (w, b) in params.items():
        if name in ("conv2_1", "conv3_1"):
            network.append((f"pool{int(name[4]) - 1}",))
        network += [(name, w.copy(), b.copy()), (name.replace("conv", "relu"),)]
    return network


def square(name, side):
    """Cut the largest square out of the middle of a sample, and make it small."""
    picture = nst.load_image(nst.pictures.sample_path(name))
    n = min(picture.shape[:2])
    top, left = (picture.shape[0] - n) // 2, (picture.shape[1] - n) // 2
    return nst.pictures.resize_image(picture[top : top + n, left : left + n].copy(), side)


def reference(params, content, style, alpha, beta):
    """Return the package's own J(G) for two pictures, and G of the first of them."""
    C, S = (nst.preprocess(picture, dtype=np.float64) for picture in (content, style))
    J = nst.Objective(
        nst.VGG(params), C, S, alpha=alpha, beta=beta,
        content_layers=CONTENT_LAYERS, style_layers=STYLE_LAYERS,
    )  # fmt: skip
    return J, C


def activations(params, G):
    """Return the activations of all layers that a loss looks at, by the package's network."""
    found = nst.VGG(params).forward(G, list(STYLE_LAYERS))
    return {name: a[0].copy() for name, a in found.items()}


# %% a8.conv
x, w = np.arange(1.0, 10.0).reshape(3, 3, 1), np.array([[1.0, 0], [0, -1]]).reshape(2, 2, 1, 1)
out, _ = expect.parts(conv_forward(x, w, np.array([10.0])), 2, "conv_forward(x, w, b)")
expect.same(out, np.full((2, 2, 1), 6.0), "conv_forward(x, w, b)")


def check_conv(x, w, b):
    want, _ = layers.conv_forward(x[None], w, b, stride=1, pad=1)
    out, _ = expect.parts(conv_forward(x.copy(), w.copy(), b.copy(), stride=1, pad=1), 2,
                          "conv_forward(…, stride=1, pad=1)")  # fmt: skip
    expect.same(out, want[0], "conv_forward(…, stride=1, pad=1)")
    expect.gradient(
        lambda x: conv_forward(x, w.copy(), b.copy(), stride=1, pad=1),
        lambda grad_out, cache: input_gradient(grad_out, cache),
        {"x": x},
        "input_gradient, stride 1, pad 1",
    )


rng = np.random.default_rng(1)
check_conv(rng.standard_normal((4, 5, 2)), rng.standard_normal((3, 3, 2, 3)), np.ones(3))
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(91201)
x, w, b = rng.standard_normal((6, 3, 3)), rng.standard_normal((3, 3, 3, 2)), rng.standard_normal(2)
check_conv(x, w, b)
### END HIDDEN TESTS


# %% a8.relu_pool
def check_layer(forward, backward, right, x, what):
    out, _ = expect.parts(forward(x.copy()), 2, f"{what}_forward")
    expect.same(out, right(x[None])[0][0], f"{what}_forward")
    expect.gradient(
        lambda x: forward(x),
        lambda grad_out, cache: backward(grad_out, cache),
        {"x": x},
        f"{what}_backward",
    )


x = np.array([[1.0, -2, 5, 4], [3, -1, 1, 7]])[:, :, None]
check_layer(relu_forward, relu_backward, layers.relu_forward, x, "relu")
check_layer(avg_pool_forward, avg_pool_backward, layers.avg_pool_forward, x, "avg_pool")
### BEGIN HIDDEN TESTS
x = np.random.default_rng(91202).permutation(np.linspace(-3, 4, 90)).reshape(5, 6, 3)
check_layer(relu_forward, relu_backward, layers.relu_forward, x, "relu")
check_layer(avg_pool_forward, avg_pool_backward, layers.avg_pool_forward, x, "avg_pool")
### END HIDDEN TESTS


# %% a8.losses
def check_losses(a_S, a_G):
    J, grad = losses.content_loss(a_G, a_S)
    expect.same(content_loss(a_S.copy(), a_G.copy()), J, "content_loss(a_C, a_G)")
    expect.same(content_gradient(a_S.copy(), a_G.copy()), grad, "content_gradient(a_C, a_G)")
    gram = losses.gram_matrix(a_S)
    expect.same(gram_matrix(a_S.copy()), gram, "gram_matrix(a)")
    J, grad = losses.style_loss(a_G, gram)
    expect.same(style_loss(a_S.copy(), a_G.copy()), J, "style_loss(a_S, a_G)")
    expect.same(style_gradient(a_S.copy(), a_G.copy()), grad, "style_gradient(a_S, a_G)")


check_losses(np.array([[[1.0, 2.0], [3.0, 0.0]]]), np.array([[[1.0, 2.0], [0.0, 0.0]]]))
### BEGIN HIDDEN TESTS
check_losses(*np.random.default_rng(91203).standard_normal((2, 4, 3, 5)))
### END HIDDEN TESTS


# %% a8.forward
def check_forward(params, x):
    names = [name for name, *_ in rows(params)]
    want = nst.VGG(params, engine="plain").forward(x[None], names)
    got, _ = expect.parts(forward(x.copy(), rows(params)), 2, "forward(x, network)")
    for name in names:
        expect.true(name in got, f"forward(x, network): there is no activation of {name}")
        expect.same(got[name], want[name][0], f"the activation of {name}")


check_forward(tiny_params(1), 50 * np.random.default_rng(1).standard_normal((8, 9, 3)))
### BEGIN HIDDEN TESTS
check_forward(tiny_params(91204), 50 * np.random.default_rng(91204).standard_normal((10, 7, 3)))
### END HIDDEN TESTS


# %% a8.backward
def check_backward(params, x, *names):
    vgg, rng = nst.VGG(params), np.random.default_rng(2)
    gradients = {name: rng.standard_normal(a.shape)
                 for name, a in vgg.forward(x[None], names).items()}  # fmt: skip
    want = vgg.backward(gradients)[0]
    handed = {name: grad[0].copy() for name, grad in gradients.items()}
    _, caches = expect.parts(forward(x.copy(), rows(params)), 2, "forward(x, network)")
    expect.same(backward(handed, caches), want, f"backward with gradients of {', '.join(names)}")


x = 50 * np.random.default_rng(2).standard_normal((8, 9, 3))
check_backward(tiny_params(2), x, "relu3_1")
check_backward(tiny_params(2), x, "relu1_1", "relu2_2")
### BEGIN HIDDEN TESTS
x = 50 * np.random.default_rng(91205).standard_normal((10, 7, 3))
check_backward(tiny_params(91205), x, "relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1")
check_backward(tiny_params(91205), x, "relu2_1")
### END HIDDEN TESTS


# %% a8.cost
def check_cost(params, pictures, G, alpha, beta):
    """Compare J and ∂J/∂G at one point with the package's."""
    J, C = reference(params, *pictures, alpha, beta)
    want, want_grad = J(G[None])
    S = nst.preprocess(pictures[1], dtype=np.float64)
    handed = G.copy(), activations(params, C), activations(params, S), rows(params)
    got = expect.parts(total_cost(*handed, alpha, beta), 2, "total_cost")
    expect.same(got[0], want, f"J of total_cost with α = {alpha:g}, β = {beta:g}")
    expect.same(got[1], want_grad[0], f"∂J/∂G of total_cost with α = {alpha:g}, β = {beta:g}")


pictures = np.random.default_rng(3).integers(0, 256, (2, 9, 8, 3), dtype=np.uint8)
G = 50 * np.random.default_rng(3).standard_normal((9, 8, 3))
check_cost(tiny_params(3), pictures, G, 1.0, 0.0)
check_cost(tiny_params(3), pictures, G, 0.0, 100.0)
check_cost(tiny_params(3), pictures, G, 2.0, 50.0)
### BEGIN HIDDEN TESTS
pictures = np.random.default_rng(91206).integers(0, 256, (2, 12, 13, 3), dtype=np.uint8)
G = 50 * np.random.default_rng(91206).standard_normal((12, 13, 3))
check_cost(tiny_params(91206), pictures, G, 0.7, 321.0)
### END HIDDEN TESTS


# %% a8.picture
def check_picture(params, content, style, beta, steps, save=""):
    """The J of the picture must be that of the picture that the package's own layers paint."""
    what = f"paint, {content.shape[0]} × {content.shape[1]} pixels, {steps} steps"
    with expect.in_time(what, "the loops over pixels and filters are too slow: let NumPy multiply "
                        "whole arrays, one product for each place in the filter"):  # fmt: skip
        handed = content.copy(), style.copy(), rows(params)
        got = expect.parts(paint(*handed, 1.0, beta, steps), 2, what)
    picture = expect.numbers(got[0], what)
    expect.same(picture.shape, content.shape, "the shape of the picture")
    expect.true(picture.dtype == np.uint8, f"the picture should be uint8, not {picture.dtype}")
    if save:
        expect.show(picture, save)
    J, C = reference(params, content, style, 1.0, beta)

    def flat(g):
        value, grad = J(g.reshape(C.shape))
        return value, grad.ravel()

    best = minimize(flat, C.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": steps})
    expect.same(got[1], best.fun, f"{what}: J", tolerance=1e-5)
    want = J(nst.preprocess(nst.deprocess(best.x.reshape(C.shape)), dtype=np.float64))[0]
    seen = J(nst.preprocess(picture, dtype=np.float64))[0]
    expect.same(seen, want, f"{what}: J of the picture as it is shown", tolerance=1e-3)


noise = np.random.default_rng(4).integers(0, 256, (2, 9, 8, 3), dtype=np.uint8)
check_picture(tiny_params(4), *noise, 0.01, 4)
pair = square("neuschwanstein", 64), square("starry_night", 64)
check_picture(real_params(), *pair, 1000.0, 5, save="a8_tested.png")
### BEGIN HIDDEN TESTS
noise = np.random.default_rng(91207).integers(0, 256, (2, 13, 10, 3), dtype=np.uint8)
check_picture(tiny_params(91207), *noise, 0.02, 5)
pair = square("chenonceau", 64), square("cafe_terrace", 64)
check_picture(real_params(), *pair, 456.0, 3)
### END HIDDEN TESTS
