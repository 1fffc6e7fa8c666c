import re

import numpy as np
import pytest

from nst_numpy.errors import ShapeError
from nst_numpy.gradcheck import check_gradient
from nst_numpy.kernels.threads import set_threads
from nst_numpy.losses import cosines, find_neighbours, neighbour_loss, neighbours, positions


def cosine(a, t):
    """Of two vectors, by loops; 0 where one of them is 0."""
    dot = lengths = lengths_t = 0.0
    for x, y in zip(a, t, strict=True):
        dot, lengths, lengths_t = dot + x * y, lengths + x * x, lengths_t + y * y
    return dot / np.sqrt(lengths * lengths_t) if lengths * lengths_t > 0 else 0.0


def test_the_loss_by_hand():
    # 3-4-5 against the first axis, and two vectors at a right angle
    a, t = np.array([[3.0, 4.0], [0.0, 2.0]]), np.array([[7.0, 0.0], [5.0, 0.0]])
    value, grad = neighbour_loss(a, t)
    assert value == pytest.approx(((1 - 3 / 5) + (1 - 0)) / 2)
    # −1/(2 · 5) ([1, 0] − 3/5 [3/5, 4/5]) and −1/(2 · 2) [1, 0]
    np.testing.assert_allclose(grad, [[-(1 - 9 / 25) / 10, 12 / 25 / 10], [-1 / 4, 0]])


@pytest.mark.parametrize("shape", [(1, 7, 3), (1, 4, 5, 3), (2, 3, 4, 2, 3)])
def test_the_loss_and_its_gradient(shape):
    a, t = np.random.default_rng(0).standard_normal((2, *shape))
    value, grad = neighbour_loss(a, t)
    rows = zip(a.reshape(-1, 3), t.reshape(-1, 3), strict=True)
    assert value == pytest.approx(np.mean([1 - cosine(*pair) for pair in rows]))
    report = check_gradient(lambda v: neighbour_loss(v, t)[0], a, grad)
    assert report.ok, str(report)


def test_pieces_and_threads_change_no_bit(monkeypatch):
    monkeypatch.setattr(positions, "PIECE_VALUES", 40)
    monkeypatch.setattr(neighbours, "BLOCK_BYTES", 1000)
    a, s = np.random.default_rng(1).standard_normal((2, 1, 9, 7, 4)).astype(np.float32)
    results = []
    for threads in (1, 3):
        set_threads(threads)
        value, grad = neighbour_loss(a, s)
        results.append((np.array(value), grad, *find_neighbours(a, s)))
    set_threads(None)
    assert all(np.array_equal(one, two) for one, two in zip(*results, strict=True))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lengths_do_not_matter(dtype):
    a = np.random.default_rng(2).standard_normal((1, 4, 5, 3)).astype(dtype)
    value, grad = neighbour_loss(a, 3 * a)
    assert value == pytest.approx(0, abs=1e-6)
    assert np.abs(grad).max() < 1e-6
    assert grad.dtype == dtype
    assert neighbour_loss(a, -a)[0] == pytest.approx(2)


def test_a_vector_of_zeros_has_no_direction():
    a = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    t = np.array([[1.0, 2.0], [0.0, 0.0], [0.0, 0.0]])
    value, grad = neighbour_loss(a, t)
    assert value == 1
    assert not grad.any()


@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("block", [1 << 20, 500])  # bytes: all at once, and a few rows
def test_neighbours_are_those_of_plain_loops(monkeypatch, centre, block):
    monkeypatch.setattr(neighbours, "BLOCK_BYTES", block)
    rng = np.random.default_rng(3)
    a, s = rng.standard_normal((1, 6, 7, 5)) + 1, rng.standard_normal((1, 4, 8, 5)) + 2
    indices, similarity = find_neighbours(a, s, centre=centre)
    f, g = a.reshape(-1, 5), s.reshape(-1, 5)
    if centre:
        f, g = f - f.mean(axis=0), g - g.mean(axis=0)
    for i, vector in enumerate(f):
        cosines = [cosine(vector, other) for other in g]
        assert indices[i] == np.argmax(cosines)
        assert similarity[i] == pytest.approx(max(cosines))


def test_blocks_are_as_small_as_they_should_be(monkeypatch):
    seen = []
    monkeypatch.setattr(neighbours, "BLOCK_BYTES", 5000)
    monkeypatch.setattr(neighbours, "chunks", lambda n, rows: seen.append(rows) or [slice(0, n)])
    find_neighbours(np.ones((20, 3), np.float32), np.ones((50, 3), np.float32))
    assert seen == [5000 // (50 * 4)]


def test_each_position_finds_itself():
    a = np.random.default_rng(4).standard_normal((1, 5, 6, 8))
    indices, similarity = find_neighbours(a, a)
    assert indices.tolist() == list(range(30))
    np.testing.assert_allclose(similarity, 1)


def test_centred_what_all_have_in_common_does_not_decide():
    a = np.random.default_rng(5).standard_normal((1, 30, 4))
    moved = a + np.array([100.0, 0, -50, 7])
    assert find_neighbours(moved, a)[0].tolist() == list(range(30))
    assert find_neighbours(moved, a, centre=False)[0].tolist() != list(range(30))


def test_of_equally_similar_ones_the_first():
    s = np.array([[0.0, 1.0], [2.0, 0.0], [4.0, 0.0], [0.0, 0.0]])
    indices, similarity = find_neighbours(np.array([[1.0, 0.0], [0.0, 0.0]]), s, centre=False)
    assert indices.tolist() == [1, 0]
    assert similarity.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: neighbour_loss(np.zeros((1, 4, 3)), np.zeros((4, 3))),
            "neighbour_loss: a (1, 4, 3) and targets (4, 3) must have one shape",
        ),
        (lambda: neighbour_loss(np.zeros(3), np.zeros(3)), "not of shape (3,)"),
        (
            lambda: find_neighbours(np.zeros((4, 3)), np.zeros((4, 2))),
            "find_neighbours: a has 3 channels, style_a 2: take both from the same layers",
        ),
        (lambda: find_neighbours(np.zeros(3), np.zeros((4, 3))), "not of shape (3,)"),
    ],
)
def test_what_it_says_of_bad_input(call, message):
    with pytest.raises(ShapeError, match=re.escape(message)):
        call()


def test_cosines_are_what_the_loss_is_the_mean_of():
    a, t = np.random.default_rng(7).standard_normal((2, 1, 4, 5, 3))
    a[0, 1, 2] = 0
    found = cosines(a, t)
    assert found.shape == (1, 4, 5)
    rows = zip(a.reshape(-1, 3), t.reshape(-1, 3), strict=True)
    np.testing.assert_allclose(found.ravel(), [cosine(*pair) for pair in rows])
    assert 1 - found.mean() == pytest.approx(neighbour_loss(a, t)[0])
    with pytest.raises(ShapeError, match=r"cosines: a .* must have one shape"):
        cosines(a, t[:, :2])


# with a mask


@pytest.mark.parametrize("shape", [(1, 7, 3), (1, 4, 5, 3), (2, 3, 4, 2, 3)])
def test_a_masked_loss_is_a_weighted_mean(shape):
    rng = np.random.default_rng(20)
    (a, t), mask = rng.standard_normal((2, *shape)), rng.uniform(0, 1, shape[1:-1])
    value, grad = neighbour_loss(a, t, mask)
    rows = zip(a.reshape(-1, 3), t.reshape(-1, 3), strict=True)
    weights = np.broadcast_to(mask, shape[:-1]).ravel()
    expected = np.average([1 - cosine(*pair) for pair in rows], weights=weights)
    assert value == pytest.approx(expected)
    check_gradient(lambda v: neighbour_loss(v, t, mask)[0], a, grad).raise_if_wrong()
