"""a3 Content loss. README.md tells what to do; `python tests.py` tests it."""

import numpy as np


# %% a3.content
def content_loss(a_C, a_G):
    """Return ½ ‖a(C) − a(G)‖², one number."""
    ### BEGIN SOLUTION
    return 0.5 * np.sum((a_C - a_G) ** 2)
    ### END SOLUTION


# %% a3.gradient
def content_gradient(a_C, a_G):
    """Return ∂J_content/∂a(G), of the shape of a_G."""
    ### BEGIN SOLUTION
    return a_G - a_C
    ### END SOLUTION


# %% a3.descent
def descend(a_C, a_G, rate, steps):
    """Return a(G) after so many steps of gradient descent, and the list of J before each."""
    ### BEGIN SOLUTION
    losses = []
    for _ in range(steps):
        losses.append(content_loss(a_C, a_G))
        a_G = a_G - rate * content_gradient(a_C, a_G)
    return a_G, losses
    ### END SOLUTION
