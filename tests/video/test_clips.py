import numpy as np
import pytest

from nst_numpy.errors import SettingError
from nst_numpy.video.clips import Window, look_through, pan, there_and_back, turn, zoom
from nst_numpy.video.consistency import warping_error
from nst_numpy.video.flow import inside


def smooth(size=80):
    """A still without fine detail, so that resampling loses next to nothing."""
    y, x = np.mgrid[:size, :size]
    waves = [np.sin(x / 9 + k) + np.cos(y / 7 - k) for k in range(3)]
    return np.rint(127.5 + 55 * np.stack(waves, -1)).astype(np.uint8)


@pytest.mark.parametrize(
    "windows",
    [pan(3, 1.5, 0.75), zoom(3, 1.05), turn(3, 4.0), [Window(), Window(3, 2, 5, 1.1)]],
    ids=["pan", "zoom", "turn", "all"],
)
def test_the_flow_carries_each_frame_to_the_next(windows):
    clip = look_through(smooth(), windows, (24, 32))
    masks = [inside(flow)[..., np.newaxis] for flow in clip.flows]
    assert min(mask.mean() for mask in masks) > 0.8
    assert warping_error(clip.frames, clip.flows, masks) < 1  # grey level: two roundings
    still = [np.zeros_like(flow) for flow in clip.flows]
    assert warping_error(clip.frames, still, masks) > 2


def test_the_first_window_is_the_middle_of_the_still():
    still = smooth(20)
    clip = look_through(still, [Window()], (10, 8))
    np.testing.assert_array_equal(clip.frames[0], still[5:15, 6:14])
    assert clip.flows == []


def test_a_pan_to_the_right_sees_more_of_the_right():
    still = smooth(30)
    clip = look_through(still, pan(3, 2.0), (10, 10))
    np.testing.assert_array_equal(clip.frames[2], still[10:20, 12:22])
    # what is seen in a frame was 2 pixels further to the right in the frame before
    np.testing.assert_allclose(clip.flows[0], np.full((10, 10, 2), [2.0, 0.0]), atol=1e-12)


def test_there_and_back_is_a_loop():
    clip = look_through(smooth(), there_and_back(turn(3, 3.0)), (16, 16))
    assert len(clip.frames) == 5
    np.testing.assert_array_equal(clip.frames[0], clip.frames[-1])


def test_the_finder_knows_its_frames_and_no_others():
    clip = look_through(smooth(), pan(3, 1.0), (16, 16))
    flow, mask = clip.finder(clip.frames[1], clip.frames[2])
    np.testing.assert_array_equal(flow, clip.flows[1])
    assert mask[0, :, 0].tolist() == [1.0] * 15 + [0.0]
    with pytest.raises(SettingError, match="no two frames of the clip"):
        clip.finder(clip.frames[2], clip.frames[1])
