"""a4 Gram matrix and style loss. README.md tells what to do; `python tests.py` tests it."""

import numpy as np


# %% a4.gram
def gram_matrix(a):
    """Return G (n_C, n_C), G_kk' = Σ_ij a_ijk a_ijk'."""
    ### BEGIN SOLUTION
    # (n_H, n_W, n_C) -> (n_H·n_W, n_C)
    f = a.reshape(-1, a.shape[-1])
    return f.T @ f
    ### END SOLUTION


# %% a4.style
def style_loss(a_S, a_G):
    """Return J_style of one layer, one number."""
    ### BEGIN SOLUTION
    n_H, n_W, n_C = a_G.shape
    difference = gram_matrix(a_S) - gram_matrix(a_G)
    return np.sum(difference**2) / (2 * n_H * n_W * n_C) ** 2
    ### END SOLUTION


# %% a4.gradient
def style_gradient(a_S, a_G):
    """Return ∂J_style/∂a(G), of the shape of a_G."""
    ### BEGIN SOLUTION
    n_H, n_W, n_C = a_G.shape
    c = 1 / (2 * n_H * n_W * n_C) ** 2
    # (n_H, n_W, n_C) @ (n_C, n_C) -> (n_H, n_W, n_C)
    return 4 * c * a_G @ (gram_matrix(a_G) - gram_matrix(a_S))
    ### END SOLUTION


# %% a4.layers
def total_style(pairs, lambdas):
    """Return Σ_l λ^[l] J_style^[l], given (a_S, a_G) and λ of each layer."""
    ### BEGIN SOLUTION
    return sum(
        weight * style_loss(a_S, a_G) for weight, (a_S, a_G) in zip(lambdas, pairs, strict=True)
    )
    ### END SOLUTION
