import numpy as np
from solution import content_gradient, content_loss, descend

from nst_numpy import losses
from nst_numpy.course import expect

# %% a3.content
a_C, a_G = np.array([[[1.0, 2.0]]]), np.array([[[1.0, 5.0]]])
expect.same(content_loss(a_C, a_G), 4.5, "content_loss([1, 2], [1, 5])")
expect.same(content_loss(a_C, a_C), 0, "content_loss of two equal activations")
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(40961)
a_C, a_G = rng.standard_normal((2, 5, 4, 3))
want = losses.content_loss(a_G, a_C)[0]
expect.same(content_loss(a_C, a_G), want, "content_loss(a_C, a_G)")
### END HIDDEN TESTS


# %% a3.gradient
def check_content(a_C, a_G):
    expect.gradient(
        lambda a_G: (losses.content_loss(a_G, a_C)[0], a_G.copy()),
        lambda grad_out, a_G: grad_out * content_gradient(a_C.copy(), a_G),
        {"a_G": a_G},
        "content_gradient",
    )


rng = np.random.default_rng(1)
check_content(*rng.standard_normal((2, 3, 2, 2)))

a_C, a_G = np.array([[[1.0, 2.0]]]), np.array([[[1.0, 5.0]]])
expect.same(content_gradient(a_C, a_G), [[[0, 3]]], "content_gradient([1, 2], [1, 5])")
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(40962)
check_content(*rng.standard_normal((2, 4, 3, 3)))
### END HIDDEN TESTS

# %% a3.descent
a_C, a_G = np.array([[[1.0, 2.0]]]), np.array([[[1.0, 6.0]]])
got = expect.parts(descend(a_C, a_G, 0.5, 2), 2, "descend(a_C, a_G, rate 0.5, 2 steps)")
expect.same(got[0], [[[1, 3]]], "a(G) after two steps of 0.5, from 6 towards 2: 6, 4, 3")
expect.same(got[1], [8, 2], "the losses before each of two steps")
expect.same(a_G, [[[1, 6]]], "the caller's a_G after descend, which must leave it as it is")
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(40963)
a_C, a_G = rng.standard_normal((2, 3, 4, 2))
want_end = a_C + 0.7**7 * (a_G - a_C)
want_last = 0.5 * np.sum((0.7**6 * (a_G - a_C)) ** 2)
end, history = expect.parts(descend(a_C, a_G, 0.3, 7), 2, "descend, 7 steps")
expect.same(end, want_end, "a(G) after 7 steps of 0.3")
expect.same(np.shape(history), (7,), "how many losses descend returns")
expect.same(history[-1], want_last, "the last loss")
### END HIDDEN TESTS
