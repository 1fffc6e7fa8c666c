import re

import numpy as np
import pytest
from PIL import Image

from nst_numpy.errors import ImageError
from nst_numpy.pictures.images import save_image
from nst_numpy.video import sources
from nst_numpy.video.sources import open_movie
from tests.video.tiny import save_clip, tiny_clip


def images(movie):
    return [frame.image for frame in movie.frames()]


def test_a_folder_in_the_order_of_its_numbers(tmp_path):
    frames = tiny_clip(3).frames
    for number, frame in zip((2, 10, 1), frames, strict=True):
        save_image(tmp_path / f"f{number}.png", frame)
    (tmp_path / "notes.txt").write_text("no picture", "utf-8")
    save_image(tmp_path / ".hidden.png", frames[0])
    movie = open_movie(tmp_path)
    assert movie.count == 3
    np.testing.assert_array_equal(images(movie), [frames[2], frames[0], frames[1]])
    assert [frame.seconds for frame in movie.frames()] == [1 / 25] * 3


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_an_animation_and_its_times(tmp_path, kind):
    path = tmp_path / f"clip.{kind}"
    frames = [Image.fromarray(frame) for frame in tiny_clip(3).frames]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[100, 250, 40])
    path = path.rename(tmp_path / "clip.anything")  # told by its bytes
    movie = open_movie(path)
    assert movie.count == 3
    read = list(movie.frames())
    assert [frame.seconds for frame in read] == [0.1, 0.25, 0.04]
    for frame, expected in zip(read, tiny_clip(3).frames, strict=True):
        assert np.abs(frame.image.astype(int) - expected).mean() < 12


def test_a_gif_without_times_has_those_of_browsers(tmp_path):
    frames = [Image.fromarray(frame) for frame in tiny_clip(2).frames]
    frames[0].save(tmp_path / "clip.gif", save_all=True, append_images=frames[1:], duration=0)
    assert [frame.seconds for frame in open_movie(tmp_path / "clip.gif").frames()] == [0.1, 0.1]


def test_size_and_most_and_a_second_time(tmp_path):
    save_clip(tmp_path / "clip.gif", tiny_clip(4))
    movie = open_movie(tmp_path / "clip.gif", 12)
    assert [image.shape for image in images(movie)] == [(8, 12, 3)] * 4
    assert len(list(movie.frames(2))) == 2
    np.testing.assert_array_equal(images(movie), images(movie))


def test_what_is_transparent_is_white(tmp_path):
    frames = [Image.new("RGBA", (8, 8), (0, 0, 0, 0)), Image.new("RGBA", (8, 8), "red")]
    frames[0].save(tmp_path / "clip.png", save_all=True, append_images=frames[1:], duration=50)
    assert images(open_movie(tmp_path / "clip.png"))[0].min() == 255


def make_bad(folder):
    save_image(folder / "still.png", tiny_clip(1).frames[0])
    (folder / "empty.gif").write_bytes(b"")
    (folder / "bare").mkdir()
    save_clip(folder / "clip.gif", tiny_clip(3))
    whole = (folder / "clip.gif").read_bytes()
    (folder / "damaged.gif").write_bytes(b"GIF89a" + bytes(40))
    (folder / "cut.gif").write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.gif", "there is no movie .*missing.gif: give a file, or a folder of frames"),
        ("still.png", "still.png is one picture, not a movie: nst transfer paints it"),
        ("empty.gif", "empty.gif is empty: fetch or save it again"),
        ("bare", "the folder .*bare has no frames: put pictures there, 00001.png"),
        ("damaged.gif", "damaged.gif cannot be read as a movie"),
    ],
)
def test_what_it_says_of_bad_input(tmp_path, name, message):
    make_bad(tmp_path)
    with pytest.raises(ImageError, match=message):
        open_movie(tmp_path / name)


def test_a_movie_that_is_cut_off_says_so_and_gives_what_it_can(tmp_path):
    make_bad(tmp_path)
    read = []
    with pytest.raises(ImageError, match=r"cut\.gif cannot be read as a movie"):
        read.extend(open_movie(tmp_path / "cut.gif").frames())


def test_limits(tmp_path, monkeypatch):
    save_clip(tmp_path / "clip.gif", tiny_clip(4))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    with pytest.raises(ImageError, match=re.escape("frames of more than 200 pixels: shrink it")):
        open_movie(tmp_path / "clip.gif")
    monkeypatch.undo()
    monkeypatch.setattr(sources, "MOST_FRAMES", 3)
    with pytest.raises(ImageError, match="more than 3 frames: cut it, or use --most"):
        open_movie(tmp_path / "clip.gif")
