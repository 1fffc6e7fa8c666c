"""An answer to a4 with one mistake: the channels are last, and are cut as if they were first."""

import numpy as np


# %% a4.gram
def gram_matrix(a):
    """Return G (n_C, n_C), G_kk' = Σ_ij a_ijk a_ijk'."""
    f = a.reshape(a.shape[-1], -1)
    return f @ f.T


# %% a4.style
def style_loss(a_S, a_G):
    """Return J_style of one layer, one number."""
    n_H, n_W, n_C = a_G.shape
    difference = gram_matrix(a_S) - gram_matrix(a_G)
    return np.sum(difference**2) / (2 * n_H * n_W * n_C) ** 2


# %% a4.gradient
def style_gradient(a_S, a_G):
    """Return ∂J_style/∂a(G), of the shape of a_G."""
    n_H, n_W, n_C = a_G.shape
    c = 1 / (2 * n_H * n_W * n_C) ** 2
    return 4 * c * a_G @ (gram_matrix(a_G) - gram_matrix(a_S))


# %% a4.layers
def total_style(pairs, lambdas):
    """Return Σ_l λ^[l] J_style^[l], given (a_S, a_G) and λ of each layer."""
    return sum(lam * style_loss(a_S, a_G) for lam, (a_S, a_G) in zip(lambdas, pairs, strict=True))
