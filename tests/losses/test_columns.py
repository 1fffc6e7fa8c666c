import re

import numpy as np
import pytest

from nst_numpy.errors import ShapeError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.losses import columns, hypercolumns, hypercolumns_backward
from nst_numpy.losses.columns import resizing_matrix

SHAPES = {
    "signal": ({"one": (2, 8, 3), "two": (2, 5, 2), "three": (2, 2, 4)}, (5,)),
    "picture": ({"fine": (1, 9, 8, 2), "coarse": (1, 3, 2, 3)}, (5, 4)),
    "volume": ({"fine": (1, 4, 3, 5, 2), "coarse": (1, 2, 1, 2, 3)}, (2, 3, 4)),
}


def drawn(seed, shapes):
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def resized(line, n):
    """One axis by loops: means of parts, or lines between neighbouring centres."""
    step = len(line) / n
    out = []
    for i in range(n):
        if step >= 1:
            begin, end = i * step, (i + 1) * step
            parts = [
                max(0, min(j + 1, end) - max(j, begin)) * value for j, value in enumerate(line)
            ]
            out.append(sum(parts) / step)
        else:
            out.append(np.interp((i + 0.5) * step, np.arange(len(line)) + 0.5, line))
    return out


@pytest.mark.parametrize(
    ("n_in", "n_out"), [(4, 2), (5, 2), (7, 7), (2, 4), (3, 7), (1, 5), (5, 1)]
)
def test_an_axis_is_resized_as_by_loops(n_in, n_out):
    line, matrix = np.random.default_rng(0).standard_normal(n_in), resizing_matrix(n_in, n_out)
    np.testing.assert_allclose(matrix @ line, resized(line, n_out), atol=1e-12)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)


def test_a_picture_by_hand():
    fine = np.arange(16.0).reshape(1, 4, 4, 1)
    coarse = np.array([[5.0, 9.0]]).reshape(1, 1, 2, 1)
    got = hypercolumns({"fine": fine, "coarse": coarse}, (2, 2))
    assert got.shape == (1, 2, 2, 2)
    # the mean of 0, 1, 4, 5, and so on
    assert got[0, ..., 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert got[0, ..., 1].tolist() == [[5, 9], [5, 9]]


@pytest.mark.parametrize("case", SHAPES)
def test_axes_are_resized_one_by_one(monkeypatch, case):
    monkeypatch.setattr(columns, "COLUMNS", 3)
    shapes, size = SHAPES[case]
    features = drawn(1, shapes)
    got, first = hypercolumns(features, size), 0
    for a in features.values():
        for axis, n in enumerate(size, start=1):
            a = np.apply_along_axis(resized, axis, a, n)
        np.testing.assert_allclose(got[..., first : first + a.shape[-1]], a, atol=1e-12)
        first += a.shape[-1]
    assert got.shape == (*a.shape[:-1], first)


@pytest.mark.parametrize("case", SHAPES)
def test_the_way_back_is_the_transpose(case):
    shapes, size = SHAPES[case]
    features = drawn(2, shapes)
    out = hypercolumns(features, size)
    grad_out = np.random.default_rng(3).standard_normal(out.shape)
    grads = hypercolumns_backward(grad_out, shapes)
    assert list(grads) == list(shapes)
    # ⟨g, A x⟩ = ⟨Aᵀ g, x⟩
    down = sum((grads[name] * features[name]).sum() for name in shapes)
    assert (grad_out * out).sum() == pytest.approx(down)
    for name, a in features.items():

        def value(v, name=name):
            return (grad_out * hypercolumns({**features, name: v}, size)).sum()

        report = check_gradient(value, a, grads[name])
        assert report.ok, f"{name}: {report}"


def test_it_keeps_the_dtype_and_shares_no_memory():
    a = np.ones((1, 4, 4, 2), np.float32)
    out = hypercolumns({"only": a}, (4, 4))
    assert out.dtype == hypercolumns({"only": a}, (2, 8)).dtype == np.float32
    grads = hypercolumns_backward(out, {"only": a.shape})
    assert not np.may_share_memory(out, a)
    assert not np.may_share_memory(grads["only"], out)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: hypercolumns({"x": np.zeros((1, 4, 3))}, (2, 2)),
            "for the grid (2, 2) every layer must be (N, 2 sizes, C) with one N, "
            "not {'x': (1, 4, 3)}",
        ),
        (
            lambda: hypercolumns({"x": np.zeros((1, 4, 3)), "y": np.zeros((2, 4, 3))}, (2,)),
            "with one N, not {'x': (1, 4, 3), 'y': (2, 4, 3)}",
        ),
        (lambda: hypercolumns({}, (2,)), "with one N, not {}"),
        (
            lambda: hypercolumns_backward(np.zeros((1, 2, 4)), {"x": (1, 4, 3)}),
            "grad_out must be (1, 2, 3), the sum of the layers' channels last, not (1, 2, 4)",
        ),
    ],
)
def test_what_it_says_of_bad_input(call, message):
    with pytest.raises(ShapeError, match=re.escape(message)):
        call()
