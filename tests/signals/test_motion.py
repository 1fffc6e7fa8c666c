import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.signals import load_movie, motion
from nst_numpy.signals.drift import measure_drift
from nst_numpy.training.sequential import Sequential
from tests.signals.conftest import pan


@pytest.mark.parametrize("right", [1, -1])
def test_a_pan_is_labelled_by_its_direction(right):
    grey = motion.to_grey(pan(right))
    blocks = motion.cut_blocks(grey, (0, 64), motion.STRIDES["test"])
    drift, _, _ = measure_drift(blocks)
    assert (np.sign(drift[:, 1]) == right).all()
    shift = motion.second_opinion(blocks)
    # seven steps of one pixel are more than it looks for: it stops at its reach or finds less
    assert (np.sign(shift[:, 1]) == right).mean() > 0.8


def test_the_second_opinion_finds_whole_shifts():
    frame = np.random.default_rng(0).random((30, 30))
    blocks = np.stack(
        [
            np.stack([frame[6:24, 6:24], frame[6 - i : 24 - i, 6 - j : 24 - j]])
            for i, j in ((0, 3), (-4, 1))
        ]
    )
    assert motion.second_opinion(blocks).tolist() == [[0, 3], [-4, 1]]


def test_regions_share_no_column_and_training_blocks_stay_inside():
    (a, b), (c, d) = motion.regions(160)
    assert c - b == motion.GAP
    numbered = np.broadcast_to(np.arange(160.0), (36, 120, 160))
    left = motion.cut_blocks(numbered, (a, b), motion.STRIDES["train"])
    right = motion.cut_blocks(numbered, (c, d), motion.STRIDES["test"])
    assert left.max() < b
    assert right.min() >= c


def test_the_real_movie():
    grey = motion.to_grey(load_movie())
    assert grey.shape == (36, 120, 160)
    assert motion.make_folds(grey)[0][1].y.mean() == 0.5
    share, blocks = motion.agreement(load_movie())
    assert blocks > 100
    assert share > 0.95


def test_a_network_takes_clips_of_any_length():
    net = Sequential(motion.networks()[0], (*motion.SIZE, 1))
    assert 0 <= motion.on_longer_clips(net, load_movie(), 12) <= 1
    with pytest.raises(SettingError, match="on_longer_clips: frames must be 8 … 36, not 40"):
        motion.on_longer_clips(net, load_movie(), 40)


@pytest.mark.parametrize(
    "shape", [(36, 120, 160), (7, 120, 160, 3), (36, 120, 47, 3), (8, 16, 48, 4)]
)
def test_what_is_no_movie_is_refused(shape):
    with pytest.raises(ShapeError, match=r"to_grey: a movie must be \(frames, H, W, 3\)"):
        motion.to_grey(np.zeros(shape, dtype=np.uint8))
