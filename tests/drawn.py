"""Shapes that Hypothesis draws for more than one file."""

from hypothesis import strategies as st


@st.composite
def convolutions(draw):
    """Draw the shapes of x and w, the settings, and a seed, in 1, 2 or 3 dimensions."""
    n = draw(st.integers(1, 3))
    kernel = tuple(draw(st.integers(1, 3)) for _ in range(n))
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(n))
    stride = tuple(draw(st.integers(1, 3)) for _ in range(n))
    pad = draw(
        st.sampled_from(["valid", "same", 1])
        | st.tuples(*[st.integers(0, 3)] * n)
        | st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 3))] * n)
    )
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    sizes = tuple(span + draw(st.integers(0, 3)) for span in spans)
    items, c_in, c_out = (draw(st.integers(1, 2)) for _ in range(3))
    options = {"stride": stride, "pad": pad, "dilation": dilation}
    return (items, *sizes, c_in), (*kernel, c_in, c_out), options, draw(st.integers(0, 99))
