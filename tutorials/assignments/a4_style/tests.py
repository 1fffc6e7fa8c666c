import numpy as np
from solution import gram_matrix, style_gradient, style_loss, total_style

from nst_numpy import losses
from nst_numpy.course import expect


def right_style(a_G, a_S):
    """The package's own style loss; so a gradient is judged by itself."""
    return losses.style_loss(a_G, losses.gram_matrix(a_S))[0]


# %% a4.gram
def cut_wrongly(a):
    """What comes out if the channels, which are last, are cut as if they were first."""
    rows = a.reshape(a.shape[-1], -1)
    return {"reshaped": rows @ rows.T}


a = np.array([[[1.0, 2.0], [3.0, 0.0]]])
what = "gram_matrix of two positions, (1, 2) and (3, 0)"
wrong = cut_wrongly(a)
expect.same(gram_matrix(a), [[10, 2], [2, 4]], what, known=wrong)
turned = np.arange(12.0).reshape(2, 2, 3)
want = turned.reshape(4, 3).T @ turned.reshape(4, 3)
expect.same(gram_matrix(turned[::-1].copy()), want, "gram_matrix of a picture upside down")
### BEGIN HIDDEN TESTS
a = np.random.default_rng(51841).standard_normal((5, 4, 3))
want, wrong = losses.gram_matrix(a), cut_wrongly(a)
expect.same(gram_matrix(a), want, "gram_matrix(a)", known=wrong)
### END HIDDEN TESTS

# %% a4.style
a_S, a_G = np.array([[[1.0, 2.0], [3.0, 0.0]]]), np.array([[[1.0, 2.0], [0.0, 0.0]]])
# Gram matrices [[10, 2], [2, 4]] and [[1, 2], [2, 4]]: 9² / (2·1·2·2)²
expect.same(style_loss(a_S, a_G), 81 / 64, "style_loss(a_S, a_G)")
expect.same(style_loss(a_S, a_S), 0, "style_loss of a picture with itself")
### BEGIN HIDDEN TESTS
a_S, a_G = np.random.default_rng(51842).standard_normal((2, 4, 5, 3))
want = right_style(a_G, a_S)
expect.same(style_loss(a_S, a_G), want, "style_loss(a_S, a_G)")
### END HIDDEN TESTS


# %% a4.gradient
def check_style(a_S, a_G):
    expect.gradient(
        lambda a_G: (right_style(a_G, a_S), a_G.copy()),
        lambda grad_out, a_G: grad_out * style_gradient(a_S.copy(), a_G),
        {"a_G": a_G},
        "style_gradient",
    )


check_style(*np.random.default_rng(1).standard_normal((2, 3, 2, 3)))

a_S, a_G = np.array([[[1.0, 2.0], [3.0, 0.0]]]), np.array([[[1.0, 2.0], [0.0, 0.0]]])
# 4/64 · (1, 2) @ [[−9, 0], [0, 0]]
expect.same(style_gradient(a_S, a_G), [[[-0.5625, 0], [0, 0]]], "style_gradient(a_S, a_G)")
### BEGIN HIDDEN TESTS
check_style(*np.random.default_rng(51843).standard_normal((2, 2, 4, 5)))
### END HIDDEN TESTS

# %% a4.layers
pairs = [(np.full((1, 1, 1), 2.0), np.zeros((1, 1, 1))), (np.ones((1, 1, 1)), np.zeros((1, 1, 1)))]
# J_style of the layers: 16/4 and 1/4
expect.same(total_style(pairs, [0.5, 2.0]), 2.5, "total_style(pairs, [0.5, 2])")
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(51844)
pairs = [tuple(rng.standard_normal((2, *shape))) for shape in [(4, 4, 2), (3, 2, 5), (2, 2, 3)]]
lambdas = [0.25, 1.5, 3.0]
want = sum(w * right_style(a_G, a_S) for w, (a_S, a_G) in zip(lambdas, pairs, strict=True))
expect.same(total_style(pairs, lambdas), want, "total_style of three layers")
### END HIDDEN TESTS
