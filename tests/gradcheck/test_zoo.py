"""Every mistake of the zoo is found and named, and the page about it is current."""

from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest

from nst_numpy.gradcheck import check_backward, check_gradient
from nst_numpy.gradcheck.zoo import LAYERS, MISTAKES, check_mistake, zoo_table
from nst_numpy.layers import conv_backward, conv_forward

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "gradcheck.md"


checked = cache(check_mistake)  # for its own test and for the page


def is_named(mistake, report):
    assert not report.ok
    assert report.diagnosis.name == mistake.expected, str(report)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: f"{m.layer}: {m.what}")
def test_the_mistake_is_named_first(mistake):
    is_named(mistake, checked(mistake))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_mistake_is_named_first_for_other_numbers_too(seed):
    for mistake in MISTAKES:
        is_named(mistake, check_mistake(mistake, seed))


def test_the_zoo_is_what_it_claims_to_be():
    assert len(MISTAKES) >= 94
    assert {m.layer for m in MISTAKES} <= set(LAYERS)
    assert len({(m.layer, m.what) for m in MISTAKES}) == len(MISTAKES)
    layers = "conv 1-D", "conv 2-D", "conv 3-D", "max-pool", "average pool", "ReLU", "dense"
    for layer in (*layers, "content loss", "Gram", "style loss", "TV loss", "LSTM step"):
        assert any(m.layer == layer for m in MISTAKES), layer


def test_the_page_is_current():
    # python -m nst_numpy.gradcheck.zoo docs/gradcheck.md  rewrites it
    assert zoo_table(checked) in PAGE.read_text(encoding="utf-8")


def _picture(shape):
    rng = np.random.default_rng(3)
    return rng.standard_normal(shape), rng.standard_normal(shape)


@pytest.mark.parametrize("shape", [(4, 5, 3), (1, 4, 5, 3)])
@pytest.mark.parametrize("way", ["all of it", "in the last product", "on the way back too"])
def test_reshape_for_the_transpose_in_a_style_loss_is_named(shape, way):
    a, other = _picture(shape)
    n_c = shape[-1]
    f, read = a.reshape(-1, n_c), a.reshape(n_c, -1).T
    target = other.reshape(-1, n_c).T @ other.reshape(-1, n_c)

    def loss(a):
        f = a.reshape(-1, n_c)
        return ((f.T @ f - target) ** 2).sum()

    assert check_gradient(loss, a, (4 * f @ (f.T @ f - target)).reshape(shape)).ok
    matrix = (f.T @ f if way == "in the last product" else read.T @ read) - target
    grad = 4 * read @ matrix
    wrong = (grad.T if way == "on the way back too" else grad).reshape(shape)
    assert check_gradient(loss, a, wrong).diagnosis.name == "reshaped"


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_wrong_entries_of_many_are_named(count):
    x, _ = _picture((7, 9))
    grad = 2 * x
    for place in [(0, 0), (3, 4), (6, 8)][:count]:
        grad[place] += 0.1
    diagnosis = check_gradient(lambda v: (v**2).sum(), x, grad).diagnosis
    assert diagnosis.name == "one-entry"
    assert "x[0, 0]" in diagnosis.sentence


@pytest.mark.parametrize(("stride", "entries"), [(1, 100), (2, None)])
def test_a_kernel_that_is_no_argument_is_seen_to_be_unflipped(stride, entries):
    rng = np.random.default_rng(2)
    x, w, b = rng.standard_normal((2, 7, 8, 2)), rng.standard_normal((3, 3, 2, 3)), np.zeros(3)
    convolve = partial(conv_forward, stride=stride, pad=1)

    def forward(x):
        return convolve(x, w, b)[0], x

    def backward(grad_out, x):
        _, cache = convolve(x, np.ascontiguousarray(w[::-1, ::-1]), b)
        return conv_backward(grad_out, cache)[0]

    report = check_backward(forward, backward, {"x": x}, entries=entries)
    assert report.diagnosis.name == "kernel-not-flipped"


PLAIN = np.random.default_rng(8).standard_normal((3, 3))
EACH = np.random.default_rng(9).standard_normal((3, 3, 4))


def slide(x, w, stride=1):
    """Correlate in plain NumPy: out[o] = Σ x[stride·o + k] w[k]; channels of w, if any, last."""
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[: x.ndim])
    steps = (slice(None, None, stride),) * x.ndim
    return np.tensordot(windows[steps], w, x.ndim)


def send_back(g, w, shape, stride=1):
    """Send each out's gradient to its window."""
    grad = np.zeros(shape)
    for o in np.ndindex(g.shape):
        grad[tuple(slice(stride * i, stride * i + k) for i, k in zip(o, w.shape, strict=True))] += (
            g[o] * w
        )
    return grad


@pytest.mark.parametrize(
    ("shape", "w", "stride"),
    [
        ((9,), PLAIN[0], 1),
        ((9,), PLAIN[0], 2),
        ((6, 7), PLAIN, 1),
        ((7, 7), PLAIN, 2),
        ((5, 4, 6), EACH[:2, :, :3], 1),
    ],
)
def test_a_kernel_is_seen_in_arrays_without_items_and_channels(shape, w, stride):
    x = np.random.default_rng(2).standard_normal(shape)

    def check(kernel):
        return check_backward(
            lambda x: (slide(x, w, stride), x),
            lambda g, x: send_back(g, kernel, x.shape, stride),
            {"x": x},
        )

    assert check(w).ok
    assert check(np.flip(w)).diagnosis.name == "kernel-not-flipped"


def test_a_kernel_is_seen_where_rows_are_kept_and_where_channels_do_not_mix():
    x = np.random.default_rng(2).standard_normal((6, 5, 4))

    def padded(x, w):
        return slide(np.pad(x, 1), w)

    report = check_backward(
        lambda x: (padded(x, PLAIN), x), lambda g, x: padded(g, PLAIN), {"x": x[..., 0]}
    )
    assert report.diagnosis.name == "kernel-not-flipped"
    report = check_backward(
        lambda x: (np.stack([slide(x[..., c], EACH[..., c]) for c in range(4)], -1), x),
        lambda g, x: np.stack(
            [send_back(g[..., c], EACH[::-1, ::-1, c], x.shape[:2]) for c in range(4)], -1
        ),
        {"x": x},
    )
    assert report.diagnosis.name == "kernel-not-flipped"


def test_a_plain_kernel_that_is_an_argument_is_seen_to_be_unflipped():
    rng = np.random.default_rng(3)
    inputs = {"x": rng.standard_normal((6, 7)), "w": rng.standard_normal((3, 2))}
    report = check_backward(
        lambda x, w: (slide(x, w), (x, w)),
        lambda g, cache: (send_back(g, np.flip(cache[1]), (6, 7)), slide(cache[0], g)),
        inputs,
    )
    assert report.diagnosis.name == "kernel-not-flipped"
    assert report.diagnosis.argument == "x"
    report = check_backward(
        lambda x, w: (slide(x, w), (x, w)),
        lambda g, cache: (send_back(g, cache[1], (6, 7)), slide(cache[0], np.flip(g))),
        inputs,
    )
    assert report.diagnosis.name == "reversed"
    assert "grad_out is taken backwards" in report.diagnosis.sentence


def test_windows_of_a_signal_that_overwrite_each_other_are_named():
    def backward(g, x):
        grad = np.zeros_like(x)
        for o in range(len(g)):
            grad[o : o + 3] = g[o] * PLAIN[0]
        return grad

    report = check_backward(
        lambda x: (slide(x, PLAIN[0]), x), backward, {"x": np.linspace(-1, 2, 9)}
    )
    assert report.diagnosis.name == "overwritten"


TARGET = np.random.default_rng(4).standard_normal((4, 3, 2))


def gram(a):
    f = a.reshape(-1, a.shape[-1])
    return f.T @ f


@pytest.mark.parametrize(
    ("forward", "grad"),
    [
        (lambda a: 0.5 * np.linalg.norm(a - TARGET), lambda a: a - TARGET),
        (lambda a: np.sqrt(((a - TARGET) ** 2).mean()), lambda a: 2 * (a - TARGET) / a.size),
        (lambda a: ((a - TARGET) ** 2).sum(), lambda a: (a - TARGET) / np.linalg.norm(a - TARGET)),
        (lambda a: 0.5 * (a - TARGET).sum(), lambda a: a - TARGET),
        (
            lambda a: np.linalg.norm(gram(a) - gram(TARGET)) / (2 * a.size) ** 2,
            lambda a: 4 / (2 * a.size) ** 2 * a @ (gram(a) - gram(TARGET)),
        ),
    ],
)
def test_a_missing_square_is_named_in_a_pair_of_functions_too(forward, grad):
    a = np.random.default_rng(5).standard_normal((4, 3, 2))
    report = check_backward(lambda a: (forward(a), a), lambda g, a: g * grad(a), {"a": a})
    assert report.diagnosis.name == "missing-square"


def test_a_factor_is_no_missing_square_where_f_is_a_plain_number():
    a = np.array([1.0, 2.0, 2.0, 4.0])  # ½ Σ a² is 12.5
    report = check_backward(lambda a: (0.5 * (a**2).sum(), a), lambda g, a: 25 * g * a, {"a": a})
    assert report.diagnosis.name == "factor"


@pytest.mark.parametrize(
    "slip",
    [
        lambda x, half: np.zeros(half),
        lambda x, half: x[:half],
        lambda x, half: x[half],
        lambda x, half: x.reshape(half, -1),
        lambda x, half: [x[i] for i in range(half)],
        lambda x, half: x[np.array([half])],
    ],
)
def test_a_fraction_as_a_size_gets_a_hint(slip):
    report = check_backward(lambda x: (x, x), lambda g, x: slip(x, len(x) / 2), {"x": np.ones(4)})
    assert report.diagnosis.name == "raised"
    assert "/ gives a fraction, use //" in report.diagnosis.sentence
