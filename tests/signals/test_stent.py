import numpy as np
import pytest

from nst_numpy.errors import ShapeError, SignalError, UnknownNameError
from nst_numpy.signals import load_ct, stent
from tests.signals.conftest import wires


@pytest.fixture(scope="module")
def volume():
    return wires()


def test_the_stent_is_what_hangs_together_with_metal():
    volume = np.zeros((4, 4, 4), dtype=int)
    volume[0, 0, 0], volume[0, 0, 1], volume[1, 1, 2] = 1600, 700, 650  # a corner is enough
    volume[3, 3, 3] = 1400  # as bright as bone can be
    marked = stent.find_stent(volume)
    assert np.argwhere(marked).tolist() == [[0, 0, 0], [0, 0, 1], [1, 1, 2]]


def test_counts_in_blocks_are_sums(volume):
    mask = volume > 50
    corners = np.array([[0, 0, 0], [3, 7, 11], [46, 26, 26]])
    expected = [mask[a : a + 14, b : b + 14, c : c + 14].sum() for a, b, c in corners]
    assert stent.count_in_blocks(mask, corners).tolist() == expected


def test_regions_do_not_touch(volume):
    (a, b), (c, d) = stent.regions(volume)
    assert (a, d) == (0, 60)
    assert c - b == stent.GAP
    # the last level of a block of the lower region, and the first of the upper one
    lower = stent.dense_corners(volume, (a, b), (1, 4, 4))[:, 0].max() + stent.SIZE[0]
    upper = stent.dense_corners(volume, (c, d), (1, 4, 4))[:, 0].min()
    assert upper - lower >= stent.GAP


def test_ranks_leave_no_brightness():
    rng = np.random.default_rng(0)
    blocks = np.stack([rng.integers(0, 3, (4, 4, 4)), rng.integers(0, 900, (4, 4, 4))])
    ranks = stent.equalise(blocks.astype(np.float32), rng)
    np.testing.assert_array_equal(np.sort(ranks[0].ravel()), np.sort(ranks[1].ravel()))
    order = np.argsort(ranks[1].ravel())
    assert (np.diff(blocks[1].ravel()[order]) >= 0).all()


def test_examples_of_both_tasks(volume):
    halves, rng = stent.regions(volume), np.random.default_rng(0)
    for make in (stent.lean_examples, stent.find_examples):
        examples = make(volume, halves[0], rng, 40)
        assert examples.x.shape[1:] == stent.SIZE
        assert examples.x.dtype == np.float32
        assert examples.y.mean() == 0.5


def test_errors(volume):
    with pytest.raises(ShapeError, match=r"find_stent: a volume must be \(D, H, W\)"):
        stent.find_stent(np.zeros((3, 3)))
    with pytest.raises(SignalError, match="find_stent: nothing in the volume reaches 1500"):
        stent.find_stent(np.zeros((3, 3, 3)))
    with pytest.raises(ShapeError, match="regions: 20 levels are too few"):
        stent.regions(np.zeros((20, 20, 20)))
    with pytest.raises(ShapeError, match=r"regions: a volume must be .* each at least 14"):
        stent.regions(np.zeros((60, 5, 20)))
    with pytest.raises(UnknownNameError, match="unknown task 'leans': did you mean lean"):
        stent.compare_on_volume(volume, "leans")
    metal_above = np.where(np.arange(60)[:, None, None] < 40, 0, volume)
    with pytest.raises(SignalError, match="find_examples: levels 0 to 29 have 0 blocks"):
        stent.find_examples(metal_above, (0, 30), np.random.default_rng(0), 5)


def test_the_real_volume():
    volume = load_ct()
    marked = stent.find_stent(volume)
    assert marked.sum() == 13193
    # the vertebra's edge is dense and not stent
    assert not marked[:, 100:].any()
    assert stent.regions(volume) == ((0, 121), (135, 256))
    corners = stent.dense_corners(volume, (135, 256), (14, 14, 14))
    assert len(corners) > 20
    assert corners[:, 0].min() >= 135
    assert corners[:, 0].max() + 14 <= 256
