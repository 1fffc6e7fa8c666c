"""a5 Total cost and L-BFGS: the first picture. README.md tells what to do."""

import numpy as np
from a5_given import (
    CONTENT_LAYER,
    STYLE_LAYERS,
    features,
    painting,
    photograph,
    pull_back,
    to_network,
    to_picture,
)
from scipy.optimize import minimize


# %% a5.pieces
def content_loss(a_C, a_G):
    """Return J_content and ∂J_content/∂a(G): your functions from a3, together."""
    ### BEGIN SOLUTION
    return 0.5 * np.sum((a_G - a_C) ** 2), a_G - a_C
    ### END SOLUTION


def style_loss(a_S, a_G):
    """Return J_style of one layer and ∂J_style/∂a(G): your functions from a4, together."""
    ### BEGIN SOLUTION
    n_H, n_W, n_C = a_G.shape
    c = 1 / (2 * n_H * n_W * n_C) ** 2
    # (n_H, n_W, n_C) -> (n_H·n_W, n_C)
    f_S, f_G = a_S.reshape(-1, n_C), a_G.reshape(-1, n_C)
    difference = f_G.T @ f_G - f_S.T @ f_S
    return c * np.sum(difference**2), 4 * c * a_G @ difference
    ### END SOLUTION


# %% a5.start
def random_start(shape, seed):
    """Return G of that shape, every number drawn evenly from −20 to 20."""
    ### BEGIN SOLUTION
    return np.random.default_rng(seed).uniform(-20, 20, shape)
    ### END SOLUTION


# %% a5.cost
def total_cost(G, a_C, a_S, alpha, beta):
    """Return J(G) and ∂J/∂G.

    a_C and a_S are dicts, from layer to activation, of the content and the style picture.
    """
    ### BEGIN SOLUTION
    a_G, cache = features(G)
    J_content, grad = content_loss(a_C[CONTENT_LAYER], a_G[CONTENT_LAYER])
    J = alpha * J_content
    gradients = {CONTENT_LAYER: alpha * grad}
    for layer, weight in STYLE_LAYERS.items():
        J_style, grad = style_loss(a_S[layer], a_G[layer])
        J += beta * weight * J_style
        gradients[layer] = gradients.get(layer, 0) + beta * weight * grad
    return J, pull_back(gradients, cache)
    ### END SOLUTION


# %% a5.descend
def descend(cost, G, steps):
    """Minimise cost from G on with at most so many steps of SciPy's L-BFGS-B.

    cost(G) returns J and ∂J/∂G. Returns the new G and its J.
    """
    ### BEGIN SOLUTION
    shape = G.shape

    def flat_cost(g):
        J, grad = cost(g.reshape(shape))
        return J, grad.ravel()

    result = minimize(flat_cost, G.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": steps})
    return result.x.reshape(shape), result.fun
    ### END SOLUTION


# %% a5.picture
def paint(content, style, alpha, beta, steps, seed=0):
    """Paint the content picture in the style picture's style: three arrays (n_H, n_W, 3), uint8."""
    ### BEGIN SOLUTION
    a_C, _ = features(to_network(content))
    a_S, _ = features(to_network(style))
    G = random_start(content.shape, seed)
    G, _ = descend(lambda G: total_cost(G, a_C, a_S, alpha, beta), G, steps)
    return to_picture(G)
    ### END SOLUTION


# %% your first picture
if __name__ == "__main__":
    from PIL import Image

    picture = paint(photograph, painting, alpha=1.0, beta=400.0, steps=40)
    Image.fromarray(np.hstack([photograph, painting, picture])).save("first_picture.png")
