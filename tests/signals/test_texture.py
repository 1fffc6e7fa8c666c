import numpy as np
import pytest

from nst_numpy.errors import NonFiniteError, SettingError, ShapeError, SignalError
from nst_numpy.look import receptive_fields
from nst_numpy.losses import gram_matrix
from nst_numpy.signals import load_ecg, load_movie, texture
from nst_numpy.signals.motion import to_grey
from nst_numpy.training.sequential import AvgPool, Conv, ReLU, Sequential


def make(rows, sample, iterations=30, shape=None, seed=0):
    rng = np.random.default_rng(seed)
    net = texture.random_network(rows, sample.shape[1:], rng)
    return net, texture.synthesise(net, sample, shape or sample.shape, rng, iterations)


def seen(rows, axes):
    """How much of an input the last layer sees, along each axis."""
    net = Sequential(rows, (*[200] * axes, 1))
    return tuple(f.size for f in receptive_fields(net, net.layer_names[-1], [200] * axes))


def saws(length=240):
    """A regular signal with one steep side."""
    return (np.arange(length) % 20 / 20.0 - 0.3).astype(np.float32)[None, :, None]


def test_filters_of_the_first_layer_answer_to_shape_and_not_to_level():
    rng = np.random.default_rng(0)
    net = texture.random_network(texture.ekg_rows(2), (60, 1), rng)
    level = net.forward(np.full((1, 60, 1), 5.0, np.float32), ["conv1"])["conv1"]
    nothing = net.forward(np.zeros((1, 60, 1), np.float32), ["conv1"])["conv1"]
    np.testing.assert_allclose(level, nothing, atol=1e-4)


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_receptive_sizes_by_trying_out(depth):
    rows = texture.ekg_rows(depth, filters=2)
    size = seen(rows, 1)[0]
    net = texture.random_network(rows, (size, 1), np.random.default_rng(0))
    last = net.layer_names[-1]
    # an input as long as the field gives one position; one sample less gives none
    assert net.feature_shapes((1, size, 1))[last][1] == 1
    with pytest.raises((ShapeError, SettingError)):
        net.feature_shapes((1, size - 1, 1))


def test_receptive_sizes_of_a_movie():
    assert seen(texture.movie_rows(3), 3) == (7, 18, 18)
    assert seen(texture.movie_rows(1), 3) == (1, 18, 18)
    assert seen([Conv(1, (1, 3)), ReLU(), AvgPool(2), Conv(1, 3)], 2) == (6, 8)


def test_a_signal_gets_the_gram_matrices_of_its_sample():
    sample = saws()
    net, made = make(texture.ekg_rows(2, filters=8), sample, iterations=60)
    assert made.losses[0] > 0.1
    assert made.losses[-1] < 1e-3
    assert made.x.shape == sample.shape
    assert made.statistics == 2 * 8 * 9 // 2
    assert made.unknowns == 240
    scaled = [(each - sample.mean()) / sample.std() for each in (sample, made.x)]
    a, b = (net.forward(each.astype(np.float32), ["relu1"])["relu1"] for each in scaled)
    np.testing.assert_allclose(gram_matrix(a), gram_matrix(b), rtol=0.2, atol=2)


def test_j_is_the_mean_relative_error_of_the_layers():
    sample = saws()
    rng = np.random.default_rng(0)
    net = texture.random_network(texture.ekg_rows(2, filters=4), sample.shape[1:], rng)
    weights = texture._relative(net, sample, ["relu1", "relu2"])
    objective = texture.Objective(
        net, sample, sample, alpha=0, beta=1, content_layers={}, style_layers=weights
    )
    other = np.roll(sample, 3, axis=1) * 1.5
    value, _ = objective(other)
    errors = []
    for name in ("relu1", "relu2"):
        g, h = (gram_matrix(net.forward(x, [name])[name]) for x in (other, sample))
        errors.append(np.square(g - h).sum() / np.square(h).sum())
    assert value == pytest.approx(np.mean(errors), rel=1e-4)


def test_a_texture_may_be_longer_than_its_sample():
    _, made = make(texture.ekg_rows(1, filters=4), saws(), iterations=5, shape=(1, 500, 1))
    assert made.x.shape == (1, 500, 1)


def test_a_movie_gets_its_texture_too():
    rng = np.random.default_rng(0)
    sample = 100 + 50 * rng.random((1, 6, 8, 8, 1)).astype(np.float32)
    _, made = make(texture.movie_rows(3, filters=4), sample, iterations=10)
    assert made.x.shape == sample.shape
    assert made.losses[-1] < made.losses[0]


def test_how_much_is_copied():
    rng = np.random.default_rng(0)
    sample = rng.standard_normal((1, 600, 1))
    assert texture.copied(np.roll(sample, 37, axis=1)[:, 40:], sample, 100) == pytest.approx(1)
    assert texture.copied(rng.standard_normal((1, 600, 1)), sample, 100) < 0.5


def test_rhythm_of_a_clock_and_of_nothing():
    time = np.arange(1200) / 120
    clock = np.maximum(0, 1 - np.abs(time % 0.5 - 0.25) / 0.05)[None, :, None]
    found = texture.rhythm(clock, 120.0)
    assert found.per_minute == pytest.approx(120, abs=7)
    assert found.spread < 0.02
    nothing = texture.rhythm(np.zeros((1, 1200, 1)), 120.0)
    assert nothing.beats == 0
    assert np.isnan(nothing.spread)


def test_flow_of_a_moving_and_of_a_still_block():
    t, i, j = np.mgrid[:6, :20, :20]
    moving = np.sin(0.5 * (j - 0.7 * t)) + np.sin(0.6 * (i + 0.3 * t))
    found = texture.flow(moving[None, ..., None])
    assert found.columns == pytest.approx(0.7, abs=0.1)
    assert found.rows == pytest.approx(-0.3, abs=0.1)
    still = texture.flow(np.repeat(moving[:1], 6, axis=0)[None, ..., None])
    assert still.likeness == pytest.approx(1)


def test_the_real_recordings():
    sample, rate = texture.ekg_strip(*load_ecg(), 24, 12)
    assert rate == 120
    assert sample.shape == (1, 1440, 1)
    assert texture.rhythm(sample, rate).spread < 0.05
    found = texture.flow(texture.movie_block(to_grey(load_movie())))
    assert found.rows > 0.3
    assert found.columns < -0.5


def test_errors():
    sample = saws()
    with pytest.raises(SignalError, match="synthesise: the sample is flat"):
        make(texture.ekg_rows(1), np.ones((1, 50, 1), np.float32))
    with pytest.raises(NonFiniteError, match="synthesise: the sample has NaN"):
        make(texture.ekg_rows(1), np.full((1, 50, 1), np.nan, np.float32))
    with pytest.raises((ShapeError, SettingError)):
        make(texture.ekg_rows(1), sample, shape=(1, 5, 1))
    with pytest.raises(SettingError, match=r"ekg_strip: 12 s from 295 s must be .* the 300 s"):
        texture.ekg_strip(*load_ecg(), 295, 12)
    with pytest.raises(SettingError, match="movie_block: a block of"):
        texture.movie_block(np.zeros((5, 50, 50)))
    with pytest.raises(SettingError, match="movie_rows: frames must be odd"):
        texture.movie_rows(2)
    with pytest.raises(ShapeError, match="flow: x must be"):
        texture.flow(np.zeros((1, 4, 5, 5, 3)))
