import numpy as np
import pytest

from nst_numpy.errors import NonFiniteError, SettingError
from nst_numpy.pictures.images import preprocess
from nst_numpy.pictures.palette import luminance, match_colors
from nst_numpy.settings import Settings
from nst_numpy.style_transfer import Run
from nst_numpy.video import painting
from nst_numpy.video.clips import Window, look_through
from nst_numpy.video.consistency import drift, warping_error
from nst_numpy.video.job import split_settings
from nst_numpy.video.painting import Painter, VideoSettings
from tests.video.tiny import QUICK, tiny_clip, tiny_network, tiny_painting


def painter(finder=None, **changed):
    ours, others = split_settings(QUICK | changed)
    return Painter(
        tiny_network(), tiny_painting(), Settings(**others), VideoSettings(**ours), finder
    )


def paint(clip, **changed):
    each = painter(**changed)
    return [each.paint(frame) for frame in clip.frames]


def test_the_first_frame_is_that_of_an_ordinary_run():
    clip = tiny_clip(1)
    settings = Settings(**split_settings(QUICK)[1])
    alone = Run(settings, tiny_network(), clip.frames[0], tiny_painting()).go()
    np.testing.assert_array_equal(paint(clip)[0], alone.image)


def test_with_the_flow_frames_are_more_alike_than_each_alone():
    clip = tiny_clip(4, 1.5)
    masks = [clip.finder(*pair)[1] for pair in zip(clip.frames, clip.frames[1:], strict=False)]
    start = {"init": "noise", "iterations": 12}
    error = {
        name: warping_error(paint(clip, **start, **changed), clip.flows, masks)
        for name, changed in {
            "held": {"finder": clip.finder},
            "alone": {"carried": False, "temporal": 0.0, "seed": 1},
        }.items()
    }
    assert error["held"] < 0.5 * error["alone"]


def test_each_part_can_be_left_out_and_has_its_effect():
    clip = tiny_clip(3, 1.5)
    whole = {"finder": clip.finder, "temporal": 1.0, "iterations": 1, "steps": 4}
    frames = paint(clip, **whole)
    without = (
        *({"temporal": 0.0}, {"carried": False}, {"hold_brightness": False}, {"steps": 1}),
        {"finder": None},
    )
    for part in without:
        other = paint(clip, **whole | part)
        np.testing.assert_array_equal(other[0], frames[0])
        assert (other[1] != frames[1]).any(), part


def test_a_still_does_not_move():
    clip = tiny_clip(1)
    frames = paint(look_through(clip.frames[0], [Window()] * 12, (16, 24)))
    assert drift(frames) == (0, 0)


def test_a_still_with_grain_hardly_moves():
    still, rng = tiny_clip(1).frames[0].astype(int), np.random.default_rng(2)
    grainy = [np.clip(still + rng.integers(-2, 3, still.shape), 0, 255) for _ in range(12)]
    each = painter(iterations=20)
    frames = [each.paint(frame.astype(np.uint8)) for frame in grainy]
    pixels, brightness = drift(frames)
    assert pixels < 3  # the difference of two grainy frames is 1.6; without the loss it is added
    assert abs(brightness) < 1


def test_brightness_follows_the_source_and_nothing_else():
    still = tiny_clip(1).frames[0]
    darker = np.clip(still.astype(int) - 12, 0, 255).astype(np.uint8)
    change = luminance(darker).mean() - luminance(still).mean()
    for finder in (None, lambda *_: (np.zeros((16, 24, 2)), np.ones((16, 24, 1)))):
        each = painter(finder, temporal=0.0, steps=6)
        frames = [each.paint(frame) for frame in (still, darker)]
        assert drift(frames)[1] == pytest.approx(change, abs=1.0)


def test_after_a_cut_everything_begins_anew():
    one, two = tiny_clip(1).frames[0], tiny_painting()[:16]
    flow, mask = np.zeros((16, 24, 2)), np.zeros((16, 24, 1))
    each = painter(lambda *_: (flow, mask))
    each.paint(one)
    np.testing.assert_array_equal(each.paint(two), painter().paint(two))


def test_following_a_painted_frame_is_as_good_as_painting_it():
    clip = tiny_clip(3)
    frames = paint(clip, temporal=1.0)
    again = painter(temporal=1.0)
    for source, painted in zip(clip.frames[:2], frames, strict=False):
        again.follow(source, painted)
    np.testing.assert_array_equal(again.paint(clip.frames[2]), frames[2])


def test_a_frame_stops_when_it_is_as_good_as_the_first(monkeypatch):
    clip = tiny_clip(2, 0.5)
    done = []
    monkeypatch.setattr(painting, "AS_GOOD", 1e9)
    each = painter()
    each.paint(clip.frames[0])
    each.paint(clip.frames[1], [done.append])
    assert done == []


def test_the_interrupt_of_a_frame_leaves_the_painter_as_it_was():
    clip = tiny_clip(2)
    frames = paint(clip, temporal=1.0)
    each = painter(temporal=1.0)
    each.paint(clip.frames[0])

    def interrupt(_):
        raise KeyboardInterrupt("stopped by Ctrl-C")

    with pytest.raises(KeyboardInterrupt, match="stopped by Ctrl-C"):
        each.paint(clip.frames[1], [interrupt])
    np.testing.assert_array_equal(each.paint(clip.frames[1]), frames[1])


def test_a_frame_that_is_not_finite_is_an_error(monkeypatch):
    def broken(self, x):
        return float("nan"), x

    monkeypatch.setattr("nst_numpy.objective.Objective.__call__", broken)
    with pytest.raises(NonFiniteError):
        painter().paint(tiny_clip(1).frames[0])


def test_frames_of_two_sizes():
    each = painter()
    each.paint(tiny_clip(1).frames[0])
    with pytest.raises(SettingError, match="24×12 pixels, and the one before 24×16"):
        each.paint(tiny_clip(1, size=(12, 24)).frames[0])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"flow": "raft"}, "flow must be one of dis, none, not 'raft'"),
        ({"temporal": -1}, "temporal must be a finite number of at least 0, not -1"),
        ({"steps": 0}, "steps must be at least 1, not 0"),
        ({"fps": 0}, "fps must be from 0.01 to 1000, not 0"),
        ({"most": 0}, "most must be at least 1, not 0"),
    ],
)
def test_settings_that_cannot_work(wrong, message):
    with pytest.raises(SettingError, match=f"^{message}"):
        VideoSettings(**wrong)


def test_what_comes_into_the_picture_begins_as_the_source_in_other_colours():
    clip = tiny_clip(2, 4.0)
    each = painter(clip.finder)
    painted = each.paint(clip.frames[0])
    expected = each._expect(clip.frames[1]).x[0]
    new = preprocess(match_colors(clip.frames[1], painted))[0]
    known = clip.finder(*clip.frames)[1][..., 0] == 1
    np.testing.assert_array_equal(expected[~known], new[~known])
    np.testing.assert_allclose(expected[:, :20], preprocess(painted)[0, :, 4:], atol=1e-2)
