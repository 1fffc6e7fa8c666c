import numpy as np
import pytest

from nst_numpy.errors import ShapeError
from nst_numpy.video.consistency import drift, warping_error


def plain(value, size=(4, 5)):
    return np.full((*size, 3), value, dtype=np.uint8)


def test_the_warping_error_by_hand():
    flow, mask = np.zeros((4, 5, 2)), np.ones((4, 5, 1))
    assert warping_error([plain(10), plain(13)], [flow], [mask]) == pytest.approx(3)
    frames = [plain(10), plain(13), plain(17)]
    assert warping_error(frames, [flow] * 2, [mask] * 2) == pytest.approx(np.sqrt((9 + 16) / 2))


def test_what_is_masked_does_not_count():
    after, mask = plain(10), np.ones((4, 5, 1))
    after[0] = 255
    mask[0] = 0
    assert warping_error([plain(10), after], [np.zeros((4, 5, 2))], [mask]) == pytest.approx(0)


def test_drift_of_pixels_and_of_brightness():
    last = plain(100)
    last[:2] += 4
    last[2:] -= 4
    pixels, brightness = drift([plain(100), plain(0), last])
    assert pixels == 4
    assert brightness == pytest.approx(0)
    assert drift([plain(100), plain(103)]) == (3, pytest.approx(3))


def test_each_frame_but_the_first_needs_a_flow():
    with pytest.raises(ShapeError, match="2 frames need one flow and one mask"):
        warping_error([plain(0), plain(0)], [], [])
