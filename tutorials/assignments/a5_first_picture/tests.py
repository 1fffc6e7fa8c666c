import numpy as np
from a5_given import (
    CONTENT_LAYER,
    STYLE_LAYERS,
    features,
    painting,
    photograph,
    pull_back,
    to_network,
)
from solution import content_loss, descend, paint, random_start, style_loss, total_cost

from nst_numpy import losses
from nst_numpy.course import expect


def scaled_sum(G, a_C, a_S, content, style, alpha, beta):
    """J and ∂J/∂G, from any two functions for the losses, which get copies."""
    a_G, cache = features(G)
    J, grad = content(a_C[CONTENT_LAYER].copy(), a_G[CONTENT_LAYER].copy())
    J, gradients = alpha * J, {CONTENT_LAYER: alpha * grad}
    for layer, weight in STYLE_LAYERS.items():
        J_style, grad = style(a_S[layer].copy(), a_G[layer].copy())
        J = J + beta * weight * J_style
        gradients[layer] = gradients.get(layer, 0) + beta * weight * grad
    return J, pull_back(gradients, cache)


def copies(arrays):
    """The same dict with arrays that an answer may write to."""
    return {name: array.copy() for name, array in arrays.items()}


def right_content(a_C, a_G):
    return losses.content_loss(a_G, a_C)


def right_style(a_S, a_G):
    return losses.style_loss(a_G, losses.gram_matrix(a_S))


# %% a5.pieces
a_S, a_G = np.array([[[1.0, 2.0], [3.0, 0.0]]]), np.array([[[1.0, 2.0], [0.0, 0.0]]])
J, grad = expect.parts(content_loss(a_S, a_G), 2, "content_loss")
expect.same(J, 4.5, "J of content_loss")
expect.same(grad, [[[0, 0], [-3, 0]]], "gradient of content_loss")
J, grad = expect.parts(style_loss(a_S, a_G), 2, "style_loss")
expect.same(J, 81 / 64, "J of style_loss")
expect.same(grad, [[[-0.5625, 0], [0, 0]]], "gradient of style_loss")
### BEGIN HIDDEN TESTS
a_S, a_G = np.random.default_rng(81761).standard_normal((2, 4, 3, 5))
for loss, want, what in [
    (content_loss, right_content(a_S, a_G), "content_loss"),
    (style_loss, right_style(a_S, a_G), "style_loss"),
]:
    got = expect.parts(loss(a_S.copy(), a_G.copy()), 2, what)
    expect.same(got[0], want[0], f"J of {what}")
    expect.same(got[1], want[1], f"gradient of {what}")
### END HIDDEN TESTS

# %% a5.start
G = random_start((100, 100, 3), 0)
expect.same(np.shape(G), (100, 100, 3), "the shape of random_start((100, 100, 3), 0)")
expect.same(random_start((100, 100, 3), 0), G, "random_start with the same seed")
expect.true(np.min(G) < -19 and np.max(G) > 19, "random_start does not reach from −20 to 20")
expect.true(np.abs(G).max() <= 20, "random_start goes beyond −20 to 20")
expect.true(abs(np.mean(G)) < 1, "random_start is not even: its mean is far from 0")
### BEGIN HIDDEN TESTS
G = random_start((7, 90, 3), 90413)
expect.same(np.shape(G), (7, 90, 3), "the shape of random_start for another size")
expect.true(abs(np.std(G) - 11.55) < 1, "random_start is not even: its spread is wrong")
expect.true(not np.allclose(G, random_start((7, 90, 3), 90414)), "two seeds give the same start")
### END HIDDEN TESTS


# %% a5.cost
def check_cost(G, content, style, alpha, beta):
    """Compare with the sum of the answer's own losses: this is about the sum."""
    a_C, a_S = features(content)[0], features(style)[0]
    want = scaled_sum(G, a_C, a_S, content_loss, style_loss, alpha, beta)
    what = f"total_cost with α = {alpha:g}, β = {beta:g}"
    # of losses that are always 0 any sum is right
    alive = want[0] > 0 and np.abs(want[1]).max() > 1e-9
    expect.true(alive, f"{what} cannot be judged: your losses, or their gradients, are 0")
    handed = G.copy(), copies(a_C), copies(a_S)
    J, grad = expect.parts(total_cost(*handed, alpha, beta), 2, "total_cost")
    expect.same(J, want[0], f"J of {what}")
    expect.same(grad, want[1], f"gradient of {what}")


G = np.random.default_rng(1).uniform(-20, 20, (12, 12, 3))
content, style = to_network(photograph[40:52, 40:52]), to_network(painting[:12, :12])
check_cost(G, content, style, 1.0, 0.0)
check_cost(G, content, style, 0.0, 100.0)
check_cost(G, content, style, 2.0, 50.0)
### BEGIN HIDDEN TESTS
G = np.random.default_rng(81762).uniform(-60, 60, (16, 12, 3))
content, style = to_network(photograph[20:36, 70:82]), to_network(painting[60:76, 33:45])
check_cost(G, content, style, 0.7, 321.0)
### END HIDDEN TESTS

# %% a5.descend
goal = np.arange(12.0).reshape(2, 2, 3)
got = descend(lambda G: (float(np.sum((G - goal) ** 2)), 2 * (G - goal)), np.zeros((2, 2, 3)), 50)
G, J = expect.parts(got, 2, "descend(cost, G, 50)")
expect.same(G, goal, "G after descend towards 0, 1, 2, …", tolerance=1e-4)
expect.true(abs(J) < 1e-4, "the J that descend returns is not that of the G that it returns")
### BEGIN HIDDEN TESTS


def valley(G):
    """Rosenbrock's function: a bent valley, hard for plain gradient descent."""
    a, b = G[0, 0, 0], G[0, 1, 0]
    grad = np.array([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)])
    return float((1 - a) ** 2 + 100 * (b - a * a) ** 2), grad.reshape(1, 2, 1)


start = np.array([-1.2, 1.0]).reshape(1, 2, 1)
few, many = descend(valley, start, 3), descend(valley, start, 200)
expect.same(many[0], np.ones((1, 2, 1)), "G in a bent valley", tolerance=1e-3)
expect.true(few[1] > 0.1, "descend goes on after the number of steps that it was given")
### END HIDDEN TESTS


# %% a5.picture
def check_picture(content, style, seed):
    """The picture must be far better than where it started, judged by the right losses."""
    handed = content.copy(), style.copy()
    picture = expect.numbers(paint(*handed, 1.0, 1000.0, 15, seed), "paint")
    expect.same(picture.shape, content.shape, "the shape of the picture")
    expect.true(picture.dtype == np.uint8, f"the picture should be uint8, not {picture.dtype}")
    a_C, a_S = features(to_network(content))[0], features(to_network(style))[0]
    start = np.random.default_rng(0).uniform(-20, 20, content.shape)
    before, after = (
        scaled_sum(G, a_C, a_S, right_content, right_style, 1.0, 1000.0)[0]
        for G in (start, to_network(picture))
    )
    expect.true(
        after < before / 2, f"J of the picture is {after / before:.0%} of J at the start, after "
        "15 steps; it should be less than half",
    )  # fmt: skip


check_picture(photograph[30:54, 30:54], painting[30:54, 30:54], 0)
### BEGIN HIDDEN TESTS
check_picture(photograph[60:80, 10:38], painting[5:25, 50:78], 81763)
### END HIDDEN TESTS
