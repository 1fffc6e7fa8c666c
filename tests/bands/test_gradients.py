import numpy as np
import pytest

from nst_numpy import losses
from nst_numpy.bands import gradients
from nst_numpy.bands.arrays import InBands
from nst_numpy.errors import ShapeError


@pytest.fixture
def a():
    return np.random.default_rng(0).normal(1, 2, (1, 29, 11, 6))


def in_bands(a, height=5):
    return InBands(a.shape, a.dtype, lambda rows: a[:, rows], height)


@pytest.mark.parametrize("masked", [False, True])
def test_gram_and_moments_are_those_of_the_whole(a, masked, monkeypatch):
    for module in (gradients, losses.positions):
        monkeypatch.setattr(module, "PIECE_VALUES", 240)  # pieces of 40 positions, 8 in all
    mask = np.random.default_rng(1).random(a.shape[1:3]) if masked else None
    more = () if mask is None else (mask,)
    gram = gradients.gram_in_bands(in_bands(a), *more)
    np.testing.assert_array_equal(gram, losses.gram_matrix(a, *more))
    found = gradients.moments_in_bands(in_bands(a), *more)
    for one, other in zip(found, losses.mean_and_covariance(a, *more), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("masked", [False, True])
def test_style_losses(a, masked):
    rng = np.random.default_rng(2)
    mask, style = rng.random(a.shape[1:3]) if masked else None, rng.normal(0, 1, (1, 20, 6))
    for of, target in (
        ("style_loss", losses.gram_matrix(style)),
        ("wasserstein_loss", losses.mean_and_covariance(style)),
    ):
        value, grad = getattr(losses, of)(a, target, mask)
        found = getattr(gradients, f"{of}_in_bands")(in_bands(a), target, 3.0, mask)
        assert found[0] == pytest.approx(3 * value, rel=1e-13)
        np.testing.assert_allclose(np.asarray(found[1]), 3 * grad, rtol=1e-10, atol=1e-14)


def test_content(a):
    target = a[::-1, ::-1] + 1
    value, grad = losses.content_loss(a, target)
    found = gradients.content_loss_in_bands(in_bands(a), in_bands(target, 7), 0.5)
    assert found[0] == pytest.approx(0.5 * value, rel=1e-13)
    np.testing.assert_allclose(np.asarray(found[1]), 0.5 * grad)
    with pytest.raises(ShapeError, match="must have one shape"):
        gradients.content_loss_in_bands(in_bands(a), in_bands(a[:, :-1]), 1.0)


@pytest.mark.parametrize("size", [(7, 3), (29, 11), (40, 5)])
def test_columns(a, size):
    layers = {"fine": a, "coarse": a[:, ::2, ::2, :4].copy()}
    bands = {name: in_bands(b) for name, b in layers.items()}
    columns = losses.hypercolumns(layers, size)
    np.testing.assert_allclose(gradients.columns_in_bands(bands, size), columns, rtol=1e-12)
    grad_out = np.random.default_rng(3).normal(size=columns.shape)
    back = losses.hypercolumns_backward(grad_out, {name: b.shape for name, b in layers.items()})
    found = gradients.columns_backward_in_bands(grad_out, bands)
    for name, grad in back.items():
        np.testing.assert_allclose(np.asarray(found[name]), grad, rtol=1e-12, atol=1e-14)


def test_squared_lengths(a):
    mask = np.random.default_rng(4).random(a.shape[1:3])
    lengths = (a**2).sum(axis=-1)
    assert gradients.squared_length_in_bands(in_bands(a)) == pytest.approx(lengths.mean())
    found = gradients.squared_length_in_bands(in_bands(a), mask)
    assert found == pytest.approx(np.average(lengths[0], weights=mask))


def test_gradients_add_up(a):
    whole = np.random.default_rng(5).normal(size=a.shape)
    grad = gradients.GradientInBands(a.shape, a.dtype, lambda rows: gradients.adds(whole[:, rows]))
    for total in (grad + grad, grad + whole, whole + grad):
        np.testing.assert_allclose(np.asarray(total), 2 * whole)
