import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.video import clips
from nst_numpy.video.flow import carry, dis_flow, inside, trusted


def shift(right, down, size=(6, 8)):
    return np.full((*size, 2), [right, down], dtype=np.float64)


def test_what_moves_by_whole_pixels_is_carried_exactly():
    picture = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    carried = carry(picture, shift(-2, 1))  # each pixel was 2 to the left and 1 below
    np.testing.assert_allclose(carried[:-1, 2:], picture[1:, :-2], atol=1e-9)
    assert carried.dtype == np.float64
    assert carry(picture.astype(np.float32), shift(-2, 1)).dtype == np.float32


def test_half_a_pixel_of_a_ramp():
    ramp = np.broadcast_to(np.arange(8.0)[:, None], (6, 8, 1))
    carried = carry(ramp, shift(0.5, 0))
    np.testing.assert_allclose(carried[:, 2:5, 0], [[2.5, 3.5, 4.5]] * 6, atol=0.05)


def test_a_pixel_from_outside_is_not_trusted():
    assert inside(shift(-1.5, 0))[0].tolist() == [False, False, *[True] * 6]
    mask = trusted(shift(1, 0), shift(-1, 0))
    assert mask.shape == (6, 8, 1)
    assert mask[0, :, 0].tolist() == [0, *[1] * 7]


def test_where_the_two_flows_disagree_something_is_hidden():
    forward, backward = shift(0, 0), shift(0, 0)
    backward[2, 3] = backward[2, 4] = [0, 1.0]  # |forward + backward|² = 1 > 0.01 (0 + 1) + 0.5
    assert trusted(forward, backward)[2, 3:5, 0].tolist() == [0, 0]
    backward[2, 3] = backward[2, 4] = [0, 0.6]  # 0.36 < 0.01 (0 + 0.36) + 0.5, but an edge
    assert trusted(forward, backward)[2, 3:5, 0].tolist() == [0, 0]
    # a flow that changes evenly, by less than the bound of an edge, and slowly: trusted
    gentle = shift(0, 0)
    gentle[..., 0] = 0.02 * np.arange(8)
    assert trusted(-gentle, gentle)[:, :-1].all()


def test_an_edge_of_motion_is_not_trusted():
    backward = shift(0, 0)
    backward[:, 4:, 0] = 0.2  # slope 0.1 or so: 0.01 > 0.01 · 0.04 + 0.002
    forward = -backward
    assert trusted(forward, backward)[3, :, 0].tolist() == [1, 1, 1, 0, 0, 1, 1, 0]


def test_sizes_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"flow \(6, 8, 2\) must be"):
        carry(np.zeros((5, 8, 3)), shift(0, 0))


@pytest.mark.parametrize(
    "windows",
    [clips.pan(2, 1.5, -0.5), clips.zoom(2, 1.03), clips.turn(2, 2.0)],
    ids=["pan", "zoom", "turn"],
)
def test_opencv_finds_a_known_flow(windows):
    pytest.importorskip("cv2")
    clip = clips.look_through("chelsea", windows, (64, 96))
    flow, mask = dis_flow(*clip.frames)
    wrong = np.linalg.norm(flow - clip.flows[0], axis=-1)
    assert mask.mean() > 0.8
    assert (mask[..., 0] * wrong).sum() / mask.sum() < 0.2


def test_frames_that_are_too_small_for_opencv():
    pytest.importorskip("cv2")
    small = np.zeros((12, 40, 3), dtype=np.uint8)
    with pytest.raises(SettingError, match="40×12 pixels are too small"):
        dis_flow(small, small)
