import os

import numpy as np
import pytest
from PIL import Image

from nst_numpy.errors import OutputError, SettingError
from nst_numpy.video.sources import open_movie
from nst_numpy.video.targets import check_gif, check_target, gif_ticks, save_gif, write_gif
from tests.video.tiny import tiny_clip


def test_a_file_has_its_frames_beside_it_and_a_folder_in_itself(tmp_path):
    target = check_target(tmp_path / "a.gif")
    assert (target.frames, target.keeps_frames) == (tmp_path / "a-frames", False)
    target = check_target(tmp_path / "a.gif", tmp_path / "mine")
    assert (target.frames, target.keeps_frames) == (tmp_path / "mine", True)
    target = check_target(tmp_path / "folder")
    assert target.is_folder
    assert sorted(os.listdir(tmp_path)) == ["a-frames", "folder", "mine"]
    (tmp_path / "v1.0").mkdir()
    assert check_target(tmp_path / "v1.0").is_folder


@pytest.mark.parametrize(
    ("out", "frames", "message"),
    [
        ("a.doc", None, r"the suffix \.doc names no format of movies: use \.gif, \.mp4"),
        ("missing/a.gif", None, "the folder .*missing does not exist: make it first"),
        ("folder", "other", "is a folder of frames itself: leave out --frames"),
    ],
)
def test_what_cannot_be_written(tmp_path, out, frames, message):
    with pytest.raises(OutputError, match=message):
        check_target(tmp_path / out, frames and tmp_path / frames)


def test_times_are_rounded_so_that_their_sum_is_kept():
    assert sum(gif_ticks([1 / 30] * 90)) == 300
    assert gif_ticks([0.001, 0.1]) == [2, 10]


def test_a_gif_keeps_times_and_what_stands_still_does_not_flicker(tmp_path):
    clip = tiny_clip(2)
    frames = [clip.frames[0], clip.frames[1], clip.frames[0]]
    write_gif(tmp_path / "a.gif", lambda i: frames[i - 1], [0.05, 0.2, 0.1])
    read = list(open_movie(tmp_path / "a.gif").frames())
    assert [frame.seconds for frame in read] == [0.05, 0.2, 0.1]
    np.testing.assert_array_equal(read[0].image, read[2].image)
    with Image.open(tmp_path / "a.gif") as picture:
        assert picture.info["loop"] == 0


def test_a_gif_of_one_frame_and_of_frames_that_are_alike(tmp_path):
    frame = tiny_clip(1).frames[0]
    for count in (1, 3):
        save_gif(tmp_path / "a.gif", [frame] * count, 0.1)
        read = list(open_movie(tmp_path / "a.gif").frames())
        assert sum(each.seconds for each in read) == pytest.approx(0.1 * count)
    with pytest.raises(SettingError, match="there are no frames"):
        save_gif(tmp_path / "a.gif", [])


def test_nothing_is_left_of_a_movie_that_fails(tmp_path):
    def load(number):
        raise OSError("gone")

    with pytest.raises(OutputError):
        check_target(tmp_path / "a.gif").write(load, [0.1])
    assert os.listdir(tmp_path) == ["a-frames"]


def test_a_gif_that_is_too_large_for_memory():
    check_gif(100, (512, 512, 3))
    with pytest.raises(OutputError, match="a GIF of 5000 frames of 512×512 pixels is too large"):
        check_gif(5000, (512, 512, 3))
